use billing::{Answer, Outcome, Refusal};
use platform::FaultKind;
use serde_json::{Value, json};

use super::scripted::*;
use crate::tests::scripted::{answers, letters, only, settled};

/// Refuses every call that holds `poison` with 400.
fn poisoned(poison: &'static str) -> Microsoft {
    Microsoft::new(move |call| {
        if call.holds(poison) {
            answer(
                400,
                &bad_argument("dimension", "The payload dimension is invalid."),
            )
        } else {
            taken(call)
        }
    })
}

#[tokio::test(start_paused = true)]
async fn a_poisoned_call_is_halved_until_the_poison_stands_alone() {
    let service = poisoned("d17");
    let outgoing = records(25);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    for (dimension, answers) in &answers {
        let last = if dimension == "d17" { 'N' } else { 'A' };
        assert!(letters(answers).ends_with(last), "{dimension}: {answers:?}");
    }
    assert!(service.calls().len() <= 11, "{}", service.calls().len());
    let (entry, blocked) = settled(&outgoing[17], &sent.learned[17]);
    let entry = entry.unwrap();
    assert_eq!(entry.outcome, Outcome::Parked);
    assert_eq!(
        entry.reason.as_deref(),
        Some("HTTP 400 BadArgument: dimension: The payload dimension is invalid.")
    );
    assert!(blocked.contains("d17"));
}

#[tokio::test(start_paused = true)]
async fn a_400_that_is_not_microsofts_own_parks_nothing() {
    for text in ["", "<html>bad request</html>", "{}", "{\"message\": \"proxy\"}"] {
        let service = Microsoft::new(move |_| Step::Answer(400, None, text.to_owned()));
        let outgoing = records(1);
        let sent = service.send(outgoing.clone()).await;
        assert_eq!(only(&sent), "L", "`{text}`");
        assert_eq!(
            settled(&outgoing[0], &sent.learned[0]).0.unwrap().outcome,
            Outcome::Returned
        );
        assert_eq!(sent.faults[0].kind, FaultKind::Misconfigured);
    }
}

#[tokio::test(start_paused = true)]
async fn the_words_of_a_refusal_are_printable_and_bounded() {
    let service = Microsoft::new(|_| answer(400, &bad_argument("\u{1b}[2J", &"x".repeat(5_000))));
    let sent = service.send(records(1)).await;
    let Answer::Refused(Refusal::Never(said)) = &sent.learned[0].answers[0] else {
        panic!("{sent:?}")
    };
    assert!(said.len() < 400 && !said.contains('\u{1b}'), "{said}");
}

#[tokio::test(start_paused = true)]
async fn a_conflict_of_the_whole_call_is_a_duplicate_once_the_record_is_alone() {
    let service = Microsoft::new(|call| match call.events() {
        [event] if event["dimension"] == "d1" => {
            let mut held = result(event, "Duplicate");
            held["quantity"] = json!(5.0);
            answer(409, &conflict(&held))
        }
        [_] => taken(call),
        events => answer(409, &conflict(&events[1])),
    });
    let outgoing = records(2);
    let sent = service.send(outgoing.clone()).await;
    let answers = answers(&outgoing, &sent);
    assert_eq!(
        (letters(&answers["d0"]).as_str(), letters(&answers["d1"]).as_str()),
        ("UA", "UD")
    );
    let entry = settled(&outgoing[1], &sent.learned[1]).0.unwrap();
    assert_eq!(entry.outcome, Outcome::Parked);
    assert!(entry.reason.unwrap().contains("holds 5 for this hour, not 7.5"));
}

#[tokio::test(start_paused = true)]
async fn a_conflict_without_a_word_is_a_duplicate_of_an_untold_quantity() {
    let service = Microsoft::new(|_| Step::Answer(409, None, String::new()));
    let sent = service.send(records(1)).await;
    assert_eq!(sent.learned[0].answers, [Answer::Duplicate { stored: None }]);
}

#[tokio::test(start_paused = true)]
async fn an_address_where_there_is_no_such_api_is_a_mistake_of_the_configuration() {
    for status in [404, 405, 415, 410] {
        let service = Microsoft::new(move |_| answer(status, &Value::Null));
        let sent = service.send(records(25)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "L")
        );
        assert_eq!(
            (sent.faults.len(), sent.faults[0].kind),
            (1, FaultKind::Misconfigured)
        );
        assert_eq!(service.calls().len(), 1, "{status}");
    }
}
