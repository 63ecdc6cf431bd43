//! Stories of hours, spans and months, each with its figures.

use std::collections::BTreeMap;

use billing::{Accumulation, Book, Hold, Outcome, Reading, Readings, Resolution, Run, Wanted, plan, to_read};
use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::market::Fault;
use crate::world::{Mood, World, at, aws, dec, frac, hour, licence, source, target, terms, wanted};

/// One licence, one summed metric, a unit a piece.
fn images(starts_at: &str, ends_at: Option<&str>) -> Wanted {
    let terms = terms(starts_at, ends_at);
    let images = source(&terms, "images", target("image", "1"));
    wanted(&licence("l-1", "us-east-1"), &[terms], &[images])
}

#[test]
fn the_first_run_five_hours_after_the_start_bills_those_five() {
    let wanted = images("2026-11-20T05:00:00Z", None);
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T00:00:00Z", "2026-11-20T10:00:00Z", "3");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(world.market.held.len(), 1);
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T09:00:00Z"),
        dec("15")
    );
}

#[test]
fn an_entitlement_that_ends_at_ten_is_billed_to_ten() {
    let wanted = images("2026-11-20T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T00:00:00Z", "2026-11-20T14:00:00Z", "3");
    world.run_hourly(&wanted, "2026-11-20T01:00:00Z", "2026-11-20T15:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("30"));
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T09:00:00Z"),
        dec("3")
    );
    assert!(
        world
            .market
            .held
            .values()
            .all(|stored| stored.timestamp < at("2026-11-20T10:00:00Z"))
    );
}

#[test]
fn late_units_after_the_last_hour_was_used_find_a_free_hour_before_it() {
    let wanted = images("2026-11-19T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z", "3");
    world.run_hourly(&wanted, "2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z");
    world.uses_late(
        "images",
        hour("2026-11-20T09:00:00Z"),
        "4",
        at("2026-11-20T11:30:00Z"),
    );
    world.run_hourly(&wanted, "2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("10"));
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T07:00:00Z"),
        dec("4")
    );
}

#[test]
fn november_reported_after_an_outage_lands_in_november() {
    let wanted = images("2026-11-01T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-30T00:00:00Z", "2026-12-01T02:00:00Z", "1");
    world.run_hourly(&wanted, "2026-11-30T01:00:00Z", "2026-11-30T12:00:00Z");
    world.run(&wanted, "2026-12-01T02:05:00Z");
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-30T23:00:00Z"),
        dec("12")
    );
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-12-01T01:00:00Z"),
        dec("2")
    );
    assert_eq!(world.billed(&wanted, "image"), dec("26"));
}

#[test]
fn late_november_after_six_on_the_first_is_billed_in_december() {
    let wanted = images("2026-11-01T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-30T22:00:00Z"), "5");
    // The marketplace takes November until 06:00; a quarter of an hour before, none of it is planned any more.
    world.run(&wanted, "2026-12-01T05:50:00Z");
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-12-01T04:00:00Z"),
        dec("5")
    );
}

#[test]
fn a_subscription_deprovisioned_at_a_minute_past_is_flushed_inside_its_entitlement() {
    let mut wanted = images("2026-11-20T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T08:00:00Z", "2026-11-20T11:00:00Z", "3");
    world.run(&wanted, "2026-11-20T10:00:30Z");
    wanted.terms[0].ends_at = Some(at("2026-11-20T10:01:00Z"));
    wanted.sources[0].span.until = hour("2026-11-20T11:00:00Z");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("9"));
    let last = world.market.held.values().last().unwrap();
    assert_eq!(
        (last.timestamp, last.quantity),
        (at("2026-11-20T10:00:59Z"), dec("3"))
    );
}

#[test]
fn usage_after_the_flush_with_no_hour_left_is_parked() {
    let wanted = images("2026-11-20T09:00:00Z", Some("2026-11-20T10:00:00Z"));
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "3");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    world.uses_late(
        "images",
        hour("2026-11-20T09:00:00Z"),
        "2",
        at("2026-11-20T11:30:00Z"),
    );
    world.run(&wanted, "2026-11-20T12:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("3"));
    assert_eq!(world.parked.len(), 1);
    assert_eq!(world.parked[0].1.record.quantity, dec("2"));
}

