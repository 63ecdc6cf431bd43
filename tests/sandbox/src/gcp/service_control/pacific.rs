//! The months of the invoice: Google bills by the calendar of US and Canadian Pacific time.
//!
//! The clock there is 8 hours behind UTC, and 7 from the second Sunday of March to the first Sunday of November, changing
//! at 2:00 each time (15 U.S.C. 260a, as since 2007).

use std::fmt;

use chrono::{DateTime, Datelike, NaiveDate, TimeDelta, Utc, Weekday};

/// How long after its end, by the clock, a month's reports still reach its invoice: until 01:00 on the 1st. The clock never
/// changes before 2:00, so that this is an hour after midnight, and the first 01:00 where there are two.
/// <https://cloud.google.com/marketplace/docs/partners/integrated-saas/best-practices> (2026-11-20)
const GRACE: TimeDelta = TimeDelta::hours(1);

/// A month of Pacific time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Month {
    /// The year.
    pub year: i32,
    /// From 1 to 12.
    pub month: u32,
}

impl Month {
    /// The month that it is on the Pacific at `time`.
    #[must_use]
    pub fn of(time: DateTime<Utc>) -> Self {
        let local = time.naive_utc() - behind_utc(time);
        Self {
            year: local.year(),
            month: local.month(),
        }
    }

    /// The invoice for this month's usage when its report comes at `received_at`: the month's own while that is open, else
    /// the first that is.
    #[must_use]
    pub fn invoice(self, received_at: DateTime<Utc>) -> Self {
        // What comes at 01:00 sharp is in time.
        let first_open = Self::of(received_at - GRACE - TimeDelta::nanoseconds(1));
        self.max(first_open)
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

/// How far the Pacific's clock is behind UTC at `time`.
fn behind_utc(time: DateTime<Utc>) -> TimeDelta {
    let (standard, daylight) = (TimeDelta::hours(8), TimeDelta::hours(7));
    let utc = time.naive_utc();
    // The instant at which the clock shows 2:00 on a Sunday of the month, before it is changed.
    let change = |month, nth, behind| {
        let sunday = NaiveDate::from_weekday_of_month_opt(utc.year(), month, Weekday::Sun, nth)?;
        Some(sunday.and_hms_opt(2, 0, 0)? + behind)
    };
    let is_daylight = change(3, 2, standard).is_some_and(|begins| begins <= utc)
        && change(11, 1, daylight).is_some_and(|ends| utc < ends);
    if is_daylight { daylight } else { standard }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    fn month(year: i32, month: u32) -> Month {
        Month { year, month }
    }

    #[test]
    fn the_clock_goes_forward_on_the_second_sunday_of_march() {
        for (before, after) in [
            ("2026-03-08T09:59:59Z", "2026-03-08T10:00:00Z"),
            ("2027-03-14T09:59:59Z", "2027-03-14T10:00:00Z"),
            ("2028-03-12T09:59:59Z", "2028-03-12T10:00:00Z"),
        ] {
            assert_eq!(behind_utc(at(before)), TimeDelta::hours(8), "{before}");
            assert_eq!(behind_utc(at(after)), TimeDelta::hours(7), "{after}");
        }
    }

    #[test]
    fn the_clock_goes_back_on_the_first_sunday_of_november() {
        for (before, after) in [
            ("2026-11-01T08:59:59Z", "2026-11-01T09:00:00Z"),
            ("2027-11-07T08:59:59Z", "2027-11-07T09:00:00Z"),
            ("2028-11-05T08:59:59Z", "2028-11-05T09:00:00Z"),
        ] {
            assert_eq!(behind_utc(at(before)), TimeDelta::hours(7), "{before}");
            assert_eq!(behind_utc(at(after)), TimeDelta::hours(8), "{after}");
        }
    }

    #[test]
    fn a_month_begins_at_midnight_on_the_pacific() {
        assert_eq!(Month::of(at("2026-07-01T06:59:59Z")), month(2026, 6));
        assert_eq!(Month::of(at("2026-07-01T07:00:00Z")), month(2026, 7));
        assert_eq!(Month::of(at("2027-01-01T07:59:59Z")), month(2026, 12));
        assert_eq!(Month::of(at("2027-01-01T08:00:00Z")), month(2027, 1));
    }

    #[test]
    fn a_month_that_begins_on_the_day_of_the_change_begins_by_the_summers_clock() {
        assert_eq!(Month::of(at("2026-11-01T06:59:59Z")), month(2026, 10));
        assert_eq!(Month::of(at("2026-11-01T07:00:00Z")), month(2026, 11));
    }

    #[test]
    fn a_report_is_in_time_until_one_oclock_on_the_first() {
        let june = month(2026, 6);
        assert_eq!(june.invoice(at("2026-07-01T08:00:00Z")), june);
        assert_eq!(june.invoice(at("2026-07-01T08:00:00.001Z")), month(2026, 7));
        let december = month(2026, 12);
        assert_eq!(december.invoice(at("2027-01-01T09:00:00Z")), december);
        assert_eq!(december.invoice(at("2027-01-01T09:00:00.001Z")), month(2027, 1));
    }

    #[test]
    fn where_there_are_two_one_oclocks_the_first_counts() {
        let october = month(2026, 10);
        assert_eq!(october.invoice(at("2026-11-01T08:00:00Z")), october);
        assert_eq!(october.invoice(at("2026-11-01T09:00:00Z")), month(2026, 11));
    }

    #[test]
    fn a_report_that_is_months_late_is_on_the_first_open_invoice() {
        let august = month(2026, 8);
        assert_eq!(august.invoice(at("2026-11-20T12:00:00Z")), month(2026, 11));
        assert_eq!(august.invoice(at("2026-11-01T07:30:00Z")), month(2026, 10));
    }

    #[test]
    fn this_months_usage_is_on_this_months_invoice_within_the_grace_too() {
        let july = month(2026, 7);
        assert_eq!(july.invoice(at("2026-07-01T07:30:00Z")), july);
        assert_eq!(july.to_string(), "2026-07");
    }
}
