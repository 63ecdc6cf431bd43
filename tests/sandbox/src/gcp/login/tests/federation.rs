//! Workload identity federation: an AWS role's signed request, a federated token, a service account's.

use super::*;

const PROVIDER: &str =
    "//iam.googleapis.com/projects/123456789012/locations/global/workloadIdentityPools/aws/providers/seller";
const ACCOUNT: &str = "wif@sandbox-project.iam.gserviceaccount.com";
const CLOUD_PLATFORM: &str = "https://www.googleapis.com/auth/cloud-platform";
const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";
const EXCHANGE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

fn world() -> World {
    let world = World::new();
    world.login.trust(PROVIDER, ACCOUNT);
    world
}

/// `GetCallerIdentity` in eu-west-1, with the credentials of a session, as Google's libraries sign it.
fn signed_request() -> Value {
    let signature = "0123456789abcdef".repeat(4);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential=ASIASELLER/20261120/eu-west-1/sts/aws4_request, SignedHeaders=host;x-amz-date;\
         x-amz-security-token;x-goog-cloud-target-resource, Signature={signature}"
    );
    json!({
        "url": "https://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "method": "POST",
        "headers": [
            {"key": "Authorization", "value": authorization},
            {"key": "host", "value": "sts.eu-west-1.amazonaws.com"},
            {"key": "x-amz-date", "value": "20261120T140500Z"},
            {"key": "x-amz-security-token", "value": "session"},
            {"key": "x-goog-cloud-target-resource", "value": PROVIDER},
        ],
    })
}

fn url_encoded(request: &Value) -> String {
    form_urlencoded::byte_serialize(request.to_string().as_bytes()).collect()
}

/// An exchange in which one field is another.
fn exchange_with(world: &World, field: &str, value: &str) -> (u16, Value) {
    let subject_token = url_encoded(&signed_request());
    let mut fields = BTreeMap::from([
        ("grant_type", EXCHANGE),
        ("audience", PROVIDER),
        ("scope", CLOUD_PLATFORM),
        ("requested_token_type", ACCESS_TOKEN),
        ("subject_token_type", AWS_REQUEST),
        ("subject_token", &subject_token),
    ]);
    fields.insert(field, value);
    let fields: Vec<_> = fields.into_iter().collect();
    wire::call(&world.login, &wire::form("/v1/token", &fields))
}

fn federated(world: &World) -> String {
    let (status, body) = exchange_with(world, "scope", CLOUD_PLATFORM);
    assert_eq!(status, 200, "{body}");
    body["access_token"].as_str().unwrap().to_owned()
}

fn impersonate(world: &World, email: &str, token: &str, body: &Value) -> (u16, Value) {
    let path = format!("/v1/projects/-/serviceAccounts/{email}:generateAccessToken");
    wire::call(&world.login, &wire::json(&path, token, &body.to_string()))
}

#[test]
fn a_signed_request_of_aws_is_exchanged_for_a_token_of_the_provider() {
    let world = world();
    let (status, body) = exchange_with(&world, "scope", CLOUD_PLATFORM);
    let expected = json!({
        "access_token": "ya29.sandbox000000001", "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
        "expires_in": 3600,
    });
    assert_eq!((status, body), (200, expected));
    assert_eq!(world.caller("ya29.sandbox000000001").unwrap(), PROVIDER);
    assert_eq!(world.login.counts().exchanges, 1);
}

#[test]
fn an_exchange_may_be_sent_as_json() {
    let world = world();
    let body = json!({
        "grantType": EXCHANGE, "audience": PROVIDER, "scope": CLOUD_PLATFORM, "requestedTokenType": ACCESS_TOKEN,
        "subjectTokenType": AWS_REQUEST, "subjectToken": url_encoded(&signed_request()),
    });
    let request = wire::json("/v1/token", "", &body.to_string());
    assert_eq!(wire::call(&world.login, &request).0, 200);
}

