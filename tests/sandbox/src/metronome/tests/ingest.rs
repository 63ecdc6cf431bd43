use super::*;

fn event(id: &str, time: &str) -> Value {
    json!({ "transaction_id": id, "customer_id": "acct-1", "event_type": "use", "timestamp": time,
        "properties": { "n": "1" } })
}

#[test]
fn ingest_answers_200_with_no_body() {
    let world = World::new();
    assert_eq!(
        world.post("/v1/ingest", &json!([event("a", "2026-11-20T13:00:00Z")])),
        (200, String::new())
    );
    assert_eq!(world.values("NONE"), ["1"]);
}

#[test]
fn a_call_carries_1_to_100_events() {
    let world = World::new();
    let events = |count| {
        (0..count)
            .map(|n| event(&format!("t{n}"), "2026-11-20T13:00:00Z"))
            .collect::<Value>()
    };
    world.refused(400, "/v1/ingest", &json!([]));
    world.refused(400, "/v1/ingest", &events(101));
    assert_eq!(world.values("NONE"), ["null"]);
    assert_eq!(world.post("/v1/ingest", &events(100)).0, 200);
    assert_eq!(world.values("NONE"), ["100"]);
}

#[test]
fn every_field_of_an_event_has_its_rule() {
    let world = World::new();
    let spoiled = |field: &str, value: Value| {
        let mut event = event("a", "2026-11-20T13:00:00Z");
        event[field] = value;
        json!([event])
    };
    for (field, value) in [
        ("transaction_id", json!("")),
        ("transaction_id", json!("x".repeat(129))),
        ("transaction_id", json!(7)),
        ("customer_id", json!("")),
        ("customer_id", Value::Null),
        ("event_type", json!("")),
        ("timestamp", json!("yesterday")),
        ("timestamp", json!("2026-11-20")),
        ("timestamp", json!("2026-11-20T13:00:00")),
        ("timestamp", json!("+12026-11-20T13:00:00Z")),
        ("properties", json!([])),
        ("properties", Value::Null),
        (
            "properties",
            (0..2_001).map(|n| (n.to_string(), json!(n))).collect::<Value>(),
        ),
    ] {
        let (status, text) = world.post("/v1/ingest", &spoiled(field, value.clone()));
        assert_eq!(status, 400, "{field} {value}");
        message(&text);
    }
    world.refused(400, "/v1/ingest", &json!([{ "transaction_id": "a" }]));
    world.refused(400, "/v1/ingest", &event("a", "2026-11-20T13:00:00Z"));
    assert_eq!(
        world
            .post("/v1/ingest", &spoiled("transaction_id", json!("x".repeat(128))))
            .0,
        200
    );
}

#[test]
fn an_event_is_at_most_34_days_old_and_24_hours_ahead() {
    let world = World::new();
    let status = |id: &str, time: &str| world.post("/v1/ingest", &json!([event(id, time)])).0;
    assert_eq!(status("a", "2026-10-17T13:30:00Z"), 200);
    assert_eq!(status("b", "2026-10-17T13:29:59Z"), 400);
    assert_eq!(status("c", "2026-11-21T13:30:00Z"), 200);
    assert_eq!(status("d", "2026-11-21T13:30:01Z"), 400);
}

#[test]
fn one_bad_event_refuses_the_whole_call() {
    let world = World::new();
    let both = json!([
        event("a", "2026-11-20T13:00:00Z"),
        event("b", "2020-01-01T00:00:00Z")
    ]);
    world.refused(400, "/v1/ingest", &both);
    assert_eq!(world.values("NONE"), ["null"]);
}

#[test]
fn a_transaction_id_counts_once_in_34_days_whatever_it_says_later() {
    let world = World::new();
    world.used("a", "2026-11-20T13:00:00Z", "1");
    world.used("a", "2026-11-20T13:00:00Z", "1");
    world.used("a", "2026-11-20T10:00:00Z", "500");
    assert_eq!(world.values("NONE"), ["1"]);
    world.clock.advance(TimeDelta::days(34));
    world.used("a", "2026-11-20T13:30:00Z", "2");
    assert_eq!(world.values("NONE"), ["1"]);
    world.clock.advance(TimeDelta::milliseconds(1));
    world.used("a", "2026-11-20T14:00:00Z", "2");
    assert_eq!(world.values("NONE"), ["3"]);
}

