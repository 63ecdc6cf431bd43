//! One entitlement after another, and ends that are moved.

use super::spans::Calls;
use super::{fine, outcomes, units};
use crate::scene::at;

const START: &str = "2026-11-01T00:00:00Z";

/// Unused units of a term are not taken into the next.
#[tokio::test(start_paused = true)]
async fn what_is_unused_of_an_included_quantity_ends_with_its_term() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let included = "included = { api_calls = \"100\" }";
    let first = calls.globex(START, &["ends_at = 2026-11-20T10:00:00Z", included]);
    calls
        .apply(first.licensed(&calls.arn, "2026-11-20T10:00:00Z", &[included]))
        .await;
    calls.made("2026-11-20T08:10:00Z", "60");
    calls.made("2026-11-20T10:10:00Z", "130");
    for summary in calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(
        calls.scene.bill("api_calls"),
        [("20 10h".to_owned(), units("30"))]
    );
    assert_eq!(calls.bills().await, units("30"));
}

#[tokio::test(start_paused = true)]
async fn late_usage_of_an_ended_term_is_billed_within_that_term() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let first = calls.globex(START, &["ends_at = 2026-11-20T10:00:00Z"]);
    calls
        .apply(first.licensed(&calls.arn, "2026-11-20T10:00:00Z", &[]))
        .await;
    calls.made("2026-11-20T09:10:00Z", "1");
    calls.made("2026-11-20T10:10:00Z", "20");
    calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    calls.made("2026-11-20T09:20:00Z", "300");
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-20T18:00:00Z")
        .await
    {
        fine(&summary);
    }
    let expected = [("20 08h", "300"), ("20 09h", "1"), ("20 10h", "20")];
    assert_eq!(
        calls.scene.bill("api_calls"),
        expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)))
    );
    let meters = calls.scene.book().await.meters;
    let grown: Vec<_> = meters.values().map(|meter| meter.grown.to_string()).collect();
    assert_eq!(grown, ["301", "20"], "each term's meter has its own");
}

#[tokio::test(start_paused = true)]
async fn hours_between_two_terms_are_billed_in_neither() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let first = calls.globex(START, &["ends_at = 2026-11-20T09:00:00Z"]);
    calls
        .apply(first.licensed(&calls.arn, "2026-11-20T11:00:00Z", &[]))
        .await;
    for (hour, units) in [("08", "1"), ("09", "20"), ("10", "300"), ("11", "4000")] {
        calls.made(&format!("2026-11-20T{hour}:10:00Z"), units);
    }
    for summary in calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    let expected = [
        ("20 08h".to_owned(), units("1")),
        ("20 11h".to_owned(), units("4000")),
    ];
    assert_eq!(calls.scene.bill("api_calls"), expected);
}

/// The flush at ten has closed the books on the old end when the new one is applied.
#[tokio::test(start_paused = true)]
async fn an_entitlement_extended_after_its_end_goes_on_where_it_ended() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls
        .apply(calls.globex(START, &["ends_at = 2026-11-20T10:00:00Z"]))
        .await;
    for (hour, units) in [
        ("08", "1"),
        ("09", "20"),
        ("10", "300"),
        ("11", "4000"),
        ("12", "50000"),
    ] {
        calls.made(&format!("2026-11-20T{hour}:10:00Z"), units);
    }
    calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("21"));
    calls.scene.world.clock.set(at("2026-11-20T12:20:00Z"));
    calls
        .apply(calls.globex(START, &["ends_at = 2026-11-20T12:00:00Z"]))
        .await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-20T20:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("4321"));
}

/// What was claimed beyond an end that is set later stays claimed; nothing more is.
#[tokio::test(start_paused = true)]
async fn an_end_moved_back_takes_nothing_back_and_adds_nothing() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    for (hour, units) in [
        ("08", "1"),
        ("09", "20"),
        ("10", "300"),
        ("11", "4000"),
        ("12", "50000"),
    ] {
        calls.made(&format!("2026-11-20T{hour}:10:00Z"), units);
    }
    calls
        .scene
        .hours("2026-11-20T08:00:00Z", "2026-11-20T11:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T11:20:00Z"));
    calls
        .apply(calls.globex(START, &["ends_at = 2026-11-20T09:00:00Z"]))
        .await;
    calls
        .scene
        .hours("2026-11-20T12:00:00Z", "2026-11-20T20:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("321"));
    assert_eq!(calls.scene.meter("api_calls").await.grown, units("321").into());
}

/// A record of an ended term that never landed finds no answer before its window shuts: it is for a person.
#[tokio::test(start_paused = true)]
async fn what_was_parked_and_never_landed_is_billed_once_when_a_person_says_so() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    calls.made("2026-11-20T08:10:00Z", "10");
    calls.scene.marketplace_is_away();
    let away = calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-21T09:00:00Z")
        .await;
    calls.scene.world.faults.clear();
    let back = calls.scene.hour("2026-11-21T10:00:00Z").await;
    let told: Vec<_> = away
        .iter()
        .chain([&back])
        .flat_map(outcomes)
        .filter(|told| told.contains("parked"))
        .collect();
    assert_eq!(
        (told.as_slice(), calls.scene.billed().len()),
        (["10 parked".to_owned()].as_slice(), 0)
    );
    calls
        .scene
        .resolve(&["--filter", "hour=2026-11-20T08:00:00Z", "--not-accepted"])
        .await;
    for summary in calls
        .scene
        .hours("2026-11-21T11:00:00Z", "2026-11-21T12:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("10"));
}
