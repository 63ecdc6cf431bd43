//! Exact fractions: what is owed, and what an hour's growth comes to. A third a thousand times is 333 and a third.

use std::fmt;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};
use std::str::FromStr;

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One as _, Signed as _, ToPrimitive as _, Zero as _};
use rust_decimal::Decimal;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

/// The longest fraction read back. What a book holds stays far below it: a numerator and denominator of two decimals' digits
/// each for every factor ever in force.
const TEXT_MAX: usize = 4096;

/// An exact rational number of units. Written `"333 + 1/3"`-free: `n` or `n/d` in lowest terms.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fraction(BigRational);

/// A text is not a fraction.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("`{0}` is not a fraction")]
pub struct NotAFraction(String);

impl Fraction {
    /// Nothing.
    #[must_use]
    pub fn zero() -> Self {
        Self(BigRational::zero())
    }

    /// One unit.
    #[must_use]
    pub fn one() -> Self {
        Self(BigRational::one())
    }

    /// Times a factor.
    #[must_use]
    pub fn times(&self, factor: &Self) -> Self {
        Self(&self.0 * &factor.0)
    }

    /// One over it; nothing where it is zero.
    #[must_use]
    pub fn inverse(&self) -> Option<Self> {
        (!self.0.is_zero()).then(|| Self(self.0.recip()))
    }

    /// Whether it is zero.
    #[must_use]
    pub fn is_zero(&self) -> bool {
        self.0.is_zero()
    }

    /// Whether it is above zero.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.0.is_positive()
    }

    /// The largest multiple of 10^-`places` not above it, if that is a decimal; rounding is always down, and what is cut off
    /// stays owed. `None` where it is too large for a decimal.
    #[must_use]
    pub fn floor_to(&self, places: u32) -> Option<Decimal> {
        let scale = BigInt::from(10).pow(places);
        let units = (&self.0 * BigRational::from(scale)).floor().to_integer();
        Decimal::try_from_i128_with_scale(units.to_i128()?, places)
            .ok()
            .map(|value| value.normalize())
    }
}

impl From<Decimal> for Fraction {
    fn from(value: Decimal) -> Self {
        let denominator = BigInt::from(10).pow(value.scale());
        Self(BigRational::new(BigInt::from(value.mantissa()), denominator))
    }
}

impl Add<&Self> for Fraction {
    type Output = Self;
    fn add(self, other: &Self) -> Self {
        Self(self.0 + &other.0)
    }
}

impl Sub<&Self> for Fraction {
    type Output = Self;
    fn sub(self, other: &Self) -> Self {
        Self(self.0 - &other.0)
    }
}

impl AddAssign<&Self> for Fraction {
    fn add_assign(&mut self, other: &Self) {
        self.0 += &other.0;
    }
}

impl SubAssign<&Self> for Fraction {
    fn sub_assign(&mut self, other: &Self) {
        self.0 -= &other.0;
    }
}

impl Neg for Fraction {
    type Output = Self;
    fn neg(self) -> Self {
        Self(-self.0)
    }
}

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl FromStr for Fraction {
    type Err = NotAFraction;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || NotAFraction(text.chars().take(40).collect());
        if text.len() > TEXT_MAX {
            return Err(wrong());
        }
        let (numerator, denominator) = text.split_once('/').unwrap_or((text, "1"));
        let read = |digits: &str| digits.parse::<BigInt>().map_err(|_| wrong());
        let (numerator, denominator) = (read(numerator)?, read(denominator)?);
        if denominator.is_zero() {
            Err(wrong())
        } else {
            Ok(Self(BigRational::new(numerator, denominator)))
        }
    }
}

impl Serialize for Fraction {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Fraction {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_third_a_thousand_times_is_333_and_a_third() {
        let third: Fraction = "1/3".parse().unwrap();
        let mut sum = Fraction::zero();
        for _ in 0..1000 {
            sum += &third;
        }
        assert_eq!(sum.to_string(), "1000/3");
        assert_eq!(sum.floor_to(0), Some(Decimal::from(333)));
        assert_eq!((sum - &Fraction::from(Decimal::from(333))).to_string(), "1/3");
    }

    #[test]
    fn rounding_is_down_to_the_unit_and_below_zero_away_from_it() {
        let value: Fraction = "-1/3".parse().unwrap();
        assert_eq!(value.floor_to(0), Some(Decimal::NEGATIVE_ONE));
        let six: Fraction = "2/3".parse().unwrap();
        assert_eq!(six.floor_to(6).unwrap().to_string(), "0.666666");
    }

    #[test]
    fn what_is_written_reads_back_and_nonsense_does_not() {
        for text in ["0", "-7/3", "10000000000000000000000000000000000001/3"] {
            assert_eq!(text.parse::<Fraction>().unwrap().to_string(), text);
        }
        for text in ["", "1/0", "1.5", "a/b", "1/2/3"] {
            assert!(text.parse::<Fraction>().is_err(), "{text}");
        }
    }
}
