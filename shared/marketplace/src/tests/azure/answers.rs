use billing::{Answer, Outcome};
use platform::FaultKind;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::scripted::*;
use crate::tests::scripted::{answers, letters, only, settled};

/// Answers every call by what `judge` makes of its events' acceptances.
fn judging(judge: impl Fn(Vec<Value>) -> Vec<Value> + Send + 'static) -> Microsoft {
    Microsoft::new(move |call| {
        let accepted = call.events().iter().map(|event| result(event, "Accepted"));
        results(&judge(accepted.collect()))
    })
}

#[tokio::test(start_paused = true)]
async fn a_record_goes_as_the_event_that_the_api_documents() {
    let service = Microsoft::steps([]);
    let event = outgoing(&resource(1), "tokens", "2026-11-20T13:59:59Z", "999999999.999999");
    let sent = service.send(vec![event]).await;
    assert_eq!(only(&sent), "A");
    let call = &service.calls()[0];
    assert_eq!(
        call.line,
        "POST https://marketplace.test/api/batchUsageEvent?api-version=2018-08-31"
    );
    assert_eq!(call.authorization, "Bearer token-1");
    assert_eq!(
        call.text,
        "{\"request\":[{\"resourceId\":\"37f9dea2-4345-438f-b0bd-03d40d280001\",\"quantity\":999999999.999999,\
         \"dimension\":\"tokens\",\"effectiveStartTime\":\"2026-11-20T13:59:59Z\",\"planId\":\"silver\"}]}"
    );
}

#[tokio::test(start_paused = true)]
async fn twenty_five_events_go_in_one_call_and_each_has_its_own_receipt() {
    let service = judging(|mut results| {
        results.reverse();
        results.swap(0, 1);
        results
    });
    let outgoing = records(27);
    let sent = service.send(outgoing.clone()).await;
    let mut sizes: Vec<usize> = service.calls().iter().map(|call| call.events().len()).collect();
    sizes.sort_unstable();
    assert_eq!(sizes, [2, 25]);
    for (dimension, answers) in answers(&outgoing, &sent) {
        let [Answer::Accepted(receipt)] = answers.as_slice() else {
            panic!("{dimension}: {answers:?}")
        };
        assert_eq!(receipt.id, format!("ue-{dimension}"));
    }
}

#[tokio::test(start_paused = true)]
async fn events_of_long_names_go_in_calls_of_bounded_bytes() {
    let service = Microsoft::steps([]);
    let name = "n".repeat(100_000);
    let outgoing = |number| outgoing(&resource(number), &name, "2026-11-20T13:59:59Z", "1");
    let sent = service.send((0..5).map(outgoing).collect()).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "A")
    );
    assert_eq!(service.calls().len(), 3);
    assert!(service.calls().iter().all(|call| call.text.len() <= 256 * 1024));
}

