use super::super::PropertyFilter;
use super::*;

/// The usage of 20 November under a metric over events whose property `n` is, an hour apart, each of these.
fn aggregate(aggregation: Aggregation, ns: &[&str]) -> Option<String> {
    let world = World::new();
    let metric = world
        .metronome
        .create_metric(NewMetric::of("M", aggregation, "n"))
        .unwrap();
    for (hour, n) in ns.iter().enumerate() {
        world.used(&format!("t{hour}"), &format!("2026-11-20T{hour:02}:00:00Z"), n);
    }
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    let usage = world
        .metronome
        .exact_usage_of(world.customer, metric, from, until)?;
    Some(usage.to_plain_string())
}

#[test]
fn the_five_aggregations_mean_what_they_say() {
    let ns = ["3", "9", "-1", "3", "5"];
    assert_eq!(aggregate(Aggregation::Sum, &ns).unwrap(), "19");
    assert_eq!(aggregate(Aggregation::Max, &ns).unwrap(), "9");
    assert_eq!(aggregate(Aggregation::Unique, &ns).unwrap(), "4");
    assert_eq!(aggregate(Aggregation::Latest, &ns).unwrap(), "5");
    assert_eq!(aggregate(Aggregation::Max, &["-5", "-3"]).unwrap(), "-3");
}

#[test]
fn unique_counts_any_values_and_the_rest_only_numbers() {
    let ns = ["anna", "bob", "anna", "7"];
    assert_eq!(aggregate(Aggregation::Unique, &ns).unwrap(), "3");
    assert_eq!(aggregate(Aggregation::Sum, &ns).unwrap(), "7");
    assert_eq!(aggregate(Aggregation::Sum, &["anna"]), None);
}

#[test]
fn sums_are_exact_to_any_digit() {
    assert_eq!(aggregate(Aggregation::Sum, &["0.1", "0.2"]).unwrap(), "0.3");
    assert_eq!(
        aggregate(Aggregation::Sum, &["1e15", "0.0000001", "1E-7"]).unwrap(),
        "1000000000000000.0000002"
    );
    let digits = "123456789012345678901234567890.123456789012345678901234567891";
    assert_eq!(aggregate(Aggregation::Sum, &[digits]).unwrap(), digits);
}

#[test]
fn a_number_of_absurd_size_is_no_number() {
    for n in [
        "1e999999999",
        "1e9223372036854775807",
        "1e-9223372036854775808",
        "1e200",
        "NaN",
        "1_000",
        " 1",
        "",
    ] {
        assert_eq!(aggregate(Aggregation::Sum, &[n]), None, "{n}");
    }
}

#[test]
fn properties_may_be_json_numbers_and_keep_their_own_digits() {
    let world = World::new();
    let body = r#"[{"transaction_id":"a","customer_id":"acct-1","event_type":"use",
        "timestamp":"2026-11-20T13:00:00+00:00","properties":{"n":9007199254740993.000000000000000001}},
        {"transaction_id":"b","customer_id":"acct-1","event_type":"use",
        "timestamp":"2026-11-20T13:00:00+00:00","properties":{"n":"0.5"}}]"#;
    assert_eq!(world.call(Method::POST, "/v1/ingest", body).0, 200);
    assert_eq!(world.values("NONE"), ["9007199254740993.500000000000000001"]);
    let twin = body.replace("\"a\"", "\"c\"").replace("\"b\"", "\"d\"");
    assert_eq!(world.call(Method::POST, "/v1/ingest", twin).0, 200);
    assert_eq!(world.values("NONE"), ["18014398509481987.000000000000000002"]);
}

#[test]
fn of_two_latest_at_one_instant_the_one_sent_later_wins() {
    let world = World::new();
    let metric = world
        .metronome
        .create_metric(NewMetric::of("M", Aggregation::Latest, "n"))
        .unwrap();
    world
        .metronome
        .set_ingest_aliases(world.customer, &["acct-1", "acct-0"])
        .unwrap();
    for (id, name, time, n) in [
        ("a", "acct-0", "2026-11-20T05:00:00Z", "5"),
        ("b", "acct-1", "2026-11-20T05:00:00Z", "7"),
        ("c", "acct-0", "2026-11-20T04:00:00Z", "9"),
    ] {
        world
            .metronome
            .ingest(Event {
                customer_id: name.into(),
                ..use_of(id, time, n)
            })
            .unwrap();
    }
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    assert_eq!(
        world.metronome.usage_of(world.customer, metric, from, until),
        Some(7.into())
    );
}

/// How many of three events pass a filter on `region`: one in `eu`, one in `us`, one nowhere.
fn passing(filter: PropertyFilter) -> Option<String> {
    let world = World::new();
    let filter = PropertyFilter {
        name: "region".into(),
        ..filter
    };
    let metric = world
        .metronome
        .create_metric(NewMetric::count("M").where_property(filter))
        .unwrap();
    let event = |id| use_of(id, "2026-11-20T05:00:00Z", "1");
    world.metronome.ingest(event("a").with("region", "eu")).unwrap();
    world.metronome.ingest(event("b").with("region", "us")).unwrap();
    world.metronome.ingest(event("c")).unwrap();
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    Some(
        world
            .metronome
            .usage_of(world.customer, metric, from, until)?
            .to_string(),
    )
}

#[test]
fn property_filters_ask_for_presence_and_values() {
    let eu = || Some(vec!["eu".to_owned()]);
    let count = |filter| passing(filter).unwrap();
    assert_eq!(count(PropertyFilter::default()), "3");
    assert_eq!(
        count(PropertyFilter {
            exists: Some(true),
            ..Default::default()
        }),
        "2"
    );
    assert_eq!(
        count(PropertyFilter {
            exists: Some(false),
            ..Default::default()
        }),
        "1"
    );
    assert_eq!(
        count(PropertyFilter {
            in_values: eu(),
            ..Default::default()
        }),
        "1"
    );
    assert_eq!(
        count(PropertyFilter {
            not_in_values: eu(),
            ..Default::default()
        }),
        "2"
    );
    let neither = PropertyFilter {
        exists: Some(true),
        not_in_values: eu(),
        ..Default::default()
    };
    assert_eq!(count(neither), "1");
    let impossible = PropertyFilter {
        in_values: eu(),
        not_in_values: eu(),
        ..Default::default()
    };
    assert_eq!(passing(impossible), None);
}

#[test]
fn an_event_type_filter_lets_in_and_shuts_out() {
    let world = World::new();
    world
        .metronome
        .ingest(Event {
            event_type: "other".into(),
            ..use_of("a", "2026-11-20T05:00:00Z", "1")
        })
        .unwrap();
    assert_eq!(world.values("NONE"), ["null"]);
    let body = json!({ "name": "Not use", "aggregation_type": "Count",
        "event_type_filter": { "not_in_values": ["use"] } });
    let id = world.ok("/v1/billable-metrics/create", &body)["data"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    world.used("b", "2026-11-20T05:00:00Z", "1");
    world
        .metronome
        .ingest(Event {
            event_type: "other".into(),
            ..use_of("c", "2026-11-20T05:00:00Z", "1")
        })
        .unwrap();
    let (from, until) = (at("2026-11-20T00:00:00Z"), at("2026-11-21T00:00:00Z"));
    assert_eq!(
        world.metronome.usage_of(world.customer, id, from, until),
        Some(1.into())
    );
}
