use std::time::Duration;

use billing::{Answer, GcpValue, Identity, Refusal};
use platform::{Deadline, Transport};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};

use super::gcp_google::*;
use super::scripted::{at, clock_from, only};
use crate::{Gcp, Outgoing, Sent};

/// A record of a metric of this type.
fn typed(value: GcpValue, quantity: &str) -> Outgoing {
    let mut outgoing = record_of(
        "project_number:1",
        "api_calls",
        "2026-11-20T13:59:59Z",
        quantity.parse().unwrap(),
    );
    outgoing.destination.metrics.insert("api_calls".to_owned(), value);
    outgoing
}

/// The one text that was sent as the metric's value.
async fn told(value: GcpValue, quantity: &str) -> String {
    let google = Google::replies([]);
    let sent = google.send(vec![typed(value, quantity)]).await;
    assert_eq!(only(&sent), "A", "{quantity}");
    let text = google.reports()[0].text.clone();
    let (_, values) = text.split_once("\"metricValues\":[").unwrap();
    values.split_once(']').unwrap().0.to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_record_is_one_operation_told_whole() {
    let google = Google::replies([]);
    let outgoing = record("project_number:123", "api_calls");
    google.send(vec![outgoing.clone()]).await;
    let [call] = google.reports().try_into().unwrap();
    assert_eq!(
        call.url,
        "https://servicecontrol.googleapis.com/v1/services/atlas.gcpmarketplace.example.com:report"
    );
    assert_eq!(
        (call.authorization.as_str(), call.sensitive),
        ("Bearer ya29.first", true)
    );
    let operation = json!({
        "operationId": outgoing.record.id,
        "operationName": "meterbridge/usage",
        "consumerId": "project_number:123",
        "startTime": "2026-11-20T13:00:00Z",
        "endTime": "2026-11-20T13:59:59Z",
        "metricValueSets": [{
            "metricName": "atlas.gcpmarketplace.example.com/api_calls",
            "metricValues": [{"int64Value": "7"}],
        }],
    });
    assert_eq!(call.body, json!({"operations": [operation]}));
}

#[tokio::test(start_paused = true)]
async fn an_operation_lies_inside_its_entitlement() {
    let google = Google::replies([]);
    let mut outgoing = record_of("project_number:1", "d0", "2026-11-20T13:42:10Z", 1.into());
    outgoing.record.meter.entitlement = at("2026-11-20T13:20:05Z");
    google.send(vec![outgoing]).await;
    let operation = &google.reports()[0].operations()[0];
    assert_eq!(operation["startTime"], "2026-11-20T13:20:05Z");
    assert_eq!(operation["endTime"], "2026-11-20T13:42:10Z");
}

#[tokio::test(start_paused = true)]
async fn an_entitlement_of_less_than_a_second_still_ends_after_it_begins() {
    let google = Google::replies([]);
    let mut outgoing = record("project_number:1", "d0");
    outgoing.record.meter.entitlement = at("2026-11-20T13:59:59.5Z");
    google.send(vec![outgoing]).await;
    let operation = &google.reports()[0].operations()[0];
    assert_eq!(operation["startTime"], operation["endTime"]);
}

#[tokio::test(start_paused = true)]
async fn a_quantity_is_told_in_its_metrics_own_type_to_the_digit() {
    use GcpValue::{Double, Int64, Money};
    let cases = [
        (
            Int64,
            "9223372036854775807",
            r#"{"int64Value":"9223372036854775807"}"#,
        ),
        (Int64, "12.000", r#"{"int64Value":"12"}"#),
        (Double, "999999999.999999", r#"{"doubleValue":999999999.999999}"#),
        (Double, "0.100000", r#"{"doubleValue":0.1}"#),
        (Double, "3", r#"{"doubleValue":3}"#),
        (
            Money,
            "12.345678",
            r#"{"moneyValue":{"currencyCode":"USD","units":"12","nanos":345678000}}"#,
        ),
        (
            Money,
            "0.000001",
            r#"{"moneyValue":{"currencyCode":"USD","units":"0","nanos":1000}}"#,
        ),
        (
            Money,
            "5",
            r#"{"moneyValue":{"currencyCode":"USD","units":"5","nanos":0}}"#,
        ),
    ];
    for (value, quantity, text) in cases {
        assert_eq!(told(value, quantity).await, text, "{quantity}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_its_type_cannot_express_is_never_sent() {
    use GcpValue::{Double, Int64, Money};
    let cases = [
        (Int64, "1.5"),
        (Int64, "9223372036854775808"),
        (Int64, "-1"),
        (Double, "0.0000001"),
        (Double, "1000000000"),
        (Money, "0.0000001"),
        (Money, "1000000000"),
        (Money, "-0.5"),
    ];
    for (value, quantity) in cases {
        let google = Google::replies([]);
        let sent = google
            .send(vec![typed(value, quantity), record("project_number:1", "good")])
            .await;
        assert_eq!(all(&sent), ["N", "A"], "{quantity}");
        let Answer::Refused(Refusal::Never(reason)) = &sent.learned[0].answers[0] else {
            panic!("{sent:?}")
        };
        assert!(
            reason.starts_with("no request was made") && reason.contains(quantity),
            "{reason}"
        );
        assert_eq!(google.reports()[0].operations().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_would_change_the_path_is_never_asked() {
    for service in ["", "a/b", "a?b", "a b", "a%2fb", "a:check"] {
        let google = Google::replies([]);
        let mut outgoing = record("project_number:1", "d0");
        outgoing.destination.identity = Identity::Gcp {
            service_name: service.to_owned(),
            usage_reporting_id: "project_number:1".to_owned(),
        };
        assert_eq!(only(&google.send(vec![outgoing]).await), "N", "{service}");
        assert_eq!(google.reports().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn another_invocation_sends_the_same_bytes() {
    let mut outgoing = vec![typed(GcpValue::Money, "12.340"), record("project_number:1", "d1")];
    outgoing[1].record.meter.entitlement = at("2026-11-20T13:20:05Z");
    let (first, second) = (Google::replies([]), Google::replies([]));
    first.send(outgoing.clone()).await;
    // As the book keeps them between two invocations.
    for outgoing in &mut outgoing {
        let kept = serde_json::to_string(&outgoing.record).unwrap();
        outgoing.record = serde_json::from_str(&kept).unwrap();
    }
    tokio::time::sleep(Duration::from_secs(7_200)).await;
    second.send(outgoing).await;
    assert_eq!(first.reports()[0].text, second.reports()[0].text);
}

#[tokio::test(start_paused = true)]
async fn a_request_holds_one_buyer_of_one_service_and_a_hundred_operations_at_most() {
    let google = Google::replies([]);
    let mut outgoing = records(250);
    outgoing.extend((0..3).map(|number| record("project_number:2", &format!("e{number}"))));
    let sent = google.send(outgoing).await;
    assert!(all(&sent).iter().all(|letters| letters == "A"));
    let mut sizes: Vec<usize> = Vec::new();
    for call in google.reports() {
        let operations = call.operations();
        assert!(
            operations
                .iter()
                .all(|operation| operation["consumerId"] == operations[0]["consumerId"])
        );
        sizes.push(operations.len());
    }
    sizes.sort_unstable();
    assert_eq!(sizes, [3, 50, 100, 100]);
}

#[tokio::test(start_paused = true)]
async fn a_request_stays_well_below_a_megabyte() {
    let google = Google::replies([]);
    let long = "d".repeat(20_000);
    let outgoing = (0..60).map(|number| record("project_number:1", &format!("{long}{number}")));
    let sent = google.send(outgoing.collect()).await;
    assert!(all(&sent).iter().all(|letters| letters == "A"));
    let reports = google.reports();
    assert!(reports.len() > 1 && reports.iter().all(|call| call.text.len() < 510_000));
}

#[tokio::test(start_paused = true)]
async fn two_hours_of_one_dimension_are_two_operations() {
    let google = Google::replies([]);
    let hour = |timestamp| record_of("project_number:1", "d0", timestamp, Decimal::from(7));
    let sent = google
        .send(vec![hour("2026-11-20T12:59:59Z"), hour("2026-11-20T13:59:59Z")])
        .await;
    assert_eq!(all(&sent), ["A", "A"]);
    let ids = google.reports()[0].ids();
    assert_eq!((google.reports().len(), ids.len()), (1, 2));
    assert_ne!(ids[0], ids[1]);
}

#[tokio::test(start_paused = true)]
async fn another_quantity_for_the_same_hour_is_another_operation() {
    let of = |quantity: i64| record_of("project_number:1", "d0", "2026-11-20T13:59:59Z", quantity.into());
    assert_ne!(
        of(7).record.id,
        of(8).record.id,
        "an id is never used again for another value"
    );
    let google = Google::replies([]);
    google.send(vec![of(7)]).await;
    google.send(vec![of(8)]).await;
    let value =
        |call: &Call| -> Value { call.operations()[0]["metricValueSets"][0]["metricValues"][0].clone() };
    let reports = google.reports();
    assert_eq!(
        (value(&reports[0]), value(&reports[1])),
        (json!({"int64Value": "7"}), json!({"int64Value": "8"}))
    );
    assert_ne!(reports[0].ids(), reports[1].ids());
}

async fn sent_at(google: &Google, now: &str, timestamp: &str) -> Sent {
    let secret = SecretString::from(key().to_string());
    let sink = Gcp::new(
        &Transport::over(google.clone()),
        "https://servicecontrol.googleapis.com",
        Ok(&secret),
        &google.sdk_config().await,
        Deadline::after(Duration::from_secs(900)),
        clock_from(at(now)),
    );
    sink.send(vec![record_of("project_number:1", "d0", timestamp, 7.into())])
        .await
}

#[tokio::test(start_paused = true)]
async fn only_what_the_window_takes_is_sent() {
    let cases = [
        ("2026-11-21T13:59:58Z", "2026-11-20T13:59:59Z", "A"),
        ("2026-11-21T13:59:59Z", "2026-11-20T13:59:59Z", ""),
        ("2026-11-20T13:59:58Z", "2026-11-20T13:59:59Z", ""),
        // It stands on the next invoice, and is taken.
        ("2026-12-01T12:00:00Z", "2026-11-30T23:59:59Z", "A"),
    ];
    for (now, timestamp, letters) in cases {
        let google = Google::replies([]);
        let sent = sent_at(&google, now, timestamp).await;
        assert_eq!(only(&sent), letters, "{timestamp} at {now}");
        assert_eq!(
            (google.reports().len(), google.asked().len()),
            (letters.len(), letters.len())
        );
        assert_eq!(sent.faults, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_between_two_tries_ends_them() {
    let google = Google::new(|_| Reply::Silence);
    let sent = sent_at(&google, "2026-11-21T13:59:50Z", "2026-11-20T13:59:59Z").await;
    assert_eq!((only(&sent).as_str(), google.reports().len()), ("U", 1));
}

#[tokio::test(start_paused = true)]
async fn what_is_not_googles_is_left_alone() {
    let google = Google::replies([]);
    let mut outgoing = record("project_number:1", "d0");
    outgoing.destination.identity = Identity::Azure {
        resource_id: "r".to_owned(),
    };
    let sent = google.send(vec![outgoing]).await;
    assert_eq!(
        (only(&sent).as_str(), google.asked().len(), google.reports().len()),
        ("", 0, 0)
    );
}
