//! What Google is told of a record, and which records travel together.

use std::collections::BTreeMap;

use billing::{Answer, Destination, GcpValue, Identity, Record};
use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use platform::Exact;
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive as _;
use serde::Serialize;

use crate::Outgoing;
use crate::delivery::{Item, cut, never};

/// Operations in one request. Google names no limit and advises few; a buyer has about as many dimensions.
pub(super) const OPERATIONS_MAX: usize = 100;

/// Bytes of one request's operations, well below the 1 MB that a request may have.
const BODY_MAX: usize = 500_000;

/// Google wants a name of every operation, and reserves its use.
const OPERATION_NAME: &str = "meterbridge/usage";

/// A record as an operation, in the bytes that are sent on every try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Operation {
    /// The record's id: a version 5 UUID, as Google advises where an operation may be reported again.
    pub(super) id: String,
    json: String,
}

/// Records of one service and consumer that fit into one request.
pub(super) struct Batch {
    pub(super) service: String,
    /// Nothing of it is sent again after an answer that leaves its fate open.
    pub(super) park: bool,
    /// From 1 to [`OPERATIONS_MAX`].
    pub(super) items: Vec<Item<Operation>>,
}

/// Records, sorted for sending.
pub(super) struct Sorted {
    pub(super) batches: Vec<Batch>,
    /// By place: those that Google has no operation for.
    pub(super) refused: Vec<(usize, Answer)>,
}

/// Sorts records into batches. Those that the window does not take at `now` are left out.
pub(super) fn batches(outgoing: &[Outgoing], now: DateTime<Utc>) -> Sorted {
    let mut groups: BTreeMap<(&str, &str, bool), Vec<Item<Operation>>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (place, outgoing) in outgoing.iter().enumerate() {
        let destination = &outgoing.destination;
        let Identity::Gcp {
            service_name: service,
            usage_reporting_id: consumer,
        } = &destination.identity
        else {
            continue;
        };
        match operation(service, consumer, destination, &outgoing.record) {
            Ok(operation) => {
                let item = Item::new(place, outgoing, operation);
                if item.in_time(now) {
                    let group = (service.as_str(), consumer.as_str(), destination.park_unknown);
                    groups.entry(group).or_default().push(item);
                } else {
                    tracing::warn!(record = outgoing.record.id, "not sent: its window is not open");
                }
            }
            Err(reason) => refused.push((place, never(format!("no request was made: {reason}")))),
        }
    }
    let mut batches = Vec::new();
    for ((service, _, park), items) in groups {
        let cut = cut(items, OPERATIONS_MAX, BODY_MAX, |told| told.json.len());
        batches.extend(cut.into_iter().map(|items| Batch {
            service: service.to_owned(),
            park,
            items,
        }));
    }
    Sorted { batches, refused }
}

/// A request's body.
pub(super) fn body<'a>(operations: impl Iterator<Item = &'a Operation>) -> Bytes {
    let operations: Vec<&str> = operations.map(|operation| operation.json.as_str()).collect();
    format!(r#"{{"operations":[{}]}}"#, operations.join(",")).into()
}

/// The operation of a record: all of it follows from the record and its destination, so that another invocation sends the
/// same bytes.
fn operation(
    service: &str,
    consumer: &str,
    destination: &Destination,
    record: &Record,
) -> Result<Operation, String> {
    // It stands in the request's path.
    let nameable = |c: char| c.is_ascii_alphanumeric() || ".-_".contains(c);
    if service.is_empty() || !service.chars().all(nameable) {
        return Err(format!("`{service}` is not the name of a service"));
    }
    let begins = record.hour().start().max(record.meter.entitlement);
    let told = Told {
        operation_id: &record.id,
        operation_name: OPERATION_NAME,
        consumer_id: consumer,
        start_time: stamp(begins.min(record.timestamp)),
        end_time: stamp(record.timestamp),
        metric_value_sets: [MetricValueSet {
            metric_name: format!("{service}/{}", record.meter.dimension),
            metric_values: [value(destination, record)?],
        }],
    };
    let json = serde_json::to_string(&told).map_err(|error| error.to_string())?;
    Ok(Operation {
        id: record.id.clone(),
        json,
    })
}

/// RFC 3339 in UTC: whole seconds, and a fraction only where an entitlement begins with one.
fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

/// The quantity in the metric's own type, exactly.
fn value(destination: &Destination, record: &Record) -> Result<MetricValue, String> {
    let (dimension, quantity) = (&record.meter.dimension, record.quantity.normalize());
    let unit = super::rules(destination).unit(dimension);
    let refused = || {
        format!(
            "Google Cloud takes 0 to {} with {} decimal places for `{dimension}`, not {quantity}",
            unit.max, unit.places
        )
    };
    if quantity.is_sign_negative() || quantity > unit.max || quantity.scale() > unit.places {
        return Err(refused());
    }
    let whole = || quantity.trunc().to_i64().ok_or_else(refused);
    match destination.metrics.get(dimension).unwrap_or(&GcpValue::Int64) {
        GcpValue::Int64 => Ok(MetricValue::Int64(whole()?.to_string())),
        GcpValue::Double => Ok(MetricValue::Double(Exact(quantity))),
        GcpValue::Money => Ok(MetricValue::Money(Money {
            currency_code: "USD",
            units: whole()?.to_string(),
            nanos: (quantity.fract() * NANOS).to_i32().ok_or_else(refused)?,
        })),
    }
}

/// In one unit of money.
const NANOS: Decimal = Decimal::from_parts(1_000_000_000, 0, 0, false, 0);

/// `Operation` of the API reference.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    operation_id: &'a str,
    operation_name: &'a str,
    /// The `usageReportingId`, verbatim.
    consumer_id: &'a str,
    start_time: String,
    end_time: String,
    metric_value_sets: [MetricValueSet; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MetricValueSet {
    metric_name: String,
    metric_values: [MetricValue; 1],
}

#[derive(Serialize)]
enum MetricValue {
    /// 64-bit integers travel as texts.
    #[serde(rename = "int64Value")]
    Int64(String),
    #[serde(rename = "doubleValue")]
    Double(Exact),
    #[serde(rename = "moneyValue")]
    Money(Money),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Money {
    currency_code: &'static str,
    units: String,
    nanos: i32,
}
