use super::super::{BrokenBody, Mischief, Operation};
use super::*;

/// A world of three customers and two metrics: six usage pages.
fn crowd() -> World {
    let world = World::new();
    world.metronome.create_customer("B", &["acct-2"]).unwrap();
    world.metronome.create_customer("C", &["acct-3"]).unwrap();
    world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    world.used("a", "2026-11-19T05:00:00Z", "1.50");
    world
}

fn everything() -> Value {
    json!({ "starting_on": "2026-11-19T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z", "window_size": "HOUR" })
}

fn sorted(pages: &[Value]) -> Vec<String> {
    let mut rows: Vec<String> = pages
        .iter()
        .flat_map(|page| page.as_array().unwrap())
        .map(Value::to_string)
        .collect();
    rows.sort();
    rows
}

#[test]
fn shuffled_pages_and_rows_are_the_same_rows_in_another_order() {
    let world = crowd();
    let straight = world.walk(Method::POST, "/v1/usage", &everything());
    world.metronome.set_mischief(Mischief {
        shuffle: Some(7),
        ..Mischief::default()
    });
    let shuffled = world.walk(Method::POST, "/v1/usage", &everything());
    assert_eq!(shuffled, world.walk(Method::POST, "/v1/usage", &everything()));
    assert_ne!(
        shuffled[0][0]["start_timestamp"],
        straight[0][0]["start_timestamp"]
    );
    let pair = |page: &Value| {
        (
            page[0]["customer_id"].to_string(),
            page[0]["billable_metric_id"].to_string(),
        )
    };
    assert_ne!(
        shuffled.iter().map(pair).collect::<Vec<_>>(),
        straight.iter().map(pair).collect::<Vec<_>>()
    );
    assert_eq!(sorted(&shuffled), sorted(&straight));
}

#[test]
fn repeated_pages_come_twice_and_the_walk_ends() {
    let world = crowd();
    world.metronome.set_mischief(Mischief {
        repeat_pages: true,
        ..Mischief::default()
    });
    let pages = world.walk(Method::POST, "/v1/usage", &everything());
    assert_eq!(pages.len(), 12);
    assert!(pages.chunks(2).all(|twins| twins[0] == twins[1]));
    let lists = world.walk(Method::GET, "/v1/customers?limit=2", &Value::Null);
    assert_eq!(
        lists
            .iter()
            .map(|page| page.as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [2, 2, 1, 1]
    );
    world.metronome.set_mischief(Mischief {
        repeat_pages: true,
        times: Some(1),
        ..Mischief::default()
    });
    assert_eq!(world.walk(Method::POST, "/v1/usage", &everything()).len(), 7);
}

#[test]
fn a_row_with_two_values_has_one_key() {
    let world = crowd();
    world.metronome.set_mischief(Mischief {
        two_values: true,
        ..Mischief::default()
    });
    assert_eq!(world.values("NONE"), ["1.5", "11.5"]);
}

#[test]
fn a_stale_reading_is_what_was_true_earlier() {
    let world = World::new();
    world.used("a", "2026-11-20T12:00:00Z", "1");
    world.clock.advance(hours(1));
    world.used("b", "2026-11-20T12:00:00Z", "2");
    let stale_by = Some(TimeDelta::minutes(30));
    world.metronome.set_mischief(Mischief {
        stale_by,
        times: Some(1),
        ..Mischief::default()
    });
    assert_eq!(world.values("NONE"), ["1"]);
    assert_eq!(world.values("NONE"), ["3"]);
}

#[test]
fn bodies_break_in_three_ways_and_only_where_they_are_told_to() {
    let world = crowd();
    let broken = |body| {
        let operations = vec![Operation::Usage];
        world.metronome.set_mischief(Mischief {
            body: Some(body),
            operations,
            ..Mischief::default()
        });
        assert_eq!(world.get("/v1/customers").0, 200);
        assert!(world.get("/v1/customers").1.starts_with("{\"data\""));
        let (status, text) = world.post("/v1/usage", &world.query("DAY"));
        assert_eq!(status, 200);
        text
    };
    let parse = |text: &str| serde_json::from_str::<Value>(text);
    assert!(parse(&broken(BrokenBody::NotJson)).is_err());
    assert!(parse(&broken(BrokenBody::CutOff)).unwrap_err().is_eof());
    assert_eq!(parse(&broken(BrokenBody::OtherShape)).unwrap().get("data"), None);
}

#[test]
fn strangers_change_no_digit() {
    let world = World::new();
    world.used("a", "2026-11-20T12:00:00Z", "0.1234567890123456789012345");
    world.metronome.set_mischief(Mischief {
        unknown_fields: true,
        unknown_enums: true,
        ..Mischief::default()
    });
    let (_, text) = world.post("/v1/usage", &world.query("NONE"));
    assert!(text.contains("\"value\":0.1234567890123456789012345"), "{text}");
    assert!(text.contains("x_confidence") && text.contains("x_estimate"));
    assert!(
        world
            .get("/v1/billable-metrics")
            .1
            .contains("\"aggregation_type\":\"PERCENTILE\"")
    );
    world.set(world.november());
    assert_eq!(
        world.listed(&world.invoices_at())[0]["status"],
        "DRAFT_INCOMPLETE"
    );
    assert!(
        world
            .get(&format!("/v1/customers/{}", world.customer))
            .1
            .contains("\"value\":\"paused\"")
    );
}

#[test]
fn mischief_can_be_aimed_at_one_customer() {
    let world = crowd();
    let clean = world.walk(Method::POST, "/v1/usage", &everything());
    let customer = Some(world.customer);
    world.metronome.set_mischief(Mischief {
        customer,
        two_values: true,
        ..Mischief::default()
    });
    let pages = world.walk(Method::POST, "/v1/usage", &everything());
    let sizes: Vec<usize> = pages.iter().map(|page| page.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [96, 96, 48, 48, 48, 48]);
    assert_eq!(pages[2..], clean[2..]);
}

#[test]
fn a_write_takes_effect_though_its_answer_is_broken() {
    let world = World::new();
    let body = Some(BrokenBody::NotJson);
    world.metronome.set_mischief(Mischief {
        body,
        times: Some(1),
        ..Mischief::default()
    });
    let (status, text) = world.post("/v1/customers", &json!({ "name": "New" }));
    assert_eq!((status, text.starts_with('<')), (200, true));
    assert_eq!(
        world.walk(Method::GET, "/v1/customers", &Value::Null)[0]
            .as_array()
            .unwrap()
            .len(),
        2
    );
}
