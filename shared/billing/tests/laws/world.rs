//! The world that the laws are held against: true usage, the books with their versions, and one marketplace.

use std::collections::{BTreeMap, BTreeSet};

use billing::Source;
use billing::{
    Accumulation, AwsBuyer, AwsIdentity, Base, Book, Counter, Destination, Entry, Fraction, Group, Held,
    Hour, Identity, MonthEnd, Outcome, Owner, Reading, Resolution, Rules, Span, StreamKey, Target, Terms,
    ToRead, Unanswered, Unit, Wanted, resolve,
};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::market::Market;

/// A metric that exists no more.
pub(crate) const UNREADABLE: &str = "unreadable";
pub(crate) const ACCOUNT: &str = "https://api.metronome.test";

pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(crate) fn hour(text: &str) -> Hour {
    Hour::floor(at(text))
}

pub(crate) fn dec(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

pub(crate) fn frac(text: &str) -> Fraction {
    text.parse().unwrap()
}

/// AWS: whole units, 24 hours, six hours into the next month.
pub(crate) fn aws() -> Rules {
    Rules {
        unit: Unit {
            places: 0,
            max: Decimal::from(2_147_483_647),
        },
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Refused(TimeDelta::hours(6)),
        unanswered: Unanswered::Resend,
    }
}

/// An identity: a licence of one account, in a region.
pub(crate) fn licence(name: &str, region: &str) -> Identity {
    Identity::Aws(AwsIdentity {
        buyer: AwsBuyer::License {
            account_id: "123456789012".to_owned(),
            license_arn: format!("arn:aws:license-manager::294406891311:license:{name}"),
        },
        region: region.to_owned(),
    })
}

pub(crate) fn terms(starts_at: &str, ends_at: Option<&str>) -> Terms {
    Terms {
        key: at(starts_at),
        buyer: "globex".to_owned(),
        from: hour(starts_at),
        ends_at: ends_at.map(at),
        included: BTreeMap::new(),
    }
}

pub(crate) fn target(dimension: &str, factor: &str) -> Option<Target> {
    Some(Target {
        dimension: dimension.to_owned(),
        factor: frac(factor),
        hold_above: None,
    })
}

/// A summed metric of customer `c1`, counted over all of the entitlement.
pub(crate) fn source(terms: &Terms, metric: &str, target: Option<Target>) -> Source {
    Source {
        entitlement: terms.key,
        customer: "c1".to_owned(),
        metric: metric.to_owned(),
        group: Group::new(),
        accumulation: Accumulation::Sum,
        span: Span {
            from: terms.from,
            until: terms.ends_at.map_or(hour("2100-01-01T00:00:00Z"), Hour::ceil),
        },
        opening: None,
        target,
    }
}

pub(crate) fn wanted(identity: &Identity, terms: &[Terms], sources: &[Source]) -> Wanted {
    Wanted {
        connection: "acme".to_owned(),
        account: ACCOUNT.to_owned(),
        destination: Destination::of(identity.clone()),
        terms: terms.to_vec(),
        sources: sources.to_vec(),
        amounts: Vec::new(),
        followed: BTreeSet::new(),
        effective: hour("2026-01-01T00:00:00Z"),
        open_days: 2,
        gone: BTreeSet::new(),
    }
}

/// How a run reads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Mood {
    #[default]
    Exact,
    /// Nothing of the last so many hours has arrived yet.
    Stale(i64),
    /// Only half of it.
    Low,
    /// A row with two values.
    Void,
}

/// What is written in one transaction: a book on the version read, and the owners that change with it.
#[derive(Clone, Debug)]
pub(crate) struct Write {
    pub(crate) version: u64,
    pub(crate) book: Book,
    pub(crate) owners: BTreeMap<Counter, (u64, Owner)>,
    pub(crate) entries: Vec<Entry>,
}

type Usage = BTreeMap<(String, String, Hour), Vec<(DateTime<Utc>, Decimal)>>;

#[derive(Clone, Debug)]
pub(crate) struct World {
    usage: Usage,
    pub(crate) books: BTreeMap<String, (u64, Book)>,
    pub(crate) owners: BTreeMap<Counter, (u64, Owner)>,
    pub(crate) market: Market,
    pub(crate) trail: Vec<Entry>,
    /// Parked records that nobody has judged yet, with their book.
    pub(crate) parked: Vec<(String, Entry)>,
    /// What the last plan held.
    pub(crate) held: Vec<Held>,
    pub(crate) invocations: u64,
    pub(crate) writes: u64,
    /// The first law that a write has broken.
    breach: Option<String>,
}

