//! An operation that keeps every rule, and the values that it reports.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};

use super::catalog::ValueType;
use super::rules::Fault;
use super::wire::{Double, Int64, Labels, MetricValue, Money};

/// What one consumer used in one window, as it is recorded and compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Usage {
    pub operation_id: String,
    pub operation_name: String,
    pub consumer_id: String,
    pub start_time: DateTime<Utc>,
    pub end_time: DateTime<Utc>,
    pub user_labels: Labels,
    pub values: Vec<Metered>,
}

/// One value of one metric.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Metered {
    pub metric: String,
    /// The operation's labels, and its own over them.
    pub labels: Labels,
    pub start_time: DateTime<Utc>,
    pub end_time: DateTime<Utc>,
    pub value: Value,
}

/// A quantity or an amount, exact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value {
    /// `int64Value`.
    Int64(i64),
    /// `doubleValue`, with the digits of its text.
    Double(BigDecimal),
    /// `moneyValue`.
    Money {
        /// The currency's ISO 4217 code.
        currency: String,
        /// Units and nanos together.
        amount: BigDecimal,
    },
}

impl Value {
    /// The number alone.
    #[must_use]
    pub fn amount(&self) -> BigDecimal {
        match self {
            Self::Int64(count) => BigDecimal::from(*count),
            Self::Double(number) => number.clone(),
            Self::Money { amount, .. } => amount.clone(),
        }
    }
}

/// The value, when it is of the metric's type, and no less than nothing: Google documents no usage that takes back.
pub(super) fn value(sent: &MetricValue, defined: &ValueType) -> Result<Value, Fault> {
    let value = match (defined, sent) {
        (
            ValueType::Int64,
            MetricValue {
                int64_value: Some(Int64(count)),
                ..
            },
        ) => Value::Int64(*count),
        (
            ValueType::Double,
            MetricValue {
                double_value: Some(Double(number)),
                ..
            },
        ) => Value::Double(number.clone()),
        (
            ValueType::Money(currency),
            MetricValue {
                money_value: Some(money),
                ..
            },
        ) => Value::Money {
            currency: currency.clone(),
            amount: amount(money, currency)?,
        },
        _ => {
            return Err(Fault::invalid(
                "a value is not of the type of its metric's definition",
            ));
        }
    };
    if value.amount() < 0 {
        return Err(Fault::invalid("a value is less than zero"));
    }
    Ok(value)
}

/// Units and nanos together, which must be of one sign.
fn amount(money: &Money, currency: &str) -> Result<BigDecimal, Fault> {
    if money.currency_code.as_deref() != Some(currency) {
        return Err(Fault::invalid("an amount is not in the currency of its metric"));
    }
    let units = money.units.map_or(0, |units| units.0);
    let nanos = money.nanos.unwrap_or_default();
    if nanos.unsigned_abs() > 999_999_999 || units.signum() * i64::from(nanos.signum()) < 0 {
        return Err(Fault::invalid(
            "nanos are out of their range, or of another sign than the units",
        ));
    }
    Ok(BigDecimal::from(units) + BigDecimal::new(nanos.into(), 9))
}
