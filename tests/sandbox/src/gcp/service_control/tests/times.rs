//! When usage is taken: within an activation, of the past, of one month, and on which invoice.

use super::*;

/// The usage month and the invoice of what was stored last.
fn months(world: &World) -> (String, String) {
    let last = world.control.records().pop().unwrap();
    (last.usage_month.to_string(), last.invoice_month.to_string())
}

fn cancel(world: &World, when: &str) {
    world.control.change_consumer(SERVICE, CONSUMER, |consumer| {
        consumer.cancelled_at = Some(at(when));
    });
}

#[test]
fn usage_must_not_be_of_the_future() {
    let world = World::new();
    let ending = |end: &str| world.code(&between("2026-11-20T13:00:00Z", end));
    assert_eq!(ending("2026-11-20T14:05:00.000000001Z"), Some(3));
    assert_eq!(ending("2026-11-20T14:05:00Z"), None);
}

#[test]
fn a_window_does_not_end_before_it_starts() {
    let world = World::new();
    let this = between("2026-11-20T13:00:01Z", "2026-11-20T13:00:00Z");
    assert_eq!(world.code(&this), Some(3));
    let instant = between("2026-11-20T13:00:00Z", "2026-11-20T13:00:00Z");
    assert_eq!(world.code(&instant), None);
}

#[test]
fn a_time_is_rfc_3339_in_utc() {
    let world = World::new();
    for wrong in [
        "2026-11-20 13:00:00Z",
        "2026-11-20T13:00:00",
        "2026-11-20T14:00:00+01:00",
        "2026-11-20t13:00:00z",
        "2026-11-20T13:00:00.1234567890Z",
        "2026-11-20T13:00:60Z",
        "2026-02-30T13:00:00Z",
        "1795179600",
        "",
    ] {
        let this = with(operation("1", 1), "startTime", json!(wrong));
        assert_eq!(world.refused(&[this]), "INVALID_ARGUMENT", "{wrong}");
    }
    let exact = between("2026-11-20T13:00:00.123456789Z", "2026-11-20T14:00:00Z");
    assert_eq!(world.code(&exact), None);
    assert_eq!(
        world.control.records()[0].start_time,
        at("2026-11-20T13:00:00.123456789Z")
    );
}

#[test]
fn usage_of_before_the_activation_is_refused() {
    let world = World::new();
    let consumer = Consumer::new(CONSUMER, at("2026-11-20T13:00:01Z"));
    world.control.add_consumer(SERVICE, consumer);
    assert_eq!(world.code(&operation("1", 1)), Some(3));
    let within = between("2026-11-20T13:00:01Z", "2026-11-20T14:00:00Z");
    assert_eq!(world.code(&within), None);
}

#[test]
fn a_report_ends_before_the_cancellation() {
    let world = World::new();
    cancel(&world, "2026-11-20T13:30:00Z");
    let ending = |end: &str| world.code(&between("2026-11-20T13:00:00Z", end));
    assert_eq!(ending("2026-11-20T14:00:00Z"), Some(3));
    assert_eq!(ending("2026-11-20T13:30:00Z"), Some(3));
    assert_eq!(ending("2026-11-20T13:29:59Z"), None);
    let after = between("2026-11-20T13:30:00Z", "2026-11-20T13:40:00Z");
    assert_eq!(world.code(&after), Some(3));
}

#[test]
fn a_report_across_the_cancellation_may_be_taken_and_one_after_it_never() {
    let world = World::new();
    world
        .control
        .switch(|switches| switches.straddling = Straddling::Taken);
    cancel(&world, "2026-11-20T13:30:00Z");
    assert_eq!(world.code(&operation("1", 5)), None);
    let after = between("2026-11-20T13:30:00Z", "2026-11-20T13:40:00Z");
    assert_eq!(world.code(&after), Some(3));
}

#[test]
fn usage_of_before_a_cancellation_is_taken_for_one_hour_more() {
    let mut world = World::new();
    cancel(&world, "2026-11-20T13:30:00Z");
    let this = between("2026-11-20T13:00:00Z", "2026-11-20T13:29:59Z");
    world.set("2026-11-20T14:30:00Z");
    assert_eq!(world.code(&this), None);
    world.set("2026-11-20T14:30:01Z");
    assert_eq!(world.code(&with(this, "operationId", json!("2"))), Some(5));
    assert_eq!(world.billed(), number("5"));
}

