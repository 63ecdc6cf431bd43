//! What Suger is told of a record.

use std::collections::BTreeMap;

use billing::{Identity, Record};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use platform::{Exact, Fault};
use rust_decimal::Decimal;
use serde::Serialize;

use super::misconfigured;
use crate::delivery::{Delivered, Item, never};
use crate::words::words;
use crate::{DOUBLE, Outgoing};

/// A group as it is sent, each time in the same bytes.
#[derive(Clone, Debug)]
pub(super) struct Group {
    /// The record's id.
    pub(super) id: String,
    pub(super) organization_id: String,
    pub(super) entitlement_id: String,
    pub(super) quantity: Decimal,
    pub(super) body: Bytes,
}

/// `CreateUsageRecordGroupParams` (API reference, "report usageRecordGroup", read 2026-11-20).
#[derive(Serialize)]
struct Params<'a> {
    id: &'a str,
    #[serde(rename = "organizationID")]
    organization_id: &'a str,
    #[serde(rename = "entitlementID")]
    entitlement_id: &'a str,
    records: BTreeMap<&'a str, Exact>,
    timestamp: DateTime<Utc>,
}

/// Makes groups of Suger's records. Those that the window does not take at `now` are left out; those of which no group can be made
/// are refused.
pub(super) fn groups(outgoing: &[Outgoing], now: DateTime<Utc>) -> (Vec<Item<Group>>, Delivered) {
    let mut groups = Vec::new();
    let mut refused = Delivered::default();
    for (place, outgoing) in outgoing.iter().enumerate() {
        let Identity::Suger {
            organization_id,
            entitlement_id,
        } = &outgoing.destination.identity
        else {
            continue;
        };
        let (record, one) = (&outgoing.record, std::iter::once(place));
        match checked(organization_id, entitlement_id, record) {
            Err(Refused::Quantity(reason)) => refused.answers.push((place, never(reason))),
            Err(Refused::Identity(fault)) => refused.extend(Delivered::unsent(one, fault)),
            Ok(group) => {
                let item = Item::new(place, outgoing, group);
                if item.in_time(now) {
                    groups.push(item);
                } else {
                    tracing::warn!(record = record.id, "not sent: its window is not open");
                }
            }
        }
    }
    (groups, refused)
}

/// Why no group can be made of a record.
enum Refused {
    Quantity(String),
    Identity(Fault),
}

fn checked(organization_id: &str, entitlement_id: &str, record: &Record) -> Result<Group, Refused> {
    for (what, id) in [("organization", organization_id), ("entitlement", entitlement_id)] {
        if !in_path(id) {
            let fault = misconfigured(format!("Suger: `{}` is no id of an {what}", words(id)));
            return Err(Refused::Identity(fault));
        }
    }
    let quantity = record.quantity.normalize();
    if quantity <= Decimal::ZERO || quantity > DOUBLE.max || quantity.scale() > DOUBLE.places {
        return Err(Refused::Quantity(format!(
            "no request was made: Suger is told of quantities above 0, up to {}, in at most {} places, not of {quantity}",
            DOUBLE.max, DOUBLE.places
        )));
    }
    let params = Params {
        id: &record.id,
        organization_id,
        entitlement_id,
        records: BTreeMap::from([(record.meter.dimension.as_str(), Exact(quantity))]),
        timestamp: record.timestamp,
    };
    let body = serde_json::to_vec(&params)
        .map_err(|error| Refused::Quantity(format!("no request was made: {error}")))?;
    Ok(Group {
        id: record.id.clone(),
        organization_id: organization_id.to_owned(),
        entitlement_id: entitlement_id.to_owned(),
        quantity,
        body: body.into(),
    })
}

/// Whether an id is one segment of a path, as it stands. Suger's own are letters and digits.
fn in_path(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.bytes().all(plain)
}
