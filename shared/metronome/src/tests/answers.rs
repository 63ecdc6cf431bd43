use platform::{Fault, FaultKind, TransportError};

use super::scripted::{Metronome, failure, last_page, ok};
use super::usage::{query, row};
use crate::{Error, UsageRow};

async fn usage(body: String) -> Result<Vec<UsageRow>, Error> {
    let metronome = Metronome::replying([ok(body)]);
    metronome.client().usage(&query(1)).await
}

async fn unusable(body: impl Into<String>) -> String {
    let body = body.into();
    let answer = usage(body.clone()).await;
    let Err(error @ Error::Unreadable { .. }) = answer else {
        panic!("{answer:?} out of {body:.200}")
    };
    let fault = Fault::from(error);
    assert_eq!(fault.kind, FaultKind::SourceUnavailable);
    assert!(
        fault.message.starts_with("POST /v1/usage (customers c0000): "),
        "{fault}"
    );
    assert!(fault.message.len() < 400, "{fault}");
    fault.message
}

fn page_of(rows: &str) -> String {
    format!(r#"{{"data":[{rows}],"next_page":null}}"#)
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_json_or_cut_off_or_followed_by_more_is_not_used() {
    let whole = page_of(&row("c", "1"));
    for body in ["", "<html>Bad gateway</html>", "null", "\u{feff}{}"] {
        unusable(body).await;
    }
    for end in [1, whole.len() / 2, whole.len() - 1] {
        unusable(&whole[..end]).await;
    }
    unusable(format!("{whole}{whole}")).await;
}

#[tokio::test(start_paused = true)]
async fn a_list_is_not_taken_for_an_object_at_any_level() {
    assert!(unusable(r#"[[],null]"#).await.contains("expected an object"));
    let row = r#"["c","m","2026-11-19T00:00:00Z","2026-11-19T01:00:00Z",1,null]"#;
    assert!(unusable(page_of(row)).await.contains("expected an object"));
    let groups = self::row("c", "1").replace('}', r#","groups":[["a",1]]}"#);
    assert!(unusable(page_of(&groups)).await.contains("expected an object"));
}

#[tokio::test(start_paused = true)]
async fn a_field_that_is_documented_to_be_there_is_missed() {
    assert!(unusable(r#"{"data":[]}"#).await.contains("next_page"));
    assert!(unusable(r#"{"next_page":null}"#).await.contains("data"));
    let no_value = row("c", "1").replace(r#","value":1"#, "");
    assert!(
        unusable(page_of(&no_value))
            .await
            .contains("missing field `value`")
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_that_is_no_exact_number_is_refused_by_name() {
    for value in [
        "\"5\"",
        "true",
        "[1]",
        "{}",
        "1e400",
        "0.00000000000000000000000000001",
    ] {
        let message = unusable(page_of(&row("c", value))).await;
        assert!(message.contains(&format!("`{value}`")), "{message}");
    }
    unusable(page_of(&row("c", "NaN"))).await;
    unusable(page_of(&row("c", &"9".repeat(100_000)))).await;
}

#[tokio::test(start_paused = true)]
async fn one_key_with_two_values_is_not_one_value() {
    let groups = row("c", "1").replace('}', r#","groups":{"a":1,"a":2}}"#);
    assert!(unusable(page_of(&groups)).await.contains("`a` stands twice"));
    let values = row("c", r#"1,"value":2"#);
    assert!(unusable(page_of(&values)).await.contains("duplicate field"));
}

#[tokio::test(start_paused = true)]
async fn what_is_unknown_passes_however_deep_it_goes() {
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    let row = row("c", "1").replace('}', &format!(r#","new":{deep}}}"#));
    assert_eq!(usage(page_of(&row)).await.unwrap().len(), 1);
    unusable(page_of(&deep)).await;
    unusable(page_of(&self::row("c", &deep))).await;
}

#[tokio::test(start_paused = true)]
async fn words_of_metronome_reach_an_error_short_and_printable() {
    let long = row("c", "1").replace(
        "2026-11-19T01:00:00Z",
        &format!("\\u001b[2J{}", "x".repeat(5_000)),
    );
    let message = unusable(page_of(&long)).await;
    assert!(!message.contains('\u{1b}'), "{message}");
}

#[tokio::test(start_paused = true)]
async fn an_answer_larger_than_its_bound_is_not_read_and_not_asked_for_again() {
    let metronome = Metronome::replying([last_page(&" ".repeat(9 * 1024 * 1024))]);
    let answer = metronome.client().usage(&query(1)).await;
    assert!(
        matches!(&answer, Err(Error::Unreadable { reason, .. }) if reason.contains("larger")),
        "{answer:?}"
    );
    let metronome = Metronome::replying([failure(TransportError::TooLarge(7))]);
    assert!(matches!(
        metronome.client().customer("c").await,
        Err(Error::Unreadable { .. })
    ));
}
