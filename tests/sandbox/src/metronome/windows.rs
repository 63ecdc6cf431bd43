//! The time range of a usage read, cut into windows.

use chrono::{DateTime, NaiveTime, TimeDelta, Utc};

use super::reply::Refusal;
use super::request;

/// Windows one read may ask for: eleven years of hours. No maximum is documented; this keeps a typing error from
/// filling the memory.
const MOST_WINDOWS: i64 = 100_000;

/// A half-open range of whole UTC days and the length of its windows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Windows {
    pub(super) from: DateTime<Utc>,
    pub(super) until: DateTime<Utc>,
    length: TimeDelta,
    pub(super) count: usize,
}

impl Windows {
    /// Reads the three fields of a usage query. Both bounds lie on a UTC midnight and at least one day apart, whatever
    /// the window (PostHog's pull request 99456; metronome-sdk 4.12). HOUR, DAY and NONE come in any case.
    pub(super) fn read(starting_on: &str, ending_before: &str, window_size: &str) -> Result<Self, Refusal> {
        let from = midnight("starting_on", starting_on)?;
        let until = midnight("ending_before", ending_before)?;
        let whole = until - from;
        if whole < TimeDelta::days(1) {
            return Err(Refusal::bad(
                "starting_on and ending_before must be at least one day apart",
            ));
        }
        let length = match window_size.to_ascii_uppercase().as_str() {
            "HOUR" => TimeDelta::hours(1),
            "DAY" => TimeDelta::days(1),
            "NONE" => whole,
            _ => return Err(Refusal::bad(format!("window_size {window_size} is unknown"))),
        };
        let count = whole.num_seconds() / length.num_seconds();
        match usize::try_from(count) {
            Ok(windows) if count <= MOST_WINDOWS => Ok(Self {
                from,
                until,
                length,
                count: windows,
            }),
            _ => Err(Refusal::bad("the range has too many windows")),
        }
    }

    /// Which window a moment of the range lies in.
    pub(super) fn index(&self, at: DateTime<Utc>) -> usize {
        let index = (at - self.from).num_seconds() / self.length.num_seconds();
        usize::try_from(index).unwrap_or_default()
    }

    /// Where a window starts and ends.
    pub(super) fn bounds(&self, index: usize) -> (DateTime<Utc>, DateTime<Utc>) {
        let start = self.from + self.length * i32::try_from(index).unwrap_or_default();
        (start, start + self.length)
    }
}

fn midnight(field: &str, text: &str) -> Result<DateTime<Utc>, Refusal> {
    let time = request::time(field, text)?;
    if time.time() != NaiveTime::MIN {
        return Err(Refusal::bad(format!("{field} must be at midnight UTC")));
    }
    Ok(time)
}
