//! The contract of a sink: what it makes of each answer of its marketplace, judged by `billing::settle`. A law is written once
//! and holds for every sink over its simulator; where the marketplaces differ by their documents, the expectation is a column
//! of [`rows::Row`].

mod rows;
pub(crate) mod sink;
mod stage;

use bytes::Bytes;
use chrono::TimeDelta;
use http::{Response, StatusCode};
use platform::FaultKind;
use sandbox::faults::{Fault, When};

use crate::scene::at;
use rows::{DELIVERED, ROWS};
use stage::{HOUR, NOW, Stage};

/// Longer than any invocation lives.
const LATER: TimeDelta = TimeDelta::minutes(20);

#[tokio::test(start_paused = true)]
async fn a_record_that_is_accepted_is_delivered() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        let sent = stage.invocation().await;
        stage.comes_to("accepted", DELIVERED);
        assert_eq!(sent.faults, [], "{}", row.name);
        let held = &stage.held()[0];
        assert_eq!(
            (held.timestamp, held.id.as_str(), held.foreign),
            (at(HOUR), sent.learned[0].record.as_str(), false),
            "{}: it says what was claimed",
            row.name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn the_identical_record_is_the_same_record_however_often_it_is_sent() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        // Taken, with a receipt that no settle wrote down.
        stage.sends().await;
        stage.invocation().await;
        stage.comes_to("sent again", row.again);
        stage.scene.world.clock.advance(LATER);
        stage.invocation().await;
        stage.comes_to("sent again, at last", row.at_last);
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_held_before_its_first_request_is_ours_only_where_that_is_told() {
    for row in &ROWS {
        let mut elsewhere = Stage::claimed(row).await;
        elsewhere.sends().await;
        // A book that knows nothing of it.
        let mut stage = Stage::claimed(row).await;
        std::mem::swap(&mut stage.scene, &mut elsewhere.scene);
        stage.invocation().await;
        stage.comes_to("held before its first request", row.known);
    }
}

#[tokio::test(start_paused = true)]
async fn another_quantity_in_the_same_hour_is_never_taken_for_ours() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        row.market.plant(&stage.scene, 0, "api_calls", HOUR, 3).await;
        stage.invocation().await;
        stage.comes_to("somebody else's 3 in its hour", row.stranger);
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_returns_what_may_pass_and_parks_what_will_not() {
    for row in &ROWS {
        let mut stage = Stage::of(row, 1).await;
        stage.claim(0, "api_cals", HOUR, 7);
        stage.invocation().await;
        stage.comes_to("a misspelt dimension", row.misspelt);
    }
}

#[tokio::test(start_paused = true)]
async fn after_the_subscription_has_ended_nothing_is_taken_and_nothing_is_called_delivered() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        row.market
            .end(&stage.scene.world, 0, at(NOW) - TimeDelta::hours(2));
        stage.invocation().await;
        stage.comes_to("an ended subscription", row.ended);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_lost_before_the_effect_is_followed_by_the_identical_record() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        stage.fault(When::First(1), Fault::LostBefore);
        stage.invocation().await;
        stage.comes_to("lost before the effect", row.dropped);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_effect_is_resolved_by_the_identical_record_or_by_a_person() {
    let answer = |status, body: &'static str| {
        let mut answer = Response::new(Bytes::from_static(body.as_bytes()));
        *answer.status_mut() = status;
        Fault::AnswerAfter(answer)
    };
    for (name, fault) in [
        ("lost after the effect", Fault::LostAfter),
        (
            "answered by 503 after the effect",
            answer(StatusCode::SERVICE_UNAVAILABLE, ""),
        ),
        (
            "answered by 500 after the effect",
            answer(StatusCode::INTERNAL_SERVER_ERROR, "{}"),
        ),
        (
            "answered by a page that is not the marketplace's",
            answer(StatusCode::OK, "<html>"),
        ),
    ] {
        for row in &ROWS {
            let mut stage = Stage::claimed(row).await;
            stage.fault(When::First(1), fault.clone());
            stage.invocation().await;
            stage.comes_to(name, row.again);
            stage.scene.world.clock.advance(LATER);
            stage.invocation().await;
            stage.comes_to(name, row.at_last);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn answers_lost_for_a_whole_invocation_leave_the_record_in_flight_for_the_next() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        stage.fault(When::Always, Fault::LostBefore);
        let sent = stage.invocation().await;
        stage.comes_to("away for an invocation", "in_flight, holds nothing");
        assert_eq!(
            sent.faults[0].kind,
            FaultKind::DestinationUnavailable,
            "{}",
            row.name
        );
        let tries = sent.learned[0].answers.len();
        assert_eq!(tries, if row.park { 1 } else { 5 }, "{}: tries", row.name);
        stage.scene.world.faults.clear();
        stage.scene.world.clock.advance(LATER);
        stage.invocation().await;
        let expected = if row.park {
            "parked, holds nothing"
        } else {
            DELIVERED
        };
        stage.comes_to("back again", expected);
    }
}

#[tokio::test(start_paused = true)]
async fn throttled_records_are_sent_again_and_owed_again_where_no_try_was_taken() {
    for row in &ROWS {
        let mut stage = Stage::claimed(row).await;
        stage.fault(When::First(3), row.market.throttled());
        stage.invocation().await;
        stage.comes_to("throttled three times", DELIVERED);

        let mut stage = Stage::claimed(row).await;
        stage.fault(When::Always, row.market.throttled());
        let sent = stage.invocation().await;
        stage.comes_to("throttled for an invocation", "returned, holds nothing");
        assert_eq!(
            (sent.learned[0].answers.len(), sent.faults[0].kind),
            (5, FaultKind::DestinationUnavailable),
            "{}",
            row.name
        );
    }
}

#[tokio::test(start_paused = true)]
async fn one_bad_record_among_many_keeps_no_other_out() {
    for row in &ROWS {
        let mut stage = Stage::of(row, 12).await;
        for buyer in 0..12 {
            // The bad one stands in the midst of its own buyer's good ones.
            if buyer == 5 {
                stage.claim(buyer, "api_cals", HOUR, 7);
            }
            stage.claim(buyer, "token_triples", HOUR, 2);
        }
        stage.invocation().await;
        let (bad, _) = row.misspelt.split_once(',').unwrap();
        let held = ["2"; 12].join(" + ");
        let expected = format!("delivered and {bad} and delivered, holds {held}");
        stage.comes_to("one bad record among thirteen", &expected);
    }
}

#[tokio::test(start_paused = true)]
async fn out_of_its_window_a_record_is_not_sent_but_owed_again() {
    for row in &ROWS {
        let mut stage = Stage::of(row, 1).await;
        // To the second 24 hours old.
        stage.claim(0, "api_calls", "2026-11-19T15:00:30Z", 7);
        let sent = sink::send(&stage.scene, row.market, stage.outgoing()).await;
        assert_eq!(
            (sent.learned[0].answers.len(), stage.requests()),
            (0, 0),
            "{}: no request",
            row.name
        );
        stage.invocation().await;
        stage.comes_to("24 hours old", "returned, holds nothing");

        let mut stage = Stage::of(row, 1).await;
        stage.claim(0, "api_calls", "2026-11-19T15:00:31Z", 7);
        stage.invocation().await;
        stage.comes_to("a second younger", DELIVERED);
    }
}