#[test]
fn more_than_the_marketplaces_integer_waits_for_the_next_hours() {
    let wanted = images("2026-11-20T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "5000000000");
    world.run_hourly(&wanted, "2026-11-20T10:00:00Z", "2026-11-20T13:00:00Z");
    let quantities: Vec<String> = world
        .market
        .held
        .values()
        .map(|stored| stored.quantity.to_string())
        .collect();
    assert_eq!(quantities, ["2147483647", "2147483647", "705032706"]);
}

#[test]
fn what_is_included_is_used_first_and_what_is_unused_ends_with_its_entitlement() {
    let mut first = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    first.included.insert("image".to_owned(), frac("100"));
    let mut second = terms("2026-11-20T10:00:00Z", None);
    second.included.insert("image".to_owned(), frac("20"));
    let sources = [&first, &second].map(|terms| source(terms, "images", target("image", "1")));
    let wanted = wanted(&licence("l-1", "us-east-1"), &[first, second], &sources);
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-20T05:00:00Z", "2026-11-20T15:00:00Z", "10");
    world.run_hourly(&wanted, "2026-11-20T06:00:00Z", "2026-11-20T15:00:00Z");
    // 50 of the first hundred are never used; 20 of the second term's 50 are free.
    assert_eq!(world.billed(&wanted, "image"), dec("30"));
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T11:00:00Z"),
        Decimal::ZERO
    );
    assert_eq!(
        world.billed_in(&wanted, "image", "2026-11-20T12:00:00Z"),
        dec("10")
    );
}

