//! A quantity: a JSON number, read from its own text.

use rust_decimal::Decimal;

/// Significant decimal digits that every double keeps (`DBL_DIG`). The service types quantities as doubles.
const DOUBLE_DIGITS: usize = 15;

/// The simulator's own bound, beyond any real quantity, so that no sum of them overflows.
const LIMIT: i64 = 1_000_000_000_000_000_000;

/// Reads a number's text, such as `5`, `5.0` or `5e0`. `None` for any other JSON, and for numbers beyond [`LIMIT`] or
/// finer than 10^-28.
pub(super) fn read(text: &str) -> Option<Decimal> {
    if !text.starts_with(|first: char| first == '-' || first.is_ascii_digit()) {
        return None;
    }
    let number = if text.contains(['e', 'E']) {
        Decimal::from_scientific(text)
    } else {
        Decimal::from_str_exact(text)
    };
    number.ok().filter(|number| number.abs() <= Decimal::from(LIMIT))
}

/// Whether a double may not keep it.
pub(super) fn is_inexact(number: Decimal) -> bool {
    let digits = number.mantissa().unsigned_abs().to_string();
    digits.trim_end_matches('0').len() > DOUBLE_DIGITS
}
