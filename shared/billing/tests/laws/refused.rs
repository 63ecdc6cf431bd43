//! Stories of answers: refused, lost, late and foreign.

use billing::{Answer, Book, Learned, Outcome, Receipt, Refusal, Wanted, expire, note_attempt, settle};
use chrono::{DateTime, TimeDelta, Utc};
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::market::Fault;
use crate::world::{Mood, World, at, aws, dec, frac, hour, licence, source, target, terms, wanted};

fn images() -> Wanted {
    let terms = terms("2026-11-20T00:00:00Z", None);
    let images = source(&terms, "images", target("image", "1"));
    wanted(&licence("l-1", "us-east-1"), &[terms], &[images])
}

/// Six units at 09:00.
fn six() -> World {
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "6");
    world
}

/// A book with one record of six in flight, claimed at 10:05 by the attempt `run-1`.
fn flying() -> Book {
    let mut world = six();
    let time = at("2026-11-20T10:05:00Z");
    Invocation::new(&mut world, &images(), time, time).claim(&mut world);
    world.book(&images())
}

fn learned(book: &Book, answers: &[Answer]) -> [Learned; 1] {
    [Learned {
        record: book.in_flight[0].record.id.clone(),
        answers: answers.to_vec(),
    }]
}

fn later() -> Answer {
    Answer::Refused(Refusal::Later("throttled".to_owned()))
}

#[test]
fn a_record_claimed_again_at_its_hour_and_quantity_is_not_settled_by_the_old_runs_late_answer() {
    let wanted = images();
    let mut world = six();
    let time = at("2026-11-20T10:05:00Z");
    let mut old = Invocation::new(&mut world, &wanted, time, time).faults(&[Fault::Later]);
    old.send(&mut world);
    let mut late = old.clone();
    old.finish(&mut world);
    let refused = world.trail[0].record.clone();
    assert_eq!(world.trail[0].outcome, Outcome::Returned);
    let mut new = Invocation::new(&mut world, &wanted, time, time).faults(&[Fault::LostAfter]);
    new.finish(&mut world);
    assert_eq!(
        world.book(&wanted).in_flight[0].record,
        refused,
        "the very same record"
    );
    late.finish(&mut world);
    assert_eq!(world.book(&wanted).in_flight.len(), 1);
    world.run(&wanted, "2026-11-20T11:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("6"));
    assert_eq!(world.total(&wanted, "image", |meter| &meter.delivered), frac("6"));
}

#[test]
fn when_its_window_has_closed_a_record_is_owed_again_if_every_attempt_is_closed() {
    let mut book = flying();
    let closed = learned(&book, &[]);
    assert!(settle(&mut book, "run-1", &closed, at("2026-11-20T10:06:00Z")).is_empty());
    let in_time = at("2026-11-21T09:59:00Z");
    assert!(expire(&mut book, &aws(), "run-2", in_time - TimeDelta::minutes(1)).is_empty());
    let entries = expire(&mut book, &aws(), "run-2", in_time + TimeDelta::minutes(1));
    assert_eq!(entries[0].outcome, Outcome::Returned);
    assert_eq!(book.meters.values().next().unwrap().owed, frac("6"));
    assert!(book.used["image"].is_empty(), "its hour is free");
    assert_eq!(book.check(), Ok(()));
}

#[test]
fn when_its_window_has_closed_a_record_with_an_open_attempt_is_parked_once_that_can_no_longer_be_alive() {
    let mut book = flying();
    let noted = at("2026-11-21T10:00:00Z");
    note_attempt(&mut book, &aws(), "run-2", noted);
    assert!(
        expire(&mut book, &aws(), "run-3", noted + TimeDelta::minutes(14)).is_empty(),
        "it may be sending"
    );
    let entries = expire(&mut book, &aws(), "run-3", noted + TimeDelta::minutes(15));
    assert_eq!(entries[0].outcome, Outcome::Parked);
    assert!(
        book.used["image"].contains(&hour("2026-11-20T09:00:00Z")),
        "its hour stays used"
    );
    assert_eq!(book.check(), Ok(()));
}

#[test]
fn a_record_goes_back_only_when_every_attempt_is_closed() {
    let now = at("2026-11-20T10:06:00Z");
    let mut book = flying();
    note_attempt(&mut book, &aws(), "run-2", now);
    let refused = learned(&book, &[later()]);
    assert!(settle(&mut book, "run-1", &refused, now).is_empty());
    assert_eq!(
        settle(&mut book, "run-2", &refused, now)[0].outcome,
        Outcome::Returned
    );
    assert_eq!(book.check(), Ok(()));
}

#[test]
fn a_refusal_after_a_lost_answer_closes_nothing() {
    let now = at("2026-11-20T10:06:00Z");
    for answers in [
        [Answer::Unknown("5xx".to_owned()), later()],
        [later(), Answer::Unknown("5xx".to_owned())],
    ] {
        let mut book = flying();
        let learned = learned(&book, &answers);
        assert!(settle(&mut book, "run-1", &learned, now).is_empty());
        assert!(book.in_flight[0].open());
    }
}

/// What one answer to the first request makes of the record.
fn judged(answers: &[Answer]) -> Outcome {
    let mut book = flying();
    let learned = learned(&book, answers);
    let entries = settle(&mut book, "run-1", &learned, at("2026-11-20T10:06:00Z"));
    assert_eq!(book.check(), Ok(()));
    entries[0].outcome
}

#[test]
fn a_duplicate_is_ours_by_its_quantity_or_by_an_unanswered_request_and_else_a_discrepancy() {
    let told = |quantity: &str| Answer::Duplicate {
        stored: Some(dec(quantity)),
    };
    let untold = Answer::Duplicate { stored: None };
    let lost = Answer::Unknown("timed out".to_owned());
    assert_eq!(judged(&[told("6.00")]), Outcome::Delivered);
    assert_eq!(judged(&[told("5")]), Outcome::Parked);
    assert_eq!(judged(&[lost.clone(), told("5")]), Outcome::Parked);
    assert_eq!(judged(&[lost, untold.clone()]), Outcome::DeliveredUnproven);
    assert_eq!(judged(&[later(), untold.clone()]), Outcome::Parked);
    assert_eq!(judged(&[untold]), Outcome::Parked);
    assert_eq!(
        judged(&[later(), Answer::Accepted(Receipt { id: "r".to_owned() })]),
        Outcome::Delivered
    );
}

#[test]
fn a_foreign_record_in_our_hour_is_a_discrepancy_and_never_delivery() {
    for quantity in ["1", "6"] {
        let wanted = images();
        let mut world = six();
        world.market.answers_duplicate = true;
        let identity = wanted.destination.identity.to_string();
        world
            .market
            .plant(&identity, "image", hour("2026-11-20T09:00:00Z"), dec(quantity));
        world.run(&wanted, "2026-11-20T10:05:00Z");
        assert_eq!(world.total(&wanted, "image", |meter| &meter.delivered), frac("0"));
        let (_, parked) = &world.parked[0];
        assert!(parked.reason.as_ref().unwrap().contains("discrepancy"));
    }
}

#[test]
fn an_answer_that_was_lost_is_delivered_unproven_where_a_retry_is_called_a_duplicate() {
    for (duplicate, outcome) in [(true, Outcome::DeliveredUnproven), (false, Outcome::Delivered)] {
        let wanted = images();
        let mut world = six();
        world.market.answers_duplicate = duplicate;
        let time = at("2026-11-20T10:05:00Z");
        Invocation::new(&mut world, &wanted, time, time)
            .faults(&[Fault::LostAfter])
            .finish(&mut world);
        world.run(&wanted, "2026-11-20T11:05:00Z");
        assert_eq!(world.trail[0].outcome, outcome);
        assert_eq!(world.billed(&wanted, "image"), dec("6"));
    }
}

#[test]
fn a_crash_after_sending_is_redelivered_the_next_hour() {
    let wanted = images();
    let mut world = six();
    let time = at("2026-11-20T10:05:00Z");
    Invocation::new(&mut world, &wanted, time, time).send(&mut world);
    world.uses("images", hour("2026-11-20T10:00:00Z"), "4");
    world.run(&wanted, "2026-11-20T11:05:00Z");
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T09:00:00Z"),
        dec("6")
    );
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T10:00:00Z"),
        dec("4")
    );
    assert!(world.book(&wanted).in_flight.is_empty());
}

