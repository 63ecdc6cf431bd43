//! A quantity on the wire: a JSON number, read from its own text and kept with all its digits.

use std::str::FromStr;

use bigdecimal::BigDecimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

/// The most places before or after the point, so that a sum stays small whatever exponent is sent.
const MAX_PLACES: i64 = 40;

/// The longest text of a number.
const MAX_TEXT: usize = 80;

/// An exact number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Quantity(pub BigDecimal);

impl<'de> Deserialize<'de> for Quantity {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = raw.get();
        let is_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
        Some(text)
            .filter(|text| is_number && text.len() <= MAX_TEXT)
            .and_then(|text| BigDecimal::from_str(text).ok())
            .filter(|number| number.fractional_digit_count().abs() <= MAX_PLACES)
            .map(Self)
            .ok_or_else(|| serde::de::Error::custom(format!("{text} is not a number of this service")))
    }
}

impl Serialize for Quantity {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.normalized().to_plain_string())
            .map_err(serde::ser::Error::custom)?
            .serialize(serializer)
    }
}
