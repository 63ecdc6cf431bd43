//! What a marketplace takes: its unit, its window, its month end. Each sink states its own.

use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::hour::Month;

/// Records are planned for hours that the marketplace takes for at least this much longer, so that a run has the time to
/// send them.
pub const MARGIN: TimeDelta = TimeDelta::minutes(15);

/// The quantities that a marketplace can express.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Unit {
    /// Decimal places: 0 for whole units.
    pub places: u32,
    /// The largest quantity of one record.
    pub max: Decimal,
}

/// A marketplace's rules of time and quantity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Quantities.
    pub unit: Unit,
    /// A record this old is refused.
    pub max_age: TimeDelta,
    /// How long after a month's end (UTC) its records are still taken.
    pub month_grace: TimeDelta,
}

impl Rules {
    /// Whether a record of `timestamp` is taken at `now`.
    #[must_use]
    pub fn takes(&self, timestamp: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(timestamp);
        let month_over = Month::of(timestamp).end().start();
        age >= TimeDelta::zero()
            && age < self.max_age
            && (now < month_over || now.signed_duration_since(month_over) < self.month_grace)
    }

    /// Whether a record of `timestamp` may be planned at `now`: it is taken now, and still will be after [`MARGIN`].
    #[must_use]
    pub fn plans(&self, timestamp: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        self.takes(timestamp, now) && self.takes(timestamp, now + MARGIN)
    }
}
