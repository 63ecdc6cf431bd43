//! Amounts: the totals of a buyer's invoices as one counter, whose growth is money in the amount modes.
//!
//! One stream counts one entitlement's currency, over all contracts and periods of the buyer's customers. It cannot be cut to
//! hours by itself, so it begins at the part that lies before it: what the stream before it was claimed to, or what Metronome
//! tells of the time before. When its span ends, what it was claimed to is handed on, share by share, through the counters'
//! owners: whoever counts a share next goes on from there, and whatever changes late is his.

mod grow;
mod open;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::{Counter, Hold, HoldNote, Hour, Month, Target};

pub(crate) use grow::{Growth, Said, grow, hand_on};
pub use open::to_read;

/// The one currency that is billed: Metronome's USD, counted here in dollars.
pub const USD: &str = "USD";

/// What tells one stream of amounts from another within a book.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AmountKey {
    /// The entitlement, by the first `starts_at` applied.
    pub entitlement: DateTime<Utc>,
    /// The currency.
    pub currency: String,
    /// Where its span begins.
    pub from: Hour,
}

/// The stream's name for people: `release` takes it, summaries print it.
impl fmt::Display for AmountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let entitlement = self.entitlement.to_rfc3339_opts(SecondsFormat::Secs, true);
        write!(f, "amounts/{}/{}/{entitlement}", self.currency, self.from)
    }
}

/// One counter of the several that a stream adds up: a customer's invoices, or those of one of its contracts.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Share {
    /// The Metronome customer.
    pub customer: String,
    /// Only this contract's invoices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contract: Option<String>,
}

impl Share {
    /// Its counter in a Metronome account.
    #[must_use]
    pub fn counter(&self, account: &str) -> Counter {
        let metric = match &self.contract {
            None => Counter::AMOUNTS.to_owned(),
            Some(contract) => format!("{}/{contract}", Counter::AMOUNTS),
        };
        Counter {
            account: account.to_owned(),
            customer: self.customer.clone(),
            metric,
        }
    }

    /// The counters that must not count it too: its own, and that of the whole customer.
    #[must_use]
    pub fn counters(&self, account: &str) -> BTreeSet<Counter> {
        let whole = Self {
            customer: self.customer.clone(),
            contract: None,
        };
        [self.counter(account), whole.counter(account)].into()
    }
}

/// Where a share's counting begins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Beginning {
    /// From which hour.
    pub since: Hour,
    /// How much of it, in dollars, lies before; none while nobody has read that yet.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub before: Option<Decimal>,
}

/// Invoices long settled, which are read once a day and not listed in between.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// Invoices whose period begins earlier.
    pub before: Hour,
    /// What they come to, in dollars (the design's `closed_total`), by share.
    #[serde(with = "shares")]
    pub totals: BTreeMap<Share, Decimal>,
}

/// What a claim of this month held of periods that were over when the month began.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Earlier {
    /// The month of the claim.
    pub month: Month,
    /// Dollars.
    #[serde(with = "crate::text")]
    pub total: Decimal,
}

/// A total that lies below what was claimed of it: nothing flows until it has passed its maximum.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shortfall {
    /// The total.
    #[serde(with = "crate::text")]
    pub total: Decimal,
    /// The invoice that made it fall, and how.
    pub cause: String,
}

/// What the book keeps of a stream of amounts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Amount {
    /// The connection that counts it.
    pub connection: String,
    /// Where its span ends.
    pub until: Hour,
    /// Its span is over: a last reading cut to its end is wanted, and then it is handed on.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub ended: bool,
    /// What it adds up, and from where.
    #[serde(with = "shares_of")]
    pub shares: BTreeMap<Share, Beginning>,
    /// Scheduled invoices count, once finalized.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// What was turned into what is owed, or lay before, by share: together the high-water mark, in dollars.
    #[serde(with = "shares")]
    pub marks: BTreeMap<Share, Decimal>,
    /// The hour boundary of the last reading claimed; none while nothing was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claimed: Option<Hour>,
    /// Of what was claimed in the month that runs, the part that belongs to periods before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<Earlier>,
    /// Where its growth goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Target>,
    /// Invoices that are listed no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
    /// The invoices of the last claim, in dollars, to say which one made the total fall.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "by_invoice")]
    pub invoices: BTreeMap<String, Decimal>,
    /// Corrections that a person let count.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub passed: BTreeSet<String>,
    /// Corrections that wait for a person.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub waiting: BTreeSet<String>,
    /// What waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held: Option<HoldNote>,
    /// The total lies below its maximum.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shortfall: Option<Shortfall>,
    /// A person let growth up to this total pass `hold_above`.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "crate::text::option"
    )]
    pub released_to: Option<Decimal>,
}

impl Amount {
    /// A stream that nothing was claimed from.
    fn new(
        connection: &str,
        source: &AmountSource,
        shares: BTreeMap<Share, Beginning>,
        marks: BTreeMap<Share, Decimal>,
    ) -> Self {
        Self {
            connection: connection.to_owned(),
            until: source.until,
            ended: false,
            shares,
            scheduled: source.scheduled,
            marks,
            claimed: None,
            earlier: None,
            target: source.target.clone(),
            closed: None,
            invoices: BTreeMap::new(),
            passed: BTreeSet::new(),
            waiting: BTreeSet::new(),
            held: None,
            shortfall: None,
            released_to: None,
        }
    }

