//! Connections deleted and applied again, and two applies at once: no hour is billed twice, none is lost.

use control::command::apply;

use super::file::{Buyer, File};
use super::spans::Calls;
use super::{fine, units};
use crate::scene::at;

const START: &str = "2026-11-20T00:00:00Z";

/// Five hours of usage, the first two of them billed; it is 10:20.
async fn busy() -> Calls {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
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
        .hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    calls
}

/// The same, and nobody is there for two hours.
async fn deleted() -> Calls {
    let calls = busy().await;
    calls.scene.operator(&["delete", "acme", "--keep-secret"]).await;
    let nobody = calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    assert!(nobody.iter().all(|summary| summary.connections.is_empty()));
    assert_eq!(calls.scene.billed()["api_calls"], units("21"));
    calls.scene.world.clock.set(at("2026-11-20T12:20:00Z"));
    calls
}

#[tokio::test(start_paused = true)]
async fn a_connection_deleted_and_applied_again_from_the_start_bills_nothing_again() {
    let calls = deleted().await;
    calls.apply(calls.globex(START, &[])).await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(calls.scene.books().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_applied_again_with_another_identity_bills_only_what_the_old_one_had_not() {
    let calls = deleted().await;
    let arn = calls.scene.license("globex-2", &["api_calls"]);
    calls
        .apply(Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]))
        .await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(calls.scene.books().await.len(), 2);
}

/// The same by a connection of another name.
#[tokio::test(start_paused = true)]
async fn a_connection_applied_again_under_another_name_bills_only_what_the_old_one_had_not() {
    let calls = deleted().await;
    let file = File::of("acme-2").converts(&calls.metric, "api_calls", &[]);
    calls
        .scene
        .apply(&file.buyer(&calls.globex(START, &[])).text())
        .await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_applied_again_under_another_name_and_identity_bills_only_what_the_old_one_had_not() {
    let calls = deleted().await;
    let arn = calls.scene.license("globex-2", &["api_calls"]);
    let file = File::of("acme-2").converts(&calls.metric, "api_calls", &[]);
    let buyer = Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]);
    calls.scene.apply(&file.buyer(&buyer).text()).await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.scene.billed()["api_calls"], units("54321"));
}

/// Two connections want the same customer and metric for two licences: one of the two is refused, in words.
#[tokio::test(start_paused = true)]
async fn of_two_applies_at_once_that_would_bill_twice_one_is_refused() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let other = calls.scene.license("other", &["api_calls"]);
    let now = calls.scene.world.clock.now();
    let read = |file: File| control::file::read(&file.text(), now).unwrap();
    let one = read(calls.file(calls.globex(START, &[])));
    let two = File::of("acme-2").converts(&calls.metric, "api_calls", &[]);
    let two = read(two.buyer(&Buyer::new("other", &[&calls.customer]).licensed(&other, START, &[])));
    let deps = &calls.scene.deps;
    let done = tokio::join!(apply::apply(deps, &one, false), apply::apply(deps, &two, false));
    let refused: Vec<String> = [done.0, done.1]
        .into_iter()
        .filter_map(Result::err)
        .map(|error| error.to_string())
        .collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("it would be billed twice"), "{refused:?}");
    calls.made("2026-11-20T08:10:00Z", "7");
    fine(&calls.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(calls.scene.billed()["api_calls"], units("7"));
}

/// Two operators correct the licence at once, each to another one, while both hours of the old one are billed.
#[tokio::test(start_paused = true)]
async fn two_applies_of_one_connection_at_once_bill_nothing_twice() {
    let calls = busy().await;
    let now = calls.scene.world.clock.now();
    let to = |buyer: &str| {
        let arn = calls.scene.license(buyer, &["api_calls"]);
        let buyer = Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]);
        control::file::read(&calls.file(buyer).text(), now).unwrap()
    };
    let (one, two) = (to("globex-2"), to("globex-3"));
    let deps = &calls.scene.deps;
    let done = tokio::join!(apply::apply(deps, &one, false), apply::apply(deps, &two, false));
    assert!(done.0.is_ok() && done.1.is_ok(), "one after the other: {done:?}");
    for summary in calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(
        calls.scene.books().await.len(),
        2,
        "the one that was stored last took over from the old one"
    );
}

