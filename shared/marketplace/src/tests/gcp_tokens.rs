use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use platform::{Fault, FaultKind};
use secrecy::SecretString;
use serde_json::{Value, json};

use super::gcp_google::*;
use super::scripted::{SECRET, TOKEN, at};
use crate::Sent;

const LONG: Duration = Duration::from_secs(900);

/// Nothing was sent, everything is owed again, and one fault says why without a secret.
fn unsent(google: &Google, sent: &Sent, kind: FaultKind) -> String {
    assert!(all(sent).iter().all(|letters| letters == "L"), "{sent:?}");
    assert_eq!((google.reports().len(), sent.faults.len()), (0, 1), "{sent:?}");
    assert_eq!(sent.faults[0].kind, kind);
    let said = format!("{sent:?}");
    for secret in ["PRIVATE KEY", "ya29", "eyJ", SECRET, TOKEN, "SENTINEL"] {
        assert!(!said.contains(secret), "{said}");
    }
    sent.faults[0].message.clone()
}

#[tokio::test(start_paused = true)]
async fn a_service_account_proves_itself_by_an_assertion_that_its_public_key_verifies() {
    let google = Google::replies([]);
    google.send(records(1)).await;
    let [call] = google.asked().try_into().unwrap();
    assert_eq!(call.url, "https://oauth2.googleapis.com/token");
    assert_eq!(
        call.field("grant_type").unwrap(),
        "urn:ietf:params:oauth:grant-type:jwt-bearer"
    );
    let assertion = call.field("assertion").unwrap();
    let public = DecodingKey::from_rsa_pem(PUBLIC_KEY.as_bytes()).unwrap();
    let mut rules = Validation::new(Algorithm::RS256);
    rules.set_audience(&["https://oauth2.googleapis.com/token"]);
    rules.validate_exp = false;
    let token = decode::<Value>(&assertion, &public, &rules).unwrap();
    assert_eq!(token.header.kid.as_deref(), Some("key-1"));
    assert_eq!(token.header.typ.as_deref(), Some("JWT"));
    let now = at("2026-11-20T14:05:00Z").timestamp();
    let claims = json!({
        "iss": "reporter@atlas.iam.gserviceaccount.com",
        "scope": "https://www.googleapis.com/auth/servicecontrol",
        "aud": "https://oauth2.googleapis.com/token",
        "iat": now,
        "exp": now + 3_600,
    });
    assert_eq!(token.claims, claims);

    let (head, signature) = assertion.rsplit_once('.').unwrap();
    let forged = format!("{head}.{}", signature.chars().rev().collect::<String>());
    assert!(
        decode::<Value>(&forged, &public, &rules).is_err(),
        "the verification can fail"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_once_whoever_wants_it() {
    let google = Google::replies([]);
    let sink = google.sink().await;
    let outgoing: Vec<_> = (0..40)
        .map(|number| record(&format!("project_number:{number}"), "d0"))
        .collect();
    let (first, second) = tokio::join!(sink.send(outgoing.clone()), sink.send(records(2)));
    sink.send(outgoing).await;
    assert!(
        all(&first)
            .iter()
            .chain(&all(&second))
            .all(|letters| letters == "A")
    );
    assert_eq!(google.asked().len(), 1);
    let reports = google.reports();
    assert!(
        reports
            .iter()
            .all(|call| call.authorization == "Bearer ya29.first" && call.sensitive)
    );
}

#[tokio::test(start_paused = true)]
async fn nothing_to_send_asks_for_no_token() {
    let google = Google::replies([]);
    google.send(Vec::new()).await;
    assert_eq!(google.asked().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_renewed_once_and_the_same_request_made_again() {
    let google = Google::new(|call| match call.authorization.as_str() {
        "Bearer ya29.second" => taken(),
        _ => error(401, "UNAUTHENTICATED"),
    });
    let sink = google.sink().await;
    let outgoing: Vec<_> = (0..20)
        .map(|number| record(&format!("project_number:{number}"), "d0"))
        .collect();
    let sent = sink.send(outgoing.clone()).await;
    assert!(
        all(&sent).iter().all(|letters| letters == "LA" || letters == "A"),
        "{sent:?}"
    );
    assert_eq!((google.asked().len(), sent.faults.len()), (2, 0));
    let reports = google.reports();
    let again = reports.iter().rfind(|call| call.text == reports[0].text).unwrap();
    assert_eq!(again.authorization, "Bearer ya29.second");
    sink.send(outgoing).await;
    assert_eq!(google.asked().len(), 2, "the second is kept");
}

#[tokio::test(start_paused = true)]
async fn a_second_token_that_is_refused_too_is_the_last() {
    let google = Google::new(|_| error(401, "UNAUTHENTICATED"));
    let sink = google.sink().await;
    let sent = sink.send(records(1)).await;
    assert_eq!(all(&sent), ["LL"]);
    assert_eq!((google.asked().len(), google.reports().len()), (2, 2));
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert!(sent.faults[0].message.contains("HTTP 401"));
    let sent = sink.send(records(1)).await;
    assert_eq!((all(&sent), google.asked().len()), (vec!["L".to_owned()], 2));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_that_is_refused_leaves_the_record_owed() {
    let mut first = true;
    let google = Google::new(|_| error(401, "UNAUTHENTICATED")).with_tokens(move |_| {
        match std::mem::take(&mut first) {
            true => given("ya29.first"),
            false => answer(400, &json!({"error": "invalid_grant"})),
        }
    });
    let sink = google.sink().await;
    for _ in 0..2 {
        let sent = sink.send(records(1)).await;
        assert_eq!(all(&sent), ["L"]);
        assert_eq!(sent.faults[0].kind, FaultKind::Unauthorized);
        assert!(
            sent.faults[0].message.contains("invalid_grant"),
            "{}",
            sent.faults[0]
        );
    }
    assert_eq!((google.asked().len(), google.reports().len()), (2, 1));
}

#[tokio::test(start_paused = true)]
async fn no_token_is_renewed_when_the_invocation_is_about_to_end() {
    let late = Reply::After(Duration::from_secs(5), Box::new(error(401, "UNAUTHENTICATED")));
    let google = Google::replies([late]);
    let sink = google.sink_of(&key(), Duration::from_secs(31)).await;
    let sent = sink.send(records(1)).await;
    assert_eq!((all(&sent), google.asked().len()), (vec!["L".to_owned()], 1));
    assert!(
        sent.faults[0].message.contains("about to end"),
        "{}",
        sent.faults[0]
    );
}

#[tokio::test(start_paused = true)]
async fn a_refused_key_is_named_by_its_code_and_asked_about_once() {
    let mut asked = 0;
    let google = Google::replies([]).with_tokens(move |call| {
        asked += 1;
        assert_eq!(asked, 1, "no other try mends it");
        let quoted = format!("SENTINEL {}", call.text);
        answer(
            400,
            &json!({"error": "invalid_grant", "error_description": quoted}),
        )
    });
    let sink = google.sink().await;
    let sent = sink.send(records(30)).await;
    let said = unsent(&google, &sent, FaultKind::Unauthorized);
    assert!(
        said.contains("oauth2.googleapis.com answered HTTP 400 invalid_grant"),
        "{said}"
    );
    unsent(&google, &sink.send(records(1)).await, FaultKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_code_that_is_a_text_of_its_own_is_not_repeated() {
    let google = Google::replies([]).with_tokens(|_| answer(401, &json!({"error": "SENTINEL: eyJ0eXAi"})));
    unsent(&google, &google.send(records(1)).await, FaultKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_is_away_is_asked_again() {
    let mut replies = vec![
        given("ya29.late"),
        Reply::Answer(503, Some("7"), String::new()),
        Reply::Lost,
        Reply::NotSent,
    ];
    let google = Google::replies([]).with_tokens(move |_| replies.pop().unwrap());
    let sent = google.send(records(1)).await;
    assert_eq!((all(&sent), google.asked().len()), (vec!["A".to_owned()], 4));
    let asked = google.asked();
    assert!(
        (asked[3].at - asked[2].at).as_secs() >= 7,
        "as late as it was told"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_endpoint_that_stays_away_leaves_everything_owed() {
    let google = Google::replies([]).with_tokens(|_| answer(500, &json!({})));
    let sent = google.send(records(3)).await;
    unsent(&google, &sent, FaultKind::DestinationUnavailable);
    assert_eq!(google.asked().len(), 5);
}

#[tokio::test(start_paused = true)]
async fn an_answer_without_a_token_that_can_be_sent_is_none() {
    for body in [
        json!({}),
        json!(["SENTINEL"]),
        json!({"access_token": ""}),
        json!({"access_token": 5}),
        json!({"access_token": "SENTINEL\r\nx: y"}),
        json!({"access_token": "SENTINEL ü"}),
    ] {
        let google = Google::replies([]).with_tokens(move |_| answer(200, &body));
        unsent(
            &google,
            &google.send(records(1)).await,
            FaultKind::DestinationUnavailable,
        );
    }
}

#[tokio::test(start_paused = true)]
async fn credentials_that_cannot_be_used_are_told_and_never_quoted() {
    let mut cases = vec![(
        json!({"type": "authorized_user", "refresh_token": "SENTINEL"}),
        "type",
    )];
    for (field, value, words) in [
        ("private_key", json!("SENTINEL"), "RSA key"),
        ("private_key", json!(PUBLIC_KEY), "RSA key"),
        ("private_key", json!({"SENTINEL": 1}), "private_key"),
        ("client_email", Value::Null, "client_email"),
        (
            "token_uri",
            json!("http://oauth2.googleapis.com/token"),
            "neither https nor loopback",
        ),
        ("token_uri", json!("https://SENTINEL:SENTINEL@host/"), "password"),
    ] {
        let mut key = key();
        key[field] = value;
        cases.push((key, words));
    }
    for (secret, words) in cases {
        let google = Google::replies([]);
        let sink = google.sink_of(&secret, LONG).await;
        let sent = sink.send(records(2)).await;
        let said = unsent(&google, &sent, FaultKind::Misconfigured);
        assert!(said.contains(words), "{said}");
        assert_eq!(google.asked().len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn a_loopback_endpoint_may_be_asked_for_tokens() {
    let google = Google::replies([]);
    let mut key = key();
    key["token_uri"] = json!("http://127.0.0.1:9/token");
    let sink = google.sink_of(&key, LONG).await;
    assert_eq!(all(&sink.send(records(1)).await), ["A"]);
    assert_eq!(google.asked()[0].url, "http://127.0.0.1:9/token");
}

#[tokio::test(start_paused = true)]
async fn a_connection_without_credentials_says_what_it_was_told() {
    let google = Google::replies([]);
    let fault = Fault::new(FaultKind::Misconfigured, "the secret has no `gcp`");
    let sink = google.sink_with(Err(fault.clone()), &google.sdk_config().await, LONG);
    let sent = sink.send(records(2)).await;
    unsent(&google, &sent, FaultKind::Misconfigured);
    assert_eq!(sent.faults, [fault]);
}

#[tokio::test(start_paused = true)]
async fn the_sink_prints_its_name_alone() {
    let google = Google::replies([]);
    let sink = google.sink_with(
        Ok(&SecretString::from(key().to_string())),
        &google.sdk_config().await,
        LONG,
    );
    assert_eq!(format!("{sink:?}"), "Gcp");
}
