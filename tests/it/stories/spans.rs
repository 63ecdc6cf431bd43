//! From when to when usage counts.

use sandbox::aws::metering::{Identity, Subscription};

use super::file::{Buyer, File};
use super::{fine, units};
use crate::scene::{ACCOUNT, Scene, at};

/// A scene in which Globex makes calls, and its customer, metric and licence.
pub(super) struct Calls {
    pub(super) scene: Scene,
    pub(super) metric: String,
    pub(super) customer: String,
    pub(super) arn: String,
}

impl Calls {
    pub(super) async fn at(now: &str) -> Self {
        let scene = Scene::at(now).await;
        let metric = scene.sum("calls");
        let customer = scene.customer("Globex");
        let arn = scene.license("globex", &["api_calls"]);
        Self {
            scene,
            metric,
            customer,
            arn,
        }
    }

    /// Calls of an instant, received now.
    pub(super) fn made(&self, when: &str, units: &str) {
        self.scene.usage(&self.customer, "calls", when, units);
    }

    /// Applies a connection of one buyer.
    pub(super) async fn apply(&self, buyer: Buyer) {
        self.scene.apply(&self.file(buyer).text()).await;
    }

    pub(super) fn file(&self, buyer: Buyer) -> File {
        File::new().converts(&self.metric, "api_calls", &[]).buyer(&buyer)
    }

    /// Globex, counted from the start of its entitlement by its licence.
    pub(super) fn globex(&self, starts_at: &str, more: &[&str]) -> Buyer {
        Buyer::new("globex", &[&self.customer]).licensed(&self.arn, starts_at, more)
    }

    pub(super) async fn bills(&self) -> rust_decimal::Decimal {
        self.scene.bills("api_calls").await
    }

    /// Who Globex is for the marketplace.
    pub(super) fn identity(&self) -> Identity {
        Identity::license(ACCOUNT, &self.arn)
    }
}

#[tokio::test(start_paused = true)]
async fn a_first_run_five_hours_after_the_start_bills_those_five() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls.apply(calls.globex("2026-11-20T08:00:00Z", &[])).await;
    calls.made("2026-11-20T07:59:59Z", "1000");
    for (hour, units) in [("08", "1"), ("09", "2"), ("10", "3"), ("11", "4"), ("12", "5")] {
        calls.made(&format!("2026-11-20T{hour}:00:00Z"), units);
    }
    fine(&calls.scene.hour("2026-11-20T13:00:00Z").await);
    assert_eq!(
        calls.scene.bill("api_calls"),
        [("20 12h".to_owned(), units("15"))]
    );
    assert_eq!(calls.bills().await, units("15"));
}

#[tokio::test(start_paused = true)]
async fn an_entitlement_that_ends_at_ten_is_billed_to_ten_and_not_beyond() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    calls
        .apply(calls.globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T10:00:00Z"]))
        .await;
    calls
        .scene
        .world
        .metering
        .deprovision(&calls.identity(), at("2026-11-20T10:00:00Z"));
    calls.made("2026-11-20T08:10:00Z", "5");
    calls.made("2026-11-20T09:59:59Z", "6");
    calls.made("2026-11-20T10:00:00Z", "7");
    calls.made("2026-11-20T11:30:00Z", "8");
    for summary in calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T14:00:00Z")
        .await
    {
        fine(&summary);
    }
    let expected = [
        ("20 08h".to_owned(), units("5")),
        ("20 09h".to_owned(), units("6")),
    ];
    assert_eq!(calls.scene.bill("api_calls"), expected);
    assert_eq!(calls.bills().await, units("11"));
}

/// The one ends and the other begins in the middle of an hour: the hour belongs to the one that ends.
#[tokio::test(start_paused = true)]
async fn a_renewal_by_another_licence_begins_where_the_old_one_ends() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let renewed = calls.scene.license("globex-renewed", &["api_calls"]);
    let buyer = calls
        .globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T09:30:00Z"])
        .licensed(&renewed, "2026-11-20T09:30:00Z", &[]);
    calls.apply(buyer).await;
    calls
        .scene
        .world
        .metering
        .deprovision(&calls.identity(), at("2026-11-20T09:30:00Z"));
    for (when, units) in [
        ("08:10", "1"),
        ("09:10", "10"),
        ("09:50", "100"),
        ("10:10", "1000"),
    ] {
        calls.made(&format!("2026-11-20T{when}:00Z"), units);
    }
    calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    let of = |arn| {
        calls
            .scene
            .world
            .metering
            .billed(&Identity::license(ACCOUNT, arn), "api_calls")
    };
    assert_eq!((of(&calls.arn), of(&renewed)), (units("111"), units("1000")));
    assert_eq!(calls.bills().await, units("1111"));
}

