//! The laws, checked from outside: what Metronome counted, what the marketplaces bill and what the table says, each read past
//! the code under test. [`Laws::check`] holds at every instant; [`Laws::settled`] once the faults are over.
//!
//! Usage is compared for whole COUNT and SUM metrics, which is what a conversion without `group` and `accumulate` bills; in the
//! amount modes, for invoices whose period begins before the last run.

mod bill;
mod shelf;
mod tests;
mod usage;

use std::collections::BTreeMap;

use billing::{Book, Fraction, Hour, Identity, Outcome, StreamKey};
use rust_decimal::Decimal;

use crate::scene::{Scene, at};
use bill::Bill;
use shelf::{Shelf, Trail};
use usage::Usage;

/// An identity and a dimension: what a buyer sees as one line of the bill.
type Line = (Identity, String);

/// The laws over a scene's configuration, and the marks that were seen so far.
pub(crate) struct Laws {
    usage: Usage,
    /// By stream, as people name it.
    marks: BTreeMap<(Identity, String), Decimal>,
}

impl Laws {
    /// Over the connections that the scene has now.
    pub(crate) async fn over(scene: &Scene) -> Self {
        Self {
            usage: Usage::of(scene).await,
            marks: BTreeMap::new(),
        }
    }

    /// Conservation, once, never over and monotone, as things stand.
    pub(crate) fn check(&mut self, scene: &Scene) {
        let broken = self.broken(scene);
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// All of the above, and nothing lost: what Metronome counted until `through`, where the last run read afresh, is billed,
    /// or waits under a name, or is less than a unit.
    pub(crate) fn settled(&mut self, scene: &Scene, through: &str) {
        let mut broken = self.broken(scene);
        let shelf = Shelf::of(scene);
        for (identity, book) in &shelf.books {
            broken.extend(undelivered(identity, book));
        }
        for line in self.usage.lines() {
            let used = self.usage.until(scene, line, Hour::floor(at(through)));
            let (grown, waits) = shelf
                .books
                .get(&line.0)
                .map_or_else(<(Fraction, Fraction)>::default, |book| {
                    (grown(book, &line.1), waiting(book, &line.1))
                });
            if grown.clone() + &waits != used {
                broken.push(format!(
                    "nothing lost: {line:?} used {used}, claimed {grown}, held {waits}"
                ));
            }
        }
        assert!(broken.is_empty(), "{}", broken.join("\n"));
    }

    /// What [`Self::check`] finds broken, in words.
    fn broken(&mut self, scene: &Scene) -> Vec<String> {
        let shelf = Shelf::of(scene);
        let bills = bill::by_identity(crate::market::held(&scene.world));
        let (nothing, unwritten) = (Bill::default(), Trail::new());
        let mut broken = Vec::new();
        for (identity, bill) in &bills {
            if !shelf.books.contains_key(identity) && !bill.held.is_empty() {
                broken.push(format!("once: {identity} is billed and has no book"));
            }
        }
        for (identity, book) in &shelf.books {
            let bill = bills.get(identity).unwrap_or(&nothing);
            let trail = shelf.trails.get(identity).unwrap_or(&unwritten);
            broken.extend(book.check().err().map(|error| format!("conservation: {error}")));
            broken.extend(conservation(identity, book, bill, trail));
            broken.extend(once(identity, book, bill, trail));
            broken.extend(self.never_over(scene, identity, book, bill));
            broken.extend(self.monotone(identity, book));
        }
        broken
    }

    /// Neither a stream's mark, nor what a dimension has claimed, nor what it is billed exceeds what Metronome has counted.
    fn never_over(&self, scene: &Scene, identity: &Identity, book: &Book, bill: &Bill) -> Vec<String> {
        let now = Hour::ceil(scene.world.clock.now());
        let mut broken = Vec::new();
        for dimension in dimensions(book) {
            let used = self
                .usage
                .until(scene, &(identity.clone(), dimension.to_owned()), now);
            let (grown, billed) = (grown(book, dimension), bill.quantity(dimension));
            if grown > used || billed > used {
                broken.push(format!(
                    "never over: {dimension} of {identity}: used {used}, claimed {grown}, billed {billed}"
                ));
            }
        }
        let whole = |key: &StreamKey| key.accumulation == billing::Accumulation::Sum && key.group.is_empty();
        for (key, stream) in book.streams.iter().filter(|(key, _)| whole(key)) {
            let used = usage::counted(scene, &key.customer, &key.metric, key.span(stream.until.min(now)));
            if stream.mark > used {
                broken.push(format!("never over: {key} claimed {} of {used}", stream.mark));
            }
        }
        broken
    }

    /// Marks never move back.
    fn monotone(&mut self, identity: &Identity, book: &Book) -> Vec<String> {
        let mut broken = Vec::new();
        let streams = book
            .streams
            .iter()
            .map(|(key, stream)| (key.to_string(), stream.mark));
        let amounts = book
            .amounts
            .iter()
            .map(|(key, amount)| (key.to_string(), amount.mark()));
        for (key, mark) in streams.chain(amounts) {
            let before = self.marks.insert((identity.clone(), key.clone()), mark);
            if let Some(before) = before.filter(|before| *before > mark) {
                broken.push(format!(
                    "monotone: the mark of {key} went from {before} back to {mark}"
                ));
            }
        }
        broken
    }
}

/// Records whose last word is that a person must judge.
pub(crate) fn parked(scene: &Scene) -> usize {
    let trails = Shelf::of(scene).trails;
    let last = trails
        .values()
        .flat_map(BTreeMap::values)
        .filter_map(|entries| entries.last());
    last.filter(|entry| entry.outcome == Outcome::Parked).count()
}

/// What was claimed is billed by the marketplace, or under way to it, or owed. The trail is asked only for records that the
/// marketplace does not hold.
fn conservation(identity: &Identity, book: &Book, bill: &Bill, trail: &Trail) -> Vec<String> {
    let mut broken = Vec::new();
    let flying = book.in_flight.iter().map(|flight| &flight.record);
    let left = trail.values().filter_map(|entries| entries.last());
    let left = left
        .filter(|entry| entry.outcome != Outcome::Returned)
        .map(|entry| &entry.record);
    let known: BTreeMap<&String, _> = flying.chain(left).map(|record| (&record.id, record)).collect();
    for dimension in dimensions(book) {
        let mut sum = bill.quantity(dimension);
        let elsewhere = known
            .values()
            .filter(|record| record.meter.dimension == dimension && !bill.held.contains(&record.id));
        elsewhere.for_each(|record| sum += &record.quantity.into());
        let meters = book.meters.iter().filter(|(key, _)| key.dimension == dimension);
        let mut claimed = Fraction::zero();
        for (_, meter) in meters {
            sum += &meter.owed;
            claimed += &meter.grown;
            claimed -= &meter.included;
        }
        if sum != claimed {
            broken.push(format!(
                "conservation: {dimension} of {identity} claimed {claimed}, and {sum} is billed, under way or owed"
            ));
        }
    }
    broken
}

/// What the marketplace holds is known as ours and is not owed again; what the trail calls delivered is held, and was
/// delivered once; what it calls unproven is held, or somebody else's record stands in its hour.
fn once(identity: &Identity, book: &Book, bill: &Bill, trail: &Trail) -> Vec<String> {
    let mut broken = Vec::new();
    for id in &bill.held {
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
        let fails = entries.last().is_some_and(|last| match last.outcome {
            Outcome::Delivered => !bill.held.contains(id),
            Outcome::DeliveredUnproven => !bill.held.contains(id) && !bill.foreign_in(&last.record),
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

/// What a run over all of it, undisturbed, should not have left behind.
fn undelivered(identity: &Identity, book: &Book) -> Vec<String> {
    let flying = book
        .in_flight
        .iter()
        .map(|flight| format!("nothing lost: {identity} still has {:?} in flight", flight.record));
    let rules = marketplace::rules(&book.destination);
    let owing = book.meters.iter().filter(|(key, meter)| {
        let unit = rules.unit(&key.dimension);
        let one_record = Decimal::new(1, unit.places).into()..=unit.max.into();
        meter.blocked.is_none() && one_record.contains(&meter.owed)
    });
    let owing = owing.map(|(key, meter)| format!("nothing lost: {identity} {key} still owes {}", meter.owed));
    flying.chain(owing).collect()
}

fn dimensions(book: &Book) -> Vec<&str> {
    let mut dimensions: Vec<&str> = book.meters.keys().map(|key| key.dimension.as_str()).collect();
    dimensions.sort_unstable();
    dimensions.dedup();
    dimensions
}

/// All growth ever claimed into a dimension.
fn grown(book: &Book, dimension: &str) -> Fraction {
    let meters = book.meters.iter().filter(|(key, _)| key.dimension == dimension);
    meters.fold(Fraction::zero(), |sum, (_, meter)| sum + &meter.grown)
}

/// What the streams into a dimension hold back, converted.
fn waiting(book: &Book, dimension: &str) -> Fraction {
    let streams = book
        .streams
        .values()
        .map(|stream| (&stream.target, &stream.held, stream.mark));
    let amounts = book
        .amounts
        .values()
        .map(|amount| (&amount.target, &amount.held, amount.mark()));
    streams
        .chain(amounts)
        .fold(Fraction::zero(), |sum, (target, held, mark)| {
            let target = target.as_ref().filter(|target| target.dimension == dimension);
            match (target, held) {
                (Some(target), Some(note)) => {
                    sum + &Fraction::from(note.reading - mark).times(&target.factor)
                }
                _ => sum,
            }
        })
}