#[test]
fn a_transaction_id_is_one_over_all_customers_and_within_one_call() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &["acct-2"]).unwrap();
    let mut theirs = event("a", "2026-11-20T13:00:00Z");
    theirs["customer_id"] = json!("acct-2");
    world.post("/v1/ingest", &json!([event("a", "2026-11-20T13:00:00Z"), theirs]));
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    assert_eq!(
        world
            .metronome
            .usage_of(world.customer, world.metric, from, until),
        Some(1.into())
    );
    assert_eq!(world.metronome.usage_of(other, world.metric, from, until), None);
}

#[test]
fn usage_of_an_unknown_customer_waits_for_its_alias() {
    let world = World::new();
    world
        .metronome
        .ingest(Event {
            customer_id: "later".into(),
            ..use_of("a", "2026-11-20T01:00:00Z", "4")
        })
        .unwrap();
    assert_eq!(world.values("NONE"), ["null"]);
    let target = format!("/v1/customers/{}/setIngestAliases", world.customer);
    let (status, body) = world.post(&target, &json!({ "ingest_aliases": ["acct-1", "later"] }));
    assert_eq!((status, body.as_str()), (200, ""));
    assert_eq!(world.values("NONE"), ["4"]);
    world.post(&target, &json!({ "ingest_aliases": ["acct-1"] }));
    assert_eq!(world.values("NONE"), ["null"]);
}

#[test]
fn an_event_may_name_the_customer_by_its_metronome_id() {
    let world = World::new();
    let customer_id = world.customer.to_string();
    world
        .metronome
        .ingest(Event {
            customer_id,
            ..use_of("a", "2026-11-20T01:00:00Z", "4")
        })
        .unwrap();
    world.used("b", "2026-11-20T01:00:00Z", "5");
    assert_eq!(world.values("NONE"), ["9"]);
}

#[test]
fn a_metric_counts_only_what_comes_in_after_it_was_defined() {
    let world = World::new();
    world.used("a", "2026-11-20T01:00:00Z", "4");
    let late = world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    world.used("b", "2026-11-20T01:00:00Z", "5");
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    assert_eq!(
        world.metronome.usage_of(world.customer, late, from, until),
        Some(1.into())
    );
    assert_eq!(
        world
            .metronome
            .usage_of(world.customer, world.metric, from, until),
        Some(9.into())
    );
}

#[test]
fn late_usage_is_counted_in_the_hour_it_happened_and_seen_from_the_moment_it_came() {
    let world = World::new();
    world.used("a", "2026-11-19T05:10:00Z", "1");
    world.clock.advance(hours(1));
    world.used("late", "2026-11-19T05:50:00Z", "10");
    assert_eq!(world.values("HOUR")[5], "11");
    world.clock.advance(-TimeDelta::milliseconds(1));
    assert_eq!(world.values("HOUR")[5], "1");
}

#[test]
fn reads_lag_writes_by_the_visibility_delay() {
    let world = World::new();
    world.metronome.set_visibility_delay(TimeDelta::minutes(5));
    world.used("a", "2026-11-20T13:00:00Z", "1");
    world
        .clock
        .advance(TimeDelta::minutes(5) - TimeDelta::milliseconds(1));
    assert_eq!(world.values("NONE"), ["null"]);
    assert_eq!(
        world.ok("/v1/events/search", &json!({ "transactionIds": ["a"] })),
        json!([])
    );
    world.clock.advance(TimeDelta::milliseconds(1));
    assert_eq!(world.values("NONE"), ["1"]);
}

#[test]
fn a_search_shows_what_became_of_an_event() {
    let world = World::new();
    world.used("a", "2026-11-20T13:00:00Z", "1");
    world.used("a", "2026-11-20T13:00:00Z", "1");
    let stray = Event::new("b", "nobody", "unmatched", at("2026-11-20T13:00:00Z"));
    world.metronome.ingest(stray).unwrap();
    let found = world.ok("/v1/events/search", &json!({ "transactionIds": ["a", "b", "c"] }));
    assert_eq!(found.as_array().unwrap().len(), 3);
    assert_eq!(found[0]["is_duplicate"], false);
    assert_eq!(
        found[0]["matched_customer"],
        json!({ "id": world.customer, "name": "Acme" })
    );
    assert_eq!(found[0]["matched_billable_metrics"][0]["id"], json!(world.metric));
    assert_eq!(found[1]["is_duplicate"], true);
    assert_eq!(found[2].get("matched_customer"), None);
    assert_eq!(found[2]["matched_billable_metrics"], json!([]));
    world.clock.advance(TimeDelta::days(35));
    assert_eq!(
        world.ok("/v1/events/search", &json!({ "transactionIds": ["a"] })),
        json!([])
    );
}
