//! The rules of logging in, one a test.

mod federation;

use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;
use crate::gcp::requests::{self as wire, assertion, claims};

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 20 November, 14:05: the test account, and nobody else.
struct World {
    clock: Clock,
    login: GoogleTokens,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T14:05:00Z"));
        let login = GoogleTokens::new(clock.clone());
        login
            .register_service_account(
                test_account::EMAIL,
                test_account::KEY_ID,
                test_account::PUBLIC_KEY,
            )
            .unwrap();
        Self { clock, login }
    }

    fn now(&self) -> i64 {
        self.clock.now().timestamp()
    }

    /// The status and the body of a login with this assertion.
    fn send(&self, assertion: &str) -> (u16, Value) {
        let form = wire::form("/token", &[("grant_type", GRANT_TYPE), ("assertion", assertion)]);
        wire::call(&self.login, &form)
    }

    /// The status and the error of a login whose header and claims are changed so before they are signed.
    fn refused(&self, change: impl FnOnce(&mut Value, &mut Value)) -> (u16, String) {
        let (mut header, mut claims) = claims(self.now());
        change(&mut header, &mut claims);
        error(&self.send(&assertion(&header, &claims)))
    }

    fn token(&self) -> String {
        let (header, claims) = claims(self.now());
        let (status, body) = self.send(&assertion(&header, &claims));
        assert_eq!(status, 200, "{body}");
        body["access_token"].as_str().unwrap().to_owned()
    }

    /// Whom a call with this token comes from.
    fn caller(&self, token: &str) -> Result<String, Code> {
        let request = wire::json("/", token, "");
        self.login.caller(&request).map_err(|refusal| refusal.code)
    }
}

fn error((status, body): &(u16, Value)) -> (u16, String) {
    assert!(body["error_description"].is_string(), "{body}");
    (*status, body["error"].as_str().unwrap().to_owned())
}

fn is(status: u16, error: &str) -> (u16, String) {
    (status, error.to_owned())
}

#[test]
fn a_signed_assertion_gets_a_token_of_an_hour() {
    let world = World::new();
    let (header, claims) = claims(world.now());
    let (status, body) = world.send(&assertion(&header, &claims));
    let expected =
        json!({"access_token": "ya29.sandbox000000001", "expires_in": 3599, "token_type": "Bearer"});
    assert_eq!((status, body), (200, expected));
    assert_eq!(
        world.caller("ya29.sandbox000000001").unwrap(),
        test_account::EMAIL
    );
    world.clock.advance(TimeDelta::seconds(3598));
    assert!(world.caller("ya29.sandbox000000001").is_ok());
    world.clock.advance(TimeDelta::seconds(1));
    assert_eq!(
        world.caller("ya29.sandbox000000001").unwrap_err(),
        Code::Unauthenticated
    );
}

#[test]
fn the_key_file_has_googles_form() {
    let file: Value =
        serde_json::from_str(&test_account::service_account_json("http://127.0.0.1:9/token")).unwrap();
    assert_eq!(file["type"], "service_account");
    assert_eq!(file["client_email"], test_account::EMAIL);
    assert_eq!(file["private_key_id"], test_account::KEY_ID);
    assert_eq!(file["token_uri"], "http://127.0.0.1:9/token");
    let key = file["private_key"].as_str().unwrap();
    assert!(key.starts_with("-----BEGIN PRIVATE KEY-----\n"));
    assert!(key.ends_with("\n-----END PRIVATE KEY-----\n"));
}

#[test]
fn an_assertion_that_was_changed_after_it_was_signed_is_refused() {
    let world = World::new();
    let (header, mut changed) = claims(world.now());
    let signed = assertion(&header, &changed);
    changed["exp"] = json!(world.now() + 3599);
    let other = assertion(&header, &changed);
    let signature = signed.rsplit('.').next().unwrap();
    let (text, _) = other.rsplit_once('.').unwrap();
    assert_eq!(
        error(&world.send(&format!("{text}.{signature}"))),
        is(400, "invalid_grant")
    );
    assert_eq!(error(&world.send(&format!("{text}."))), is(400, "invalid_grant"));
}

#[test]
fn an_assertion_of_another_key_is_refused() {
    let world = World::new();
    let refused = world.refused(|header, _| header["kid"] = json!("another"));
    assert_eq!(refused, is(400, "invalid_grant"));
}

#[test]
fn an_assertion_need_not_name_its_key() {
    let world = World::new();
    let (_, claims) = claims(world.now());
    let (status, _) = world.send(&assertion(&json!({"alg": "RS256"}), &claims));
    assert_eq!(status, 200);
}

#[test]
fn an_assertion_must_be_rs256() {
    let world = World::new();
    for alg in ["none", "HS256", "rs256", "RS512"] {
        let refused = world.refused(|header, _| header["alg"] = json!(alg));
        assert_eq!(refused, is(401, "invalid_client"), "{alg}");
    }
    let refused = world.refused(|header, _| header["typ"] = json!("at+jwt"));
    assert_eq!(refused, is(401, "invalid_client"));
}

#[test]
fn what_is_no_token_is_refused() {
    let world = World::new();
    for text in ["", "a.b", "a.b.c", "a.b.c.d", "e30.e30.e30"] {
        assert_eq!(error(&world.send(text)), is(401, "invalid_client"), "{text}");
    }
}

#[test]
fn an_account_that_is_not_known_is_refused() {
    let world = World::new();
    let refused =
        world.refused(|_, claims| claims["iss"] = json!("nobody@sandbox-project.iam.gserviceaccount.com"));
    assert_eq!(refused, is(400, "invalid_grant"));
}

