//! What reviews have found, each mended and stated.

use std::collections::BTreeMap;

use billing::{
    Accumulation, Book, Hold, Opening, Outcome, Reading, Readings, Record, Run, StreamKey, Wanted,
    place_owed, plan, to_read,
};
use rust_decimal::Decimal;

use crate::world::{World, at, aws, dec, hour, licence, source, target, terms, wanted};

fn run(time: &str) -> Run {
    Run {
        at: at(time),
        now: at(time),
        attempt: format!("run {time}"),
    }
}

fn reading(through: &str, value: &str, opening: Option<&str>) -> Reading {
    Reading {
        through: hour(through),
        value: Some(dec(value)),
        base: None,
        fresh: true,
        opening: opening.map(dec),
        carried: None,
    }
}

/// Plans with this reading of the book's only stream that counts up to now.
fn read(book: &Book, wanted: &Wanted, time: &str, value: &str, opening: Option<&str>) -> billing::Plan {
    let asked = to_read(book, &BTreeMap::new(), wanted, &run(time));
    let key: StreamKey = asked.last().unwrap().key.clone();
    let readings = Readings {
        streams: [(key, Ok(reading(time, value, opening)))].into(),
        ..Readings::default()
    };
    plan(book, &BTreeMap::new(), wanted, &readings, &aws(), &run(time))
}

fn images(metric_target: Option<billing::Target>) -> Wanted {
    let terms = terms("2026-11-01T00:00:00Z", None);
    let images = source(&terms, "images", metric_target);
    wanted(&licence("l-1", "us-east-1"), &[terms], &[images])
}

fn billed(plan: &billing::Plan) -> Decimal {
    plan.records.iter().map(|record| record.quantity).sum()
}

#[test]
fn a_part_before_the_span_that_reads_low_once_known_bills_nothing_too_much() {
    let mut wanted = images(target("image", "1"));
    wanted.sources[0].accumulation = Accumulation::Period;
    wanted.sources[0].span.from = hour("2026-11-10T00:00:00Z");
    let first = read(
        &Book::new(wanted.destination.clone()),
        &wanted,
        "2026-11-10T05:00:00Z",
        "100",
        Some("60"),
    );
    assert_eq!(billed(&first), dec("40"));
    let stream = first.book.streams.values().next().unwrap();
    assert_eq!(
        stream.opening,
        Some(Opening::Before(hour("2026-11-10T00:00:00Z")))
    );
    // A stale page: the part before the span is partial, the whole is not.
    let stale = read(&first.book, &wanted, "2026-11-10T06:00:00Z", "101", Some("10"));
    assert_eq!(billed(&stale), dec("1"));
}

#[test]
fn growth_that_waited_is_named_when_the_configuration_takes_its_stream_away() {
    let wanted = images(None);
    let waits = read(
        &Book::new(wanted.destination.clone()),
        &wanted,
        "2026-11-10T05:00:00Z",
        "7",
        None,
    );
    assert_eq!(waits.held[0].hold, Hold::Unmapped);
    let mut without = wanted.clone();
    without.sources.clear();
    let gone = plan(
        &waits.book,
        &BTreeMap::new(),
        &without,
        &Readings::default(),
        &aws(),
        &run("2026-11-10T06:00:00Z"),
    );
    assert_eq!((gone.held.len(), gone.held[0].growth), (1, Some(dec("7"))));
    assert!(matches!(gone.held[0].hold, Hold::GivenUp(_)), "{:?}", gone.held);
    assert!(gone.book.streams.is_empty());
}

#[test]
fn what_is_owed_is_placed_though_nothing_can_be_read() {
    let wanted = images(target("image", "1"));
    let claimed = read(
        &Book::new(wanted.destination.clone()),
        &wanted,
        "2026-11-10T05:00:00Z",
        "7",
        None,
    );
    let record: &Record = &claimed.records[0];
    let mut book = claimed.book.clone();
    let learned = [billing::Learned {
        record: record.id.clone(),
        answers: vec![billing::Answer::Refused(billing::Refusal::Later(
            "throttled".to_owned(),
        ))],
    }];
    let entries = billing::settle(
        &mut book,
        &claimed_by(&claimed),
        &learned,
        at("2026-11-10T05:01:00Z"),
    );
    assert_eq!(entries[0].outcome, Outcome::Returned);
    let placed = place_owed(&book, &aws(), &run("2026-11-10T06:00:00Z"));
    assert_eq!(billed(&placed), dec("7"));
    assert_eq!(
        placed.book.streams, book.streams,
        "nothing was read, so no mark moves"
    );
    assert_eq!(placed.book.check(), Ok(()));
}

#[test]
fn unit_hours_that_give_way_to_a_value_for_the_period_are_counted_to_the_days_end() {
    let terms = terms("2026-11-01T00:00:00Z", None);
    let counted = |accumulation: Accumulation| {
        let mut seats = source(&terms, "seats", target("seat", "1"));
        seats.accumulation = accumulation;
        wanted(
            &licence("l-1", "us-east-1"),
            std::slice::from_ref(&terms),
            &[seats],
        )
    };
    let mut world = World::new(aws());
    world.uses_hourly("seats", "2026-11-10T08:00:00Z", "2026-11-11T12:00:00Z", "3");
    let hours = counted(Accumulation::Hours);
    world.run_hourly(&hours, "2026-11-10T09:00:00Z", "2026-11-10T18:00:00Z");
    let mut period = counted(Accumulation::Period);
    period.effective = hour("2026-11-10T19:00:00Z");
    world.run_hourly(&period, "2026-11-10T19:00:00Z", "2026-11-11T00:00:00Z");
    assert_eq!(
        world.billed(&period, "seat"),
        dec("48"),
        "three in each of sixteen hours"
    );
    assert_eq!(
        world.owners.values().next().unwrap().1.counted_until,
        Some(hour("2026-11-11T00:00:00Z"))
    );
}

fn claimed_by(plan: &billing::Plan) -> String {
    plan.book.in_flight[0].attempts[0].id.clone()
}
