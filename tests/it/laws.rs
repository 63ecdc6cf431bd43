//! The laws, checked from outside: what Metronome counted, what the marketplace bills and what the table says, each read past
//! the code under test. [`Laws::check`] holds at every instant; [`Laws::settled`] once the faults are over.
//!
//! Usage is compared for whole COUNT and SUM metrics, which is what a conversion without `group` and `accumulate` bills.

mod shelf;

use std::collections::{BTreeMap, BTreeSet};

use billing::{AwsBuyer, Book, Fraction, Hour, Identity, MeterKey, Outcome, Record, StreamKey};
use rust_decimal::Decimal;
use sandbox::aws::metering::Stored;

use crate::scene::{Scene, at};
use shelf::Shelf;

/// AWS's integer: an owed above it is more than one record takes.
const RECORD_MAX: i32 = i32::MAX;

/// A metric of a customer, and where the configuration has it billed.
struct Flow {
    customer: String,
    metric: String,
    from: Hour,
    until: Option<Hour>,
    line: Line,
    factor: Fraction,
}

/// An identity and a dimension: what a buyer sees as one line of the bill.
type Line = (Identity, String);

/// What one line comes to, as the marketplace and the table together tell it.
#[derive(Default)]
struct Account {
    /// Growth ever claimed.
    grown: Fraction,
    included: Fraction,
    /// What the marketplace holds of ours.
    billed: Fraction,
    /// In flight, parked, written off or unproven, and not held by the marketplace.
    elsewhere: Fraction,
    owed: Fraction,
}

/// The laws over a scene's configuration, and the marks that were seen so far.
pub(crate) struct Laws {
    flows: Vec<Flow>,
    marks: BTreeMap<(Identity, StreamKey), Decimal>,
}

impl Laws {
    /// Over the connections that the scene has now.
    pub(crate) async fn over(scene: &Scene) -> Self {
        let connections = scene.deps.store.connections().await.unwrap();
        let flows = connections
            .list
            .into_iter()
            .flat_map(|stored| flows(&stored.unwrap().value))
            .collect();
        Self {
            flows,
            marks: BTreeMap::new(),
        }
    }

