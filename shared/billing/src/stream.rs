//! Streams: numbers in Metronome whose growth is money.

use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Accumulation, Group, Hour, Month, Span, Target};

/// What tells one stream from another within a book.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct StreamKey {
    /// The month, first, so that a book's streams stand oldest first.
    pub month: Month,
    /// The entitlement, by the first `starts_at` applied.
    pub entitlement: DateTime<Utc>,
    /// The Metronome customer.
    pub customer: String,
    /// The billable metric.
    pub metric: String,
    /// The rows of a grouped metric; empty for the whole metric.
    #[serde(default, skip_serializing_if = "Group::is_empty")]
    pub group: Group,
    /// How its readings add up.
    pub accumulation: Accumulation,
    /// Where its span begins. Configuration never moves it.
    pub from: Hour,
}

/// The stream's name for people: `release` takes it, summaries print it.
impl fmt::Display for StreamKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.month, self.customer, self.metric)?;
        for (key, value) in &self.group {
            write!(f, "/{key}={value}")?;
        }
        let entitlement = self.entitlement.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "/{}/{}/{entitlement}", self.accumulation, self.from)
    }
}

/// The part of a reading that changes only with late events, kept so that it is read seldom.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Base {
    /// The midnight up to which it counts.
    pub end: Hour,
    /// The sum from the span's beginning to there.
    #[serde(with = "crate::text")]
    pub value: Decimal,
    /// The last hourly value before `end`, for a LATEST metric that is carried.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub last: Option<Decimal>,
    /// LATEST that is carried: the hours before the first event, at which what was carried into the span holds.
    #[serde(default, skip_serializing_if = "Decimal::is_zero", with = "crate::text")]
    pub lead: Decimal,
}

/// A stream's growth that waits, as it was when it began to wait or last grew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct HoldNote {
    /// Why, in words.
    pub reason: String,
    /// The reading that waits.
    #[serde(with = "crate::text")]
    pub reading: Decimal,
    /// Since which hour boundary.
    pub since: Hour,
}

/// The part of a period's reading that lies before the span. Metronome tells a period by whole days only.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// `apply` has fixed it; the mark began at it.
    Fixed(#[serde(with = "crate::text")] Decimal),
    /// The period up to this midnight, read afresh beside every reading, for late usage moves both.
    Before(Hour),
}

/// What the book keeps of an open stream.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stream {
    /// The connection that counts it.
    pub connection: String,
    /// Where its span ends.
    pub until: Hour,
    /// The largest reading turned into what is owed.
    #[serde(with = "crate::text")]
    pub mark: Decimal,
    /// The hour boundary of the reading that the mark is; none while nothing was claimed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Hour>,
    /// Where its growth goes, as last configured: an ended stream's late growth still goes there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// `Period` only, where the span does not begin with its month: the part of the reading that is not its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub opening: Option<Opening>,
    /// The largest part before the span that was read: a later reading that is lower is partial, for a period's value only grows.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub before: Option<Decimal>,
    /// LATEST that is carried: the value that held when the span began, as the span before it left it.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub carried_in: Option<Decimal>,
    /// The configuration ended it: it counts no further than `until`, whatever an entitlement says.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// The stored base.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base: Option<Base>,
    /// What waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HoldNote>,
    /// A person let growth up to this reading pass `hold_above`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub released_to: Option<Decimal>,
}

impl Stream {
    /// A stream that nothing was claimed from.
    #[must_use]
    pub fn new(connection: &str, until: Hour) -> Self {
        Self {
            connection: connection.to_owned(),
            until,
            mark: Decimal::ZERO,
            claimed: None,
            target: None,
            opening: None,
            before: None,
            carried_in: None,
            ended: false,
            base: None,
            held: None,
            released_to: None,
        }
    }
}

/// What one run read of one stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reading {
    /// The hours that it counts: from the stream's `from` to here.
    pub through: Hour,
    /// The number; none where Metronome has no event for it.
    pub value: Option<Decimal>,
    /// The base that it rests on, to be kept.
    pub base: Option<Base>,
    /// Whether the base was read in this run.
    pub fresh: bool,
    /// Where it was asked for: the part of the value before the span.
    pub opening: Option<Decimal>,
    /// LATEST that is carried: the value at its end, and the hours before its first event, which `value` leaves at nothing.
    pub carried: Option<(Option<Decimal>, Decimal)>,
}

impl StreamKey {
    /// Its span, ending at `until`.
    #[must_use]
    pub fn span(&self, until: Hour) -> Span {
        Span {
            from: self.from,
            until,
        }
    }
}
