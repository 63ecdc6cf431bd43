use super::super::PropertyFilter;
use super::*;

#[test]
fn each_window_has_a_row_and_null_is_not_zero() {
    let world = World::new();
    world.used("a", "2026-11-19T00:00:00Z", "2");
    world.used("b", "2026-11-19T00:59:59.999Z", "3");
    world.used("c", "2026-11-19T01:00:00Z", "0");
    let rows = world.ok("/v1/usage", &world.query("HOUR"));
    let rows = rows["data"].as_array().unwrap();
    assert_eq!(rows.len(), 48);
    assert_eq!(
        rows[0],
        json!({ "customer_id": world.customer, "billable_metric_id": world.metric,
            "billable_metric_name": "Units", "start_timestamp": "2026-11-19T00:00:00+00:00",
            "end_timestamp": "2026-11-19T01:00:00+00:00", "value": 5 })
    );
    assert_eq!(rows[1]["value"], 0);
    assert_eq!(rows[2]["value"], Value::Null);
}

#[test]
fn windows_are_hours_days_or_the_whole_in_any_case() {
    let world = World::new();
    world.used("a", "2026-11-19T23:59:59Z", "2");
    world.used("b", "2026-11-20T00:00:00Z", "3");
    assert_eq!(world.values("Day"), ["2", "3"]);
    assert_eq!(world.values("none"), ["5"]);
    assert_eq!(world.values("hour").len(), 48);
    world.refused(400, "/v1/usage", &world.query("WEEK"));
}

#[test]
fn the_hour_in_progress_is_partial_and_the_future_is_null() {
    let world = World::new();
    world.used("a", "2026-11-20T13:10:00Z", "2");
    let values = world.values("HOUR");
    assert_eq!(values[24 + 13], "2");
    assert!(values[24 + 14..].iter().all(|value| value == "null"));
    world.used("b", "2026-11-20T13:20:00Z", "2");
    assert_eq!(world.values("HOUR")[24 + 13], "4");
}

#[test]
fn bounds_lie_on_utc_midnights_a_day_or_more_apart_whatever_the_window() {
    let world = World::new();
    for window in ["HOUR", "DAY", "NONE"] {
        for (from, until) in [
            ("2026-11-20T01:00:00Z", "2026-11-21T00:00:00Z"),
            ("2026-11-20T00:00:00Z", "2026-11-20T14:00:00Z"),
            ("2026-11-20T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("2026-11-21T00:00:00Z", "2026-11-20T00:00:00Z"),
            ("2026-11-20T00:00:00+01:00", "2026-11-22T00:00:00+01:00"),
            ("2026-11-20", "2026-11-21"),
        ] {
            let mut query = world.query(window);
            query["starting_on"] = json!(from);
            query["ending_before"] = json!(until);
            world.refused(400, "/v1/usage", &query);
        }
    }
    let mut query = world.query("NONE");
    query["starting_on"] = json!("1970-01-01T00:00:00Z");
    assert_eq!(world.post("/v1/usage", &query).0, 200);
    query["window_size"] = json!("HOUR");
    world.refused(400, "/v1/usage", &query);
}

#[test]
fn a_limit_is_refused_in_the_query_and_in_the_body() {
    let world = World::new();
    world.refused(400, "/v1/usage?limit=10", &world.query("DAY"));
    let mut query = world.query("DAY");
    query["limit"] = json!(10);
    world.refused(400, "/v1/usage", &query);
}

#[test]
fn a_page_is_one_customer_and_metric_grouped_by_customer() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &["acct-2"]).unwrap();
    let count = world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    world.used("a", "2026-11-20T05:00:00Z", "2");
    let all = json!({ "starting_on": "2026-11-19T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z",
        "window_size": "DAY" });
    let pages = world.walk(Method::POST, "/v1/usage", &all);
    let pair = |page: &Value| {
        (
            page[0]["customer_id"].clone(),
            page[0]["billable_metric_id"].clone(),
        )
    };
    let pairs: Vec<_> = pages.iter().map(pair).collect();
    let expected = [
        (world.customer, world.metric),
        (world.customer, count),
        (other, world.metric),
        (other, count),
    ];
    assert_eq!(
        pairs,
        expected.map(|(customer, metric)| (json!(customer), json!(metric)))
    );
    assert!(pages.iter().all(|page| page.as_array().unwrap().len() == 2));
    assert_eq!(pages[1][1]["value"], 1);
}

