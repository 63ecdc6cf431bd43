//! Who calls, and where: the credential scope of a signed request.

use bytes::Bytes;
use http::Request;

use super::Refusal;

const ALGORITHM: &str = "AWS4-HMAC-SHA256 ";

/// The part of a Signature Version 4 that a service learns its caller and region from.
///
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html>
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// The caller's access key id.
    pub access_key: String,
    /// The region that the request was signed for, which is the endpoint's own.
    pub region: String,
}

impl Scope {
    /// Reads the scope, which must name `service` and the day that `x-amz-date` shows.
    pub(super) fn of(request: &Request<Bytes>, service: &str) -> Result<Self, Refusal> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let authorization = header("authorization").ok_or_else(|| {
            Refusal::client(
                "MissingAuthenticationTokenException",
                "Missing Authentication Token",
            )
        })?;
        let incomplete = |what: &str| Refusal::client("IncompleteSignatureException", what);
        let parts = authorization
            .strip_prefix(ALGORITHM)
            .ok_or_else(|| incomplete("Authorization is not AWS4-HMAC-SHA256"))?;
        let part = |name: &str| {
            parts
                .split(',')
                .find_map(|part| part.trim().strip_prefix(name)?.strip_prefix('='))
        };

        let signature = part("Signature").unwrap_or_default();
        if signature.len() != 64 || !signature.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(incomplete(
                "Authorization requires a Signature of 64 hexadecimal digits",
            ));
        }
        if !part("SignedHeaders")
            .unwrap_or_default()
            .split(';')
            .any(|name| name == "host")
        {
            return Err(incomplete("the host header must be a signed header"));
        }
        let credential = part("Credential").unwrap_or_default();
        let [access_key, day, region, scoped, "aws4_request"] = credential.split('/').collect::<Vec<_>>()[..]
        else {
            return Err(incomplete(
                "Credential must have exactly five parts and end in aws4_request",
            ));
        };
        if access_key.is_empty() || region.is_empty() {
            return Err(incomplete("Credential names no access key or no region"));
        }
        if header("x-amz-date").is_none_or(|date| date.split('T').next() != Some(day)) {
            return Err(incomplete(
                "Date in Credential scope does not match the x-amz-date header",
            ));
        }
        if scoped != service {
            let message = format!("Credential should be scoped to correct service: '{service}'.");
            return Err(Refusal::client("InvalidSignatureException", message));
        }
        Ok(Self {
            access_key: access_key.to_owned(),
            region: region.to_owned(),
        })
    }
}
