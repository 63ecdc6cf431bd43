//! The rules of the service, one a test.

mod requests;
mod shapes;
mod times;

use std::time::Duration;

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::*;
use crate::aws::requests as wire;

const ACCOUNT: &str = "123456789012";
const ARN: &str = "arn:aws:license-manager::294406891311:license:l-1";
const OTHER_ARN: &str = "arn:aws:license-manager::294406891311:license:l-2";
const REGION: &str = "us-east-1";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// 20 November, 14:05: a licence since the 1st, a customer of an old product, and a quiet clock.
struct World {
    clock: Clock,
    metering: Metering,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T14:05:00Z"));
        let metering = Metering::new(clock.clone());
        metering.add_product("prod-new", &["api_calls", "users"]);
        metering.add_product("prod-other", &["api_calls"]);
        metering.add_product("oldcode", &["api_calls"]);
        let from = at("2026-11-01T00:00:00Z");
        metering.subscribe(Subscription::new("prod-new", licence(), from));
        metering.subscribe(Subscription::new(
            "prod-other",
            Identity::license(ACCOUNT, OTHER_ARN),
            from,
        ));
        metering.subscribe(Subscription::new(
            "oldcode",
            Identity::customer("oldcode", "cust-1"),
            from,
        ));
        metering.subscribe(Subscription::new(
            "oldcode",
            Identity::account("oldcode", ACCOUNT),
            from,
        ));
        Self { clock, metering }
    }

    fn call_in(&self, region: &str, body: &Value) -> Result<Value, String> {
        let target = "AWSMPMeteringService.BatchMeterUsage";
        let request = wire::json("aws-marketplace", region, "1.1", target, &body.to_string());
        wire::outcome(&self.metering, &request).map_err(|(status, kind)| {
            assert_eq!(status, 400);
            kind
        })
    }

    fn send(&self, records: &[Value]) -> Result<Value, String> {
        self.call_in(REGION, &json!({"UsageRecords": records}))
    }

    /// The statuses of a call that is not refused.
    fn statuses(&self, records: &[Value]) -> Vec<String> {
        statuses(&self.send(records).unwrap())
    }

    fn billed(&self) -> Decimal {
        self.metering.billed(&licence(), "api_calls")
    }
}

fn licence() -> Identity {
    Identity::license(ACCOUNT, ARN)
}

fn statuses(answer: &Value) -> Vec<String> {
    let results = answer["Results"].as_array().unwrap();
    results
        .iter()
        .map(|result| result["Status"].as_str().unwrap().to_owned())
        .collect()
}

fn receipt(answer: &Value) -> String {
    answer["Results"][0]["MeteringRecordId"]
        .as_str()
        .unwrap()
        .to_owned()
}

/// A record of the licence.
fn record(timestamp: &str, quantity: i64) -> Value {
    json!({
        "Timestamp": at(timestamp).timestamp(), "CustomerIdentifier": "", "Dimension": "api_calls",
        "Quantity": quantity, "CustomerAWSAccountId": ACCOUNT, "LicenseArn": ARN,
    })
}

fn with(mut record: Value, member: &str, value: Value) -> Value {
    record[member] = value;
    record
}

fn without(mut record: Value, member: &str) -> Value {
    record.as_object_mut().unwrap().remove(member);
    record
}

#[test]
fn a_record_is_billed_once_and_echoed_with_its_receipt() {
    let world = World::new();
    let answer = world.send(&[record("2026-11-20T13:59:59Z", 7)]).unwrap();
    assert_eq!(statuses(&answer), ["Success"]);
    assert_eq!(
        answer["Results"][0]["UsageRecord"],
        record("2026-11-20T13:59:59Z", 7)
    );
    assert_eq!(answer["UnprocessedRecords"], json!([]));

    let stored = &world.metering.records()[0];
    assert_eq!(stored.hour, at("2026-11-20T13:00:00Z"));
    assert_eq!(stored.quantity, Decimal::from(7));
    assert_eq!(stored.received_at, at("2026-11-20T14:05:00Z"));
    assert_eq!(stored.metering_record_id, receipt(&answer));
    assert!(!stored.foreign);
}

