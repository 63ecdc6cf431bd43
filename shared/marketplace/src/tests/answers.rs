use billing::{Answer, Outcome};
use serde_json::{Value, json};

use super::scripted::*;

/// Answers every call by what `judge` makes of its records' results.
fn judging(judge: impl Fn(Vec<Value>) -> Value + Send + 'static) -> Service {
    Service::new(move |call| {
        ok(&judge(
            call.records()
                .iter()
                .map(|record| result(record, "Success"))
                .collect(),
        ))
    })
}

#[tokio::test(start_paused = true)]
async fn results_are_found_by_content_in_whatever_order_they_come() {
    let service = judging(|mut results| {
        results.reverse();
        results.swap(3, 11);
        json!({"Results": results})
    });
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for (dimension, answers) in answers(&outgoing, &sent) {
        let [Answer::Accepted(receipt)] = answers.as_slice() else {
            panic!("{dimension}: {answers:?}")
        };
        assert_eq!(receipt.id, format!("mr-{dimension}"), "each has its own receipt");
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_that_is_not_our_record_delivers_nothing() {
    let changes: [(&str, Value); 5] = [
        ("Quantity", json!(8)),
        ("Timestamp", json!(1_795_183_198)),
        ("Dimension", json!("D0")),
        (
            "LicenseArn",
            json!("arn:aws:license-manager::123456789012:license:l-9"),
        ),
        ("CustomerAWSAccountId", json!("999999999999")),
    ];
    for (field, value) in changes {
        let service = judging(move |mut results| {
            results[0]["UsageRecord"][field] = value.clone();
            json!({"Results": results})
        });
        let sent = service.send(records(1)).await;
        assert_eq!(only(&sent), "UUUUU", "{field}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_echo_may_say_more_or_cut_the_timestamp() {
    let service = judging(|mut results| {
        let echo = results[0]["UsageRecord"].as_object_mut().unwrap();
        echo.insert("Timestamp".to_owned(), json!(1_795_183_199.004));
        echo.insert("CustomerIdentifier".to_owned(), json!("cust-of-that-account"));
        echo.insert("NewField".to_owned(), json!({"a": [1, 2]}));
        echo.remove("Quantity");
        json!({"Results": results, "AlsoNew": true})
    });
    assert_eq!(only(&service.send(records(1)).await), "A");
}

#[tokio::test(start_paused = true)]
async fn success_without_a_receipt_is_no_success() {
    for receipt in [Value::Null, json!(""), json!("a\u{7}b"), json!("x".repeat(257))] {
        let service = judging(move |mut results| {
            results[0]["MeteringRecordId"] = receipt.clone();
            json!({"Results": results})
        });
        assert_eq!(only(&service.send(records(1)).await), "UUUUU");
    }
}

#[tokio::test(start_paused = true)]
async fn a_status_that_we_do_not_know_is_no_success() {
    for status in [json!("PartialSuccess"), json!("success"), Value::Null] {
        let service = judging(move |mut results| {
            results[0]["Status"] = status.clone();
            json!({"Results": results})
        });
        let outgoing = records(2);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(
            letters(&answers(&outgoing, &sent)["d1"]),
            "A",
            "its neighbour is delivered"
        );
        assert_eq!(
            settled(&outgoing[0], &sent.learned[0]).0,
            None,
            "it stays in flight"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_record_that_the_answer_leaves_out_is_sent_again_alone_and_unchanged() {
    let service = Service::new(|call| {
        let spoken = call
            .records()
            .iter()
            .filter(|record| call.records().len() == 1 || record["Dimension"] != "d1");
        ok(&json!({"Results": spoken.map(|record| result(record, "Success")).collect::<Vec<_>>()}))
    });
    let outgoing = records(3);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(
        (letters(&answers["d0"]).as_str(), letters(&answers["d1"]).as_str()),
        ("A", "UA")
    );
    let calls = service.calls();
    assert_eq!(calls[1].records(), &calls[0].records()[1..2]);
}

#[tokio::test(start_paused = true)]
async fn a_record_spoken_of_twice_is_unknown() {
    let twice = judging(|mut results| {
        results.push(results[0].clone());
        json!({"Results": results})
    });
    assert_eq!(only(&twice.send(records(1)).await), "UUUUU");
    let both =
        judging(|results| json!({"UnprocessedRecords": [results[0]["UsageRecord"]], "Results": results}));
    assert_eq!(only(&both.send(records(1)).await), "UUUUU");
}

#[tokio::test(start_paused = true)]
async fn http_200_takes_nothing_by_itself() {
    for body in [
        json!({}),
        json!({"Results": null}),
        json!({"__type": "ThrottlingException", "message": "no"}),
    ] {
        let service = Service::new(move |_| ok(&body));
        assert_eq!(only(&service.send(records(1)).await), "UUUUU");
    }
    for text in ["", "<html>", "{\"Results\": [{\"Status\": \"Succ"] {
        let service = Service::new(move |_| Step::Answer(200, text.to_owned()));
        let sent = service.send(records(1)).await;
        assert_eq!(only(&sent), "UUUUU", "`{text}`");
    }
}

#[tokio::test(start_paused = true)]
async fn unprocessed_records_are_sent_again_unchanged_and_only_they() {
    let service = Service::new(|call| {
        let (kept, back): (Vec<_>, Vec<_>) = call
            .records()
            .iter()
            .enumerate()
            .partition(|(index, _)| index % 2 == 0);
        let results: Vec<Value> = kept
            .into_iter()
            .map(|(_, record)| result(record, "Success"))
            .collect();
        let back: Vec<Value> = back.into_iter().map(|(_, record)| record.clone()).collect();
        ok(&json!({"Results": results, "UnprocessedRecords": back}))
    });
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    let sizes: Vec<usize> = service.calls().iter().map(|call| call.records().len()).collect();
    assert_eq!(sizes, [25, 12, 6, 3, 1]);
    for call in &service.calls()[1..] {
        assert!(
            call.records()
                .iter()
                .all(|record| service.calls()[0].records().contains(record))
        );
    }
    let answers = answers(&outgoing, &sent);
    assert_eq!(letters(&answers["d0"]), "A");
    assert_eq!(letters(&answers["d1"]), "LA");
    assert!(answers.values().all(|answers| letters(answers).ends_with('A')));
}

#[tokio::test(start_paused = true)]
async fn always_unprocessed_is_returned_after_five_tries() {
    let service = Service::new(|call| ok(&json!({"Results": [], "UnprocessedRecords": call.records()})));
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "LLLLL");
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
}

#[tokio::test(start_paused = true)]
async fn a_buyer_without_a_subscription_is_asked_once_and_owes_on() {
    let service = judging(|mut results| {
        results[0]["Status"] = json!("CustomerNotSubscribed");
        results[0]["MeteringRecordId"] = Value::Null;
        json!({"Results": results})
    });
    let outgoing = records(2);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(
        (letters(&answers["d0"]).as_str(), letters(&answers["d1"]).as_str()),
        ("L", "A")
    );
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Returned
    );
    assert_eq!(service.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_duplicate_on_a_first_request_is_somebody_elses_whatever_receipt_it_shows() {
    let service = judging(|mut results| {
        results[0]["Status"] = json!("DuplicateRecord");
        json!({"Results": results})
    });
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(sent.learned[0].answers, [Answer::Duplicate { stored: None }]);
    assert_eq!(
        settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
        Outcome::Parked
    );
}
