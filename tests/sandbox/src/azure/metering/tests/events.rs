//! What refuses one event: in a batch by its status, alone by HTTP's.

use super::*;

fn about(member: &str) -> Value {
    json!(member)
}

#[test]
fn a_member_that_is_missing_or_malformed_is_a_bad_argument() {
    let world = World::new();
    for member in [
        "resourceId",
        "quantity",
        "dimension",
        "effectiveStartTime",
        "planId",
    ] {
        let expected = ("BadArgument".to_owned(), about(member));
        assert_eq!(world.verdict(without(this(), member)), expected);
        assert_eq!(world.verdict(with(this(), member, Value::Null)), expected);
        assert_eq!(world.verdict(with(this(), member, json!(""))), expected);
        assert_eq!(world.verdict(with(this(), member, json!([7]))), expected);
    }
    let malformed = [
        ("resourceId", json!("globex")),
        ("quantity", json!("7")),
        ("quantity", json!(true)),
        ("effectiveStartTime", json!("2026-11-20")),
        ("effectiveStartTime", json!("2026-11-20T13:00:00+01:00")),
        ("effectiveStartTime", json!(1_795_179_600)),
    ];
    for (member, value) in malformed {
        let expected = ("BadArgument".to_owned(), about(member));
        assert_eq!(world.verdict(with(this(), member, value)), expected);
    }
    assert_eq!(world.azure.held(), []);
}

#[test]
fn all_that_is_wrong_with_an_event_is_said_at_once() {
    let world = World::new();
    let (status, answer) = world.single(&without(without(this(), "planId"), "quantity"));
    assert_eq!(status, 400);
    assert_eq!(answer["code"], "BadArgument");
    assert_eq!(answer["target"], "usageEventRequest");
    let details = answer["details"].as_array().unwrap();
    let targets: Vec<&Value> = details.iter().map(|detail| &detail["target"]).collect();
    assert_eq!(targets, ["planId", "quantity"]);
    assert!(details.iter().all(|detail| detail["code"] == "BadArgument"));
}

#[test]
fn a_resource_has_one_name_and_managed_applications_are_none_of_ours() {
    let world = World::new();
    let uri = json!("/subscriptions/1/resourceGroups/2");
    let both = with(this(), "resourceUri", uri);
    assert_eq!(
        world.verdict(both.clone()),
        ("BadArgument".to_owned(), about("resourceId"))
    );
    assert_eq!(
        world.verdict(without(both, "resourceId")),
        ("ResourceNotFound".to_owned(), about("resourceId"))
    );
}

#[test]
fn an_unknown_resource_is_not_found() {
    let world = World::new();
    let unknown = with(
        this(),
        "resourceId",
        json!("5a1e0009-0000-4000-8000-000000000009"),
    );
    assert_eq!(
        world.verdict(unknown.clone()),
        ("ResourceNotFound".to_owned(), about("resourceId"))
    );
    assert_eq!(world.single(&unknown).0, 400);
}

#[test]
fn usage_of_another_applications_offer_is_not_authorized() {
    let world = World::new();
    let theirs = with(this(), "resourceId", json!(STRANGERS_RESOURCE));
    assert_eq!(
        world.statuses(&[theirs.clone(), this()]),
        ["ResourceNotAuthorized", "Accepted"]
    );
    let (status, answer) = world.single(&theirs);
    assert_eq!((status, &answer["code"]), (403, &json!("Forbidden")));
    assert_eq!(world.azure.held().len(), 1);
}

#[test]
fn only_a_subscribed_resource_is_active() {
    let world = World::new();
    for status in [Status::PendingFulfillmentStart, Status::Suspended] {
        world.azure.set_status(id(RESOURCE), status);
        assert_eq!(
            world.verdict(this()),
            ("ResourceNotActive".to_owned(), about("resourceId"))
        );
        assert_eq!(world.single(&this()).0, 400);
    }
    world.azure.set_status(id(RESOURCE), Status::Subscribed);
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
}

