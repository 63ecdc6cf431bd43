//! What sellers ask of Marketplace Metering that are not ours: what our jobs do not send yet, and what none may.

use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, StatusCode};
use sandbox::aws::metering::{Metadata, Registration};
use sandbox::faults::{Fault, Rule, When};
use sandbox::world::REGION;
use serde_json::{Value, json};

use super::{SIMULATED, arn};
use crate::scene::{ACCOUNT, Scene, at};

/// How a stranger signs, if it does.
const SIGNED: &str = "AWS4-HMAC-SHA256 Credential=AKIASTRANGER/20261120/us-east-1/aws-marketplace/aws4_request, \
                      SignedHeaders=host;x-amz-date, \
                      Signature=0000000000000000000000000000000000000000000000000000000000000000";

impl Scene {
    /// A stranger's call. Its status, and the error that it was answered.
    async fn call(&self, signature: &str, operation: &str, body: &str) -> (u16, String) {
        let request = Request::post(format!("https://metering.marketplace.{REGION}.amazonaws.com/"));
        let request = request
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("AWSMPMeteringService.{operation}"))
            .header("x-amz-date", "20261120T210030Z");
        let request = if signature.is_empty() {
            request
        } else {
            request.header("authorization", signature)
        };
        let (status, answer) = self.stranger(request.body(body.to_owned().into()).unwrap()).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        let kind = answer["__type"].as_str().and_then(|kind| kind.rsplit('#').next());
        (status, kind.unwrap_or_default().to_owned())
    }

    /// A call that must be answered so.
    async fn called(&self, operation: &str, body: &Value, answer: (u16, &str)) {
        let (status, kind) = self.call(SIGNED, operation, &body.to_string()).await;
        assert_eq!((status, kind.as_str()), answer, "{operation} {body}");
    }
}

/// A record of the good licence, with more in it or other things.
fn record(when: DateTime<Utc>, more: Value) -> Value {
    let mut record = json!({
        "Timestamp": when.timestamp(), "Dimension": "api_calls",
        "CustomerAWSAccountId": ACCOUNT, "LicenseArn": arn("good"),
    });
    for (member, value) in more.as_object().unwrap() {
        record[member] = value.clone();
    }
    record
}

fn batch(records: &[Value]) -> Value {
    json!({"UsageRecords": records})
}

/// Every form of a record that the model has and our jobs do not use yet.
pub(super) async fn meter(scene: &Scene) {
    let tag = |value: &str| json!({"Key": "team", "Value": value});
    let split = json!({"Quantity": 5, "UsageAllocations": [
        {"AllocatedUsageQuantity": 2, "Tags": [tag("ml")]},
        {"AllocatedUsageQuantity": 3},
    ]});
    let decimals = json!({"QuantityAsDecimal": "2.5", "CustomerIdentifier": "", "UsageAllocations": [
        {"AllocatedUsageQuantityAsDecimal": "0.5", "Tags": [tag("ml"), {"Key": "stage", "Value": "test"}]},
        {"AllocatedUsageQuantityAsDecimal": "2", "Tags": [tag("ui")]},
    ]});
    let hour = |hour: i64| at("2026-11-20T00:10:00Z") + TimeDelta::hours(hour);
    let records = [
        record(hour(1), json!({})),
        record(hour(2), split),
        record(hour(3), decimals),
        record(
            hour(4),
            json!({"Quantity": i32::MAX, "Timestamp": 1_795_147_801.25}),
        ),
    ];
    scene.called("BatchMeterUsage", &batch(&records), (200, "")).await;
    scene
        .called(
            "BatchMeterUsage",
            &batch(&[record(hour(1), json!({"Quantity": 7}))]),
            (200, ""),
        )
        .await;
    scene.called("BatchMeterUsage", &batch(&[]), (200, "")).await;
}

