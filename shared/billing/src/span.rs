//! Which streams a book counts, from where to where: the configuration held against the book and the counters' owners.
//!
//! Configuration may end a span, never move the beginning of one that something was claimed from; and no span begins before
//! the hour until which its counter has been counted for good. So whatever is changed, no hour is counted twice.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use crate::book::Entitlement;
use crate::plan::Run;
use crate::wanted::{Source, Wanted};
use crate::{
    Accumulation, AmountSource, Book, Counter, Hour, MeterKey, Opening, Owner, Span, Stream, StreamKey,
};

/// The longest that a month stays open after its end, held or not: Metronome takes usage for as long (facts of its ingest
/// API, read 2026-11-20).
pub const LATEST_DAYS: i64 = 34;

/// Owners that one claim changes at most: a transaction takes 100 items, and parked records want three each.
pub(crate) const OWNERS_MAX: usize = 40;

/// The book and the owners as the configuration leaves them, before anything is read: what [`crate::plan()`] goes on from.
pub(crate) struct Opened {
    pub(crate) book: Book,
    pub(crate) owners: BTreeMap<Counter, Owner>,
    /// Streams without a conversion, not in the book while nothing of them waits.
    pub(crate) unmapped: BTreeMap<StreamKey, Stream>,
    /// Sources whose counter another book counts.
    pub(crate) elsewhere: Vec<(Source, String)>,
    /// Sources of amounts that another book counts.
    pub(crate) amounts_elsewhere: Vec<(AmountSource, String)>,
    /// Streams that the configuration wants no more before anything was claimed of them, with the growth that waited and why.
    pub(crate) given_up: Vec<(StreamKey, Option<Decimal>, String)>,
    /// The owners as they were read.
    before: BTreeMap<Counter, Owner>,
    /// Counters of which a stream was dropped: the book may give them up.
    left: BTreeSet<Counter>,
    /// Some spans are left to begin or end in a further claim.
    pub(crate) more: bool,
    /// How many owners may change.
    room: usize,
}

/// Holds the configuration against the book.
pub(crate) fn open(
    book: &Book,
    owners: &BTreeMap<Counter, Owner>,
    wanted: &Wanted,
    run: &Run,
    room: usize,
) -> Opened {
    let mut opened = Opened {
        book: book.clone(),
        owners: owners.clone(),
        unmapped: BTreeMap::new(),
        elsewhere: Vec::new(),
        amounts_elsewhere: Vec::new(),
        given_up: Vec::new(),
        before: owners.clone(),
        left: BTreeSet::new(),
        more: false,
        room,
    };
    opened.terms(wanted);
    opened.end(wanted, run);
    opened.end_amounts(wanted, run);
    opened.begin(wanted, run);
    opened.begin_amounts(wanted, run);
    opened
}

impl Opened {
    /// Whether a further owner may change in this claim, one transaction having room for so many.
    pub(crate) fn may_change(&mut self, counter: &Counter) -> bool {
        let mut changed: BTreeSet<Counter> = self.changed().into_keys().collect();
        changed.extend(self.left.iter().cloned());
        let may = changed.contains(counter) || changed.len() < self.room;
        self.more |= !may;
        may
    }

    /// The owners that change with this claim.
    pub(crate) fn changed(&self) -> BTreeMap<Counter, Owner> {
        let differs = |counter: &Counter, owner: &Owner| {
            *owner != self.before.get(counter).cloned().unwrap_or_default()
        };
        let changed = self
            .owners
            .iter()
            .filter(|(counter, owner)| differs(counter, owner));
        changed
            .map(|(counter, owner)| (counter.clone(), owner.clone()))
            .collect()
    }

    fn terms(&mut self, wanted: &Wanted) {
        let book = &mut self.book;
        book.destination = wanted.destination.clone();
        for terms in &wanted.terms {
            let known = Entitlement {
                buyer: terms.buyer.clone(),
                from: terms.from,
                ends_at: terms.ends_at,
            };
            book.entitlements.insert(terms.key, known);
            for dimension in terms.included.keys() {
                book.meter(&MeterKey {
                    entitlement: terms.key,
                    dimension: dimension.clone(),
                });
            }
            let meters = book.meters.iter_mut();
            for (key, meter) in meters.filter(|(key, _)| key.entitlement == terms.key) {
                // A changed quantity, one taken out too, moves what is owed by the difference.
                let included = terms.included.get(&key.dimension).cloned().unwrap_or_default();
                meter.owed += &meter.included;
                meter.owed -= &included;
                meter.included = included;
            }
        }
    }

    /// Follows the configuration on every open stream: one that is still wanted takes its end and its conversion from there, one
    /// that is not is ended at the hour from which the change holds, or where it has been claimed to. An ended stream is read
    /// on for late usage until its month closes, but its counter is free from its end on.
    fn end(&mut self, wanted: &Wanted, run: &Run) {
        let mut dropped = Vec::new();
        let mut streams = std::mem::take(&mut self.book.streams);
        for (key, stream) in &mut streams {
            let counter = wanted.counter(&key.customer, &key.metric);
            let source = wanted
                .source(key)
                .filter(|source| wanted.goes_on(source, key, stream));
            if let Some(source) = source {
                stream.target.clone_from(&source.target);
                stream.connection.clone_from(&wanted.connection);
                if stream.ended {
                    continue;
                }
                let end = key.month.end().min(source.span.until).max(key.from);
                stream.until = end.max(stream.claimed.map_or(end, |claimed| claimed.min(stream.until)));
                if source.span.until <= run.closed(&self.book, key.entitlement) && self.may_change(&counter) {
                    stream.ended = true;
                    self.owners.entry(counter).or_default().counted(stream.until);
                }
            } else if !stream.ended && wanted.ends(key, stream) {
                if !self.may_change(&counter) {
                    continue;
                }
                if let Some(claimed) = stream.claimed {
                    let gone = wanted.gone.contains(&stream.connection);
                    let end = if gone {
                        claimed
                    } else {
                        wanted.over(key).max(claimed)
                    };
                    stream.until = stream.until.min(end);
                    stream.ended = true;
                    self.owners.entry(counter).or_default().counted(stream.until);
                } else {
                    if let Some(note) = stream.held.take() {
                        let growth = note.reading.checked_sub(stream.mark);
                        self.given_up.push((key.clone(), growth, note.reason));
                    }
                    dropped.push(key.clone());
                    self.left.insert(counter);
                }
            }
        }
        streams.retain(|key, _| !dropped.contains(key));
        self.book.streams = streams;
        self.leave(wanted, run);
    }

