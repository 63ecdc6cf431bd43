//! Send and settle: records in flight, batched across books, and what their answers make of them.

use std::collections::BTreeMap;

use billing::{Entry, Learned, Record, note_attempt};
use futures::{StreamExt as _, stream};
use marketplace::Outgoing;

use crate::books::Volume;
use crate::run::{BOOKS_AT_ONCE, Conduct};

/// Records settled in one write: parked, each is three of the hundred items of its transaction.
const SLICE: usize = store::PARKED_MAX;

impl Conduct<'_> {
    /// Delivers what earlier runs have left in flight, of whatever age, in the name of this run's own attempt. What no window
    /// takes any more leaves the flight first.
    pub(crate) async fn deliver_in_flight(&self, volumes: &mut [Volume]) {
        let flying: Vec<&mut Volume> = volumes
            .iter_mut()
            .filter(|volume| !volume.book.in_flight.is_empty())
            .collect();
        let noted: Vec<Option<(&mut Volume, Vec<Record>)>> = stream::iter(flying)
            .map(|volume| async move {
                let records = self.take_up(volume).await?;
                Some((volume, records))
            })
            .buffer_unordered(BOOKS_AT_ONCE)
            .collect()
            .await;
        self.send(noted.into_iter().flatten().collect()).await;
    }

    /// Notes this run's attempt on all that is in flight in a book.
    async fn take_up(&self, volume: &mut Volume) -> Option<Vec<Record>> {
        let rules = marketplace::rules(&volume.book.destination);
        let findings = self.read_back(volume).await;
        let taken = self
            .change(volume, |book| {
                let now = self.deps.clock.now();
                let mut left = billing::found(book, &rules, &findings, &self.attempt, now);
                // One transaction has room for the ones or the others.
                if left.is_empty() {
                    left = billing::expire(book, &rules, &self.attempt, now);
                }
                note_attempt(book, &rules, &self.attempt, now);
                left
            })
            .await;
        match taken {
            Ok(entries) => {
                self.settled(volume, &entries);
                Some(
                    volume
                        .book
                        .in_flight
                        .iter()
                        .filter(|flight| flight.held_by(&self.attempt))
                        .map(|flight| flight.record.clone())
                        .collect(),
                )
            }
            Err(fault) => {
                self.fault(fault.of(format!("buyer {}", volume.buyer)));
                None
            }
        }
    }

    /// Sends records that hold this run's attempt, and settles them by what came back: each marketplace by itself, so that one
    /// that is slow or away holds up no other's receipts.
    pub(crate) async fn send(&self, flights: Vec<(&mut Volume, Vec<Record>)>) {
        let mut marketplaces: BTreeMap<&str, Vec<_>> = BTreeMap::new();
        for flight in flights {
            let marketplace = flight.0.identity().marketplace();
            marketplaces.entry(marketplace).or_default().push(flight);
        }
        let sent = marketplaces
            .into_iter()
            .map(|(marketplace, flights)| self.send_to(marketplace, flights));
        futures::future::join_all(sent).await;
    }

    async fn send_to(&self, marketplace: &str, flights: Vec<(&mut Volume, Vec<Record>)>) {
        let outgoing: Vec<Outgoing> = flights
            .iter()
            .flat_map(|(volume, records)| {
                records.iter().map(|record| Outgoing {
                    destination: volume.book.destination.clone(),
                    record: record.clone(),
                })
            })
            .collect();
        if outgoing.is_empty() {
            return;
        }
        // The same id never stands in two books: a record's identity is part of it.
        let sent = self.sinks.send(marketplace, outgoing).await;
        sent.faults.into_iter().for_each(|fault| self.fault(fault));
        let learned: BTreeMap<String, Learned> = sent
            .learned
            .into_iter()
            .map(|learned| (learned.record.clone(), learned))
            .collect();
        stream::iter(flights)
            .for_each_concurrent(BOOKS_AT_ONCE, |(volume, records)| {
                let learned = records
                    .iter()
                    .filter_map(|record| learned.get(&record.id).cloned())
                    .collect();
                self.settle(volume, records, learned)
            })
            .await;
    }

    async fn settle(&self, volume: &mut Volume, records: Vec<Record>, learned: Vec<Learned>) {
        for slice in learned.chunks(SLICE) {
            let settled = self
                .change(volume, |book| {
                    billing::settle(book, &self.attempt, slice, self.deps.clock.now())
                })
                .await;
            match settled {
                Ok(entries) => self.settled(volume, &entries),
                // The records stay in flight: the next run sends them again, the same.
                Err(fault) => self.fault(fault.of(format!("buyer {}", volume.buyer))),
            }
        }
        let flying = volume.book.in_flight.iter().map(|flight| &flight.record);
        for record in flying.filter(|record| records.iter().any(|sent| sent.id == record.id)) {
            let why = learned
                .iter()
                .find(|learned| learned.record == record.id)
                .and_then(why);
            self.flying(volume, record, why);
        }
    }

    fn settled(&self, volume: &Volume, entries: &[Entry]) {
        for entry in entries {
            self.record(volume, &entry.record, Some(entry.outcome), entry.reason.clone());
        }
    }

    fn flying(&self, volume: &Volume, record: &Record, why: Option<String>) {
        self.record(volume, record, None, why);
    }
}

/// Why a record is still in flight, by its last answer.
fn why(learned: &Learned) -> Option<String> {
    match learned.answers.last() {
        None => Some("not sent: the invocation was about to end, or its window had closed".to_owned()),
        Some(billing::Answer::Unknown(reason)) => Some(format!("no answer: {reason}")),
        Some(billing::Answer::Refused(billing::Refusal::Later(reason) | billing::Refusal::Never(reason))) => {
            Some(format!("refused, and an earlier request is unanswered: {reason}"))
        }
        Some(billing::Answer::Accepted(_) | billing::Answer::Duplicate { .. }) => None,
    }
}
