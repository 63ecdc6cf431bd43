//! What becomes of metrics that do not simply add up: unit-hours and values of a period.

use billing::Fraction;
use chrono::{SecondsFormat, TimeDelta};
use sandbox::metronome::{Aggregation, NewMetric};

use super::file::{Buyer, File};
use super::{fine, held, units};
use crate::scene::{Scene, at};

const START: &str = "2026-11-01T00:00:00Z";
const HOURS: &[&str] = &["accumulate = \"hours\""];
const PERIOD: &[&str] = &["accumulate = \"period\""];

/// A scene at the month's start with one customer of a metric, billed as `more` says in the dimension `units`.
async fn metered(aggregation: Aggregation, more: &[&str]) -> (Scene, String) {
    let scene = Scene::at(START).await;
    let metric = scene.metric("things", aggregation);
    let customer = scene.customer("Globex");
    let arn = scene.license("globex", &["units"]);
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    scene
        .apply(&File::new().converts(&metric, "units", more).buyer(&buyer).text())
        .await;
    (scene, customer)
}

/// Every hour of November is run, as in production.
#[tokio::test(start_paused = true)]
async fn ten_seats_every_hour_for_thirty_days_under_max_are_7200_unit_hours() {
    let (scene, customer) = metered(Aggregation::Max, HOURS).await;
    for hour in 0..720 {
        let start = at(START) + TimeDelta::hours(hour);
        for (minute, seats) in [(5, "7"), (20, "10"), (40, "3")] {
            let when = start + TimeDelta::minutes(minute);
            scene.event(
                &customer,
                "things",
                &when.to_rfc3339_opts(SecondsFormat::Secs, true),
                &[("units", seats)],
            );
        }
        let end = (start + TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
        fine(&scene.hour(&end).await);
    }
    assert_eq!(scene.bills("units").await, units("7200"));
    let bill = scene.bill("units");
    assert_eq!(bill.len(), 720);
    assert!(bill.iter().all(|(_, quantity)| *quantity == units("10")));
    assert_eq!(scene.meter("units").await.owed, Fraction::zero());
}

#[tokio::test(start_paused = true)]
async fn a_hundred_users_under_unique_are_a_hundred_however_often_they_come() {
    let scene = Scene::at(START).await;
    let metric = scene.defines(NewMetric::of("visits", Aggregation::Unique, "user").on("visits"));
    let customer = scene.customer("Globex");
    let arn = scene.license("globex", &["units"]);
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    scene
        .apply(
            &File::new()
                .converts(&metric, "units", PERIOD)
                .buyer(&buyer)
                .text(),
        )
        .await;
    // Forty new ones a day, and all of the day before again.
    for (day, users) in [(1, 0..40), (2, 0..80), (3, 40..100)] {
        let when = format!("2026-11-{day:02}T09:30:00Z");
        scene.world.clock.set(at(&when));
        for user in users {
            scene.event(&customer, "visits", &when, &[("user", &format!("user-{user}"))]);
        }
        for summary in scene
            .every(
                1,
                &format!("2026-11-{day:02}T10:00:00Z"),
                &format!("2026-11-{day:02}T23:00:00Z"),
            )
            .await
        {
            fine(&summary);
        }
    }
    assert_eq!(scene.bills("units").await, units("100"));
    let expected = [("01 09h", "40"), ("02 09h", "40"), ("03 09h", "20")];
    assert_eq!(
        scene.bill("units"),
        expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)))
    );
}

#[tokio::test(start_paused = true)]
async fn the_max_of_a_period_is_billed_once_and_then_only_where_it_grows() {
    let (scene, customer) = metered(Aggregation::Max, PERIOD).await;
    for (when, seats) in [("02T08", "10"), ("03T08", "4"), ("04T08", "25"), ("05T08", "25")] {
        scene.world.clock.set(at(&format!("2026-11-{when}:30:00Z")));
        scene.event(
            &customer,
            "things",
            &format!("2026-11-{when}:10:00Z"),
            &[("units", seats)],
        );
        scene.hour(&format!("2026-11-{}T09:00:00Z", &when[..2])).await;
    }
    assert_eq!(scene.bills("units").await, units("25"));
    assert_eq!(scene.bill("units").len(), 2);
}

/// Five from the first hour, eight from the fourth: five hours of each until ten, across a midnight or within a day.
async fn latest(
    more: &[&str],
    first: &str,
    changed: &str,
    runs: [&str; 2],
) -> (rust_decimal::Decimal, Scene) {
    let (scene, customer) = metered(Aggregation::Latest, more).await;
    scene.world.clock.set(at(first));
    scene.event(&customer, "things", first, &[("units", "5")]);
    let early = at(runs[0]).to_rfc3339_opts(SecondsFormat::Secs, true);
    scene.every(1, &early, changed).await;
    scene.world.clock.set(at(changed) + TimeDelta::minutes(20));
    let when = (at(changed) + TimeDelta::minutes(10)).to_rfc3339_opts(SecondsFormat::Secs, true);
    scene.event(&customer, "things", &when, &[("units", "8")]);
    let next = (at(changed) + TimeDelta::hours(1)).to_rfc3339_opts(SecondsFormat::Secs, true);
    scene.every(1, &next, runs[1]).await;
    (scene.bills("units").await, scene)
}

#[tokio::test(start_paused = true)]
async fn latest_counts_nothing_in_an_hour_without_an_event() {
    let runs = ["2026-11-01T01:00:00Z", "2026-11-01T10:00:00Z"];
    let (billed, _) = latest(HOURS, "2026-11-01T00:10:00Z", "2026-11-01T05:00:00Z", runs).await;
    assert_eq!(billed, units("13"));
}