#[test]
fn each_field_of_an_exchange_is_as_documented() {
    let world = world();
    for (field, value, expected) in [
        ("grant_type", GRANT_TYPE, "unsupported_grant_type"),
        ("requested_token_type", AWS_REQUEST, "invalid_request"),
        ("subject_token_type", ACCESS_TOKEN, "invalid_request"),
        ("scope", "", "invalid_scope"),
        (
            "audience",
            "//iam.googleapis.com/projects/1/nothing",
            "invalid_target",
        ),
        ("subject_token", "", "invalid_grant"),
        ("subject_token", "%7B%7D", "invalid_grant"),
        ("options", &"o".repeat(4097), "invalid_request"),
        ("resource", "x", "invalid_request"),
    ] {
        let answer = exchange_with(&world, field, value);
        assert_eq!(error(&answer), is(400, expected), "{field}");
    }
}

#[test]
fn an_exchange_is_sent_without_a_bearer_token() {
    let world = world();
    let request = wire::json("/v1/token", "ya29.x", "{}");
    let answer = wire::call(&world.login, &request);
    assert_eq!(error(&answer), is(400, "invalid_request"));
}

#[test]
fn the_signed_request_is_url_encoded() {
    let world = world();
    let plain = signed_request().to_string();
    let answer = exchange_with(&world, "subject_token", &plain);
    assert_eq!(error(&answer), is(400, "invalid_grant"));
}

#[test]
fn the_signed_request_asks_aws_who_the_caller_is_and_nothing_else() {
    let world = world();
    let changed = |member: &str, value: &str| {
        let mut request = signed_request();
        request[member] = json!(value);
        error(&exchange_with(&world, "subject_token", &url_encoded(&request)))
    };
    let refused = is(400, "invalid_grant");
    for url in [
        "https://sts.eu-west-1.amazonaws.com?Action=AssumeRole&Version=2011-06-15",
        "http://sts.eu-west-1.amazonaws.com?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.eu-west-1.example.com?Action=GetCallerIdentity&Version=2011-06-15",
        "https://sts.eu-west-1.amazonaws.com",
    ] {
        assert_eq!(changed("url", url), refused, "{url}");
    }
    assert_eq!(changed("method", "GET"), refused);
    assert_eq!(changed("body", "Action=GetCallerIdentity"), refused);
}

#[test]
fn every_header_of_the_signed_request_is_there_once_and_right() {
    let world = world();
    let headers = signed_request()["headers"].as_array().unwrap().clone();
    let send = |headers: &[Value]| {
        let mut request = signed_request();
        request["headers"] = json!(headers);
        error(&exchange_with(&world, "subject_token", &url_encoded(&request)))
    };
    let refused = is(400, "invalid_grant");
    for (place, name, value) in [
        (0, "Authorization", "Bearer x"),
        (1, "host", "sts.amazonaws.com"),
        (2, "x-amz-date", "2026-11-20T14:05:00Z"),
        (2, "x-amz-date", "20261121T140500Z"),
        (4, "x-goog-cloud-target-resource", "//iam.googleapis.com/other"),
    ] {
        let mut changed = headers.clone();
        changed[place] = json!({"key": name, "value": value});
        assert_eq!(send(&changed), refused, "{name}");
        changed.remove(place);
        assert_eq!(send(&changed), refused, "{name}");
        let mut doubled = headers.clone();
        doubled.push(headers[place].clone());
        assert_eq!(send(&doubled), refused, "{name}");
    }
}