#[tokio::test(start_paused = true)]
async fn a_buyer_billed_from_now_counts_from_the_first_full_hour_after_the_apply() {
    let calls = Calls::at("2026-11-20T13:20:00Z").await;
    let buyer = Buyer::from_now("globex", &[&calls.customer]);
    let buyer = buyer.licensed(&calls.arn, "2026-11-01T00:00:00Z", &[]);
    for (when, units) in [
        ("13:10", "1"),
        ("13:40", "10"),
        ("14:00", "100"),
        ("15:10", "1000"),
    ] {
        calls.made(&format!("2026-11-20T{when}:00Z"), units);
    }
    calls.apply(buyer.clone()).await;
    calls
        .scene
        .hours("2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("100"));
    // Applied again, the hour stays what it was.
    calls.apply(buyer).await;
    calls
        .scene
        .hours("2026-11-20T16:00:00Z", "2026-11-21T01:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("1100"));
}

/// Where a metric cannot be cut by the hour, the part of its value before the first hour is taken off.
#[tokio::test(start_paused = true)]
async fn users_of_a_buyer_billed_from_now_are_those_that_come_on_top() {
    let scene = Scene::at("2026-11-20T13:20:00Z").await;
    let visits = sandbox::metronome::NewMetric::of("visits", sandbox::metronome::Aggregation::Unique, "user");
    let metric = scene.defines(visits.on("visits"));
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["users"]));
    let buyer = Buyer::from_now("globex", &[&customer]).licensed(&arn, "2026-11-01T00:00:00Z", &[]);
    let file = File::new()
        .converts(&metric, "users", &["accumulate = \"period\""])
        .buyer(&buyer);
    for user in 0..30 {
        scene.event(
            &customer,
            "visits",
            "2026-11-10T10:00:00Z",
            &[("user", &user.to_string())],
        );
    }
    scene.apply(&file.text()).await;
    scene.hours("2026-11-20T14:00:00Z", "2026-11-21T00:00:00Z").await;
    scene.world.clock.set(at("2026-11-21T08:30:00Z"));
    for user in 20..45 {
        scene.event(
            &customer,
            "visits",
            "2026-11-21T08:10:00Z",
            &[("user", &user.to_string())],
        );
    }
    scene.hours("2026-11-21T09:00:00Z", "2026-11-21T11:00:00Z").await;
    assert_eq!(scene.bills("users").await, units("15"));
}

#[tokio::test(start_paused = true)]
async fn a_metric_put_back_on_the_whitelist_counts_from_the_hour_of_that_apply() {
    let calls = Calls::at("2026-11-20T10:20:00Z").await;
    let other = calls.scene.sum("tokens");
    let file = |metrics: &[&str]| {
        calls
            .file(calls.globex("2026-11-20T00:00:00Z", &[]))
            .whitelist(metrics)
            .text()
    };
    calls.scene.apply(&file(&[&calls.metric, &other])).await;
    for (when, units) in [
        ("10:10", "1"),
        ("12:40", "10"),
        ("14:10", "100"),
        ("15:40", "1000"),
        ("16:10", "10000"),
    ] {
        calls.made(&format!("2026-11-20T{when}:00Z"), units);
    }
    calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-20T12:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T12:20:00Z"));
    calls.scene.apply(&file(&[&other])).await;
    calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-20T15:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("11"), "it was left out from 13:00 on");
    calls.scene.world.clock.set(at("2026-11-20T15:20:00Z"));
    calls.scene.apply(&file(&[&calls.metric, &other])).await;
    calls
        .scene
        .hours("2026-11-20T16:00:00Z", "2026-11-21T02:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("10011"));
}

/// The licence stays, its term is renewed while a record of the old term has no answer yet.
#[tokio::test(start_paused = true)]
async fn a_licence_renewed_while_a_record_is_in_flight_bills_it_once() {
    renewal(|calls| calls.arn.clone(), 1).await;
}

#[tokio::test(start_paused = true)]
async fn a_new_licence_while_a_record_of_the_old_one_is_in_flight_is_a_book_of_its_own() {
    renewal(|calls| calls.scene.license("globex-2", &["api_calls"]), 2).await;
}

async fn renewal(next: impl Fn(&Calls) -> String, books: usize) {
    let calls = Calls::at("2026-11-20T10:30:00Z").await;
    let next = next(&calls);
    calls.apply(calls.globex("2026-11-01T00:00:00Z", &[])).await;
    calls.made("2026-11-20T10:10:00Z", "3");
    calls.scene.hour("2026-11-20T11:00:00Z").await;
    calls.made("2026-11-20T11:10:00Z", "40");
    calls.scene.answers_are_lost();
    let summary = calls.scene.hour("2026-11-20T12:00:00Z").await;
    assert_eq!(super::outcomes(&summary), ["40 in_flight"]);

    calls.scene.world.clock.set(at("2026-11-20T12:10:00Z"));
    if next != calls.arn {
        calls
            .scene
            .world
            .metering
            .deprovision(&calls.identity(), at("2026-11-20T12:30:00Z"));
    } else {
        let from = at("2026-11-20T12:30:00Z");
        calls
            .scene
            .world
            .metering
            .subscribe(Subscription::new("prod-1", calls.identity(), from));
    }
    let old = calls.globex("2026-11-01T00:00:00Z", &["ends_at = 2026-11-20T12:30:00Z"]);
    calls
        .apply(old.licensed(&next, "2026-11-20T12:30:00Z", &[]))
        .await;
    calls.made("2026-11-20T12:05:00Z", "500");
    calls.made("2026-11-20T12:45:00Z", "6000");
    calls.made("2026-11-20T13:45:00Z", "70000");
    calls.scene.world.faults.clear();
    for summary in calls
        .scene
        .hours("2026-11-20T13:00:00Z", "2026-11-20T16:00:00Z")
        .await
    {
        fine(&summary);
    }
    let expected = [
        ("20 10h", "3"),
        ("20 11h", "40"),
        ("20 12h", "6500"),
        ("20 13h", "70000"),
    ];
    let expected = expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)));
    assert_eq!(calls.scene.bill("api_calls"), expected);
    assert_eq!(calls.bills().await, units("76543"));
    assert_eq!(calls.scene.books().await.len(), books);
}