#[test]
fn a_buyer_without_a_subscription_is_billed_in_full_when_it_has_one() {
    let wanted = images();
    let mut world = six();
    let identity = wanted.destination.identity.to_string();
    world.market.unsubscribed.insert(identity);
    world.run_hourly(&wanted, "2026-11-20T10:00:00Z", "2026-11-20T15:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), Decimal::ZERO);
    world.market.unsubscribed.clear();
    world.run(&wanted, "2026-11-20T16:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("6"));
}

/// Runs at `time` in a mood.
fn run_in(world: &mut World, wanted: &Wanted, time: DateTime<Utc>, mood: Mood) {
    let mut run = Invocation::new(world, wanted, time, time);
    run.mood = mood;
    run.finish(world);
    assert_eq!(world.lawful(), Ok(()));
}

#[test]
fn stale_low_and_void_readings_bill_nothing_twice_and_heal_at_the_next_run() {
    let wanted = images();
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T00:00:00Z", "2026-11-21T00:00:00Z", "4");
    let moods = [Mood::Exact, Mood::Stale(5), Mood::Low, Mood::Void];
    let mut time = at("2026-11-20T01:05:00Z");
    for mood in moods.iter().cycle().take(23) {
        run_in(&mut world, &wanted, time, *mood);
        time += TimeDelta::hours(1);
    }
    assert!(world.billed(&wanted, "image") <= dec("92"));
    run_in(&mut world, &wanted, time, Mood::Exact);
    assert_eq!(world.billed(&wanted, "image"), dec("96"));
}

#[test]
fn a_refused_configuration_blocks_its_meter_and_a_release_bills_what_waited() {
    let wanted = images();
    let mut world = six();
    world.market.unknown.insert("image".to_owned());
    world.run(&wanted, "2026-11-20T10:05:00Z");
    world.uses("images", hour("2026-11-20T10:00:00Z"), "4");
    world.run(&wanted, "2026-11-20T11:05:00Z");
    let waits = world.held.iter().map(|held| held.growth).collect::<Vec<_>>();
    assert_eq!(waits, [Some(dec("4"))]);
    world.market.unknown.clear();
    let (_, book) = world.books.values_mut().next().unwrap();
    book.meters.values_mut().for_each(|meter| meter.blocked = None);
    world.resolve(
        &billing::Resolution::NotAccepted { to: None },
        at("2026-11-20T11:30:00Z"),
    );
    world.run_hourly(&wanted, "2026-11-20T12:00:00Z", "2026-11-20T13:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("10"));
}
