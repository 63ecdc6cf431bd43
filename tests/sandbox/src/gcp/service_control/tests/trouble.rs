//! What goes wrong on request.

use std::num::NonZeroU64;

use super::*;

fn every(number: u64) -> NonZeroU64 {
    NonZeroU64::new(number).unwrap()
}

#[test]
fn every_second_operation_fails_and_is_recorded_when_it_is_sent_again() {
    let world = World::new();
    world.control.switch(|switches| {
        switches.failing = Some(Failing {
            every: every(2),
            code: 13,
        });
    });
    let operations: Vec<_> = (1..=4).map(|id| operation(&id.to_string(), 1)).collect();
    assert_eq!(
        world.report(&operations),
        [("2".to_owned(), 13), ("4".to_owned(), 13)]
    );
    assert_eq!(world.billed(), number("2"));
    assert_eq!(world.report(&operations[1..2]), []);
    assert_eq!(world.billed(), number("3"));
    assert_eq!(world.control.counts().failed, 2);
}

#[test]
fn an_operation_may_fail_with_a_code_that_nobody_knows() {
    let world = World::new();
    for code in [99, -1, 0] {
        world.control.switch(|switches| {
            switches.failing = Some(Failing {
                every: every(1),
                code,
            });
        });
        assert_eq!(world.code(&operation("1", 1)), Some(i64::from(code)));
    }
    assert_eq!(world.control.records(), []);
}

#[test]
fn a_code_of_zero_is_left_out_as_googles_json_does() {
    let world = World::new();
    world.control.switch(|switches| {
        switches.failing = Some(Failing {
            every: every(1),
            code: 0,
        });
    });
    let (_, body) = world.post("report", &json!({"operations": [operation("1", 1)]}).to_string());
    assert_eq!(body["reportErrors"][0]["status"].get("code"), None);
}

#[test]
fn every_third_request_is_one_too_many_and_has_no_effect() {
    let world = World::new();
    let exhaust = |retry_after| {
        world.control.switch(|switches| {
            switches.exhausted = Some(Exhausted {
                every: every(3),
                retry_after,
            });
        });
    };
    let send = |id: &str| {
        let body = json!({"operations": [operation(id, 1)]}).to_string();
        let path = format!("/v1/services/{SERVICE}:report");
        wire::reply(&world.control, &wire::json(&path, &world.token, &body))
    };
    exhaust(Some(30));
    assert_eq!(send("1").status(), 200);
    assert_eq!(send("2").status(), 200);
    let refused = send("3");
    assert_eq!(refused.status(), 429);
    assert_eq!(refused.headers()["retry-after"], "30");
    let body: Json = serde_json::from_slice(refused.body()).unwrap();
    assert_eq!(body["error"]["status"], "RESOURCE_EXHAUSTED");

    exhaust(None);
    assert_eq!(send("3").status(), 200);
    assert_eq!(send("4").status(), 200);
    let refused = send("5");
    assert_eq!(
        (refused.status().as_u16(), refused.headers().get("retry-after")),
        (429, None)
    );
    assert_eq!(world.billed(), number("4"));
    assert_eq!(world.control.counts().exhausted, 2);
}

#[test]
fn an_answer_may_name_an_operation_that_was_not_asked_about() {
    let world = World::new();
    world
        .control
        .switch(|switches| switches.foreign_error = Some("another".to_owned()));
    assert_eq!(world.report(&[operation("1", 1)]), [("another".to_owned(), 3)]);
    assert_eq!(world.billed(), number("1"));
}
