use chrono::TimeDelta;

use super::*;

const TENANT: &str = "11111111-aaaa-4bbb-8ccc-000000000001";
const CLIENT: &str = "22222222-aaaa-4bbb-8ccc-000000000002";
const SECRET: &str = "s3cret~+/=";
const V1: &str = "oauth2/token";
const V2: &str = "oauth2/v2.0/token";

struct World {
    clock: Clock,
    entra: Entra,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at("2026-11-20T14:05:00Z".parse().unwrap());
        let entra = Entra::new(clock.clone());
        entra.register(&application(), SECRET);
        Self { clock, entra }
    }

    fn call(&self, request: &Request<Bytes>) -> (u16, Value) {
        match self.entra.call(request) {
            Fate::Reply(reply) => (
                reply.status().as_u16(),
                serde_json::from_slice(reply.body()).unwrap(),
            ),
            other => panic!("no reply: {other:?}"),
        }
    }

    fn ask(&self, tenant: &str, endpoint: &str, fields: &[(&str, &str)]) -> (u16, Value) {
        self.call(&form(tenant, endpoint, fields))
    }

    /// Status, error and directory code of a request that is refused.
    fn refusal(&self, tenant: &str, endpoint: &str, fields: &[(&str, &str)]) -> (u16, String, u64) {
        let (status, body) = self.ask(tenant, endpoint, fields);
        let code = body["error_codes"][0].as_u64().unwrap();
        let description = body["error_description"].as_str().unwrap();
        assert!(
            description.starts_with(&format!("AADSTS{code}: ")),
            "{description}"
        );
        (status, body["error"].as_str().unwrap().to_owned(), code)
    }
}

fn application() -> Application {
    Application::new(TENANT, CLIENT)
}

fn form(tenant: &str, endpoint: &str, fields: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Request::post(format!("/{tenant}/{endpoint}"))
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap()
}

const GOOD: [(&str, &str); 4] = [
    ("grant_type", "client_credentials"),
    ("client_id", CLIENT),
    ("client_secret", SECRET),
    ("scope", "20e940b3-4c77-4b0b-9a53-9e16a1b010a7/.default"),
];

/// The good request with one field changed, or left out if empty.
fn with(name: &str, value: &'static str) -> Vec<(&'static str, &'static str)> {
    let changed = GOOD.map(|(field, good)| (field, if field == name { value } else { good }));
    changed
        .into_iter()
        .filter(|(_, value)| !value.is_empty())
        .collect()
}

#[test]
fn the_right_secret_gets_a_token_that_is_its_applications() {
    let world = World::new();
    let (status, body) = world.ask(TENANT, V2, &GOOD);
    assert_eq!(status, 200);
    assert_eq!(
        (&body["token_type"], &body["expires_in"], &body["ext_expires_in"]),
        (&json!("Bearer"), &json!(3599), &json!(3599))
    );
    let holder = world
        .entra
        .tokens()
        .holder(body["access_token"].as_str().unwrap(), world.clock.now());
    assert_eq!(holder, Some(application()));
}

#[test]
fn version_1_names_a_resource_and_answers_its_numbers_as_strings() {
    let world = World::new();
    let mut fields = GOOD;
    fields[3] = ("resource", "20e940b3-4c77-4b0b-9a53-9e16a1b010a7");
    let (status, body) = world.ask(TENANT, V1, &fields);
    assert_eq!(status, 200);
    assert_eq!(body["expires_in"], "3599");
    assert_eq!(body["not_before"], "1795183500");
    assert_eq!(body["expires_on"], "1795187099");
    assert_eq!(body["resource"], "20e940b3-4c77-4b0b-9a53-9e16a1b010a7");
    assert_eq!(
        world.refusal(TENANT, V1, &GOOD),
        (400, "invalid_request".to_owned(), 900_144)
    );
}

#[test]
fn a_token_lasts_an_hour() {
    let world = World::new();
    let (_, body) = world.ask(TENANT, V2, &GOOD);
    let token = body["access_token"].as_str().unwrap();
    let is_good = || world.entra.tokens().holder(token, world.clock.now()).is_some();
    world.clock.advance(TimeDelta::seconds(3599));
    assert!(is_good());
    world.clock.advance(TimeDelta::seconds(1));
    assert!(!is_good());
}

