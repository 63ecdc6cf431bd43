//! Who may call, and what a request must look like.

use super::*;

fn path(method: &str) -> String {
    format!("/v1/services/{SERVICE}:{method}")
}

fn status_of(answer: &(u16, Json)) -> (u16, String) {
    let error = &answer.1["error"];
    assert_eq!(error["code"], json!(answer.0));
    assert!(error["message"].is_string());
    (answer.0, error["status"].as_str().unwrap().to_owned())
}

fn is(status: u16, name: &str) -> (u16, String) {
    (status, name.to_owned())
}

fn body() -> String {
    json!({"operations": [operation("1", 1)]}).to_string()
}

#[test]
fn a_call_without_a_token_that_holds_is_unauthenticated() {
    let world = World::new();
    for token in ["", "ya29.unknown"] {
        let request = wire::json(&path("report"), token, &body());
        let reply = wire::reply(&world.control, &request);
        assert_eq!(reply.status(), 401);
        assert!(reply.headers().contains_key("www-authenticate"));
        assert_eq!(
            status_of(&wire::call(&world.control, &request)),
            is(401, "UNAUTHENTICATED")
        );
    }
    world.clock.advance(TimeDelta::seconds(3599));
    assert_eq!(
        status_of(&world.post("report", &body())),
        is(401, "UNAUTHENTICATED")
    );
    assert_eq!(world.control.counts().unauthorized, 5);
    assert_eq!(world.control.counts().reports, 0);
}

#[test]
fn a_caller_who_was_not_allowed_is_denied() {
    let world = World::new();
    let other = "other.sandbox.example.com";
    world.control.add_service(other, &[("calls", ValueType::Int64)]);
    let request = wire::json(&format!("/v1/services/{other}:report"), &world.token, &body());
    assert_eq!(
        status_of(&wire::call(&world.control, &request)),
        is(403, "PERMISSION_DENIED")
    );
    world.control.allow(other, test_account::EMAIL);
    assert_eq!(wire::call(&world.control, &request).0, 200);
}

#[test]
fn a_service_or_a_method_that_is_not_known_is_not_found() {
    let world = World::new();
    for path in [
        "/v1/services/unknown.example.com:report".to_owned(),
        path("allocateQuota"),
        format!("/v1/services/{SERVICE}"),
        format!("/v2/services/{SERVICE}:report"),
    ] {
        let request = wire::json(&path, &world.token, &body());
        assert_eq!(
            status_of(&wire::call(&world.control, &request)),
            is(404, "NOT_FOUND"),
            "{path}"
        );
    }
    let get = Request::get(path("report"))
        .header("authorization", format!("Bearer {}", world.token))
        .body(Bytes::new())
        .unwrap();
    assert_eq!(status_of(&wire::call(&world.control, &get)), is(404, "NOT_FOUND"));
}

#[test]
fn a_body_that_is_not_of_the_documented_shape_refuses_the_request() {
    let world = World::new();
    for wrong in [
        "",
        "[]",
        "{}",
        r#"{"operations":[]}"#,
        r#"{"operations":{}}"#,
        r#"{"operations":[{"operationId":1}]}"#,
        r#"{"operations":[{"operation_id":"1"}]}"#,
        r#"{"operations":[{"operationId":"1","unknown":"x"}]}"#,
        r#"{"operation":{"operationId":"1"}}"#,
    ] {
        assert_eq!(
            status_of(&world.post("report", wrong)),
            is(400, "INVALID_ARGUMENT"),
            "{wrong}"
        );
    }
    let mut request = wire::json(&path("report"), &world.token, &body());
    request
        .headers_mut()
        .insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(
        status_of(&wire::call(&world.control, &request)),
        is(400, "INVALID_ARGUMENT")
    );
    assert_eq!(world.control.records(), []);
    assert_eq!(world.control.counts().refused, 10);
}

#[test]
fn json_is_asked_for_in_the_query_or_nothing_is() {
    let world = World::new();
    let query = |query: &str| {
        let path = format!("{}?{query}", path("report"));
        wire::call(&world.control, &wire::json(&path, &world.token, &body())).0
    };
    assert_eq!(query("alt=json&prettyPrint=false"), 200);
    assert_eq!(query("%24alt=json"), 200);
    assert_eq!(query("alt=proto"), 400);
    assert_eq!(query("key=x"), 400);
}

#[test]
fn a_request_has_one_megabyte_at_most() {
    let world = World::new();
    let padded = |size: usize| {
        let mut body = body();
        body.push_str(&" ".repeat(size - body.len()));
        world.post("report", &body)
    };
    assert_eq!(status_of(&padded(1_000_001)), is(400, "INVALID_ARGUMENT"));
    assert_eq!(padded(1_000_000).0, 200);
}

#[test]
fn a_configuration_that_is_not_known_is_the_latest_one() {
    let world = World::new();
    let body = json!({"operations": [operation("1", 1)], "serviceConfigId": "2019-01-01r9"});
    let (status, answer) = world.post("report", &body.to_string());
    assert_eq!(
        (status, &answer["serviceConfigId"]),
        (200, &json!("2026-11-01r0"))
    );
}
