//! The rules that one event must keep, in the order in which they are looked at (the documents name none).
//!
//! <https://learn.microsoft.com/en-us/partner-center/marketplace-offers/marketplace-metering-service-apis> (2026-11-20)

use chrono::{DateTime, NaiveDateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::catalog::Catalog;
use super::ledger::Event;
use super::quantity;
use super::wire::{Detail, Sent};
use crate::azure::Application;

/// How old an event may not be, from its exact time.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Why an event is refused: a status, and what is wrong with which members.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    pub status: &'static str,
    pub details: Vec<Detail>,
}

impl Refused {
    fn new(status: &'static str, target: &'static str, message: &str) -> Self {
        Self {
            status,
            details: vec![Detail::new(target, message)],
        }
    }
}

/// The rules, as they stand at one moment for one caller.
pub(super) struct Rules<'a> {
    pub catalog: &'a Catalog,
    pub caller: &'a Application,
    pub now: DateTime<Utc>,
}

impl Rules<'_> {
    /// The event, or why it is refused.
    pub(super) fn check(&self, sent: &Sent) -> Result<Event, Refused> {
        let event = read(sent)?;
        let subscription = self.catalog.subscription(event.resource_id).ok_or_else(unknown)?;
        let time = event.effective_start_time;
        if !self.catalog.is_owner(self.caller, subscription) {
            let message = "The offer is another application's.";
            return Err(Refused::new("ResourceNotAuthorized", "resourceId", message));
        }
        if !subscription.status.takes(time, self.now) {
            let message = "The subscription takes no usage of this time.";
            return Err(Refused::new("ResourceNotActive", "resourceId", message));
        }
        if event.plan_id != subscription.plan {
            let message = "The subscription has another plan.";
            return Err(Refused::new("BadArgument", "planId", message));
        }
        if !self.catalog.has_dimension(subscription, &event.dimension) {
            let message = "The plan does not bill by this dimension.";
            return Err(Refused::new("InvalidDimension", "dimension", message));
        }
        if event.quantity <= Decimal::ZERO {
            let message = "A quantity is greater than 0.";
            return Err(Refused::new("InvalidQuantity", "quantity", message));
        }
        // Of a time that is too old and one that has not come, the service says the same.
        if !(TimeDelta::zero()..WINDOW).contains(&(self.now - time)) {
            let message = "The time is not within the last 24 hours.";
            return Err(Refused::new("Expired", "effectiveStartTime", message));
        }
        Ok(event)
    }
}

/// The members of an event, or all that is wrong with them.
fn read(sent: &Sent) -> Result<Event, Refused> {
    let resource_id = resource_id(sent);
    let dimension = text(sent, "dimension");
    let time = text(sent, "effectiveStartTime").and_then(|text| {
        utc(&text)
            .ok_or_else(|| Detail::new("effectiveStartTime", "The member is not a date and time of UTC."))
    });
    let plan_id = text(sent, "planId");
    let quantity = sent
        .member("quantity")
        .and_then(quantity::read)
        .ok_or_else(|| Detail::new("quantity", "The member is missing or not a number."));
    match (resource_id, dimension, time, plan_id, quantity) {
        (Ok(resource_id), Ok(dimension), Ok(effective_start_time), Ok(plan_id), Ok(quantity)) => Ok(Event {
            resource_id: resource_id.ok_or_else(unknown)?,
            dimension,
            effective_start_time,
            quantity,
            plan_id,
        }),
        (resource_id, dimension, time, plan_id, quantity) => {
            let all = [
                resource_id.err(),
                dimension.err(),
                time.err(),
                plan_id.err(),
                quantity.err(),
            ];
            Err(Refused {
                status: "BadArgument",
                details: all.into_iter().flatten().collect(),
            })
        }
    }
}

/// The resource, by one of its two names. `None` for a managed application, of which this marketplace has none.
fn resource_id(sent: &Sent) -> Result<Option<Uuid>, Detail> {
    let wrong = |message: &str| Detail::new("resourceId", message);
    match (sent.member("resourceId"), sent.member("resourceUri")) {
        (Some(_), Some(_)) => Err(wrong("resourceId and resourceUri exclude each other.")),
        (None, Some(_)) => Ok(None),
        (_, None) => text(sent, "resourceId")?
            .parse()
            .map(Some)
            .map_err(|_| wrong("The member is not a GUID.")),
    }
}

fn text(sent: &Sent, name: &'static str) -> Result<String, Detail> {
    sent.text(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Detail::new(name, "The member is missing or not a text."))
}

/// A date and time of UTC, with `Z` behind it or nothing. Another zone is taken for a mistake.
fn utc(text: &str) -> Option<DateTime<Utc>> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let time = NaiveDateTime::parse_from_str(text, "%Y-%m-%dT%H:%M:%S%.f").ok()?;
    Some(time.and_utc())
}

fn unknown() -> Refused {
    Refused::new("ResourceNotFound", "resourceId", "There is no such subscription.")
}
