//! A random play: usage, runs that overlap, stop and are repeated, a configuration that changes, and people who judge.

use billing::settle::LONGEST_INVOCATION;
use billing::{Hour, Identity, Resolution, StreamKey, Wanted};
use chrono::{DateTime, TimeDelta, Utc};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::market::Fault;
use crate::watch::Watch;
use crate::world::{Mood, World, at, aws, licence, source, target, terms, wanted};

const FACTORS: [&str; 8] = [
    "1/10000000",
    "1/3",
    "1/1024",
    "1/3600",
    "1",
    "5/2",
    "1000",
    "1000000000000000",
];

#[derive(Clone, Debug)]
pub(crate) enum Op {
    /// Usage or a correction of a metric, so many hours ago, shown so many hours late.
    Uses {
        metric: usize,
        ago: i64,
        late: i64,
        amount: Decimal,
    },
    /// So many minutes pass.
    Wait(i64),
    /// An invocation begins, on one of the two books.
    Begin {
        book: usize,
        mood: Mood,
        faults: Vec<Fault>,
        requests: usize,
    },
    /// One of the live invocations takes so many steps.
    Step { which: usize, steps: usize },
    /// One stops for good.
    Crash(usize),
    /// One is doubled: what it does from here is done twice.
    Repeat(usize),
    /// A conversion changes: another factor or dimension, or none.
    Map {
        metric: usize,
        factor: usize,
        dimension: usize,
        mapped: bool,
    },
    /// The free quantity changes.
    Include(u32),
    /// The licence is corrected, there or back: the other book counts from the next hour on.
    Move,
    /// A dimension is unknown to the marketplace, or known again and its meters released.
    Unknown(bool),
    /// A person judges the oldest parked record, by what the marketplace holds.
    Resolve,
}

pub(crate) fn amounts() -> impl Strategy<Value = Decimal> {
    prop_oneof![
        4 => (-50_i64..500, 0_u32..3),
        1 => (0_i64..1_000_000_000_000_000_000, 0_u32..19),
    ]
    .prop_map(|(mantissa, scale)| Decimal::new(mantissa, scale))
}

fn faults() -> impl Strategy<Value = Vec<Fault>> {
    let fault = prop::sample::select(vec![
        Fault::Clean,
        Fault::LostBefore,
        Fault::LostAfter,
        Fault::Later,
    ]);
    prop::collection::vec(fault, 0..5)
}

fn moods() -> impl Strategy<Value = Mood> {
    prop_oneof![
        6 => Just(Mood::Exact),
        1 => (1_i64..30).prop_map(Mood::Stale),
        1 => Just(Mood::Low),
        1 => Just(Mood::Void),
    ]
}

pub(crate) fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => (0_usize..2, 0_i64..20, 0_i64..6, amounts())
            .prop_map(|(metric, ago, late, amount)| Op::Uses { metric, ago, late, amount }),
        3 => (1_i64..10).prop_map(Op::Wait),
        3 => (20_i64..500).prop_map(Op::Wait),
        1 => (1_200_i64..2_400).prop_map(Op::Wait),
        5 => (0_usize..2, moods(), faults(), 1_usize..3)
            .prop_map(|(book, mood, faults, requests)| Op::Begin { book, mood, faults, requests }),
        9 => (any::<usize>(), 1_usize..9).prop_map(|(which, steps)| Op::Step { which, steps }),
        1 => any::<usize>().prop_map(Op::Crash),
        1 => any::<usize>().prop_map(Op::Repeat),
        1 => (0_usize..2, 0..FACTORS.len(), 0_usize..2, prop::bool::weighted(0.7))
            .prop_map(|(metric, factor, dimension, mapped)| Op::Map { metric, factor, dimension, mapped }),
        1 => (0_u32..50).prop_map(Op::Include),
        1 => Just(Op::Move),
        1 => any::<bool>().prop_map(Op::Unknown),
        1 => Just(Op::Resolve),
    ];
    prop::collection::vec(op, 1..60)
}

/// A random play over the end of a month: one customer, two metrics, and two books that may count them in turn.
pub(crate) struct Play {
    pub(crate) world: World,
    pub(crate) watch: Watch,
    pub(crate) now: DateTime<Utc>,
    pub(crate) wanted: [Wanted; 2],
    /// Which of the two the configuration names.
    counts: usize,
    live: Vec<Invocation>,
}

impl Play {
    pub(crate) fn new(duplicates: bool) -> Self {
        let books = ["l-1", "l-2"].map(|name| licence(name, "us-east-1"));
        let terms = terms("2026-11-28T00:00:00Z", None);
        let sources = [0, 1].map(|metric| source(&terms, &format!("m{metric}"), target("d0", "1/3")));
        let of = |identity: &Identity| wanted(identity, std::slice::from_ref(&terms), &sources);
        let mut wanted = books.each_ref().map(of);
        wanted[1].sources.clear();
        let mut world = World::new(aws());
        world.market.answers_duplicate = duplicates;
        Self {
            world,
            watch: Watch::default(),
            now: at("2026-11-29T21:55:00Z"),
            wanted,
            counts: 0,
            live: Vec::new(),
        }
    }