#[test]
fn what_is_made_during_a_walk_does_not_shift_its_pages() {
    let world = World::new();
    world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    let all = json!({ "starting_on": "2026-11-19T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z",
        "window_size": "NONE" });
    let first = world.ok("/v1/usage", &all);
    world.metronome.create_customer("New", &[]).unwrap();
    world.metronome.create_metric(NewMetric::count("New")).unwrap();
    let target = format!(
        "/v1/usage?next_page={}",
        encode(first["next_page"].as_str().unwrap())
    );
    let second = world.ok(&target, &all);
    assert_eq!(second["data"][0]["billable_metric_name"], "Uses");
    assert_eq!(second["next_page"], Value::Null);
}

#[test]
fn a_cursor_is_good_only_for_its_own_request() {
    let world = World::new();
    world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    let mut query = world.query("DAY");
    query.as_object_mut().unwrap().remove("billable_metrics");
    let page = world.ok("/v1/usage", &query);
    let cursor = page["next_page"].as_str().unwrap();
    let target = format!("/v1/usage?next_page={}", encode(cursor));
    assert_eq!(world.post(&target, &query).0, 200);
    world.refused(400, &format!("/v1/usage?next_page={cursor}"), &query);
    world.refused(400, "/v1/usage?next_page=2", &query);
    query["window_size"] = json!("HOUR");
    world.refused(400, &target, &query);
}

#[test]
fn unknown_ids_are_404_and_malformed_requests_400() {
    let world = World::new();
    let with = |field: &str, value: Value| {
        let mut query = world.query("DAY");
        query[field] = value;
        query
    };
    let unknown = "00000000-0000-4000-8000-000000000000";
    world.refused(404, "/v1/usage", &with("customer_ids", json!([unknown])));
    world.refused(
        404,
        "/v1/usage",
        &with("billable_metrics", json!([{ "id": unknown }])),
    );
    world.refused(400, "/v1/usage", &with("customer_ids", json!(["acct-1"])));
    world.refused(400, "/v1/usage", &with("customer_ids", Value::Null));
    world.refused(400, "/v1/usage", &with("billable_metrics", json!([world.metric])));
    world.refused(
        400,
        "/v1/usage",
        &with("starting_at", json!("2026-11-19T00:00:00Z")),
    );
    let mut without = world.query("DAY");
    without.as_object_mut().unwrap().remove("window_size");
    world.refused(400, "/v1/usage", &without);
    assert_eq!(
        world.ok("/v1/usage", &with("customer_ids", json!([])))["data"],
        json!([])
    );
}

#[test]
fn archived_customers_and_metrics_keep_their_usage() {
    let world = World::new();
    world.used("a", "2026-11-20T05:00:00Z", "2");
    world.metronome.archive_customer(world.customer).unwrap();
    world.metronome.archive_metric(world.metric).unwrap();
    world.used("b", "2026-11-20T06:00:00Z", "3");
    assert_eq!(world.values("NONE"), ["5"]);
}

/// The quickest of 50 usage pages in a world of so many customers, each with a day of hourly events.
fn quickest_page(customers: usize) -> std::time::Duration {
    let world = World::new();
    world.metronome.create_metric(NewMetric::count("Uses")).unwrap();
    for customer in 0..customers {
        let name = format!("c{customer}");
        world.metronome.create_customer("C", &[&name]).unwrap();
        for hour in 0..24 {
            let event = use_of(
                &format!("{name}/{hour}"),
                &format!("2026-11-19T{hour:02}:10:00Z"),
                "1.5",
            );
            world
                .metronome
                .ingest(Event {
                    customer_id: name.clone(),
                    ..event
                })
                .unwrap();
        }
    }
    let body = json!({ "starting_on": "2026-11-19T00:00:00Z", "ending_before": "2026-11-20T00:00:00Z",
        "window_size": "HOUR" });
    let mut target = "/v1/usage".to_owned();
    let mut quickest = std::time::Duration::MAX;
    for page in 0..50 {
        let start = std::time::Instant::now();
        let (_, text) = world.post(&target, &body);
        quickest = quickest.min(start.elapsed());
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert_eq!(answer["data"][23]["value"].is_null(), page < 2);
        target = format!(
            "/v1/usage?next_page={}",
            encode(answer["next_page"].as_str().unwrap())
        );
    }
    quickest
}

