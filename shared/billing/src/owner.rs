//! Who counts a counter: one fact for each, shared by all books and connections, so that no hour of it is counted twice
//! however the configuration moves.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{Hour, Identity};

/// A number in Metronome that one book at a time may bill.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Counter {
    /// The Metronome account. Customer ids are unique in all of Metronome, so its address is enough.
    pub account: String,
    /// The Metronome customer.
    pub customer: String,
    /// The billable metric.
    pub metric: String,
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
