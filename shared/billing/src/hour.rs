//! Hours, months and half-open spans, all in UTC.

use std::fmt;

use chrono::{DateTime, Datelike as _, NaiveDate, SecondsFormat, Utc};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

const SECONDS: i64 = 3600;
const HOURS_A_DAY: i64 = 24;

/// A clock hour, counted from 1970-01-01T00:00Z. Also the hour boundary at which it starts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hour(i64);

impl Hour {
    /// The end of what has no end: the first hour of the year 9999.
    pub const NEVER: Self = Self(70_380_768);

    /// The hour that `at` lies in.
    #[must_use]
    pub fn floor(at: DateTime<Utc>) -> Self {
        Self(at.timestamp().div_euclid(SECONDS))
    }

    /// The first hour boundary not before `at`.
    #[must_use]
    pub fn ceil(at: DateTime<Utc>) -> Self {
        let floor = Self::floor(at);
        if floor.start() == at { floor } else { floor.next() }
    }

    /// Where it starts.
    #[must_use]
    pub fn start(self) -> DateTime<Utc> {
        DateTime::from_timestamp(self.0.saturating_mul(SECONDS), 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
    }

    /// Where it ends, which is where the next one starts.
    #[must_use]
    pub fn end(self) -> DateTime<Utc> {
        self.next().start()
    }

    /// The hour after.
    #[must_use]
    pub fn next(self) -> Self {
        self.plus(1)
    }

    /// The hour before.
    #[must_use]
    pub fn previous(self) -> Self {
        self.plus(-1)
    }

    /// So many hours later.
    #[must_use]
    pub fn plus(self, hours: i64) -> Self {
        Self(self.0.saturating_add(hours))
    }

    /// The last midnight not after it.
    #[must_use]
    pub fn midnight(self) -> Self {
        Self(self.0.div_euclid(HOURS_A_DAY).saturating_mul(HOURS_A_DAY))
    }

    /// The first midnight not before it.
    #[must_use]
    pub fn next_midnight(self) -> Self {
        if self == self.midnight() {
            self
        } else {
            self.midnight().plus(HOURS_A_DAY)
        }
    }

    /// The date it lies on.
    #[must_use]
    pub fn date(self) -> NaiveDate {
        self.start().date_naive()
    }

    /// Hours from `earlier` to this one; negative where it is later.
    #[must_use]
    pub fn since(self, earlier: Self) -> i64 {
        self.0.saturating_sub(earlier.0)
    }

    /// The hour of the day, 0 to 23.
    #[must_use]
    pub fn of_day(self) -> i64 {
        self.0.rem_euclid(HOURS_A_DAY)
    }

    /// The month it lies in.
    #[must_use]
    pub fn month(self) -> Month {
        Month::of(self.start())
    }
}

impl fmt::Display for Hour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.start().to_rfc3339_opts(SecondsFormat::Secs, true))
    }
}

/// A calendar month. Written `2026-11`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u32,
}

impl Month {
    /// The month that `at` lies in.
    #[must_use]
    pub fn of(at: DateTime<Utc>) -> Self {
        Self {
            year: at.year(),
            month: at.month(),
        }
    }

    /// Its first hour.
    #[must_use]
    pub fn first(self) -> Hour {
        let day = NaiveDate::from_ymd_opt(self.year, self.month, 1).unwrap_or_default();
        Hour::floor(day.and_time(chrono::NaiveTime::MIN).and_utc())
    }

    /// The hour at which it is over.
    #[must_use]
    pub fn end(self) -> Hour {
        self.next().first()
    }

    /// The month after.
    #[must_use]
    pub fn next(self) -> Self {
        if self.month == 12 {
            Self {
                year: self.year.saturating_add(1),
                month: 1,
            }
        } else {
            Self {
                year: self.year,
                month: self.month.saturating_add(1),
            }
        }
    }

    /// The month before.
    #[must_use]
    pub fn previous(self) -> Self {
        if self.month == 1 {
            Self {
                year: self.year.saturating_sub(1),
                month: 12,
            }
        } else {
            Self {
                year: self.year,
                month: self.month.saturating_sub(1),
            }
        }
    }
}

impl fmt::Display for Month {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}-{:02}", self.year, self.month)
    }
}

impl Serialize for Month {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Month {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        NaiveDate::parse_from_str(&format!("{text}-01"), "%Y-%m-%d")
            .map(|day| Self {
                year: day.year(),
                month: day.month(),
            })
            .map_err(|_| de::Error::custom(format!("`{text}` is not a month")))
    }
}

/// Hours from `from` up to, not including, `until`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Span {
    /// The first hour.
    pub from: Hour,
    /// The first hour after.
    pub until: Hour,
}

impl Span {
    /// Whether it holds no hour.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.until <= self.from
    }

    /// The hours that lie in both.
    #[must_use]
    pub fn meet(self, other: Self) -> Self {
        Self {
            from: self.from.max(other.from),
            until: self.until.min(other.until),
        }
    }

    /// Whether it holds the hour.
    #[must_use]
    pub fn holds(self, hour: Hour) -> bool {
        self.from <= hour && hour < self.until
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}, {})", self.from, self.until)
    }
}

/// The last whole second before `at`: a record's timestamp lies inside its hour, and inside its entitlement, even where that
/// ends within a second.
#[must_use]
pub fn last_second_before(at: DateTime<Utc>) -> DateTime<Utc> {
    let second = match at.timestamp_subsec_nanos() {
        0 => at.timestamp().saturating_sub(1),
        _ => at.timestamp(),
    };
    DateTime::from_timestamp(second, 0).unwrap_or(at)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn an_hour_is_half_open() {
        let hour = Hour::floor(at("2026-11-20T13:59:59Z"));
        assert_eq!(hour.to_string(), "2026-11-20T13:00:00Z");
        assert_eq!(Hour::floor(hour.end()), hour.next());
        assert_eq!(Hour::ceil(at("2026-11-20T13:00:00Z")), hour);
        assert_eq!(Hour::ceil(at("2026-11-20T13:00:00.001Z")), hour.next());
    }

    #[test]
    fn a_month_ends_where_the_next_begins_across_years_and_leap_days() {
        assert_eq!(
            Hour::floor(at("2026-12-31T23:30:00Z")).month().end().to_string(),
            "2027-01-01T00:00:00Z"
        );
        let leap = Hour::floor(at("2028-02-29T05:00:00Z")).month();
        assert_eq!(leap.end().since(leap.first()), 29 * 24);
        assert_eq!(leap.previous().next(), leap);
        assert_eq!(serde_json::from_str::<Month>("\"2028-02\"").unwrap(), leap);
    }

    #[test]
    fn never_is_far_off_and_still_a_time() {
        assert_eq!(Hour::NEVER.to_string(), "9999-01-01T00:00:00Z");
    }

    #[test]
    fn midnights_enclose_an_hour() {
        let hour = Hour::floor(at("2026-11-20T13:00:00Z"));
        assert_eq!(hour.midnight().to_string(), "2026-11-20T00:00:00Z");
        assert_eq!(hour.next_midnight().to_string(), "2026-11-21T00:00:00Z");
        assert_eq!(hour.midnight().next_midnight(), hour.midnight());
    }
}
