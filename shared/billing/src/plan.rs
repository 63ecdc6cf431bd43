//! The plan: what a run's readings come to. Pure: the same book, readings, configuration and hour give the same plan.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};

use crate::amounts::{self, AmountKey, AmountNote, AmountReading, Growth, HeldAmount, Said};
use crate::grow::{carry, grow};
use crate::held::{Held, Hold};
use crate::record::{Attempt, Entry, InFlight, Record};
use crate::span::{self, LATEST_DAYS, OWNERS_MAX, Opened};
use crate::wanted::Wanted;
use crate::{
    Accumulation, Base, Book, Counter, Hour, Month, Opening, Owner, Reading, Rules, Stream, StreamKey, place,
};

/// One run, as far as the plan knows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The scheduled event's time: it decides which hours are closed.
    pub at: DateTime<Utc>,
    /// The clock: it decides windows, and nothing else.
    pub now: DateTime<Utc>,
    /// The invocation, by which its attempts are known.
    pub attempt: String,
}

impl Run {
    /// The hour boundary H.
    #[must_use]
    pub fn hour(&self) -> Hour {
        Hour::floor(self.at)
    }

    /// Whether this run is an entitlement's flush: the first at or after its end.
    fn flushes(&self, book: &Book, entitlement: DateTime<Utc>) -> bool {
        let end = book
            .entitlements
            .get(&entitlement)
            .and_then(|entitlement| entitlement.ends_at);
        end.is_some_and(|end| end <= self.at && self.hour() <= Hour::ceil(end))
    }

    /// Until which boundary an entitlement's hours are closed: H, but a run after the entitlement's end is its flush, for which
    /// the hour of the end counts as closed.
    #[must_use]
    pub fn closed(&self, book: &Book, entitlement: DateTime<Utc>) -> Hour {
        let end = book
            .entitlements
            .get(&entitlement)
            .and_then(|entitlement| entitlement.ends_at);
        match end {
            Some(end) if end <= self.at => self.hour().max(Hour::ceil(end)),
            _ => self.hour(),
        }
    }
}

/// A stream to read for this run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ToRead {
    /// The stream.
    pub key: StreamKey,
    /// The hours to count, from the key's `from`.
    pub through: Hour,
    /// Where its span ends.
    pub until: Hour,
    /// What the book keeps of it.
    pub base: Option<Base>,
    /// The part of the value before this midnight is wanted too.
    pub opening: Option<Hour>,
    /// The base must be read afresh, whatever is kept: a month's close, a flush, or it is six hours old.
    pub fresh: bool,
}

/// What a run is about to claim: one conditional write.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// The book after the claim.
    pub book: Book,
    /// Owners that change with it.
    pub owners: BTreeMap<Counter, Owner>,
    /// The records claimed: they are in the book's flight, each with this run's attempt.
    pub records: Vec<Record>,
    /// What was parked: owed past its entitlement's end with no hour left to take it.
    pub entries: Vec<Entry>,
    /// What waits or has lapsed.
    pub held: Vec<Held>,
    /// Amounts that wait or have lapsed.
    pub held_amounts: Vec<HeldAmount>,
    /// What else there is to say of amounts.
    pub notes: Vec<(AmountKey, AmountNote)>,
    /// More is to be claimed than one transaction takes: plan again after this claim.
    pub more: bool,
}

/// A base is read afresh at boundaries that are multiples of this many hours.
const BASE_HOURS: i64 = 6;

/// Used hours are remembered this long, beyond any marketplace's window.
const USED_HOURS: i64 = 72;

/// What to read for this book.
#[must_use]
pub fn to_read(book: &Book, owners: &BTreeMap<Counter, Owner>, wanted: &Wanted, run: &Run) -> Vec<ToRead> {
    // However many claims it will take, everything is read at once.
    let opened = span::open(book, owners, wanted, run, usize::MAX);
    let streams = opened.book.streams.iter().chain(&opened.unmapped);
    streams
        .filter_map(|(key, stream)| {
            let closed = run.closed(&opened.book, key.entitlement);
            let through = closed.min(stream.until);
            let flushed = run.flushes(&opened.book, key.entitlement);
            let fresh =
                flushed || over(key.month, run, wanted.open_days) || run.hour().of_day() % BASE_HOURS == 0;
            let opening = opening(stream);
            let base = stream.base.clone();
            (through > key.from).then(|| ToRead {
                key: key.clone(),
                through,
                until: stream.until,
                base,
                opening,
                fresh,
            })
        })
        .collect()
}

