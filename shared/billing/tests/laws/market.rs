//! A marketplace as AWS describes its own: one record an identity, dimension and hour; the first write wins.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Answer, Hour, Receipt, Record, Refusal, Rules};
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

/// What happens to one request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    Clean,
    /// The connection is lost before the marketplace does anything.
    LostBefore,
    /// The answer is lost: the marketplace has done what it does.
    LostAfter,
    /// Throttled, unprocessed or refused by a race: another time may do.
    Later,
}

/// What the marketplace holds for one hour.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) quantity: Decimal,
    pub(crate) timestamp: DateTime<Utc>,
    pub(crate) foreign: bool,
}

#[derive(Clone, Debug)]
pub(crate) struct Market {
    pub(crate) rules: Rules,
    /// AWS's two documented answers to an identical retry: the first receipt again, or a duplicate.
    pub(crate) answers_duplicate: bool,
    pub(crate) held: BTreeMap<(String, String, Hour), Stored>,
    /// Dimensions that its product does not have.
    pub(crate) unknown: BTreeSet<String>,
    /// Identities without a subscription.
    pub(crate) unsubscribed: BTreeSet<String>,
    pub(crate) requests: u64,
}

impl Market {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            answers_duplicate: false,
            held: BTreeMap::new(),
            unknown: BTreeSet::new(),
            unsubscribed: BTreeSet::new(),
            requests: 0,
        }
    }

    /// One request about one record.
    pub(crate) fn send(
        &mut self,
        identity: &str,
        record: &Record,
        now: DateTime<Utc>,
        fault: Fault,
    ) -> Answer {
        self.requests += 1;
        match fault {
            Fault::LostBefore => Answer::Unknown("connection lost".to_owned()),
            Fault::Later => Answer::Refused(Refusal::Later("throttled".to_owned())),
            Fault::LostAfter => {
                let _lost = self.take(identity, record, now);
                Answer::Unknown("timed out".to_owned())
            }
            Fault::Clean => self.take(identity, record, now),
        }
    }

    fn take(&mut self, identity: &str, record: &Record, now: DateTime<Utc>) -> Answer {
        let dimension = &record.meter.dimension;
        if self.unknown.contains(dimension) {
            return Answer::Refused(Refusal::Never("InvalidUsageDimensionException".to_owned()));
        }
        if self.unsubscribed.contains(identity) {
            return Answer::Refused(Refusal::Later("CustomerNotSubscribed".to_owned()));
        }
        if !self.rules.takes(record.timestamp, now) {
            return Answer::Refused(Refusal::Later("TimestampOutOfBoundsException".to_owned()));
        }
        assert!(
            record.quantity > Decimal::ZERO && record.quantity <= self.rules.unit.max,
            "a record of {}",
            record.quantity
        );
        let key = (identity.to_owned(), dimension.clone(), record.hour());
        let receipt = Receipt {
            id: format!("{identity}/{dimension}/{}", record.hour()),
        };
        match self.held.get(&key) {
            Some(stored) if stored.quantity != record.quantity || self.answers_duplicate => {
                Answer::Duplicate { stored: None }
            }
            Some(_) => Answer::Accepted(receipt),
            None => {
                self.held.insert(
                    key,
                    Stored {
                        quantity: record.quantity,
                        timestamp: record.timestamp,
                        foreign: false,
                    },
                );
                Answer::Accepted(receipt)
            }
        }
    }

    /// Somebody else's record in our hour.
    pub(crate) fn plant(&mut self, identity: &str, dimension: &str, hour: Hour, quantity: Decimal) {
        self.held.insert(
            (identity.to_owned(), dimension.to_owned(), hour),
            Stored {
                quantity,
                timestamp: hour.start(),
                foreign: true,
            },
        );
    }

    /// What it has billed of ours, in one dimension, over all identities that begin so.
    pub(crate) fn billed(&self, identity: &str, dimension: &str) -> Decimal {
        self.held
            .iter()
            .filter(|((who, what, _), stored)| {
                who.starts_with(identity) && what == dimension && !stored.foreign
            })
            .map(|(_, stored)| stored.quantity)
            .sum()
    }

    /// Whether it holds this very record.
    pub(crate) fn holds(&self, identity: &str, record: &Record) -> bool {
        let key = (identity.to_owned(), record.meter.dimension.clone(), record.hour());
        self.held
            .get(&key)
            .is_some_and(|stored| !stored.foreign && stored.quantity == record.quantity)
    }
}
