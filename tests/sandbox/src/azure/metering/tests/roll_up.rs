//! What was sent, read back by the day.

use super::*;

/// Two days of usage, under two plans on the second.
fn world() -> World {
    let world = World::new();
    let events = [
        event("2026-11-19T22:00:00Z", 5),
        event("2026-11-19T23:59:59Z", 6),
        event("2026-11-20T00:00:00Z", 7),
        with(event("2026-11-20T00:00:00Z", 8), "dimension", json!("users")),
    ];
    assert_eq!(world.statuses(&events), ["Accepted"; 4]);
    world.azure.change_plan(id(RESOURCE), "silver");
    let later = with(event("2026-11-20T01:00:00Z", 9), "planId", json!("silver"));
    assert_eq!(world.statuses(&[later]), ["Accepted"]);
    world
}

/// Day, dimension, plan, quantity and count of each row.
fn rows(world: &World, query: &str) -> Vec<(String, String, String, Value, Value)> {
    let (status, answer) = world.get(query);
    assert_eq!(status, 200, "{answer}");
    let text = |row: &Value, member: &str| row[member].as_str().unwrap().to_owned();
    answer
        .as_array()
        .unwrap()
        .iter()
        .map(|row| {
            let day = text(row, "usageDate")
                .strip_suffix("T00:00:00Z")
                .unwrap()
                .to_owned();
            let (quantity, count) = (row["submittedQuantity"].clone(), row["submittedCount"].clone());
            (day, text(row, "dimension"), text(row, "planId"), quantity, count)
        })
        .collect()
}

fn row(
    day: &str,
    dimension: &str,
    plan: &str,
    quantity: i64,
    count: u64,
) -> (String, String, String, Value, Value) {
    let text = str::to_owned;
    (
        text(day),
        text(dimension),
        text(plan),
        json!(quantity),
        json!(count),
    )
}

#[test]
fn a_row_is_of_a_day_a_resource_a_dimension_and_a_plan() {
    let expected = [
        row("2026-11-19", "api_calls", "gold", 11, 2),
        row("2026-11-20", "api_calls", "gold", 7, 1),
        row("2026-11-20", "api_calls", "silver", 9, 1),
        row("2026-11-20", "users", "gold", 8, 1),
    ];
    assert_eq!(rows(&world(), "usageStartDate=2026-11-19"), expected);
}

#[test]
fn the_days_of_both_dates_are_included() {
    let world = world();
    let first = [row("2026-11-19", "api_calls", "gold", 11, 2)];
    for query in [
        "usageStartDate=2026-11-18&usageEndDate=2026-11-19",
        "usageStartDate=2026-11-19T15:00&UsageEndDate=2026-11-19T15:00:00Z",
    ] {
        assert_eq!(rows(&world, query), first);
    }
    assert_eq!(rows(&world, "usageStartDate=2026-11-20").len(), 3);
    assert_eq!(rows(&world, "usageStartDate=2026-11-21"), []);
}

#[test]
fn rows_are_filtered() {
    let world = world();
    let count = |filter: &str| rows(&world, &format!("usageStartDate=2026-11-19&{filter}")).len();
    assert_eq!(count("planId=silver"), 1);
    assert_eq!(count("dimension=api_calls"), 3);
    assert_eq!(count("dimension=users&planId=silver"), 0);
    assert_eq!(count("offerId=acme"), 4);
    assert_eq!(count("offerId=theirs"), 0);
    assert_eq!(count("reconStatus=Submitted"), 4);
    assert_eq!(count("reconStatus=Accepted"), 0);
    assert_eq!(count("reconStatus=DryRun"), 0);
    let bought = Subscription::new(id(RESOURCE), "acme", "silver").azure_subscription_id;
    assert_eq!(count(&format!("azureSubscriptionId={bought}")), 4);
    assert_eq!(count(&format!("azureSubscriptionId={OTHER_RESOURCE}")), 0);
}

#[test]
fn a_day_is_processed_when_nothing_can_be_added_to_it() {
    let mut world = world();
    let of_the_19th = |world: &World| {
        let (_, answer) = world.get("usageStartDate=2026-11-19&usageEndDate=2026-11-19");
        answer[0].clone()
    };
    let subscription = Subscription::new(id(RESOURCE), "acme", "silver");
    let mut expected = json!({
        "usageDate": "2026-11-19T00:00:00Z", "usageResourceId": RESOURCE, "dimension": "api_calls", "planId": "gold",
        "planName": "", "offerId": "acme", "offerName": "", "offerType": "SaaS",
        "azureSubscriptionId": subscription.azure_subscription_id, "reconStatus": "Submitted",
        "submittedQuantity": 11, "processedQuantity": 0, "submittedCount": 2,
    });
    assert_eq!(of_the_19th(&world), expected);
    world.go_to("2026-11-20T23:59:59.999Z");
    assert_eq!(of_the_19th(&world), expected);

    world.go_to("2026-11-21T00:00:00Z");
    for (member, value) in [
        ("planName", json!("gold")),
        ("offerName", json!("acme")),
        ("reconStatus", json!("Accepted")),
        ("processedQuantity", json!(11)),
    ] {
        expected[member] = value;
    }
    assert_eq!(of_the_19th(&world), expected);
}

#[test]
fn the_pipeline_may_make_something_else_of_a_row() {
    let world = world();
    let row = Row {
        day: "2026-11-19".parse().unwrap(),
        resource_id: id(RESOURCE),
        dimension: "api_calls".to_owned(),
        plan_id: "gold".to_owned(),
    };
    for (quantity, status) in [(11, "Accepted"), (10, "Mismatch"), (0, "Rejected")] {
        world.azure.process(row.clone(), Decimal::from(quantity));
        let (_, answer) = world.get("usageStartDate=2026-11-19&usageEndDate=2026-11-19");
        assert_eq!(answer[0]["reconStatus"], status);
        assert_eq!(answer[0]["processedQuantity"], quantity);
        assert_eq!(answer[0]["submittedQuantity"], 11);
    }
}

#[test]
fn only_the_callers_offers_are_read() {
    let mut world = world();
    world.log_in("stranger");
    assert_eq!(rows(&world, "usageStartDate=2026-11-19"), []);
    let theirs = with(this(), "resourceId", json!(STRANGERS_RESOURCE));
    assert_eq!(world.statuses(&[theirs]), ["Accepted"]);
    assert_eq!(rows(&world, "usageStartDate=2026-11-19").len(), 1);
}

#[test]
fn a_query_that_is_missing_or_malformed_is_refused() {
    let world = world();
    for query in [
        "",
        "usageEndDate=2026-11-20",
        "usageStartDate=yesterday",
        "usageStartDate=2026-11-20&usageEndDate=2026-11-19",
        "usageStartDate=2026-11-19&usageEndDate=now",
        "usageStartDate=2026-11-19&reconStatus=Done",
        "usageStartDate=2026-11-19&azureSubscriptionId=mine",
        "usageStartDate=2026-11-19&plan=silver",
    ] {
        assert_eq!(world.get(query).0, 400, "{query}");
    }
}
