//! The shapes of check and report on the wire, of which a usage report uses a part. What is missing is the rules' affair.
//!
//! Numbers are read from their own text, exactly. The rest of the documented shapes (log entries, quota, trace spans) has no
//! place in a usage report, and is refused as unknown names are.

use std::collections::BTreeMap;
use std::str::FromStr;

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, Timelike, Utc};
use serde::de::{Error, IgnoredAny};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

/// Labels by their keys.
pub(super) type Labels = BTreeMap<String, String>;

/// The request of report.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ReportRequest {
    pub operations: Option<Vec<Operation>>,
    #[expect(dead_code, reason = "a version that is not known is taken as the latest one")]
    service_config_id: Option<String>,
}

/// The request of check.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct CheckRequest {
    pub operation: Option<Operation>,
    pub skip_activation_check: Option<bool>,
    #[expect(dead_code, reason = "a project has no settings here that could be asked for")]
    request_project_settings: Option<bool>,
    #[expect(dead_code, reason = "a version that is not known is taken as the latest one")]
    service_config_id: Option<String>,
}

/// What one consumer used in one window.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Operation {
    pub operation_id: Option<String>,
    pub operation_name: Option<String>,
    pub consumer_id: Option<String>,
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    pub labels: Option<Labels>,
    pub user_labels: Option<Labels>,
    pub metric_value_sets: Option<Vec<MetricValueSet>>,
    pub resources: Option<Vec<IgnoredAny>>,
}

/// The values of one metric.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MetricValueSet {
    pub metric_name: Option<String>,
    pub metric_values: Option<Vec<MetricValue>>,
}

/// One value, which may be of one kind alone.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct MetricValue {
    pub start_time: Option<Timestamp>,
    pub end_time: Option<Timestamp>,
    pub labels: Option<Labels>,
    pub int64_value: Option<Int64>,
    pub double_value: Option<Double>,
    pub money_value: Option<Money>,
    pub string_value: Option<String>,
    pub bool_value: Option<bool>,
    pub distribution_value: Option<IgnoredAny>,
}

impl MetricValue {
    /// How many of its kinds are given.
    pub(super) fn kinds(&self) -> usize {
        let given = [
            self.int64_value.is_some(),
            self.double_value.is_some(),
            self.money_value.is_some(),
            self.string_value.is_some(),
            self.bool_value.is_some(),
            self.distribution_value.is_some(),
        ];
        given.into_iter().filter(|given| *given).count()
    }
}

/// An amount: whole units, and billionths of one.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Money {
    pub currency_code: Option<String>,
    pub units: Option<Int64>,
    pub nanos: Option<i32>,
}

/// A 64-bit number, written as a string of its digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Int64(pub i64);

impl<'de> Deserialize<'de> for Int64 {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let number: i64 = text.parse().map_err(Error::custom)?;
        // One way to write it: no plus sign, no zeros in front.
        if number.to_string() == text {
            Ok(Self(number))
        } else {
            Err(Error::custom(format!("'{text}' is not a plain int64")))
        }
    }
}

/// A JSON number within a double's range, with all its digits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Double(pub BigDecimal);

/// The power of ten up to which every number is within a double's range, and more digits than anybody writes.
const LARGEST_POWER: i64 = 307;
const MOST_DIGITS: usize = 400;

impl<'de> Deserialize<'de> for Double {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let wrong = || Error::custom(format!("{text} is not a double"));
        if text.len() > MOST_DIGITS {
            return Err(wrong());
        }
        // A string or a name is JSON too, and none that a decimal is read from.
        let number = BigDecimal::from_str(text).map_err(|_| wrong())?;
        let power = if number.is_zero() {
            0
        } else {
            number.order_of_magnitude()
        };
        if power.abs() > LARGEST_POWER {
            return Err(wrong());
        }
        Ok(Self(number.normalized()))
    }
}

/// An instant in UTC: RFC 3339 with a `Z`, and up to nine digits of a second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Timestamp(pub DateTime<Utc>);

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let wrong = || Error::custom(format!("'{text}' is not a time of RFC 3339 in UTC"));
        let plain = |c: char| c.is_ascii_digit() || matches!(c, '-' | ':' | '.' | 'T' | 'Z');
        let fraction = text.split_once('.').map_or("", |(_, fraction)| fraction);
        if !text.ends_with('Z') || !text.chars().all(plain) || fraction.len() > "123456789Z".len() {
            return Err(wrong());
        }
        let time = DateTime::parse_from_rfc3339(&text).map_err(|_| wrong())?;
        // A 61st second is not a time of this service.
        if time.nanosecond() >= 1_000_000_000 {
            return Err(wrong());
        }
        Ok(Self(time.to_utc()))
    }
}
