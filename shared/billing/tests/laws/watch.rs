//! Who watches a random play, and knows what each law says of it.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Book, Fraction, Held, MeterKey, Span, StreamKey, Target, Wanted};
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::world::{Mood, World};

type Law = Result<(), String>;

/// What the books should say, gathered from the side: from every reading that a run took, and every mark that moved.
#[derive(Clone, Debug, Default)]
pub(crate) struct Watch {
    /// The largest reading of each stream.
    largest: BTreeMap<(String, StreamKey), Decimal>,
    /// The growth of each meter, converted by the factor that was in force.
    grown: BTreeMap<(String, MeterKey), Fraction>,
    /// The hours that each stream was claimed for.
    counted: BTreeMap<(String, StreamKey), Span>,
    /// The mark of each stream when it was last seen.
    marks: BTreeMap<(String, StreamKey), Decimal>,
    /// Streams whose month is closed for good.
    closed: BTreeSet<(String, StreamKey)>,
    monotone: Option<String>,
}

impl Watch {
    /// Takes in what one step of a run has written: `before` and `after` are its book.
    pub(crate) fn saw(&mut self, before: &Book, after: &Book, run: &Invocation, held: &[Held]) {
        let name = after.destination.identity.to_string();
        for (key, reading) in run.readings() {
            let value = reading
                .as_ref()
                .ok()
                .and_then(|reading| reading.value)
                .unwrap_or_default();
            let largest = self.largest.entry((name.clone(), key.clone())).or_default();
            *largest = value.max(*largest);
        }
        for (key, stream) in &after.streams {
            let mark = before
                .streams
                .get(key)
                .map_or(Decimal::ZERO, |stream| stream.mark);
            self.moved(&name, key, mark, stream.mark, stream.target.clone());
            if let Some(claimed) = stream.claimed {
                self.counted
                    .insert((name.clone(), key.clone()), key.span(claimed));
            }
        }
        // A stream whose month closed has grown in the same claim, unless it was held to the last.
        for (key, reading) in run.readings() {
            let held = held.iter().any(|held| held.stream == *key);
            let over = run.run.hour() >= key.month.end().plus(24 * i64::from(run.wanted.open_days));
            let Ok(reading) = reading else { continue };
            if after.streams.contains_key(key)
                || held
                || !over
                || self.closed.contains(&(name.clone(), key.clone()))
            {
                continue;
            }
            let known = before.streams.get(key);
            let mark = known.map_or(Decimal::ZERO, |stream| stream.mark);
            let value = reading.value.unwrap_or_default().max(mark);
            let target = known.and_then(|stream| stream.target.clone());
            let target = wants(&run.wanted, key).unwrap_or(target);
            if target.is_some() || value > Decimal::ZERO {
                self.closed.insert((name.clone(), key.clone()));
            }
            self.moved(&name, key, mark, value, target);
            if value > Decimal::ZERO {
                let claimed = known.and_then(|stream| stream.claimed).unwrap_or(reading.through);
                self.counted.insert(
                    (name.clone(), key.clone()),
                    key.span(claimed.max(reading.through)),
                );
            }
        }
    }

    fn moved(&mut self, name: &str, key: &StreamKey, from: Decimal, to: Decimal, target: Option<Target>) {
        let last = self
            .marks
            .insert((name.to_owned(), key.clone()), to)
            .unwrap_or(from);
        if to < last {
            self.monotone = Some(format!("the mark of {key} went from {last} to {to}"));
        }
        if let Some(target) = target.filter(|_| to > from) {
            let meter = MeterKey {
                entitlement: key.entitlement,
                dimension: target.dimension,
            };
            let growth = Fraction::from(to) - &Fraction::from(from);
            *self.grown.entry((name.to_owned(), meter)).or_default() += &growth.times(&target.factor);
        }
    }

    /// Per meter: growth, each converted at its claim, less included = delivered + in flight + parked + owed + written off.
    pub(crate) fn conservation(&self, world: &World) -> Law {
        for (name, (_, book)) in &world.books {
            book.check().map_err(|unbalanced| unbalanced.to_string())?;
            for (key, meter) in &book.meters {
                let grown = self
                    .grown
                    .get(&(name.clone(), key.clone()))
                    .cloned()
                    .unwrap_or_default();
                if grown != meter.grown {
                    return Err(format!(
                        "{key} says that it has grown {}, it has {grown}",
                        meter.grown
                    ));
                }
            }
        }
        Ok(())
    }

    /// The growth claimed from a stream never exceeds the largest reading that it has had.
    pub(crate) fn never_over(&self, _world: &World) -> Law {
        for (key, mark) in &self.marks {
            let largest = self.largest.get(key).copied().unwrap_or_default();
            if *mark > largest {
                return Err(format!(
                    "{} was claimed to {mark}, its largest reading is {largest}",
                    key.1
                ));
            }
        }
        Ok(())
    }

    /// The marketplace never holds one quantity in two records, and no hour of a counter is counted in two spans.
    pub(crate) fn once(&self, world: &World) -> Law {
        world.lawful()?;
        let spans: Vec<_> = self.counted.iter().collect();
        for (index, ((book, key), span)) in spans.iter().enumerate() {
            for ((other_book, other), other_span) in spans.iter().skip(index + 1) {
                if key.metric == other.metric && !span.meet(**other_span).is_empty() {
                    return Err(format!(
                        "{key} of {book} and {other} of {other_book} share {span} and {other_span}"
                    ));
                }
            }
        }
        Ok(())
    }

    /// Marks never move back.
    pub(crate) fn monotone(&self, _world: &World) -> Law {
        self.monotone.clone().map_or(Ok(()), Err)
    }

    /// After a run without faults: everything shown is delivered or named, but for less than a unit or more than a record.
    pub(crate) fn nothing_lost(world: &World, run: &Invocation, held: &[StreamKey]) -> Law {
        let book = world.book(&run.wanted);
        if let Some(flight) = book.in_flight.first() {
            return Err(format!("{flight:?} is still in flight"));
        }
        let owners = world.owners.iter();
        let owners = owners.map(|(counter, (_, owner))| (counter.clone(), owner.clone()));
        for ask in billing::to_read(&book, &owners.collect(), &run.wanted, &run.run) {
            let shown = world
                .read(&ask, run.run.now, Mood::Exact)?
                .value
                .unwrap_or_default();
            let mark = book
                .streams
                .get(&ask.key)
                .map_or(Decimal::ZERO, |stream| stream.mark);
            if shown > mark && !held.contains(&ask.key) {
                return Err(format!(
                    "{} shows {shown}, its mark is {mark}, and nothing is held",
                    ask.key
                ));
            }
        }
        for (key, meter) in &book.meters {
            let full = world.trail.iter().any(|entry| {
                entry.record.meter == *key
                    && entry.by == run.run.attempt
                    && entry.record.quantity == world.market.rules.unit.max
            });
            if meter.owed >= Fraction::one() && meter.blocked.is_none() && !full {
                return Err(format!("{key} owes {}", meter.owed));
            }
        }
        Ok(())
    }
}

/// What the configuration says of a stream's conversion; none where it does not speak of it.
fn wants(wanted: &Wanted, key: &StreamKey) -> Option<Option<Target>> {
    let same = |source: &&billing::Source| source.customer == key.customer && source.metric == key.metric;
    wanted
        .sources
        .iter()
        .find(same)
        .map(|source| source.target.clone())
}
