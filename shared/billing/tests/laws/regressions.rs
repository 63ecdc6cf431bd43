//! What has gone wrong once.

use std::collections::BTreeMap;

use billing::{
    Accumulation, Answer, Book, Fraction, Hold, Hour, Learned, Outcome, Reading, Readings, Refusal,
    Resolution, Run, Source, Wanted, note_attempt, plan, settle, to_read,
};
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::world::{Mood, World, at, aws, dec, frac, hour, licence, source, target, terms, wanted};

fn run(time: &str) -> Run {
    Run {
        at: at(time),
        now: at(time),
        attempt: format!("run-{time}"),
    }
}

/// Plans one book on the same value for every stream.
fn planned(book: &Book, wanted: &Wanted, time: &str, value: &str) -> Book {
    let run = run(time);
    let owners = BTreeMap::new();
    let readings = to_read(book, &owners, wanted, &run).into_iter().map(|ask| {
        let reading = Reading {
            through: ask.through,
            value: Some(dec(value)),
            base: None,
            fresh: true,
            opening: None,
            carried: None,
        };
        (ask.key, Ok(reading))
    });
    let readings = Readings {
        streams: readings.collect(),
        ..Readings::default()
    };
    plan(book, &owners, wanted, &readings, &aws(), &run).book
}

fn images() -> Wanted {
    let terms = terms("2026-11-01T00:00:00Z", None);
    let images = source(&terms, "images", target("image", "1"));
    wanted(&licence("l-1", "us-east-1"), &[terms], &[images])
}

#[test]
fn growth_is_exact_where_a_decimal_would_round_it() {
    let wanted = images();
    let book = Book::new(wanted.destination.clone());
    let book = planned(&book, &wanted, "2026-11-20T10:05:00Z", "0.0000000001");
    let book = planned(&book, &wanted, "2026-11-20T11:05:00Z", "100000000000000000000");
    let grown = &book.meters.values().next().unwrap().grown;
    assert_eq!(*grown, frac("100000000000000000000"), "never over");
}

#[test]
fn a_month_that_closes_after_its_conversion_was_taken_out_is_not_billed_again_when_it_is_put_back() {
    let mut wanted = images();
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-28T10:00:00Z"), "100");
    world.run(&wanted, "2026-11-28T11:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("100"));
    let mapped = wanted.sources[0].target.take();
    world.run(&wanted, "2026-11-29T11:05:00Z");
    world.run(&wanted, "2026-12-03T00:05:00Z");
    wanted.sources[0].target = mapped;
    world.run(&wanted, "2026-12-10T00:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("100"), "once");
}

#[test]
fn an_end_within_a_second_leaves_the_timestamp_in_its_own_hour() {
    let terms = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00.500Z"));
    let images = source(&terms, "images", target("image", "1"));
    let wanted = wanted(&licence("l-1", "us-east-1"), &[terms], &[images]);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "5");
    world.run(&wanted, "2026-11-20T10:00:00Z");
    world.uses("images", hour("2026-11-20T10:00:00Z"), "2");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T09:00:00Z"),
        dec("5")
    );
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T10:00:00Z"),
        dec("2")
    );
}

#[test]
fn what_no_hour_can_take_is_parked_under_a_new_id_each_time() {
    let terms = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let images = source(&terms, "images", target("image", "1"));
    let wanted = wanted(&licence("l-1", "us-east-1"), &[terms], &[images]);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "6442450941");
    world.run(&wanted, "2026-11-21T12:05:00Z");
    world.run(&wanted, "2026-11-21T13:05:00Z");
    world.run(&wanted, "2026-11-21T14:05:00Z");
    assert_eq!(world.parked.len(), 3, "three times the largest record");
    world.resolve(&Resolution::NotAccepted { to: None }, at("2026-11-21T14:30:00Z"));
    world.run(&wanted, "2026-11-21T15:05:00Z");
    let mut ids: Vec<&str> = world
        .trail
        .iter()
        .filter(|entry| entry.outcome == Outcome::Parked)
        .map(|entry| entry.record.id.as_str())
        .collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), 4);
}

