//! What Suger is told, and what its answers mean.

use std::time::Duration;

use billing::{Answer, Outcome, Receipt, Refusal};
use platform::{Deadline, Fault, FaultKind, Transport};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::scripted::{answers, at, clock, clock_from, letters, only, settled};
use super::suger_service::*;
use crate::{Sent, Suger};

#[tokio::test(start_paused = true)]
async fn a_record_goes_out_as_a_group_under_its_own_id() {
    let service = Service::steps([]);
    let largest = outgoing_of(
        ("org1", "ent-1_A"),
        "api calls",
        "2026-11-20T13:59:59Z",
        "999999999.999999",
    );
    let sent = service.send(vec![largest.clone()]).await;
    let id = &largest.record.id;
    assert_eq!(
        sent.learned[0].answers,
        [Answer::Accepted(Receipt { id: id.clone() })]
    );
    let call = &service.calls()[0];
    assert_eq!(
        (call.method.as_str(), call.uri.as_str()),
        (
            "POST",
            "https://api.suger.cloud/org/org1/entitlement/ent-1_A/usageRecordGroup"
        )
    );
    assert_eq!(call.headers["authorization"], format!("Key {KEY}"));
    assert!(call.headers["authorization"].is_sensitive());
    assert_eq!(call.headers["content-type"], "application/json");
    assert_eq!(
        call.text,
        format!(
            "{{\"id\":\"{id}\",\"organizationID\":\"org1\",\"entitlementID\":\"ent-1_A\",\
             \"records\":{{\"api calls\":999999999.999999}},\"timestamp\":\"2026-11-20T13:59:59Z\"}}"
        ),
        "the quantity is a number with all its digits"
    );
    assert_eq!(id.len(), 36);
}

#[tokio::test(start_paused = true)]
async fn each_record_is_its_own_group_and_nothing_goes_by_the_batch_that_knows_no_ids() {
    let service = Service::steps([]);
    let outgoing = records(30);
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|said| letters(said) == "A")
    );
    assert_eq!((service.calls().len(), service.held().len()), (30, 30));
    assert!(
        service
            .calls()
            .iter()
            .all(|call| call.uri.ends_with("/usageRecordGroup"))
    );
    assert_eq!(service.send(Vec::new()).await, Sent::default());
}