#[tokio::test(start_paused = true)]
async fn what_microsoft_has_no_event_for_is_never_sent() {
    let without_plan = {
        let mut outgoing = records(1).remove(0);
        outgoing.destination.plan_id = None;
        outgoing
    };
    let of = |quantity| outgoing(&resource(0), "d0", "2026-11-20T13:59:59Z", quantity);
    for (outgoing, why) in [
        (of("0"), "above 0"),
        (of("-1"), "above 0"),
        (of("1000000000"), "999999999.999999"),
        (of("0.0000001"), "6 places"),
        (without_plan, "plan_id"),
    ] {
        let service = Microsoft::steps([]);
        let sent = service.send(vec![outgoing, records(2).remove(1)]).await;
        assert_eq!(letters(&sent.learned[0].answers), "N");
        assert_eq!(
            letters(&sent.learned[1].answers),
            "A",
            "its neighbour is delivered"
        );
        let said = format!("{:?}", sent.learned[0].answers);
        assert!(
            said.contains("no request was made") && said.contains(why),
            "{said}"
        );
        assert_eq!(service.calls()[0].events().len(), 1);
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_is_not_our_event_delivers_nothing() {
    let changes: [(&str, Value); 8] = [
        ("quantity", json!(7.500001)),
        ("quantity", Value::Null),
        ("quantity", json!("7.5")),
        ("dimension", json!("D0")),
        ("dimension", Value::Null),
        ("resourceId", json!(resource(9))),
        ("effectiveStartTime", json!("2026-11-20T13:59:58Z")),
        ("effectiveStartTime", json!("2026-11-20T14:59:59+02:00")),
    ];
    for (field, value) in changes {
        let service = judging(move |mut results| {
            results[0][field] = value.clone();
            results
        });
        assert_eq!(only(&service.send(records(1)).await), "UUUUU", "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_may_be_written_otherwise() {
    let changes: [(&str, Value); 6] = [
        ("quantity", serde_json::from_str("7.50").unwrap()),
        ("resourceId", json!(resource(0).to_uppercase())),
        ("effectiveStartTime", json!("2026-11-20T13:59:59")),
        ("effectiveStartTime", json!("2026-11-20T13:59:59.0000000Z")),
        ("planId", json!("gold")),
        ("resourceUri", json!("/subscriptions/1")),
    ];
    for (field, value) in changes {
        let service = judging(move |mut results| {
            results[0][field] = value.clone();
            results
        });
        assert_eq!(only(&service.send(records(1)).await), "A", "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn accepted_without_a_receipt_is_not_accepted() {
    for receipt in [
        Value::Null,
        json!(""),
        json!("a\u{7}b"),
        json!(7),
        json!("x".repeat(257)),
    ] {
        let service = judging(move |mut results| {
            results[0]["usageEventId"] = receipt.clone();
            results
        });
        assert_eq!(only(&service.send(records(1)).await), "UUUUU");
    }
}

#[tokio::test(start_paused = true)]
async fn http_200_takes_nothing_by_itself() {
    for text in [
        "",
        "<html>",
        "{}",
        "[]",
        "{\"count\": 1, \"result\": null}",
        "{\"count\": 1, \"result\": [{\"status\": \"Acc",
    ] {
        let service = Microsoft::new(move |_| Step::Answer(200, None, text.to_owned()));
        let sent = service.send(records(2)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "UUUUU"),
            "`{text}`"
        );
        assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable);
    }
    let empty = judging(|_| Vec::new());
    assert_eq!(only(&empty.send(records(1)).await), "UUUUU");
}

#[tokio::test(start_paused = true)]
async fn a_result_that_cannot_be_read_voids_nothing_beside_it() {
    let service = judging(|mut results| {
        results[0] = json!("Accepted");
        results.push(json!(null));
        results
    });
    let outgoing = records(3);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(letters(&answers["d0"]), "UUUUU");
    assert_eq!(
        (letters(&answers["d1"]), letters(&answers["d2"])),
        ("A".to_owned(), "A".to_owned())
    );
    assert_eq!(
        service.calls()[1].events(),
        &service.calls()[0].events()[..1],
        "alone and unchanged"
    );
}

#[tokio::test(start_paused = true)]
async fn an_event_spoken_of_twice_is_unknown() {
    let service = judging(|mut results| {
        results.push(results[0].clone());
        results
    });
    assert_eq!(only(&service.send(records(1)).await), "UUUUU");
}

#[tokio::test(start_paused = true)]
async fn each_status_has_its_answer() {
    let cases = [
        ("Expired", "L", Some(Outcome::Returned)),
        ("ResourceNotFound", "L", Some(Outcome::Returned)),
        ("ResourceNotActive", "L", Some(Outcome::Returned)),
        ("ResourceNotAuthorized", "L", Some(Outcome::Returned)),
        ("InvalidDimension", "N", Some(Outcome::Parked)),
        ("InvalidQuantity", "N", Some(Outcome::Parked)),
        ("BadArgument", "N", Some(Outcome::Parked)),
        ("Error", "UUUUU", None),
        ("accepted", "UUUUU", None),
        ("PartiallyAccepted", "UUUUU", None),
        ("", "UUUUU", None),
    ];
    for (status, expected, outcome) in cases {
        let service = judging(move |mut results| {
            results[0]["status"] = json!(status);
            results[0]["error"] = bad_argument("resourceId", "The reason given.");
            results
        });
        let outgoing = records(2);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(letters(&sent.learned[0].answers), expected, "{status}");
        assert_eq!(
            letters(&sent.learned[1].answers),
            "A",
            "{status}: its neighbour is delivered"
        );
        let (entry, blocked) = settled(&outgoing[0], &sent.learned[0]);
        assert_eq!(entry.as_ref().map(|entry| entry.outcome), outcome, "{status}");
        assert_eq!(blocked.len(), usize::from(expected == "N"), "{status}");
        if let Some(reason) = entry.and_then(|entry| entry.reason) {
            assert_eq!(reason, format!("{status}: resourceId: The reason given."));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_application_that_is_not_the_offers_is_named_even_while_others_are_sent_again() {
    let service = Microsoft::new(|call| {
        let answered = call
            .events()
            .iter()
            .map(|event| match event["dimension"].as_str() {
                Some("d1") if call.events().len() > 1 => result(event, "Error"),
                Some("d0") => result(event, "ResourceNotAuthorized"),
                _ => result(event, "Accepted"),
            });
        results(&answered.collect::<Vec<_>>())
    });
    let outgoing = records(3);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    let told = ["d0", "d1", "d2"].map(|dimension| letters(&answers[dimension]));
    assert_eq!(told, ["L", "UA", "A"]);
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert!(sent.faults[0].message.contains("ResourceNotAuthorized"));
}

fn duplicates(held: impl Fn(&Value) -> Value + Send + 'static) -> Microsoft {
    Microsoft::new(move |call| {
        let answered = call.events().iter().map(|event| duplicate(event, &held(event)));
        results(&answered.collect::<Vec<_>>())
    })
}

/// A duplicate as Microsoft shows what it holds, changed in one field.
fn holding(field: &'static str, value: &Value) -> Microsoft {
    let value = value.clone();
    duplicates(move |event| {
        let mut held = result(event, "Duplicate");
        held[field] = value.clone();
        held
    })
}

async fn outcome(service: &Microsoft) -> (Vec<Answer>, Option<Outcome>) {
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    let entry = settled(&outgoing[0], &sent.learned[0]).0;
    (sent.learned[0].answers.clone(), entry.map(|entry| entry.outcome))
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_our_quantity_is_ours() {
    let ours = Answer::Duplicate {
        stored: Some(Decimal::new(75, 1)),
    };
    for (field, value) in [
        ("status", json!("Duplicate")),
        ("planId", json!("gold")),
        ("resourceId", json!(resource(0).to_uppercase())),
        ("effectiveStartTime", json!("2026-11-20T13:03:28.14Z")),
        ("resourceUri", json!("/subscriptions/1")),
    ] {
        let told = outcome(&holding(field, &value)).await;
        assert_eq!(told, (vec![ours.clone()], Some(Outcome::Delivered)), "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_another_quantity_is_a_discrepancy_whatever_is_echoed() {
    for (stored, exact) in [
        ("5.0", "5"),
        ("7.50000000000001", "7.50000000000001"),
        ("75e-2", "0.75"),
    ] {
        let service = Microsoft::new(move |call| {
            let held = json!({"dimension": "d0", "quantity": "@"});
            let body = json!({"count": 1, "result": [duplicate(&call.events()[0], &held)]});
            Step::Answer(200, None, body.to_string().replace("\"@\"", stored))
        });
        let (answers, outcome) = outcome(&service).await;
        let stored = Some(exact.parse().unwrap());
        assert_eq!(answers, [Answer::Duplicate { stored }]);
        assert_eq!(outcome, Some(Outcome::Parked));
    }
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_that_does_not_tell_its_quantity_is_known_by_our_own_lost_answer_alone() {
    for held in [
        json!(null),
        json!("lost"),
        json!({}),
        json!({"quantity": "7.5"}),
        json!({"quantity": null}),
    ] {
        let unreadable = held.clone();
        let (answers, first) = outcome(&duplicates(move |_| unreadable.clone())).await;
        assert_eq!(answers, [Answer::Duplicate { stored: None }], "{held}");
        assert_eq!(
            first,
            Some(Outcome::Parked),
            "{held}: nobody else's is taken for ours"
        );

        let mut lost = true;
        let service = Microsoft::new(move |call| match std::mem::take(&mut lost) {
            true => Step::Lost,
            false => results(&[duplicate(&call.events()[0], &held)]),
        });
        assert_eq!(outcome(&service).await.1, Some(Outcome::DeliveredUnproven));
    }
    let without_error = judging(|mut results| {
        results[0]["status"] = json!("Duplicate");
        results
    });
    assert_eq!(
        outcome(&without_error).await.0,
        [Answer::Duplicate { stored: None }]
    );
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_of_something_else_stays_in_flight_until_it_is_read_back() {
    for (field, value) in [
        ("dimension", json!("d9")),
        ("resourceId", json!(resource(9))),
        ("effectiveStartTime", json!("2026-11-20T12:59:59Z")),
    ] {
        let service = holding(field, &value);
        let outgoing = records(1);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(only(&sent), "U", "{field}");
        assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None, "{field}");
        assert_eq!(service.calls().len(), 1, "{field}");
    }
}