/// Until which midnight the part of the reading before the span must be read beside it, if at all.
pub(crate) fn opening(stream: &Stream) -> Option<Hour> {
    match stream.opening {
        Some(Opening::Before(midnight)) => Some(midnight),
        Some(Opening::Fixed(_)) | None => None,
    }
}

/// Whether a month has had its days for late usage.
fn over(month: Month, run: &Run, days: u32) -> bool {
    run.hour() >= month.end().plus(24 * i64::from(days))
}

/// Puts what a book owes into records, where nothing can be read of what has grown: a returned record does not wait for
/// Metronome to come back.
#[must_use]
pub fn place_owed(book: &Book, rules: &Rules, run: &Run) -> Plan {
    let mut book = book.clone();
    let records = place::records(&mut book, rules, run, None);
    forget(&mut book, run);
    fly(&mut book, &records, run);
    Plan {
        book,
        owners: BTreeMap::new(),
        records,
        entries: Vec::new(),
        held: Vec::new(),
        held_amounts: Vec::new(),
        notes: Vec::new(),
        more: false,
    }
}

/// What a run has read of a book: each stream, or why it could not be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Readings {
    /// Of usage.
    pub streams: BTreeMap<StreamKey, Result<Reading, String>>,
    /// Of amounts.
    pub amounts: BTreeMap<AmountKey, Result<AmountReading, String>>,
}

/// Plans one book.
#[must_use]
pub fn plan(
    book: &Book,
    owners: &BTreeMap<Counter, Owner>,
    wanted: &Wanted,
    readings: &Readings,
    rules: &Rules,
    run: &Run,
) -> Plan {
    let mut said = Said::default();
    let mut opened = span::open(book, owners, wanted, run, OWNERS_MAX);
    let mut held: Vec<Held> = std::mem::take(&mut opened.elsewhere)
        .into_iter()
        .map(|(source, other)| Held {
            stream: source.key_at(run.hour()),
            growth: None,
            hold: Hold::Elsewhere(other),
        })
        .collect();
    let given_up = std::mem::take(&mut opened.given_up).into_iter();
    held.extend(given_up.map(|(stream, growth, reason)| Held {
        stream,
        growth,
        hold: Hold::GivenUp(reason),
    }));
    let mut streams = std::mem::take(&mut opened.book.streams);
    let begun: BTreeSet<StreamKey> = streams.keys().cloned().collect();
    streams.append(&mut opened.unmapped);
    for (source, other) in std::mem::take(&mut opened.amounts_elsewhere) {
        said.hold(&source.key_at(), None, Hold::Elsewhere(other));
    }
    let live = wanted.amounts.iter().filter(|source| source.until > run.hour());
    for source in live.filter(|source| source.target.is_none()) {
        said.hold(&source.key_at(), None, Hold::Unmapped);
    }
    let (amount_readings, readings) = (&readings.amounts, &readings.streams);
    let growths = amounts_grown(&mut opened.book, wanted, amount_readings, run, &mut said);
    let records = claim(
        &mut opened.book,
        &mut streams,
        readings,
        &growths,
        rules,
        run,
        (&mut held, &mut said),
    );
    let entries = place::unplaceable(&mut opened.book, rules, run);
    for (key, stream) in streams {
        let waits = waits(&stream, readings.get(&key));
        let settled = matches!(readings.get(&key), Some(Ok(reading)) if reading.settles(&key));
        if closes(&key, waits.is_some(), settled, wanted, run)
            && opened.may_change(&wanted.counter(&key.customer, &key.metric))
        {
            held.extend(close(&mut opened, wanted, &key, &stream, waits));
        } else if stream.held.is_some() || begun.contains(&key) {
            opened.book.streams.insert(key, stream);
        }
    }
    // What has lapsed is said once, as lapsed.
    let lapsed: BTreeSet<StreamKey> = held
        .iter()
        .filter(|held| matches!(held.hold, Hold::Lapsed(_)))
        .map(|held| held.stream.clone())
        .collect();
    held.retain(|held| matches!(held.hold, Hold::Lapsed(_)) || !lapsed.contains(&held.stream));
    amounts::hand_on(&mut opened, wanted, amount_readings, run, &mut said);
    forget(&mut opened.book, run);
    fly(&mut opened.book, &records, run);
    Plan {
        owners: opened.changed(),
        more: opened.more,
        book: opened.book,
        records,
        entries,
        held,
        held_amounts: said.held,
        notes: said.notes,
    }
}