impl World {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            usage: BTreeMap::new(),
            books: BTreeMap::new(),
            owners: BTreeMap::new(),
            market: Market::new(rules),
            trail: Vec::new(),
            parked: Vec::new(),
            held: Vec::new(),
            invocations: 0,
            writes: 0,
            breach: None,
        }
    }

    /// Usage of customer `c1` in an hour, seen as soon as it happens.
    pub(crate) fn uses(&mut self, metric: &str, when: Hour, amount: &str) {
        self.uses_late(metric, when, amount, when.start());
    }

    /// Usage that Metronome shows only from `seen` on.
    pub(crate) fn uses_late(&mut self, metric: &str, when: Hour, amount: &str, seen: DateTime<Utc>) {
        let key = ("c1".to_owned(), metric.to_owned(), when);
        self.usage.entry(key).or_default().push((seen, dec(amount)));
    }

    /// The same amount in each hour of `[from, until)`.
    pub(crate) fn uses_hourly(&mut self, metric: &str, from: &str, until: &str, amount: &str) {
        let mut when = hour(from);
        while when < hour(until) {
            self.uses(metric, when, amount);
            when = when.next();
        }
    }

    fn sum(&self, key: &StreamKey, from: Hour, until: Hour, seen: DateTime<Utc>) -> Option<Decimal> {
        let name = |hour| (key.customer.clone(), key.metric.clone(), hour);
        if until <= from {
            return None;
        }
        self.usage
            .range(name(from)..name(until))
            .flat_map(|(_, events)| events)
            .filter(|(at, _)| *at <= seen)
            .map(|(_, amount)| *amount)
            .reduce(|sum, amount| sum + amount)
    }

    /// One reading, as Metronome shows it at `now`, on the stored base where the design lets it.
    pub(crate) fn read(&self, ask: &ToRead, now: DateTime<Utc>, mood: Mood) -> Result<Reading, String> {
        let key = &ask.key;
        let seen = match mood {
            Mood::Exact if key.metric == UNREADABLE => return Err("404: no such metric".to_owned()),
            Mood::Void => return Err("a row was seen with two values".to_owned()),
            Mood::Stale(hours) => now - TimeDelta::hours(hours),
            Mood::Exact | Mood::Low => now,
        };
        let half = |value: Decimal| {
            if mood == Mood::Low {
                value / Decimal::TWO
            } else {
                value
            }
        };
        let mut reading = Reading {
            through: ask.through,
            value: None,
            base: None,
            fresh: false,
            opening: None,
            carried: None,
        };
        if key.accumulation == Accumulation::Period {
            reading.value = self.sum(key, key.month.first(), ask.through, seen).map(half);
            let before = |until| self.sum(key, key.month.first(), until, seen).unwrap_or_default();
            reading.opening = ask.opening.map(before);
            return Ok(reading);
        }
        let midnight = ask.through.midnight().max(key.from);
        let kept = ask.base.clone().filter(|base| !ask.fresh && base.end == midnight);
        reading.fresh = kept.is_none();
        let base = kept.unwrap_or_else(|| Base {
            end: midnight,
            value: self.sum(key, key.from, midnight, seen).unwrap_or_default(),
            last: None,
            lead: Decimal::ZERO,
        });
        let hours = self.sum(key, midnight, ask.through, seen).unwrap_or_default();
        reading.value = Some(half(base.value + hours));
        reading.base = Some(base);
        Ok(reading)
    }

    pub(crate) fn load(&self, wanted: &Wanted) -> (u64, Book) {
        let name = wanted.destination.identity.to_string();
        self.books
            .get(&name)
            .cloned()
            .unwrap_or_else(|| (0, Book::new(wanted.destination.clone())))
    }

    /// One conditional write; false where somebody else has written since. Every book written is checked.
    pub(crate) fn write(&mut self, write: Write) -> bool {
        let name = write.book.destination.identity.to_string();
        let version = self.books.get(&name).map_or(0, |(version, _)| *version);
        let stale = write.owners.iter().any(|(counter, (version, _))| {
            *version != self.owners.get(counter).map_or(0, |(version, _)| *version)
        });
        if version != write.version || stale {
            return false;
        }
        self.force(write);
        true
    }

    /// Writes whatever the version.
    pub(crate) fn force(&mut self, write: Write) {
        let name = write.book.destination.identity.to_string();
        self.writes += 1;
        if self.breach.is_none() {
            self.breach = self.breaches(&name, &write);
        }
        self.books.insert(name.clone(), (write.version + 1, write.book));
        for (counter, (version, owner)) in write.owners {
            self.owners.insert(counter, (version + 1, owner));
        }
        let parked = write
            .entries
            .iter()
            .filter(|entry| entry.outcome == Outcome::Parked);
        self.parked
            .extend(parked.map(|entry| (name.clone(), entry.clone())));
        self.trail.extend(write.entries);
    }

    /// The law that a write breaks: conservation, or monotone.
    fn breaches(&self, name: &str, write: &Write) -> Option<String> {
        if let Err(unbalanced) = write.book.check() {
            return Some(unbalanced.to_string());
        }
        let twin = write.entries.iter().any(|entry| {
            entry.outcome == Outcome::Parked
                && self
                    .parked
                    .iter()
                    .any(|(_, parked)| parked.record.id == entry.record.id)
        });
        if twin {
            return Some("two parked records have one id".to_owned());
        }
        let (_, before) = self.books.get(name)?;
        let back = before.streams.iter().find(|(key, stream)| {
            write
                .book
                .streams
                .get(*key)
                .is_some_and(|after| after.mark < stream.mark)
        });
        back.map(|(key, _)| format!("the mark of {key} moved back"))
    }

    /// A whole run without a fault, in which the clock shows the event's own time.
    pub(crate) fn run(&mut self, wanted: &Wanted, time: &str) {
        self.run_at(wanted, at(time), at(time));
    }

    pub(crate) fn run_at(&mut self, wanted: &Wanted, time: DateTime<Utc>, now: DateTime<Utc>) {
        Invocation::new(self, wanted, time, now).finish(self);
        assert_eq!(self.lawful(), Ok(()));
    }

    /// A run at five past every hour boundary from `from` through `until`.
    pub(crate) fn run_hourly(&mut self, wanted: &Wanted, from: &str, until: &str) {
        let mut boundary = hour(from);
        while boundary <= hour(until) {
            let time = boundary.start() + TimeDelta::minutes(5);
            self.run_at(wanted, time, time);
            boundary = boundary.next();
        }
    }

    /// A person judges the oldest parked record.
    pub(crate) fn resolve(&mut self, resolution: &Resolution, now: DateTime<Utc>) {
        let (name, entry) = self.parked.remove(0);
        let (version, book) = self.books.get_mut(&name).unwrap();
        let made = resolve(book, &entry, resolution, "asked the marketplace", "operator", now).unwrap();
        *version += 1;
        book.check().unwrap();
        self.trail.push(made);
    }

    pub(crate) fn book(&self, wanted: &Wanted) -> Book {
        self.load(wanted).1
    }

    /// What a book's dimension comes to over all entitlements: what `part` says of each meter.
    pub(crate) fn total(
        &self,
        wanted: &Wanted,
        dimension: &str,
        part: fn(&billing::Meter) -> &Fraction,
    ) -> Fraction {
        let book = self.book(wanted);
        let meters = book.meters.iter().filter(|(key, _)| key.dimension == dimension);
        meters.fold(Fraction::zero(), |sum, (_, meter)| sum + part(meter))
    }

    /// What the marketplace has billed of one dimension of a book.
    pub(crate) fn billed(&self, wanted: &Wanted, dimension: &str) -> Decimal {
        self.market
            .billed(&wanted.destination.identity.to_string(), dimension)
    }

    /// The quantity that the marketplace holds for an hour.
    pub(crate) fn billed_in(&self, wanted: &Wanted, dimension: &str, when: &str) -> Decimal {
        let name = wanted.destination.identity.to_string();
        self.market
            .held
            .get(&(name, dimension.to_owned(), hour(when)))
            .map_or(Decimal::ZERO, |stored| stored.quantity)
    }

    /// Conservation, monotone and once, at this instant and at every write before it: the books add up, marks have never
    /// moved back, and nothing that the marketplace holds of ours is still owed.
    pub(crate) fn lawful(&self) -> Result<(), String> {
        if let Some(breach) = &self.breach {
            return Err(breach.clone());
        }
        for (name, (_, book)) in &self.books {
            let mut accounted: BTreeMap<&str, Fraction> = BTreeMap::new();
            for (key, meter) in &book.meters {
                let sum = accounted.entry(key.dimension.as_str()).or_default();
                *sum += &(book.flying(key) + &meter.delivered + &meter.parked + &meter.written_off);
            }
            for (dimension, accounted) in accounted {
                let billed = Fraction::from(self.market.billed(name, dimension));
                if billed > accounted {
                    return Err(format!("{dimension}: {billed} billed, {accounted} accounted for"));
                }
            }
        }
        Ok(())
    }
}
