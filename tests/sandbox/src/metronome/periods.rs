//! Hours and calendar months, in UTC.

use chrono::{DateTime, Datelike, Months, NaiveTime, TimeDelta, Utc};

use super::reply::Refusal;

/// A half-open stretch of time.
pub(super) type Period = (DateTime<Utc>, DateTime<Utc>);

/// The start of the window of `length` that a moment lies in; windows are counted from 1970-01-01.
pub(super) fn window_of(time: DateTime<Utc>, length: TimeDelta) -> DateTime<Utc> {
    let seconds = length.num_seconds();
    DateTime::from_timestamp(time.timestamp().div_euclid(seconds) * seconds, 0).unwrap_or(time)
}

/// The start of the hour that a moment lies in.
pub(super) fn hour_of(time: DateTime<Utc>) -> DateTime<Utc> {
    window_of(time, TimeDelta::hours(1))
}

/// Metronome takes the dates of contracts, rates and credits on whole hours.
pub(super) fn whole_hour(field: &str, time: DateTime<Utc>) -> Result<(), Refusal> {
    if hour_of(time) == time {
        return Ok(());
    }
    Err(Refusal::bad(format!("{field} must be on an hour boundary")))
}

/// A period from one whole hour to a later one.
pub(super) fn whole_period((start, end): Period) -> Result<(), Refusal> {
    whole_hour("the start of the period", start)?;
    whole_hour("the end of the period", end)?;
    if start < end {
        return Ok(());
    }
    Err(Refusal::bad("a period ends after it starts"))
}

/// The start of the calendar month that a moment lies in.
pub(super) fn month_of(time: DateTime<Utc>) -> DateTime<Utc> {
    let first = time.date_naive().with_day(1).unwrap_or_default();
    first.and_time(NaiveTime::MIN).and_utc()
}

/// The start of the next calendar month.
pub(super) fn month_after(time: DateTime<Utc>) -> DateTime<Utc> {
    month_of(time)
        .checked_add_months(Months::new(1))
        .unwrap_or(DateTime::<Utc>::MAX_UTC)
}