#[test]
fn an_account_that_is_disabled_is_refused_until_it_is_not() {
    let world = World::new();
    let before = world.token();
    world.login.disable(test_account::EMAIL, true);
    assert_eq!(world.refused(|_, _| {}), is(401, "disabled_client"));
    assert!(world.caller(&before).is_ok());
    world.login.disable(test_account::EMAIL, false);
    world.token();
}

#[test]
fn an_assertion_is_for_the_endpoint_that_it_is_sent_to() {
    let world = World::new();
    let refused = world.refused(|_, claims| claims["aud"] = json!("https://oauth2.googleapis.com/token/"));
    assert_eq!(refused, is(400, "invalid_grant"));
    world.login.serve_at("http://127.0.0.1:9/token");
    assert_eq!(world.refused(|_, _| {}), is(400, "invalid_grant"));
    let (header, mut claims) = claims(world.now());
    claims["aud"] = json!("http://127.0.0.1:9/token");
    assert_eq!(world.send(&assertion(&header, &claims)).0, 200);
}

#[test]
fn an_assertion_holds_for_an_hour_at_most() {
    let world = World::new();
    let refused = world.refused(|_, claims| claims["exp"] = json!(world.now() + 3601));
    assert_eq!(refused, is(400, "invalid_grant"));
    let refused = world.refused(|_, claims| claims["exp"] = json!(world.now()));
    assert_eq!(refused, is(400, "invalid_grant"));
}

#[test]
fn the_callers_clock_may_be_five_minutes_off() {
    let world = World::new();
    let issued = |offset: i64| {
        let (header, claims) = claims(world.now() + offset);
        world.send(&assertion(&header, &claims)).0
    };
    assert_eq!(issued(300), 200);
    assert_eq!(issued(301), 400);
    assert_eq!(issued(-3899), 200);
    assert_eq!(issued(-3900), 400);
}

#[test]
fn times_are_whole_seconds() {
    let world = World::new();
    let refused = world.refused(|_, claims| claims["iat"] = json!(world.now().to_string()));
    assert_eq!(refused, is(401, "invalid_client"));
    let refused = world.refused(|_, claims| claims["exp"] = json!(i64::MAX));
    assert_eq!(refused, is(400, "invalid_grant"));
}

#[test]
fn an_assertion_asks_for_a_scope_that_reports_usage() {
    let world = World::new();
    for scope in [
        json!(null),
        json!(""),
        json!("https://www.googleapis.com/auth/pubsub"),
    ] {
        let refused = world.refused(|_, claims| claims["scope"] = scope.clone());
        assert_eq!(refused, is(400, "invalid_scope"), "{scope}");
    }
    let (header, mut claims) = claims(world.now());
    claims["scope"] =
        json!("https://www.googleapis.com/auth/pubsub https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(world.send(&assertion(&header, &claims)).0, 200);
}

#[test]
fn an_account_logs_in_for_itself_alone() {
    let world = World::new();
    let refused = world.refused(|_, claims| claims["sub"] = json!("owner@example.com"));
    assert_eq!(refused, is(401, "unauthorized_client"));
    let (header, mut claims) = claims(world.now());
    claims["sub"] = json!(test_account::EMAIL);
    assert_eq!(world.send(&assertion(&header, &claims)).0, 200);
}

#[test]
fn the_request_is_a_form_with_both_fields() {
    let world = World::new();
    let refused = |request: &Request<Bytes>| error(&wire::call(&world.login, request));
    let (header, claims) = claims(world.now());
    let assertion = assertion(&header, &claims);
    let grant = ("grant_type", GRANT_TYPE);
    assert_eq!(
        refused(&wire::form("/token", &[grant])),
        is(400, "invalid_request")
    );
    assert_eq!(
        refused(&wire::form("/token", &[("assertion", &assertion)])),
        is(400, "invalid_request")
    );
    assert_eq!(
        refused(&wire::form("/token", &[grant, grant, ("assertion", &assertion)])),
        is(400, "invalid_request")
    );
    let other = [("grant_type", "refresh_token"), ("assertion", &assertion)];
    assert_eq!(
        refused(&wire::form("/token", &other)),
        is(400, "unsupported_grant_type")
    );
    assert_eq!(
        refused(&wire::json("/token", "", "{}")),
        is(400, "invalid_request")
    );
}

#[test]
fn another_path_or_method_is_not_found() {
    let world = World::new();
    for path in [
        "/",
        "/token/",
        "/v1/projects/x/serviceAccounts/a@b:generateAccessToken",
    ] {
        assert_eq!(wire::call(&world.login, &wire::form(path, &[])).0, 404);
    }
    let get = Request::get("/token").body(Bytes::new()).unwrap();
    let (status, body) = wire::call(&world.login, &get);
    assert_eq!((status, &body["error"]["status"]), (404, &json!("NOT_FOUND")));
    assert_eq!(world.login.counts().refused, 4);
}

#[test]
fn a_token_that_is_revoked_is_of_no_use_and_a_new_one_is() {
    let world = World::new();
    let token = world.token();
    world.login.revoke_tokens();
    assert_eq!(world.caller(&token).unwrap_err(), Code::Unauthenticated);
    let next = world.token();
    assert_ne!(next, token);
    assert!(world.caller(&next).is_ok());
    assert_eq!(world.login.counts().assertions, 2);
}

#[test]
fn a_key_that_cannot_be_read_is_not_registered() {
    let world = World::new();
    let register = |pem: &str| world.login.register_service_account("a@b", "1", pem).unwrap_err();
    assert_eq!(register("nothing"), "no PEM block of a PUBLIC KEY");
    let wrong = register("-----BEGIN PUBLIC KEY-----\nZm9v\n-----END PUBLIC KEY-----\n");
    assert!(wrong.starts_with("not an RSA public key"), "{wrong}");
}
