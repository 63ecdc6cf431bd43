//! A stage of the contract: one marketplace under one reading of its documents, its buyers' books, and invocations over them.

use billing::{Book, Entry, InFlight, Outcome, Record};
use marketplace::{Outgoing, Sent};
use sandbox::faults::{Fault, When};

use super::rows::Row;
use super::sink;
use crate::market::{Holding, record};
use crate::scene::{Scene, at};

pub(super) const NOW: &str = "2026-11-20T15:00:30Z";
/// The record's time in most laws: the last second of the hour that is over.
pub(super) const HOUR: &str = "2026-11-20T14:59:59Z";

pub(super) struct Stage {
    pub(super) scene: Scene,
    pub(super) row: &'static Row,
    books: Vec<Book>,
    trail: Vec<Entry>,
    /// Every record claimed, in turn.
    records: Vec<Record>,
    invocations: u32,
}

impl Stage {
    /// With so many buyers, none of whom has used anything.
    pub(super) async fn of(row: &'static Row, buyers: usize) -> Self {
        let scene = Scene::at(NOW).await;
        row.market.open(&scene.world);
        (row.reading)(&scene.world);
        let book = |buyer| {
            row.market.subscribe(&scene.world, buyer);
            let mut destination = row.market.destination(buyer);
            destination.park_unknown = row.park;
            Book::new(destination)
        };
        let books = (0..buyers).map(book).collect();
        Self {
            scene,
            row,
            books,
            trail: Vec::new(),
            records: Vec::new(),
            invocations: 0,
        }
    }

    /// One buyer with a record of 7 calls in flight.
    pub(super) async fn claimed(row: &'static Row) -> Self {
        let mut stage = Self::of(row, 1).await;
        stage.claim(0, "api_calls", HOUR, 7);
        stage
    }

    /// Puts a record in flight.
    pub(super) fn claim(&mut self, buyer: usize, dimension: &str, when: &str, quantity: u32) {
        let book = &mut self.books[buyer];
        let record = record(&book.destination.identity, dimension, at(when), quantity.into());
        self.records.push(record.clone());
        book.in_flight.push(InFlight {
            record,
            attempts: Vec::new(),
        });
    }

    /// The next requests that bring records go wrong so.
    pub(super) fn fault(&self, when: When, fault: Fault) {
        self.scene
            .world
            .faults
            .add(self.row.market.fault("fault", when, fault));
    }

    /// What is in flight.
    pub(super) fn outgoing(&self) -> Vec<Outgoing> {
        let flights = self.books.iter().flat_map(|book| {
            let destination = &book.destination;
            book.in_flight.iter().map(move |flight| Outgoing {
                destination: destination.clone(),
                record: flight.record.clone(),
            })
        });
        flights.collect()
    }

    /// Notes an attempt on what is in flight and sends it. What would come back is not settled: the invocation dies.
    pub(super) async fn sends(&mut self) -> Sent {
        self.invocations += 1;
        let (attempt, now) = (self.attempt(), self.scene.world.clock.now());
        for book in &mut self.books {
            let rules = marketplace::rules(&book.destination);
            self.trail.extend(billing::expire(book, &rules, &attempt, now));
            billing::note_attempt(book, &rules, &attempt, now);
        }
        let mut outgoing = self.outgoing();
        outgoing.retain(|outgoing| self.holds(&attempt, &outgoing.record));
        sink::send(&self.scene, self.row.market, outgoing).await
    }

    /// A whole invocation: each answer is settled in its book.
    pub(super) async fn invocation(&mut self) -> Sent {
        let sent = self.sends().await;
        let (attempt, now) = (self.attempt(), self.scene.world.clock.now());
        for book in &mut self.books {
            self.trail
                .extend(billing::settle(book, &attempt, &sent.learned, now));
        }
        sent
    }

    /// What has become of the records, in the order in which they were claimed, and what the marketplace holds.
    pub(super) fn says(&self) -> String {
        let outcomes: Vec<&str> = self.records.iter().map(|record| self.outcome(record)).collect();
        let mut outcomes = outcomes;
        outcomes.dedup();
        let held: Vec<String> = self.held().iter().map(|held| held.quantity.to_string()).collect();
        let held = if held.is_empty() {
            "nothing".to_owned()
        } else {
            held.join(" + ")
        };
        format!("{}, holds {held}", outcomes.join(" and "))
    }

    /// It comes to this.
    pub(super) fn comes_to(&self, law: &str, expected: &str) {
        assert_eq!(self.says(), expected, "{}: {law}", self.row.name);
    }

    pub(super) fn held(&self) -> Vec<Holding> {
        self.row.market.held(&self.scene.world)
    }

    /// Requests that have come to the marketplace itself.
    pub(super) fn requests(&self) -> u64 {
        self.scene.world.requests()[self.row.market.word()]
    }

    fn outcome(&self, record: &Record) -> &'static str {
        let mut flying = self.books.iter().flat_map(|book| &book.in_flight);
        if flying.any(|flight| flight.record.id == record.id) {
            return "in_flight";
        }
        let entries = self.trail.iter().rev();
        let last = entries
            .into_iter()
            .find(|entry| entry.record.id == record.id)
            .unwrap();
        assert!(
            last.outcome != Outcome::Delivered || self.held().iter().any(|held| held.id == record.id),
            "{}: a false delivery",
            self.row.name
        );
        last.outcome.word()
    }

    fn holds(&self, attempt: &str, record: &Record) -> bool {
        let mut flying = self.books.iter().flat_map(|book| &book.in_flight);
        flying.any(|flight| flight.record.id == record.id && flight.held_by(attempt))
    }

    fn attempt(&self) -> String {
        format!("invocation-{}", self.invocations)
    }
}
