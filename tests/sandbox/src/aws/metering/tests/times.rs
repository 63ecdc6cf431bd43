//! When a record is taken: its window, the month's end, and the life of a subscription.

use super::*;

const OUT: &str = "TimestampOutOfBoundsException";

#[test]
fn a_record_must_be_less_than_24_hours_old() {
    let world = World::new();
    assert_eq!(world.send(&[record("2026-11-19T14:05:00Z", 1)]).unwrap_err(), OUT);
    assert_eq!(world.statuses(&[record("2026-11-19T14:05:01Z", 1)]), ["Success"]);
}

#[test]
fn a_record_must_not_be_of_the_future() {
    let world = World::new();
    assert_eq!(world.send(&[record("2026-11-20T14:05:01Z", 1)]).unwrap_err(), OUT);
    assert_eq!(world.statuses(&[record("2026-11-20T14:05:00Z", 1)]), ["Success"]);
}

#[test]
fn a_time_may_have_a_fraction_and_is_echoed_to_the_millisecond() {
    let world = World::new();
    let body = r#"{"UsageRecords":[{"Timestamp":1795179600.12345,"Dimension":"api_calls","Quantity":1,
        "CustomerAWSAccountId":"123456789012","LicenseArn":"arn:aws:license-manager::294406891311:license:l-1"}]}"#;
    world.clock.set(at("2026-11-20T14:05:00Z"));
    let request = wire::json(
        "aws-marketplace",
        REGION,
        "1.1",
        "AWSMPMeteringService.BatchMeterUsage",
        body,
    );
    let reply = wire::reply(&world.metering, &request);
    let text = std::str::from_utf8(reply.body()).unwrap();
    assert!(text.contains(r#""Timestamp":1795179600.123,"#), "{text}");
    assert_eq!(
        world.metering.records()[0].timestamp.timestamp_subsec_micros(),
        123_450
    );
}

#[test]
fn last_month_is_taken_until_six_on_the_first_and_no_later() {
    let world = World::new();
    let of_november = record("2026-11-30T23:59:59Z", 1);
    let of_december = record("2026-12-01T00:00:00Z", 1);
    world.clock.set(at("2026-12-01T05:59:59Z"));
    assert_eq!(world.statuses(std::slice::from_ref(&of_november)), ["Success"]);
    world.clock.set(at("2026-12-01T06:00:00Z"));
    assert_eq!(world.send(std::slice::from_ref(&of_november)).unwrap_err(), OUT);
    assert_eq!(world.statuses(std::slice::from_ref(&of_december)), ["Success"]);
}

#[test]
fn the_grace_of_the_month_does_not_lengthen_the_24_hours() {
    let world = World::new();
    world.clock.set(at("2026-12-01T05:00:00Z"));
    assert_eq!(world.send(&[record("2026-11-30T05:00:00Z", 1)]).unwrap_err(), OUT);
    assert_eq!(world.statuses(&[record("2026-11-30T05:00:01Z", 1)]), ["Success"]);
}

#[test]
fn one_record_out_of_bounds_refuses_the_whole_request() {
    let world = World::new();
    let records = [
        record("2026-11-20T13:00:00Z", 1),
        record("2026-11-18T13:00:00Z", 1),
    ];
    assert_eq!(world.send(&records).unwrap_err(), OUT);
    assert_eq!(world.billed(), Decimal::ZERO);
}

#[test]
fn a_deprovisioned_licence_is_metered_for_one_hour_more() {
    let world = World::new();
    world.metering.deprovision(&licence(), at("2026-11-20T10:01:00Z"));
    world.clock.set(at("2026-11-20T11:00:59Z"));
    assert_eq!(world.statuses(&[record("2026-11-20T10:00:59Z", 4)]), ["Success"]);
    world.clock.set(at("2026-11-20T11:01:00Z"));
    assert_eq!(
        world.statuses(&[record("2026-11-20T09:30:00Z", 4)]),
        ["CustomerNotSubscribed"]
    );
    assert_eq!(world.billed(), Decimal::from(4));
    assert_eq!(world.metering.counts().not_subscribed, 1);
}

#[test]
fn usage_outside_the_licence_refuses_the_whole_request() {
    let world = World::new();
    world.metering.deprovision(&licence(), at("2026-11-20T13:30:00Z"));
    let records = [
        record("2026-11-20T13:00:00Z", 1),
        record("2026-11-20T13:30:00Z", 1),
    ];
    assert_eq!(world.send(&records).unwrap_err(), "InvalidLicenseException");
    assert_eq!(world.billed(), Decimal::ZERO);
}

#[test]
fn a_licence_that_is_renewed_under_its_arn_goes_on() {
    let world = World::new();
    world.metering.deprovision(&licence(), at("2026-11-20T10:00:00Z"));
    world.metering.subscribe(Subscription::new(
        "prod-new",
        licence(),
        at("2026-11-20T10:00:00Z"),
    ));
    let records = [
        record("2026-11-20T09:59:59Z", 1),
        record("2026-11-20T10:00:00Z", 1),
    ];
    assert_eq!(world.statuses(&records), ["Success"; 2]);
}

#[test]
fn a_record_sent_before_the_subscription_is_known_meters_later() {
    let world = World::new();
    let identity = Identity::license(ACCOUNT, "arn:aws:license-manager::1:license:l-3");
    let started = at("2026-11-20T13:00:00Z");
    let known = at("2026-11-20T14:10:00Z");
    world
        .metering
        .subscribe(Subscription::new("prod-new", identity.clone(), started).activated_at(known));
    let early = with(
        record("2026-11-20T13:59:59Z", 2),
        "LicenseArn",
        json!("arn:aws:license-manager::1:license:l-3"),
    );
    assert_eq!(
        world.statuses(std::slice::from_ref(&early)),
        ["CustomerNotSubscribed"]
    );
    world.clock.set(known);
    assert_eq!(world.statuses(std::slice::from_ref(&early)), ["Success"]);
    assert_eq!(world.metering.billed(&identity, "api_calls"), Decimal::from(2));
}

#[test]
fn a_customer_of_a_product_code_is_not_subscribed_outside_its_time() {
    let world = World::new();
    let identity = Identity::customer("oldcode", "cust-2");
    let from = at("2026-11-20T12:00:00Z");
    world
        .metering
        .subscribe(Subscription::new("oldcode", identity, from).until(at("2026-11-20T13:30:00Z")));
    let old = |timestamp: &str| json!({"Timestamp": at(timestamp).timestamp(), "CustomerIdentifier": "cust-2", "Dimension": "api_calls"});
    let records = [
        old("2026-11-20T11:59:59Z"),
        old("2026-11-20T12:00:00Z"),
        old("2026-11-20T13:30:00Z"),
    ];
    let answer = world
        .call_in(
            REGION,
            &json!({"ProductCode": "oldcode", "UsageRecords": records}),
        )
        .unwrap();
    assert_eq!(
        statuses(&answer),
        ["CustomerNotSubscribed", "Success", "CustomerNotSubscribed"]
    );
}

#[test]
fn a_subscription_of_some_regions_is_none_in_the_others() {
    let world = World::new();
    let identity = Identity::license("210987654321", "arn:aws:license-manager::1:license:l-4");
    let subscription = Subscription::new("prod-new", identity, at("2026-11-01T00:00:00Z"));
    world.metering.subscribe(subscription.in_regions(&["eu-west-1"]));
    let this = with(
        record("2026-11-20T13:00:00Z", 1),
        "CustomerAWSAccountId",
        json!("210987654321"),
    );
    let this = with(
        this,
        "LicenseArn",
        json!("arn:aws:license-manager::1:license:l-4"),
    );
    assert_eq!(
        world.statuses(std::slice::from_ref(&this)),
        ["CustomerNotSubscribed"]
    );
    let there = world
        .call_in("eu-west-1", &json!({"UsageRecords": [this]}))
        .unwrap();
    assert_eq!(statuses(&there), ["Success"]);
}
