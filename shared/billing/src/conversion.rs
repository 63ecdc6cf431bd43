//! From what Metronome counts to what a marketplace bills.

use std::collections::BTreeMap;
use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::Fraction;

/// The rows of a grouped metric that a conversion is about: group key → group value. Empty means the whole metric.
pub type Group = BTreeMap<String, String>;

/// How a stream's readings add up over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accumulation {
    /// COUNT and SUM: any window is the sum of its parts.
    Sum,
    /// Unit-hours: the sum of the hours' values.
    Hours,
    /// Unit-hours of a LATEST metric whose last value holds over hours without an event.
    HoursCarried,
    /// One value for the whole period (UNIQUE, or the MAX of the period).
    Period,
}

impl fmt::Display for Accumulation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sum => "sum",
            Self::Hours => "hours",
            Self::HoursCarried => "hours-carried",
            Self::Period => "period",
        })
    }
}

/// Where a stream's growth goes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The marketplace's dimension.
    pub dimension: String,
    /// Units of the dimension for one unit of the metric: above zero.
    pub factor: Fraction,
    /// Growth of one run above this waits for a person.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub hold_above: Option<Decimal>,
}
