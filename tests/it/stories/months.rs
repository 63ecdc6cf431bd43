//! What becomes of usage when its month is over: late, held, blocked, unmapped.

use super::file::File;
use super::spans::Calls;
use super::{fine, held, outcomes, units};
use crate::scene::at;

const START: &str = "2026-11-01T00:00:00Z";

#[tokio::test(start_paused = true)]
async fn late_usage_within_the_open_days_is_billed_and_beyond_them_it_is_not() {
    let calls = Calls::at("2026-11-30T07:30:00Z").await;
    let file = calls.file(calls.globex(START, &[])).with("open_days = 3");
    calls.scene.apply(&file.text()).await;
    calls.made("2026-11-30T07:10:00Z", "1");
    calls
        .scene
        .every(4, "2026-11-30T08:00:00Z", "2026-12-03T20:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("1"));
    calls.made("2026-11-28T12:10:00Z", "20");
    fine(&calls.scene.hour("2026-12-03T21:00:00Z").await);
    fine(&calls.scene.hour("2026-12-04T00:00:00Z").await);
    assert_eq!(
        calls.bills().await,
        units("21"),
        "the base is read afresh at a month's close"
    );
    assert_eq!(open_months(&calls).await, ["2026-12"]);
    calls.made("2026-11-28T12:20:00Z", "300");
    calls.made("2026-12-03T12:10:00Z", "4000");
    for summary in calls
        .scene
        .every(3, "2026-12-04T03:00:00Z", "2026-12-05T00:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units("4021"));
}

/// A month closes only by a claim after its days: what an outage kept from being read is read before it is closed.
#[tokio::test(start_paused = true)]
async fn a_month_is_not_closed_by_an_outage_over_its_last_days() {
    let calls = Calls::at("2026-11-30T07:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    calls.made("2026-11-30T07:10:00Z", "1");
    calls.scene.hour("2026-11-30T08:00:00Z").await;
    calls.made("2026-11-30T20:10:00Z", "20");
    calls.scene.world.clock.set(at("2026-12-01T20:30:00Z"));
    calls.made("2026-12-01T20:10:00Z", "300");
    fine(&calls.scene.hour("2026-12-09T05:00:00Z").await);
    fine(&calls.scene.hour("2026-12-09T06:00:00Z").await);
    assert_eq!(calls.bills().await, units("321"));
    assert_eq!(open_months(&calls).await, ["2026-12"]);
}

async fn open_months(calls: &Calls) -> Vec<String> {
    let streams = calls.scene.book().await.streams;
    streams.into_keys().map(|key| key.month.to_string()).collect()
}

#[tokio::test(start_paused = true)]
async fn an_unmapped_metric_mapped_on_the_tenth_catches_up_over_open_months_and_lapses_in_words_for_closed_ones()
 {
    let calls = Calls::at("2026-10-25T07:30:00Z").await;
    let buyer = calls.globex("2026-10-01T00:00:00Z", &[]);
    calls.scene.apply(&File::new().buyer(&buyer).text()).await;
    calls.made("2026-10-25T07:10:00Z", "7");
    let first = calls.scene.hour("2026-10-25T08:00:00Z").await;
    fine(&first);
    assert_eq!(
        held(&first),
        ["7 unmapped: no conversion leads from this metric to this marketplace"]
    );
    let mut told = calls
        .scene
        .every(24, "2026-10-26T08:00:00Z", "2026-11-15T08:00:00Z")
        .await;
    calls.made("2026-11-15T08:10:00Z", "110");
    told.extend(
        calls
            .scene
            .every(24, "2026-11-16T08:00:00Z", "2026-12-05T08:00:00Z")
            .await,
    );
    calls.made("2026-12-05T08:10:00Z", "1300");
    told.extend(
        calls
            .scene
            .every(24, "2026-12-06T08:00:00Z", "2026-12-10T08:00:00Z")
            .await,
    );
    told.iter().for_each(fine);
    let lapsed: Vec<String> = told
        .iter()
        .flat_map(held)
        .filter(|held| held.contains("lapsed"))
        .collect();
    assert_eq!(
        lapsed,
        [
            "7 lapsed: its month closed while it was held (unmapped: no conversion leads from this metric to this marketplace)"
        ]
    );

    calls.apply(buyer).await;
    let mapped = calls
        .scene
        .hours("2026-12-10T09:00:00Z", "2026-12-10T10:00:00Z")
        .await;
    mapped.iter().for_each(fine);
    assert_eq!(
        mapped.iter().flat_map(held).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    assert_eq!(calls.bills().await, units("1410"));
    // What has lapsed stays so.
    calls
        .scene
        .every(6, "2026-12-10T12:00:00Z", "2026-12-12T12:00:00Z")
        .await;
    assert_eq!(calls.bills().await, units("1410"));
}

/// From the 20th of November to the 10th of December nobody looks.
#[tokio::test(start_paused = true)]
async fn a_misspelt_dimension_blocks_its_meter_for_twenty_days_across_a_months_end_and_then_bills_all() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let misspelt = File::new().converts(&calls.metric, "api_cals", &[]);
    calls
        .scene
        .apply(&misspelt.buyer(&calls.globex(START, &[])).text())
        .await;
    calls.made("2026-11-20T07:10:00Z", "5");
    let refused = calls.scene.hour("2026-11-20T08:00:00Z").await;
    assert_eq!(outcomes(&refused), ["5 parked"]);
    assert!(
        refused
            .failure()
            .unwrap()
            .message
            .contains("InvalidUsageDimensionException")
    );
    let mut used = 5;
    for (month, days) in [("11", 21..=30), ("12", 1..=10)] {
        for day in days {
            let day = format!("2026-{month}-{day}", day = format_args!("{day:02}"));
            calls.scene.world.clock.set(at(&format!("{day}T07:30:00Z")));
            calls.made(&format!("{day}T07:10:00Z"), "10");
            used += 10;
            let summary = calls.scene.hour(&format!("{day}T08:00:00Z")).await;
            assert!(
                held(&summary).iter().all(|held| held.contains("blocked")),
                "{:?}",
                held(&summary)
            );
            assert_eq!(
                outcomes(&summary),
                Vec::<String>::new(),
                "a blocked meter makes no records"
            );
        }
    }
    assert_eq!(calls.scene.billed().len(), 0);

    calls.apply(calls.globex(START, &[])).await;
    let away = [
        "--filter",
        "dimension=api_cals",
        "--not-accepted",
        "--to",
        "api_calls",
    ];
    calls.scene.resolve(&away).await;
    for summary in calls
        .scene
        .hours("2026-12-10T09:00:00Z", "2026-12-10T10:00:00Z")
        .await
    {
        fine(&summary);
    }
    assert_eq!(calls.bills().await, units(&used.to_string()));
    assert_eq!(used, 205);
}

/// The other cure: the product learns the dimension, and the meter is released.
#[tokio::test(start_paused = true)]
async fn a_released_meter_bills_what_its_streams_have_held() {
    let calls = Calls::at("2026-11-20T07:30:00Z").await;
    let file = File::new().converts(&calls.metric, "tokens", &[]);
    calls
        .scene
        .apply(&file.buyer(&calls.globex(START, &[])).text())
        .await;
    calls.made("2026-11-20T07:10:00Z", "5");
    calls.scene.hour("2026-11-20T08:00:00Z").await;
    calls.made("2026-11-20T08:10:00Z", "60");
    calls.scene.hour("2026-11-20T09:00:00Z").await;
    calls.scene.world.metering.add_product("prod-1", &["tokens"]);
    let meter = calls.scene.book().await.meters.keys().next().unwrap().to_string();
    calls.scene.operator(&["release", &meter]).await;
    fine(&calls.scene.hour("2026-11-20T10:00:00Z").await);
    assert_eq!(calls.scene.bills("tokens").await, units("60"));
    calls
        .scene
        .resolve(&["--filter", "dimension=tokens", "--not-accepted"])
        .await;
    fine(&calls.scene.hour("2026-11-20T11:00:00Z").await);
    assert_eq!(calls.scene.bills("tokens").await, units("65"));
}
