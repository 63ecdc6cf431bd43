//! What is billed: one quantity for each identity, region, dimension and UTC hour. The first one stays.

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use super::catalog::Identity;
use super::quantity::Allocations;
use super::rules::Usage;

/// How the service answers a record that it already holds, with the same quantity. Its documents say both.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum IdenticalRetry {
    /// `Success`, with the first one's `MeteringRecordId`.
    #[default]
    Success,
    /// `DuplicateRecord`, as for another quantity.
    DuplicateRecord,
}

/// A record that the buyer is billed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// Whose.
    pub identity: Identity,
    /// Where it was sent.
    pub region: String,
    /// Of what.
    pub dimension: String,
    /// The UTC hour that it fills.
    pub hour: DateTime<Utc>,
    /// The time that it was sent with.
    pub timestamp: DateTime<Utc>,
    /// How much.
    pub quantity: Decimal,
    /// The receipt.
    pub metering_record_id: String,
    /// When it came, by the world's clock.
    pub received_at: DateTime<Utc>,
    /// Whether it was planted, rather than sent.
    pub foreign: bool,
}

/// A record that somebody else has sent before.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Whose.
    pub identity: Identity,
    /// Where.
    pub region: String,
    /// Of what.
    pub dimension: String,
    /// Any time of the hour that it fills.
    pub timestamp: DateTime<Utc>,
    /// How much.
    pub quantity: Decimal,
}

/// What became of a record, with its receipt.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is billed now.
    New(String),
    /// It was billed before, by this receipt.
    Same(String),
    /// Another is billed in its place.
    Duplicate(String),
}

type Key = (Identity, String, String, DateTime<Utc>);

/// All that is billed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    by_key: BTreeMap<Key, (Stored, Allocations)>,
    arrivals: Vec<Key>,
}

impl Ledger {
    /// Bills `usage`, unless its key is taken. An allocation that differs makes another record: AWS does not say.
    pub(super) fn enter(
        &mut self,
        usage: &Usage,
        region: &str,
        now: DateTime<Utc>,
        identical: IdenticalRetry,
    ) -> Entry {
        let stored = stored(
            &usage.identity,
            region,
            &usage.dimension,
            usage.timestamp,
            usage.quantity,
            now,
            false,
        );
        match self.by_key.get(&key(&stored)) {
            Some((first, allocations)) => {
                let same = first.quantity == usage.quantity && *allocations == usage.allocations;
                if same && identical == IdenticalRetry::Success {
                    Entry::Same(first.metering_record_id.clone())
                } else {
                    Entry::Duplicate(record_id(&(key(first), "refused")))
                }
            }
            None => {
                let receipt = stored.metering_record_id.clone();
                self.put(stored, usage.allocations.clone());
                Entry::New(receipt)
            }
        }
    }

    /// Bills a record that nobody of ours sent. The first one stays here too.
    pub(super) fn plant(&mut self, foreign: &Foreign, now: DateTime<Utc>) {
        let Foreign {
            identity,
            region,
            dimension,
            timestamp,
            quantity,
        } = foreign;
        let stored = stored(identity, region, dimension, *timestamp, *quantity, now, true);
        if !self.by_key.contains_key(&key(&stored)) {
            self.put(stored, Vec::new());
        }
    }

    /// In the order in which they came.
    pub(super) fn records(&self) -> impl Iterator<Item = &Stored> {
        self.arrivals
            .iter()
            .filter_map(|key| self.by_key.get(key))
            .map(|(stored, _)| stored)
    }

    fn put(&mut self, stored: Stored, allocations: Allocations) {
        self.arrivals.push(key(&stored));
        self.by_key.insert(key(&stored), (stored, allocations));
    }
}

fn stored(
    identity: &Identity,
    region: &str,
    dimension: &str,
    timestamp: DateTime<Utc>,
    quantity: Decimal,
    received_at: DateTime<Utc>,
    foreign: bool,
) -> Stored {
    let hour = timestamp.duration_trunc(TimeDelta::hours(1)).unwrap_or(timestamp);
    let mut stored = Stored {
        identity: identity.clone(),
        region: region.to_owned(),
        dimension: dimension.to_owned(),
        hour,
        timestamp,
        quantity,
        metering_record_id: String::new(),
        received_at,
        foreign,
    };
    stored.metering_record_id = record_id(&key(&stored));
    stored
}

fn key(stored: &Stored) -> Key {
    (
        stored.identity.clone(),
        stored.region.clone(),
        stored.dimension.clone(),
        stored.hour,
    )
}

/// A dashed UUID as the service gives, the same in every run.
fn record_id(of: &impl std::fmt::Debug) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{of:?}").as_bytes()).to_string()
}
