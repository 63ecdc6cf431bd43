//! What a marketplace takes: its unit, its window, its month end. Each sink states its own.

use std::collections::BTreeMap;

use chrono::{DateTime, Datelike as _, NaiveDate, NaiveTime, TimeDelta, TimeZone as _, Utc};
use chrono_tz::US::Pacific;
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

/// Until when a month's records are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MonthEnd {
    /// As long as their hour is.
    Open,
    /// For so long after the month's end (UTC); then they are refused.
    Refused(TimeDelta),
    /// Until 01:00 US Pacific on the 1st they stand on the month's own invoice; later they are taken, and stand on the next.
    /// Months are US Pacific's own.
    Pacific,
}

/// What is done about a record in flight whose answer was lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unanswered {
    /// It is sent again, the same, while its window is open; then a person must judge.
    Resend,
    /// As before, but after its window the marketplace is asked what it holds.
    ReadBack,
    /// It is never sent again: a person must judge.
    Park,
}

/// A marketplace's rules of time and quantity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Quantities.
    pub unit: Unit,
    /// Quantities of the dimensions that have a unit of their own.
    pub units: BTreeMap<String, Unit>,
    /// A record this old is refused.
    pub max_age: TimeDelta,
    /// The month's end.
    pub month_end: MonthEnd,
    /// Lost answers.
    pub unanswered: Unanswered,
}

impl Rules {
    /// The quantities of a dimension.
    #[must_use]
    pub fn unit(&self, dimension: &str) -> Unit {
        self.units.get(dimension).copied().unwrap_or(self.unit)
    }

    /// Whether a record of `timestamp` is taken at `now`.
    #[must_use]
    pub fn takes(&self, timestamp: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let age = now.signed_duration_since(timestamp);
        let in_month = match self.month_end {
            MonthEnd::Open | MonthEnd::Pacific => true,
            MonthEnd::Refused(grace) => now < Month::of(timestamp).end().start() + grace,
        };
        age >= TimeDelta::zero() && age < self.max_age && in_month
    }

    /// Whether a record of `timestamp` may be planned at `now`: it is taken now, and still will be after [`MARGIN`], into its
    /// own month.
    #[must_use]
    pub fn plans(&self, timestamp: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        let late = now + MARGIN;
        let in_month = self.month_end != MonthEnd::Pacific || late < pacific_close(timestamp);
        self.takes(timestamp, now) && self.takes(timestamp, late) && in_month
    }
}

/// When the invoice of the US Pacific month that `timestamp` lies in closes: 01:00 Pacific on the 1st of the next (Google Cloud
/// Marketplace, "Configure usage reports", read 2026-11-20). On a 1st on which the clocks go back, the first 01:00 of the two.
fn pacific_close(timestamp: DateTime<Utc>) -> DateTime<Utc> {
    let local = timestamp.with_timezone(&Pacific);
    let next = match local.month() {
        12 => NaiveDate::from_ymd_opt(local.year().saturating_add(1), 1, 1),
        month => NaiveDate::from_ymd_opt(local.year(), month.saturating_add(1), 1),
    };
    let one = NaiveTime::from_hms_opt(1, 0, 0).unwrap_or_default();
    let close = next.and_then(|day| Pacific.from_local_datetime(&day.and_time(one)).earliest());
    // Clocks never go forward over 01:00 there, so there is always one.
    close.map_or(timestamp, |close| close.with_timezone(&Utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn rules(month_end: MonthEnd) -> Rules {
        Rules {
            unit: Unit {
                places: 0,
                max: Decimal::ONE_HUNDRED,
            },
            units: BTreeMap::new(),
            max_age: TimeDelta::hours(24),
            month_end,
            unanswered: Unanswered::Resend,
        }
    }

    #[test]
    fn a_month_that_is_refused_is_taken_until_its_grace_is_over() {
        let rules = rules(MonthEnd::Refused(TimeDelta::hours(6)));
        let last = at("2026-11-30T23:59:59Z");
        assert!(rules.takes(last, at("2026-12-01T05:59:59Z")));
        assert!(!rules.takes(last, at("2026-12-01T06:00:00Z")));
        assert!(
            rules.plans(last, at("2026-12-01T05:44:59Z")) && !rules.plans(last, at("2026-12-01T05:45:00Z"))
        );
    }

    #[test]
    fn a_pacific_month_closes_at_one_in_the_morning_there_summer_and_winter() {
        let cases = [
            ("2026-11-30T23:59:59Z", "2026-12-01T09:00:00Z"),
            // Still November in California.
            ("2026-12-01T07:59:59Z", "2026-12-01T09:00:00Z"),
            ("2026-12-01T08:00:00Z", "2027-01-01T09:00:00Z"),
            ("2026-07-31T12:00:00Z", "2026-08-01T08:00:00Z"),
            // The clocks go back on the 1st of November 2026 at 02:00: the first 01:00 of the two.
            ("2026-10-31T12:00:00Z", "2026-11-01T08:00:00Z"),
        ];
        for (timestamp, close) in cases {
            assert_eq!(pacific_close(at(timestamp)), at(close), "{timestamp}");
        }
    }

    #[test]
    fn a_pacific_month_that_has_closed_is_planned_no_more_but_what_flies_is_still_taken() {
        let rules = rules(MonthEnd::Pacific);
        let last = at("2026-11-30T23:59:59Z");
        assert!(rules.plans(last, at("2026-12-01T08:44:00Z")));
        assert!(!rules.plans(last, at("2026-12-01T08:46:00Z")));
        assert!(rules.takes(last, at("2026-12-01T12:00:00Z")));
    }
}