#[tokio::test(start_paused = true)]
async fn a_group_that_will_be_billed_is_delivered() {
    for status in ["CREATED", "REPORT_PENDING", "REPORTED"] {
        let service = Service::new(move |call| echo(call, "status", json!(status)));
        assert_eq!(only(&service.send(records(1)).await), "A", "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_group_that_will_not_be_billed_is_parked_and_its_meter_blocked() {
    for status in ["INVALID", "REPORT_FAILED", "DELETED"] {
        let service = Service::new(move |call| match call.dimension().as_str() {
            "d1" => echo(call, "status", json!(status)),
            _ => Step::Take,
        });
        let outgoing = records(3);
        let sent = service.send(outgoing.clone()).await;
        let said = answers(&outgoing, &sent);
        let all: Vec<String> = said.values().map(|said| letters(said)).collect();
        assert_eq!(all, ["A", "N", "A"], "{status}");
        let (entry, blocked) = settled(&outgoing[1], &sent.learned[1]);
        assert_eq!((entry.unwrap().outcome, blocked.len()), (Outcome::Parked, 1));
    }
}

#[tokio::test(start_paused = true)]
async fn http_200_takes_nothing_by_itself() {
    let changes = [
        ("status", json!("PARTLY_CREATED")),
        ("status", json!("created")),
        ("status", Value::Null),
        ("id", Value::Null),
        ("id", json!("00000000-0000-5000-8000-000000000000")),
        ("organizationID", json!("org2")),
        ("entitlementID", json!("ent9")),
        ("id", json!(7)),
    ];
    for (member, value) in changes {
        let (told, asked) = (format!("{member}: {value}"), value.clone());
        let service = Service::new(move |call| echo(call, member, asked.clone()));
        let outgoing = records(1);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(only(&sent), "UUUUU", "{told}");
        assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None, "{told}");
    }
    for text in ["", "[]", "{}", "\"OK\"", "<html>"] {
        let service = Service::new(move |_| Step::Answer(200, text.to_owned()));
        assert_eq!(only(&service.send(records(1)).await), "UUUUU", "`{text}`");
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_leaves_out_where_it_belongs_is_known_by_its_id() {
    let service = Service::new(|call| {
        let group = json!({"id": call.body["id"], "status": "CREATED", "new": [1]});
        Step::TakeAndAnswer(201, group.to_string())
    });
    assert_eq!(only(&service.send(records(1)).await), "A");
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_is_this_very_record_for_its_id_is_made_of_all_it_says() {
    let service = Service::steps([]);
    let outgoing = records(1);
    assert_eq!(only(&service.send(outgoing.clone()).await), "A");
    let again = service.send(outgoing.clone()).await;
    let stored = Some("7.5".parse().unwrap());
    assert_eq!(again.learned[0].answers, [Answer::Duplicate { stored }]);
    assert_eq!(
        settled(&outgoing[0], &again.learned[0]).0.unwrap().outcome,
        Outcome::Delivered
    );
    let other = outgoing_of(("org1", "ent0"), "d0", "2026-11-20T13:59:59Z", "8");
    assert_ne!(
        other.record.id, outgoing[0].record.id,
        "another quantity is another record"
    );
    assert_eq!(only(&service.send(vec![other]).await), "A");
}

#[tokio::test(start_paused = true)]
async fn a_bad_record_is_refused_alone() {
    let service = Service::new(|call| match call.dimension().as_str() {
        "d7" => error(400, "dimension \u{1b}[2J not found"),
        _ => Step::Take,
    });
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for (index, (outgoing, learned)) in outgoing.iter().zip(&sent.learned).enumerate() {
        let (entry, blocked) = settled(outgoing, learned);
        let expected = match index {
            7 => (Outcome::Parked, 1),
            _ => (Outcome::Delivered, 0),
        };
        assert_eq!((entry.unwrap().outcome, blocked.len()), expected, "d{index}");
    }
    let [Answer::Refused(Refusal::Never(reason))] = sent.learned[7].answers.as_slice() else {
        panic!("{sent:?}")
    };
    assert!(
        reason.starts_with("HTTP 400: dimension \\u{1b}[2J not found: "),
        "{reason}"
    );
    assert_eq!((service.calls().len(), sent.faults.len()), (25, 0));
}

#[tokio::test(start_paused = true)]
async fn an_unknown_entitlement_is_owed_on_and_named() {
    let service = Service::new(|call| match call.dimension().as_str() {
        "d1" => error(404, "no such entitlement"),
        _ => Step::Take,
    });
    let outgoing = records(3);
    let sent = service.send(outgoing.clone()).await;
    let all: Vec<String> = answers(&outgoing, &sent)
        .values()
        .map(|said| letters(said))
        .collect();
    assert_eq!(all, ["A", "L", "A"]);
    let [fault] = sent.faults.as_slice() else {
        panic!("{sent:?}")
    };
    assert_eq!(fault.kind, FaultKind::Misconfigured);
    assert_eq!(
        fault.message,
        "Suger: HTTP 404: no such entitlement: check entitlement ent1 of organization org1"
    );
}

#[tokio::test(start_paused = true)]
async fn a_refusal_that_nobody_told_us_of_is_owed_on_and_named() {
    for status in [402, 405, 413, 422, 451] {
        let service = Service::new(move |_| error(status, "as scripted"));
        let sent = service.send(records(1)).await;
        assert_eq!(
            (only(&sent).as_str(), service.calls().len()),
            ("L", 1),
            "{status}"
        );
        assert_eq!(sent.faults[0].kind, FaultKind::Misconfigured);
        assert_eq!(
            sent.faults[0].message,
            format!("Suger: HTTP {status}: as scripted")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_named_never_shown_and_tried_no_more() {
    let service =
        Service::new(|_| error(401, &format!("no such key: {KEY}"))).slow(Duration::from_millis(300));
    let outgoing = records(200);
    let sink = service.sink();
    let sent = sink.send(outgoing.clone()).await;
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
    assert_eq!(sent.faults.len(), 1, "{:?}", sent.faults);
    assert_eq!(sent.faults[0].kind, FaultKind::Unauthorized);
    assert!(sent.faults[0].message.contains("Suger: HTTP 401"));
    let said = format!("{sent:?} {sink:?}");
    assert!(!said.contains(KEY), "{said}");
    assert_eq!(format!("{sink:?}"), "Suger");
}

#[tokio::test(start_paused = true)]
async fn one_forbidden_entitlement_holds_up_no_other() {
    let service = Service::new(|call| match call.dimension().as_str() {
        "d0" => error(403, KEY),
        _ => Step::Take,
    });
    let outgoing = records(20);
    let sent = service.send(outgoing.clone()).await;
    let said = answers(&outgoing, &sent);
    assert_eq!(
        said.values().filter(|said| letters(said) == "A").count(),
        19,
        "{said:?}"
    );
    assert_eq!(letters(&said["d0"]), "L");
    assert_eq!(sent.faults[0].kind, FaultKind::Unauthorized);
    assert!(!format!("{sent:?}").contains(KEY));
}

#[tokio::test(start_paused = true)]
async fn without_a_usable_key_or_address_nothing_is_sent_and_everything_is_owed_again() {
    let missing = Fault::new(
        FaultKind::Misconfigured,
        "the secret holds no Suger key".to_owned(),
    );
    let address = "https://api.suger.cloud";
    let cases: [(&str, Result<&str, Fault>); 6] = [
        (address, Err(missing)),
        (address, Ok("")),
        (address, Ok("Key abc")),
        (address, Ok("abc\n")),
        ("http://api.suger.cloud", Ok(KEY)),
        ("https://api.suger.cloud/?v=1", Ok(KEY)),
    ];
    for (address, key) in cases {
        let service = Service::steps([]);
        let key = key.map(SecretString::from);
        let sink = Suger::new(
            &Transport::over(service.clone()),
            address,
            key.as_ref().map_err(Clone::clone),
            Deadline::after(Duration::from_secs(900)),
            clock(),
        );
        let sent = sink.send(records(3)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "L")
        );
        assert_eq!(
            (sent.faults.len(), sent.faults[0].kind),
            (1, FaultKind::Misconfigured)
        );
        assert_eq!(service.calls().len(), 0);
        assert_eq!(sink.send(Vec::new()).await, Sent::default());
    }
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_suger_is_not_told_of_is_refused_without_a_request() {
    for quantity in ["0", "-1", "0.0000001", "1000000000"] {
        let service = Service::steps([]);
        let one = outgoing_of(("org1", "ent1"), "d", "2026-11-20T13:59:59Z", quantity);
        let sent = service.send(vec![one]).await;
        assert_eq!(
            (only(&sent).as_str(), service.calls().len()),
            ("N", 0),
            "{quantity}"
        );
        assert!(format!("{:?}", sent.learned).contains("no request was made"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_id_that_is_no_part_of_a_path_is_never_put_into_one() {
    for (organization, entitlement) in [
        ("..", "e"),
        ("o", "a/b"),
        ("", "e"),
        ("o", "e?x"),
        ("o", "%2e%2e"),
    ] {
        let service = Service::steps([]);
        let one = outgoing_of((organization, entitlement), "d", "2026-11-20T13:59:59Z", "1");
        let sent = service.send(vec![one]).await;
        assert_eq!((only(&sent).as_str(), service.calls().len()), ("L", 0));
        assert_eq!(sent.faults[0].kind, FaultKind::Misconfigured);
    }
}

#[tokio::test(start_paused = true)]
async fn only_what_the_window_takes_is_sent() {
    let cases = [
        ("2026-11-21T13:59:58Z", "A"),
        ("2026-11-21T13:59:59Z", ""),
        ("2026-11-20T13:59:58Z", ""),
    ];
    for (now, expected) in cases {
        let service = Service::steps([]);
        let sink = Suger::new(
            &Transport::over(service.clone()),
            "https://api.suger.cloud",
            Ok(&SecretString::from(KEY)),
            Deadline::after(Duration::from_secs(900)),
            clock_from(at(now)),
        );
        let sent = sink.send(records(1)).await;
        assert_eq!(only(&sent), expected, "{now}");
        assert_eq!((service.calls().len(), sent.faults.len()), (expected.len(), 0));
    }
}
