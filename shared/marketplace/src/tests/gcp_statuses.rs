use billing::Outcome;
use platform::FaultKind;
use serde_json::json;

use super::gcp_google::*;
use super::scripted::{only, settled};

#[tokio::test(start_paused = true)]
async fn an_invalid_request_is_halved_until_the_invalid_record_stands_alone() {
    let outgoing = records(100);
    let poison = outgoing[37].record.id.clone();
    let google = Google::new(move |call| match call.ids().contains(&poison) {
        true => error(400, "INVALID_ARGUMENT"),
        false => taken(),
    });
    let sent = google.send(outgoing.clone()).await;
    let letters = all(&sent);
    let (bad, good): (Vec<_>, Vec<_>) = letters.iter().enumerate().partition(|(place, _)| *place == 37);
    assert!(
        bad[0].1.ends_with('N') && bad[0].1.trim_start_matches('L') == "N",
        "{bad:?}"
    );
    assert!(
        good.iter()
            .all(|(_, letters)| letters.trim_start_matches('L') == "A")
    );
    assert_eq!(
        settled(&outgoing[37], &sent.learned[37]).0.unwrap().outcome,
        Outcome::Parked
    );
    assert!(
        google.reports().len() <= 15,
        "seven deep at most: {}",
        google.reports().len()
    );
    assert_eq!(sent.faults, []);
}

#[tokio::test(start_paused = true)]
async fn a_400_that_is_not_googles_word_on_the_request_leaves_it_open() {
    for reply in [
        Reply::Answer(400, None, "<html>bad request</html>".to_owned()),
        error(400, "FAILED_PRECONDITION"),
        answer(400, &json!({"error": "INVALID_ARGUMENT"})),
        answer(400, &json!([{"error": {"status": "INVALID_ARGUMENT"}}])),
    ] {
        let google = Google::replies([reply]);
        assert_eq!(all(&google.send(records(2)).await), ["UA", "UA"]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_report_is_owed_again_and_told_once() {
    let google = Google::new(|_| error(403, "PERMISSION_DENIED"));
    let outgoing = records(150);
    let sent = google.send(outgoing.clone()).await;
    assert!(all(&sent).iter().all(|letters| letters == "L"));
    assert_eq!(google.reports().len(), 2, "no request is made again");
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    for part in [
        SERVICE_NAME,
        "HTTP 403 PERMISSION_DENIED: as scripted",
        "Service Controller",
    ] {
        assert!(sent.faults[0].message.contains(part), "{}", sent.faults[0]);
    }
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_not_there_is_owed_again_and_told() {
    for reply in [
        error(404, "NOT_FOUND"),
        Reply::Answer(404, None, "<html>".to_owned()),
    ] {
        let google = Google::new(move |_| reply.clone());
        let sent = google.send(records(2)).await;
        assert_eq!((all(&sent), google.reports().len()), (vec!["L".to_owned(); 2], 1));
        assert_eq!(
            (sent.faults.len(), sent.faults[0].kind),
            (1, FaultKind::Misconfigured)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn every_other_status_leaves_the_request_open_and_it_is_sent_again_unchanged() {
    let statuses = [
        302, 402, 405, 408, 409, 410, 413, 418, 422, 499, 500, 501, 502, 503, 504, 599,
    ];
    for status in statuses {
        let google = Google::replies([error(status, "WHATEVER")]);
        let outgoing = records(3);
        let sent = google.send(outgoing).await;
        assert!(
            all(&sent).iter().all(|letters| letters == "UA"),
            "{status}: {sent:?}"
        );
        let reports = google.reports();
        assert_eq!(
            (reports.len(), &reports[0].text),
            (2, &reports[1].text),
            "{status}"
        );
        assert_eq!(sent.faults, [], "another try mended it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_waits_as_long_as_it_is_told() {
    let google = Google::replies([Reply::Answer(429, Some("20"), String::new())]);
    let sent = google.send(records(1)).await;
    assert_eq!(only(&sent), "LA");
    let reports = google.reports();
    let waited = (reports[1].at - reports[0].at).as_millis();
    assert!((20_000..22_000).contains(&waited), "{waited}");
    assert_eq!(reports[0].text, reports[1].text);
}

#[tokio::test(start_paused = true)]
async fn a_throttled_request_that_is_told_no_time_backs_off_by_itself() {
    let google = Google::replies([error(429, "RESOURCE_EXHAUSTED"), error(429, "RESOURCE_EXHAUSTED")]);
    assert_eq!(only(&google.send(records(1)).await), "LLA");
    let reports = google.reports();
    let waits = (reports[1].at - reports[0].at, reports[2].at - reports[1].at);
    assert!(
        waits.0.as_millis() >= 250 && waits.1.as_millis() >= 500,
        "{waits:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_throttle_of_one_buyer_slows_them_all() {
    let mut first = true;
    let google = Google::new(move |_| match std::mem::take(&mut first) {
        true => Reply::Answer(429, Some("30"), String::new()),
        false => taken(),
    });
    let outgoing = (0..100).map(|number| record(&format!("project_number:{number}"), "d0"));
    let sent = google.send(outgoing.collect()).await;
    assert!(all(&sent).iter().all(|letters| letters.ends_with('A')));
    let reports = google.reports();
    let late = reports
        .iter()
        .filter(|call| (call.at - reports[0].at).as_secs() >= 30);
    assert!(late.count() > 80, "the pace is the project's");
}

#[tokio::test(start_paused = true)]
async fn a_wait_beyond_the_minute_ends_the_tries() {
    let google = Google::new(|_| Reply::Answer(429, Some("61"), String::new()));
    let sent = google.send(records(1)).await;
    assert_eq!((only(&sent).as_str(), google.reports().len()), ("L", 1));
    assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_is_away_names_the_time_at_which_to_come_back() {
    let google = Google::replies([Reply::Answer(503, Some("15"), String::new())]);
    assert_eq!(only(&google.send(records(1)).await), "UA");
    let reports = google.reports();
    assert!((reports[1].at - reports[0].at).as_secs() >= 15);
}
