//! `QuantityAsDecimal`, which the SDK does not know of.

use std::fmt::Write as _;

use billing::{Destination, Record};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::scripted::*;
use crate::Outgoing;

/// A record of this quantity, for a connection that asks for decimals or not.
fn of(number: usize, quantity: &str, decimals: bool) -> Outgoing {
    let Outgoing { destination, record } = outgoing(licence(number), &format!("d{number}"));
    Outgoing {
        record: Record::new(
            &destination.identity,
            record.meter,
            record.timestamp,
            quantity.parse().unwrap(),
        ),
        destination: Destination {
            decimals,
            ..destination
        },
    }
}

/// Each record's quantity as it stands in the call: its integer and its decimal.
fn quantities(call: &Call) -> Vec<(&str, &Value, &Value)> {
    let records = call.records().iter();
    records
        .map(|record| {
            (
                record["Dimension"].as_str().unwrap(),
                &record["Quantity"],
                &record["QuantityAsDecimal"],
            )
        })
        .collect()
}

fn hex(bytes: impl AsRef<[u8]>) -> String {
    bytes.as_ref().iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").unwrap();
        text
    })
}

/// HMAC-SHA256 (RFC 2104) under a key no longer than a block.
fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    let padded = |pad: u8| -> Vec<u8> {
        let key = key.iter().copied().chain(std::iter::repeat(0)).take(64);
        key.map(|byte| byte ^ pad).collect()
    };
    let inner = Sha256::digest([padded(0x36).as_slice(), text.as_bytes()].concat());
    Sha256::digest([padded(0x5c).as_slice(), inner.as_slice()].concat()).to_vec()
}

/// The Signature Version 4 of a request as it came: over its own body and headers.
fn signature(call: &Call, signed_headers: &str) -> String {
    let header = |name: &str| match name {
        "host" => call.host.clone(),
        name => call.headers[name].to_str().unwrap().trim().to_owned(),
    };
    let canonical_headers = signed_headers.split(';').fold(String::new(), |mut text, name| {
        writeln!(text, "{name}:{}", header(name)).unwrap();
        text
    });
    let payload = hex(Sha256::digest(&call.text));
    let canonical = format!("POST\n/\n\n{canonical_headers}\n{signed_headers}\n{payload}");
    let at = header("x-amz-date");
    let (day, _) = at.split_once('T').unwrap();
    let scope = format!("{day}/us-east-1/aws-marketplace/aws4_request");
    let text = format!(
        "AWS4-HMAC-SHA256\n{at}\n{scope}\n{}",
        hex(Sha256::digest(canonical))
    );
    let key = scope
        .split('/')
        .fold(format!("AWS4{SECRET}").into_bytes(), |key, part| hmac(&key, part));
    hex(hmac(&key, &text))
}

#[tokio::test(start_paused = true)]
async fn both_forms_travel_in_one_call_and_no_record_has_both() {
    let service = Service::steps([]);
    let outgoing = vec![
        of(0, "7", false),
        of(1, "17.42", true),
        of(2, "17.000000", true),
        of(3, "9999999999.999999", true),
        of(4, "0.000001", false),
        of(5, "2147483648", false),
    ];
    let sent = service.send(outgoing.clone()).await;
    assert!(
        answers(&outgoing, &sent)
            .values()
            .all(|answers| letters(answers) == "A"),
        "{sent:?}"
    );
    let calls = service.calls();
    assert_eq!(calls.len(), 1);
    assert_eq!(
        quantities(&calls[0]),
        [
            ("d0", &json!(7), &Value::Null),
            ("d1", &Value::Null, &json!("17.42")),
            ("d2", &Value::Null, &json!("17")),
            ("d3", &Value::Null, &json!("9999999999.999999")),
            ("d4", &Value::Null, &json!("0.000001")),
            ("d5", &Value::Null, &json!("2147483648")),
        ]
    );
    assert_eq!(
        calls[0].records()[1],
        json!({"Timestamp": 1_795_183_199, "CustomerIdentifier": "", "Dimension": "d1", "QuantityAsDecimal": "17.42",
            "CustomerAWSAccountId": "000000000001",
            "LicenseArn": "arn:aws:license-manager::123456789012:license:l-1"}),
        "and the rest is as it was"
    );
}

#[tokio::test(start_paused = true)]
async fn what_is_signed_is_what_is_sent() {
    for outgoing in [
        vec![of(0, "7", false)],
        vec![of(0, "1.5", true), of(1, "7", false)],
    ] {
        let service = Service::steps([]);
        service.send(outgoing).await;
        let call = &service.calls()[0];
        assert_eq!(call.headers["content-length"], call.text.len().to_string());
        let (signed_headers, sent) = call
            .authorization
            .split_once("SignedHeaders=")
            .and_then(|(_, rest)| rest.split_once(", Signature="))
            .unwrap();
        assert_eq!(signature(call, signed_headers), sent);
    }
}

