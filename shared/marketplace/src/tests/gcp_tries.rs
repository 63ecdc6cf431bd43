use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing::Outcome;
use platform::FaultKind;
use tokio::time::Instant;

use super::gcp_google::*;
use super::scripted::{only, settled};
use crate::Outgoing;

/// The records, of a connection that says `unknown = "park"`.
fn parked(count: usize) -> Vec<Outgoing> {
    let mut outgoing = records(count);
    for outgoing in &mut outgoing {
        outgoing.destination.park_unknown = true;
    }
    outgoing
}

/// How often each operation was billed by a Google that dedupes, or does not, and loses its first answer after the effect.
async fn billed(dedupes: bool, outgoing: Vec<Outgoing>) -> (Vec<String>, Vec<usize>) {
    let bills: Arc<Mutex<BTreeMap<String, usize>>> = Arc::default();
    let (ledger, mut first) = (Arc::clone(&bills), true);
    let google = Google::new(move |call| {
        let mut ledger = ledger.lock().unwrap();
        for id in call.ids() {
            let times = ledger.entry(id).or_default();
            *times = if dedupes { 1 } else { *times + 1 };
        }
        match std::mem::take(&mut first) {
            true => Reply::Lost,
            false => taken(),
        }
    });
    let letters = all(&google.send(outgoing).await);
    let bills = bills.lock().unwrap();
    (letters, bills.values().copied().collect())
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_after_the_effect_is_billed_once_where_google_dedupes() {
    assert_eq!(billed(true, records(1)).await, (vec!["UA".to_owned()], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn where_google_does_not_dedupe_only_parking_bills_once() {
    assert_eq!(
        billed(false, records(1)).await.1,
        [2],
        "the exposure that the connection chose"
    );
    assert_eq!(billed(false, parked(1)).await, (vec!["U".to_owned()], vec![1]));
}

#[tokio::test(start_paused = true)]
async fn an_answer_lost_before_the_effect_is_sent_again_to_the_byte() {
    for loss in [Reply::Lost, Reply::Silence, error(500, "INTERNAL")] {
        let google = Google::replies([loss]);
        let sent = google.send(records(3)).await;
        assert_eq!(all(&sent), ["UA", "UA", "UA"]);
        let reports = google.reports();
        assert_eq!((reports.len(), &reports[0].text), (2, &reports[1].text));
        assert_eq!(sent.faults, []);
    }
}

#[tokio::test(start_paused = true)]
async fn a_connection_that_never_came_about_took_nothing() {
    let google = Google::replies([Reply::NotSent]);
    assert_eq!(only(&google.send(records(1)).await), "LA");
    let google = Google::new(|_| Reply::NotSent);
    let outgoing = records(1);
    let sent = google.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "LLLLL");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_stays_away_leaves_the_record_in_flight_and_is_named_once() {
    let google = Google::new(|_| error(503, "UNAVAILABLE"));
    let outgoing = records(1);
    let sent = google.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "UUUUU");
    assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None);
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::DestinationUnavailable)
    );
    for part in [
        "Google Cloud Marketplace",
        SERVICE_NAME,
        "HTTP 503 UNAVAILABLE: as scripted",
    ] {
        assert!(sent.faults[0].message.contains(part), "{}", sent.faults[0]);
    }
}

#[tokio::test(start_paused = true)]
async fn parked_records_are_not_sent_again_after_any_answer_that_leaves_them_open() {
    let id = parked(1)[0].record.id.clone();
    let opens = [
        Reply::Lost,
        Reply::Silence,
        error(500, "INTERNAL"),
        Reply::Answer(200, None, "[]".to_owned()),
        failed(&[report_error(&id, 14)]),
    ];
    for open in opens {
        let google = Google::replies([open.clone()]);
        let sent = google.send(parked(1)).await;
        assert_eq!(
            (only(&sent).as_str(), google.reports().len()),
            ("U", 1),
            "{open:?}"
        );
        assert_eq!(
            sent.faults[0].kind,
            FaultKind::DestinationUnavailable,
            "and it is told"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn parked_records_are_sent_again_where_nothing_was_taken() {
    let id = parked(1)[0].record.id.clone();
    let nothing = [
        Reply::NotSent,
        error(401, "UNAUTHENTICATED"),
        error(429, "RESOURCE_EXHAUSTED"),
        failed(&[report_error(&id, 8)]),
    ];
    for reply in nothing {
        let google = Google::replies([reply.clone()]);
        assert_eq!(only(&google.send(parked(1)).await), "LA", "{reply:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn of_a_parked_batch_only_what_was_not_taken_is_sent_again() {
    let outgoing = parked(3);
    let (open, exhausted) = (outgoing[0].record.id.clone(), outgoing[1].record.id.clone());
    let google = Google::replies([failed(&[report_error(&open, 13), report_error(&exhausted, 8)])]);
    assert_eq!(all(&google.send(outgoing).await), ["U", "LA", "A"]);
    assert_eq!(google.reports()[1].ids(), [exhausted]);
}

#[tokio::test(start_paused = true)]
async fn a_silent_service_is_left_within_a_minute_and_a_request() {
    let google = Google::new(|_| Reply::Silence);
    let began = Instant::now();
    let sent = google.send(records(1)).await;
    assert!(only(&sent).chars().all(|letter| letter == 'U'));
    assert!(
        began.elapsed() <= Duration::from_secs(80),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_begins_when_the_invocation_is_about_to_end() {
    let google = Google::replies([]);
    let sink = google.sink_of(&key(), Duration::from_secs(30)).await;
    let sent = sink.send(records(2)).await;
    assert_eq!((all(&sent), sent.faults.len()), (vec![String::new(); 2], 0));
    assert_eq!((google.asked().len(), google.reports().len()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn requests_keep_an_even_pace() {
    let google = Google::replies([]);
    let outgoing = (0..200).map(|number| record(&format!("project_number:{number}"), "d0"));
    google.send(outgoing.collect()).await;
    let times: Vec<Instant> = google.reports().iter().map(|call| call.at).collect();
    assert_eq!(times.len(), 200);
    for (index, start) in times.iter().enumerate() {
        let within = times[index..]
            .iter()
            .filter(|at| **at - *start <= Duration::from_secs(1));
        assert!(within.count() <= 50);
    }
    assert!(times[199] - times[0] < Duration::from_secs(5));
}
