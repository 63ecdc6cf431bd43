//! What a run is asked for: an hour to come, a connection that is not there or not to be touched, and no trace.

use platform::FaultKind;
use sandbox::faults::{Fault, Rule, When};

use super::{FIRST, FRESH, Pair, SECOND};
use crate::tally::ends;

#[tokio::test(start_paused = true)]
async fn an_hour_that_has_not_come_is_refused_and_nobody_is_asked() {
    let pair = Pair::metered().await;
    let (requests, items) = (pair.scene.world.requests(), pair.scene.items());
    let fault = pair.scene.run(SECOND).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Misconfigured);
    assert!(
        fault.message.contains("2026-11-20T16:00:00Z has not come yet"),
        "{fault}"
    );
    assert_eq!(
        (pair.scene.world.requests(), pair.scene.items()),
        (requests, items)
    );
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_there_is_named_and_no_other_is_run() {
    let pair = Pair::metered().await;
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T16:00:30Z"));
    let items = pair.scene.items();
    let mut order = pair.scene.order(SECOND);
    order.connection = Some("acne\u{1b}[2J".to_owned());
    let fault = metering::run(&pair.scene.deps, &order).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Misconfigured);
    assert!(
        fault.message.contains("there is no connection `acne\\u{1b}[2J`"),
        "{fault}"
    );
    assert_eq!(pair.scene.items(), items);
}

#[tokio::test(start_paused = true)]
async fn one_connection_asked_for_is_the_only_one_run() {
    let pair = Pair::metered().await;
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T16:00:30Z"));
    let mut order = pair.scene.order(SECOND);
    order.connection = Some("zeta".to_owned());
    let summary = metering::run(&pair.scene.deps, &order).await.unwrap();
    assert_eq!(ends(&summary), None);
    pair.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_is_not_reported_by_itself_is_left_alone_until_an_operator_runs_it() {
    let pair = Pair::metered().await;
    let quiet = pair
        .acme
        .file()
        .replace("billing_mode", "auto_report = false\nbilling_mode");
    pair.scene.apply(&quiet).await;
    let of_acme = |items: &std::collections::BTreeMap<(String, String), serde_json::Value>| {
        let ours = items
            .iter()
            .filter(|((pk, sk), _)| format!("{pk}{sk}").contains("acme"));
        ours.map(|(key, item)| (key.clone(), item.clone()))
            .collect::<Vec<_>>()
    };
    let before = of_acme(&pair.scene.items());
    let summary = pair.scene.hour(SECOND).await;
    assert_eq!(ends(&summary), None);
    assert_eq!(summary.connections.len(), 1, "acme is not even named");
    assert_eq!(of_acme(&pair.scene.items()), before);
    pair.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
        .await;

    let mut order = pair.scene.order(SECOND);
    (order.connection, order.by_hand) = (Some("acme".to_owned()), true);
    assert_eq!(
        ends(&metering::run(&pair.scene.deps, &order).await.unwrap()),
        None
    );
    pair.states("6 owed, 6 billed", "6 owed, 6 billed").await;
}

/// With records in flight, growth to claim, a month's streams and a run's log to write: none of it is.
#[tokio::test(start_paused = true)]
async fn a_dry_run_writes_no_item_of_any_kind_and_sends_nothing() {
    let pair = Pair::metered().await;
    pair.scene
        .world
        .faults
        .add(Rule::new("lost", When::Always, Fault::LostBefore).on_operation("BatchMeterUsage"));
    pair.scene.hour(SECOND).await;
    pair.scene.world.faults.clear();
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T16:40:00Z"));
    pair.uses("2026-11-20T16:10:00Z");
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T18:00:30Z"));

    let before = (
        pair.scene.items(),
        pair.scene.world.metering.counts(),
        pair.scene.world.dynamodb.counts().writes(),
    );
    let mut order = pair.scene.order(FRESH);
    order.dry_run = true;
    let summary = metering::run(&pair.scene.deps, &order).await.unwrap();
    let after = (
        pair.scene.items(),
        pair.scene.world.metering.counts(),
        pair.scene.world.dynamodb.counts().writes(),
    );
    assert!(before == after, "a dry run leaves no trace");
    assert_eq!(ends(&summary), None);
    let document = serde_json::to_value(&summary).unwrap();
    assert_eq!(document["dry_run"], true);
    let records = document["connections"][0]["buyers"][0]["records"]
        .as_array()
        .unwrap();
    assert_eq!(
        (records.len(), &records[0]["outcome"], &records[0]["quantity"]),
        (1, &"planned".into(), &"1".into())
    );

    // What was planned is then what is done, beside what was in flight.
    assert_eq!(ends(&pair.scene.run(FRESH).await.unwrap()), None);
    pair.states("9 owed, 9 billed", "9 owed, 9 billed").await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_before_any_claim_writes_nothing_either() {
    let pair = Pair::with(|file| file).await;
    pair.uses("2026-11-20T14:10:00Z");
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T15:00:30Z"));
    let before = pair.scene.items();
    let mut order = pair.scene.order(FIRST);
    order.dry_run = true;
    let summary = metering::run(&pair.scene.deps, &order).await.unwrap();
    assert_eq!(ends(&summary), None);
    assert_eq!(pair.scene.items(), before);
    let planned: usize = summary
        .connections
        .iter()
        .flat_map(|one| &one.buyers)
        .map(|buyer| buyer.records.len())
        .sum();
    assert_eq!(planned, 4);
}
