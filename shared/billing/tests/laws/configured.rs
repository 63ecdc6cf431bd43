//! Stories of a configuration that changes: nothing is billed twice, and nothing is lost.

use billing::{AwsBuyer, AwsIdentity, Hold, Hour, Identity, Resolution, Span, Wanted};
use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::invocation::Invocation;
use crate::market::Fault;
use crate::world::{World, at, aws, dec, frac, hour, licence, source, target, terms, wanted};

const START: &str = "2026-11-20T08:00:00Z";

fn images(identity: &Identity) -> Wanted {
    let terms = terms(START, None);
    let images = source(&terms, "images", target("image", "1"));
    wanted(identity, &[terms], &[images])
}

/// Three units an hour from 08:00 to 20:00, and five more that happened at 09:00 and arrive at 15:30.
fn busy() -> World {
    let mut world = World::new(aws());
    world.uses_hourly("images", START, "2026-11-20T20:00:00Z", "3");
    world.uses_late(
        "images",
        hour("2026-11-20T09:00:00Z"),
        "5",
        at("2026-11-20T15:30:00Z"),
    );
    world
}

/// Runs `old` until 12:00 and applies `new` at 12:20, from when both books are run every hour, in both orders.
fn moves(old: &Wanted, new: &Wanted) {
    for new_first in [true, false] {
        let mut world = busy();
        world.run_hourly(old, "2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z");
        let mut left = old.clone();
        left.sources.clear();
        left.effective = hour("2026-11-20T13:00:00Z");
        let mut boundary = hour("2026-11-20T13:00:00Z");
        while boundary <= hour("2026-11-20T20:00:00Z") {
            let time = boundary.start() + TimeDelta::minutes(5);
            let order = if new_first { [new, &left] } else { [&left, new] };
            for wanted in order {
                world.run_at(wanted, time, time);
            }
            boundary = boundary.next();
        }
        let (before, after) = (world.billed(old, "image"), world.billed(new, "image"));
        assert_eq!(before + after, dec("41"), "{before} here and {after} there");
        assert_eq!(before, dec("20"), "until 13:00, and what of it came late");
        assert!(world.parked.is_empty());
    }
}

#[test]
fn a_corrected_region_bills_nothing_twice_and_loses_nothing() {
    moves(
        &images(&licence("l-1", "us-east-1")),
        &images(&licence("l-1", "eu-west-1")),
    );
}

#[test]
fn a_product_code_replaced_by_a_licence_bills_nothing_twice_and_loses_nothing() {
    let code = Identity::Aws(AwsIdentity {
        buyer: AwsBuyer::Account {
            product_code: "product".to_owned(),
            account_id: "123456789012".to_owned(),
        },
        region: "us-east-1".to_owned(),
    });
    moves(&images(&code), &images(&licence("l-1", "us-east-1")));
}

#[test]
fn a_customer_moved_to_another_buyer_is_billed_there_from_the_next_hour() {
    let mut other = images(&licence("l-2", "us-east-1"));
    other.sources[0].span.from = hour("2026-11-20T13:00:00Z");
    moves(&images(&licence("l-1", "us-east-1")), &other);
}

#[test]
fn a_span_that_was_ended_while_it_was_read_is_claimed_no_further() {
    let (old, new) = (
        images(&licence("l-1", "us-east-1")),
        images(&licence("l-2", "us-east-1")),
    );
    let mut world = busy();
    world.run_hourly(&old, "2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z");
    let time = at("2026-11-20T13:05:00Z");
    let mut reading = Invocation::new(&mut world, &old, time, time);
    reading.step(&mut world);
    let mut left = old.clone();
    left.sources.clear();
    left.effective = hour("2026-11-20T12:00:00Z");
    world.run(&left, "2026-11-20T13:06:00Z");
    world.run(&new, "2026-11-20T13:07:00Z");
    reading.finish(&mut world);
    assert_eq!(world.billed(&old, "image"), dec("12"), "until 12:00");
    assert_eq!(world.billed(&new, "image"), dec("3"), "the hour after");
}

#[test]
fn two_applies_at_once_count_a_counter_in_one_book() {
    let (one, two) = (
        images(&licence("l-1", "us-east-1")),
        images(&licence("l-2", "us-east-1")),
    );
    let mut world = busy();
    let time = at("2026-11-20T10:05:00Z");
    let mut runs = [&one, &two].map(|wanted| Invocation::new(&mut world, wanted, time, time));
    while runs.iter().any(|run| !run.done()) {
        for run in &mut runs {
            run.step(&mut world);
        }
    }
    assert_eq!(world.lawful(), Ok(()));
    assert_eq!(
        world.billed(&one, "image") + world.billed(&two, "image"),
        dec("6")
    );
    world.run_hourly(&two, "2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z");
    assert!(
        world
            .held
            .iter()
            .all(|held| matches!(held.hold, Hold::Elsewhere(_)))
    );
    assert_eq!(world.billed(&two, "image"), Decimal::ZERO);
}

