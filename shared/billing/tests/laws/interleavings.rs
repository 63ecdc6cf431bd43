//! Two runs at once, step by step in every order that chance makes: none bills twice.

use billing::Wanted;
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::invocation::{Broken, Invocation};
use crate::market::Fault;
use crate::world::{World, at, aws, dec, hour, licence, source, target, terms, wanted};

/// SplitMix64 (Steele, Lea and Flood, 2014): the same seed, the same world.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// One time in `n`.
    fn once_in(&mut self, n: u64) -> bool {
        self.next().is_multiple_of(n)
    }

    fn fault(&mut self) -> Fault {
        match self.next() % 6 {
            0 => Fault::LostBefore,
            1 => Fault::LostAfter,
            2 | 3 => Fault::Later,
            _ => Fault::Clean,
        }
    }
}

/// What the interleavings have seen, so that a test which never meets the hard cases fails.
#[derive(Debug, Default)]
struct Seen {
    crashes: u64,
    conflicts: u64,
    returned: u64,
    unproven: u64,
    shared: u64,
}

impl Seen {
    fn add(&mut self, other: &Self) {
        self.crashes += other.crashes;
        self.conflicts += other.conflicts;
        self.returned += other.returned;
        self.unproven += other.unproven;
        self.shared += other.shared;
    }
}

/// One meter and two hours, with usage and a correction that arrive between the two runs.
struct Scene {
    world: World,
    wanted: Wanted,
    first: DateTime<Utc>,
    after: DateTime<Utc>,
}

impl Scene {
    fn new() -> Self {
        let terms = terms("2026-11-20T08:00:00Z", None);
        let images = source(&terms, "images", target("image", "3/2"));
        let mut world = World::new(aws());
        let late = at("2026-11-20T10:30:00Z");
        world.uses("images", hour("2026-11-20T09:00:00Z"), "7");
        world.uses_late("images", hour("2026-11-20T09:00:00Z"), "4", late);
        world.uses_late("images", hour("2026-11-20T08:00:00Z"), "-2", late);
        Self {
            world,
            wanted: wanted(&licence("l-1", "us-east-1"), &[terms], &[images]),
            first: at("2026-11-20T10:05:00Z"),
            after: at("2026-11-20T12:05:00Z"),
        }
    }
}

/// Plays one interleaving of two runs, then lets one whole run heal what they left, and holds the laws against it all.
fn play(scene: &Scene, seed: u64, broken: Broken, seen: &mut Seen) -> Result<(), String> {
    let mut chance = Chance(seed);
    let mut world = scene.world.clone();
    world.market.answers_duplicate = chance.once_in(2);
    let overlapping = chance.once_in(2);
    let wanted = &scene.wanted;
    let first = scene.first;
    let second = if overlapping {
        first + TimeDelta::hours(1)
    } else {
        first + TimeDelta::minutes(1)
    };
    let mut runs = [first, second].map(|time| {
        let mut run = Invocation::new(&mut world, wanted, time, time);
        run.faults = (0..chance.next() % 4).map(|_| chance.fault()).collect();
        run.requests = if chance.once_in(2) { 1 } else { 2 };
        run.broken = broken;
        run
    });
    let mut checked = (0, 0);
    while let Some(run) = {
        let live: Vec<usize> = (0..2).filter(|index| !runs[*index].done()).collect();
        let turn = chance.next() % 2;
        let pick = live.get(usize::from(turn == 1)).or(live.first()).copied();
        pick.map(|index| &mut runs[index])
    } {
        if chance.once_in(40) {
            run.crash();
            seen.crashes += 1;
        } else {
            run.step(&mut world);
        }
        let now = (world.writes, world.market.requests);
        if now != checked {
            checked = now;
            world.lawful()?;
            let flights = world.books.values().flat_map(|(_, book)| &book.in_flight);
            seen.shared += u64::from(flights.into_iter().any(|flight| flight.attempts.len() > 1));
        }
    }
    seen.conflicts += runs.iter().map(|run| run.conflicts).sum::<u64>();
    let mut run = Invocation::new(&mut world, wanted, scene.after, scene.after);
    run.broken = broken;
    run.finish(&mut world);
    world.lawful()?;
    for entry in &world.trail {
        seen.returned += u64::from(entry.outcome == billing::Outcome::Returned);
        seen.unproven += u64::from(entry.outcome == billing::Outcome::DeliveredUnproven);
    }
    // A run of the first hour may have claimed 7 before the correction brought the sum to 9: 13.5 of it, or less. All is
    // delivered by now, once.
    let billed = world.billed(wanted, "image");
    if billed != dec("13") {
        return Err(format!("{billed} billed for 13.5 used"));
    }
    let meter = world.book(wanted).meters.into_values().next().ok_or("no meter")?;
    if meter.owed != "1/2".parse().map_err(|_| "half")? || meter.delivered != Decimal::from(13).into() {
        return Err(format!("{meter:?}"));
    }
    Ok(())
}

/// The first of `seeds` whose interleaving breaks a law, and what it broke.
fn caught(broken: Broken, seeds: std::ops::Range<u64>) -> Option<(u64, String)> {
    let scene = Scene::new();
    let mut seen = Seen::default();
    seeds.into_iter().find_map(|seed| {
        play(&scene, seed, broken, &mut seen)
            .err()
            .map(|breach| (seed, breach))
    })
}

#[test]
fn no_interleaving_of_two_runs_bills_twice_or_loses_anything() {
    const WORKERS: u64 = 2;
    const EACH: u64 = 50_000;
    let seen: Vec<Seen> = std::thread::scope(|scope| {
        let work = |worker: u64| {
            let scene = Scene::new();
            let mut seen = Seen::default();
            for seed in worker * EACH..(worker + 1) * EACH {
                if let Err(breach) = play(&scene, seed, Broken::Nothing, &mut seen) {
                    panic!("seed {seed}: {breach}");
                }
            }
            seen
        };
        let workers: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || work(worker)))
            .collect();
        workers.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    let mut all = Seen::default();
    for one in &seen {
        all.add(one);
    }
    println!("{} interleavings: {all:?}", WORKERS * EACH);
    for (what, times) in [
        ("crashes", all.crashes),
        ("conflicts", all.conflicts),
        ("returned records", all.returned),
        ("unproven deliveries", all.unproven),
        ("records with two attempts", all.shared),
    ] {
        assert!(times > 1_000, "only {times} {what}");
    }
}

#[test]
fn a_lost_answer_taken_for_a_refusal_is_caught_billing_twice() {
    assert!(caught(Broken::BlindResend, 0..500).is_some());
}

#[test]
fn a_refusal_that_ignores_the_other_attempt_is_caught_billing_twice() {
    assert!(caught(Broken::OthersIgnored, 0..2_000).is_some());
}

#[test]
fn an_answer_that_settles_another_runs_claim_is_caught() {
    assert!(caught(Broken::AttemptUnnamed, 0..5_000).is_some());
}

#[test]
fn sending_without_a_noted_attempt_is_caught() {
    assert!(caught(Broken::Unnoted, 0..5_000).is_some());
}

#[test]
fn writing_a_book_whatever_its_version_is_caught() {
    assert!(caught(Broken::Unconditional, 0..500).is_some());
}
