//! One connection that uses all four marketplaces at once, with one of them away for six hours: the others are on time, and it
//! catches up in one run when it is back.

use billing::Hour;
use chrono::TimeDelta;
use metering::RunSummary;
use platform::FaultKind;
use rust_decimal::Decimal;
use sandbox::faults::{Fault, When};

use crate::laws::{Laws, parked};
use crate::market::{MARKETS, Market};
use crate::scene::{Scene, at};
use crate::seller::{Mode, Seller};
use crate::tally::ends;

const FIRST: &str = "2026-11-20T08:00:00Z";
const HOURS: i64 = 6;

/// Each marketplace's records in a run's summary, by outcome.
fn outcomes(summary: &RunSummary, market: Market) -> Vec<&'static str> {
    let buyers = summary
        .connections
        .iter()
        .flat_map(|connection| &connection.buyers);
    let records = buyers.flat_map(|buyer| &buyer.records);
    let of = records.filter(|record| record.marketplace == market.word());
    of.map(|record| record.outcome).collect()
}

/// What a marketplace bills of the hour before this boundary.
fn billed(scene: &Scene, market: Market, hour: Hour) -> usize {
    let held = market.held(&scene.world).into_iter();
    held.filter(|held| Hour::floor(held.timestamp) == hour.previous())
        .count()
}

/// Everything that a marketplace bills.
fn total(scene: &Scene, market: Market) -> Decimal {
    market.held(&scene.world).iter().map(|held| held.quantity).sum()
}

/// An hour of usage and its run.
async fn hour(scene: &Scene, seller: &Seller, laws: &mut Laws, hour: Hour) -> RunSummary {
    let usage = hour.start() - TimeDelta::minutes(40);
    scene.world.clock.set(hour.start() - TimeDelta::minutes(10));
    seller.uses(scene, &usage.to_rfc3339());
    let summary = seller.hour(scene, &hour.start().to_rfc3339()).await;
    laws.check(scene);
    summary
}

async fn away(down: Market, mode: Mode, fault: Fault) {
    let scene = Scene::at("2026-11-20T07:05:00Z").await;
    let seller = Seller::on(&scene, &MARKETS, mode).await;
    let mut laws = Laws::over(&scene).await;
    let first = Hour::floor(at(FIRST));
    let mut boundary = first;
    scene.world.faults.add(down.fault("away", When::Always, fault));
    for _ in 0..HOURS {
        let summary = hour(&scene, &seller, &mut laws, boundary).await;
        assert_eq!(
            ends(&summary),
            Some(FaultKind::DestinationUnavailable),
            "{down:?} {mode:?}"
        );
        for market in MARKETS.into_iter().filter(|market| *market != down) {
            let outcomes = outcomes(&summary, market);
            assert!(
                !outcomes.is_empty() && outcomes.iter().all(|outcome| *outcome == "delivered"),
                "{market:?} while {down:?} is away: {outcomes:?}"
            );
            assert_eq!(billed(&scene, market, boundary), outcomes.len(), "on time");
        }
        boundary = boundary.next();
    }
    scene.world.faults.clear();
    let summary = hour(&scene, &seller, &mut laws, boundary).await;
    assert_eq!(ends(&summary), None, "{down:?} {mode:?} is back: {summary:?}");
    laws.settled(&scene, &boundary.start().to_rfc3339());
    assert_eq!(parked(&scene), 0);
    assert!(total(&scene, down) > Decimal::ZERO);
}

#[tokio::test(start_paused = true)]
async fn with_one_marketplace_away_for_six_hours_the_others_are_on_time_and_it_catches_up_in_one_run() {
    for down in MARKETS {
        for mode in [Mode::Quantity, Mode::AmountHourly] {
            away(down, mode, Fault::LostBefore).await;
            away(down, mode, Fault::LostAfter).await;
            away(down, mode, down.throttled()).await;
        }
    }
}