#[test]
fn an_included_quantity_that_is_taken_out_is_free_no_more() {
    let mut wanted = images();
    wanted.terms[0].included.insert("image".to_owned(), frac("10"));
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "4");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), Decimal::ZERO);
    wanted.terms[0].included.clear();
    world.run(&wanted, "2026-11-20T11:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("4"));
}

#[test]
fn a_stream_that_nobody_can_read_any_more_lapses_in_words_on_the_last_day() {
    let wanted = images();
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "4");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    let void = |world: &mut World, time: &str| {
        let mut invocation = Invocation::new(world, &wanted, at(time), at(time));
        invocation.mood = Mood::Void;
        invocation.finish(world);
        let november = |key: &&billing::StreamKey| key.month.to_string() == "2026-11";
        world.book(&wanted).streams.keys().filter(november).count()
    };
    assert_eq!(void(&mut world, "2027-01-03T23:05:00Z"), 1);
    assert_eq!(void(&mut world, "2027-01-04T00:05:00Z"), 0);
    let lapsed =
        |held: &&billing::Held| matches!(&held.hold, Hold::Lapsed(why) if why.contains("two values"));
    assert_eq!(world.held.iter().filter(lapsed).count(), 1);
}

#[test]
fn an_attempt_noted_again_after_it_was_closed_is_open_again() {
    let wanted = images();
    let book = Book::new(wanted.destination.clone());
    let mut book = planned(&book, &wanted, "2026-11-20T10:05:00Z", "3");
    let now = at("2026-11-20T10:06:00Z");
    note_attempt(&mut book, &aws(), "other", now);
    let learned = [Learned {
        record: book.in_flight[0].record.id.clone(),
        answers: vec![Answer::Refused(Refusal::Later("throttled".to_owned()))],
    }];
    let first = book.in_flight[0].attempts[0].id.clone();
    assert!(settle(&mut book, &first, &learned, now).is_empty());
    note_attempt(&mut book, &aws(), &first, now);
    assert!(
        settle(&mut book, "other", &learned, now).is_empty(),
        "the first is sending again"
    );
    assert!(book.in_flight[0].open());
}

#[test]
fn a_claim_gives_up_no_more_counters_than_its_transaction_has_room_for() {
    let terms = terms("2026-11-01T00:00:00Z", None);
    let metric = |number: usize| source(&terms, &format!("m{number:03}"), target("image", "1"));
    let sources: Vec<Source> = (0..100).map(metric).collect();
    let mut wanted = wanted(
        &licence("l-1", "us-east-1"),
        std::slice::from_ref(&terms),
        &sources,
    );
    let mut world = World::new(aws());
    for time in ["10", "11", "12"] {
        world.run(&wanted, &format!("2026-11-20T{time}:05:00Z"));
    }
    let (owned, book) = (&world.owners, world.book(&wanted));
    assert_eq!(
        owned.values().filter(|(_, owner)| owner.book.is_some()).count(),
        100
    );
    wanted.sources.clear();
    wanted.effective = hour("2026-11-20T13:00:00Z");
    let owners = owned
        .iter()
        .map(|(counter, (_, owner))| (counter.clone(), owner.clone()));
    let run = run("2026-11-20T13:05:00Z");
    let plan = plan(
        &book,
        &owners.collect(),
        &wanted,
        &Readings::default(),
        &aws(),
        &run,
    );
    assert!(plan.more);
    assert!(
        plan.owners.len() <= 40,
        "{} owners in one claim",
        plan.owners.len()
    );
    for time in ["13", "14", "15"] {
        world.run(&wanted, &format!("2026-11-20T{time}:05:00Z"));
    }
    assert!(world.owners.values().all(|(_, owner)| owner.book.is_none()));
}

#[test]
fn a_span_that_does_not_begin_with_its_month_waits_until_the_part_before_it_is_read() {
    let mut wanted = images();
    wanted.sources[0].accumulation = Accumulation::Period;
    wanted.sources[0].span.from = Hour::floor(at("2026-11-10T00:00:00Z"));
    let book = Book::new(wanted.destination.clone());
    // The reading comes without its opening.
    let book = planned(&book, &wanted, "2026-11-20T10:05:00Z", "70");
    let grown: Vec<&Fraction> = book.meters.values().map(|meter| &meter.grown).collect();
    assert!(grown.is_empty(), "{grown:?} of it may have been before the span");
}