#[test]
fn a_consumer_that_is_not_active_or_not_known_is_not_found() {
    let world = World::new();
    for standing in [
        Standing::NotActivated,
        Standing::BillingDisabled,
        Standing::ProjectDeleted,
    ] {
        world
            .control
            .change_consumer(SERVICE, CONSUMER, |consumer| consumer.standing = standing);
        assert_eq!(world.code(&operation("1", 1)), Some(5), "{standing:?}");
    }
    world
        .control
        .change_consumer(SERVICE, CONSUMER, |consumer| consumer.standing = Standing::Active);
    assert_eq!(world.code(&operation("1", 1)), None);
    let unknown = with(operation("2", 1), "consumerId", json!("project_number:1"));
    assert_eq!(world.code(&unknown), Some(5));
}

#[test]
fn a_value_keeps_within_its_operations_time() {
    let world = World::new();
    let timed = |start: &str, end: &str| {
        let value = json!({"int64Value": "1", "startTime": start, "endTime": end});
        let sets = json!([values("calls", &[value])]);
        world.code(&with(operation("1", 0), "metricValueSets", sets))
    };
    assert_eq!(timed("2026-11-20T12:59:59Z", "2026-11-20T14:00:00Z"), Some(3));
    assert_eq!(timed("2026-11-20T13:00:00Z", "2026-11-20T14:00:01Z"), Some(3));
    assert_eq!(timed("2026-11-20T13:30:00Z", "2026-11-20T13:20:00Z"), Some(3));
    assert_eq!(timed("2026-11-20T13:10:00Z", "2026-11-20T13:20:00Z"), None);
    assert_eq!(world.control.records()[0].end_time, at("2026-11-20T13:20:00Z"));
}

#[test]
fn a_report_is_of_one_pacific_month_with_its_end_left_out() {
    let mut world = World::new();
    world.set("2026-12-01T08:30:00Z");
    let across = between("2026-12-01T07:00:00Z", "2026-12-01T08:00:01Z");
    assert_eq!(world.code(&across), Some(3));
    let up_to_it = between("2026-12-01T07:00:00Z", "2026-12-01T08:00:00Z");
    assert_eq!(world.code(&up_to_it), None);
    assert_eq!(months(&world).0, "2026-11");
}

#[test]
fn a_report_of_two_months_may_be_taken_in_the_month_of_its_end() {
    let mut world = World::new();
    world.set("2026-12-01T08:30:00Z");
    world
        .control
        .switch(|switches| switches.straddling = Straddling::Taken);
    let across = between("2026-12-01T07:00:00Z", "2026-12-01T08:00:01Z");
    assert_eq!(world.code(&across), None);
    assert_eq!(months(&world), ("2026-12".to_owned(), "2026-12".to_owned()));
}

#[test]
fn a_months_usage_is_on_its_invoice_until_one_oclock_pacific_on_the_first() {
    let mut world = World::new();
    let last_hour = between("2026-12-01T07:00:00Z", "2026-12-01T08:00:00Z");
    world.set("2026-12-01T09:00:00Z");
    assert_eq!(world.code(&last_hour), None);
    assert_eq!(months(&world), ("2026-11".to_owned(), "2026-11".to_owned()));
    world.set("2026-12-01T09:00:01Z");
    assert_eq!(world.code(&with(last_hour, "operationId", json!("2"))), None);
    assert_eq!(months(&world), ("2026-11".to_owned(), "2026-12".to_owned()));
}

#[test]
fn in_daylight_time_the_invoice_closes_an_hour_earlier_by_utc() {
    let mut world = World::new();
    let last_hour = between("2026-11-01T06:00:00Z", "2026-11-01T07:00:00Z");
    world.set("2026-11-01T08:00:00Z");
    assert_eq!(world.code(&last_hour), None);
    assert_eq!(months(&world), ("2026-10".to_owned(), "2026-10".to_owned()));
    world.set("2026-11-01T08:00:01Z");
    assert_eq!(world.code(&with(last_hour, "operationId", json!("2"))), None);
    assert_eq!(months(&world), ("2026-10".to_owned(), "2026-11".to_owned()));
}

#[test]
fn usage_that_comes_late_is_taken_and_counted() {
    let mut world = World::new();
    world.set("2026-11-20T15:00:00Z");
    assert_eq!(world.code(&operation("1", 1)), None);
    assert_eq!(world.control.counts().late, 0);
    world.set("2026-11-20T15:00:01Z");
    assert_eq!(world.code(&operation("2", 1)), None);
    assert_eq!(world.control.counts().late, 1);
}
