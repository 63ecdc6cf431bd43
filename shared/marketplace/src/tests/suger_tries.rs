//! When Suger is asked again, how fast, and when no more.

use std::time::Duration;

use billing::Outcome;
use platform::FaultKind;

use super::scripted::{answers, letters, only, settled};
use super::suger_service::*;

#[tokio::test(start_paused = true)]
async fn an_answer_lost_before_the_effect_is_made_good_by_the_same_bytes() {
    let losses = [
        Step::Lost,
        Step::Silence,
        Step::TooLarge,
        error(500, "internal"),
        error(503, "busy"),
        error(408, "too slow"),
        Step::Answer(302, String::new()),
    ];
    for loss in losses {
        let service = Service::steps([loss.clone()]);
        let sent = service.send(records(1)).await;
        assert_eq!(only(&sent), "UA", "{loss:?}");
        let calls = service.calls();
        assert_eq!((calls.len(), service.held().len()), (2, 1), "{loss:?}");
        assert_eq!(
            (&calls[0].uri, &calls[0].text),
            (&calls[1].uri, &calls[1].text),
            "{loss:?}"
        );
        assert_eq!(sent.faults, []);
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_effect_is_billed_once_and_delivered() {
    let losses = [
        Step::TakeAndLose,
        Step::TakeAndAnswer(500, String::new()),
        Step::TakeAndAnswer(200, "<html>".to_owned()),
    ];
    for loss in losses {
        let service = Service::steps([loss]);
        let outgoing = records(1);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(only(&sent), "UD");
        assert_eq!(service.held().len(), 1);
        assert_eq!(
            settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
            Outcome::Delivered
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_away_leaves_the_record_in_flight_and_is_named() {
    let service = Service::new(|_| error(500, "internal"));
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!((only(&sent).as_str(), service.calls().len()), ("UUUUU", 5));
    assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None);
    assert_eq!(sent.faults.len(), 1);
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    assert_eq!(sent.faults[0].message, "Suger: HTTP 500: internal");
}

#[tokio::test(start_paused = true)]
async fn a_refused_connection_took_nothing_and_is_tried_again() {
    let service = Service::steps([Step::NotSent, Step::NotSent]);
    assert_eq!(only(&service.send(records(1)).await), "LLA");
    let dead = Service::new(|_| Step::NotSent);
    let outgoing = records(1);
    let sent = dead.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "LLLLL");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn throttled_once_is_sent_again_unchanged_and_is_no_fault() {
    let service = Service::steps([error(429, "slow down")]);
    let sent = service.send(records(1)).await;
    assert_eq!((only(&sent).as_str(), sent.faults.len()), ("LA", 0));
    let calls = service.calls();
    assert!(calls[1].at - calls[0].at >= Duration::from_millis(250));
    assert_eq!(calls[0].text, calls[1].text);
}

#[tokio::test(start_paused = true)]
async fn the_wait_that_suger_asks_for_is_kept_by_every_record() {
    let mut count = 0;
    let service = Service::new(move |_| {
        count += 1;
        match count {
            3 => Step::RetryAfter(20),
            _ => Step::Take,
        }
    });
    let outgoing = records(30);
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|said| letters(said).ends_with('A'))
    );
    assert_eq!(sent.faults, []);
    let calls = service.calls();
    let asked = calls[2].at;
    let early = calls[3..]
        .iter()
        .filter(|call| call.at < asked + Duration::from_secs(20))
        .count();
    assert!(early < 8, "only what had its slot already: {early}");
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_longer_than_a_records_tries_is_kept_by_the_others() {
    let service = Service::steps([Step::RetryAfter(90)]);
    let outgoing = records(20);
    let sent = service.send(outgoing.clone()).await;
    let said = answers(&outgoing, &sent);
    assert_eq!(
        letters(&said["d0"]),
        "L",
        "its minute is over before it may be tried"
    );
    assert_eq!(said.values().filter(|said| letters(said) == "A").count(), 19);
    let calls = service.calls();
    assert!(
        calls[8..]
            .iter()
            .all(|call| call.at - calls[0].at >= Duration::from_secs(90))
    );
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_wait_that_is_longer_than_the_invocation_ends_it() {
    let service = Service::new(|_| Step::RetryAfter(3_600)).slow(Duration::from_millis(300));
    let outgoing = records(200);
    let began = tokio::time::Instant::now();
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|said| letters(said) == "L")
    );
    assert_eq!(
        service.calls().len(),
        3,
        "only what had left before the first answer"
    );
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "and nobody waits for it"
    );
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::DestinationUnavailable)
    );
}

#[tokio::test(start_paused = true)]
async fn a_thousand_records_keep_ten_calls_a_second_and_eight_at_once() {
    let service = Service::steps([]).slow(Duration::from_millis(900));
    let outgoing = records(1_000);
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|said| letters(said) == "A")
    );
    let calls = service.calls();
    assert_eq!(calls.len(), 1_000);
    for (index, first) in calls.iter().enumerate() {
        let within = calls[index..]
            .iter()
            .take_while(|call| call.at - first.at <= Duration::from_secs(1))
            .count();
        assert!(within <= 10, "{within} calls in a second");
    }
    assert_eq!(service.at_once(), 8);
    assert!(
        calls[999].at - calls[0].at < Duration::from_secs(120),
        "in under two minutes"
    );
}

#[tokio::test(start_paused = true)]
async fn no_call_begins_when_the_invocation_is_about_to_end() {
    let service = Service::steps([]);
    let sent = service.sink_with(Duration::from_secs(30)).send(records(2)).await;
    assert!(sent.learned.iter().all(|learned| learned.answers.is_empty()));
    assert_eq!((service.calls().len(), sent.faults.len()), (0, 0));

    let service = Service::steps([]);
    let outgoing = records(100);
    let sent = service
        .sink_with(Duration::from_secs(32))
        .send(outgoing.clone())
        .await;
    let said = answers(&outgoing, &sent);
    let taken = said.values().filter(|said| letters(said) == "A").count();
    let unsent = said.values().filter(|said| said.is_empty()).count();
    assert_eq!((taken + unsent, taken), (100, service.calls().len()));
    assert!(taken > 0 && unsent > 0);
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_left_within_a_minute_and_a_call() {
    let service = Service::new(|_| Step::Silence);
    let began = tokio::time::Instant::now();
    let sent = service.send(records(8)).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers).chars().all(|letter| letter == 'U'))
    );
    assert!(
        began.elapsed() <= Duration::from_secs(82),
        "{:?}",
        began.elapsed()
    );
}
