//! What waits, and why.

use rust_decimal::Decimal;

use crate::StreamKey;

/// Why growth waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Hold {
    /// No conversion leads to this marketplace.
    Unmapped,
    /// It could not be read in this run: why.
    Unread(String),
    /// The growth is above the conversion's limit.
    AboveLimit(Decimal),
    /// Its meter is blocked: why.
    Blocked(String),
    /// Another book counts this counter.
    Elsewhere(String),
    /// The book is full.
    Full,
    /// An invoice total that is not in US dollars, but in this.
    Foreign(String),
    /// This invoice corrects another: what it comes to is for a person to judge.
    Correction(String),
    /// The configuration counts it no more, and it had waited for this reason: it is not billed.
    GivenUp(String),
    /// Its month closed while it was held, for this reason: it is not billed any more.
    Lapsed(String),
}

impl std::fmt::Display for Hold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Unmapped => {
                f.write_str("unmapped: no conversion leads from this metric to this marketplace")
            }
            Self::Unread(reason) => write!(f, "unreadable: {reason}"),
            Self::AboveLimit(limit) => write!(
                f,
                "above hold_above = {limit}: `meterbridge release` lets it pass"
            ),
            Self::Blocked(reason) => write!(f, "blocked: {reason}"),
            Self::Elsewhere(book) => write!(f, "the book {book} still counts it"),
            Self::Foreign(unit) => write!(f, "in {unit}, not in US dollars: it is never reported as dollars"),
            Self::Correction(invoice) => write!(
                f,
                "the invoice {invoice} corrects another: `meterbridge release` lets it count"
            ),
            Self::Full => f.write_str("the book is near the item limit: resolve or split it"),
            Self::GivenUp(reason) => write!(
                f,
                "lapsed: the configuration counts it no more, and it was held ({reason})"
            ),
            Self::Lapsed(reason) => write!(f, "lapsed: its month closed while it was held ({reason})"),
        }
    }
}

/// A stream whose mark waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// The stream.
    pub stream: StreamKey,
    /// How much waits, where that is known.
    pub growth: Option<Decimal>,
    /// Why.
    pub hold: Hold,
}