/// Moves the marks of amounts to their readings. Answers what they have grown by.
fn amounts_grown(
    book: &mut Book,
    wanted: &Wanted,
    readings: &BTreeMap<AmountKey, Result<AmountReading, String>>,
    run: &Run,
    said: &mut Said,
) -> Vec<Growth> {
    let mut amounts = std::mem::take(&mut book.amounts);
    let mut growths = Vec::new();
    for (key, amount) in &mut amounts {
        match readings.get(key) {
            Some(Ok(reading)) => {
                growths.extend(amounts::grow(book, wanted, (key, amount), reading, run, said))
            }
            Some(Err(reason)) => said.hold(key, None, Hold::Unread(reason.clone())),
            // Nothing of it is closed yet, or another run began it while this one read.
            None => {}
        }
    }
    book.amounts = amounts;
    growths
}

/// Applies every reading, oldest month first, and takes the records that come of it.
fn claim(
    book: &mut Book,
    streams: &mut BTreeMap<StreamKey, Stream>,
    readings: &BTreeMap<StreamKey, Result<Reading, String>>,
    growths: &[Growth],
    rules: &Rules,
    run: &Run,
    (held, said): (&mut Vec<Held>, &mut Said),
) -> Vec<Record> {
    let current = run.hour().previous().month();
    let mut months: BTreeSet<Month> = streams.keys().map(|key| key.month).collect();
    let earlier = growths.iter().filter(|growth| !growth.owed_earlier.is_zero());
    months.extend(earlier.clone().map(|_| current.previous()));
    let mut records = Vec::new();
    let mut left = BTreeMap::new();
    for month in months {
        for (key, stream) in streams.iter_mut().filter(|(key, _)| key.month == month) {
            carry(&mut left, key, stream, readings.get(key));
            held.extend(grow(book, key, stream, readings.get(key), run));
        }
        if month == current.previous() {
            earlier
                .clone()
                .for_each(|growth| growth.owe(book, &growth.owed_earlier));
        }
        // Earlier months' growth goes into hours of their own month while the marketplace takes one.
        if month < run.hour().month() {
            records.extend(place::records(book, rules, run, Some(month)));
        }
    }
    said.late(book, earlier, rules);
    growths
        .iter()
        .for_each(|growth| growth.owe(book, &growth.owed_rest));
    records.extend(place::records(book, rules, run, None));
    records
}

/// Why a stream waits: what was read of it was held, or nothing could be read.
fn waits(stream: &Stream, reading: Option<&Result<Reading, String>>) -> Option<String> {
    let held = stream.held.as_ref().map(|note| note.reason.clone());
    held.or_else(|| reading.and_then(|reading| reading.as_ref().err().cloned()))
}

/// Whether a stream's month closes with this claim: it has had its days, and its last reading was taken after them; one that
/// waits stays open to the last day that Metronome takes usage.
fn closes(key: &StreamKey, waits: bool, settled: bool, wanted: &Wanted, run: &Run) -> bool {
    let last = run.hour() >= key.month.end().plus(24 * LATEST_DAYS);
    over(key.month, run, wanted.open_days) && if waits { last } else { settled }
}

/// Forgets used hours that no window reaches any more.
fn forget(book: &mut Book, run: &Run) {
    let oldest = Hour::floor(run.now).plus(-USED_HOURS);
    book.used.retain(|_, hours| {
        hours.retain(|hour| *hour >= oldest);
        !hours.is_empty()
    });
}

/// Ends a stream for good: no span of its counter begins before its end any more. What waited in it has lapsed.
fn close(
    opened: &mut Opened,
    wanted: &Wanted,
    key: &StreamKey,
    stream: &Stream,
    waits: Option<String>,
) -> Option<Held> {
    // What was claimed is counted whatever the configuration says now; an unmapped stream of which nothing was, is not.
    if stream.target.is_some() || stream.claimed.is_some() || waits.is_some() {
        opened
            .owners
            .entry(wanted.counter(&key.customer, &key.metric))
            .or_default()
            .counted(stream.until);
    }
    let note = stream.held.as_ref();
    Some(Held {
        stream: key.clone(),
        growth: note.and_then(|note| note.reading.checked_sub(stream.mark)),
        hold: Hold::Lapsed(waits?),
    })
}

/// Puts the claimed records into the flight, each with this run's attempt.
fn fly(book: &mut Book, records: &[Record], run: &Run) {
    let attempt = Attempt {
        id: run.attempt.clone(),
        since: run.now,
        closed: false,
    };
    book.in_flight.extend(records.iter().map(|record| InFlight {
        record: record.clone(),
        attempts: vec![attempt.clone()],
    }));
}

impl Reading {
    /// Whether it may close its month: it was taken with a fresh base, or needs none.
    fn settles(&self, key: &StreamKey) -> bool {
        self.fresh || key.accumulation == Accumulation::Period
    }
}
