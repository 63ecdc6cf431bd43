//! The book: the one item that holds all there is to know of an identity's money.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Amount, AmountKey, Destination, Fraction, Hour, InFlight, Stream, StreamKey};

/// A book whose text is larger than this stops claiming: DynamoDB's item limit is 400 KB, and settling what is in flight must
/// always fit.
pub const SIZE_MAX: usize = 350_000;

/// A meter: what one entitlement owes in one dimension.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct MeterKey {
    /// The entitlement, by the first `starts_at` applied.
    pub entitlement: DateTime<Utc>,
    /// The marketplace's dimension.
    pub dimension: String,
}

impl fmt::Display for MeterKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}/{}",
            self.dimension,
            self.entitlement.to_rfc3339_opts(SecondsFormat::Secs, true)
        )
    }
}

/// Why a meter makes no records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block {
    /// The marketplace's words.
    pub reason: String,
    /// Since when.
    pub since: DateTime<Utc>,
}

/// A meter's account. Conservation: `grown` − `included` = `delivered` + in flight + `parked` + `owed` + `written_off`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Meter {
    /// All growth ever claimed, each converted at its claim.
    pub grown: Fraction,
    /// The entitlement's free quantity.
    #[serde(default, skip_serializing_if = "Fraction::is_zero")]
    pub included: Fraction,
    /// Taken by the marketplace, proven or not.
    #[serde(default, skip_serializing_if = "Fraction::is_zero")]
    pub delivered: Fraction,
    /// Waiting for a person.
    #[serde(default, skip_serializing_if = "Fraction::is_zero")]
    pub parked: Fraction,
    /// Given up by a person.
    #[serde(default, skip_serializing_if = "Fraction::is_zero")]
    pub written_off: Fraction,
    /// Not yet put into a record. Below zero while the included quantity lasts.
    pub owed: Fraction,
    /// Its configuration was refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Block>,
}

/// What the book remembers of an entitlement, so that what it owes can be delivered whatever the configuration says now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// Whose it is, by the buyer's id.
    pub buyer: String,
    /// The first hour that is its own.
    pub from: Hour,
    /// When it ends, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
}

/// All of an identity's money. One conditional write changes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Book {
    /// Where its records go.
    pub destination: Destination,
    /// The entitlements of the identity, by the first `starts_at` applied.
    #[serde(default)]
    pub entitlements: BTreeMap<DateTime<Utc>, Entitlement>,
    /// Open streams.
    #[serde(default, with = "pairs")]
    pub streams: BTreeMap<StreamKey, Stream>,
    /// Open streams of amounts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty", with = "pairs")]
    pub amounts: BTreeMap<AmountKey, Amount>,
    /// Meters.
    #[serde(default, with = "pairs")]
    pub meters: BTreeMap<MeterKey, Meter>,
    /// Hours that hold a record, by dimension, as far back as any marketplace's window.
    #[serde(default)]
    pub used: BTreeMap<String, BTreeSet<Hour>>,
    /// Records between claim and settle.
    #[serde(default)]
    pub in_flight: Vec<InFlight>,
}

/// A book that does not add up is never written.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the meter {meter} does not add up: grown {grown} less included {included} is not {sum}")]
pub struct Unbalanced {
    meter: String,
    grown: String,
    included: String,
    sum: String,
}

impl Book {
    /// An empty book.
    #[must_use]
    pub fn new(destination: Destination) -> Self {
        Self {
            destination,
            entitlements: BTreeMap::new(),
            streams: BTreeMap::new(),
            amounts: BTreeMap::new(),
            meters: BTreeMap::new(),
            used: BTreeMap::new(),
            in_flight: Vec::new(),
        }
    }

    /// A meter, made where there is none.
    pub(crate) fn meter(&mut self, key: &MeterKey) -> &mut Meter {
        self.meters.entry(key.clone()).or_default()
    }

    /// What is in flight of a meter.
    #[must_use]
    pub fn flying(&self, meter: &MeterKey) -> Fraction {
        self.in_flight
            .iter()
            .filter(|flight| flight.record.meter == *meter)
            .fold(Fraction::zero(), |sum, flight| {
                sum + &flight.record.quantity.into()
            })
    }

    /// Checks the law of conservation on every meter.
    ///
    /// # Errors
    /// Names the first meter that breaks it.
    pub fn check(&self) -> Result<(), Unbalanced> {
        for (key, meter) in &self.meters {
            let sum = self.flying(key) + &meter.delivered + &meter.parked + &meter.owed + &meter.written_off;
            if meter.grown.clone() - &meter.included != sum {
                return Err(Unbalanced {
                    meter: key.to_string(),
                    grown: meter.grown.to_string(),
                    included: meter.included.to_string(),
                    sum: sum.to_string(),
                });
            }
        }
        Ok(())
    }
}

/// Maps with structured keys, as lists of pairs: JSON's own keys are text.
mod pairs {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<K: Serialize, V: Serialize, S: Serializer>(
        map: &BTreeMap<K, V>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        serializer.collect_seq(map)
    }

    pub(super) fn deserialize<'de, K, V, D>(deserializer: D) -> Result<BTreeMap<K, V>, D::Error>
    where
        K: Deserialize<'de> + Ord,
        V: Deserialize<'de>,
        D: Deserializer<'de>,
    {
        Ok(Vec::<(K, V)>::deserialize(deserializer)?.into_iter().collect())
    }
}