pub(super) async fn break_the_rules(scene: &Scene) {
    let hour = at("2026-11-20T06:10:00Z");
    let tags: Vec<Value> = (0..6)
        .map(|tag| json!({"Key": format!("k{tag}"), "Value": "v"}))
        .collect();
    let allocated = |allocation: Value| json!({"Quantity": 5, "UsageAllocations": [allocation]});
    for (more, error) in [
        (
            allocated(json!({"AllocatedUsageQuantity": 5, "Tags": tags})),
            "InvalidTagException",
        ),
        (
            allocated(json!({"AllocatedUsageQuantity": 4})),
            "InvalidUsageAllocationsException",
        ),
        (
            json!({"Timestamp": at("2026-11-19T06:10:00Z").timestamp()}),
            "TimestampOutOfBoundsException",
        ),
        (json!({"Dimension": "api_cals"}), "InvalidUsageDimensionException"),
        (json!({"Dimension": ""}), "ValidationException"),
        (json!({"LicenseArn": arn("nobodys")}), "InvalidLicenseException"),
        (json!({"LicenseArn": "l-good"}), "InvalidLicenseException"),
        (json!({"CustomerAWSAccountId": "Globex"}), "ValidationException"),
        (json!({"Quantity": -1}), "ValidationException"),
        (
            json!({"Quantity": 1, "QuantityAsDecimal": "1"}),
            "ValidationException",
        ),
        (json!({"QuantityAsDecimal": "1.0000001"}), "ValidationException"),
        (json!({"Quantity": "1"}), "SerializationException"),
    ] {
        scene
            .called("BatchMeterUsage", &batch(&[record(hour, more)]), (400, error))
            .await;
    }
    let many = vec![record(hour, json!({})); 26];
    scene
        .called("BatchMeterUsage", &batch(&many), (400, "ValidationException"))
        .await;
    scene
        .called("BatchMeterUsage", &json!({}), (400, "ValidationException"))
        .await;
    let coded = |code: &str| {
        let record =
            json!({"Timestamp": hour.timestamp(), "Dimension": "api_calls", "CustomerIdentifier": "nobody"});
        json!({"ProductCode": code, "UsageRecords": [record]})
    };
    scene
        .called(
            "BatchMeterUsage",
            &coded("code-1"),
            (400, "InvalidCustomerIdentifierException"),
        )
        .await;
    scene
        .called(
            "BatchMeterUsage",
            &coded("code-0"),
            (400, "InvalidProductCodeException"),
        )
        .await;
}

pub(super) async fn resolve_tokens(scene: &Scene) {
    let old = Registration {
        customer_identifier: "cust-1".to_owned(),
        product_code: "code-1".to_owned(),
        customer_aws_account_id: ACCOUNT.to_owned(),
        ..Registration::default()
    };
    let new = Registration {
        customer_identifier: String::new(),
        license_arn: Some(arn("good")),
        metadata: Some(Metadata {
            agreement_id: "agmt-1".to_owned(),
        }),
        ..old.clone()
    };
    let metering = &scene.world.metering;
    metering.offer_token("old", old.clone(), at("2026-11-21T00:00:00Z"));
    metering.offer_token("new", new, at("2026-11-21T00:00:00Z"));
    metering.offer_token("expired", old, at("2026-11-20T00:00:00Z"));
    for (token, answer) in [
        (json!("old"), (200, "")),
        (json!("new"), (200, "")),
        (json!("expired"), (400, "ExpiredTokenException")),
        (json!("unknown"), (400, "InvalidTokenException")),
        (json!(""), (400, "ValidationException")),
        (json!(7), (400, "SerializationException")),
    ] {
        scene
            .called("ResolveCustomer", &json!({"RegistrationToken": token}), answer)
            .await;
    }
}

/// What meets a caller before its request is read, and a service that fails.
pub(super) async fn are_turned_away(scene: &Scene) {
    let metering = &scene.world.metering;
    let bodies = [batch(&[]), json!({"RegistrationToken": "old"})];
    for (operation, body) in SIMULATED.into_iter().zip(&bodies) {
        let text = body.to_string();
        for (signature, error) in [
            ("", "MissingAuthenticationTokenException"),
            ("Bearer tok", "IncompleteSignatureException"),
            (
                &SIGNED.replace("aws-marketplace", "s3"),
                "InvalidSignatureException",
            ),
        ] {
            assert_eq!(
                scene.call(signature, operation, &text).await,
                (400, error.to_owned())
            );
        }
        metering.switch(|switches| switches.trusted_access_keys = ["AKIAOTHER".to_owned()].into());
        scene
            .called(operation, body, (400, "AccessDeniedException"))
            .await;
        metering.switch(|switches| switches.trusted_access_keys.clear());
        metering.switch(|switches| switches.disabled_regions = [REGION.to_owned()].into());
        scene.called(operation, body, (400, "DisabledApiException")).await;
        metering.switch(|switches| switches.disabled_regions.clear());
        for (status, error) in [
            (500, "InternalServiceErrorException"),
            (400, "ThrottlingException"),
        ] {
            let fault = Fault::aws(StatusCode::from_u16(status).unwrap(), error);
            scene
                .world
                .faults
                .add(Rule::new("fault", When::Always, fault).on_operation(operation));
            scene.called(operation, body, (status, error)).await;
            scene.world.faults.clear();
        }
    }
    metering.switch(|switches| switches.throttled = true);
    let mut last = (200, String::new());
    for _ in 0..11 {
        last = scene
            .call(SIGNED, "BatchMeterUsage", &bodies[0].to_string())
            .await;
    }
    assert_eq!(
        last,
        (400, "ThrottlingException".to_owned()),
        "the eleventh call of one second"
    );
}
