//! How much is billed: groups, factors, included quantities, limits, and more than a record holds.

use billing::Fraction;
use chrono::{SecondsFormat, TimeDelta};
use sandbox::metronome::{Aggregation, NewMetric};

use super::file::{Buyer, File};
use super::{fine, held, units};
use crate::scene::{Scene, at};

const START: &str = "2026-11-01T00:00:00Z";

/// A scene at 08:30 of a day, a buyer of `metrics` with the dimensions, and the buyer's customer.
struct Shop {
    scene: Scene,
    metric: String,
    customer: String,
    buyer: Buyer,
}

impl Shop {
    async fn open(metric: NewMetric, dimensions: &[&str], terms: &[&str]) -> Self {
        let scene = Scene::at("2026-11-20T08:30:00Z").await;
        let metric = scene.defines(metric);
        let customer = scene.customer("Globex");
        let arn = scene.license("globex", dimensions);
        let buyer = Buyer::new("globex", &[&customer]).licensed(&arn, START, terms);
        Self {
            scene,
            metric,
            customer,
            buyer,
        }
    }

    async fn summed(terms: &[&str]) -> Self {
        let sum = NewMetric::of("calls", Aggregation::Sum, "units").on("calls");
        Self::open(sum, &["api_calls"], terms).await
    }

    async fn convert(&self, more: &[&str]) {
        let file = File::new().converts(&self.metric, "api_calls", more);
        self.scene.apply(&file.buyer(&self.buyer).text()).await;
    }

    /// Calls of a region and tier.
    fn grouped(&self, when: &str, region: &str, tier: &str, units: &str) {
        let properties = [("units", units), ("region", region), ("tier", tier)];
        self.scene.event(&self.customer, "calls", when, &properties);
    }
}

fn by(keys: &[&str]) -> NewMetric {
    let sum = NewMetric::of("calls", Aggregation::Sum, "units").on("calls");
    sum.grouped_by(keys)
}

#[tokio::test(start_paused = true)]
async fn a_conversion_that_names_a_group_bills_only_its_rows_and_two_groups_go_two_ways() {
    let shop = Shop::open(by(&["region"]), &["west", "east"], &[]).await;
    let file = File::new()
        .converts(&shop.metric, "west", &["group = { region = \"us-west-1\" }"])
        .converts(&shop.metric, "east", &["group = { region = \"us-east-1\" }"]);
    shop.scene.apply(&file.buyer(&shop.buyer).text()).await;
    // The base of the days before as well as the hours of this one.
    for (when, factor) in [("2026-11-18T08:10:00Z", 100), ("2026-11-20T08:10:00Z", 1)] {
        shop.grouped(when, "us-west-1", "a", &(7 * factor).to_string());
        shop.grouped(when, "us-east-1", "a", &(3 * factor).to_string());
        shop.grouped(when, "eu-west-1", "a", &(1000 * factor).to_string());
    }
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(shop.scene.bills("west").await, units("707"));
    assert_eq!(shop.scene.bills("east").await, units("303"));
}

#[tokio::test(start_paused = true)]
async fn a_grouped_metric_without_a_group_is_billed_whole() {
    let shop = Shop::open(by(&["region"]), &["api_calls"], &[]).await;
    shop.convert(&[]).await;
    shop.grouped("2026-11-20T08:10:00Z", "us-west-1", "a", "7");
    shop.grouped("2026-11-20T08:11:00Z", "us-east-1", "a", "3");
    // One without the property is in no group, and is usage all the same.
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T08:12:00Z", "5");
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(shop.scene.bills("api_calls").await, units("15"));
}

#[tokio::test(start_paused = true)]
async fn a_group_of_a_compound_key_is_billed_by_both_of_its_values() {
    let shop = Shop::open(by(&["region", "tier"]), &["api_calls"], &[]).await;
    shop.convert(&["group = { region = \"us-west-1\", tier = \"gold\" }"])
        .await;
    for when in ["2026-11-18T08:10:00Z", "2026-11-20T08:10:00Z"] {
        shop.grouped(when, "us-west-1", "gold", "4");
        shop.grouped(when, "us-west-1", "free", "70");
        shop.grouped(when, "us-east-1", "gold", "900");
    }
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(shop.scene.bills("api_calls").await, units("8"));
}

/// A month of 7 an hour and one less: 5,033 thirds, read every six hours.
#[tokio::test(start_paused = true)]
async fn a_third_of_every_unit_over_a_month_leaves_less_than_one_owed() {
    assert_eq!(
        month("divide = \"3\"").await,
        (units("1677"), "2/3".parse().unwrap())
    );
}

#[tokio::test(start_paused = true)]
async fn three_for_every_unit_over_a_month_are_three_times_as_many() {
    assert_eq!(
        month("multiply = \"3\"").await,
        (units("15099"), Fraction::zero())
    );
}

