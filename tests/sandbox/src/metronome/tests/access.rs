use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::Operation;
use super::*;

fn request(authorization: Option<&str>) -> Request<Bytes> {
    let builder = Request::builder().uri("/v1/customers");
    let builder = match authorization {
        Some(value) => builder.header("authorization", value),
        None => builder,
    };
    builder.body(Bytes::new()).unwrap()
}

#[test]
fn only_a_token_that_was_given_and_not_revoked_opens_the_door() {
    let world = World::new();
    let status = |authorization| world.send(&request(authorization)).status().as_u16();
    assert_eq!(status(Some("Bearer token")), 200);
    for wrong in [
        None,
        Some("Bearer other"),
        Some("token"),
        Some("Basic token"),
        Some("Bearer "),
    ] {
        let response = world.send(&request(wrong));
        assert_eq!(response.status().as_u16(), 401, "{wrong:?}");
        message(std::str::from_utf8(response.body()).unwrap());
    }
    world.metronome.revoke_token(TOKEN);
    assert_eq!(status(Some("Bearer token")), 401);
}

#[test]
fn unknown_paths_wrong_methods_and_bad_json_are_refused_in_words() {
    let world = World::new();
    for (method, target, body, expected) in [
        (Method::GET, "/v1/usage/search", "", 404),
        (Method::GET, "/v2/customers", "", 404),
        (Method::GET, "/v1/customers/", "", 400),
        (Method::POST, "/", "", 404),
        (Method::GET, "/v1/usage", "", 405),
        (Method::DELETE, "/v1/customers", "", 405),
        (Method::POST, "/v1/usage", "{", 400),
        (Method::POST, "/v1/usage", "", 400),
        (Method::POST, "/v1/ingest", "nonsense", 400),
        (Method::POST, "/v1/ingest?dry_run=true", "[]", 400),
    ] {
        let (status, text) = world.call(method, target, body);
        assert_eq!(status, expected, "{target} {text}");
        message(&text);
    }
}

/// A world whose budget is counted by a number that the test sets, in milliseconds.
fn timed() -> (World, Arc<AtomicU64>) {
    let now = Arc::new(AtomicU64::new(0));
    let timer = Arc::clone(&now);
    let mut world = World::new();
    world.metronome =
        Metronome::new(world.clock.clone()).timed_by(Arc::new(move || timer.load(Ordering::SeqCst)));
    world.metronome.add_token(TOKEN);
    (world, now)
}

#[test]
fn no_second_has_more_requests_than_the_budget() {
    let (world, now) = timed();
    world.metronome.set_budget(Some(2));
    let status = |at| {
        now.store(at, Ordering::SeqCst);
        world.get("/v1/customers").0
    };
    let answers = [0, 900, 999, 1_000, 1_001, 1_899, 1_900].map(status);
    assert_eq!(answers, [200, 200, 429, 200, 429, 429, 200]);
    assert_eq!(world.metronome.peak_requests_per_second(), 5);
    world.metronome.set_budget(None);
    assert_eq!([1_901, 1_902].map(status), [200, 200]);
}

#[test]
fn a_429_says_how_long_to_wait_only_where_it_is_told_to() {
    let (world, _) = timed();
    world.metronome.set_budget(Some(1));
    let send = || world.send(&request(Some("Bearer token")));
    assert_eq!(send().status().as_u16(), 200);
    let response = send();
    assert_eq!(
        (response.status().as_u16(), response.headers().get("retry-after")),
        (429, None)
    );
    world.metronome.set_retry_after(true);
    assert_eq!(send().headers()["retry-after"], "1");
}

#[tokio::test(start_paused = true)]
async fn the_budget_is_counted_by_tokios_clock_unless_told_otherwise() {
    let world = World::new();
    world.metronome.set_budget(Some(1));
    assert_eq!(world.get("/v1/customers").0, 200);
    assert_eq!(world.get("/v1/customers").0, 429);
    tokio::time::advance(std::time::Duration::from_millis(999)).await;
    assert_eq!(world.get("/v1/customers").0, 429);
    tokio::time::advance(std::time::Duration::from_millis(1)).await;
    assert_eq!(world.get("/v1/customers").0, 200);
}

#[test]
fn requests_are_counted_by_operation() {
    let world = World::new();
    world.get("/v1/customers");
    world.get("/v1/customers?limit=0");
    world.post("/v1/usage", &world.query("DAY"));
    world.get("/nowhere");
    let counted = world.metronome.requests();
    assert_eq!(
        counted.into_iter().collect::<Vec<_>>(),
        [(Operation::ListCustomers, 2), (Operation::Usage, 1)]
    );
}

#[test]
fn an_idempotency_key_gets_its_first_answer_again_for_a_day() {
    let world = World::new();
    let send = |body: &Value| {
        let builder = Request::builder().method(Method::POST).uri("/v1/customers");
        let builder = builder
            .header("authorization", "Bearer token")
            .header("idempotency-key", "k");
        let response = world.send(&builder.body(body.to_string().into()).unwrap());
        (
            response.status().as_u16(),
            String::from_utf8(response.body().to_vec()).unwrap(),
        )
    };
    assert_eq!(send(&json!({ "nonsense": 1 })).0, 400);
    let first = send(&json!({ "name": "New" }));
    assert_eq!(first.0, 200);
    assert_eq!(send(&json!({ "name": "New" })), first);
    assert_eq!(send(&json!({ "name": "Another" })).0, 409);
    world.clock.advance(hours(24));
    assert_ne!(send(&json!({ "name": "New" })), first);
}
