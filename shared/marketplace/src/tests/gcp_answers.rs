use billing::{Answer, Outcome, Refusal};
use platform::FaultKind;
use serde_json::{Value, json};

use super::gcp_google::*;
use super::scripted::{only, settled};

/// Every request is answered by HTTP 200 with this error about the operation of `d0`.
fn refusing(code: i64) -> Google {
    let id = records(1)[0].record.id.clone();
    Google::new(move |call| match call.ids().contains(&id) {
        true => failed(&[report_error(&id, code)]),
        false => taken(),
    })
}

#[tokio::test(start_paused = true)]
async fn what_no_error_names_was_taken_and_its_own_id_is_the_receipt() {
    for body in [
        json!({}),
        json!({"reportErrors": []}),
        json!({"serviceConfigId": "c", "serviceRolloutId": "r", "new": [1, {"a": 2}]}),
    ] {
        let google = Google::new(move |_| answer(200, &body));
        let outgoing = records(2);
        let sent = google.send(outgoing.clone()).await;
        for (outgoing, learned) in outgoing.iter().zip(&sent.learned) {
            let [Answer::Accepted(receipt)] = learned.answers.as_slice() else {
                panic!("{learned:?}")
            };
            assert_eq!(receipt.id, outgoing.record.id);
        }
        assert_eq!((google.reports().len(), sent.faults.len()), (1, 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_200_of_another_shape_takes_nothing() {
    let id = records(1)[0].record.id.clone();
    let bodies = [
        String::new(),
        "<html>".to_owned(),
        "[]".to_owned(),
        "\"ok\"".to_owned(),
        "null".to_owned(),
        "{\"reportErrors\": [{\"operationId\": \"".to_owned(),
        json!({"error": {"code": 500}}).to_string(),
        json!({"reportErrors": null}).to_string(),
        json!({"reportErrors": {"operationId": id}}).to_string(),
        json!({"reportErrors": ["no"]}).to_string(),
    ];
    for body in bodies {
        let google = Google::new({
            let body = body.clone();
            move |_| Reply::Answer(200, None, body.clone())
        });
        let sent = google.send(records(1)).await;
        assert_eq!(only(&sent), "UUUUU", "`{body}`");
        assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn another_2xx_is_none_that_google_documents() {
    for status in [201, 202, 204] {
        let google = Google::new(move |_| answer(status, &json!({})));
        assert_eq!(only(&google.send(records(1)).await), "UUUUU", "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn each_code_has_its_own_consequence_and_the_neighbour_is_delivered() {
    let cases = [
        (3, "N", Some(Outcome::Parked), None),
        (5, "L", Some(Outcome::Returned), None),
        (7, "L", Some(Outcome::Returned), Some(FaultKind::Unauthorized)),
        (
            8,
            "LLLLL",
            Some(Outcome::Returned),
            Some(FaultKind::DestinationUnavailable),
        ),
        (4, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
        (13, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
        (14, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
        (0, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
        (6, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
        (999, "UUUUU", None, Some(FaultKind::DestinationUnavailable)),
    ];
    for (code, letters, outcome, fault) in cases {
        let google = refusing(code);
        let outgoing = records(2);
        let sent = google.send(outgoing.clone()).await;
        assert_eq!(all(&sent), [letters, "A"], "{code}");
        let entry = settled(&outgoing[0], &sent.learned[0]).0;
        assert_eq!(entry.map(|entry| entry.outcome), outcome, "{code}");
        let faults: Vec<FaultKind> = sent.faults.iter().map(|fault| fault.kind).collect();
        assert_eq!(faults, fault.into_iter().collect::<Vec<_>>(), "{code}");
        for again in &google.reports()[1..] {
            assert_eq!(
                again.ids(),
                [outgoing[0].record.id.clone()],
                "{code}: only it, unchanged"
            );
            assert_eq!(again.operations()[0], google.reports()[0].operations()[0]);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invalid_operation_blocks_its_meter_and_says_what_to_check() {
    let outgoing = records(1);
    let sent = refusing(3).send(outgoing.clone()).await;
    let (entry, blocked) = settled(&outgoing[0], &sent.learned[0]);
    assert_eq!(blocked.into_iter().collect::<Vec<_>>(), ["d0"]);
    let reason = entry.unwrap().reason.unwrap();
    for part in ["INVALID_ARGUMENT", "as scripted", "check the dimension"] {
        assert!(reason.contains(part), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_inactive_entitlement_is_asked_once_and_owes_on() {
    let google = refusing(5);
    let sent = google.send(records(1)).await;
    let [Answer::Refused(Refusal::Later(reason))] = sent.learned[0].answers.as_slice() else {
        panic!("{sent:?}")
    };
    assert!(
        reason.contains("NOT_FOUND") && reason.contains("entitlement"),
        "{reason}"
    );
    assert_eq!(google.reports().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn access_refused_to_one_operation_is_told_though_another_is_sent_again() {
    let outgoing = records(2);
    let (denied, away) = (outgoing[0].record.id.clone(), outgoing[1].record.id.clone());
    let google = Google::replies([failed(&[report_error(&away, 14), report_error(&denied, 7)])]);
    let sent = google.send(outgoing).await;
    assert_eq!(all(&sent), ["L", "UA"]);
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert!(
        sent.faults[0].message.contains(SERVICE_NAME),
        "{}",
        sent.faults[0]
    );
}

#[tokio::test(start_paused = true)]
async fn an_error_about_somebody_elses_operation_refuses_nothing_of_ours() {
    let google = Google::replies([failed(&[report_error("0d8b2a50-0000-5000-8000-000000000000", 3)])]);
    assert_eq!(all(&google.send(records(2)).await), ["A", "A"]);
}

#[tokio::test(start_paused = true)]
async fn an_error_that_names_no_operation_leaves_all_of_them_open() {
    let status = json!({"code": 3, "message": "as scripted"});
    for error in [
        json!({"status": status}),
        json!({"operationId": "", "status": status}),
        json!({"operationId": 5, "status": status}),
    ] {
        let id = records(1)[0].record.id.clone();
        let google = Google::replies([failed(&[report_error(&id, 3), error])]);
        assert_eq!(all(&google.send(records(2)).await), ["UA", "UA"]);
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_without_a_code_is_no_refusal() {
    for status in [
        Value::Null,
        json!({}),
        json!({"code": "INVALID_ARGUMENT"}),
        json!({"code": 3.5}),
        json!([3]),
    ] {
        let id = records(1)[0].record.id.clone();
        let google = Google::replies([failed(&[json!({"operationId": id, "status": status})])]);
        assert_eq!(all(&google.send(records(2)).await), ["UA", "A"], "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_operation_that_is_named_twice_is_open() {
    let id = records(1)[0].record.id.clone();
    let google = Google::replies([failed(&[report_error(&id, 3), report_error(&id, 5)])]);
    assert_eq!(all(&google.send(records(2)).await), ["UA", "A"]);
}

#[tokio::test(start_paused = true)]
async fn errors_are_found_by_their_operation_in_whatever_order_they_come() {
    let outgoing = records(100);
    let google = Google::new(|call| {
        let mut ids = call.ids();
        ids.reverse();
        let errors: Vec<Value> = ids.iter().step_by(2).map(|id| report_error(id, 5)).collect();
        failed(&errors)
    });
    let letters = all(&google.send(outgoing).await);
    let expected: Vec<&str> = (0..100)
        .map(|place| if place % 2 == 1 { "L" } else { "A" })
        .collect();
    assert_eq!(letters, expected);
}

#[tokio::test(start_paused = true)]
async fn a_service_that_quotes_the_token_does_not_get_it_into_a_reason_or_a_fault() {
    let quoting = |call: &Call| json!({"code": 7, "message": format!("who is {}?\n", call.authorization)});
    let google =
        Google::new(move |call| failed(&[json!({"operationId": call.ids()[0], "status": quoting(call)})]));
    let whole = Google::new(move |call| {
        let mut error = quoting(call);
        error["status"] = json!("PERMISSION_DENIED");
        answer(403, &json!({"error": error}))
    });
    for google in [google, whole] {
        let sent = google.send(records(1)).await;
        let said = format!("{sent:?}");
        assert!(
            said.contains("who is Bearer …?") && !said.contains("ya29"),
            "{said}"
        );
        assert!(said.contains("\\\\u{a}"), "and nothing forges a line: {said}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_exhausted_quota_of_one_operation_slows_every_buyer() {
    let id = record("project_number:0", "d0").record.id;
    let mut first = true;
    let google = Google::new(
        move |call| match call.ids()[0] == id && std::mem::take(&mut first) {
            true => failed(&[report_error(&id, 8)]),
            false => taken(),
        },
    );
    let outgoing = (0..100).map(|number| record(&format!("project_number:{number}"), "d0"));
    let sent = google.send(outgoing.collect()).await;
    assert_eq!(all(&sent)[0], "LA");
    let reports = google.reports();
    let longest = reports
        .windows(2)
        .map(|pair| pair[1].at - pair[0].at)
        .max()
        .unwrap();
    assert!(
        longest.as_millis() >= 200,
        "the pace is the project's: {longest:?}"
    );
}