#[test]
fn an_identical_retry_is_a_success_with_the_first_receipt() {
    let world = World::new();
    let first = world.send(&[record("2026-11-20T13:59:59Z", 7)]).unwrap();
    let again = world.send(&[record("2026-11-20T13:59:59Z", 7)]).unwrap();
    assert_eq!(statuses(&again), ["Success"]);
    assert_eq!(receipt(&again), receipt(&first));
    assert_eq!(world.billed(), Decimal::from(7));
    assert_eq!(
        (world.metering.counts().billed, world.metering.counts().repeated),
        (1, 1)
    );
}

#[test]
fn an_identical_retry_is_a_duplicate_record_under_the_other_reading() {
    let world = World::new();
    world
        .metering
        .switch(|switches| switches.identical_retry = IdenticalRetry::DuplicateRecord);
    let first = world.send(&[record("2026-11-20T13:59:59Z", 7)]).unwrap();
    let again = world.send(&[record("2026-11-20T13:59:59Z", 7)]).unwrap();
    assert_eq!(statuses(&first), ["Success"]);
    assert_eq!(statuses(&again), ["DuplicateRecord"]);
    assert_ne!(receipt(&again), receipt(&first));
    assert_eq!(world.billed(), Decimal::from(7));
}

#[test]
fn another_quantity_in_the_same_hour_is_a_duplicate_and_the_first_stays() {
    let world = World::new();
    assert_eq!(world.statuses(&[record("2026-11-20T13:10:00Z", 7)]), ["Success"]);
    assert_eq!(
        world.statuses(&[record("2026-11-20T13:50:00Z", 8)]),
        ["DuplicateRecord"]
    );
    assert_eq!(world.statuses(&[record("2026-11-20T13:50:00Z", 7)]), ["Success"]);
    assert_eq!(world.billed(), Decimal::from(7));
}

#[test]
fn two_records_of_one_hour_in_one_request_are_judged_in_their_order() {
    let world = World::new();
    let records = [
        record("2026-11-20T13:10:00Z", 0),
        record("2026-11-20T13:20:00Z", 5),
    ];
    assert_eq!(world.statuses(&records), ["Success", "DuplicateRecord"]);
    assert_eq!(world.billed(), Decimal::ZERO);
}

#[test]
fn hours_dimensions_and_regions_are_billed_apart() {
    let world = World::new();
    let this = record("2026-11-20T13:10:00Z", 1);
    let records = [
        this.clone(),
        record("2026-11-20T12:10:00Z", 1),
        with(this.clone(), "Dimension", json!("users")),
    ];
    assert_eq!(world.statuses(&records), ["Success"; 3]);
    let elsewhere = world
        .call_in("eu-west-1", &json!({"UsageRecords": [this]}))
        .unwrap();
    assert_eq!(statuses(&elsewhere), ["Success"]);
    assert_eq!(world.billed(), Decimal::from(3));
    assert_eq!(world.metering.billed(&licence(), "users"), Decimal::ONE);
    assert_eq!(world.metering.records()[3].region, "eu-west-1");
}

#[test]
fn quantities_are_compared_by_value() {
    let world = World::new();
    let decimal = |text: &str| {
        with(
            without(record("2026-11-20T13:10:00Z", 0), "Quantity"),
            "QuantityAsDecimal",
            json!(text),
        )
    };
    assert_eq!(world.statuses(&[record("2026-11-20T13:10:00Z", 17)]), ["Success"]);
    assert_eq!(world.statuses(&[decimal("17.00")]), ["Success"]);
    assert_eq!(world.statuses(&[decimal("17.000001")]), ["DuplicateRecord"]);
    assert_eq!(world.billed(), Decimal::from(17));
}

#[test]
fn a_product_code_beside_a_licence_bills_the_same_usage_again() {
    let world = World::new();
    let this = record("2026-11-20T13:10:00Z", 5);
    world.metering.subscribe(Subscription::new(
        "prod-new",
        Identity::account("prod-new", ACCOUNT),
        at("2026-11-01T00:00:00Z"),
    ));
    assert_eq!(world.statuses(std::slice::from_ref(&this)), ["Success"]);
    let both = json!({"ProductCode": "prod-new", "UsageRecords": [this]});
    assert_eq!(statuses(&world.call_in(REGION, &both).unwrap()), ["Success"]);
    assert_eq!(world.billed(), Decimal::from(5));
    let by_code = world
        .metering
        .billed(&Identity::account("prod-new", ACCOUNT), "api_calls");
    assert_eq!(by_code, Decimal::from(5));

    world
        .metering
        .switch(|switches| switches.code_beside_license = CodeBesideLicense::Refused);
    assert_eq!(
        world.call_in(REGION, &both).unwrap_err(),
        "InvalidLicenseException"
    );
}