    /// Conservation, once, never over and monotone, as things stand.
    pub(crate) fn check(&mut self, scene: &Scene) {
        let broken = self.broken(scene);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// What [`Self::check`] finds broken, in words.
    pub(crate) fn broken(&mut self, scene: &Scene) -> Vec<String> {
        let shelf = Shelf::of(scene);
        let records = scene.world.metering.records();
        let mut broken = Vec::new();
        for (identity, book) in &shelf.books {
            broken.extend(book.check().err().map(|error| format!("conservation: {error}")));
            let held = held(identity, &records);
            broken.extend(once(&shelf, identity, book, &held, &records));
            broken.extend(never_over(scene, book));
            broken.extend(self.monotone(identity, book));
        }
        let now = Hour::ceil(scene.world.clock.now());
        for (line, account) in accounts(&shelf, &records) {
            let sum = account.billed.clone() + &account.elsewhere + &account.owed;
            let claimed = account.grown.clone() - &account.included;
            if sum != claimed {
                broken.push(format!(
                    "conservation: {line:?} claimed {claimed}, and {sum} is billed, under way or owed"
                ));
            }
            let used = self.used(scene, &line, now);
            if account.billed > used || account.grown > used {
                let (billed, grown) = (&account.billed, &account.grown);
                broken.push(format!(
                    "never over: {line:?} used {used}, claimed {grown}, billed {billed}"
                ));
            }
        }
        broken
    }

    /// All of the above, and nothing lost: what Metronome counted until `through`, where the last run read afresh, is billed,
    /// or waits under a name, or is less than a unit.
    pub(crate) fn settled(&mut self, scene: &Scene, through: &str) {
        let mut broken = self.broken(scene);
        let shelf = Shelf::of(scene);
        for (identity, book) in &shelf.books {
            for flight in &book.in_flight {
                broken.push(format!(
                    "nothing lost: {identity} still has {:?} in flight",
                    flight.record
                ));
            }
            for (key, meter) in book.meters.iter().filter(|(_, meter)| meter.blocked.is_none()) {
                if meter.owed >= Fraction::one() && meter.owed <= Decimal::from(RECORD_MAX).into() {
                    broken.push(format!(
                        "nothing lost: {identity} {key} still owes {}",
                        meter.owed
                    ));
                }
            }
        }
        let accounts = accounts(&shelf, &scene.world.metering.records());
        let lines: BTreeSet<&Line> = self.flows.iter().map(|flow| &flow.line).collect();
        for line in lines {
            let used = self.used(scene, line, Hour::floor(at(through)));
            let grown = accounts
                .get(line)
                .map_or_else(Fraction::zero, |account| account.grown.clone());
            let waits = shelf
                .books
                .get(&line.0)
                .map_or_else(Fraction::zero, |book| waiting(book, &line.1));
            if grown.clone() + &waits != used {
                broken.push(format!(
                    "nothing lost: {line:?} used {used}, claimed {grown}, held {waits}"
                ));
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// Records whose last word is that a person must judge.
    pub(crate) fn parked(&self, scene: &Scene) -> usize {
        let shelf = Shelf::of(scene);
        let trails = shelf
            .books
            .keys()
            .flat_map(|identity| shelf.trail(identity).into_values());
        trails
            .filter(|entries| entries.last().is_some_and(|last| last.outcome == Outcome::Parked))
            .count()
    }

    /// What Metronome counted for a line until `through`, converted.
    fn used(&self, scene: &Scene, line: &Line, through: Hour) -> Fraction {
        self.flows
            .iter()
            .filter(|flow| flow.line == *line)
            .fold(Fraction::zero(), |sum, flow| {
                let until = flow.until.map_or(through, |until| until.min(through));
                sum + &used(scene, &flow.customer, &flow.metric, flow.from, until).times(&flow.factor)
            })
    }

    /// Marks never move back.
    fn monotone(&mut self, identity: &Identity, book: &Book) -> Vec<String> {
        let mut broken = Vec::new();
        for (key, stream) in &book.streams {
            let before = self.marks.insert((identity.clone(), key.clone()), stream.mark);
            if let Some(before) = before.filter(|before| *before > stream.mark) {
                broken.push(format!(
                    "monotone: the mark of {key} went from {before} back to {}",
                    stream.mark
                ));
            }
        }
        broken
    }
}

/// What a connection has billed where.
fn flows(connection: &platform::Connection) -> Vec<Flow> {
    let mut flows = Vec::new();
    for buyer in &connection.buyers {
        for (index, entitlement) in buyer.entitlements.iter().enumerate() {
            let (from, until) = buyer.hours(index).unwrap();
            for customer in &buyer.customers {
                flows.extend(connection.conversions.iter().map(|conversion| Flow {
                    customer: customer.id.clone(),
                    metric: conversion.from.clone(),
                    from: customer.since.map_or(from, |since| since.max(from)),
                    until,
                    line: (entitlement.destination.identity.clone(), conversion.to.clone()),
                    factor: conversion.factor.clone(),
                }));
            }
        }
    }
    flows
}

fn used(scene: &Scene, customer: &str, metric: &str, from: Hour, until: Hour) -> Fraction {
    let (customer, metric) = (customer.parse().unwrap(), metric.parse().unwrap());
    let used = scene
        .world
        .metronome
        .usage_of(customer, metric, from.start(), until.start());
    used.unwrap_or_default().into()
}

/// The ids of the records that the marketplace holds of ours: an id is a digest of all that a record says.
fn held(identity: &Identity, records: &[Stored]) -> BTreeSet<String> {
    let ours = records
        .iter()
        .filter(|stored| !stored.foreign && is(identity, stored));
    ours.map(|stored| {
        let meter = MeterKey {
            entitlement: stored.timestamp,
            dimension: stored.dimension.clone(),
        };
        Record::new(identity, meter, stored.timestamp, stored.quantity).id
    })
    .collect()
}

fn is(identity: &Identity, stored: &Stored) -> bool {
    use sandbox::aws::metering::Identity as Sold;
    let Identity::Aws(aws) = identity;
    let sold = match &aws.buyer {
        AwsBuyer::License {
            account_id,
            license_arn,
        } => Sold::license(account_id, license_arn),
        AwsBuyer::Account {
            product_code,
            account_id,
        } => Sold::account(product_code, account_id),
        AwsBuyer::Customer {
            product_code,
            customer_identifier,
        } => Sold::customer(product_code, customer_identifier),
    };
    stored.identity == sold && stored.region == aws.region
}

/// What the marketplace holds is known as ours and is not owed again; what the trail calls delivered is held, and was
/// delivered once; what it calls unproven is held, or somebody else's record stands in its hour.
fn once(
    shelf: &Shelf,
    identity: &Identity,
    book: &Book,
    held: &BTreeSet<String>,
    records: &[Stored],
) -> Vec<String> {
    let mut broken = Vec::new();
    let trail = shelf.trail(identity);
    for id in held {
        let flies = book.in_flight.iter().any(|flight| flight.record.id == *id);
        let last = trail
            .get(id)
            .and_then(|entries| entries.last())
            .map(|entry| entry.outcome);
        if !flies && matches!(last, None | Some(Outcome::Returned)) {
            broken.push(format!(
                "once: the marketplace holds {id} of {identity}, which the book calls {last:?}"
            ));
        }
    }
    for (id, entries) in trail {
        let delivered = |outcome| matches!(outcome, Outcome::Delivered | Outcome::DeliveredUnproven);
        if entries.iter().filter(|entry| delivered(entry.outcome)).count() > 1 {
            broken.push(format!(
                "once: {id} of {identity} is delivered twice in the trail"
            ));
        }
        let foreign = |record: &Record| {
            let there = |stored: &&Stored| stored.foreign && is(identity, stored);
            let same = |stored: &Stored| {
                stored.hour == record.hour().start() && stored.dimension == record.meter.dimension
            };
            records.iter().filter(there).any(same)
        };
        let fails = entries.last().is_some_and(|last| match last.outcome {
            Outcome::Delivered => !held.contains(&id),
            Outcome::DeliveredUnproven => !held.contains(&id) && !foreign(&last.record),
            Outcome::Returned | Outcome::Parked | Outcome::WrittenOff => false,
        });
        if fails {
            broken.push(format!(
                "once: {id} of {identity} is called delivered, and the marketplace does not hold it"
            ));
        }
    }
    broken
}

/// No stream was claimed beyond what Metronome has counted in its span.
fn never_over(scene: &Scene, book: &Book) -> Vec<String> {
    let whole = |key: &StreamKey| key.accumulation == billing::Accumulation::Sum && key.group.is_empty();
    let over = book
        .streams
        .iter()
        .filter(|(key, _)| whole(key))
        .filter_map(|(key, stream)| {
            let until = stream.until.min(Hour::ceil(scene.world.clock.now()));
            let used = used(scene, &key.customer, &key.metric, key.from, until);
            (Fraction::from(stream.mark) > used)
                .then(|| format!("never over: {key} claimed {} of {used}", stream.mark))
        });
    over.collect()
}

fn accounts(shelf: &Shelf, records: &[Stored]) -> BTreeMap<Line, Account> {
    let mut accounts: BTreeMap<Line, Account> = BTreeMap::new();
    for (identity, book) in &shelf.books {
        let mut with = |dimension: &str, note: &dyn Fn(&mut Account)| {
            note(
                accounts
                    .entry((identity.clone(), dimension.to_owned()))
                    .or_default(),
            );
        };
        for (key, meter) in &book.meters {
            with(&key.dimension, &|account| {
                account.grown += &meter.grown;
                account.included += &meter.included;
                account.owed += &meter.owed;
            });
        }
        for stored in records
            .iter()
            .filter(|stored| !stored.foreign && is(identity, stored))
        {
            with(&stored.dimension, &|account| {
                account.billed += &stored.quantity.into()
            });
        }
        let held = held(identity, records);
        let flying = book.in_flight.iter().map(|flight| flight.record.clone());
        let left = shelf
            .trail(identity)
            .into_values()
            .filter_map(|mut entries| entries.pop());
        let left = left
            .filter(|entry| entry.outcome != Outcome::Returned)
            .map(|entry| entry.record);
        let both: BTreeMap<String, Record> = flying
            .chain(left)
            .map(|record| (record.id.clone(), record))
            .collect();
        for (_, record) in both.into_iter().filter(|(id, _)| !held.contains(id)) {
            with(&record.meter.dimension, &|account| {
                account.elsewhere += &record.quantity.into()
            });
        }
    }
    accounts
}

/// What a book's streams into a dimension hold back, converted.
fn waiting(book: &Book, dimension: &str) -> Fraction {
    book.streams.values().fold(Fraction::zero(), |sum, stream| {
        let target = stream
            .target
            .as_ref()
            .filter(|target| target.dimension == dimension);
        match (target, &stream.held) {
            (Some(target), Some(note)) => {
                sum + &Fraction::from(note.reading - stream.mark).times(&target.factor)
            }
            _ => sum,
        }
    })
}

mod tests;
