//! Event properties: any JSON, read as text by filters and groups and as an exact number by aggregations.

use std::collections::BTreeMap;
use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde::ser::{Error, Serialize, Serializer};
use serde_json::value::RawValue;

/// An event's properties, each with the text it was sent in.
pub type Properties = BTreeMap<String, Box<RawValue>>;

/// Digits a number may have on either side of its point. The sandbox's own bound: it keeps one event from asking for
/// a gigabyte of zeros, and is far beyond what any client's decimal holds.
const MOST_DIGITS: u64 = 128;
/// Characters of a number: all of those digits, sign, point and exponent.
const LONGEST: usize = 300;

/// A property as filters, groups and UNIQUE compare it: a string's content, anything else as it was written. `null`
/// counts as absent.
pub(super) fn text(properties: &Properties, name: &str) -> Option<String> {
    let raw = properties.get(name)?.get();
    match raw.as_bytes().first() {
        Some(b'"') => serde_json::from_str(raw).ok(),
        _ if raw == "null" => None,
        _ => Some(raw.to_owned()),
    }
}

/// A property as a number, sent as a string or a JSON number, without rounding. Anything else is no number, and the
/// event then adds nothing to the metric.
pub(super) fn number(properties: &Properties, name: &str) -> Option<BigDecimal> {
    let text = text(properties, name)?;
    let plain = |c: char| c.is_ascii_digit() || matches!(c, '+' | '-' | '.' | 'e' | 'E');
    if text.len() > LONGEST || !text.chars().all(plain) {
        return None;
    }
    let number = BigDecimal::from_str(&text).ok()?;
    let fits =
        number.digits() <= MOST_DIGITS && number.fractional_digit_count().unsigned_abs() <= MOST_DIGITS;
    fits.then_some(number)
}

/// A number that prints with all its digits: a bare JSON number, no exponent, no trailing zeros.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Number(pub(super) BigDecimal);

impl Serialize for Number {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = self.0.normalized().to_plain_string();
        RawValue::from_string(text)
            .map_err(S::Error::custom)?
            .serialize(serializer)
    }
}
