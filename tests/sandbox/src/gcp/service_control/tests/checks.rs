//! What a check says of a consumer.

use super::*;

/// The operation of a check.
fn asked() -> Json {
    let this = without(without(operation("1", 1), "metricValueSets"), "endTime");
    with(this, "startTime", json!("2026-11-20T14:05:00Z"))
}

fn check(world: &World, operation: &Json) -> (u16, Json) {
    world.post("check", &json!({"operation": operation}).to_string())
}

/// The codes of a check that is answered.
fn codes(world: &World, operation: &Json) -> Vec<String> {
    let (status, body) = check(world, operation);
    assert_eq!((status, &body["operationId"]), (200, &json!("1")));
    let errors = body.get("checkErrors").map(|errors| errors.as_array().unwrap());
    errors
        .into_iter()
        .flatten()
        .map(|error| error["code"].as_str().unwrap().to_owned())
        .collect()
}

fn stand(world: &World, standing: Standing) {
    world
        .control
        .change_consumer(SERVICE, CONSUMER, |consumer| consumer.standing = standing);
}

#[test]
fn a_consumer_in_good_standing_may_go_on() {
    let world = World::new();
    let expected = json!({
        "operationId": "1", "serviceConfigId": "2026-11-01r0", "serviceRolloutId": "2026-11-01r0",
    });
    assert_eq!(check(&world, &asked()), (200, expected));
    assert_eq!(world.control.counts().checks, 1);
    assert_eq!(world.control.counts().denied, 0);
    assert_eq!(world.control.records(), []);
}

#[test]
fn a_consumers_standing_is_the_checks_error() {
    let world = World::new();
    for (standing, code) in [
        (Standing::NotActivated, "SERVICE_NOT_ACTIVATED"),
        (Standing::BillingDisabled, "BILLING_DISABLED"),
        (Standing::ProjectDeleted, "PROJECT_DELETED"),
    ] {
        stand(&world, standing);
        assert_eq!(codes(&world, &asked()), [code]);
    }
    let unknown = with(asked(), "consumerId", json!("project_number:1"));
    assert_eq!(codes(&world, &unknown), ["NOT_FOUND"]);
    assert_eq!(world.control.counts().denied, 4);
}

#[test]
fn a_cancelled_consumer_is_not_activated_for_what_starts_then() {
    let mut world = World::new();
    world.control.change_consumer(SERVICE, CONSUMER, |consumer| {
        consumer.cancelled_at = Some(at("2026-11-20T14:00:00Z"));
    });
    assert_eq!(codes(&world, &asked()), ["SERVICE_NOT_ACTIVATED"]);
    let before = with(asked(), "startTime", json!("2026-11-20T13:59:59Z"));
    assert_eq!(codes(&world, &before), [""; 0]);
    world.set("2026-11-20T15:00:01Z");
    assert_eq!(codes(&world, &before), ["SERVICE_NOT_ACTIVATED"]);
}

#[test]
fn a_consumer_is_not_activated_before_its_time() {
    let world = World::new();
    let early = with(asked(), "startTime", json!("2026-09-30T23:59:59Z"));
    assert_eq!(codes(&world, &early), ["SERVICE_NOT_ACTIVATED"]);
}

#[test]
fn the_check_of_the_activation_may_be_skipped_and_no_other() {
    let world = World::new();
    let skipping = || {
        let body = json!({"operation": asked(), "skipActivationCheck": true});
        let (status, answer) = world.post("check", &body.to_string());
        assert_eq!(status, 200);
        answer
    };
    stand(&world, Standing::NotActivated);
    assert_eq!(skipping().get("checkErrors"), None);
    stand(&world, Standing::BillingDisabled);
    assert_eq!(skipping()["checkErrors"][0]["code"], "BILLING_DISABLED");
}

#[test]
fn user_labels_have_no_place_in_a_check() {
    let world = World::new();
    let (status, body) = check(&world, &with(asked(), "userLabels", json!({"team": "a"})));
    assert_eq!(
        (status, &body["error"]["status"]),
        (400, &json!("INVALID_ARGUMENT"))
    );
}

#[test]
fn a_check_takes_the_same_operation_that_is_reported() {
    let world = World::new();
    let body = json!({"operation": operation("1", 7)});
    let (status, answer) = world.post("check", &body.to_string());
    assert_eq!((status, answer.get("checkErrors")), (200, None));
    assert_eq!(world.report(&[operation("1", 7)]), []);
    assert_eq!(world.billed(), number("7"));
}

#[test]
fn a_check_without_what_it_needs_is_refused() {
    let world = World::new();
    for member in ["operationId", "operationName", "consumerId", "startTime"] {
        assert_eq!(check(&world, &without(asked(), member)).0, 400, "{member}");
    }
    assert_eq!(world.post("check", "{}").0, 400);
    let twice = json!([values(
        "calls",
        &[json!({"int64Value": "1"}), json!({"int64Value": "2"})]
    )]);
    assert_eq!(check(&world, &with(asked(), "metricValueSets", twice)).0, 400);
    let backwards = with(operation("1", 1), "endTime", json!("2026-11-20T12:00:00Z"));
    let (status, _) = world.post("check", &json!({"operation": backwards}).to_string());
    assert_eq!(status, 400);
}
