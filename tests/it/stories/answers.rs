//! Answers that are lost, late or refusals.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use futures::future::BoxFuture;
use platform::transport::{Carrier, Request, TransportError};
use sandbox::World;
use sandbox::aws::metering::{IdenticalRetry, Subscription};
use sandbox::faults::{Fault, Rule, When, operation_of};
use tokio::sync::Notify;

use super::spans::Calls;
use super::{fine, outcomes, units};
use crate::scene::{IntoWorld, Scene, at, reach};

const START: &str = "2026-11-01T00:00:00Z";

impl Scene {
    /// From now on the marketplace takes records, and no answer arrives.
    pub(super) fn answers_are_lost(&self) {
        let lost = Rule::new("answers lost", When::Always, Fault::LostAfter);
        self.world.faults.add(lost.on_service("aws"));
    }

    /// From now on nothing reaches the marketplace.
    pub(super) fn marketplace_is_away(&self) {
        self.world.faults.clear();
        let away = Rule::new("away", When::Always, Fault::LostBefore);
        self.world.faults.add(away.on_service("aws"));
    }
}

/// A record that landed without an answer, and a marketplace away from then on; another record follows five hours later.
async fn landed_and_away() -> Calls {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    calls.made("2026-11-20T08:10:00Z", "10");
    calls.scene.answers_are_lost();
    assert_eq!(
        outcomes(&calls.scene.hour("2026-11-20T09:00:00Z").await),
        ["10 in_flight"]
    );
    calls.scene.marketplace_is_away();
    calls.made("2026-11-20T13:10:00Z", "700");
    calls
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_answer_was_lost_for_25_hours_is_billed_once_and_parked() {
    let calls = landed_and_away().await;
    let away = calls
        .scene
        .hours("2026-11-20T10:00:00Z", "2026-11-21T09:00:00Z")
        .await;
    assert!(away.iter().all(|summary| summary.failure().is_some()));
    calls.scene.world.faults.clear();
    let back = calls.scene.hour("2026-11-21T10:00:00Z").await;
    let told: Vec<String> = away
        .iter()
        .chain([&back])
        .flat_map(outcomes)
        .filter(|told| told.contains("parked"))
        .collect();
    assert_eq!(told, ["10 parked"]);
    calls
        .scene
        .hours("2026-11-21T11:00:00Z", "2026-11-21T14:00:00Z")
        .await;
    assert_eq!(
        calls.scene.billed()["api_calls"],
        units("710"),
        "the 10 landed before all this, once"
    );
    let meter = calls.scene.meter("api_calls").await;
    assert_eq!(
        (meter.delivered, meter.parked),
        (units("700").into(), units("10").into())
    );

    // Somebody has looked it up.
    calls
        .scene
        .resolve(&["--filter", "buyer=globex", "--accepted"])
        .await;
    fine(&calls.scene.hour("2026-11-21T15:00:00Z").await);
    assert_eq!(calls.bills().await, units("710"));
}

#[tokio::test(start_paused = true)]
async fn a_record_whose_answer_was_lost_for_20_hours_is_sent_again_the_same_and_billed_once() {
    for (retry, outcome) in [
        (IdenticalRetry::Success, "10 delivered"),
        (IdenticalRetry::DuplicateRecord, "10 delivered_unproven"),
    ] {
        let calls = landed_and_away().await;
        calls
            .scene
            .world
            .metering
            .switch(|switches| switches.identical_retry = retry);
        calls
            .scene
            .hours("2026-11-20T10:00:00Z", "2026-11-21T04:00:00Z")
            .await;
        calls.scene.world.faults.clear();
        let back = calls.scene.hour("2026-11-21T05:00:00Z").await;
        fine(&back);
        let mut told = outcomes(&back);
        told.sort();
        assert_eq!(told, [outcome, "700 delivered"]);
        assert_eq!(calls.bills().await, units("710"));
    }
}

/// Holds one invocation back after its settle has landed: the answer is lost, and what it sends next waits.
struct Gate {
    world: World,
    settles: Arc<AtomicU32>,
    landed: Arc<Notify>,
    open: Arc<Notify>,
}

impl Carrier for Gate {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let settles = operation_of(&request.http) == Some("TransactWriteItems");
        let nth = settles.then(|| self.settles.fetch_add(1, Ordering::Relaxed));
        let (world, landed, open) = (
            IntoWorld(self.world.clone()),
            Arc::clone(&self.landed),
            Arc::clone(&self.open),
        );
        Box::pin(async move {
            if nth == Some(1) {
                open.notified().await;
            }
            let answer = world.carry(request).await;
            if nth == Some(0) {
                landed.notify_one();
                return Err(TransportError::Lost("the connection broke".to_owned()));
            }
            answer
        })
    }
}

