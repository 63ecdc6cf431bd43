//! Quantities in their two forms: whole units as `Quantity`, any others as `QuantityAsDecimal`, never both in one record. AWS
//! compares them by value, in whichever form they come (`UsageRecord`, API reference, read 2026-11-20), so a record that is sent
//! again in the other form is still the same record.

use billing::Unit;
use rust_decimal::Decimal;
use serde_json::Value;

use super::{SIX, WHOLE};

/// A record's quantity, in the form in which it is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Quantity {
    /// `Quantity`.
    Whole(i32),
    /// `QuantityAsDecimal`, without zeros that say nothing.
    Decimal(Decimal),
}

impl Quantity {
    /// The form that the connection asks for. What no integer can say was claimed when it asked for decimals, and goes as one.
    pub(super) fn of(quantity: Decimal, decimals: bool) -> Option<Self> {
        let quantity = quantity.normalize();
        let sayable =
            |unit: Unit| quantity >= Decimal::ZERO && quantity <= unit.max && quantity.scale() <= unit.places;
        if !decimals && sayable(WHOLE) {
            return i32::try_from(quantity).ok().map(Self::Whole);
        }
        sayable(SIX).then_some(Self::Decimal(quantity))
    }

    pub(super) fn whole(self) -> Option<i32> {
        match self {
            Self::Whole(units) => Some(units),
            Self::Decimal(_) => None,
        }
    }

    pub(super) fn decimal(self) -> Option<String> {
        match self {
            Self::Whole(_) => None,
            Self::Decimal(quantity) => Some(quantity.to_string()),
        }
    }

    /// Whether an echo tells this quantity: by its decimal, else by its integer. One that tells neither says nothing against it.
    pub(super) fn told(self, decimal: Option<&Value>, whole: Option<i32>) -> bool {
        let value = match self {
            Self::Whole(units) => units.into(),
            Self::Decimal(quantity) => quantity,
        };
        match decimal {
            Some(decimal) => {
                let decimal = decimal.as_str().map(Decimal::from_str_exact);
                decimal.is_some_and(|decimal| decimal == Ok(value))
            }
            None => whole.is_none_or(|whole| Decimal::from(whole) == value),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn form(quantity: &str, decimals: bool) -> Option<Quantity> {
        Quantity::of(quantity.parse().unwrap(), decimals)
    }

    #[test]
    fn a_decimal_is_written_as_aws_reads_it() {
        let cases = [
            ("17", "17"),
            ("17.000000", "17"),
            ("17.420", "17.42"),
            ("0.000001", "0.000001"),
            ("0", "0"),
            ("-0.0", "0"),
            ("9999999999.999999", "9999999999.999999"),
        ];
        for (quantity, text) in cases {
            let form = form(quantity, true).unwrap();
            assert_eq!((form.decimal().unwrap().as_str(), form.whole()), (text, None));
        }
        for quantity in ["10000000000", "0.0000001", "-0.000001"] {
            assert_eq!(form(quantity, true), None, "{quantity}");
        }
    }

    #[test]
    fn what_no_integer_says_goes_as_a_decimal_whatever_the_connection_asks_for() {
        assert_eq!(form("2147483647.00", false), Some(Quantity::Whole(i32::MAX)));
        for quantity in ["1.5", "2147483648"] {
            assert_eq!(form(quantity, false), form(quantity, true), "{quantity}");
            assert_eq!(form(quantity, false).unwrap().whole(), None, "{quantity}");
        }
    }
}