#[test]
fn a_foreign_record_keeps_its_hour() {
    let world = World::new();
    world.metering.plant(&Foreign {
        identity: licence(),
        region: REGION.to_owned(),
        dimension: "api_calls".to_owned(),
        timestamp: at("2026-11-20T13:30:00Z"),
        quantity: Decimal::from(3),
    });
    assert_eq!(
        world.statuses(&[record("2026-11-20T13:59:59Z", 7)]),
        ["DuplicateRecord"]
    );
    assert_eq!(world.billed(), Decimal::from(3));
    assert!(world.metering.records()[0].foreign);
}

#[test]
fn every_second_record_comes_back_unprocessed_and_is_billed_when_it_is_sent_again() {
    let world = World::new();
    world
        .metering
        .switch(|switches| switches.unprocessed_every = NonZeroU64::new(2));
    let records: Vec<Value> = (8..12)
        .map(|hour| record(&format!("2026-11-20T{hour:02}:59:59Z"), 1))
        .collect();
    let answer = world.send(&records).unwrap();
    assert_eq!(statuses(&answer), ["Success"; 2]);
    assert_eq!(answer["UnprocessedRecords"], json!([records[1], records[3]]));
    assert_eq!(world.billed(), Decimal::from(2));
    assert_eq!(world.statuses(&[records[1].clone()]), ["Success"]);
    assert_eq!(world.billed(), Decimal::from(3));
}

#[test]
fn calls_beyond_ten_a_second_in_a_region_are_throttled_and_have_no_effect() {
    let start = Instant::now();
    let elapsed = std::sync::Arc::new(std::sync::atomic::AtomicU64::new(0));
    let shown = std::sync::Arc::clone(&elapsed);
    let pulse = move || start + Duration::from_millis(shown.load(std::sync::atomic::Ordering::SeqCst));
    let mut world = World::new();
    world.metering = Metering::with_pulse(world.clock.clone(), pulse);
    world.metering.switch(|switches| switches.throttled = true);
    let call = |region: &str| world.call_in(region, &json!({"UsageRecords": []})).map(drop);

    for _ in 0..10 {
        call(REGION).unwrap();
    }
    assert_eq!(call(REGION).unwrap_err(), "ThrottlingException");
    call("eu-west-1").unwrap();
    elapsed.store(999, std::sync::atomic::Ordering::SeqCst);
    assert_eq!(call(REGION).unwrap_err(), "ThrottlingException");
    elapsed.store(1000, std::sync::atomic::Ordering::SeqCst);
    call(REGION).unwrap();

    let counts = world.metering.counts();
    assert_eq!(
        (counts.throttled, counts.busiest_second, counts.batch_meter_usage),
        (2, 12, 14)
    );
}

#[test]
fn a_token_tells_who_the_buyer_is_until_it_expires() {
    let world = World::new();
    let registration = Registration {
        product_code: "prod-new".to_owned(),
        customer_aws_account_id: ACCOUNT.to_owned(),
        license_arn: Some(ARN.to_owned()),
        metadata: Some(Metadata {
            agreement_id: "agmt-1".to_owned(),
        }),
        ..Registration::default()
    };
    world
        .metering
        .offer_token("token", registration, at("2026-11-20T18:00:00Z"));
    let resolve = |token: &str| {
        let body = json!({"RegistrationToken": token}).to_string();
        let target = "AWSMPMeteringService.ResolveCustomer";
        wire::outcome(
            &world.metering,
            &wire::json("aws-marketplace", REGION, "1.1", target, &body),
        )
    };
    let expected = json!({
        "CustomerIdentifier": "", "ProductCode": "prod-new", "CustomerAWSAccountId": ACCOUNT, "LicenseArn": ARN,
        "Metadata": {"AgreementId": "agmt-1"},
    });
    assert_eq!(resolve("token").unwrap(), expected);
    assert_eq!(resolve("token").unwrap(), expected);
    assert_eq!(resolve("another").unwrap_err().1, "InvalidTokenException");
    world.clock.advance(TimeDelta::hours(4));
    assert_eq!(resolve("token").unwrap_err().1, "ExpiredTokenException");
}
