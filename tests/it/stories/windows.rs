//! Into which hour a quantity goes, where the nearest is not to be had.

use chrono::Timelike as _;

use super::spans::Calls;
use super::{fine, units};
use crate::scene::at;

#[tokio::test(start_paused = true)]
async fn late_units_after_the_last_hour_was_used_find_a_free_hour_before_it() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls
        .apply(calls.globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T10:00:00Z"]))
        .await;
    calls
        .scene
        .world
        .metering
        .deprovision(&calls.identity(), at("2026-11-20T10:00:00Z"));
    calls.made("2026-11-20T07:10:00Z", "1");
    calls.scene.hour("2026-11-20T08:00:00Z").await;
    calls.made("2026-11-20T09:10:00Z", "20");
    calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T10:25:00Z"));
    calls.made("2026-11-20T09:50:00Z", "300");
    fine(&calls.scene.run("2026-11-20T10:25:00Z").await.unwrap());
    let expected = [("20 07h", "1"), ("20 08h", "300"), ("20 09h", "20")];
    assert_eq!(
        calls.scene.bill("api_calls"),
        expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)))
    );
}

#[tokio::test(start_paused = true)]
async fn november_reported_after_an_outage_at_02_05_on_the_first_lands_in_november() {
    let calls = Calls::at("2026-11-30T07:30:00Z").await;
    calls.apply(calls.globex("2026-11-01T00:00:00Z", &[])).await;
    calls.made("2026-11-30T07:10:00Z", "1");
    calls.scene.hour("2026-11-30T08:00:00Z").await;
    // Nothing runs from here until 02:05 on the 1st.
    calls.made("2026-11-30T09:10:00Z", "20");
    calls.made("2026-11-30T23:59:59Z", "300");
    calls.made("2026-12-01T00:00:00Z", "4000");
    calls.made("2026-12-01T01:30:00Z", "50000");
    calls.scene.world.clock.set(at("2026-12-01T02:05:00Z"));
    fine(&calls.scene.run("2026-12-01T02:00:00Z").await.unwrap());
    let records = calls.scene.world.metering.records();
    let lines: Vec<_> = records
        .iter()
        .map(|record| (record.hour.format("%m-%d %Hh").to_string(), record.quantity))
        .collect();
    let expected = [("11-30 07h", "1"), ("11-30 23h", "320"), ("12-01 01h", "54000")];
    let expected = expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)));
    assert_eq!(lines, expected);
    assert_eq!(calls.bills().await, units("54321"));
}

/// The marketplace takes November until 06:00 on the 1st. What comes later is billed all the same, in December.
#[tokio::test(start_paused = true)]
async fn november_reported_after_the_grace_lands_in_december() {
    let calls = Calls::at("2026-11-30T22:30:00Z").await;
    calls.apply(calls.globex("2026-11-01T00:00:00Z", &[])).await;
    calls.made("2026-11-30T22:10:00Z", "20");
    calls.scene.world.clock.set(at("2026-12-01T06:05:00Z"));
    fine(&calls.scene.run("2026-12-01T06:00:00Z").await.unwrap());
    let records = calls.scene.world.metering.records();
    assert_eq!(records[0].hour, at("2026-12-01T05:00:00Z"));
    assert_eq!(calls.bills().await, units("20"));
}

#[tokio::test(start_paused = true)]
async fn a_subscription_deprovisioned_at_10_01_is_flushed_before_its_window_shuts_at_11_01() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls.apply(calls.globex("2026-11-01T00:00:00Z", &[])).await;
    calls.made("2026-11-20T09:30:00Z", "5");
    calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T10:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T10:02:00Z"));
    calls.made("2026-11-20T10:00:30Z", "60");
    calls.made("2026-11-20T10:01:30Z", "700");
    calls
        .scene
        .world
        .metering
        .deprovision(&calls.identity(), at("2026-11-20T10:01:00Z"));
    calls
        .apply(calls.globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T10:01:00Z"]))
        .await;

    calls.scene.world.clock.set(at("2026-11-20T10:30:00Z"));
    fine(&calls.scene.run("2026-11-20T10:30:00Z").await.unwrap());
    // The hour in which an entitlement ends is its own, to the end of the hour; the record lies before the end.
    let last = calls.scene.world.metering.records().pop().unwrap();
    assert_eq!(
        (last.quantity, last.timestamp),
        (units("760"), at("2026-11-20T10:00:59Z"))
    );
    assert!(last.received_at.hour() < 11);
    for summary in calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-20T13:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("765"));
}

/// Usage that comes when no hour of the entitlement can take it any more is parked, in words.
#[tokio::test(start_paused = true)]
async fn usage_that_comes_after_the_last_window_of_an_ended_entitlement_is_parked() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls
        .apply(calls.globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T10:00:00Z"]))
        .await;
    calls.made("2026-11-20T09:30:00Z", "5");
    calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T11:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-22T08:30:00Z"));
    calls.made("2026-11-20T09:40:00Z", "60");
    let summary = calls.scene.hour("2026-11-22T09:00:00Z").await;
    assert_eq!(super::outcomes(&summary), ["60 parked"]);
    assert!(
        summary
            .failure()
            .unwrap()
            .message
            .contains("its entitlement has ended")
    );
    calls.scene.hour("2026-11-22T10:00:00Z").await;
    assert_eq!(calls.bills().await, units("5"));
    assert_eq!(calls.scene.meter("api_calls").await.parked, units("60").into());
}