    fn step(&mut self, which: usize, steps: usize) {
        for _ in 0..steps {
            let Some(run) = self.live.get_mut(which) else {
                return;
            };
            let before = self.world.book(&run.wanted);
            let writes = self.world.writes;
            run.step(&mut self.world);
            if self.world.writes != writes {
                let after = self.world.book(&run.wanted);
                self.watch.saw(&before, &after, run, &self.world.held);
            }
            if run.done() {
                self.live.remove(which);
                return;
            }
        }
    }

    /// One of the live ones, by a random number.
    fn pick(&self, which: usize) -> Option<usize> {
        which.checked_rem(self.live.len())
    }

    pub(crate) fn act(&mut self, op: &Op) {
        match op {
            Op::Uses {
                metric,
                ago,
                late,
                amount,
            } => {
                let hour = Hour::floor(self.now).plus(-ago);
                let seen = self.now + TimeDelta::hours(*late);
                self.world
                    .uses_late(&format!("m{metric}"), hour, &amount.to_string(), seen);
            }
            Op::Wait(minutes) => {
                self.now += TimeDelta::minutes(*minutes);
                // No invocation lives longer than that.
                let now = self.now;
                self.live.retain(|run| now - run.run.now < LONGEST_INVOCATION);
                self.live.iter_mut().for_each(|run| run.clock = now);
            }
            Op::Begin {
                book,
                mood,
                faults,
                requests,
            } => {
                let mut run = Invocation::new(&mut self.world, &self.wanted[*book], self.now, self.now);
                run.mood = *mood;
                run.requests = *requests;
                run.faults = faults.iter().copied().collect();
                self.live.push(run);
            }
            Op::Step { which, steps } => {
                if let Some(which) = self.pick(*which) {
                    self.step(which, *steps);
                }
            }
            Op::Crash(which) => {
                if let Some(which) = self.pick(*which) {
                    self.live.remove(which);
                }
            }
            Op::Repeat(which) => {
                if let Some(which) = self.pick(*which) {
                    self.live.push(self.live[which].clone());
                }
            }
            Op::Map {
                metric,
                factor,
                dimension,
                mapped,
            } => {
                let to = target(&format!("d{dimension}"), FACTORS[*factor]).filter(|_| *mapped);
                if let Some(source) = self.wanted[self.counts].sources.get_mut(*metric) {
                    source.target = to;
                }
            }
            Op::Include(quantity) => {
                let included = Decimal::from(*quantity).into();
                self.wanted[self.counts].terms[0]
                    .included
                    .insert("d0".to_owned(), included);
            }
            Op::Move => self.moves(),
            Op::Unknown(unknown) => self.unknown(*unknown),
            Op::Resolve => self.resolve(),
        }
    }

    fn moves(&mut self) {
        let sources = std::mem::take(&mut self.wanted[self.counts].sources);
        self.counts = 1 - self.counts;
        self.wanted[self.counts].sources = sources;
        for wanted in &mut self.wanted {
            wanted.effective = Hour::floor(self.now).next();
        }
    }

    fn unknown(&mut self, unknown: bool) {
        if unknown {
            self.world.market.unknown.insert("d1".to_owned());
            return;
        }
        self.world.market.unknown.clear();
        for (version, book) in self.world.books.values_mut() {
            *version += 1;
            book.meters.values_mut().for_each(|meter| meter.blocked = None);
        }
    }

    fn resolve(&mut self) {
        if let Some((name, entry)) = self.world.parked.first() {
            let resolution = if self.world.market.holds(name, &entry.record) {
                Resolution::Accepted
            } else {
                Resolution::NotAccepted { to: None }
            };
            self.world.resolve(&resolution, self.now);
        }
    }

    /// The faults are over: each book has one run with a fresh base and an hour that is free.
    pub(crate) fn heal(&mut self) -> Result<(), String> {
        self.live.clear();
        self.unknown(false);
        // Later than any usage still to be shown, at a boundary where the base is read afresh.
        self.now = Hour::floor(self.now).midnight().plus(36).start() + TimeDelta::minutes(5);
        for book in [1 - self.counts, self.counts] {
            self.live.push(Invocation::new(
                &mut self.world,
                &self.wanted[book],
                self.now,
                self.now,
            ));
            let run = self.live[0].clone();
            let mut held: Vec<StreamKey> = Vec::new();
            while !self.live.is_empty() {
                self.step(0, 1);
                held.extend(self.world.held.iter().map(|held| held.stream.clone()));
            }
            Watch::nothing_lost(&self.world, &run, &held)?;
        }
        Ok(())
    }
}