#[test]
fn a_page_costs_the_same_however_many_customers_there_are() {
    let (few, many) = (quickest_page(30), quickest_page(1_000));
    println!("a page among 30 customers takes {few:?}, among 1,000 {many:?}");
    assert!(many < few * 10);
}

#[test]
fn groups_show_each_value_of_a_simple_key() {
    let world = World::new();
    for (id, time, region) in [
        ("a", "2026-11-19T05:00:00Z", "eu"),
        ("b", "2026-11-20T05:00:00Z", "us"),
        ("c", "2026-11-20T06:00:00Z", "eu"),
    ] {
        world
            .metronome
            .ingest(use_of(id, time, "2").with("region", region))
            .unwrap();
    }
    world.used("d", "2026-11-20T07:00:00Z", "5");
    let mut query = world.query("DAY");
    query["billable_metrics"][0]["group_by"] = json!({ "key": "region" });
    let rows = world.ok("/v1/usage", &query)["data"].clone();
    assert_eq!(rows[0]["groups"], json!({ "eu": 2, "us": null }));
    assert_eq!(rows[1]["groups"], json!({ "eu": 2, "us": 2 }));
    assert_eq!(rows[1]["value"], 9);
    query["billable_metrics"][0]["group_by"]["values"] = json!(["us", "mars"]);
    let rows = world.ok("/v1/usage", &query)["data"].clone();
    assert_eq!(rows[1]["groups"], json!({ "us": 2, "mars": null }));
    assert_eq!(rows[1]["value"], 9);
}

#[test]
fn only_a_simple_group_key_of_the_metric_groups_and_only_by_200_values() {
    let world = World::new();
    let filter = PropertyFilter {
        name: "zone".into(),
        exists: Some(true),
        ..Default::default()
    };
    let compound = NewMetric::count("C")
        .where_property(filter)
        .grouped_by(&["zone", "size"]);
    let compound = world.metronome.create_metric(compound).unwrap();
    let grouped = |metric: Uuid, group_by: Value| {
        let mut query = world.query("DAY");
        query["billable_metrics"] = json!([{ "id": metric, "group_by": group_by }]);
        query
    };
    world.refused(400, "/v1/usage", &grouped(compound, json!({ "key": "zone" })));
    world.refused(400, "/v1/usage", &grouped(world.metric, json!({ "key": "size" })));
    world.refused(
        400,
        "/v1/usage",
        &grouped(world.metric, json!({ "key": "region", "values": [] })),
    );
    let values = |count: usize| (0..count).map(|n| json!(n.to_string())).collect::<Value>();
    world.refused(
        400,
        "/v1/usage",
        &grouped(world.metric, json!({ "key": "region", "values": values(201) })),
    );
    let most = grouped(world.metric, json!({ "key": "region", "values": values(200) }));
    assert_eq!(world.post("/v1/usage", &most).0, 200);
}

#[test]
fn at_most_200_values_of_a_group_are_shown_where_none_are_named() {
    let world = World::new();
    for n in 0..201 {
        let event = use_of(&format!("t{n}"), "2026-11-20T01:00:00Z", "1");
        world
            .metronome
            .ingest(event.with("region", n.to_string()))
            .unwrap();
    }
    let mut query = world.query("NONE");
    query["billable_metrics"][0]["group_by"] = json!({ "key": "region" });
    let row = world.ok("/v1/usage", &query)["data"][0].clone();
    assert_eq!(row["groups"].as_object().unwrap().len(), 200);
    assert_eq!(row["value"], 201);
}