#[test]
fn an_event_names_the_plan_that_the_resource_has_now() {
    let world = World::new();
    world.azure.change_plan(id(RESOURCE), "silver");
    assert_eq!(world.verdict(this()), ("BadArgument".to_owned(), about("planId")));
    assert_eq!(
        world.statuses(&[with(this(), "planId", json!("silver"))]),
        ["Accepted"]
    );
}

#[test]
fn a_dimension_must_be_of_the_resources_plan() {
    let world = World::new();
    world.azure.change_plan(id(RESOURCE), "silver");
    let of = |dimension: &str| {
        with(
            with(this(), "planId", json!("silver")),
            "dimension",
            json!(dimension),
        )
    };
    for dimension in ["users", "API_CALLS", "unknown"] {
        assert_eq!(
            world.verdict(of(dimension)),
            ("InvalidDimension".to_owned(), about("dimension"))
        );
    }
    assert_eq!(world.single(&of("users")).0, 400);
}

#[test]
fn a_quantity_is_greater_than_zero() {
    let world = World::new();
    let expected = ("InvalidQuantity".to_owned(), about("quantity"));
    for quantity in [json!(0), json!(0.0), json!(-0.0), json!(-1), json!(-0.5)] {
        assert_eq!(world.verdict(with(this(), "quantity", quantity)), expected);
    }
    assert_eq!(world.single(&event("2026-11-20T13:00:00Z", 0)).0, 400);
    let tiny = with(this(), "quantity", json!(0.000_001));
    assert_eq!(world.statuses(&[tiny]), ["Accepted"]);
}

/// An event with a quantity of this very text.
fn of_quantity(hour: u32, quantity: &str) -> String {
    let event = event(&format!("2026-11-20T{hour:02}:00:00Z"), 1).to_string();
    event.replace("\"quantity\":1", &format!("\"quantity\":{quantity}"))
}

#[test]
fn a_quantity_is_kept_as_it_is_written() {
    let world = World::new();
    let texts = ["0.1", "17.50", "5e-1", "1.5E3", "9.1234567890123461"];
    for (hour, text) in (8..).zip(texts) {
        let reply = world.call(&world.request(SINGLE, &of_quantity(hour, text)));
        assert_eq!(reply.status(), 200);
        let body = String::from_utf8(reply.body().to_vec()).unwrap();
        assert!(body.contains(&format!("\"quantity\":{text},")), "{body}");
    }
    let kept: Vec<Decimal> = world
        .azure
        .held()
        .into_iter()
        .map(|event| event.quantity)
        .collect();
    let expected = ["0.1", "17.5", "0.5", "1500", "9.1234567890123461"];
    assert_eq!(kept, expected.map(|text| text.parse().unwrap()));
    let again = world.call(&world.request(SINGLE, &of_quantity(9, "1")));
    let body = String::from_utf8(again.body().to_vec()).unwrap();
    assert!(body.contains("\"quantity\":17.5,"), "{body}");
}

#[test]
fn quantities_of_more_than_15_digits_are_counted() {
    let world = World::new();
    let texts = [
        "123456789.012345",
        "1000000000000000000",
        "1.0000000000000000",
        "1234567890.012345",
        "1000000000000001",
    ];
    for (hour, text) in (8..).zip(texts) {
        let reply = world.call(&world.request(SINGLE, &of_quantity(hour, text)));
        assert_eq!(reply.status(), 200);
    }
    assert_eq!(world.azure.counts().inexact, 2);
}

#[test]
fn events_are_counted_by_the_status_that_they_were_answered_with() {
    let world = World::new();
    world.batch(&[this(), this(), with(this(), "quantity", json!(0))]);
    world.single(&this());
    let counts = world.azure.counts();
    let answered = [("Accepted", 1), ("Duplicate", 2), ("InvalidQuantity", 1)];
    assert_eq!(counts.answered, BTreeMap::from(answered));
    let calls = [(Operation::UsageEvent, 1), (Operation::BatchUsageEvent, 1)];
    assert_eq!(counts.calls, BTreeMap::from(calls));
    assert_eq!(counts.refused, 0);
}
