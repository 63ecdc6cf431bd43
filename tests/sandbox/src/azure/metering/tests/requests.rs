//! What refuses a whole call.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

fn batch_of(count: u32) -> String {
    let events: Vec<Value> = (0..count)
        .map(|minute| event(&format!("2026-11-20T13:{minute:02}:00Z"), 1))
        .collect();
    json!({"request": events}).to_string()
}

#[test]
fn a_batch_has_1_to_25_events() {
    let world = World::new();
    for count in [0, 26] {
        let (status, answer) = world.answer(&world.request(BATCH, &batch_of(count)));
        assert_eq!((status, &answer["code"]), (400, &json!("BadArgument")));
    }
    assert_eq!(world.azure.held(), []);
    let (status, answer) = world.answer(&world.request(BATCH, &batch_of(25)));
    assert_eq!(status, 200);
    assert_eq!(answer["count"], 25);
    assert_eq!(world.azure.counts().refused, 2);
}

#[test]
fn a_body_of_another_shape_is_refused_whole() {
    let world = World::new();
    let good = this().to_string();
    for body in [
        "",
        "{",
        "{}",
        "[]",
        "null",
        r#"{"request":null}"#,
        r#"{"request":{}}"#,
        r#"{"request":[7]}"#,
        r#"{"request":[[]]}"#,
        &format!(r#"{{"Request":[{good}]}}"#),
        &format!(r#"{{"request":[{good},7]}}"#),
        &format!("[{good}]"),
        &good,
    ] {
        assert_eq!(world.answer(&world.request(BATCH, body)).0, 400, "{body}");
    }
    for body in ["", "{", "[]", "7", &format!("[{good}]")] {
        assert_eq!(world.answer(&world.request(SINGLE, body)).0, 400, "{body}");
    }
    assert_eq!(world.azure.held(), []);
    assert_eq!(world.azure.counts().answered, BTreeMap::new());
}

#[test]
fn a_call_names_the_version_of_the_api() {
    let world = World::new();
    let body = this().to_string();
    for path in [
        "/api/usageEvent",
        "/api/usageEvent?api-version=",
        "/api/usageEvent?api-version=2019-08-31",
        "/api/usageEvent?version=2018-08-31",
    ] {
        assert_eq!(world.answer(&world.request(path, &body)).0, 400, "{path}");
    }
    assert_eq!(world.azure.held(), []);
}

#[test]
fn a_call_has_a_path_a_method_and_a_type_of_the_api() {
    let world = World::new();
    let body = this().to_string();
    let answered = |request: &Request<Bytes>| world.answer(request).0;
    for path in [
        "/usageEvent?api-version=2018-08-31",
        "/api/usageevent?api-version=2018-08-31",
    ] {
        assert_eq!(answered(&world.request(path, &body)), 404);
    }
    let mut get = world.request(SINGLE, &body);
    *get.method_mut() = http::Method::GET;
    assert_eq!(answered(&get), 405);
    let posted = world.request("/api/usageEvents?api-version=2018-08-31", "");
    assert_eq!(answered(&posted), 405);
    let mut text = world.request(SINGLE, &body);
    text.headers_mut()
        .insert("content-type", http::HeaderValue::from_static("text/plain"));
    assert_eq!(answered(&text), 415);
    let mut with_charset = world.request(SINGLE, &body);
    with_charset.headers_mut().insert(
        "content-type",
        http::HeaderValue::from_static("application/json; charset=utf-8"),
    );
    assert_eq!(answered(&with_charset), 200);
}

/// The status of a batch whose `Authorization` is this.
fn authorized_by(world: &World, authorization: Option<&str>) -> u16 {
    let mut request = world.request(BATCH, &batch_of(1));
    request.headers_mut().remove("authorization");
    if let Some(value) = authorization {
        let value = http::HeaderValue::from_str(value).unwrap();
        request.headers_mut().insert("authorization", value);
    }
    world.call(&request).status().as_u16()
}

#[test]
fn a_call_without_a_valid_token_is_forbidden() {
    let world = World::new();
    for authorization in [None, Some("Bearer guess"), Some(world.token.as_str())] {
        assert_eq!(authorized_by(&world, authorization), 403);
    }
    let bearer = format!("Bearer {}", world.token);
    assert_eq!(authorized_by(&world, Some(&bearer)), 200);
    world.clock.set(at("2026-11-20T15:04:59Z"));
    assert_eq!(authorized_by(&world, Some(&bearer)), 200);
    world.clock.set(at("2026-11-20T15:05:00Z"));
    assert_eq!(authorized_by(&world, Some(&bearer)), 403);
    assert_eq!(world.azure.counts().unauthorized, 4);
}

#[test]
fn a_revoked_token_is_forbidden_at_once() {
    let world = World::new();
    world.entra.revoke_tokens();
    let bearer = format!("Bearer {}", world.token);
    assert_eq!(authorized_by(&world, Some(&bearer)), 403);
    assert_eq!(world.azure.held(), []);
}

#[test]
fn a_bad_token_may_be_unauthorized_instead_with_no_body() {
    let world = World::new();
    world
        .azure
        .switch(|switches| switches.bad_token = BadToken::Unauthorized);
    world.entra.revoke_tokens();
    let reply = world.call(&world.request(SINGLE, &this().to_string()));
    assert_eq!(reply.status(), 401);
    assert_eq!(reply.body().len(), 0);
    assert_eq!(reply.headers()["www-authenticate"], "Bearer");
}

#[test]
fn a_call_is_traced_by_its_own_ids_or_by_made_up_ones() {
    let world = World::new();
    let mut request = world.request(SINGLE, &this().to_string());
    let sent = http::HeaderValue::from_static("0c0ffee0-0000-4000-8000-000000000000");
    request.headers_mut().insert("x-ms-requestid", sent.clone());
    let reply = world.call(&request);
    assert_eq!(reply.headers()["x-ms-requestid"], sent);
    let made_up = reply.headers()["x-ms-correlationid"].to_str().unwrap();
    assert!(made_up.parse::<Uuid>().is_ok(), "{made_up}");
    let next = world.call(&request);
    assert_ne!(next.headers()["x-ms-correlationid"], made_up);
}

#[test]
fn calls_beyond_the_limit_of_a_second_are_throttled_and_have_no_effect() {
    let start = Instant::now();
    let elapsed = Arc::new(AtomicU64::new(0));
    let shown = Arc::clone(&elapsed);
    let mut world = World::new();
    world.azure = Azure::with_pulse(world.clock.clone(), world.entra.tokens(), move || {
        start + Duration::from_millis(shown.load(Ordering::SeqCst))
    });
    world
        .azure
        .switch(|switches| switches.calls_per_second = NonZeroUsize::new(2));
    let call = || world.call(&world.request(BATCH, &batch_of(1)));

    assert_eq!([call().status(), call().status()], [200, 200]);
    let throttled = call();
    assert_eq!(throttled.status(), 429);
    assert_eq!(throttled.headers()["retry-after"], "1");
    elapsed.store(999, Ordering::SeqCst);
    assert_eq!(call().status(), 429);
    elapsed.store(1000, Ordering::SeqCst);
    assert_eq!(call().status(), 200);

    let counts = world.azure.counts();
    assert_eq!((counts.throttled, counts.busiest_second), (2, 4));
    assert_eq!(counts.answered.values().sum::<u64>(), 3);
}
