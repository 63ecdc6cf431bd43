//! Usage goes in at one end, and exactly that is billed at the other.

use rust_decimal::Decimal;

use crate::scene::Scene;

/// A connection with one buyer, one metric and one licence.
pub(crate) fn connection(id: &str, metric: &str, customer: &str, arn: &str) -> String {
    format!(
        r#"
        id = "{id}"
        secret = "meterbridge/acme"
        billing_mode = "quantity"

        [metronome]
        base_url = "https://api.metronome.com"

        [[conversion]]
        from = "{metric}"
        to = "api_calls"

        [[buyer]]
        id = "globex"
        customer_id = "{customer}"
        bill_from = "start"
        starts_at = 2026-11-01T00:00:00Z
        aws = {{ product = "prod-1", account_id = "123456789012", license_arn = "{arn}", region = "us-east-1" }}
        "#
    )
}

#[tokio::test(start_paused = true)]
async fn an_hours_usage_is_billed_in_that_hour_exactly() {
    let scene = Scene::at("2026-11-20T13:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["api_calls"]);
    scene.apply(&connection("acme", &metric, &customer, &arn)).await;
    scene.usage(&customer, "calls", "2026-11-20T13:10:00Z", "41.5");
    scene.usage(&customer, "calls", "2026-11-20T13:20:00Z", "1.25");

    let summary = scene.hour("2026-11-20T14:00:00Z").await;

    assert_eq!(summary.failure(), None);
    assert_eq!(scene.billed()["api_calls"], Decimal::from(42));
    let summary = serde_json::to_value(&summary).unwrap();
    let buyer = &summary["connections"][0]["buyers"][0];
    assert_eq!(buyer["records"][0]["hour"], "2026-11-20T13:00:00Z");
    assert_eq!(buyer["records"][0]["outcome"], "delivered");
    assert_eq!(buyer["owed"]["api_calls"], "3/4");

    // A second run of the same hour, and a quiet next hour, bill nothing.
    scene.run("2026-11-20T14:00:00Z").await.unwrap();
    scene.hour("2026-11-20T15:00:00Z").await;
    assert_eq!(scene.billed()["api_calls"], Decimal::from(42));
}