#[test]
fn a_connection_deleted_and_applied_again_from_the_start_bills_nothing_again() {
    let first = images(&licence("l-1", "us-east-1"));
    let mut world = busy();
    world.run_hourly(&first, "2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z");
    let mut again = first.clone();
    again.connection = "acme-again".to_owned();
    again.gone.insert("acme".to_owned());
    again.effective = hour("2026-11-20T16:00:00Z");
    world.run_hourly(&again, "2026-11-20T16:00:00Z", "2026-11-20T20:00:00Z");
    assert_eq!(world.billed(&again, "image"), dec("41"));
}

#[test]
fn a_deleted_connections_closed_months_are_not_counted_again() {
    let mut first = images(&licence("l-1", "us-east-1"));
    let mut world = busy();
    world.run_hourly(&first, "2026-11-20T09:00:00Z", "2026-11-20T20:00:00Z");
    world.run(&first, "2026-12-03T00:05:00Z");
    first.connection = "acme-again".to_owned();
    first.open_days = 34;
    world.run_hourly(&first, "2026-12-10T00:00:00Z", "2026-12-10T03:00:00Z");
    assert_eq!(world.billed(&first, "image"), dec("41"));
}

#[test]
fn a_licence_renewed_while_a_record_is_in_flight_is_billed_to_its_end_and_from_its_beginning() {
    let old_terms = terms(START, Some("2026-11-20T12:00:00Z"));
    let new_terms = terms("2026-11-20T12:00:00Z", None);
    let of = |terms: &billing::Terms, name: &str| {
        let images = source(terms, "images", target("image", "1"));
        wanted(
            &licence(name, "us-east-1"),
            std::slice::from_ref(terms),
            &[images],
        )
    };
    let (old, new) = (of(&old_terms, "l-1"), of(&new_terms, "l-2"));
    let mut world = busy();
    world.run_hourly(&old, "2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z");
    let time = at("2026-11-20T12:05:00Z");
    Invocation::new(&mut world, &old, time, time)
        .faults(&[Fault::LostAfter])
        .finish(&mut world);
    assert_eq!(world.book(&old).in_flight.len(), 1);
    for boundary in 13..=20 {
        let time = format!("2026-11-20T{boundary}:05:00Z");
        world.run(&new, &time);
        world.run(&old, &time);
    }
    // What happened at 09:00 and came at 15:30 found 07:00 and before outside, and its own four hours used.
    assert_eq!(world.billed(&old, "image"), dec("12"));
    assert_eq!(
        world
            .parked
            .iter()
            .map(|(_, entry)| entry.record.quantity)
            .sum::<Decimal>(),
        dec("5")
    );
    assert_eq!(world.billed(&new, "image"), dec("24"));
}

#[test]
fn two_renewals_of_one_identity_bill_each_hour_once() {
    let of = [
        terms(START, Some("2026-11-20T12:00:00Z")),
        terms("2026-11-20T12:00:00Z", Some("2026-11-20T16:00:00Z")),
        terms("2026-11-20T16:00:00Z", None),
    ];
    let sources = of
        .each_ref()
        .map(|terms| source(terms, "images", target("image", "1/2")));
    let wanted = wanted(&licence("l-1", "us-east-1"), &of, &sources);
    let mut world = World::new(aws());
    world.uses_hourly("images", START, "2026-11-20T20:00:00Z", "3");
    world.run_hourly(&wanted, "2026-11-20T09:00:00Z", "2026-11-20T20:00:00Z");
    let grown: Vec<String> = world
        .book(&wanted)
        .meters
        .values()
        .map(|meter| meter.grown.to_string())
        .collect();
    assert_eq!(grown, ["6", "6", "6"]);
    assert_eq!(world.billed(&wanted, "image"), dec("18"));
}

