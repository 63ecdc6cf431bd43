//! The five aggregations of streaming metrics, over the events of one window.

use std::collections::HashSet;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::de::{Deserialize, Deserializer, Error};
use serde::{Serialize, Serializer};

/// How a streaming metric turns events into a number. Read in any case, written in capitals.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// The number of events.
    Count,
    /// The sum of a property.
    Sum,
    /// The largest value of a property.
    Max,
    /// The number of different values of a property.
    Unique,
    /// The value of a property in the newest event (of two at one instant, the one sent later).
    Latest,
}

impl Aggregation {
    const NAMES: [(Self, &str); 5] = [
        (Self::Count, "COUNT"),
        (Self::Sum, "SUM"),
        (Self::Max, "MAX"),
        (Self::Unique, "UNIQUE"),
        (Self::Latest, "LATEST"),
    ];
}

impl<'de> Deserialize<'de> for Aggregation {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let found = Self::NAMES
            .iter()
            .find(|(_, name)| name.eq_ignore_ascii_case(&text));
        found
            .map(|(aggregation, _)| *aggregation)
            .ok_or_else(|| D::Error::custom(format!("aggregation_type {text} is unknown")))
    }
}

impl Serialize for Aggregation {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let found = Self::NAMES.iter().find(|(aggregation, _)| aggregation == self);
        serializer.serialize_str(found.map_or("", |(_, name)| name))
    }
}

/// What one event adds to a metric.
#[derive(Debug)]
pub(super) enum Quantity {
    /// Itself: COUNT.
    One,
    /// A number: SUM, MAX, LATEST.
    Number(BigDecimal),
    /// A value to tell from others: UNIQUE.
    Text(String),
}

/// Where an event stands in time: when it happened, then the order it came in.
pub(super) type Place = (DateTime<Utc>, usize);

/// The running aggregate of one window or group.
#[derive(Clone, Debug)]
pub(super) enum Tally<'e> {
    Count(u64),
    Sum(BigDecimal),
    Max(Option<&'e BigDecimal>),
    Unique(HashSet<&'e str>),
    Latest(Option<(Place, &'e BigDecimal)>),
}

impl<'e> Tally<'e> {
    pub(super) fn new(aggregation: Aggregation) -> Self {
        match aggregation {
            Aggregation::Count => Self::Count(0),
            Aggregation::Sum => Self::Sum(BigDecimal::from(0)),
            Aggregation::Max => Self::Max(None),
            Aggregation::Unique => Self::Unique(HashSet::new()),
            Aggregation::Latest => Self::Latest(None),
        }
    }

    /// Adds one event. (An event's quantity is made for its metric's aggregation, so the last arm is never taken.)
    pub(super) fn add(&mut self, place: Place, quantity: &'e Quantity) {
        match (self, quantity) {
            (Self::Count(count), _) => *count += 1,
            (Self::Sum(sum), Quantity::Number(number)) => *sum += number,
            (Self::Max(max), Quantity::Number(number)) => *max = (*max).max(Some(number)),
            (Self::Latest(latest), Quantity::Number(number)) => {
                *latest = (*latest).max(Some((place, number)))
            }
            (Self::Unique(values), Quantity::Text(text)) => {
                values.insert(text);
            }
            _ => {}
        }
    }

    /// The aggregate. A tally is made for its first event; a window with none has no tally, and its value is `null`.
    pub(super) fn value(&self) -> BigDecimal {
        match self {
            Self::Count(count) => BigDecimal::from(*count),
            Self::Sum(sum) => sum.clone(),
            Self::Max(max) => max.cloned().unwrap_or_default(),
            Self::Unique(values) => BigDecimal::from(values.len() as u64),
            Self::Latest(latest) => latest.map(|(_, number)| number.clone()).unwrap_or_default(),
        }
    }
}