    /// Gives up the counters that this book counts no more.
    fn leave(&mut self, wanted: &Wanted, run: &Run) {
        let identity = self.book.destination.identity.clone();
        // Amounts are given up by being handed on.
        let metrics = self
            .owners
            .iter_mut()
            .filter(|(counter, _)| !counter.is_amounts());
        for (counter, owner) in metrics {
            let same =
                |customer: &str, metric: &str| customer == counter.customer && metric == counter.metric;
            let counts = self
                .book
                .streams
                .iter()
                .any(|(key, stream)| !stream.ended && same(&key.customer, &key.metric))
                || wanted.sources.iter().any(|source| {
                    same(&source.customer, &source.metric)
                        && source.span.until > run.closed(&self.book, source.entitlement)
                });
            if !counts && owner.book.as_ref() == Some(&identity) {
                owner.book = None;
            }
        }
    }

    /// Until which hour a stream's counter has been counted before it: for good, or by an earlier span of this book.
    fn counted(&self, key: &StreamKey, floor: Option<Hour>) -> Option<Hour> {
        let streams = self.book.streams.iter();
        let earlier = streams.filter(|(other, stream)| clash(other, key) && stream.until <= key.from);
        earlier.map(|(_, stream)| stream.until).max().max(floor)
    }

    /// Begins the spans that the configuration wants and nobody has counted.
    fn begin(&mut self, wanted: &Wanted, run: &Run) {
        let identity = self.book.destination.identity.clone();
        for source in &wanted.sources {
            let counter = wanted.counter(&source.customer, &source.metric);
            let owner = self.owners.get(&counter).cloned().unwrap_or_default();
            if let Some(other) = owner.book.as_ref().filter(|other| **other != identity) {
                self.elsewhere.push((source.clone(), other.to_string()));
                // What merely waited here is the other book's to count.
                self.book
                    .streams
                    .retain(|key, stream| !source.counts(key) || stream.claimed.is_some());
                continue;
            }
            if source.target.is_some() && owner.book.is_none() && !self.may_change(&counter) {
                continue;
            }
            let closed = run.closed(&self.book, source.entitlement);
            for (key, until) in spans(source, owner.counted_until, wanted.open_days, closed) {
                let overlap = self.book.streams.iter().find(|(other, stream)| {
                    clash(other, &key) && !other.span(stream.until).meet(key.span(until)).is_empty()
                });
                // An entitlement whose start was moved back: the hours before the span that it has are a span of their own.
                let earlier = overlap.is_some_and(|(other, _)| {
                    source.counts(other) && key.from < other.from && key.accumulation != Accumulation::Period
                });
                let until = match overlap {
                    Some((other, _)) if earlier => other.from,
                    Some((other, _)) => {
                        if !source.counts(other) {
                            self.elsewhere.push((source.clone(), identity.to_string()));
                        }
                        continue;
                    }
                    None => until,
                };
                let mut stream = Stream::new(&wanted.connection, until);
                stream.ended = earlier;
                stream.target.clone_from(&source.target);
                stream.opening = source.opening(&key, self.counted(&key, owner.counted_until));
                if let Some(Opening::Fixed(opening)) = stream.opening {
                    stream.mark = opening;
                }
                if source.target.is_none() {
                    self.unmapped.insert(key, stream);
                } else {
                    self.book.streams.insert(key, stream);
                }
            }
            let counts = |(key, stream): (&StreamKey, &Stream)| source.counts(key) && !stream.ended;
            if source.target.is_some() && self.book.streams.iter().any(counts) {
                self.owners.entry(counter).or_default().book = Some(identity.clone());
            }
        }
    }
}

/// Whether two streams may count the same event: rows of one grouping with different values never do.
fn clash(one: &StreamKey, other: &StreamKey) -> bool {
    one.customer == other.customer
        && one.metric == other.metric
        && (one.group == other.group
            || one.accumulation != other.accumulation
            || !one.group.keys().eq(other.group.keys()))
}

/// The spans of a source, a month each, that hold a closed hour and whose month is still open.
fn spans(source: &Source, floor: Option<Hour>, open_days: u32, closed: Hour) -> Vec<(StreamKey, Hour)> {
    let days = if source.target.is_some() {
        LATEST_DAYS
    } else {
        i64::from(open_days)
    };
    let from = floor.map_or(source.span.from, |floor| floor.max(source.span.from));
    let mut month = from.month().max(closed.plus(-24 * days).month().previous());
    let mut spans = Vec::new();
    // At most the months of LATEST_DAYS and the current one: three turns.
    while month.first() < closed {
        let span = Span {
            from,
            until: source.span.until,
        }
        .meet(Span {
            from: month.first(),
            until: month.end(),
        });
        if !span.is_empty() && span.from < closed && closed < month.end().plus(24 * days).next() {
            spans.push((source.key(month, span.from), span.until));
        }
        month = month.next();
    }
    spans
}
