use platform::{Fault, FaultKind};

use super::scripted::{Metronome, Reply, TOKEN, refusal, reply};
use super::usage::query;
use crate::Error;

/// What a call for a customer comes to; one request, for none of these is tried again.
async fn customer(reply: Reply) -> Error {
    let metronome = Metronome::replying([reply]);
    metronome.client().customer("c-1").await.unwrap_err()
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_unauthorized_and_named_by_its_call() {
    for status in [401, 403] {
        let fault = Fault::from(customer(refusal(status, "Unauthorized")).await);
        assert_eq!(fault.kind, FaultKind::Unauthorized);
        for part in [
            "GET /v1/customers/c-1",
            &status.to_string(),
            "Unauthorized",
            "token",
        ] {
            assert!(fault.message.contains(part), "{fault}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_thing_asked_for_by_name_that_is_not_there_is_misconfigured() {
    for status in [400, 404, 422] {
        let error = customer(refusal(status, "Customer not found")).await;
        assert!(
            matches!(&error, Error::Refused { status: told, .. } if *told == status),
            "{error:?}"
        );
        let fault = Fault::from(error);
        assert_eq!(fault.kind, FaultKind::Misconfigured);
        assert!(
            fault.message.contains("customer c-1") && fault.message.contains("Customer not found"),
            "{fault}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_of_a_list_that_names_nothing_is_not_the_users_mistake() {
    let metronome = Metronome::replying([refusal(400, "no")]);
    let error = metronome.client().billable_metrics().await.unwrap_err();
    assert_eq!(Fault::from(error).kind, FaultKind::SourceUnavailable);
}

#[tokio::test(start_paused = true)]
async fn a_conflict_is_never_tried_again() {
    let error = customer(refusal(409, "This uniqueness key has already been used.")).await;
    assert!(
        matches!(error, Error::Unexpected { status: 409, .. }),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_redirect_is_not_followed() {
    for status in [301, 302, 307, 308] {
        let error = customer(reply(status, "").with("location", "https://elsewhere.example/")).await;
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
        assert!(error.to_string().contains("base_url"), "{error}");
        assert!(!error.to_string().contains("elsewhere.example"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn only_200_is_an_answer() {
    for status in [201, 202, 204, 206] {
        let error = customer(reply(status, r#"{"data":{"id":"c-1","name":"C"}}"#)).await;
        assert!(matches!(error, Error::Unexpected { .. }), "{error:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_error_never_shows_the_token_even_where_metronome_repeats_it() {
    let echoes = [
        refusal(401, &format!("no such token: {TOKEN}")),
        refusal(401, &format!("{}{TOKEN}", "x".repeat(195))),
        refusal(500, &format!("Bearer {TOKEN}")),
        reply(200, format!(r#"{{"data":"{TOKEN}"}}"#)),
        reply(403, format!("<html>{TOKEN}</html>")),
    ];
    for echo in echoes {
        let metronome = Metronome::answering(move |_, _| echo.clone());
        let error = metronome.client().customer("c-1").await.unwrap_err();
        for shown in [
            error.to_string(),
            format!("{error:?}"),
            Fault::from(error.clone()).to_string(),
        ] {
            assert!(!shown.contains("tok_"), "{shown}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn words_of_a_refusal_are_short_and_printable_and_a_foreign_body_is_not_repeated() {
    let error = customer(refusal(400, &format!("\u{1b}[2J\n{}", "x".repeat(10_000))))
        .await
        .to_string();
    assert!(
        error.len() < 400 && !error.contains('\u{1b}') && !error.contains('\n'),
        "{error}"
    );
    for body in ["<html>proxy</html>", "", "[\"listed\"]", "{\"message\":42}"] {
        let error = customer(reply(400, body)).await.to_string();
        assert!(error.contains("no message"), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_list_names_the_first_customers_and_counts_the_others() {
    let metronome = Metronome::replying([refusal(400, "bad id")]);
    let error = metronome
        .client()
        .usage(&query(40))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("(customers c0000, c0001, c0002 and 37 more)"),
        "{error}"
    );
}
