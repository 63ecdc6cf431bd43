use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_marketplacemetering::config::{Credentials, Region, SharedCredentialsProvider};
use platform::FaultKind;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::gcp_google::*;
use super::scripted::{SECRET, TOKEN};
use crate::{Gcp, Sent};

const AUDIENCE: &str =
    "//iam.googleapis.com/projects/123/locations/global/workloadIdentityPools/meterbridge/providers/aws";

const IMPERSONATION: &str = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/r@a.iam.gserviceaccount.com:generateAccessToken";

/// A configuration as Google's console gives it for AWS.
fn configuration() -> Value {
    json!({
        "type": "external_account",
        "audience": AUDIENCE,
        "subject_token_type": "urn:ietf:params:aws:token-type:aws4_request",
        "token_url": "https://sts.googleapis.com/v1/token",
        "credential_source": {
            "environment_id": "aws1",
            "region_url": "http://169.254.169.254/latest/meta-data/placement/availability-zone",
            "url": "http://169.254.169.254/latest/meta-data/iam/security-credentials",
            "regional_cred_verification_url": "https://sts.{region}.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        },
    })
}

fn impersonating() -> Value {
    let mut configuration = configuration();
    configuration["service_account_impersonation_url"] = json!(IMPERSONATION);
    configuration
}

/// The federation's token, and the service account's for it.
fn google() -> Google {
    Google::replies([]).with_tokens(|call| match call.url.as_str() {
        "https://sts.googleapis.com/v1/token" => given("ya29.federated"),
        IMPERSONATION => answer(
            200,
            &json!({"accessToken": "ya29.account", "expireTime": "2026-11-20T15:05:00Z"}),
        ),
        other => panic!("{other}"),
    })
}

async fn sink(google: &Google, secret: &Value) -> Gcp {
    google.sink_of(secret, Duration::from_secs(900)).await
}

fn with(google: &Google, sdk_config: &SdkConfig) -> Gcp {
    let secret = SecretString::from(configuration().to_string());
    google.sink_with(Ok(&secret), sdk_config, Duration::from_secs(900))
}

/// The subject token, decoded; its headers are a list of keys and values.
fn subject(call: &Call) -> Value {
    let encoded = call.field("subject_token").unwrap();
    assert!(!encoded.contains(['{', '"', ' ', '+', '&']), "{encoded}");
    let query = format!("json={encoded}");
    let (_, json) = form_urlencoded::parse(query.as_bytes()).next().unwrap();
    serde_json::from_str(&json).unwrap()
}

fn header(subject: &Value, name: &str) -> Option<String> {
    let headers = subject["headers"].as_array().unwrap();
    let mut values = headers.iter().filter(|header| header["key"] == name);
    let value = values
        .next()
        .map(|header| header["value"].as_str().unwrap().to_owned());
    assert!(values.next().is_none(), "{name} is told once");
    value
}

fn signature(signed: &str, signature: &str) -> Option<String> {
    Some(format!(
        "AWS4-HMAC-SHA256 Credential=AKIAEXAMPLE/20261120/{signed}, Signature={signature}"
    ))
}

#[tokio::test(start_paused = true)]
async fn an_aws_identity_is_traded_for_a_token_by_a_signed_request() {
    let google = google();
    let sent = sink(&google, &configuration()).await.send(records(1)).await;
    assert_eq!(all(&sent), ["A"]);
    let [call] = google.asked().try_into().unwrap();
    let fields = [
        ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
        ("audience", AUDIENCE),
        ("scope", "https://www.googleapis.com/auth/servicecontrol"),
        (
            "requested_token_type",
            "urn:ietf:params:oauth:token-type:access_token",
        ),
        (
            "subject_token_type",
            "urn:ietf:params:aws:token-type:aws4_request",
        ),
    ];
    for (name, value) in fields {
        assert_eq!(call.field(name).as_deref(), Some(value));
    }
    assert_eq!(google.reports()[0].authorization, "Bearer ya29.federated");
}

/// The signatures are botocore's of the same request.
#[tokio::test(start_paused = true)]
async fn the_signed_request_is_the_one_that_aws_expects() {
    let google = google();
    sink(&google, &configuration()).await.send(records(1)).await;
    let subject = subject(&google.asked()[0]);
    assert_eq!(
        subject["url"],
        "https://sts.us-east-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15"
    );
    assert_eq!(subject["method"], "POST");
    assert_eq!(subject["headers"].as_array().unwrap().len(), 5);
    assert_eq!(
        header(&subject, "host").as_deref(),
        Some("sts.us-east-1.amazonaws.com")
    );
    assert_eq!(
        header(&subject, "x-amz-date").as_deref(),
        Some("20261120T140500Z")
    );
    assert_eq!(header(&subject, "x-amz-security-token").as_deref(), Some(TOKEN));
    assert_eq!(
        header(&subject, "x-goog-cloud-target-resource").as_deref(),
        Some(AUDIENCE)
    );
    assert_eq!(
        header(&subject, "authorization"),
        signature(
            "us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource",
            "585e812c0647c2684a62c86294af4363e4100b8f440bdbf63827396d89ef6e9e",
        )
    );
}

#[tokio::test(start_paused = true)]
async fn it_is_signed_in_the_functions_own_region() {
    let google = google();
    let config = google
        .sdk_config()
        .await
        .into_builder()
        .region(Region::new("eu-west-1"));
    with(&google, &config.build()).send(records(1)).await;
    let subject = subject(&google.asked()[0]);
    assert_eq!(
        header(&subject, "host").as_deref(),
        Some("sts.eu-west-1.amazonaws.com")
    );
    assert_eq!(
        header(&subject, "authorization"),
        signature(
            "eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-goog-cloud-target-resource",
            "abe2449961ba382b9309e5a48b7cc940e8c6ce97503960ff10a5532167bcc136",
        )
    );
}

#[tokio::test(start_paused = true)]
async fn lasting_credentials_are_told_without_a_session() {
    let google = google();
    let lasting = Credentials::new("AKIAEXAMPLE", SECRET, None, None, "test");
    let config = google
        .sdk_config()
        .await
        .into_builder()
        .credentials_provider(SharedCredentialsProvider::new(lasting));
    with(&google, &config.build()).send(records(1)).await;
    let subject = subject(&google.asked()[0]);
    assert_eq!(header(&subject, "x-amz-security-token"), None);
    assert_eq!(
        header(&subject, "authorization"),
        signature(
            "us-east-1/sts/aws4_request, SignedHeaders=host;x-amz-date;x-goog-cloud-target-resource",
            "aedd26736c7368b61278f6b9725b62af35ff8a0343c8397898f89864f33fe804",
        )
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_account_is_impersonated_where_the_configuration_names_one() {
    let google = google();
    let sent = sink(&google, &impersonating()).await.send(records(2)).await;
    assert_eq!(all(&sent), ["A", "A"]);
    let [exchange, impersonation] = google.asked().try_into().unwrap();
    assert_eq!(
        exchange.field("scope").as_deref(),
        Some("https://www.googleapis.com/auth/cloud-platform"),
        "else the token could not stand in for the account"
    );
    assert_eq!(
        (impersonation.authorization.as_str(), impersonation.sensitive),
        ("Bearer ya29.federated", true)
    );
    let body = json!({"scope": ["https://www.googleapis.com/auth/servicecontrol"], "lifetime": "3600s"});
    assert_eq!(impersonation.body, body);
    assert_eq!(google.reports()[0].authorization, "Bearer ya29.account");
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_by_a_new_proof() {
    let late = Reply::After(Duration::from_secs(2), Box::new(error(401, "UNAUTHENTICATED")));
    let google = Google::replies([late]).with_tokens(|_| given("ya29.any"));
    let sent = sink(&google, &configuration()).await.send(records(1)).await;
    assert_eq!(all(&sent), ["LA"]);
    let [first, second] = google.asked().try_into().unwrap();
    let dates = [&first, &second].map(|call| header(&subject(call), "x-amz-date").unwrap());
    assert_eq!(
        dates,
        ["20261120T140500Z", "20261120T140502Z"],
        "each dated by its own moment"
    );
}

/// Nothing left, and the one fault repeats no secret.
fn unsent(google: &Google, sent: &Sent, kind: FaultKind) -> String {
    assert!(all(sent).iter().all(|letters| letters == "L"), "{sent:?}");
    assert_eq!((google.reports().len(), sent.faults.len()), (0, 1));
    assert_eq!(sent.faults[0].kind, kind);
    let said = format!("{sent:?}");
    assert!(
        !said.contains(SECRET) && !said.contains(TOKEN) && !said.contains("ya29"),
        "{said}"
    );
    sent.faults[0].message.clone()
}

#[tokio::test(start_paused = true)]
async fn an_exchange_that_is_refused_is_told_by_its_code_alone() {
    let google = Google::replies([]).with_tokens(|call| {
        let quoted = format!("AWS said: x-amz-security-token:{TOKEN}, of {}", call.text);
        answer(
            400,
            &json!({"error": "invalid_grant", "error_description": quoted}),
        )
    });
    let sent = sink(&google, &impersonating()).await.send(records(1)).await;
    let said = unsent(&google, &sent, FaultKind::Unauthorized);
    assert!(
        said.contains("sts.googleapis.com answered HTTP 400 invalid_grant"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn an_impersonation_that_is_refused_is_told_by_its_code_alone() {
    let google = Google::replies([]).with_tokens(|call| match call.authorization.as_str() {
        "" => given("ya29.federated"),
        bearer => answer(
            403,
            &json!({"error": {"code": 403, "message": bearer, "status": "PERMISSION_DENIED"}}),
        ),
    });
    let sent = sink(&google, &impersonating()).await.send(records(1)).await;
    let said = unsent(&google, &sent, FaultKind::Unauthorized);
    assert!(
        said.contains("iamcredentials.googleapis.com answered HTTP 403 PERMISSION_DENIED"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn without_aws_credentials_or_a_region_nothing_can_be_proven() {
    let google = google();
    let mut builder = google.sdk_config().await.into_builder();
    builder.set_credentials_provider(None);
    let sent = with(&google, &builder.build()).send(records(1)).await;
    assert!(unsent(&google, &sent, FaultKind::Unauthorized).contains("no AWS credentials"));

    let mut builder = google.sdk_config().await.into_builder();
    builder.set_region(None);
    let sent = with(&google, &builder.build()).send(records(1)).await;
    assert!(unsent(&google, &sent, FaultKind::Misconfigured).contains("AWS_REGION"));
    assert_eq!(google.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_configuration_that_is_not_for_aws_or_sends_proofs_astray_is_refused() {
    let cases: [(&str, Value, &str); 6] = [
        (
            "/subject_token_type",
            json!("urn:ietf:params:oauth:token-type:jwt"),
            "only AWS's",
        ),
        ("/credential_source/environment_id", json!("aws2"), "only AWS's"),
        (
            "/credential_source",
            json!({"file": "/var/token"}),
            "credential_source",
        ),
        (
            "/token_url",
            json!("http://sts.googleapis.com/v1/token"),
            "neither https nor loopback",
        ),
        (
            "/service_account_impersonation_url",
            json!("ftp://iam"),
            "neither https nor loopback",
        ),
        ("/audience", Value::Null, "audience"),
    ];
    for (field, value, words) in cases {
        let google = google();
        let mut configuration = impersonating();
        *configuration.pointer_mut(field).unwrap() = value;
        let sent = sink(&google, &configuration).await.send(records(1)).await;
        let said = unsent(&google, &sent, FaultKind::Misconfigured);
        assert!(said.contains(words), "{field}: {said}");
        assert_eq!(google.asked().len(), 0);
    }
}