/// The old run was refused and has freed the record; its settle landed, and it does not know. A second run claims the same
/// quantity for the same hour, and its answer is lost. Then the old run says "refused" once more.
#[tokio::test(start_paused = true)]
async fn a_record_refused_freed_and_claimed_again_is_not_settled_by_the_old_runs_late_answer() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    // Owners and registration are written with an hour before, so that the next claim is a plain write.
    calls.made("2026-11-20T08:10:00Z", "3");
    calls.scene.hour("2026-11-20T09:00:00Z").await;
    calls.made("2026-11-20T09:10:00Z", "40");
    calls.scene.world.clock.set(at("2026-11-20T10:00:30Z"));

    let (landed, open) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let settles = Arc::new(AtomicU32::new(0));
    let gate = Gate {
        world: calls.scene.world.clone(),
        settles: Arc::clone(&settles),
        landed: Arc::clone(&landed),
        open: Arc::clone(&open),
    };
    let old = reach(&calls.scene.world, gate).await;
    let order = calls.scene.order("2026-11-20T10:00:00Z");
    let refused = Fault::aws(http::StatusCode::BAD_REQUEST, "TimestampOutOfBoundsException");
    calls
        .scene
        .world
        .faults
        .add(Rule::new("refused", When::Always, refused).on_service("aws"));
    let others = async {
        landed.notified().await;
        let book = calls.scene.book().await;
        assert!(book.in_flight.is_empty(), "the old run's settle has landed");
        calls.scene.world.faults.clear();
        calls.scene.answers_are_lost();
        let second = calls.scene.run("2026-11-20T10:00:00Z").await.unwrap();
        assert_eq!(outcomes(&second), ["40 in_flight"]);
        let flight = calls.scene.book().await.in_flight;
        open.notify_one();
        flight
    };
    let (first, flight) = tokio::join!(metering::run(&old, &order), others);
    assert_eq!(outcomes(&first.unwrap())[..1], ["40 returned"]);
    assert_eq!(
        calls.scene.book().await.in_flight,
        flight,
        "still the second run's, open"
    );

    calls.scene.world.faults.clear();
    fine(&calls.scene.hour("2026-11-20T11:00:00Z").await);
    let expected = [
        ("20 08h".to_owned(), units("3")),
        ("20 09h".to_owned(), units("40")),
    ];
    assert_eq!(calls.scene.bill("api_calls"), expected);
    assert_eq!(calls.bills().await, units("43"));
}

/// A new subscription is not known to metering at once: refused, owed again, and billed when it is.
#[tokio::test(start_paused = true)]
async fn a_buyer_that_the_marketplace_does_not_know_yet_is_billed_once_it_does() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let arn = format!("{}-new", calls.arn);
    let identity = sandbox::aws::metering::Identity::license(crate::scene::ACCOUNT, &arn);
    let sold = Subscription::new("prod-1", identity, at("2026-11-20T08:00:00Z"));
    calls
        .scene
        .world
        .metering
        .subscribe(sold.activated_at(at("2026-11-20T11:30:00Z")));
    let buyer = super::file::Buyer::new("globex", &[&calls.customer]);
    calls
        .apply(buyer.licensed(&arn, "2026-11-20T08:00:00Z", &[]))
        .await;
    calls.made("2026-11-20T08:10:00Z", "10");
    for hour in ["09", "10", "11"] {
        let summary = calls.scene.hour(&format!("2026-11-20T{hour}:00:00Z")).await;
        assert_eq!(outcomes(&summary), ["10 returned"]);
    }
    fine(&calls.scene.hour("2026-11-20T12:00:00Z").await);
    assert_eq!(calls.bills().await, units("10"));
}
