use std::collections::BTreeSet;

use billing::{Answer, Outcome, Refusal};
use platform::FaultKind;

use super::scripted::*;

const OF_ONE_RECORD: [&str; 8] = [
    "InvalidUsageDimensionException",
    "InvalidTagException",
    "InvalidUsageAllocationsException",
    "InvalidCustomerIdentifierException",
    "InvalidLicenseException",
    "TimestampOutOfBoundsException",
    "ValidationException",
    "SerializationException",
];

/// Refuses every call that holds one of these dimensions.
fn poisoned(dimensions: &[&'static str], code: &'static str) -> Service {
    let dimensions = dimensions.to_vec();
    Service::new(move |call| {
        if dimensions.iter().any(|dimension| call.holds(dimension)) {
            exception(400, code)
        } else {
            taken(call)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn one_poisoned_record_of_25_stands_alone_and_the_others_are_billed() {
    for code in OF_ONE_RECORD {
        let service = poisoned(&["d17"], code);
        let outgoing = records(25);
        let sent = service.send(outgoing.clone()).await;
        for (index, (outgoing, learned)) in outgoing.iter().zip(&sent.learned).enumerate() {
            let (entry, blocked) = settled(outgoing, learned);
            let outcome = entry.unwrap().outcome;
            match (index, code) {
                (17, "TimestampOutOfBoundsException") => assert_eq!(outcome, Outcome::Returned, "{code}"),
                (17, _) => {
                    assert_eq!(outcome, Outcome::Parked, "{code}");
                    assert_eq!(blocked, BTreeSet::from(["d17".to_owned()]));
                }
                _ => assert_eq!(
                    (outcome, blocked.len()),
                    (Outcome::Delivered, 0),
                    "{code}: d{index}"
                ),
            }
        }
        assert!(service.calls().len() <= 11, "{} calls", service.calls().len());
        assert_eq!(sent.faults, []);
    }
}

#[tokio::test(start_paused = true)]
async fn two_poisoned_records_of_25_stand_alone_and_the_others_are_billed() {
    for pair in [["d0", "d24"], ["d3", "d4"]] {
        let service = poisoned(&pair, "InvalidUsageDimensionException");
        let outgoing = records(25);
        let sent = service.send(outgoing.clone()).await;
        for (dimension, answers) in answers(&outgoing, &sent) {
            let end = if pair.contains(&dimension.as_str()) {
                'N'
            } else {
                'A'
            };
            assert!(letters(&answers).ends_with(end), "{dimension}: {answers:?}");
            assert!(answers.len() <= 6, "halved at most five deep");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn twenty_five_poisoned_records_of_25_are_each_refused_alone() {
    let service = Service::new(|_| exception(400, "InvalidUsageDimensionException"));
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for answers in answers(&outgoing, &sent).values() {
        let letters = letters(answers);
        assert!(
            letters.ends_with('N') && letters[..letters.len() - 1].chars().all(|letter| letter == 'L'),
            "{letters}"
        );
        assert!(letters.len() <= 6);
    }
    assert_eq!(service.calls().len(), 49, "a whole tree of halves");
}

#[tokio::test(start_paused = true)]
async fn a_record_gets_one_answer_for_every_call_that_carried_it() {
    let service = poisoned(&["d2", "d9"], "InvalidLicenseException");
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for (dimension, answers) in answers(&outgoing, &sent) {
        let carried = service
            .calls()
            .iter()
            .filter(|call| call.holds(&dimension))
            .count();
        assert_eq!(answers.len(), carried, "{dimension}");
    }
}

#[tokio::test(start_paused = true)]
async fn the_refusal_says_what_aws_said_and_what_to_do() {
    let service = Service::new(|_| {
        let said = format!("no such dimension \u{1b}[2J{}", "x".repeat(5_000));
        Step::Answer(
            400,
            serde_json::json!({"__type": "a#InvalidUsageDimensionException", "message": said}).to_string(),
        )
    });
    let sent = service.send(records(1)).await;
    let [Answer::Refused(Refusal::Never(reason))] = sent.learned[0].answers.as_slice() else {
        panic!("{sent:?}")
    };
    assert!(
        reason.starts_with("InvalidUsageDimensionException: no such dimension \\u{1b}[2Jxxx"),
        "{reason}"
    );
    assert!(
        reason.ends_with("name the dimension as the product's listing does, to the letter"),
        "{reason}"
    );
    assert!(reason.chars().count() < 400, "bounded");
}

#[tokio::test(start_paused = true)]
async fn a_refused_product_or_region_is_refused_at_once_for_every_record_and_named() {
    for code in ["InvalidProductCodeException", "DisabledApiException"] {
        let service = Service::new(move |_| exception(400, code));
        let outgoing = records(30);
        let sent = service.send(outgoing.clone()).await;
        assert!(
            answers(&outgoing, &sent)
                .values()
                .all(|answers| letters(answers) == "N"),
            "{code}"
        );
        assert_eq!(service.calls().len(), 2, "no halving");
        assert_eq!(sent.faults.len(), 1, "said once: {:?}", sent.faults);
        assert_eq!(sent.faults[0].kind, FaultKind::Misconfigured);
        assert!(sent.faults[0].message.contains(code) && sent.faults[0].message.contains("us-east-1"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_exception_that_nobody_told_us_of_poisons_no_other_record_and_blocks_nothing() {
    let service = poisoned(&["d5"], "TooManyMoonsException");
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for (outgoing, learned) in outgoing.iter().zip(&sent.learned) {
        let (entry, blocked) = settled(outgoing, learned);
        let poisoned = outgoing.record.meter.dimension == "d5";
        let outcome = if poisoned {
            Outcome::Returned
        } else {
            Outcome::Delivered
        };
        assert_eq!((entry.unwrap().outcome, blocked.len()), (outcome, 0));
    }
    assert_eq!(sent.faults.len(), 1);
    assert!(sent.faults[0].message.contains("TooManyMoonsException"));
}

#[tokio::test(start_paused = true)]
async fn halving_and_throttling_together_still_bill_the_others() {
    let mut count = 0;
    let service = Service::new(move |call| {
        count += 1;
        match (count % 3, call.holds("d7")) {
            (0, _) => exception(400, "ThrottlingException"),
            (_, true) => exception(400, "InvalidUsageDimensionException"),
            _ => taken(call),
        }
    });
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    for (dimension, answers) in answers(&outgoing, &sent) {
        assert!(
            letters(&answers).ends_with(if dimension == "d7" { 'N' } else { 'A' }),
            "{dimension}: {answers:?}"
        );
        assert!(answers.len() <= 10, "at most five tries and five halvings");
    }
}

#[tokio::test(start_paused = true)]
async fn a_poison_found_after_a_lost_answer_leaves_the_record_in_flight() {
    let service = Service::steps([Step::Lost, exception(400, "InvalidUsageDimensionException")]);
    let outgoing = records(1);
    let sent = service.send(outgoing.clone()).await;
    assert_eq!(only(&sent), "UN");
    assert_eq!(settled(&outgoing[0], &sent.learned[0]).0, None);
}
