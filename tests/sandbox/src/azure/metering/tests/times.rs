//! Until when usage is taken.

use super::*;

fn expired() -> (String, Value) {
    ("Expired".to_owned(), json!("effectiveStartTime"))
}

#[test]
fn an_event_is_less_than_24_hours_old_from_its_exact_time() {
    let world = World::new();
    assert_eq!(world.verdict(event("2026-11-19T14:05:00Z", 1)), expired());
    assert_eq!(world.verdict(event("2026-11-19T14:00:00Z", 1)), expired());
    assert_eq!(
        world.statuses(&[event("2026-11-19T14:05:00.001Z", 1)]),
        ["Accepted"]
    );
    assert_eq!(world.azure.held()[0].hour, at("2026-11-19T14:00:00Z"));
    assert_eq!(world.single(&event("2026-11-19T14:05:00Z", 1)).0, 400);
}

#[test]
fn an_event_of_the_future_is_expired_too() {
    let world = World::new();
    assert_eq!(world.verdict(event("2026-11-20T14:05:00.001Z", 1)), expired());
    assert_eq!(world.statuses(&[event("2026-11-20T14:05:00Z", 1)]), ["Accepted"]);
}

#[test]
fn a_duplicate_that_is_too_old_is_expired() {
    let mut world = World::new();
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
    world.go_to("2026-11-21T12:59:59Z");
    assert_eq!(world.statuses(&[this()]), ["Duplicate"]);
    world.go_to("2026-11-21T13:00:00Z");
    assert_eq!(world.verdict(this()), expired());
}

#[test]
fn usage_from_before_a_cancellation_is_taken_for_24_hours() {
    let mut world = World::new();
    let at_noon = Status::Unsubscribed {
        at: at("2026-11-20T12:00:00Z"),
    };
    world.azure.set_status(id(RESOURCE), at_noon);
    let not_active = ("ResourceNotActive".to_owned(), json!("resourceId"));
    assert_eq!(world.verdict(event("2026-11-20T12:00:00Z", 1)), not_active);
    assert_eq!(world.verdict(event("2026-11-20T13:00:00Z", 1)), not_active);
    assert_eq!(world.statuses(&[event("2026-11-20T11:59:59Z", 1)]), ["Accepted"]);
    assert_eq!(world.statuses(&[event("2026-11-19T15:00:00Z", 1)]), ["Accepted"]);
    world.go_to("2026-11-21T10:59:59Z");
    assert_eq!(world.statuses(&[event("2026-11-20T11:00:00Z", 1)]), ["Duplicate"]);
    world.go_to("2026-11-21T11:00:00Z");
    assert_eq!(world.verdict(event("2026-11-20T11:00:00Z", 1)), expired());
}

#[test]
fn a_cancellation_to_come_changes_nothing_yet() {
    let world = World::new();
    let tonight = Status::Unsubscribed {
        at: at("2026-11-20T20:00:00Z"),
    };
    world.azure.set_status(id(RESOURCE), tonight);
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
    assert_eq!(world.verdict(event("2026-11-20T20:00:00Z", 1)), expired());
}
