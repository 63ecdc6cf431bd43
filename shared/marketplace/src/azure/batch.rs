//! Which events travel together.

use billing::{Answer, Identity};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use platform::Exact;
use rust_decimal::Decimal;
use serde::Serialize;

use super::event::Event;
use crate::delivery::{Item, cut, never};
use crate::{DOUBLE, Outgoing};

/// Events in one call (API reference, "Metered billing batch usage event", read 2026-11-20).
const EVENTS_MAX: usize = 25;

/// Bytes of one call's body. Microsoft names no limit; this is far above 25 events of any names that it takes, and far below
/// what web servers refuse.
const BODY_MAX: usize = 256 * 1024;

/// What the body holds beside its events.
const ENVELOPE: usize = 64;

/// Records, sorted for sending.
pub(super) struct Sorted {
    pub(super) batches: Vec<Vec<Item<Event>>>,
    /// By place: those that Microsoft has no event for.
    pub(super) refused: Vec<(usize, Answer)>,
}

/// Sorts records into batches. Those that the window does not take at `now` are left out.
pub(super) fn batches(outgoing: &[Outgoing], now: DateTime<Utc>) -> Sorted {
    let (mut items, mut refused) = (Vec::new(), Vec::new());
    for (place, outgoing) in outgoing.iter().enumerate() {
        let Identity::Azure { resource_id } = &outgoing.destination.identity else {
            continue;
        };
        match event(resource_id, outgoing) {
            Ok(event) => {
                let item = Item::new(place, outgoing, event);
                if item.in_time(now) {
                    items.push(item);
                } else {
                    tracing::warn!(record = outgoing.record.id, "not sent: its window is not open");
                }
            }
            Err(reason) => refused.push((place, never(format!("no request was made: {reason}")))),
        }
    }
    Sorted {
        batches: cut(items, EVENTS_MAX, BODY_MAX - ENVELOPE, size),
        refused,
    }
}

fn event(resource_id: &str, outgoing: &Outgoing) -> Result<Event, String> {
    let record = &outgoing.record;
    let quantity = record.quantity.normalize();
    if quantity <= Decimal::ZERO || quantity > DOUBLE.max || quantity.scale() > DOUBLE.places {
        return Err(format!(
            "Microsoft's marketplace takes quantities above 0 up to {} with {} places, not {quantity}",
            DOUBLE.max, DOUBLE.places
        ));
    }
    let plan_id = outgoing.destination.plan_id.clone().ok_or(
        "Microsoft's marketplace wants the plan that the subscription has: add `plan_id` to the entitlement's `azure`",
    )?;
    Ok(Event {
        resource_id: resource_id.to_owned(),
        quantity: Exact(quantity),
        dimension: record.meter.dimension.clone(),
        effective_start_time: record.timestamp,
        plan_id,
    })
}

/// An event's bytes in a body, and its comma.
fn size(event: &Event) -> usize {
    serde_json::to_vec(event).map_or(BODY_MAX, |text| text.len().saturating_add(1))
}

/// The body of one call.
pub(super) fn body(items: &[Item<Event>]) -> Result<Bytes, serde_json::Error> {
    #[derive(Serialize)]
    struct Body<'a> {
        request: Vec<&'a Event>,
    }
    let request = items.iter().map(|item| &item.told).collect();
    serde_json::to_vec(&Body { request }).map(Bytes::from)
}
