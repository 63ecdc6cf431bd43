//! An event: as Microsoft is told of it, and as it speaks of it.

use billing::Hour;
use chrono::{DateTime, Utc};
use platform::Exact;
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use super::json::{readable, time};

/// The digits that every double keeps.
const DIGITS: u32 = 15;

/// A record as Microsoft is told of it. It is the same on every try, its time too.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    pub(super) resource_id: String,
    pub(super) quantity: Exact,
    pub(super) dimension: String,
    /// The record's own timestamp: the last second of its hour, which Microsoft takes for longer than the first.
    pub(super) effective_start_time: DateTime<Utc>,
    pub(super) plan_id: String,
}

impl Event {
    /// A number that Microsoft tells: our quantity, where that is what it means. Some writers print a double's seventeen
    /// digits, of which the last two are its own.
    pub(super) fn quantity_meant(&self, told: Decimal) -> Decimal {
        let ours = self.quantity.0;
        if told.round_sf(DIGITS) == Some(ours) {
            ours
        } else {
            told
        }
    }
}

/// An event as Microsoft speaks of it: in the result of a call, or from its books.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Told {
    #[serde(deserialize_with = "readable")]
    pub(super) usage_event_id: Option<String>,
    #[serde(deserialize_with = "readable")]
    pub(super) status: Option<String>,
    #[serde(deserialize_with = "readable")]
    resource_id: Option<String>,
    #[serde(deserialize_with = "readable")]
    pub(super) quantity: Option<Exact>,
    #[serde(deserialize_with = "readable")]
    dimension: Option<String>,
    #[serde(deserialize_with = "readable")]
    effective_start_time: Option<String>,
}

impl Told {
    /// Whether it is the event that we sent: resource, dimension, second, and quantity where it is told.
    pub(super) fn speaks_of(&self, event: &Event) -> bool {
        let second = |at: DateTime<Utc>| at.timestamp();
        self.resource(event) == Some(true)
            && self.dimension.as_ref() == Some(&event.dimension)
            && self.at().map(second) == Some(second(event.effective_start_time))
            && self
                .quantity
                .is_none_or(|Exact(told)| event.quantity_meant(told) == event.quantity.0)
    }

    /// Whether it may be what keeps an event out: nothing told of it is of another resource, dimension or hour. The plan does
    /// not matter, for Microsoft tells events apart without it.
    pub(super) fn may_keep_out(&self, event: &Event) -> bool {
        self.resource(event) != Some(false)
            && self
                .dimension
                .as_ref()
                .is_none_or(|told| *told == event.dimension)
            && self
                .at()
                .is_none_or(|at| Hour::floor(at) == Hour::floor(event.effective_start_time))
    }

    /// Whether it is of the event's resource, where it names one. GUIDs have no case.
    fn resource(&self, event: &Event) -> Option<bool> {
        let told = self.resource_id.as_ref()?;
        Some(told.eq_ignore_ascii_case(&event.resource_id))
    }

    fn at(&self) -> Option<DateTime<Utc>> {
        time(self.effective_start_time.as_deref()?)
    }
}
