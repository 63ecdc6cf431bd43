//! The laws of the design as properties, each by its name, over random usage, conversions, spans, attempts, answers, replays
//! and orders. `PROPTEST_CASES` scales them.

use billing::Hour;
use chrono::TimeDelta;
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::play::{Op, Play, amounts, ops};
use crate::watch::Watch;
use crate::world::{UNREADABLE, World, target};

/// Plays the operations and asks `law` after each.
fn holds(
    ops: &[Op],
    duplicates: bool,
    law: fn(&Watch, &World) -> Result<(), String>,
) -> Result<(), TestCaseError> {
    let mut play = Play::new(duplicates);
    for op in ops {
        play.act(op);
        law(&play.watch, &play.world).map_err(TestCaseError::fail)?;
    }
    Ok(())
}

/// What is wrong with one metric of a book.
#[derive(Clone, Copy, Debug)]
enum Poison {
    Unmapped,
    Misspelt,
    Foreign,
    AboveLimit,
    Unreadable,
}

fn poisons() -> impl Strategy<Value = Poison> {
    prop::sample::select(vec![
        Poison::Unmapped,
        Poison::Misspelt,
        Poison::Foreign,
        Poison::AboveLimit,
        Poison::Unreadable,
    ])
}

/// What is billed of the second metric, hour by hour, while the first is poisoned.
fn neighbour(poison: Option<Poison>, usage: &[(usize, Decimal)]) -> Vec<(Hour, Decimal)> {
    let mut play = Play::new(false);
    play.wanted[0].sources[1].target = target("d1", "5/2");
    let identity = play.wanted[0].destination.identity.to_string();
    let first = &mut play.wanted[0].sources[0];
    match poison {
        Some(Poison::Unmapped) => first.target = None,
        Some(Poison::Misspelt) => {
            play.world.market.unknown.insert("d0".to_owned());
        }
        Some(Poison::AboveLimit) => {
            first.target.as_mut().unwrap().hold_above = Some(Decimal::ZERO);
        }
        Some(Poison::Unreadable) => first.metric = UNREADABLE.to_owned(),
        Some(Poison::Foreign) | None => {}
    }
    for (metric, amount) in usage {
        let hour = Hour::floor(play.now);
        if matches!(poison, Some(Poison::Foreign)) {
            let foreign = Decimal::from(7);
            play.world.market.plant(&identity, "d0", hour, foreign);
        }
        play.world
            .uses_late(&format!("m{metric}"), hour, &amount.to_string(), play.now);
        play.now += TimeDelta::hours(1);
        play.world.run_at(&play.wanted[0], play.now, play.now);
    }
    let held = play.world.market.held.into_iter();
    held.filter(|((_, dimension, _), _)| dimension == "d1")
        .map(|((_, _, hour), stored)| (hour, stored.quantity))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn conservation(ops in ops(), duplicates: bool) {
        holds(&ops, duplicates, Watch::conservation)?;
    }

    #[test]
    fn never_over(ops in ops(), duplicates: bool) {
        holds(&ops, duplicates, Watch::never_over)?;
    }

    #[test]
    fn once(ops in ops(), duplicates: bool) {
        holds(&ops, duplicates, Watch::once)?;
    }

    #[test]
    fn monotone(ops in ops(), duplicates: bool) {
        holds(&ops, duplicates, Watch::monotone)?;
    }

    #[test]
    fn nothing_lost(ops in ops(), duplicates: bool) {
        let mut play = Play::new(duplicates);
        for op in &ops {
            play.act(op);
        }
        play.heal().map_err(TestCaseError::fail)?;
    }

    #[test]
    fn isolation(poison in poisons(), usage in prop::collection::vec((0_usize..2, amounts()), 1..40)) {
        let healthy = neighbour(None, &usage);
        let poisoned = neighbour(Some(poison), &usage);
        prop_assert_eq!(healthy, poisoned, "what is billed in the other dimension");
    }
}
