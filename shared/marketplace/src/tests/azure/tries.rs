use std::time::Duration;

use billing::Outcome;
use platform::FaultKind;
use serde_json::{Value, json};

use super::scripted::*;
use crate::tests::scripted::{letters, only, settled};

fn throttled(after: Option<&'static str>) -> Step {
    Step::Answer(429, after, String::new())
}

#[tokio::test(start_paused = true)]
async fn throttled_five_times_is_given_up_and_owed_again() {
    let service = Microsoft::new(|_| throttled(None));
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "LLLLL");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn retry_after_is_obeyed_by_every_call_of_the_sink() {
    let service = Microsoft::steps([throttled(Some("7"))]);
    let sink = service.sink();
    let other = async {
        while service.calls().is_empty() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sink.send(records(1)).await
    };
    let (first, second) = tokio::join!(sink.send(records(2)), other);
    assert!(
        first
            .learned
            .iter()
            .all(|learned| letters(&learned.answers) == "LA")
    );
    assert_eq!((only(&second), first.faults.len()), ("A".to_owned(), 0));
    let calls = service.calls();
    assert!(
        calls[1..]
            .iter()
            .all(|call| call.at - calls[0].at >= Duration::from_secs(7))
    );
}

#[tokio::test(start_paused = true)]
async fn a_wait_longer_than_a_minute_is_left_to_the_next_run() {
    let service = Microsoft::new(|_| throttled(Some("3600")));
    assert_eq!(only(&service.send(records(1)).await), "L");
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_took_nothing_and_is_tried_again() {
    let service = Microsoft::steps([Step::NotSent, Step::NotSent]);
    assert_eq!(only(&service.send(records(1)).await), "LLA");
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_in_any_way_is_unknown_and_the_record_is_sent_again_unchanged() {
    let losses = [
        Step::Lost,
        Step::TooLarge,
        Step::Silence,
        answer(500, &json!({"code": "InternalError", "message": "no"})),
        Step::Answer(503, Some("2"), String::new()),
        answer(408, &Value::Null),
        Step::Answer(302, None, String::new()),
        answer(202, &Value::Null),
    ];
    for loss in losses {
        let service = Microsoft::steps([loss.clone()]);
        let sent = service.send(records(3)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "UA"),
            "{loss:?}: {sent:?}"
        );
        let calls = service.calls();
        assert_eq!((calls.len(), sent.faults.len()), (2, 0), "{loss:?}");
        assert_eq!(calls[0].text, calls[1].text, "{loss:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_effect_is_settled_by_the_quantity_that_microsoft_holds() {
    let mut held = None;
    let service = Microsoft::new(move |call| match &held {
        None => {
            held = Some(call.events()[0].clone());
            Step::Lost
        }
        Some(held) => results(&[duplicate(&call.events()[0], held)]),
    });
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "UD");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Delivered
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_away_leaves_the_record_in_flight_and_is_named() {
    let service = Microsoft::new(|_| Step::Silence);
    let began = tokio::time::Instant::now();
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert!(only(&sent).chars().all(|letter| letter == 'U'));
    assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None);
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    assert!(sent.faults[0].message.contains("Microsoft's marketplace"));
    assert!(
        began.elapsed() <= Duration::from_secs(80),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn no_second_holds_more_than_ten_calls() {
    let service = Microsoft::steps([]);
    let sent = service.send(records(1_000)).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "A")
    );
    let calls = service.calls();
    assert_eq!(calls.len(), 40);
    for (index, first) in calls.iter().enumerate() {
        let within = calls[index..]
            .iter()
            .filter(|call| call.at - first.at <= Duration::from_secs(1));
        assert!(within.count() <= 10);
    }
    assert!(calls[39].at - calls[0].at < Duration::from_secs(5));
}

#[tokio::test(start_paused = true)]
async fn only_what_the_window_takes_is_sent() {
    let cases = [
        ("2026-11-21T13:59:58Z", "2026-11-20T13:59:59Z", "A"),
        ("2026-11-21T13:59:59Z", "2026-11-20T13:59:59Z", ""),
        ("2026-11-20T13:59:58Z", "2026-11-20T13:59:59Z", ""),
        ("2026-12-01T12:00:00Z", "2026-11-30T23:59:59Z", "A"),
    ];
    for (now, timestamp, letters) in cases {
        let service = Microsoft::steps([]);
        let outgoing = outgoing(&resource(0), "d0", timestamp, "1");
        let sent = service.send_at(now, vec![outgoing]).await;
        assert_eq!(only(&sent), letters, "{timestamp} at {now}");
        assert_eq!((service.calls().len(), sent.faults.len()), (letters.len(), 0));
        assert_eq!(service.logins().len(), letters.len(), "no token for nothing");
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_between_two_tries_ends_them() {
    let service = Microsoft::new(|_| Step::Silence);
    let sent = service.send_at("2026-11-21T13:59:50Z", records(1)).await;
    assert_eq!(only(&sent), "U", "the one request that was made is told");
}

#[tokio::test(start_paused = true)]
async fn no_call_begins_when_the_invocation_is_about_to_end() {
    let service = Microsoft::steps([]);
    let sink = service.sink_with(Ok(&secret()), Duration::from_secs(30));
    let sent = sink.send(records(2)).await;
    assert!(sent.learned.iter().all(|learned| learned.answers.is_empty()));
    assert_eq!(
        (service.calls().len(), service.logins().len(), sent.faults.len()),
        (0, 0, 0)
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_that_comes_when_the_invocation_is_about_to_end_sends_nothing() {
    let service = Microsoft::steps([]).login(|_| Step::Silence);
    let began = tokio::time::Instant::now();
    let sink = service.sink_with(Ok(&secret()), Duration::from_secs(35));
    let sent = sink.send(records(1)).await;
    assert_eq!((only(&sent), service.calls().len()), ("L".to_owned(), 0));
    assert!(began.elapsed() <= Duration::from_secs(6));
}
