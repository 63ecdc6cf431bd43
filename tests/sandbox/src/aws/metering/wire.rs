//! The shapes of `BatchMeterUsage` on the wire. Everything is optional here: what is missing is the rules' affair.
//!
//! Numbers are read from their own text, exactly.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use rust_decimal::prelude::ToPrimitive;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchMeterUsage {
    pub usage_records: Option<Vec<UsageRecord>>,
    pub product_code: Option<String>,
}

/// One record, as it was sent and as it is echoed.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UsageRecord {
    pub timestamp: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_identifier: Option<String>,
    pub dimension: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_as_decimal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_allocations: Option<Vec<UsageAllocation>>,
    #[serde(rename = "CustomerAWSAccountId", skip_serializing_if = "Option::is_none")]
    pub customer_aws_account_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_arn: Option<String>,
}

/// A part of a record's quantity, with the tags that the buyer sees it under.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UsageAllocation {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_usage_quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allocated_usage_quantity_as_decimal: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tags: Option<Vec<Tag>>,
}

/// One tag of an allocation.
#[derive(Clone, Debug, Deserialize, Serialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Tag {
    pub key: String,
    pub value: String,
}

/// The answer: what became of each record.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct BatchMeterUsageResult {
    pub results: Vec<UsageRecordResult>,
    pub unprocessed_records: Vec<UsageRecord>,
}

/// What became of a record that was processed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct UsageRecordResult {
    pub usage_record: UsageRecord,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metering_record_id: Option<String>,
    pub status: &'static str,
}

/// A JSON number, exact.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Number(pub Decimal);

impl Number {
    /// As seconds since 1970. `None` past the calendar's end.
    pub(super) fn as_time(self) -> Option<DateTime<Utc>> {
        let seconds = self.0.floor();
        let nanoseconds = self
            .0
            .checked_sub(seconds)?
            .checked_mul(Decimal::from(1_000_000_000))?;
        DateTime::from_timestamp(seconds.to_i64()?, nanoseconds.to_u32()?)
    }

    /// As the service echoes a time: its milliseconds and no more.
    pub(super) fn of_time(time: DateTime<Utc>) -> Self {
        Self(Decimal::new(time.timestamp_millis(), 3).normalize())
    }

    /// As a 32-bit count that is not negative. `None` for all else, a fraction's `1.0` included.
    pub(super) fn as_count(self) -> Option<Decimal> {
        (self.0.scale() == 0 && !self.0.is_sign_negative() && self.0 <= Decimal::from(i32::MAX))
            .then_some(self.0)
    }
}

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let number = if text.contains(['e', 'E']) {
            Decimal::from_scientific(text)
        } else {
            Decimal::from_str_exact(text)
        };
        number
            .map(Self)
            .map_err(|_| serde::de::Error::custom(format!("{text} is not a number of this service")))
    }
}

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
