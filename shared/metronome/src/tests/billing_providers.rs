use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scripted::{Metronome, ok, refusal};
use crate::Error;

#[tokio::test(start_paused = true)]
async fn a_customers_configurations_are_read_with_their_values_that_are_texts() {
    let body = r#"{"data":[
        {"id":"b1","customer_id":"c1","billing_provider":"aws_marketplace","archived_at":null,"delivery_method":"tackle",
         "configuration":{"aws_customer_id":"AbC","aws_product_code":"code\"1","aws_is_subscription_product":true,
                          "none":null,"number":1.5,"list":["x"],"object":{"deep":"x"}}},
        {"id":"b2","billing_provider":"something_new","archived_at":"2026-06-01T00:00:00+00:00","configuration":{}},
        {"id":"b3","billing_provider":"stripe","configuration":null}]}"#;
    let metronome = Metronome::replying([ok(body)]);
    let rows = metronome
        .client()
        .billing_provider_configurations("c1")
        .await
        .unwrap();
    assert_eq!(
        (rows[0].id.as_str(), rows[0].billing_provider.as_str()),
        ("b1", "aws_marketplace")
    );
    assert_eq!(rows[0].archived_at, None);
    let texts = [("aws_customer_id", "AbC"), ("aws_product_code", "code\"1")]
        .map(|(key, value)| (key.to_owned(), value.to_owned()));
    assert_eq!(rows[0].configuration, BTreeMap::from(texts));
    assert_eq!(rows[1].billing_provider, "something_new");
    assert_eq!(
        rows[1].archived_at.unwrap().to_rfc3339(),
        "2026-06-01T00:00:00+00:00"
    );
    assert_eq!(rows[2].configuration, BTreeMap::new());
    assert_eq!(
        metronome.lines(),
        ["POST /v1/getCustomerBillingProviderConfigurations"]
    );
    assert_eq!(
        serde_json::from_str::<Value>(&metronome.asked()[0].body).unwrap(),
        json!({"customer_id": "c1"})
    );
}

#[tokio::test(start_paused = true)]
async fn one_key_with_two_values_identifies_nobody() {
    let body = r#"{"data":[{"id":"b1","billing_provider":"aws_marketplace",
                            "configuration":{"aws_customer_id":"A","aws_customer_id":"B"}}]}"#;
    let metronome = Metronome::replying([ok(body)]);
    let answer = metronome.client().billing_provider_configurations("c1").await;
    assert!(
        matches!(&answer, Err(Error::Unreadable { call, reason })
            if call == "POST /v1/getCustomerBillingProviderConfigurations (customer c1)" && reason.contains("stands twice")),
        "{answer:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_not_there_is_named_and_one_that_cannot_be_is_not_asked_for() {
    let metronome = Metronome::replying([refusal(400, "no such customer")]);
    let error = metronome
        .client()
        .billing_provider_configurations("c1")
        .await
        .unwrap_err();
    assert!(
        matches!(&error, Error::Refused { call, status: 400, .. } if call.contains("(customer c1)")),
        "{error:?}"
    );
    let client = Metronome::replying([]).client();
    let answer = client.billing_provider_configurations("a/b").await;
    assert!(matches!(answer, Err(Error::Invalid(_))), "{answer:?}");
}