#[tokio::test(start_paused = true)]
async fn latest_carried_counts_its_last_value_in_every_hour() {
    let carried = ["accumulate = \"hours\"", "carry = true"];
    let runs = ["2026-11-01T01:00:00Z", "2026-11-01T10:00:00Z"];
    let (billed, scene) = latest(&carried, "2026-11-01T00:10:00Z", "2026-11-01T05:00:00Z", runs).await;
    assert_eq!(billed, units("65"), "5 hours of 5 and 5 hours of 8");
    assert_eq!(scene.bill("units").len(), 10);
}

/// The base of the second day must know what the first one ended with; the hours before the first event count nothing.
#[tokio::test(start_paused = true)]
async fn latest_is_carried_across_midnights() {
    let carried = ["accumulate = \"hours\"", "carry = true"];
    let runs = ["2026-11-01T21:00:00Z", "2026-11-03T01:00:00Z"];
    let (billed, _) = latest(&carried, "2026-11-01T20:10:00Z", "2026-11-02T02:00:00Z", runs).await;
    assert_eq!(billed, units("214"), "6 hours of 5 and 23 hours of 8");
}

#[tokio::test(start_paused = true)]
async fn users_of_a_month_count_again_in_the_next() {
    let scene = Scene::at("2026-11-30T20:30:00Z").await;
    let metric = scene.defines(NewMetric::of("visits", Aggregation::Unique, "user").on("visits"));
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["units"]));
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    scene
        .apply(
            &File::new()
                .converts(&metric, "units", PERIOD)
                .buyer(&buyer)
                .text(),
        )
        .await;
    for (when, user) in [
        ("11-30T20:10", "a"),
        ("11-30T23:50", "b"),
        ("12-01T00:10", "a"),
        ("12-01T05:10", "c"),
    ] {
        scene.event(
            &customer,
            "visits",
            &format!("2026-{when}:00Z"),
            &[("user", user)],
        );
    }
    for summary in scene.hours("2026-11-30T21:00:00Z", "2026-12-01T08:00:00Z").await {
        fine(&summary);
    }
    assert_eq!(scene.bills("units").await, units("4"));
}

/// Unit-hours to the end of the day of the change, for a period is told by whole days; then the largest value of the month, beyond
/// what it was until then.
#[tokio::test(start_paused = true)]
async fn seats_billed_by_the_hour_and_then_by_the_period_are_counted_once() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let metric = scene.metric("things", Aggregation::Max);
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["units"]));
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    let apply = async |more: &[&str]| {
        scene
            .apply(&File::new().converts(&metric, "units", more).buyer(&buyer).text())
            .await;
    };
    apply(HOURS).await;
    for hour in ["08", "09", "10", "11"] {
        scene.event(
            &customer,
            "things",
            &format!("2026-11-20T{hour}:10:00Z"),
            &[("units", "10")],
        );
    }
    scene.hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z").await;
    scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    apply(PERIOD).await;
    scene.hours("2026-11-20T11:00:00Z", "2026-11-21T08:00:00Z").await;
    scene.event(&customer, "things", "2026-11-21T08:10:00Z", &[("units", "25")]);
    scene.hours("2026-11-21T09:00:00Z", "2026-11-21T10:00:00Z").await;
    assert_eq!(
        scene.bills("units").await,
        units("55"),
        "40 unit-hours and 15 more seats"
    );
}

#[tokio::test(start_paused = true)]
async fn a_metric_that_does_not_add_up_waits_until_the_file_says_how_it_accumulates() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let metric = scene.metric("things", Aggregation::Max);
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["units"]));
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    let apply = async |more: &[&str]| {
        scene
            .apply(&File::new().converts(&metric, "units", more).buyer(&buyer).text())
            .await;
    };
    apply(&[]).await;
    scene.event(&customer, "things", "2026-11-20T08:10:00Z", &[("units", "10")]);
    scene.event(&customer, "things", "2026-11-20T09:10:00Z", &[("units", "10")]);
    let summary = scene.hour("2026-11-20T09:00:00Z").await;
    fine(&summary);
    assert_eq!(
        held(&summary),
        ["? `accumulate` must be stated for a metric that is neither COUNT nor SUM"]
    );
    apply(HOURS).await;
    fine(&scene.hour("2026-11-20T10:00:00Z").await);
    assert_eq!(scene.bills("units").await, units("20"));
}

#[tokio::test(start_paused = true)]
async fn latest_is_carried_into_the_next_month() {
    let scene = Scene::at("2026-11-30T20:30:00Z").await;
    let metric = scene.metric("things", Aggregation::Latest);
    let (customer, arn) = (scene.customer("Globex"), scene.license("globex", &["units"]));
    let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, &[]);
    let carried = ["accumulate = \"hours\"", "carry = true"];
    scene
        .apply(
            &File::new()
                .converts(&metric, "units", &carried)
                .buyer(&buyer)
                .text(),
        )
        .await;
    scene.event(&customer, "things", "2026-11-30T20:10:00Z", &[("units", "5")]);
    scene.hours("2026-11-30T21:00:00Z", "2026-12-01T04:00:00Z").await;
    assert_eq!(
        scene.bills("units").await,
        units("40"),
        "4 hours of November and 4 of December"
    );
    // Days later, with the base kept and November closed, it still is.
    scene.hours("2026-12-05T00:00:00Z", "2026-12-05T03:00:00Z").await;
    assert_eq!(
        scene.bills("units").await,
        units("515"),
        "4 hours of November and 99 of December"
    );
}
