//! What an operation must be made of.

use super::*;

const INVALID: &str = "INVALID_ARGUMENT";

/// The code for an operation with these values of one metric.
fn code(world: &World, metric: &str, sent: &[Json]) -> Option<i64> {
    let sets = json!([values(metric, sent)]);
    world.code(&with(operation("1", 0), "metricValueSets", sets))
}

fn refused(world: &World, sent: &[Json]) -> String {
    let sets = json!([values("calls", sent)]);
    world.refused(&[with(operation("1", 0), "metricValueSets", sets)])
}

#[test]
fn a_required_field_that_is_missing_or_empty_is_an_error_of_its_operation() {
    let world = World::new();
    for member in [
        "operationName",
        "consumerId",
        "startTime",
        "endTime",
        "metricValueSets",
    ] {
        assert_eq!(
            world.code(&without(operation("1", 1), member)),
            Some(3),
            "{member}"
        );
        assert_eq!(
            world.code(&with(operation("1", 1), member, json!(null))),
            Some(3),
            "{member}"
        );
    }
    for member in ["operationName", "consumerId"] {
        assert_eq!(
            world.code(&with(operation("1", 1), member, json!(""))),
            Some(3),
            "{member}"
        );
    }
}

#[test]
fn an_operation_without_an_id_refuses_the_request() {
    let world = World::new();
    for other in [without(operation("1", 1), "operationId"), operation("", 1)] {
        assert_eq!(world.refused(&[operation("2", 1), other]), INVALID);
    }
    assert_eq!(world.billed(), number("0"));
}

#[test]
fn an_operation_that_reports_no_value_is_an_error() {
    let world = World::new();
    assert_eq!(code(&world, "calls", &[]), Some(3));
    assert_eq!(
        world.code(&with(operation("1", 1), "metricValueSets", json!([]))),
        Some(3)
    );
    assert_eq!(code(&world, "calls", &[json!({})]), Some(3));
}

#[test]
fn a_metric_is_named_with_its_service() {
    let world = World::new();
    let named = |name: &str| {
        let sets = json!([{"metricName": name, "metricValues": [{"int64Value": "1"}]}]);
        world.code(&with(operation("1", 0), "metricValueSets", sets))
    };
    assert_eq!(named("calls"), Some(3));
    assert_eq!(named("other.example.com/calls"), Some(3));
    assert_eq!(named(&format!("{SERVICE}calls")), Some(3));
    assert_eq!(named(""), Some(3));
    assert_eq!(named(&format!("{SERVICE}/")), Some(5));
    assert_eq!(named(&format!("{SERVICE}/seats")), Some(5));
    assert_eq!(named(&format!("{SERVICE}/calls")), None);
}

#[test]
fn a_value_is_of_its_metrics_type() {
    let world = World::new();
    world
        .control
        .switch(|switches| switches.same_operation = SameOperation::Added);
    let int64 = json!({"int64Value": "1"});
    let double = json!({"doubleValue": 1});
    let money = json!({"moneyValue": {"currencyCode": "USD", "units": "1"}});
    let others = [
        json!({"stringValue": "1"}),
        json!({"boolValue": true}),
        json!({"distributionValue": {"count": "1"}}),
    ];
    for (metric, right) in [("calls", &int64), ("gigabytes", &double), ("cost", &money)] {
        for sent in [&int64, &double, &money].into_iter().chain(&others) {
            let expected = if sent == right { None } else { Some(3) };
            assert_eq!(
                code(&world, metric, std::slice::from_ref(sent)),
                expected,
                "{metric} {sent}"
            );
        }
    }
}

#[test]
fn a_value_of_two_kinds_refuses_the_request() {
    let world = World::new();
    let both = json!({"int64Value": "1", "doubleValue": 1.0});
    assert_eq!(refused(&world, &[both]), INVALID);
}

#[test]
fn an_int64_is_a_string_of_a_whole_number() {
    let world = World::new();
    for wrong in [
        json!(1),
        json!(1.0),
        json!("1.0"),
        json!("1.5"),
        json!("1e3"),
        json!("+1"),
        json!("01"),
        json!(" 1"),
        json!(""),
        json!("9223372036854775808"),
    ] {
        assert_eq!(
            refused(&world, &[json!({"int64Value": wrong})]),
            INVALID,
            "{wrong}"
        );
    }
    assert_eq!(
        code(&world, "calls", &[json!({"int64Value": "9223372036854775807"})]),
        None
    );
    assert_eq!(world.billed(), number("9223372036854775807"));
}

#[test]
fn a_double_is_a_json_number_in_its_range() {
    let world = World::new();
    for wrong in ["\"1\"", "\"NaN\"", "true", "1e400", "1e-400", "1e99999999999"] {
        let body = json!({"operations": [with(operation("1", 0), "metricValueSets", json!([values("gigabytes", &[json!({"doubleValue": "HERE"})])]))]});
        let body = body.to_string().replace("\"HERE\"", wrong);
        let (status, answer) = world.post("report", &body);
        assert_eq!(
            (status, &answer["error"]["status"]),
            (400, &json!(INVALID)),
            "{wrong}"
        );
    }
}

