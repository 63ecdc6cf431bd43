//! Stories: what happens to usage over hours, days and months of an ordinary or a bad life, each with its figures, from
//! Metronome's events to the marketplace's bill.

mod accumulation;
mod answers;
mod configuration;
mod file;
mod identities;
mod months;
mod quantities;
mod readings;
mod spans;
mod terms;
mod windows;

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher as _};

use billing::{Book, Fraction, Identity};
use chrono::{SecondsFormat, TimeDelta};
use clap::Parser as _;
use control::cli::Cli;
use metering::RunSummary;
use rust_decimal::Decimal;
use sandbox::metronome::{Aggregation, Event, NewMetric};
use serde_json::Value;

use crate::scene::{Scene, at};

/// A quantity that a test states.
fn units(text: &str) -> Decimal {
    text.parse().unwrap()
}

impl Scene {
    /// A metric of the property `units` of the events of its own name.
    fn metric(&self, name: &str, aggregation: Aggregation) -> String {
        self.defines(NewMetric::of(name, aggregation, "units").on(name))
    }

    fn defines(&self, metric: NewMetric) -> String {
        self.world.metronome.create_metric(metric).unwrap().to_string()
    }

    /// An event of properties, received now. Said twice, it is one event, as Metronome has it.
    fn event(&self, customer: &str, event_type: &str, when: &str, properties: &[(&str, &str)]) {
        let id = transaction(&(customer, event_type, when, properties));
        let event = Event::new(&id, customer, event_type, at(when));
        let event = properties
            .iter()
            .fold(event, |event, (name, value)| event.with(name, *value));
        self.world.metronome.ingest(event).unwrap();
    }

    /// The hourly function at every hour boundary from `first` to `last`.
    async fn hours(&self, first: &str, last: &str) -> Vec<RunSummary> {
        self.every(1, first, last).await
    }

    /// The function at every so many hours from `first` to `last`.
    async fn every(&self, step: i64, first: &str, last: &str) -> Vec<RunSummary> {
        let (mut hour, last) = (at(first), at(last));
        let mut summaries = Vec::new();
        while hour <= last {
            summaries.push(self.hour(&hour.to_rfc3339_opts(SecondsFormat::Secs, true)).await);
            hour += TimeDelta::hours(step);
        }
        summaries
    }

    /// An operator's command line.
    async fn operator(&self, line: &[&str]) {
        let cli = Cli::try_parse_from(["meterbridge"].iter().chain(line)).unwrap();
        let said = control::command::run(&cli.command, async || Ok(self.deps.clone()))
            .await
            .unwrap();
        assert_eq!(said.wrong, Vec::<String>::new());
    }

    /// A person's judgement of parked records.
    async fn resolve(&self, judgement: &[&str]) {
        let line = [&["resolve"], judgement, &["--reason", "looked up"]].concat();
        self.operator(&line).await;
    }

    /// The books that the connection `acme` has ever written, each adding up.
    async fn books(&self) -> BTreeMap<Identity, Book> {
        let mut books = BTreeMap::new();
        for registration in self.deps.store.registrations("acme").await.unwrap() {
            let identity = registration.unwrap().identity;
            let book = self.deps.store.book(&identity).await.unwrap().unwrap().value;
            assert_eq!(book.check(), Ok(()), "{identity}");
            books.insert(identity, book);
        }
        books
    }

    /// The only book.
    async fn book(&self) -> Book {
        let books = self.books().await;
        assert_eq!(books.len(), 1);
        books.into_values().next().unwrap()
    }

    /// Everything of the meters of a dimension, over all books and entitlements, added up.
    async fn meter(&self, dimension: &str) -> billing::Meter {
        let mut sum = billing::Meter::default();
        for book in self.books().await.into_values() {
            for (_, meter) in book.meters.iter().filter(|(key, _)| key.dimension == dimension) {
                sum.grown += &meter.grown;
                sum.included += &meter.included;
                sum.delivered += &meter.delivered;
                sum.parked += &meter.parked;
                sum.written_off += &meter.written_off;
                sum.owed += &meter.owed;
            }
        }
        sum
    }

    /// What the marketplace bills of a dimension, and that the books say the same of it.
    async fn bills(&self, dimension: &str) -> Decimal {
        let billed = self.billed().get(dimension).copied().unwrap_or_default();
        assert_eq!(
            self.meter(dimension).await.delivered,
            Fraction::from(billed),
            "{dimension}"
        );
        billed
    }

    /// The bill of a dimension line by line: hour and quantity, in the order of the hours.
    fn bill(&self, dimension: &str) -> Vec<(String, Decimal)> {
        let records = self.world.metering.records().into_iter();
        let mut lines: Vec<_> = records
            .filter(|record| record.dimension == dimension)
            .map(|record| (record.hour.format("%d %Hh").to_string(), record.quantity))
            .collect();
        lines.sort();
        lines
    }
}

/// A transaction id of what an event says.
fn transaction(event: &impl Hash) -> String {
    let mut hasher = DefaultHasher::new();
    event.hash(&mut hasher);
    format!("event-{:016x}", hasher.finish())
}

/// The outcomes of a run's records, with their quantities.
fn outcomes(summary: &RunSummary) -> Vec<String> {
    let told = |record: &Value| {
        let word = |name: &str| record[name].as_str().unwrap().to_owned();
        format!("{} {}", word("quantity"), word("outcome"))
    };
    each(summary, "records").iter().map(told).collect()
}

/// What a run says that waits: growth and reason.
fn held(summary: &RunSummary) -> Vec<String> {
    let told = |held: &Value| {
        let growth = held["growth"].as_str().unwrap_or("?");
        format!("{growth} {}", held["reason"].as_str().unwrap())
    };
    each(summary, "held").iter().map(told).collect()
}

fn each(summary: &RunSummary, of: &str) -> Vec<Value> {
    let summary = serde_json::to_value(summary).unwrap();
    let connections = summary["connections"].as_array().unwrap().clone();
    let buyers = connections
        .iter()
        .flat_map(|connection| connection["buyers"].as_array().unwrap().clone());
    buyers
        .flat_map(|buyer| buyer[of].as_array().unwrap().clone())
        .collect()
}

/// A run in which nothing failed.
fn fine(summary: &RunSummary) {
    assert_eq!(summary.failure(), None);
}
