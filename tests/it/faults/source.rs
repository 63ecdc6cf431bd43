//! Metronome wants fewer requests, fails, or breaks off.

use http::StatusCode;
use platform::FaultKind;
use sandbox::faults::{Fault, Rule, When};

use super::{FIRST, Matrix, SECOND, counted, held, outcomes, tries};
use crate::tally::ends;

fn too_many(after: Option<u32>) -> Fault {
    Fault::too_many_requests(after, "application/json", r#"{"message":"Too many requests"}"#)
}

fn status(code: u16) -> Fault {
    Fault::status(
        StatusCode::from_u16(code).unwrap(),
        "text/html",
        "<html>oops</html>",
    )
}

#[tokio::test(start_paused = true)]
async fn a_metronome_that_fails_now_and_then_costs_time_and_nothing_else() {
    for (name, fault) in [
        ("429", too_many(None)),
        ("429 with Retry-After", too_many(Some(3))),
        ("500", status(500)),
        ("502", status(502)),
        ("503", status(503)),
        ("504", status(504)),
        ("dropped before the effect", Fault::LostBefore),
        ("dropped after the effect", Fault::LostAfter),
    ] {
        let mut matrix = Matrix::used(30, &["api_calls"]).await;
        matrix.fault(
            Rule::new(name, When::Always, fault)
                .on_service("metronome")
                .on(tries(2)),
        );
        let summary = matrix.hour(FIRST).await;
        assert_eq!(
            (ends(&summary), outcomes(&summary)),
            (None, counted("delivered", 30)),
            "{name}"
        );
        assert!(
            matrix.scene.world.faults.given()[name] > 2 * 30,
            "each page twice"
        );
        matrix
            .states(
                &format!("Metronome: every request twice {name}"),
                "465 owed, 465 billed",
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_waited_out() {
    for (after, least) in [(None, 1), (Some(7), 7)] {
        let mut matrix = Matrix::used(1, &["api_calls"]).await;
        matrix.fault(Rule::new("429", When::First(1), too_many(after)).on_service("metronome"));
        let began = tokio::time::Instant::now();
        assert_eq!(ends(&matrix.hour(FIRST).await), None);
        let took = began.elapsed().as_secs();
        assert!(
            (least..least + 6).contains(&took),
            "waited {took} s for {after:?}"
        );
        matrix
            .states(&format!("one 429, Retry-After {after:?}"), "1 owed, 1 billed")
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_retry_after_beyond_the_run_ends_it_and_the_next_catches_up() {
    let mut matrix = Matrix::used(20, &["api_calls"]).await;
    matrix.fault(Rule::new("429", When::Always, too_many(Some(3600))).on_path("/v1/usage"));
    let began = tokio::time::Instant::now();
    let summary = matrix.hour(FIRST).await;
    assert_eq!(ends(&summary), Some(FaultKind::SourceUnavailable));
    assert!(began.elapsed().as_secs() < 90, "nobody waits an hour");
    assert!(
        held(&summary)
            .iter()
            .all(|reason| reason.starts_with("unreadable: ")),
        "{:?}",
        held(&summary)
    );
    matrix
        .states("429 for an hour", "210 owed, 0 billed, 210 not read yet")
        .await;
    assert_eq!(ends(&matrix.ends(SECOND).await), None);
    matrix
        .states("429 for an hour, and the next", "210 owed, 210 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_metronome_that_is_away_for_a_run_is_caught_up_by_the_next() {
    for (name, fault) in [
        ("503", status(503)),
        ("dropped", Fault::LostBefore),
        ("429", too_many(None)),
    ] {
        for path in ["/v1/billable-metrics", "/v1/customers", "/v1/usage"] {
            let mut matrix = Matrix::used(20, &["api_calls"]).await;
            matrix.fault(Rule::new(name, When::Always, fault.clone()).on_path(path));
            let summary = matrix.hour(FIRST).await;
            assert_eq!(
                ends(&summary),
                Some(FaultKind::SourceUnavailable),
                "{name} {path}"
            );
            let error = summary.connections[0].error.clone().unwrap();
            assert!(error.contains(path), "{error}");
            // Days gone by and today are two lists.
            let lists = if path == "/v1/usage" { 2 } else { 1 };
            assert_eq!(
                matrix.scene.world.faults.given()[name],
                5 * lists,
                "five tries, and no more"
            );
            matrix
                .states(
                    &format!("Metronome: {name} at {path} for an hour"),
                    "210 owed, 0 billed, 210 not read yet",
                )
                .await;
            assert_eq!(ends(&matrix.ends(SECOND).await), None);
            matrix
                .states(
                    &format!("Metronome: {name} at {path}, and the next hour"),
                    "210 owed, 210 billed",
                )
                .await;
        }
    }
}

/// What is in flight is delivered even while Metronome is away.
#[tokio::test(start_paused = true)]
async fn records_in_flight_are_delivered_while_metronome_is_away() {
    let mut matrix = Matrix::used(20, &["api_calls"]).await;
    matrix.fault(Rule::new("lost", When::Always, Fault::LostBefore).on_operation("BatchMeterUsage"));
    matrix.hour(FIRST).await;
    matrix.scene.world.faults.clear();
    matrix.fault(Rule::new("away", When::Always, status(503)).on_service("metronome"));
    let summary = matrix.hour(SECOND).await;
    assert_eq!(ends(&summary), Some(FaultKind::SourceUnavailable));
    assert_eq!(outcomes(&summary), counted("delivered", 20));
    matrix
        .states("in flight, and Metronome away", "210 owed, 210 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn the_tokens_budget_is_kept() {
    let mut matrix = Matrix::used(60, &["api_calls", "seats"]).await;
    matrix.scene.world.metronome.set_budget(Some(8));
    assert_eq!(ends(&matrix.hour(FIRST).await), None);
    assert!(matrix.scene.world.metronome.peak_requests_per_second() <= 8);
    matrix
        .states("8 requests a second to Metronome", "1830 owed, 1830 billed")
        .await;
}