    /// The high-water mark: the largest total turned into what is owed, and what lay before the span.
    #[must_use]
    pub fn mark(&self) -> Decimal {
        self.marks.values().sum()
    }
}

/// What the configuration wants counted of a buyer's invoices for one entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountSource {
    /// The entitlement's key.
    pub entitlement: DateTime<Utc>,
    /// The customers, or contracts, each with the hour from which it counts.
    pub shares: BTreeMap<Share, Hour>,
    /// Scheduled invoices count, once finalized.
    pub scheduled: bool,
    /// Where the entitlement ends.
    pub until: Hour,
    /// What `apply` has fixed of a share before its hour, in dollars.
    pub fixed: BTreeMap<Share, Decimal>,
    /// Where the growth goes; none where no conversion leads there.
    pub target: Option<Target>,
}

/// A stream of amounts to read for this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AmountToRead {
    /// The stream.
    pub key: AmountKey,
    /// What it adds up.
    pub shares: BTreeSet<Share>,
    /// Scheduled invoices count, once finalized.
    pub scheduled: bool,
    /// Periods that begin at or after this boundary do not count yet.
    pub through: Hour,
    /// Only what lies before `through` counts: the span is over.
    pub cut: bool,
    /// The shares of which the part before an hour is wanted too.
    pub before: BTreeMap<Share, Hour>,
    /// What the book keeps of invoices long settled.
    pub closed: Option<Closed>,
    /// All invoices are to be listed, whatever is kept.
    pub fresh: bool,
    /// Corrections that a person let count.
    pub passed: BTreeSet<String>,
}

/// What one run read of one stream of amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AmountReading {
    /// The totals by share, in dollars.
    pub totals: BTreeMap<Share, Decimal>,
    /// Of them together, what belongs to periods that were over when the month of the run began.
    pub earlier: Decimal,
    /// The parts before an hour, where they were asked for.
    pub before: BTreeMap<Share, Decimal>,
    /// The invoices that were listed and count, in dollars.
    pub invoices: BTreeMap<String, Decimal>,
    /// Invoices long settled, to be kept; none where nothing was folded.
    pub closed: Option<Closed>,
    /// The ids of those that this reading has folded.
    pub settled: BTreeSet<String>,
    /// Corrections that were listed and wait for a person, in dollars.
    pub corrections: BTreeMap<String, Decimal>,
    /// Invoices of a type that nobody has told us of, with that, in dollars: they do not count.
    pub unknown: BTreeMap<String, (String, Decimal)>,
    /// Totals in what is not US dollars, by its name: they are not billed.
    pub foreign: BTreeMap<String, Decimal>,
}

/// A stream of amounts, or a part of one, that waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldAmount {
    /// The stream.
    pub stream: AmountKey,
    /// How much waits, in dollars or in the unit that the reason names.
    pub growth: Option<Decimal>,
    /// Why.
    pub hold: Hold,
}

/// What the design's limits say of an amount: it flows, but not as one might expect.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AmountNote {
    /// The total lies below its maximum by so much, since this invoice fell.
    Suspended {
        /// What is still to be passed, in dollars.
        to_pass: Decimal,
        /// The invoice that made it fall, and how.
        cause: String,
    },
    /// So much of an earlier month could not be put into an hour of it any more, and goes into the month that runs.
    Late {
        /// Dollars.
        amount: Decimal,
    },
}

/// Maps by share as lists of pairs: JSON's own keys are text.
mod shares {
    use std::collections::BTreeMap;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use super::Share;

    #[derive(Serialize, Deserialize)]
    struct Entry(Share, #[serde(with = "crate::text")] Decimal);

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Share, Decimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map.iter().map(|(share, amount)| Entry(share.clone(), *amount)))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Share, Decimal>, D::Error> {
        let entries = Vec::<Entry>::deserialize(deserializer)?;
        Ok(entries
            .into_iter()
            .map(|Entry(share, amount)| (share, amount))
            .collect())
    }
}

/// As [`shares`], of beginnings.
mod shares_of {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{Beginning, Share};

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<Share, Beginning>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<Share, Beginning>, D::Error> {
        Ok(Vec::<(Share, Beginning)>::deserialize(deserializer)?
            .into_iter()
            .collect())
    }
}

/// Amounts by invoice, as texts.
mod by_invoice {
    use std::collections::BTreeMap;

    use rust_decimal::Decimal;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    #[derive(Serialize, Deserialize)]
    struct Text(#[serde(with = "crate::text")] Decimal);

    pub(super) fn serialize<S: Serializer>(
        map: &BTreeMap<String, Decimal>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_map(map.iter().map(|(id, amount)| (id, Text(*amount))))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BTreeMap<String, Decimal>, D::Error> {
        let map = BTreeMap::<String, Text>::deserialize(deserializer)?;
        Ok(map.into_iter().map(|(id, Text(amount))| (id, amount)).collect())
    }
}