#[test]
fn an_unmapped_metric_mapped_on_the_tenth_catches_up_and_lapses_in_words_where_it_is_too_late() {
    let terms = terms("2026-09-01T00:00:00Z", None);
    let mut wanted = wanted(
        &licence("l-1", "us-east-1"),
        std::slice::from_ref(&terms),
        &[source(&terms, "images", None)],
    );
    let mut world = World::new(aws());
    world.uses("images", hour("2026-09-20T10:00:00Z"), "7");
    world.uses("images", hour("2026-10-20T10:00:00Z"), "5");
    world.uses("images", hour("2026-11-05T10:00:00Z"), "2");
    let mut lapsed = Vec::new();
    let mut day = hour("2026-09-21T00:00:00Z");
    while day < hour("2026-11-10T00:00:00Z") {
        world.run_at(&wanted, day.start(), day.start());
        assert!(!world.held.is_empty(), "it is reported as held every time");
        lapsed.extend(
            world
                .held
                .iter()
                .filter(|held| matches!(held.hold, Hold::Lapsed(_)))
                .cloned(),
        );
        day = day.plus(24);
    }
    assert_eq!(lapsed.len(), 1);
    assert_eq!(
        (lapsed[0].growth, lapsed[0].stream.month.to_string()),
        (Some(dec("7")), "2026-09".to_owned())
    );
    assert!(lapsed[0].hold.to_string().contains("unmapped"));
    wanted.sources[0].target = target("image", "1");
    world.run_hourly(&wanted, "2026-11-10T00:00:00Z", "2026-11-10T06:00:00Z");
    assert_eq!(
        world.billed(&wanted, "image"),
        dec("7"),
        "October's and November's"
    );
}

#[test]
fn a_misspelt_dimension_blocks_its_meter_across_a_months_end_and_then_bills_all() {
    let mut wanted = images(&licence("l-1", "us-east-1"));
    wanted.sources[0].target = target("imgae", "1");
    let mut world = World::new(aws());
    world.market.unknown.insert("imgae".to_owned());
    world.uses_hourly("images", START, "2026-12-11T00:00:00Z", "1");
    let mut day = hour("2026-11-20T10:00:00Z");
    while day < hour("2026-12-10T10:00:00Z") {
        world.run_at(&wanted, day.start(), day.start());
        assert_eq!(world.parked.len(), 1, "marks are not burnt");
        day = day.plus(24);
    }
    assert!(
        world
            .held
            .iter()
            .any(|held| matches!(held.hold, Hold::Blocked(_)))
    );
    wanted.sources[0].target = target("image", "1");
    let to = Some("image".to_owned());
    world.resolve(&Resolution::NotAccepted { to }, at("2026-12-10T10:30:00Z"));
    world.run_hourly(&wanted, "2026-12-10T11:00:00Z", "2026-12-11T00:00:00Z");
    let used = hour("2026-12-11T00:00:00Z").since(hour(START));
    assert_eq!(world.billed(&wanted, "image"), Decimal::from(used));
    assert_eq!(world.total(&wanted, "imgae", |meter| &meter.grown), frac("0"));
    assert!(
        world
            .book(&wanted)
            .streams
            .keys()
            .all(|key| key.month.to_string() == "2026-12")
    );
}

#[test]
fn a_metric_put_back_begins_a_new_span_and_its_absence_is_not_billed() {
    let mut wanted = images(&licence("l-1", "us-east-1"));
    let whole = wanted.sources.clone();
    let mut world = World::new(aws());
    world.uses_hourly("images", START, "2026-11-20T20:00:00Z", "3");
    world.run_hourly(&wanted, "2026-11-20T09:00:00Z", "2026-11-20T11:00:00Z");
    wanted.sources.clear();
    wanted.effective = hour("2026-11-20T12:00:00Z");
    world.run_hourly(&wanted, "2026-11-20T12:00:00Z", "2026-11-20T15:00:00Z");
    wanted.sources = whole;
    wanted.effective = hour("2026-11-20T16:00:00Z");
    wanted.sources[0].span = Span {
        from: wanted.effective,
        until: Hour::ceil(at("2100-01-01T00:00:00Z")),
    };
    world.run_hourly(&wanted, "2026-11-20T16:00:00Z", "2026-11-20T20:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("24"), "08 to 12 and 16 to 20");
}

#[test]
fn a_changed_factor_holds_for_what_grows_after_it() {
    let mut wanted = images(&licence("l-1", "us-east-1"));
    let mut world = World::new(aws());
    world.uses_hourly("images", START, "2026-11-20T12:00:00Z", "3");
    world.run_hourly(&wanted, "2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z");
    wanted.sources[0].target = target("image", "10");
    world.run_hourly(&wanted, "2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z");
    assert_eq!(world.billed(&wanted, "image"), dec("66"));
}
