//! Who counts a counter: one fact for each, shared by all books and connections, so that no hour of it is counted twice
//! however the configuration moves.

use std::fmt;

use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Hour, Identity};

/// A number in Metronome that one book at a time may bill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// The Metronome account. Customer ids are unique in all of Metronome, so its address is enough.
    pub account: String,
    /// The Metronome customer.
    pub customer: String,
    /// The billable metric, or [`Counter::AMOUNTS`].
    pub metric: String,
}

impl Counter {
    /// What stands for the metric where the totals of invoices are counted; of one contract, with `/` and its id.
    pub const AMOUNTS: &'static str = "amounts";

    /// Whether it counts the totals of invoices.
    #[must_use]
    pub fn is_amounts(&self) -> bool {
        let contract = self.metric.strip_prefix(Self::AMOUNTS);
        contract.is_some_and(|contract| contract.is_empty() || contract.starts_with('/'))
    }
}

impl fmt::Display for Counter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}#{}#{}", self.account, self.customer, self.metric)
    }
}

/// The counter's owner. It changes only when a span begins or ends, in the claim's own transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Owner {
    /// The book that counts it now; none where the last span was ended and no other has begun.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub book: Option<Identity>,
    /// The hour until which it has been counted for good: no span begins before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub counted_until: Option<Hour>,
    /// Amounts: to how many dollars it has been counted until then.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub amount: Option<Decimal>,
    /// Amounts: whether scheduled invoices were counted.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
}

impl Owner {
    /// Whether `book` may begin a span of this counter.
    #[must_use]
    pub fn admits(&self, book: &Identity) -> bool {
        self.book.as_ref().is_none_or(|owner| owner == book)
    }

    /// Counted for good until `hour`.
    pub(crate) fn counted(&mut self, hour: Hour) {
        self.counted_until = Some(self.counted_until.map_or(hour, |before| before.max(hour)));
    }
}