#[test]
fn ten_seats_an_hour_for_thirty_days_are_7200_unit_hours() {
    let mut wanted = images("2026-11-01T00:00:00Z", None);
    wanted.sources[0].accumulation = Accumulation::Hours;
    let mut world = World::new(aws());
    world.uses_hourly("images", "2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z", "10");
    world.run_hourly(&wanted, "2026-11-01T01:00:00Z", "2026-12-01T00:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("7200"));
    assert_eq!(world.market.held.len(), 720);
}

#[test]
fn what_a_period_counted_before_its_span_is_not_billed() {
    let mut wanted = images("2026-11-01T00:00:00Z", None);
    wanted.sources[0].accumulation = Accumulation::Period;
    wanted.sources[0].span.from = hour("2026-11-10T00:00:00Z");
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-05T00:00:00Z"), "60");
    world.uses("images", hour("2026-11-10T05:00:00Z"), "40");
    world.run_hourly(&wanted, "2026-11-10T01:00:00Z", "2026-11-10T07:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("40"));
    // Usage from before that comes late moves both, and is not billed either.
    world.uses("images", hour("2026-11-06T00:00:00Z"), "9");
    world.run(&wanted, "2026-11-10T08:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("40"));
}

#[test]
fn what_apply_has_fixed_of_a_period_is_where_its_mark_begins() {
    let mut wanted = images("2026-11-01T00:00:00Z", None);
    wanted.sources[0].accumulation = Accumulation::Period;
    wanted.sources[0].span.from = hour("2026-11-10T03:00:00Z");
    wanted.sources[0].opening = Some(dec("75"));
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-05T00:00:00Z"), "75");
    world.uses("images", hour("2026-11-10T05:00:00Z"), "25");
    world.run_hourly(&wanted, "2026-11-10T04:00:00Z", "2026-11-10T07:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("25"));
}

#[test]
fn a_month_closes_only_by_a_fresh_reading() {
    let wanted = images("2026-11-01T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "3");
    world.run(&wanted, "2026-11-30T23:05:00Z");
    let open = |world: &World| {
        let streams = world.book(&wanted).streams;
        streams
            .keys()
            .filter(|key| key.month.to_string() == "2026-11")
            .count()
    };
    let time = at("2026-12-03T01:05:00Z");
    let mut void = Invocation::new(&mut world, &wanted, time, time);
    void.mood = Mood::Void;
    void.finish(&mut world);
    assert_eq!(open(&world), 1, "it was not read");
    world.uses_late(
        "images",
        hour("2026-11-30T09:00:00Z"),
        "4",
        at("2026-12-03T01:30:00Z"),
    );
    world.run(&wanted, "2026-12-03T02:05:00Z");
    assert_eq!(open(&world), 0);
    assert_eq!(world.billed(&wanted, "image"), dec("7"));
    world.uses_late(
        "images",
        hour("2026-11-30T09:00:00Z"),
        "5",
        at("2026-12-03T02:30:00Z"),
    );
    world.run_hourly(&wanted, "2026-12-03T03:00:00Z", "2026-12-03T08:00:00Z");
    assert_eq!(
        world.billed(&wanted, "image"),
        dec("7"),
        "later than the open days"
    );
}

#[test]
fn a_month_does_not_close_by_a_reading_on_a_kept_base() {
    let wanted = images("2026-11-01T00:00:00Z", None);
    for (fresh, open) in [(false, 1), (true, 0)] {
        let run = Run {
            at: at("2026-12-03T01:05:00Z"),
            now: at("2026-12-03T01:05:00Z"),
            attempt: "run-1".to_owned(),
        };
        let (book, owners) = (Book::new(wanted.destination.clone()), BTreeMap::new());
        let asked = to_read(&book, &owners, &wanted, &run);
        let november = asked
            .into_iter()
            .find(|ask| ask.key.month.to_string() == "2026-11")
            .unwrap();
        let reading = Reading {
            through: november.through,
            value: Some(dec("3")),
            base: None,
            fresh,
            opening: None,
            carried: None,
        };
        let readings = Readings {
            streams: [(november.key.clone(), Ok(reading))].into(),
            ..Readings::default()
        };
        let planned = plan(&book, &owners, &wanted, &readings, &aws(), &run);
        let kept = planned.book.streams.keys().filter(|key| **key == november.key);
        assert_eq!(kept.count(), open);
    }
}

#[test]
fn more_open_days_for_a_month_that_has_closed_bill_nothing_again() {
    let mut wanted = images("2026-11-01T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "3");
    world.run(&wanted, "2026-11-20T10:05:00Z");
    world.run(&wanted, "2026-12-03T00:05:00Z");
    wanted.open_days = 34;
    world.run_hourly(&wanted, "2026-12-03T01:00:00Z", "2026-12-03T08:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("3"));
}

#[test]
fn growth_above_its_limit_waits_and_a_release_lets_exactly_that_growth_pass() {
    let mut wanted = images("2026-11-20T00:00:00Z", None);
    wanted.sources[0].target.as_mut().unwrap().hold_above = Some(dec("100"));
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T08:00:00Z"), "500");
    world.run(&wanted, "2026-11-20T09:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), Decimal::ZERO);
    assert_eq!(world.held[0].growth, Some(dec("500")));
    let (_, book) = world.books.values_mut().next().unwrap();
    let stream = book.streams.values_mut().next().unwrap();
    stream.released_to = stream.held.as_ref().map(|note| note.reading);
    let mut more = world.clone();
    world.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("500"));
    // Had it grown further by more than the limit, the release would not cover that.
    more.uses("images", hour("2026-11-20T09:00:00Z"), "101");
    more.run(&wanted, "2026-11-20T10:05:00Z");
    assert_eq!(more.billed(&wanted, "image"), Decimal::ZERO);
    assert_eq!(more.held[0].hold, Hold::AboveLimit(dec("100")));
}

#[test]
fn a_lost_answer_and_a_marketplace_away_for_25_hours_are_billed_once_or_parked() {
    let wanted = images("2026-11-20T00:00:00Z", None);
    let mut world = World::new(aws());
    world.uses("images", hour("2026-11-20T09:00:00Z"), "6");
    let mut time = at("2026-11-20T10:05:00Z");
    Invocation::new(&mut world, &wanted, time, time)
        .faults(&[Fault::LostAfter])
        .finish(&mut world);
    for _ in 0..25 {
        time += TimeDelta::hours(1);
        Invocation::new(&mut world, &wanted, time, time)
            .faults(&[Fault::LostBefore])
            .finish(&mut world);
        assert_eq!(world.lawful(), Ok(()));
    }
    assert_eq!(world.billed(&wanted, "image"), dec("6"));
    assert_eq!(world.parked.len(), 1);
    world.resolve(&Resolution::Accepted, time);
    assert_eq!(world.total(&wanted, "image", |meter| &meter.delivered), frac("6"));
    assert_eq!(world.trail.last().unwrap().outcome, Outcome::Delivered);
}
