//! What a scenario comes to in one dimension: what was used by Metronome's account, what the marketplace bills, and under
//! which name the rest waits. It reads as one line, for a test to state.

use std::collections::BTreeSet;
use std::fmt;

use billing::{Fraction, Hour, Identity, Outcome};
use chrono::DateTime;
use platform::FaultKind;

use crate::scene::Scene;

/// The sums over all buyers of all connections. Only usage of hours that are over counts.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    used: Fraction,
    billed: Fraction,
    /// Of the billed, what no receipt proves.
    unproven: Fraction,
    parked: Fraction,
    in_flight: Fraction,
    held: Fraction,
    left: Fraction,
    /// Used, and not seen by any claim.
    unread: Fraction,
}

impl Scene {
    /// The tally of a dimension.
    pub(crate) async fn tally(&self, dimension: &str) -> Tally {
        let mut tally = Tally::default();
        let mut books = BTreeSet::new();
        for connection in self
            .deps
            .store
            .connections()
            .await
            .unwrap()
            .list
            .into_iter()
            .flatten()
        {
            self.count_usage(&connection.value, dimension, &mut tally);
            let known = self.deps.store.registrations(&connection.value.id).await.unwrap();
            books.extend(known.into_iter().map(|known| known.unwrap().identity));
        }
        for identity in &books {
            self.count_book(identity, dimension, &mut tally).await;
        }
        let records = crate::market::held(&self.world);
        for record in records
            .iter()
            .filter(|record| !record.foreign && record.dimension == dimension)
        {
            tally.billed += &record.quantity.into();
        }
        tally.unread = tally.used.clone() - &tally.unread - &tally.held;
        tally
    }

    fn count_usage(&self, connection: &platform::Connection, dimension: &str, tally: &mut Tally) {
        let through = Hour::floor(self.world.clock.now()).start();
        for conversion in connection
            .conversions
            .iter()
            .filter(|conversion| conversion.to == dimension)
        {
            for buyer in &connection.buyers {
                for customer in &buyer.customers {
                    let (customer, metric) = (customer.id.parse().unwrap(), conversion.from.parse().unwrap());
                    let from = buyer.entitlements[0].starts_at;
                    let used = self.world.metronome.usage_of(customer, metric, from, through);
                    tally.used += &Fraction::from(used.unwrap_or_default()).times(&conversion.factor);
                }
            }
        }
    }

    /// `unread` holds what was claimed, until all is summed up.
    async fn count_book(&self, identity: &Identity, dimension: &str, tally: &mut Tally) {
        let book = self.deps.store.book(identity).await.unwrap().unwrap().value;
        for (key, meter) in book.meters.iter().filter(|(key, _)| key.dimension == dimension) {
            tally.unread += &meter.grown;
            tally.parked += &meter.parked;
            tally.left += &meter.owed;
            tally.in_flight += &book.flying(key);
        }
        for stream in book.streams.values() {
            let target = stream
                .target
                .as_ref()
                .filter(|target| target.dimension == dimension);
            if let (Some(target), Some(note)) = (target, &stream.held) {
                tally.held += &Fraction::from(note.reading - stream.mark).times(&target.factor);
            }
        }
        let (first, last) = (DateTime::UNIX_EPOCH, self.world.clock.now());
        for entry in self.deps.store.records(identity, first, last).await.unwrap() {
            let entry = entry.unwrap().entry;
            if entry.outcome == Outcome::DeliveredUnproven && entry.record.meter.dimension == dimension {
                tally.unproven += &entry.record.quantity.into();
            }
        }
    }

    /// States a row of the fault matrix, and prints it.
    pub(crate) async fn states(&self, row: &str, dimension: &str, figures: &str) {
        let tally = self.tally(dimension).await.to_string();
        println!("{row}: {dimension}: {tally}");
        assert_eq!(tally, figures, "{row}: {dimension}");
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} owed, {} billed", self.used, self.billed)?;
        for (sum, word) in [
            (&self.unproven, "of it unproven"),
            (&self.in_flight, "in flight"),
            (&self.parked, "parked"),
            (&self.held, "held"),
            (&self.left, "left for the next record"),
            (&self.unread, "not read yet"),
        ] {
            if !sum.is_zero() {
                write!(f, ", {sum} {word}")?;
            }
        }
        Ok(())
    }
}

/// What a run ends with: the kind of its failure.
pub(crate) fn ends(summary: &metering::RunSummary) -> Option<FaultKind> {
    summary.failure().map(|fault| fault.kind)
}
