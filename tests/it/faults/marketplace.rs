//! The marketplace throttles, leaves records unprocessed, breaks off, dies, refuses one record, or holds somebody else's.

use std::num::NonZeroU64;

use http::StatusCode;
use platform::FaultKind;
use sandbox::aws::metering::{Foreign, IdenticalRetry};
use sandbox::faults::{Fault, Rule, When};
use sandbox::world::REGION;

use super::{FIRST, FRESH, Matrix, SECOND, THIRD, counted, held, outcomes, tries};
use crate::scene::at;
use crate::tally::ends;

const ANSWERS: [IdenticalRetry; 2] = [IdenticalRetry::Success, IdenticalRetry::DuplicateRecord];

fn calls(name: &str, when: When, fault: Fault) -> Rule {
    Rule::new(name, when, fault).on_operation("BatchMeterUsage")
}

#[tokio::test(start_paused = true)]
async fn at_ten_calls_a_second_1000_buyers_are_billed_in_one_run() {
    let mut matrix = Matrix::used(1_000, &["api_calls", "seats"]).await;
    matrix
        .scene
        .world
        .metering
        .switch(|switches| switches.throttled = true);
    let summary = matrix.hour(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 2_000))
    );
    let counts = matrix.scene.world.metering.counts();
    assert_eq!(
        (counts.batch_meter_usage, counts.throttled),
        (80, 0),
        "2,000 records by 25, and never too fast"
    );
    assert!(
        counts.busiest_second <= 10,
        "{} calls in one second",
        counts.busiest_second
    );
    matrix
        .states(
            "throttled at 10 calls/s, 1,000 buyers",
            "500500 owed, 500500 billed",
        )
        .await;
    matrix
        .scene
        .states(
            "throttled at 10 calls/s, 1,000 buyers",
            "seats",
            "500500 owed, 500500 billed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn where_others_use_up_the_quota_the_calls_are_made_again() {
    let mut matrix = Matrix::used(200, &["api_calls", "seats"]).await;
    matrix.fault(
        calls(
            "throttled",
            When::Always,
            Fault::aws(StatusCode::BAD_REQUEST, "ThrottlingException"),
        )
        .on(tries(4)),
    );
    let summary = matrix.hour(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 400))
    );
    assert_eq!(matrix.scene.world.faults.given()["throttled"], 4 * 16);
    matrix
        .states(
            "every call throttled four times, 200 buyers",
            "20100 owed, 20100 billed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn throttled_for_a_whole_run_everything_is_owed_again_and_billed_by_the_next() {
    let mut matrix = Matrix::used(200, &["api_calls"]).await;
    matrix.fault(calls(
        "throttled",
        When::Always,
        Fault::aws(StatusCode::BAD_REQUEST, "ThrottlingException"),
    ));
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::DestinationUnavailable));
    assert_eq!(outcomes(&summary), counted("returned", 200));
    matrix
        .states(
            "throttled for an hour",
            "20100 owed, 0 billed, 20100 left for the next record",
        )
        .await;
    assert_eq!(ends(&matrix.ends(SECOND).await), None);
    matrix
        .states("throttled for an hour, and the next", "20100 owed, 20100 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn records_left_unprocessed_are_sent_again_until_they_are_taken() {
    let mut matrix = Matrix::used(200, &["api_calls"]).await;
    matrix
        .scene
        .world
        .metering
        .switch(|switches| switches.unprocessed_every = NonZeroU64::new(2));
    let summary = matrix.hour(FIRST).await;
    let unprocessed = matrix.scene.world.metering.counts().unprocessed;
    assert!(unprocessed >= 100, "{unprocessed} of 200 records came back");
    let delivered = outcomes(&summary)
        .iter()
        .find(|(outcome, _)| outcome == "delivered")
        .map(|(_, count)| *count);
    let left = 200 - delivered.unwrap();
    assert_eq!(
        ends(&summary),
        (left > 0).then_some(FaultKind::Incomplete),
        "what is left is said"
    );
    matrix.ends(SECOND).await;
    matrix
        .states("every second record unprocessed", "20100 owed, 20100 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_crash_after_the_send_is_redelivered_an_hour_later_and_billed_once() {
    for (answer, figures, outcome) in [
        (IdenticalRetry::Success, "210 owed, 210 billed", "delivered"),
        (
            IdenticalRetry::DuplicateRecord,
            "210 owed, 210 billed, 210 of it unproven",
            "delivered_unproven",
        ),
    ] {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix
            .scene
            .world
            .metering
            .switch(|switches| switches.identical_retry = answer);
        matrix.dies_after("BatchMeterUsage", FIRST).await;
        matrix
            .states("crash after the send", "210 owed, 210 billed, 210 in flight")
            .await;
        let summary = matrix.ends(SECOND).await;
        assert_eq!((ends(&summary), outcomes(&summary)), (None, counted(outcome, 20)));
        matrix
            .states(
                &format!("crash after the send, redelivered, retry answered {answer:?}"),
                figures,
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn answers_that_are_lost_are_resolved_by_the_identical_record() {
    let five = Fault::status(StatusCode::SERVICE_UNAVAILABLE, "text/html", "<html>busy</html>");
    let Fault::Answer(after) = five.clone() else {
        panic!("an answer")
    };
    let internal = Fault::aws(StatusCode::INTERNAL_SERVER_ERROR, "InternalServiceErrorException");
    for answer in ANSWERS {
        for (name, fault, landed) in [
            ("dropped before", Fault::LostBefore, false),
            ("dropped after", Fault::LostAfter, true),
            ("503 before", five.clone(), false),
            ("503 after", Fault::AnswerAfter(after.clone()), true),
            ("internal error", internal.clone(), false),
        ] {
            let mut matrix = Matrix::used(20, &["api_calls"]).await;
            matrix
                .scene
                .world
                .metering
                .switch(|switches| switches.identical_retry = answer);
            matrix.fault(calls(name, When::First(1), fault));
            let summary = matrix.hour(FIRST).await;
            let unproven = landed && answer == IdenticalRetry::DuplicateRecord;
            let outcome = if unproven {
                "delivered_unproven"
            } else {
                "delivered"
            };
            assert_eq!(
                (ends(&summary), outcomes(&summary)),
                (None, counted(outcome, 20)),
                "{name}"
            );
            let figures = if unproven {
                "210 owed, 210 billed, 210 of it unproven"
            } else {
                "210 owed, 210 billed"
            };
            matrix
                .states(&format!("{name}, retry answered {answer:?}"), figures)
                .await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_marketplace_that_breaks_off_for_a_whole_run_leaves_the_records_in_flight() {
    for (name, fault, billed) in [("before", Fault::LostBefore, 0), ("after", Fault::LostAfter, 210)] {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix.fault(calls(name, When::Always, fault));
        let summary = matrix.hour(FIRST).await;
        assert_eq!(ends(&summary), Some(FaultKind::DestinationUnavailable));
        assert_eq!(outcomes(&summary), counted("in_flight", 20));
        let figures = format!("210 owed, {billed} billed, 210 in flight");
        matrix
            .states(
                &format!("connections dropped {name} the effect for an hour"),
                &figures,
            )
            .await;
        matrix.ends(SECOND).await;
        matrix
            .states(
                &format!("connections dropped {name} the effect, and the next hour"),
                "210 owed, 210 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_misspelt_dimension_among_25_records_is_parked_and_blocked_and_24_are_billed_in_the_same_run() {
    let mut matrix = Matrix::of(25, &["api_calls", "seats"]).await;
    let file = matrix.shop.file().replace("to = \"seats\"", "to = \"seat\"");
    matrix.scene.apply(&file).await;
    matrix.laws = crate::laws::Laws::over(&matrix.scene).await;
    for buyer in 0..24 {
        matrix
            .shop
            .uses(&matrix.scene, buyer, "api_calls", "2026-11-20T14:10:00Z", "10");
    }
    matrix
        .shop
        .uses(&matrix.scene, 24, "seats", "2026-11-20T14:10:00Z", "7");
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::Parked));
    assert_eq!(
        outcomes(&summary),
        [("delivered".to_owned(), 24), ("parked".to_owned(), 1)]
    );
    matrix
        .states(
            "one misspelt dimension among 25: the others",
            "240 owed, 240 billed",
        )
        .await;
    matrix
        .scene
        .states(
            "one misspelt dimension among 25: itself",
            "seat",
            "7 owed, 0 billed, 7 parked",
        )
        .await;

    // Its meter is blocked: what comes after waits in its stream, and is not burnt.
    matrix.scene.world.clock.set(at("2026-11-20T15:40:00Z"));
    matrix
        .shop
        .uses(&matrix.scene, 24, "seats", "2026-11-20T15:10:00Z", "5");
    matrix
        .shop
        .uses(&matrix.scene, 3, "api_calls", "2026-11-20T15:10:00Z", "1");
    let calls = matrix.scene.world.metering.counts().batch_meter_usage;
    let summary = matrix.ends(SECOND).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 1)),
        "what is held is no error"
    );
    assert_eq!(matrix.scene.world.metering.counts().batch_meter_usage, calls + 1);
    assert!(
        held(&summary)
            .iter()
            .all(|reason| reason.starts_with("blocked: InvalidUsageDimensionException"))
    );
    matrix
        .states("an hour later: the others", "241 owed, 241 billed")
        .await;
    matrix
        .scene
        .states(
            "an hour later: itself",
            "seat",
            "12 owed, 0 billed, 7 parked, 5 held",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_buyer_without_a_licence_among_25_stops_nobody_else() {
    let mut matrix = Matrix::used(25, &["api_calls"]).await;
    let stranger = matrix.shop.file().replace(
        &matrix.shop.license(11),
        "arn:aws:license-manager::123456789012:license:l-none",
    );
    matrix.scene.apply(&stranger).await;
    matrix.laws = crate::laws::Laws::over(&matrix.scene).await;
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::Parked));
    assert_eq!(
        outcomes(&summary),
        [("delivered".to_owned(), 24), ("parked".to_owned(), 1)]
    );
    matrix
        .states("one unknown licence among 25", "325 owed, 313 billed, 12 parked")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_has_ended_is_refused_each_hour_and_owed_until_it_is_back() {
    let mut matrix = Matrix::used(25, &["api_calls"]).await;
    let ended = matrix.shop.identity(7);
    matrix
        .scene
        .world
        .metering
        .deprovision(&ended, at("2026-11-20T12:00:00Z"));
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::Incomplete));
    assert_eq!(
        outcomes(&summary),
        [("delivered".to_owned(), 24), ("returned".to_owned(), 1)]
    );
    matrix
        .states(
            "one subscription among 25 ended",
            "325 owed, 317 billed, 8 left for the next record",
        )
        .await;
    let back = sandbox::aws::metering::Subscription::new("acme", ended, at("2026-11-20T12:00:00Z"));
    matrix.scene.world.metering.subscribe(back);
    assert_eq!(ends(&matrix.ends(SECOND).await), None);
    matrix
        .states(
            "one subscription among 25 ended, and is back",
            "325 owed, 325 billed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_in_our_hour_is_a_discrepancy_under_either_answer_to_a_retry() {
    for answer in ANSWERS {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix
            .scene
            .world
            .metering
            .switch(|switches| switches.identical_retry = answer);
        plant(&matrix, 4, "3");
        let summary = matrix.hour(FIRST).await;
        assert_eq!(ends(&summary), Some(FaultKind::Parked), "alarmed");
        assert_eq!(
            outcomes(&summary),
            [("delivered".to_owned(), 19), ("parked".to_owned(), 1)]
        );
        assert!(summary.failure().unwrap().message.contains("discrepancy"));
        matrix
            .states(
                &format!("a foreign record, retry answered {answer:?}"),
                "210 owed, 205 billed, 5 parked",
            )
            .await;
        // Nothing of it is sent again.
        let calls = matrix.scene.world.metering.counts().batch_meter_usage;
        matrix.ends(SECOND).await;
        assert_eq!(matrix.scene.world.metering.counts().batch_meter_usage, calls);
    }
}

#[tokio::test(start_paused = true)]
async fn a_foreign_record_of_our_own_quantity_is_still_a_discrepancy_where_aws_says_duplicate() {
    let mut matrix = Matrix::used(20, &["api_calls"]).await;
    let duplicate = IdenticalRetry::DuplicateRecord;
    matrix
        .scene
        .world
        .metering
        .switch(|switches| switches.identical_retry = duplicate);
    plant(&matrix, 4, "5");
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::Parked));
    matrix
        .states(
            "a foreign record of our quantity",
            "210 owed, 205 billed, 5 parked",
        )
        .await;
}

/// Where an earlier request of ours was lost, nobody can tell whose record it is: it counts apart, and is never proven.
#[tokio::test(start_paused = true)]
async fn a_foreign_record_after_a_lost_request_is_delivered_unproven_and_counted_apart() {
    let mut matrix = Matrix::used(20, &["api_calls"]).await;
    plant(&matrix, 4, "3");
    matrix.fault(calls("lost", When::First(1), Fault::LostBefore));
    let summary = matrix.hour(FIRST).await;
    assert_eq!(
        outcomes(&summary),
        [("delivered".to_owned(), 19), ("delivered_unproven".to_owned(), 1)]
    );
    assert_eq!(ends(&summary), None);
    matrix
        .states(
            "a foreign record after a lost request",
            "210 owed, 205 billed, 5 of it unproven",
        )
        .await;
    matrix.ends(THIRD).await;
    matrix.ends(FRESH).await;
    matrix
        .states("the same, hours later", "210 owed, 205 billed, 5 of it unproven")
        .await;
}

/// Somebody else has sent so much for the buyer, in the hour that the first run takes.
fn plant(matrix: &Matrix, buyer: usize, units: &str) {
    matrix.scene.world.metering.plant(&Foreign {
        identity: matrix.shop.identity(buyer),
        region: REGION.to_owned(),
        dimension: "api_calls".to_owned(),
        timestamp: at("2026-11-20T14:20:00Z"),
        quantity: units.parse().unwrap(),
    });
}
