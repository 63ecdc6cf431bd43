//! The table loses an answer, throttles, or is away.

use http::StatusCode;
use platform::FaultKind;
use sandbox::aws::metering::IdenticalRetry;
use sandbox::faults::{Fault, Rule, When};

use super::{FIRST, Matrix, SECOND, counted, outcomes, tries, writes_book};
use crate::tally::ends;

const LOST: [(&str, Fault); 2] = [("before", Fault::LostBefore), ("after", Fault::LostAfter)];

#[tokio::test(start_paused = true)]
async fn a_claim_whose_answer_was_lost_is_made_again_or_known_to_have_landed() {
    for (effect, fault) in LOST {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix.fault(
            Rule::new("claims", When::Always, fault)
                .on(writes_book(true))
                .on(tries(2)),
        );
        let summary = matrix.hour(FIRST).await;
        assert_eq!(
            (ends(&summary), outcomes(&summary)),
            (None, counted("delivered", 20))
        );
        assert_eq!(matrix.scene.world.faults.given()["claims"], 40, "each twice");
        matrix
            .states(
                &format!("every claim lost twice {effect} its effect"),
                "210 owed, 210 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_claim_that_is_lost_for_a_whole_run_sends_nothing_and_is_made_up_by_the_next() {
    for ((effect, fault), figures) in LOST.into_iter().zip([
        "210 owed, 0 billed, 210 not read yet",
        "210 owed, 0 billed, 210 in flight",
    ]) {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix.fault(Rule::new("claims", When::Always, fault).on(writes_book(true)));
        let summary = matrix.hour(FIRST).await;
        assert_eq!(ends(&summary), Some(FaultKind::StoreUnavailable));
        assert_eq!(
            matrix.scene.world.metering.counts().batch_meter_usage,
            0,
            "what is not known to be claimed is not sent"
        );
        matrix
            .states(&format!("claims lost {effect} their effect for an hour"), figures)
            .await;
        assert_eq!(ends(&matrix.ends(SECOND).await), None);
        matrix
            .states(
                &format!("claims lost {effect} their effect, and the next hour"),
                "210 owed, 210 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_settle_whose_answer_was_lost_is_made_again_or_known_to_have_landed() {
    for (effect, fault) in LOST {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        matrix.fault(
            Rule::new("settles", When::Always, fault)
                .on(writes_book(false))
                .on(tries(2)),
        );
        let summary = matrix.hour(FIRST).await;
        assert_eq!(
            (ends(&summary), outcomes(&summary)),
            (None, counted("delivered", 20))
        );
        assert_eq!(matrix.scene.world.faults.given()["settles"], 40, "each twice");
        matrix
            .states(
                &format!("every settle lost twice {effect} its effect"),
                "210 owed, 210 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_settle_that_is_lost_for_a_whole_run_is_made_up_by_the_identical_record() {
    for (answer, unproven) in [
        (IdenticalRetry::Success, ""),
        (IdenticalRetry::DuplicateRecord, ", 210 of it unproven"),
    ] {
        for ((effect, fault), (before, after)) in LOST.into_iter().zip([
            (
                "210 owed, 210 billed, 210 in flight".to_owned(),
                format!("210 owed, 210 billed{unproven}"),
            ),
            (
                "210 owed, 210 billed".to_owned(),
                "210 owed, 210 billed".to_owned(),
            ),
        ]) {
            let mut matrix = Matrix::used(20, &["api_calls"]).await;
            matrix
                .scene
                .world
                .metering
                .switch(|switches| switches.identical_retry = answer);
            matrix.fault(Rule::new("settles", When::Always, fault).on(writes_book(false)));
            let summary = matrix.hour(FIRST).await;
            assert_eq!(ends(&summary), Some(FaultKind::StoreUnavailable));
            assert_eq!(
                outcomes(&summary),
                counted("in_flight", 20),
                "none is called delivered that is not written down"
            );
            let row = format!("settles lost {effect} their effect for an hour, retry answered {answer:?}");
            matrix.states(&row, &before).await;
            assert_eq!(ends(&matrix.ends(SECOND).await), None);
            matrix.states(&format!("{row}, and the next hour"), &after).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_throttles_every_request_twice_costs_time_and_nothing_else() {
    let mut matrix = Matrix::used(40, &["api_calls"]).await;
    let throttled = Fault::aws(StatusCode::BAD_REQUEST, "ProvisionedThroughputExceededException");
    matrix.fault(
        Rule::new("throttled", When::Always, throttled)
            .on_service("dynamodb")
            .on(tries(2)),
    );
    let summary = matrix.hour(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 40))
    );
    assert!(
        matrix.scene.world.faults.given()["throttled"] >= 2 * 80,
        "two writes a buyer"
    );
    matrix
        .states(
            "every request to the table throttled twice",
            "820 owed, 820 billed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_table_that_throttles_every_write_of_a_run_loses_nothing() {
    for operation in ["PutItem", "TransactWriteItems"] {
        let mut matrix = Matrix::used(20, &["api_calls"]).await;
        let throttled = Fault::aws(StatusCode::BAD_REQUEST, "ThrottlingException");
        matrix.fault(Rule::new("throttled", When::Always, throttled).on_operation(operation));
        let summary = matrix.hour(FIRST).await;
        assert_eq!(ends(&summary), Some(FaultKind::StoreUnavailable), "{operation}");
        matrix.scene.world.faults.clear();
        assert_eq!(ends(&matrix.ends(SECOND).await), None);
        matrix
            .states(
                &format!("every {operation} of a run throttled, and the next"),
                "210 owed, 210 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_away_bills_nobody_and_the_next_run_everybody() {
    let mut matrix = Matrix::used(20, &["api_calls"]).await;
    matrix.fault(Rule::new("away", When::Always, Fault::LostBefore).on_service("dynamodb"));
    matrix
        .scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T15:00:30Z"));
    let fault = matrix.scene.run(FIRST).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::StoreUnavailable);
    assert!(
        fault.message.contains("meterbridge"),
        "it names the table: {fault}"
    );
    matrix.scene.world.faults.clear();
    matrix
        .states(
            "the table away for an hour",
            "210 owed, 0 billed, 210 not read yet",
        )
        .await;
    assert_eq!(ends(&matrix.ends(SECOND).await), None);
    matrix
        .states("the table away for an hour, and the next", "210 owed, 210 billed")
        .await;
}
