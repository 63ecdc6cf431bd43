//! Connections deleted and applied again, and two applies at once: no hour is billed twice, none is lost.

use control::cli::{Command, Delete};
use control::command::apply;

use super::file::{Buyer, File};
use super::spans::Calls;
use super::{fine, units};
use crate::scene::at;

const START: &str = "2026-11-20T00:00:00Z";

async fn delete(calls: &Calls) {
    let delete = Delete {
        connection: "acme".to_owned(),
        force: false,
        keep_secret: true,
    };
    calls.scene.operator(Command::Delete(delete)).await;
}

/// Five hours of usage, the first two of them billed; then the connection is deleted for two hours.
async fn deleted() -> Calls {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    for (hour, units) in [("08", "1"), ("09", "20"), ("10", "300"), ("11", "4000"), ("12", "50000")] {
        calls.made(&format!("2026-11-20T{hour}:10:00Z"), units);
    }
    calls.scene.hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z").await;
    calls.scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    delete(&calls).await;
    let nobody = calls.scene.hours("2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z").await;
    assert!(nobody.iter().all(|summary| summary.connections.is_empty()));
    assert_eq!(calls.scene.billed()["api_calls"], units("21"));
    calls.scene.world.clock.set(at("2026-11-20T12:20:00Z"));
    calls
}

#[tokio::test(start_paused = true)]
async fn a_connection_deleted_and_applied_again_from_the_start_bills_nothing_again() {
    let calls = deleted().await;
    calls.apply(calls.globex(START, &[])).await;
    for summary in calls.scene.hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z").await {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(calls.scene.books().await.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_connection_applied_again_with_another_identity_bills_only_what_the_old_one_had_not() {
    let calls = deleted().await;
    let arn = calls.scene.license("globex-2", &["api_calls"]);
    calls.apply(Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[])).await;
    for summary in calls.scene.hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z").await {
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
    calls.scene.apply(&file.buyer(&calls.globex(START, &[])).text()).await;
    for summary in calls.scene.hours("2026-11-20T13:00:00Z", "2026-11-21T01:00:00Z").await {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
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
    let (desk, second) = (calls.scene.desk(), calls.scene.desk());
    let done = tokio::join!(apply::apply(&desk, &one, false), apply::apply(&second, &two, false));
    let refused: Vec<String> = [done.0, done.1].into_iter().filter_map(Result::err).map(|error| error.to_string()).collect();
    assert_eq!(refused.len(), 1, "{refused:?}");
    assert!(refused[0].contains("it would be billed twice"), "{refused:?}");
    calls.made("2026-11-20T08:10:00Z", "7");
    fine(&calls.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(calls.scene.billed()["api_calls"], units("7"));
}

/// Two operators correct the licence at once, each to another one, while both hours of the old one are billed.
#[tokio::test(start_paused = true)]
async fn two_applies_of_one_connection_at_once_bill_nothing_twice() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    for (hour, units) in [("08", "1"), ("09", "20"), ("10", "300"), ("11", "4000"), ("12", "50000")] {
        calls.made(&format!("2026-11-20T{hour}:10:00Z"), units);
    }
    calls.scene.hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z").await;
    calls.scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    let now = calls.scene.world.clock.now();
    let to = |buyer: &str| {
        let arn = calls.scene.license(buyer, &["api_calls"]);
        let buyer = Buyer::new("globex", &[&calls.customer]).licensed(&arn, START, &[]);
        control::file::read(&calls.file(buyer).text(), now).unwrap()
    };
    let (one, two) = (to("globex-2"), to("globex-3"));
    let (desk, second) = (calls.scene.desk(), calls.scene.desk());
    let done = tokio::join!(apply::apply(&desk, &one, false), apply::apply(&second, &two, false));
    assert!(done.0.is_ok() && done.1.is_ok(), "one after the other: {done:?}");
    for summary in calls.scene.hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z").await {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("54321"));
    assert_eq!(calls.scene.books().await.len(), 2, "the one that was stored last took over from the old one");
}
