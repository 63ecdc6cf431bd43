use std::time::Duration;

use platform::{Deadline, Fault, FaultKind, TransportError};
use tokio::time::Instant;

use super::scripted::{Metronome, Reply, failure, last_page, ok, refusal, reply};
use super::usage::query;
use crate::Error;

fn globex() -> Reply {
    ok(r#"{"data":{"id":"c","name":"Globex"}}"#)
}

fn seconds(count: u64) -> Duration {
    Duration::from_secs(count)
}

/// Time between the first two requests.
async fn wait_after(first: Reply) -> Duration {
    let metronome = Metronome::replying([first, globex()]);
    metronome.client().customer("c").await.unwrap();
    let asked = metronome.asked();
    asked[1].at - asked[0].at
}

#[tokio::test(start_paused = true)]
async fn what_may_pass_is_asked_for_again() {
    let passing = [
        refusal(429, "slow down"),
        refusal(500, "oops"),
        reply(503, "<html>"),
        reply(408, ""),
        failure(TransportError::Lost("connection reset".to_owned())),
        failure(TransportError::NotSent("connection refused".to_owned())),
    ];
    for first in passing {
        let waited = wait_after(first).await;
        assert!(
            waited >= Duration::from_millis(250) && waited < seconds(2),
            "{waited:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn five_tries_are_made_and_the_last_error_is_told() {
    let cases = [
        (refusal(429, "slow down"), "slow down"),
        (refusal(502, "away"), "502: away"),
    ];
    for (answer, words) in cases {
        let metronome = Metronome::answering(move |_, _| answer.clone());
        let fault = Fault::from(metronome.client().customer("c").await.unwrap_err());
        assert_eq!(fault.kind, FaultKind::SourceUnavailable);
        assert!(
            fault.message.contains(words) && fault.message.contains("/v1/customers/c"),
            "{fault}"
        );
        assert_eq!(metronome.asked().len(), 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_named_in_seconds_is_honoured() {
    for status in [429, 503] {
        let waited = wait_after(refusal(status, "later").with("retry-after", "7")).await;
        assert!(waited >= seconds(7) && waited < seconds(8), "{waited:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_named_as_a_date_is_measured_on_the_answers_own_clock() {
    let dated = |until: &str| {
        refusal(429, "later")
            .with("date", "Fri, 20 Nov 2026 14:00:00 GMT")
            .with("retry-after", until)
    };
    let waited = wait_after(dated("Fri, 20 Nov 2026 14:00:12 GMT")).await;
    assert!(waited >= seconds(12) && waited < seconds(13), "{waited:?}");
    for passed_or_garbled in ["Fri, 20 Nov 2026 13:00:00 GMT", "soon", "-5", "1e9"] {
        assert!(
            wait_after(dated(passed_or_garbled)).await < seconds(2),
            "{passed_or_garbled}"
        );
    }
    let undated = refusal(429, "later").with("retry-after", "Fri, 20 Nov 2026 14:00:12 GMT");
    assert!(wait_after(undated).await < seconds(2));
}

#[tokio::test(start_paused = true)]
async fn one_call_told_to_wait_makes_all_calls_wait() {
    // Eight chunks wait for their slots, an eighth of a second apart, when the first is told to wait.
    let metronome = Metronome::answering(|number, _| match number {
        0 => refusal(429, "slow down")
            .with("retry-after", "5")
            .after(Duration::from_millis(50)),
        _ => last_page(""),
    });
    metronome.client().usage(&query(800)).await.unwrap();
    let asked = metronome.asked();
    assert_eq!(asked.len(), 9);
    for (index, other) in asked.iter().enumerate().skip(1) {
        assert!(other.at - asked[0].at >= seconds(5), "{index}");
        assert!(other.at - asked[0].at < seconds(7), "{index}");
        assert!(
            index == 1 || other.at - asked[index - 1].at >= Duration::from_millis(127),
            "no burst after it"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_wait_too_long_to_sit_out_turns_every_call_away_at_once() {
    for named in ["60", "3600", "18446744073709551615"] {
        let metronome = Metronome::replying([refusal(429, "tomorrow").with("retry-after", named)]);
        let client = metronome.client();
        let start = Instant::now();
        for _ in 0..2 {
            let error = client.customer("c").await.unwrap_err();
            assert!(
                matches!(error, Error::Throttled { wait: Some(_), .. }),
                "{error:?}"
            );
        }
        assert!(
            start.elapsed() < seconds(1),
            "nobody else in the invocation waits for it"
        );
        assert_eq!(metronome.asked().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn those_already_queued_for_a_slot_are_turned_away_too() {
    // All twenty wait for their slots before the first is answered.
    let metronome = Metronome::answering(|_, _| {
        refusal(429, "tomorrow")
            .with("retry-after", "3600")
            .after(Duration::from_millis(50))
    });
    let client = metronome.client();
    let answers = futures::future::join_all((0..20).map(|_| client.customer("c"))).await;
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer, Err(Error::Throttled { .. })))
    );
    assert_eq!(metronome.asked().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_end_of_the_invocation_is_not_begun() {
    let metronome = Metronome::replying([refusal(429, "later").with("retry-after", "30")]);
    let client = metronome.client_until(Deadline::after(seconds(50)));
    let start = Instant::now();
    for _ in 0..2 {
        client.customer("c").await.unwrap_err();
    }
    assert!(start.elapsed() < seconds(1));
}

#[tokio::test(start_paused = true)]
async fn a_shorter_wait_does_not_cut_a_longer_one_short() {
    let metronome = Metronome::answering(|number, _| match number {
        0 => refusal(429, "later")
            .with("retry-after", "20")
            .after(Duration::from_millis(150)),
        1 => refusal(429, "later").after(Duration::from_millis(150)),
        _ => globex(),
    });
    let client = metronome.client();
    let (one, other) = futures::join!(client.customer("c"), client.customer("d"));
    assert!(one.is_ok() && other.is_ok());
    let asked = metronome.asked();
    assert_eq!(asked.len(), 4);
    assert!(asked[2].at - asked[0].at >= seconds(20));
}

#[tokio::test(start_paused = true)]
async fn after_a_long_pause_calls_go_out_again() {
    let metronome = Metronome::replying([refusal(429, "later").with("retry-after", "90"), globex()]);
    let client = metronome.client();
    client.customer("c").await.unwrap_err();
    tokio::time::sleep(seconds(91)).await;
    client.customer("c").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn no_request_begins_when_the_invocation_is_about_to_end() {
    let metronome = Metronome::answering(|_, _| refusal(503, "away"));
    let late = metronome.client_until(Deadline::after(seconds(29)));
    let error = late.customer("c").await.unwrap_err();
    assert!(matches!(error, Error::OutOfTime { .. }), "{error:?}");
    assert_eq!(Fault::from(error).kind, FaultKind::SourceUnavailable);
    assert_eq!(metronome.asked().len(), 0);

    let start = Instant::now();
    let soon = metronome.client_until(Deadline::after(seconds(31)));
    soon.customer("c").await.unwrap_err();
    assert!(!metronome.asked().is_empty());
    assert!(
        metronome
            .asked()
            .iter()
            .all(|asked| asked.at - start < seconds(1))
    );
}

#[tokio::test(start_paused = true)]
async fn a_queue_for_slots_ends_with_the_invocation_too() {
    let metronome = Metronome::answering(|_, _| globex());
    let client = metronome.client_until(Deadline::after(seconds(32)));
    let start = Instant::now();
    let answers = futures::future::join_all((0..100).map(|_| client.customer("c"))).await;
    assert!(start.elapsed() <= seconds(2));
    let turned_away = answers
        .iter()
        .filter(|answer| matches!(answer, Err(Error::OutOfTime { .. })))
        .count();
    assert_eq!(turned_away + metronome.asked().len(), 100);
    assert!(
        (14..=17).contains(&metronome.asked().len()),
        "{}",
        metronome.asked().len()
    );
}
