//! Microsoft's JSON, read so that one value that cannot be read voids nothing beside it.

use chrono::{DateTime, NaiveDate, NaiveDateTime, NaiveTime, Utc};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// For a field: the value, if it is one that can be read.
pub(super) fn readable<'de, D, T>(deserializer: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: DeserializeOwned,
{
    let raw = <&RawValue>::deserialize(deserializer)?;
    Ok(serde_json::from_str(raw.get()).ok().flatten())
}

/// A time as Microsoft writes it: UTC, with or without saying so; of a date, its midnight.
pub(super) fn time(text: &str) -> Option<DateTime<Utc>> {
    let zoned = || DateTime::parse_from_rfc3339(text).ok().map(|at| at.to_utc());
    let plain = || text.parse::<NaiveDateTime>().ok().map(|at| at.and_utc());
    let date = || {
        text.parse::<NaiveDate>()
            .ok()
            .map(|day| day.and_time(NaiveTime::MIN).and_utc())
    };
    zoned().or_else(plain).or_else(date)
}

#[cfg(test)]
#[test]
fn a_time_is_utc_whether_it_says_so_or_not() {
    let noon: DateTime<Utc> = "2026-11-20T12:00:00Z".parse().unwrap();
    for text in [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:00:00",
        "2026-11-20T12:00:00.0000000Z",
        "2026-11-20T12:00:00.000",
        "2026-11-20T13:00:00+01:00",
    ] {
        assert_eq!(time(text), Some(noon), "{text}");
    }
    assert_eq!(time("2026-11-20"), "2026-11-20T00:00:00Z".parse().ok());
    for text in ["", "today", "11/20/2026 12:00:00", "1795176000"] {
        assert_eq!(time(text), None, "{text}");
    }
}