#[test]
fn the_signature_covers_what_ties_the_request_to_google() {
    let world = world();
    let authorized = |from: &str, to: &str| {
        let mut request = signed_request();
        let before = request["headers"][0]["value"].as_str().unwrap().to_owned();
        request["headers"][0]["value"] = json!(before.replace(from, to));
        exchange_with(&world, "subject_token", &url_encoded(&request)).0
    };
    assert_eq!(authorized("", ""), 200);
    assert_eq!(authorized(";x-goog-cloud-target-resource", ""), 400);
    assert_eq!(authorized(";x-amz-security-token", ""), 400);
    assert_eq!(authorized("host;", ""), 400);
    assert_eq!(authorized("/eu-west-1/", "/us-east-1/"), 400);
    assert_eq!(authorized("/sts/", "/iam/"), 400);
    assert_eq!(authorized("ASIASELLER", ""), 400);
    assert_eq!(authorized("abcdef0123456789", ""), 400);
}

#[test]
fn a_federated_identity_gets_a_token_of_an_account_that_trusts_it() {
    let world = world();
    let federated = federated(&world);
    let body = json!({"scope": [CLOUD_PLATFORM], "lifetime": "300s"});
    let (status, body) = impersonate(&world, ACCOUNT, &federated, &body);
    let expected = json!({"accessToken": "ya29.sandbox000000002", "expireTime": "2026-11-20T14:10:00Z"});
    assert_eq!((status, body), (200, expected));
    assert_eq!(world.caller("ya29.sandbox000000002").unwrap(), ACCOUNT);
    world.clock.advance(TimeDelta::seconds(300));
    assert!(world.caller("ya29.sandbox000000002").is_err());
    assert_eq!(world.login.counts().impersonations, 1);
}

#[test]
fn an_accounts_token_lasts_an_hour_when_nothing_is_said() {
    let world = world();
    let federated = federated(&world);
    let email = ACCOUNT.replace('@', "%40");
    let (_, body) = impersonate(&world, &email, &federated, &json!({"scope": [CLOUD_PLATFORM]}));
    assert_eq!(body["expireTime"], "2026-11-20T15:05:00Z");
}

#[test]
fn an_account_does_not_lend_itself_to_others() {
    let world = world();
    let federated = federated(&world);
    let asked = json!({"scope": [CLOUD_PLATFORM]});
    let status =
        |email: &str, token: &str| impersonate(&world, email, token, &asked).1["error"]["status"].clone();
    assert_eq!(status(ACCOUNT, ""), "UNAUTHENTICATED");
    assert_eq!(status(ACCOUNT, "ya29.unknown"), "UNAUTHENTICATED");
    assert_eq!(status(test_account::EMAIL, &federated), "PERMISSION_DENIED");
    assert_eq!(status("nobody@example.com", &federated), "NOT_FOUND");
    let (_, answer) = exchange_with(&world, "scope", "https://www.googleapis.com/auth/servicecontrol");
    let narrow = answer["access_token"].as_str().unwrap();
    assert_eq!(status(ACCOUNT, narrow), "PERMISSION_DENIED");
    world.login.disable(ACCOUNT, true);
    assert_eq!(status(ACCOUNT, &federated), "PERMISSION_DENIED");
}

#[test]
fn an_accounts_token_is_asked_for_with_scopes_and_a_lifetime_within_an_hour() {
    let world = world();
    let federated = federated(&world);
    for body in [
        json!({}),
        json!({"scope": []}),
        json!({"scope": CLOUD_PLATFORM}),
        json!({"scope": [CLOUD_PLATFORM], "lifetime": "3601s"}),
        json!({"scope": [CLOUD_PLATFORM], "lifetime": "0s"}),
        json!({"scope": [CLOUD_PLATFORM], "lifetime": "-1s"}),
        json!({"scope": [CLOUD_PLATFORM], "lifetime": 300}),
        json!({"scope": [CLOUD_PLATFORM], "delegates": ["projects/-/serviceAccounts/x"]}),
        json!({"scope": [CLOUD_PLATFORM], "other": 1}),
    ] {
        let (status, answer) = impersonate(&world, ACCOUNT, &federated, &body);
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!("INVALID_ARGUMENT")),
            "{body}"
        );
    }
}
