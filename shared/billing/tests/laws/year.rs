//! A year of hours at awkward rates is exact to the last unit.

use billing::{Fraction, MeterKey};
use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::world::{World, at, aws, hour, licence, source, target, terms, wanted};

const HOURS: i64 = 8_760;

/// Usage of an hour: awkward in size and in places.
fn amount(index: i64) -> Decimal {
    Decimal::new((index * 7_919 + 1) % 100_003, u32::try_from(index % 8).unwrap())
}

/// Runs every hour of 2026 and holds what was billed and what is owed against the converted growth, for each factor.
fn a_year_at(factors: &[&str]) {
    let terms = terms("2026-01-01T00:00:00Z", None);
    let sources: Vec<_> = factors
        .iter()
        .enumerate()
        .map(|(index, factor)| source(&terms, &format!("m{index}"), target(&format!("d{index}"), factor)))
        .collect();
    let wanted = wanted(&licence("l-1", "us-east-1"), &[terms], &sources);
    let mut world = World::new(aws());
    let start = hour("2026-01-01T00:00:00Z");
    let mut used = Fraction::zero();
    for index in 0..HOURS {
        used += &amount(index).into();
        for source in &sources {
            world.uses(&source.metric, start.plus(index), &amount(index).to_string());
        }
        let time = start.plus(index).end() + TimeDelta::minutes(5);
        crate::invocation::Invocation::new(&mut world, &wanted, time, time).finish(&mut world);
    }
    assert_eq!(world.lawful(), Ok(()));
    let book = world.book(&wanted);
    for (index, factor) in factors.iter().enumerate() {
        let dimension = format!("d{index}");
        let meter = &book.meters[&MeterKey {
            entitlement: at("2026-01-01T00:00:00Z"),
            dimension: dimension.clone(),
        }];
        let converted = used.times(&factor.parse().unwrap());
        let billed = Fraction::from(world.billed(&wanted, &dimension));
        assert_eq!(
            billed, meter.delivered,
            "× {factor}: what the book says was delivered"
        );
        assert_eq!(
            billed.clone() + &meter.owed,
            converted,
            "× {factor}: billed + owed"
        );
        let unit = Fraction::one();
        let waits =
            converted > Fraction::from(world.market.rules.unit.max).times(&Decimal::from(HOURS).into());
        assert!(waits || meter.owed < unit, "× {factor}: {} owed", meter.owed);
    }
}

#[test]
fn a_year_of_thirds_and_of_bytes_is_exact_to_the_last_unit() {
    a_year_at(&["1/3", "1/1024", "1/3600"]);
}

#[test]
fn a_year_at_the_smallest_and_the_largest_rate_is_exact_to_the_last_unit() {
    a_year_at(&["1/10000000", "1000000000000000", "22/7"]);
}

#[test]
fn a_third_a_thousand_times_is_333_and_a_third() {
    let terms = terms("2026-01-01T00:00:00Z", None);
    let third = source(&terms, "thirds", target("whole", "1/3"));
    let wanted = wanted(&licence("l-1", "us-east-1"), &[terms], &[third]);
    let mut world = World::new(aws());
    let start = hour("2026-01-01T00:00:00Z");
    for index in 0..1_000 {
        world.uses("thirds", start.plus(index), "1");
        let time = start.plus(index).end() + TimeDelta::minutes(5);
        world.run_at(&wanted, time, time);
    }
    assert_eq!(world.billed(&wanted, "whole"), Decimal::from(333));
    assert_eq!(
        world.total(&wanted, "whole", |meter| &meter.owed),
        "1/3".parse().unwrap()
    );
}
