//! Decimals from JSON, exactly: the number's own text, bounded, or a refusal that names it.

use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de, ser};
use serde_json::value::RawValue;
use thiserror::Error;

/// The longest number read. 29 significant digits fit a decimal; the rest of a longer text could only be zeros.
const LENGTH_MAX: usize = 64;

/// The largest power of ten read, either way: no decimal has more digits than this.
const EXPONENT_MAX: usize = 28;

/// Why a number is not read.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Inexact {
    /// The value is not a number.
    #[error("`{0}` is not a JSON number")]
    NotANumber(String),
    /// It has more digits than an exact decimal holds; rounding it would lose money in silence.
    #[error("the number `{0}` does not fit an exact decimal of 28 digits")]
    DoesNotFit(String),
}

/// Reads the text of a JSON number exactly.
///
/// # Errors
/// When the text is no number, or one that could only be kept by rounding.
pub fn decimal(text: &str) -> Result<Decimal, Inexact> {
    let named = || text.chars().take(LENGTH_MAX).collect::<String>();
    if text.len() > LENGTH_MAX {
        return Err(Inexact::DoesNotFit(named()));
    }
    if !text.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
        return Err(Inexact::NotANumber(named()));
    }
    let (digits, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((digits, exponent)) => (
            digits,
            exponent
                .parse::<i64>()
                .map_err(|_| Inexact::NotANumber(named()))?,
        ),
    };
    let plain = shift(digits, exponent).ok_or_else(|| Inexact::DoesNotFit(named()))?;
    Decimal::from_str_exact(&plain)
        .map(|value| value.normalize())
        .map_err(|_| Inexact::DoesNotFit(named()))
}

/// `digits` × 10^`exponent` without an exponent and without zeros that say nothing.
fn shift(digits: &str, exponent: i64) -> Option<String> {
    let (sign, digits) = digits.strip_prefix('-').map_or(("", digits), |rest| ("-", rest));
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let power = usize::try_from(exponent.unsigned_abs())
        .ok()
        .filter(|power| *power <= EXPONENT_MAX)?;
    let (mut whole, mut fraction) = (whole.to_owned(), fraction.to_owned());
    for _ in 0..power {
        if exponent > 0 {
            whole.push(if fraction.is_empty() {
                '0'
            } else {
                fraction.remove(0)
            });
        } else {
            fraction.insert(0, whole.pop().unwrap_or('0'));
        }
    }
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    Some(format!(
        "{sign}{}{point}{fraction}",
        if whole.is_empty() { "0" } else { whole }
    ))
}

/// A decimal in a JSON document. It is read from a document's text only (never from a parsed `Value`, which has already lost
/// digits).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exact(pub Decimal);

impl<'de> Deserialize<'de> for Exact {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = <&RawValue>::deserialize(deserializer)?;
        decimal(raw.get()).map(Self).map_err(de::Error::custom)
    }
}

/// Written as a bare JSON number with all its digits.
impl Serialize for Exact {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        RawValue::from_string(self.0.to_string())
            .map_err(ser::Error::custom)?
            .serialize(serializer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_keeps_every_digit_it_had() {
        let cases = [
            ("1234567890123456.78", "1234567890123456.78"),
            ("0.1234567890123456789", "0.1234567890123456789"),
            ("-0", "0"),
            ("1e3", "1000"),
            ("1.5E-7", "0.00000015"),
            ("12.50", "12.5"),
            ("79228162514264337593543950335", "79228162514264337593543950335"),
        ];
        for (text, value) in cases {
            assert_eq!(decimal(text).unwrap().to_string(), value, "{text}");
        }
        let row: Exact = serde_json::from_str("0.30000000000000000000000000000000000").unwrap();
        assert_eq!(row.0.to_string(), "0.3");
        let all = Exact("-79228162514264337593.543950335".parse().unwrap());
        assert_eq!(
            serde_json::to_string(&[all]).unwrap(),
            "[-79228162514264337593.543950335]"
        );
    }

    #[test]
    fn what_would_be_rounded_is_refused_by_name() {
        for text in [
            "0.00000000000000000000000000001",
            "79228162514264337593543950336",
            "1e400",
            "1e-40",
        ] {
            assert!(
                matches!(decimal(text), Err(Inexact::DoesNotFit(named)) if named == text),
                "{text}"
            );
        }
        assert!(decimal(&"9".repeat(5000)).is_err());
        for text in ["\"5\"", "null", "true", "[1]", "1ee5", ""] {
            assert!(decimal(text).is_err(), "{text}");
        }
    }
}