#[test]
fn nothing_is_taken_back() {
    let world = World::new();
    assert_eq!(code(&world, "calls", &[json!({"int64Value": "-1"})]), Some(3));
    assert_eq!(
        code(&world, "gigabytes", &[json!({"doubleValue": -0.1})]),
        Some(3)
    );
    let money = json!({"moneyValue": {"currencyCode": "USD", "nanos": -1}});
    assert_eq!(code(&world, "cost", &[money]), Some(3));
}

#[test]
fn zero_is_taken() {
    let world = World::new();
    assert_eq!(world.code(&operation("1", 0)), None);
    assert_eq!(world.control.operations(SERVICE, CONSUMER, "calls").len(), 1);
}

#[test]
fn money_is_units_and_nanos_of_one_sign_in_the_metrics_currency() {
    let world = World::new();
    let money = |money: Json| code(&world, "cost", &[json!({"moneyValue": money})]);
    assert_eq!(money(json!({"currencyCode": "EUR", "units": "1"})), Some(3));
    assert_eq!(money(json!({"units": "1"})), Some(3));
    assert_eq!(
        money(json!({"currencyCode": "USD", "units": "1", "nanos": -1})),
        Some(3)
    );
    assert_eq!(
        money(json!({"currencyCode": "USD", "units": "1", "nanos": 1_000_000_000})),
        Some(3)
    );
    assert_eq!(
        money(json!({"currencyCode": "USD", "units": "1", "nanos": 750_000_001})),
        None
    );
    assert_eq!(
        world.control.billed(SERVICE, CONSUMER, "cost"),
        number("1.750000001")
    );
    let units = json!({"moneyValue": {"currencyCode": "USD", "units": 1}});
    assert_eq!(refused(&world, &[units]), INVALID);
    let nanos = json!({"moneyValue": {"currencyCode": "USD", "nanos": "1"}});
    assert_eq!(refused(&world, &[nanos]), INVALID);
}

#[test]
fn two_values_of_one_metric_with_the_same_labels_refuse_the_whole_request() {
    let world = World::new();
    let one = json!({"int64Value": "1", "labels": {"zone": "a"}});
    let inherited = json!({"int64Value": "2"});
    assert_eq!(refused(&world, &[one.clone(), one.clone()]), INVALID);

    let this = with(operation("1", 0), "labels", json!({"zone": "a"}));
    let sets = json!([
        values("calls", std::slice::from_ref(&one)),
        values("calls", &[inherited])
    ]);
    let this = with(this, "metricValueSets", sets);
    assert_eq!(world.refused(&[operation("2", 1), this]), INVALID);

    let later = with(one.clone(), "startTime", json!("2026-11-20T13:30:00Z"));
    assert_eq!(refused(&world, &[one, later]), INVALID);
    assert_eq!(world.control.records(), []);
    assert_eq!(world.control.counts().refused, 3);
}

#[test]
fn user_labels_follow_googles_syntax() {
    let world = World::new();
    world
        .control
        .switch(|switches| switches.same_operation = SameOperation::Added);
    let labels = |labels: Json| world.code(&with(operation("1", 1), "userLabels", labels));
    let longest = "a".repeat(63);
    let too_long = "a".repeat(64);
    assert_eq!(labels(json!({"team-1_x": "", longest.as_str(): longest})), None);
    assert_eq!(labels(json!({"key": "0-_"})), None);
    for (key, value) in [
        ("", "a"),
        ("Team", "a"),
        ("1team", "a"),
        ("_team", "a"),
        ("te am", "a"),
        ("team", "A"),
        ("team", "a b"),
        (too_long.as_str(), "a"),
        ("team", too_long.as_str()),
        ("cloudmarketplace.googleapis.com/other", "a"),
    ] {
        assert_eq!(labels(json!({key: value})), Some(3), "{key}={value}");
    }
    let many = |count: usize| {
        (0..count)
            .map(|n| (format!("k{n}"), json!("v")))
            .collect::<serde_json::Map<_, _>>()
    };
    assert_eq!(labels(many(64).into()), None);
    assert_eq!(labels(many(65).into()), Some(3));
    let number = with(operation("1", 1), "userLabels", json!({"key": 1}));
    assert_eq!(world.refused(&[number]), INVALID);
}

#[test]
fn reserved_labels_reach_the_buyer_whatever_they_say() {
    let world = World::new();
    let labels = json!({
        "cloudmarketplace.googleapis.com/resource_name": "My Cluster / 1",
        "cloudmarketplace.googleapis.com/container_name": "Prod",
    });
    assert_eq!(world.code(&with(operation("1", 1), "userLabels", labels)), None);
    let stored = &world.control.records()[0];
    assert_eq!(
        stored.user_labels["cloudmarketplace.googleapis.com/resource_name"],
        "My Cluster / 1"
    );
}

#[test]
fn an_operation_has_a_hundred_resources_at_most() {
    let world = World::new();
    let resources = |count: usize| {
        let all = vec![json!({"resourceName": "x"}); count];
        world.code(&with(operation("1", 1), "resources", json!(all)))
    };
    assert_eq!(resources(101), Some(3));
    assert_eq!(resources(100), None);
}
