//! A subject token of AWS: a `GetCallerIdentity` request, signed for Google's eyes and never sent to AWS by the caller.
//!
//! <https://google.aip.dev/auth/4117> (2026-11-20). Google sends the request on, so that AWS checks its signature; no
//! simulator knows a secret key, so the signature's form is all that is checked here.

use std::collections::BTreeMap;

use chrono::NaiveDateTime;
use serde::Deserialize;

/// The header that ties the request to one provider, so that it is of no use elsewhere.
const TARGET: &str = "x-goog-cloud-target-resource";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignedRequest {
    url: String,
    method: String,
    headers: Vec<Header>,
    body: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    key: String,
    value: String,
}

/// That `token` is a request of the right form for the provider `audience`, or what is wrong with it.
pub(super) fn verify(token: &str, audience: &str) -> Result<(), &'static str> {
    let request = read(token).ok_or("not URL-encoded JSON of a request")?;
    if request.method != "POST" || request.body.is_some_and(|body| !body.is_empty()) {
        return Err("the method must be POST, without a body");
    }
    let (host, query) = request
        .url
        .strip_prefix("https://")
        .and_then(|rest| rest.split_once('?'))
        .ok_or("the URL must be https, with a query")?;
    let host = host.trim_end_matches('/');
    let region = region(host).ok_or("the URL is not of AWS STS")?;
    if query != "Action=GetCallerIdentity&Version=2011-06-15" {
        return Err("the URL does not ask for GetCallerIdentity");
    }
    let mut headers = BTreeMap::new();
    for header in request.headers {
        if headers
            .insert(header.key.to_ascii_lowercase(), header.value)
            .is_some()
        {
            return Err("a header is given twice");
        }
    }
    let header = |name: &str| headers.get(name).map(String::as_str);
    if header("host") != Some(host) {
        return Err("the host header is not the URL's host");
    }
    if header(TARGET) != Some(audience) {
        return Err("the target resource is not the audience");
    }
    let date = header("x-amz-date").ok_or("there is no x-amz-date")?;
    if NaiveDateTime::parse_from_str(date, "%Y%m%dT%H%M%SZ").is_err() {
        return Err("x-amz-date is not a time");
    }
    let authorization = header("authorization").ok_or("there is no authorization")?;
    verify_signature(
        authorization,
        region,
        date,
        header("x-amz-security-token").is_some(),
    )
}

/// That the request says which key signed what, with a signature of the right form.
fn verify_signature(
    authorization: &str,
    region: &str,
    date: &str,
    has_session: bool,
) -> Result<(), &'static str> {
    let parts = authorization
        .strip_prefix("AWS4-HMAC-SHA256 ")
        .ok_or("the authorization is not AWS4-HMAC-SHA256")?;
    let part = |name: &str| {
        parts
            .split(',')
            .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
            .unwrap_or_default()
    };
    let day = date.split('T').next().unwrap_or_default();
    let scope = format!("/{day}/{region}/sts/aws4_request");
    if part("Credential").strip_suffix(&scope).is_none_or(str::is_empty) {
        return Err("the credential's scope is not this day's, in this region's STS");
    }
    let signed: Vec<_> = part("SignedHeaders").split(';').collect();
    let wanted = ["host", "x-amz-date", TARGET];
    let session = has_session.then_some("x-amz-security-token");
    if wanted
        .into_iter()
        .chain(session)
        .any(|name| !signed.contains(&name))
    {
        return Err("a header that must be signed is not");
    }
    let signature = part("Signature");
    if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err("the signature is not 64 hexadecimal digits");
    }
    Ok(())
}

/// The token is encoded as one value of a query would be.
fn read(token: &str) -> Option<SignedRequest> {
    let mut decoded = form_urlencoded::parse(token.as_bytes());
    let (json, rest) = decoded.next()?;
    (rest.is_empty() && decoded.next().is_none())
        .then(|| serde_json::from_str(&json).ok())
        .flatten()
}

/// The region that requests to this host of AWS STS are signed for.
fn region(host: &str) -> Option<&str> {
    if host == "sts.amazonaws.com" {
        return Some("us-east-1");
    }
    let region = host.strip_prefix("sts.")?.strip_suffix(".amazonaws.com")?;
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (!region.is_empty() && region.chars().all(fits)).then_some(region)
}
