//! Decimals in stored items: as text, written normalized and read exactly, where `rust_decimal`'s own reader would round a
//! text too long in silence.

use rust_decimal::Decimal;
use serde::{Deserialize as _, Deserializer, Serializer, de};

/// Writes a decimal as text.
///
/// # Errors
/// The serializer's own.
pub fn serialize<S: Serializer>(value: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&value.normalize())
}

/// Reads it back.
///
/// # Errors
/// When the text is no exact decimal.
pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Decimal, D::Error> {
    let text = String::deserialize(deserializer)?;
    Decimal::from_str_exact(&text).map_err(|error| de::Error::custom(format!("`{text}`: {error}")))
}

/// The same for what may be absent.
pub mod option {
    use rust_decimal::Decimal;
    use serde::{Deserializer, Serializer};

    /// Writes it, or null.
    ///
    /// # Errors
    /// The serializer's own.
    pub fn serialize<S: Serializer>(value: &Option<Decimal>, serializer: S) -> Result<S::Ok, S::Error> {
        match value {
            Some(value) => super::serialize(value, serializer),
            None => serializer.serialize_none(),
        }
    }

    /// Reads it back where it is there.
    ///
    /// # Errors
    /// When the text is no exact decimal.
    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Decimal>, D::Error> {
        super::deserialize(deserializer).map(Some)
    }
}