#[tokio::test(start_paused = true)]
async fn a_decimal_is_the_same_on_every_try() {
    let service = Service::steps([Step::Lost, exception(400, "ThrottlingException")]);
    let sent = service.send(vec![of(0, "1.5", true), of(1, "7", false)]).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "ULA")
    );
    let calls = service.calls();
    assert_eq!(calls.len(), 3);
    assert_eq!((&calls[0].text, &calls[1].text), (&calls[1].text, &calls[2].text));
}

#[tokio::test(start_paused = true)]
async fn every_half_of_a_poisoned_call_says_its_own_quantities() {
    let service = Service::new(|call| {
        if call.holds("d7") {
            exception(400, "InvalidUsageDimensionException")
        } else {
            taken(call)
        }
    });
    let quantity = |number: usize| match number % 3 {
        0 => format!("{number}.5"),
        _ => number.to_string(),
    };
    let outgoing: Vec<_> = (0..25)
        .map(|number| of(number, &quantity(number), number % 3 == 0))
        .collect();
    let sent = service.send(outgoing.clone()).await;
    for (dimension, answers) in answers(&outgoing, &sent) {
        let end = if dimension == "d7" { 'N' } else { 'A' };
        assert!(letters(&answers).ends_with(end), "{dimension}: {answers:?}");
    }
    assert!(service.calls().len() > 5);
    for call in &service.calls() {
        for (dimension, whole, decimal) in quantities(call) {
            let number: usize = dimension[1..].parse().unwrap();
            let expected = match number % 3 {
                0 => (Value::Null, json!(quantity(number))),
                _ => (json!(number), Value::Null),
            };
            assert_eq!((whole, decimal), (&expected.0, &expected.1), "{dimension}");
        }
    }
}

/// The letters of one record whose echo tells these quantities.
async fn echoed(outgoing: Outgoing, told: Value) -> String {
    let service = Service::new(move |call| {
        let mut result = result(&call.records()[0], "Success");
        let echo = result["UsageRecord"].as_object_mut().unwrap();
        echo.remove("Quantity");
        echo.remove("QuantityAsDecimal");
        echo.extend(told.as_object().unwrap().clone());
        ok(&json!({"Results": [result]}))
    });
    only(&service.send(vec![outgoing]).await)
}

#[tokio::test(start_paused = true)]
async fn an_echo_of_another_quantity_delivers_nothing_in_either_form() {
    let cases = [
        ("17.42", json!({"QuantityAsDecimal": "17.420000"}), "A"),
        (
            "17.42",
            json!({"QuantityAsDecimal": "17.42", "Quantity": 17}),
            "A",
        ),
        ("17.42", json!({"QuantityAsDecimal": null}), "A"),
        ("17.42", json!({}), "A"),
        ("17.42", json!({"QuantityAsDecimal": "17.43"}), "UUUUU"),
        ("17.42", json!({"QuantityAsDecimal": "about 17"}), "UUUUU"),
        ("17.42", json!({"QuantityAsDecimal": 17}), "UUUUU"),
        ("17.42", json!({"Quantity": 17}), "UUUUU"),
        ("17", json!({"Quantity": 17}), "A"),
        ("17", json!({"QuantityAsDecimal": "17.0"}), "A"),
        ("17", json!({"QuantityAsDecimal": "18", "Quantity": 17}), "UUUUU"),
    ];
    for (quantity, told, letters) in cases {
        for decimals in [true, false] {
            let letter = echoed(of(0, quantity, decimals), told.clone()).await;
            assert_eq!(letter, letters, "{quantity}, decimals {decimals}: {told}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn each_echo_is_read_with_its_own_decimal() {
    let service = Service::new(|call| {
        let mut results: Vec<Value> = call
            .records()
            .iter()
            .map(|record| result(record, "Success"))
            .collect();
        results.reverse();
        let unprocessed = results.pop().unwrap()["UsageRecord"].clone();
        ok(&json!({"Results": results, "UnprocessedRecords": [unprocessed]}))
    });
    let outgoing = vec![of(0, "0.5", true), of(1, "1.5", true), of(2, "2.5", true)];
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(letters(&answers["d0"]), "LLLLL");
    assert_eq!(
        (letters(&answers["d1"]), letters(&answers["d2"])),
        ("A".to_owned(), "A".to_owned())
    );
}