#[test]
fn every_request_gets_a_token_of_its_own_and_all_can_be_revoked() {
    let world = World::new();
    let token = || {
        world.ask(TENANT, V2, &GOOD).1["access_token"]
            .as_str()
            .unwrap()
            .to_owned()
    };
    let (one, other) = (token(), token());
    assert_ne!(one, other);
    world.entra.revoke_tokens();
    let later = token();
    let tokens = world.entra.tokens();
    let good = [one, other, later].map(|token| tokens.holder(&token, world.clock.now()).is_some());
    assert_eq!(good, [false, false, true]);
}

#[test]
fn a_wrong_secret_or_none_is_an_invalid_client() {
    let world = World::new();
    let refusal = |code| (401, "invalid_client".to_owned(), code);
    assert_eq!(
        world.refusal(TENANT, V2, &with("client_secret", "guess")),
        refusal(7_000_215)
    );
    assert_eq!(
        world.refusal(TENANT, V2, &with("client_secret", "")),
        refusal(7_000_216)
    );
}

#[test]
fn secrets_are_rotated_by_adding_one_and_removing_the_other() {
    let world = World::new();
    world.entra.register(&application(), "next");
    assert_eq!(world.ask(TENANT, V2, &with("client_secret", "next")).0, 200);
    assert_eq!(world.ask(TENANT, V2, &GOOD).0, 200);
    world.entra.remove_secret(&application(), SECRET);
    assert_eq!(world.ask(TENANT, V2, &with("client_secret", "next")).0, 200);
    assert_eq!(world.ask(TENANT, V2, &GOOD).0, 401);
}

#[test]
fn an_application_is_known_in_its_own_tenant_only() {
    let world = World::new();
    world
        .entra
        .register(&Application::new("other-tenant", "other-client"), SECRET);
    let refusal = |error: &str, code| (400, error.to_owned(), code);
    assert_eq!(
        world.refusal("other-tenant", V2, &GOOD),
        refusal("unauthorized_client", 700_016)
    );
    assert_eq!(
        world.refusal("nobody", V2, &GOOD),
        refusal("invalid_request", 90002)
    );
    assert_eq!(world.ask(&TENANT.to_uppercase(), V2, &GOOD).0, 200);
}

#[test]
fn the_scope_is_the_marketplaces_default() {
    let world = World::new();
    let refusal = |error: &str, code| (400, error.to_owned(), code);
    for (scope, error, code) in [
        ("20e940b3-4c77-4b0b-9a53-9e16a1b010a7", "invalid_scope", 1_002_012),
        (
            "https://graph.microsoft.com/.default",
            "invalid_resource",
            500_011,
        ),
        ("", "invalid_request", 900_144),
    ] {
        assert_eq!(
            world.refusal(TENANT, V2, &with("scope", scope)),
            refusal(error, code)
        );
    }
}

#[test]
fn a_request_without_its_form_or_with_another_grant_is_refused() {
    let world = World::new();
    let refusal = |error: &str, code| (400, error.to_owned(), code);
    let missing = refusal("invalid_request", 900_144);
    assert_eq!(world.refusal(TENANT, V2, &with("grant_type", "")), missing);
    assert_eq!(world.refusal(TENANT, V2, &with("client_id", "")), missing);
    assert_eq!(
        world.refusal(TENANT, V2, &with("grant_type", "password")),
        refusal("unsupported_grant_type", 70003)
    );
    let mut with_an_empty_field = GOOD;
    with_an_empty_field[1].1 = "";
    assert_eq!(world.refusal(TENANT, V2, &with_an_empty_field), missing);
    let mut as_json = form(TENANT, V2, &GOOD);
    as_json
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    assert_eq!(world.call(&as_json).1["error_codes"], json!([900_144]));
    let mut as_get = form(TENANT, V2, &GOOD);
    *as_get.method_mut() = Method::GET;
    assert_eq!(world.call(&as_get).1["error_codes"], json!([900_561]));
    assert_eq!(world.ask(TENANT, "oauth2/authorize", &GOOD).0, 404);
}

#[test]
fn requests_are_counted_by_what_became_of_them() {
    let world = World::new();
    world.ask(TENANT, V2, &GOOD);
    world.ask(TENANT, V2, &GOOD);
    world.ask(TENANT, V2, &with("client_secret", "guess"));
    let expected = Counts {
        requests: 3,
        issued: 2,
        refused: 1,
    };
    assert_eq!(world.entra.counts(), expected);
}
