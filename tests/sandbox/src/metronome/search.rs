//! `POST /v1/events/search`: what became of single events, by transaction id.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Account;
use super::catalog::{MetricDetail, metric_detail};
use super::properties::Properties;
use super::reply::{Answer, Refusal, json};
use super::request;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    #[serde(rename = "transactionIds")]
    transaction_ids: Vec<String>,
}

#[derive(Serialize)]
struct Found<'a> {
    id: Uuid,
    transaction_id: &'a str,
    customer_id: &'a str,
    event_type: &'a str,
    timestamp: DateTime<Utc>,
    properties: &'a Properties,
    processed_at: DateTime<Utc>,
    is_duplicate: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    matched_customer: Option<Matched<'a>>,
    matched_billable_metrics: Vec<MetricDetail<'a>>,
}

#[derive(Serialize)]
struct Matched<'a> {
    id: Uuid,
    name: &'a str,
}

/// Answers a bare array: every event of these ids in the last 34 days, duplicates marked, matched to customers as they
/// stand now. A duplicate counts in no metric.
pub(super) fn search(
    account: &Account,
    body: &[u8],
    as_of: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Result<Answer, Refusal> {
    let body: Body = request::body(body)?;
    let view = account.events.view(as_of);
    let found = account
        .events
        .find(&body.transaction_ids, view, now)
        .map(|(order, stored)| {
            let event = &stored.event;
            let customer = account.customers.named(&event.customer_id);
            let metrics = stored
                .metrics
                .iter()
                .filter_map(|place| account.metrics.get(*place));
            Found {
                id: Uuid::new_v5(
                    &Uuid::NAMESPACE_URL,
                    format!("https://api.metronome.com/events/{order}").as_bytes(),
                ),
                transaction_id: &event.transaction_id,
                customer_id: &event.customer_id,
                event_type: &event.event_type,
                timestamp: event.timestamp,
                properties: &event.properties,
                processed_at: stored.received,
                is_duplicate: stored.is_duplicate,
                matched_customer: customer.map(|customer| Matched {
                    id: customer.id,
                    name: &customer.name,
                }),
                matched_billable_metrics: metrics.map(metric_detail).collect(),
            }
        });
    json(&found.collect::<Vec<_>>())
}
