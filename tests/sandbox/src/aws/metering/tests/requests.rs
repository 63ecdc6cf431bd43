//! What refuses a whole request: its size, its signature, its product, and who and what a record names.

use super::*;

fn refused(world: &World, record: Value) -> String {
    // A good record goes first: that it is not billed is part of every one of these rules.
    let refusal = world
        .send(&[self::record("2026-11-20T12:00:00Z", 9), record])
        .unwrap_err();
    assert_eq!(world.metering.records(), []);
    refusal
}

fn this() -> Value {
    record("2026-11-20T13:10:00Z", 1)
}

#[test]
fn a_request_has_at_most_25_records() {
    let world = World::new();
    let records = |count: u32| -> Vec<Value> {
        let of_hour = |hour: u32| {
            record(
                &format!(
                    "2026-11-{:02}T{:02}:30:00Z",
                    20 - hour / 15,
                    (14 + 24 - hour) % 24
                ),
                1,
            )
        };
        (1..=count).map(|number| of_hour(number % 14 + 1)).collect()
    };
    assert_eq!(world.statuses(&records(25)).len(), 25);
    assert_eq!(world.send(&records(26)).unwrap_err(), "ValidationException");
    assert_eq!(world.metering.counts().records, 25);
    assert_eq!(world.send(&[]).unwrap()["Results"], json!([]));
}

#[test]
fn a_request_is_smaller_than_a_megabyte() {
    let world = World::new();
    let body = |length: usize| {
        let text = json!({"UsageRecords": [this()]}).to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    let target = "AWSMPMeteringService.BatchMeterUsage";
    let call = |length| {
        let request = wire::json("aws-marketplace", REGION, "1.1", target, &body(length));
        wire::outcome(&world.metering, &request)
    };
    assert_eq!(call(1_000_000).unwrap_err().1, "ValidationException");
    assert_eq!(world.metering.records(), []);
    assert!(call(999_999).is_ok());
}

#[test]
fn a_request_is_signed_for_this_service_on_its_day() {
    let world = World::new();
    let target = "AWSMPMeteringService.BatchMeterUsage";
    let call = |change: &dyn Fn(&mut http::HeaderMap), service: &str| {
        let body = json!({"UsageRecords": [this()]}).to_string();
        let mut request = wire::json(service, REGION, "1.1", target, &body);
        change(request.headers_mut());
        wire::outcome(&world.metering, &request).unwrap_err()
    };
    let unsigned = |headers: &mut http::HeaderMap| drop(headers.remove("authorization"));
    let bearer =
        |headers: &mut http::HeaderMap| drop(headers.insert("authorization", "Bearer x".parse().unwrap()));
    let another_day = |headers: &mut http::HeaderMap| {
        headers.insert("x-amz-date", "20261121T000000Z".parse().unwrap());
    };
    let service = "aws-marketplace";
    assert_eq!(
        call(&unsigned, service),
        (400, "MissingAuthenticationTokenException".to_owned())
    );
    assert_eq!(call(&bearer, service).1, "IncompleteSignatureException");
    assert_eq!(call(&another_day, service).1, "IncompleteSignatureException");
    assert_eq!(call(&|_| (), "dynamodb").1, "InvalidSignatureException");
    assert_eq!(world.metering.records(), []);
}

#[test]
fn only_trusted_callers_may_meter_and_only_where_the_api_is_on() {
    let world = World::new();
    world
        .metering
        .switch(|switches| switches.trusted_access_keys = ["ASIAROLE".to_owned()].into());
    assert_eq!(world.send(&[this()]).unwrap_err(), "AccessDeniedException");
    world
        .metering
        .switch(|switches| switches.trusted_access_keys = ["AKIDSELLER".to_owned()].into());
    world
        .metering
        .switch(|switches| switches.disabled_regions = [REGION.to_owned()].into());
    assert_eq!(world.send(&[this()]).unwrap_err(), "DisabledApiException");
    assert!(
        world
            .call_in("eu-west-1", &json!({"UsageRecords": [this()]}))
            .is_ok()
    );
}

#[test]
fn the_licences_of_a_request_are_of_one_product() {
    let world = World::new();
    let other = with(this(), "LicenseArn", json!(OTHER_ARN));
    assert_eq!(refused(&world, other), "InvalidLicenseException");
}

#[test]
fn a_licence_is_known_and_its_own_accounts() {
    let world = World::new();
    let unknown = with(
        this(),
        "LicenseArn",
        json!("arn:aws:license-manager::1:license:none"),
    );
    assert_eq!(refused(&world, unknown), "InvalidLicenseException");
    let others = with(this(), "CustomerAWSAccountId", json!("999999999999"));
    assert_eq!(refused(&world, others), "InvalidLicenseException");
    let nobodys = without(this(), "CustomerAWSAccountId");
    assert_eq!(refused(&world, nobodys), "InvalidLicenseException");
}

#[test]
fn a_customer_is_named_in_one_way() {
    let world = World::new();
    let both = with(this(), "CustomerIdentifier", json!("cust-1"));
    assert_eq!(refused(&world, both), "ValidationException");
    let words = with(this(), "CustomerAWSAccountId", json!("one two"));
    assert_eq!(refused(&world, words), "ValidationException");
}

#[test]
fn a_product_code_has_customers_by_identifier_or_by_account() {
    let world = World::new();
    let timestamp = at("2026-11-20T13:10:00Z").timestamp();
    let call = |code: &str, identifier: &str, account: Option<&str>| {
        let record = json!({
            "Timestamp": timestamp, "Dimension": "api_calls", "Quantity": 2,
            "CustomerIdentifier": identifier, "CustomerAWSAccountId": account,
        });
        world.call_in(REGION, &json!({"ProductCode": code, "UsageRecords": [record]}))
    };
    assert_eq!(statuses(&call("oldcode", "cust-1", None).unwrap()), ["Success"]);
    assert_eq!(
        statuses(&call("oldcode", "", Some(ACCOUNT)).unwrap()),
        ["Success"]
    );
    assert_eq!(
        statuses(&call("oldcode", "", Some("999999999999")).unwrap()),
        ["CustomerNotSubscribed"]
    );
    assert_eq!(
        call("oldcode", "cust-9", None).unwrap_err(),
        "InvalidCustomerIdentifierException"
    );
    assert_eq!(
        call("oldcode", "", None).unwrap_err(),
        "InvalidCustomerIdentifierException"
    );
    assert_eq!(
        call("nocode", "cust-1", None).unwrap_err(),
        "InvalidProductCodeException"
    );
    assert_eq!(
        call("", "cust-1", None).unwrap_err(),
        "InvalidProductCodeException"
    );
}

#[test]
fn a_dimension_is_one_of_the_products_own_to_the_letter() {
    let world = World::new();
    for name in ["API_calls", "api-calls", "seats"] {
        let wrong = with(this(), "Dimension", json!(name));
        assert_eq!(refused(&world, wrong), "InvalidUsageDimensionException");
    }
    assert_eq!(
        refused(&world, with(this(), "Dimension", json!(""))),
        "ValidationException"
    );
    assert_eq!(
        refused(&world, without(this(), "Dimension")),
        "ValidationException"
    );
}
