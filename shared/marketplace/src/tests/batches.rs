use std::time::Duration;

use billing::{Answer, AwsBuyer, Receipt};
use serde_json::{Value, json};

use super::scripted::*;
use crate::Sent;

#[tokio::test(start_paused = true)]
async fn twenty_five_buyers_of_one_product_travel_in_one_call() {
    let service = Service::steps([]);
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(service.calls().len(), 1);
    for (dimension, answers) in answers(&outgoing, &sent) {
        assert_eq!(
            answers,
            [Answer::Accepted(Receipt {
                id: format!("mr-{dimension}")
            })]
        );
    }
    assert_eq!(sent.faults, []);
}

#[tokio::test(start_paused = true)]
async fn so_many_calls_as_twenty_fives_begun() {
    for (count, calls) in [(1, 1), (26, 2), (50, 2), (101, 5)] {
        let service = Service::steps([]);
        let outgoing = records(count);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(service.calls().len(), calls, "{count} records");
        assert!(
            answers(&outgoing, &sent)
                .values()
                .all(|answers| letters(answers) == "A")
        );
    }
}

#[tokio::test(start_paused = true)]
async fn no_records_are_no_calls() {
    let service = Service::steps([]);
    assert_eq!(service.send(Vec::new()).await, Sent::default());
    assert_eq!(service.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn each_form_of_identity_goes_out_as_aws_wants_it() {
    let code = || "abc123".to_owned();
    let service = Service::steps([]);
    let outgoing = vec![
        outgoing(licence(1), "licensed"),
        outgoing(
            AwsBuyer::Account {
                product_code: code(),
                account_id: "210987654321".to_owned(),
            },
            "account",
        ),
        outgoing(
            AwsBuyer::Customer {
                product_code: code(),
                customer_identifier: "cust-1".to_owned(),
            },
            "customer",
        ),
    ];
    service.send(outgoing).await;
    let mut calls = service.calls();
    calls.sort_by_key(|call| call.records().len());
    let at = 1_795_183_199;
    assert_eq!(
        calls[0].body,
        json!({"UsageRecords": [{"Timestamp": at, "CustomerIdentifier": "", "Dimension": "licensed", "Quantity": 7,
            "CustomerAWSAccountId": "000000000001",
            "LicenseArn": "arn:aws:license-manager::123456789012:license:l-1"}]}),
        "a licence goes without a product code"
    );
    assert_eq!(
        calls[1].body,
        json!({"ProductCode": "abc123", "UsageRecords": [
            {"Timestamp": at, "CustomerIdentifier": "", "Dimension": "account", "Quantity": 7,
                "CustomerAWSAccountId": "210987654321"},
            {"Timestamp": at, "CustomerIdentifier": "cust-1", "Dimension": "customer", "Quantity": 7}]})
    );
}

#[tokio::test(start_paused = true)]
async fn a_call_holds_one_product_and_one_region() {
    let service = Service::steps([]);
    let hour = "2026-11-20T13:59:59Z";
    let coded = |code: &str| AwsBuyer::Account {
        product_code: code.to_owned(),
        account_id: "1".to_owned(),
    };
    let outgoing = vec![
        outgoing_at("us-east-1", Some("atlas"), licence(1), "a1", hour),
        outgoing_at("us-east-1", Some("borealis"), licence(2), "b", hour),
        outgoing_at("eu-west-1", Some("atlas"), licence(3), "eu", hour),
        outgoing_at("us-east-1", None, licence(4), "n1", hour),
        outgoing_at("us-east-1", None, licence(5), "n2", hour),
        outgoing_at("us-east-1", None, coded("atlas"), "c1", hour),
        outgoing_at("us-east-1", None, coded("other"), "c2", hour),
        outgoing_at("us-east-1", Some("atlas"), licence(6), "a2", hour),
    ];
    service.send(outgoing).await;
    let mut together: Vec<(String, String)> = service
        .calls()
        .iter()
        .map(|call| (call.host.clone(), call.dimensions().join(" ")))
        .collect();
    together.sort();
    let us = |dimensions: &str| {
        (
            "metering.marketplace.us-east-1.amazonaws.com".to_owned(),
            dimensions.to_owned(),
        )
    };
    let eu = (
        "metering.marketplace.eu-west-1.amazonaws.com".to_owned(),
        "eu".to_owned(),
    );
    assert_eq!(
        together,
        [eu, us("a1 a2"), us("b"), us("c1"), us("c2"), us("n1"), us("n2")]
    );
}

#[tokio::test(start_paused = true)]
async fn no_body_reaches_a_megabyte() {
    let service = Service::new(|call| {
        let results: Vec<Value> = call
            .records()
            .iter()
            .map(|record| json!({"UsageRecord": record, "MeteringRecordId": "mr", "Status": "Success"}))
            .collect();
        ok(&json!({"Results": results}))
    });
    // Every character is escaped on the wire, so the body is six times the text.
    let wide = |number: usize| format!("{number}{}", "\u{1}".repeat(14_000));
    let outgoing: Vec<_> = (0..40)
        .map(|number| outgoing(licence(number), &wide(number)))
        .collect();
    service.send(outgoing).await;
    let calls = service.calls();
    assert!(
        calls.iter().all(|call| call.text.len() < 1_000_000),
        "no body is too large"
    );
    assert!(
        calls.iter().any(|call| call.text.len() > 800_000),
        "and none is needlessly small"
    );
    let carried: Vec<usize> = calls.iter().map(|call| call.records().len()).collect();
    assert_eq!(carried.iter().sum::<usize>(), 40, "{carried:?}");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_buyers_keep_ten_calls_a_second_and_eight_at_once() {
    let service = Service::new(|call| Step::After(Duration::from_millis(900), Box::new(taken(call))));
    let outgoing = records(2_500);
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|answers| letters(answers) == "A")
    );
    let calls = service.calls();
    assert_eq!(calls.len(), 100);
    for (index, first) in calls.iter().enumerate() {
        let within = calls[index..]
            .iter()
            .filter(|call| call.at - first.at <= Duration::from_secs(1))
            .count();
        assert!(within <= 10, "{within} calls in a second");
    }
    assert_eq!(service.at_once(), 8);
}

#[tokio::test(start_paused = true)]
async fn two_sends_of_one_invocation_share_the_pace() {
    let service = Service::steps([]);
    let sink = service.sink().await;
    tokio::join!(sink.send(records(250)), sink.send(records(250)));
    let calls = service.calls();
    assert_eq!(calls.len(), 20);
    assert!(calls[19].at - calls[0].at >= Duration::from_millis(1_900));
}

#[tokio::test(start_paused = true)]
async fn a_region_that_is_away_holds_up_no_other() {
    let service = Service::new(|call| {
        if call.host.contains("eu-west-1") {
            Step::Silence
        } else {
            taken(call)
        }
    });
    let outgoing = vec![
        outgoing_at("eu-west-1", None, licence(1), "eu", "2026-11-20T13:59:59Z"),
        outgoing_at("us-east-1", None, licence(2), "us", "2026-11-20T13:59:59Z"),
    ];
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(letters(&answers["us"]), "A");
    assert!(letters(&answers["eu"]).chars().all(|letter| letter == 'U'));
    let us = service
        .calls()
        .iter()
        .position(|call| call.host.contains("us-east-1"))
        .unwrap();
    assert!(us < 2, "it did not wait for the other's tries");
}

#[test]
fn every_record_is_said_in_whole_units() {
    let unit = crate::aws::rules(&outgoing(licence(1), "d").destination).unit;
    assert_eq!((unit.places, unit.max), (0, i32::MAX.into()));
}

#[tokio::test(start_paused = true)]
async fn a_quantity_that_aws_has_no_number_for_is_refused_without_a_request() {
    for (quantity, letter) in [
        ("0.0000001", "N"),
        ("10000000000", "N"),
        ("-1", "N"),
        ("2147483647", "A"),
        ("3.000", "A"),
    ] {
        let service = Service::steps([]);
        let mut one = records(1);
        one[0].record.quantity = quantity.parse().unwrap();
        let sent = service.send(one).await;
        assert_eq!(only(&sent), letter, "{quantity}");
        let calls = service.calls();
        assert_eq!(calls.len(), usize::from(letter == "A"));
        if let [call] = calls.as_slice() {
            assert_eq!(
                call.records()[0]["Quantity"],
                Value::from(quantity.trim_end_matches(".000").parse::<i32>().unwrap())
            );
        } else {
            assert!(format!("{:?}", sent.learned).contains("no request was made"));
        }
    }
}
