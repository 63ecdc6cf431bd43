use std::time::Duration;

use billing::Outcome;
use platform::FaultKind;
use serde_json::json;

use super::scripted::*;

fn throttled() -> Step {
    exception(400, "ThrottlingException")
}

#[tokio::test(start_paused = true)]
async fn throttled_five_times_is_given_up_and_owed_again() {
    let service = Service::new(|_| throttled());
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "LLLLL");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    let calls = service.calls();
    assert_eq!(calls.len(), 5);
    assert!(calls[4].at - calls[0].at < Duration::from_secs(60));
}

#[tokio::test(start_paused = true)]
async fn throttled_once_is_sent_again_later_and_is_no_fault() {
    let service = Service::steps([throttled()]);
    let sent = service.send(records(25)).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "LA")
    );
    assert_eq!(sent.faults, []);
    let calls = service.calls();
    assert!(calls[1].at - calls[0].at >= Duration::from_millis(250));
    assert_eq!(calls[0].body, calls[1].body, "unchanged");
}

#[tokio::test(start_paused = true)]
async fn throttling_slows_the_whole_region() {
    let service = Service::steps(vec![throttled(); 4]);
    let sink = service.sink().await;
    let other = async {
        while service.calls().len() < 4 {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        sink.send(records(1)).await
    };
    tokio::join!(sink.send(records(1)), other);
    let calls = service.calls();
    assert_eq!(calls.len(), 6);
    assert!(
        calls[4].at - calls[3].at >= Duration::from_secs(2),
        "the other batch waits as long as the throttled one"
    );
}

#[tokio::test(start_paused = true)]
async fn http_429_is_throttling_even_without_a_word() {
    let service = Service::steps([
        Step::Answer(429, "<html>".to_owned()),
        exception(429, "LimitReached"),
    ]);
    assert_eq!(only(&service.send(records(1)).await), "LLA");
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
async fn an_answer_lost_in_any_way_is_unknown_and_the_record_is_sent_again_unchanged() {
    let losses = [
        Step::Lost,
        Step::TooLarge,
        exception(500, "InternalServiceErrorException"),
        exception(400, "InternalServiceErrorException"),
        exception(503, "ThrottlingException"),
        Step::Answer(502, "<html>bad gateway</html>".to_owned()),
        Step::Answer(400, "<html>who are you</html>".to_owned()),
        Step::Answer(302, String::new()),
        Step::Silence,
    ];
    for loss in losses {
        let service = Service::steps([loss.clone()]);
        let sent = service.send(records(3)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "UA"),
            "{loss:?}: {sent:?}"
        );
        let calls = service.calls();
        assert_eq!(calls.len(), 2, "{loss:?}: the SDK retries nothing by itself");
        assert_eq!(calls[0].body, calls[1].body);
        assert_eq!(sent.faults, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_away_leaves_the_record_in_flight_and_is_named() {
    let service = Service::new(|_| exception(500, "InternalServiceErrorException"));
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "UUUUU");
    assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None);
    assert_eq!(sent.faults.len(), 1);
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    assert!(sent.faults[0].message.contains("us-east-1"));
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_after_our_own_lost_answer_is_delivered_unproven() {
    let service = Service::new({
        let mut first = true;
        move |call| match std::mem::take(&mut first) {
            true => Step::Lost,
            false => ok(&json!({"Results": [result(&call.records()[0], "DuplicateRecord")]})),
        }
    });
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "UD");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::DeliveredUnproven
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_after_being_throttled_is_somebody_elses() {
    let service = Service::new({
        let mut first = true;
        move |call| match std::mem::take(&mut first) {
            true => throttled(),
            false => ok(&json!({"Results": [result(&call.records()[0], "DuplicateRecord")]})),
        }
    });
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Parked
    );
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_left_within_a_minute_and_a_call() {
    let service = Service::new(|_| Step::Silence);
    let began = tokio::time::Instant::now();
    let sent = service.send(records(1)).await;
    assert!(only(&sent).chars().all(|letter| letter == 'U'));
    assert!(
        began.elapsed() <= Duration::from_secs(80),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn no_call_begins_when_the_invocation_is_about_to_end() {
    let service = Service::steps([]);
    let sent = service
        .sink_with(Duration::from_secs(30))
        .await
        .send(records(2))
        .await;
    assert!(sent.learned.iter().all(|learned| learned.answers.is_empty()));
    assert_eq!((service.calls().len(), sent.faults.len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn what_no_longer_fits_before_the_deadline_is_told_as_unsent() {
    let service = Service::steps([]);
    let outgoing = records(1_000);
    let began = tokio::time::Instant::now();
    let sent = service
        .sink_with(Duration::from_secs(32))
        .await
        .send(outgoing.clone())
        .await;
    assert!(
        service
            .calls()
            .iter()
            .all(|call| call.at - began < Duration::from_secs(2))
    );
    let answers = answers(&outgoing, &sent);
    let begun = answers.values().filter(|answers| letters(answers) == "A").count();
    let unsent = answers.values().filter(|answers| answers.is_empty()).count();
    assert_eq!((begun + unsent, begun), (1_000, service.calls().len() * 25));
    assert!(begun > 0 && unsent > 0);
    let (index, _) = sent
        .learned
        .iter()
        .enumerate()
        .find(|(_, learned)| learned.answers.is_empty())
        .unwrap();
    assert_eq!(
        settled(&outgoing[index], &sent.learned[index]).0,
        None,
        "it stays in flight, its attempt closed"
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_begun_at_the_last_moment_leaves_time_to_write_down_what_was_learned() {
    let service = Service::new(|_| Step::Silence);
    let began = tokio::time::Instant::now();
    let sent = service
        .sink_with(Duration::from_secs(31))
        .await
        .send(records(1))
        .await;
    assert_eq!(only(&sent), "U");
    assert!(began.elapsed() <= Duration::from_secs(22));
}
