//! What a quantity, its allocations and their tags may look like.

use super::*;

fn this() -> Value {
    record("2026-11-20T13:10:00Z", 6)
}

fn decimal(text: &str) -> Value {
    with(without(this(), "Quantity"), "QuantityAsDecimal", json!(text))
}

fn split(parts: Value) -> Result<Value, String> {
    World::new().send(&[with(this(), "UsageAllocations", parts)])
}

#[test]
fn a_whole_quantity_is_a_32_bit_integer_that_is_not_negative() {
    for (quantity, refusal) in [
        (json!(-1), "ValidationException"),
        (json!(2_147_483_648_i64), "ValidationException"),
        (json!("6"), "SerializationException"),
        (json!([6]), "SerializationException"),
    ] {
        assert_eq!(
            World::new()
                .send(&[with(this(), "Quantity", quantity)])
                .unwrap_err(),
            refusal
        );
    }
    let world = World::new();
    assert_eq!(
        world.statuses(&[with(this(), "Quantity", json!(i32::MAX))]),
        ["Success"]
    );
    assert_eq!(world.billed(), Decimal::from(i32::MAX));
}

#[test]
fn a_whole_quantity_is_read_from_its_own_text() {
    let body = r#"{"UsageRecords":[{"Timestamp":1795179600,"Dimension":"api_calls","Quantity":1.5,
        "CustomerAWSAccountId":"123456789012","LicenseArn":"arn:aws:license-manager::294406891311:license:l-1"}]}"#;
    let target = "AWSMPMeteringService.BatchMeterUsage";
    let request = wire::json("aws-marketplace", REGION, "1.1", target, body);
    assert_eq!(
        wire::outcome(&World::new().metering, &request).unwrap_err().1,
        "ValidationException"
    );
}

#[test]
fn a_decimal_quantity_keeps_its_pattern() {
    for text in [
        "-1",
        "+1",
        "01",
        "1.",
        ".5",
        "1e3",
        "1.0000001",
        "10000000000",
        "",
        "1 ",
        "1,5",
        "0x1",
    ] {
        assert_eq!(
            World::new().send(&[decimal(text)]).unwrap_err(),
            "ValidationException",
            "{text}"
        );
    }
    for text in ["0", "0.000001", "17.42", "9999999999.999999"] {
        let world = World::new();
        assert_eq!(world.statuses(&[decimal(text)]), ["Success"]);
        assert_eq!(world.billed(), text.parse().unwrap());
    }
}

#[test]
fn a_quantity_is_written_in_one_way_and_is_zero_when_it_is_not_written() {
    let both = with(this(), "QuantityAsDecimal", json!("6"));
    assert_eq!(World::new().send(&[both]).unwrap_err(), "ValidationException");
    let world = World::new();
    assert_eq!(world.statuses(&[without(this(), "Quantity")]), ["Success"]);
    assert_eq!(world.metering.records()[0].quantity, Decimal::ZERO);
}

#[test]
fn allocations_add_up_to_the_quantity_and_are_of_its_kind() {
    let part = |quantity: i64, team: &str| json!({"AllocatedUsageQuantity": quantity, "Tags": [{"Key": "team", "Value": team}]});
    let untagged = json!({"AllocatedUsageQuantity": 2});
    assert!(split(json!([part(1, "a"), part(3, "b"), untagged])).is_ok());
    for wrong in [
        json!([part(1, "a"), part(4, "b")]),
        json!([part(3, "a"), part(3, "a")]),
        json!([{"AllocatedUsageQuantityAsDecimal": "6"}]),
    ] {
        assert_eq!(split(wrong).unwrap_err(), "InvalidUsageAllocationsException");
    }
    assert_eq!(split(json!([])).unwrap_err(), "ValidationException");
    assert_eq!(
        split(json!([{"Tags": [{"Key": "team", "Value": "a"}]}])).unwrap_err(),
        "ValidationException"
    );
}

#[test]
fn an_allocation_has_at_most_five_tags_of_plain_text() {
    let tagged = |tags: Vec<Value>| split(json!([{"AllocatedUsageQuantity": 6, "Tags": tags}]));
    let tag = |key: &str, value: &str| json!({"Key": key, "Value": value});
    let numbered = |count: u32| {
        (0..count)
            .map(|number| tag(&number.to_string(), "x"))
            .collect::<Vec<_>>()
    };
    assert!(tagged(numbered(5)).is_ok());
    assert!(tagged(vec![tag("cost center", "a/b:c@d")]).is_ok());
    assert_eq!(tagged(numbered(6)).unwrap_err(), "InvalidTagException");
    assert_eq!(
        tagged(vec![tag("team", "café")]).unwrap_err(),
        "InvalidTagException"
    );
    assert_eq!(
        tagged(vec![tag(&"k".repeat(101), "x")]).unwrap_err(),
        "InvalidTagException"
    );
}

#[test]
fn what_is_not_the_service_s_json_is_refused() {
    let target = "AWSMPMeteringService.BatchMeterUsage";
    for body in [
        "",
        "[]",
        "{\"UsageRecords\":",
        "{\"UsageRecords\":[{\"Timestamp\":\"2026-11-20T13:10:00Z\"}]}",
    ] {
        let request = wire::json("aws-marketplace", REGION, "1.1", target, body);
        assert_eq!(
            wire::outcome(&World::new().metering, &request).unwrap_err().1,
            "SerializationException",
            "{body}"
        );
    }
    assert_eq!(
        World::new().call_in(REGION, &json!({})).unwrap_err(),
        "ValidationException"
    );
    let other = wire::json(
        "aws-marketplace",
        REGION,
        "1.1",
        "AWSMPMeteringService.MeterUsage",
        "{}",
    );
    assert_eq!(
        wire::outcome(&World::new().metering, &other).unwrap_err().1,
        "UnknownOperationException"
    );
}