/// Left out of the file for two hours, and put back with `bill_from = "start"`.
#[tokio::test(start_paused = true)]
async fn a_buyer_taken_out_of_the_file_and_put_back_from_the_start_bills_nothing_twice() {
    let calls = busy().await;
    calls
        .scene
        .apply(&File::new().converts(&calls.metric, "api_calls", &[]).text())
        .await;
    calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    assert_eq!(
        calls.bills().await,
        units("321"),
        "it counted to the hour after the apply"
    );
    calls.scene.world.clock.set(at("2026-11-20T12:20:00Z"));
    calls.apply(calls.globex(START, &[])).await;
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
}

/// No run in between sees the first correction.
#[tokio::test(start_paused = true)]
async fn a_correction_corrected_before_any_run_bills_nothing_twice_and_loses_nothing() {
    let calls = busy().await;
    for buyer in ["globex-2", "globex-3"] {
        let arn = calls.scene.license(buyer, &["api_calls"]);
        calls
            .apply(Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]))
            .await;
    }
    for summary in calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(calls.scene.books().await.len(), 2);
}

/// The first run after the correction is one that is hours late: both books have hours of it.
#[tokio::test(start_paused = true)]
async fn a_correction_during_an_outage_bills_each_hour_where_it_belongs() {
    let calls = busy().await;
    let arn = calls.scene.license("globex-2", &["api_calls"]);
    calls
        .apply(Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]))
        .await;
    for summary in calls
        .scene
        .hours("2026-11-20T15:00:00Z", "2026-11-20T16:00:00Z")
        .await
    {
        fine(&summary);
    }
    let second = sandbox::aws::metering::Identity::license(crate::scene::ACCOUNT, &arn);
    let of = |identity| calls.scene.world.metering.billed(identity, "api_calls");
    assert_eq!(
        (of(&calls.identity()), of(&second)),
        (units("321"), units("54000"))
    );
    assert_eq!(calls.bills().await, units("54321"));
}

/// Late usage of the old licence's hours is the old licence's, whenever it comes.
#[tokio::test(start_paused = true)]
async fn late_usage_from_before_a_correction_is_billed_where_its_hour_was_counted() {
    let calls = busy().await;
    let arn = calls.scene.license("globex-2", &["api_calls"]);
    calls
        .apply(Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]))
        .await;
    calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-20T14:00:00Z")
        .await;
    calls.made("2026-11-20T08:30:00Z", "600000");
    for summary in calls
        .scene
        .hours("2026-11-20T15:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(
        calls.scene.world.metering.billed(&calls.identity(), "api_calls"),
        units("600321")
    );
    assert_eq!(calls.bills().await, units("654321"));
}

/// Rows of a region alone until eleven, then the whole metric.
#[tokio::test(start_paused = true)]
async fn a_group_given_up_for_the_whole_metric_bills_nothing_twice() {
    let scene = crate::scene::Scene::at("2026-11-20T08:30:00Z").await;
    let sum = sandbox::metronome::NewMetric::of("calls", sandbox::metronome::Aggregation::Sum, "units");
    let metric = scene.defines(sum.on("calls").grouped_by(&["region"]));
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["api_calls"]));
    let globex = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    let apply = async |more: &[&str]| {
        scene
            .apply(
                &File::new()
                    .converts(&metric, "api_calls", more)
                    .buyer(&globex)
                    .text(),
            )
            .await;
    };
    for (when, west, east) in [
        ("08:10", "1", "7"),
        ("10:10", "20", "7"),
        ("11:10", "300", "4000"),
    ] {
        let when = format!("2026-11-20T{when}:00Z");
        scene.event(
            &customer,
            "calls",
            &when,
            &[("units", west), ("region", "us-west-1")],
        );
        scene.event(
            &customer,
            "calls",
            &when,
            &[("units", east), ("region", "us-east-1")],
        );
    }
    apply(&["group = { region = \"us-west-1\" }"]).await;
    scene.hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z").await;
    scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    apply(&[]).await;
    for summary in scene.hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z").await {
        fine(&summary);
    }
    assert_eq!(scene.bills("api_calls").await, units("4321"));
}
