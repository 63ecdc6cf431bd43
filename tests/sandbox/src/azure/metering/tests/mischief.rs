//! What goes wrong at times, by request.

use super::*;

fn untold(every: u64, processed: bool) -> Option<Untold> {
    NonZeroU64::new(every).map(|every| Untold { every, processed })
}

fn hours(from: u32, to: u32) -> Vec<Value> {
    (from..to)
        .map(|hour| event(&format!("2026-11-20T{hour:02}:00:00Z"), 1))
        .collect()
}

#[test]
fn every_second_event_is_an_error_that_was_not_processed() {
    let world = World::new();
    world.azure.switch(|switches| switches.errors = untold(2, false));
    let events = hours(8, 12);
    assert_eq!(
        world.statuses(&events),
        ["Accepted", "Error", "Accepted", "Error"]
    );
    assert_eq!(world.azure.held().len(), 2);
    world.azure.switch(|switches| switches.errors = None);
    assert_eq!(world.statuses(&events[1..2]), ["Accepted"]);
}

#[test]
fn every_second_event_is_an_error_though_it_is_billed() {
    let world = World::new();
    world.azure.switch(|switches| switches.errors = untold(2, true));
    let events = hours(8, 10);
    let answer = world.batch(&events);
    assert_eq!(statuses(&answer), ["Accepted", "Error"]);
    assert_eq!(answer["result"][1].get("usageEventId"), None);
    assert_eq!(world.azure.held().len(), 2);
    assert_eq!(world.statuses(&events[1..2]), ["Duplicate"]);
}

#[test]
fn a_single_event_is_an_error_inside_http_200() {
    let world = World::new();
    world.azure.switch(|switches| switches.errors = untold(1, false));
    let (status, answer) = world.single(&this());
    assert_eq!((status, &answer["status"]), (200, &json!("Error")));
    assert_eq!(world.azure.held(), []);
    assert_eq!(world.azure.counts().answered, BTreeMap::from([("Error", 1)]));
}

#[test]
fn a_status_that_nobody_knows_tells_nothing_of_the_bill() {
    let world = World::new();
    world
        .azure
        .switch(|switches| switches.unknown_statuses = untold(1, true));
    assert_eq!(world.statuses(&hours(8, 9)), ["Deferred"]);
    assert_eq!(world.azure.held().len(), 1);
    world
        .azure
        .switch(|switches| switches.unknown_statuses = untold(1, false));
    assert_eq!(world.statuses(&hours(9, 10)), ["Deferred"]);
    assert_eq!(world.azure.held().len(), 1);
}

#[test]
fn results_may_come_in_another_order() {
    let world = World::new();
    world.azure.switch(|switches| switches.shuffle = Some(7));
    let events = hours(0, 14);
    let answer = world.batch(&events);
    let time = |value: &Value| value["effectiveStartTime"].as_str().unwrap().to_owned();
    let sent: Vec<String> = events.iter().map(time).collect();
    let mut answered: Vec<String> = answer["result"].as_array().unwrap().iter().map(time).collect();
    assert_ne!(answered, sent);
    answered.sort();
    assert_eq!(answered, sent);
}

#[test]
fn a_result_may_be_missing_though_its_event_is_billed() {
    let world = World::new();
    world.azure.switch(|switches| switches.one_missing = true);
    let answer = world.batch(&hours(8, 10));
    assert_eq!(statuses(&answer), ["Accepted"]);
    assert_eq!(answer["result"][0]["effectiveStartTime"], "2026-11-20T09:00:00Z");
    assert_eq!(world.azure.held().len(), 2);
}

#[test]
fn a_result_may_be_of_a_resource_that_nobody_asked_about() {
    let world = World::new();
    world.azure.switch(|switches| switches.one_foreign = true);
    let answer = world.batch(&[with(this(), "dimension", json!("unknown"))]);
    assert_eq!(statuses(&answer), ["Accepted", "InvalidDimension"]);
    assert_ne!(answer["result"][0]["resourceId"], RESOURCE);
    assert_eq!(answer["result"][1]["resourceId"], RESOURCE);
    assert_eq!(world.azure.held(), []);
}

#[test]
fn times_may_come_back_without_their_zone() {
    let world = World::new();
    world.azure.switch(|switches| switches.zoneless_times = true);
    let answer = world.batch(&[this(), this()]);
    let time = "2026-11-20T13:00:00";
    assert_eq!(answer["result"][0]["effectiveStartTime"], time);
    let accepted = &answer["result"][1]["error"]["additionalInfo"]["acceptedMessage"];
    assert_eq!(accepted["effectiveStartTime"], time);
}