async fn month(factor: &str) -> (rust_decimal::Decimal, Fraction) {
    let shop = Shop::summed(&[]).await;
    shop.scene.world.clock.set(at(START));
    shop.convert(&[factor]).await;
    for hour in 1..=720 {
        let end = at(START) + TimeDelta::hours(hour);
        if hour > 1 {
            let when = end - TimeDelta::minutes(30);
            shop.scene.usage(
                &shop.customer,
                "calls",
                &when.to_rfc3339_opts(SecondsFormat::Secs, true),
                "7",
            );
        }
        if hour % 6 == 0 {
            fine(
                &shop
                    .scene
                    .hour(&end.to_rfc3339_opts(SecondsFormat::Secs, true))
                    .await,
            );
        }
    }
    let meter = shop.scene.meter("api_calls").await;
    assert!(meter.owed < Fraction::one());
    (shop.scene.bills("api_calls").await, meter.owed)
}

#[tokio::test(start_paused = true)]
async fn only_what_exceeds_the_included_quantity_is_billed() {
    let shop = Shop::summed(&["included = { api_calls = \"100\" }"]).await;
    shop.convert(&[]).await;
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T08:10:00Z", "60");
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(shop.scene.bills("api_calls").await, units("0"));
    assert_eq!(shop.scene.meter("api_calls").await.owed, "-40".parse().unwrap());
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T09:00:00Z", "60.5");
    fine(&shop.scene.hour("2026-11-20T10:00:00Z").await);
    assert_eq!(shop.scene.bills("api_calls").await, units("20"));
    assert_eq!(shop.scene.meter("api_calls").await.owed, "1/2".parse().unwrap());
}

#[tokio::test(start_paused = true)]
async fn growth_above_the_limit_waits_until_it_is_released_and_is_then_billed_once() {
    let shop = Shop::summed(&[]).await;
    shop.convert(&["hold_above = \"1000\""]).await;
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T08:10:00Z", "900");
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T09:00:00Z", "5000");
    let summary = shop.scene.hour("2026-11-20T10:00:00Z").await;
    assert_eq!(summary.failure(), None, "what is held alone is no error");
    assert_eq!(
        held(&summary),
        ["5000 above hold_above = 1000: `meterbridge release` lets it pass"]
    );
    assert_eq!(shop.scene.bills("api_calls").await, units("900"));

    let stream = shop.scene.book().await.streams.keys().next().unwrap().to_string();
    shop.scene.operator(&["release", &stream]).await;
    // A little more came meanwhile, within the limit beyond what was released.
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T10:00:00Z", "40");
    fine(&shop.scene.hour("2026-11-20T11:00:00Z").await);
    fine(&shop.scene.hour("2026-11-20T12:00:00Z").await);
    assert_eq!(shop.scene.bills("api_calls").await, units("5940"));

    // The release was for that growth: the next is judged anew.
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T12:00:00Z", "1001");
    assert_eq!(held(&shop.scene.hour("2026-11-20T13:00:00Z").await).len(), 1);
    assert_eq!(shop.scene.bills("api_calls").await, units("5940"));
}

#[tokio::test(start_paused = true)]
async fn more_than_the_marketplaces_integer_goes_into_the_next_hours_whole() {
    let shop = Shop::summed(&[]).await;
    shop.convert(&[]).await;
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T08:10:00Z", "5000000000");
    for summary in shop
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T12:00:00Z")
        .await
    {
        fine(&summary);
    }
    let expected = [
        ("20 08h", "2147483647"),
        ("20 09h", "2147483647"),
        ("20 10h", "705032706"),
    ];
    assert_eq!(
        shop.scene.bill("api_calls"),
        expected.map(|(hour, quantity)| (hour.to_owned(), units(quantity)))
    );
    assert_eq!(shop.scene.bills("api_calls").await, units("5000000000"));
}

#[tokio::test(start_paused = true)]
async fn two_customers_of_one_buyer_are_one_line_of_its_bill() {
    let shop = Shop::summed(&[]).await;
    let second = shop.scene.customer("Globex Europe");
    let arn = "arn:aws:license-manager::123456789012:license:l-globex";
    let buyer = Buyer::new("globex", &[&shop.customer, &second]).licensed(arn, START, &[]);
    shop.scene
        .apply(
            &File::new()
                .converts(&shop.metric, "api_calls", &[])
                .buyer(&buyer)
                .text(),
        )
        .await;
    shop.scene
        .usage(&shop.customer, "calls", "2026-11-20T08:10:00Z", "2.5");
    shop.scene.usage(&second, "calls", "2026-11-20T08:20:00Z", "1.75");
    fine(&shop.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(shop.scene.bill("api_calls"), [("20 08h".to_owned(), units("4"))]);
    assert_eq!(shop.scene.meter("api_calls").await.owed, "1/4".parse().unwrap());
}
