use std::time::Duration;

use platform::secrets::AzureSecret;
use platform::{Fault, FaultKind};
use serde_json::json;

use super::scripted::*;
use crate::Sent;
use crate::tests::scripted::{letters, only};

const LEFT: Duration = Duration::from_secs(900);

fn quiet(sent: &Sent) {
    let said = format!("{sent:?}");
    assert!(!said.contains("s3cret") && !said.contains("token-"), "{said}");
}

fn all(sent: &Sent, expected: &str) {
    for learned in &sent.learned {
        assert_eq!(letters(&learned.answers), expected, "{sent:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_token_serves_every_call_of_the_invocation() {
    let service = Microsoft::steps([]);
    let sink = service.sink();
    let (first, second) = tokio::join!(sink.send(records(100)), sink.send(records(60)));
    all(&first, "A");
    all(&second, "A");
    assert!(
        service
            .calls()
            .iter()
            .all(|call| call.authorization == "Bearer token-1")
    );
    let logins = service.logins();
    assert_eq!((logins.len(), service.calls().len()), (1, 7));
    assert_eq!(
        logins[0].line,
        "POST https://login.test/contoso.example/oauth2/v2.0/token"
    );
    assert_eq!(logins[0].authorization, "");
    assert_eq!(
        logins[0].text,
        "grant_type=client_credentials&client_id=5b9e0000-0000-4000-8000-000000000001\
         &client_secret=8Q%7Es3cret%26value%3Dof%2Bthe%2Fapp\
         &scope=20e940b3-4c77-4b0b-9a53-9e16a1b010a7%2F.default"
    );
}

#[tokio::test(start_paused = true)]
async fn a_token_is_asked_for_again_shortly_before_its_end() {
    let service = Microsoft::steps([]).login(|_| {
        let body = json!({"access_token": "t", "expires_in": "120"});
        answer(200, &body)
    });
    let sink = service.sink();
    for (wait, logins) in [(0, 1), (59, 1), (2, 2)] {
        tokio::time::sleep(Duration::from_secs(wait)).await;
        all(&sink.send(records(1)).await, "A");
        assert_eq!(service.logins().len(), logins);
    }
}

/// Refuses these tokens, a second after each call: other calls are then under way with the same token.
fn refusing(status: u16, tokens: &'static [&'static str]) -> Microsoft {
    Microsoft::new(move |call| {
        let refused = tokens.iter().any(|token| call.authorization.ends_with(token));
        let step = match refused {
            true => answer(
                status,
                &json!({"code": "Forbidden", "message": call.authorization}),
            ),
            false => taken(call),
        };
        Step::After(Duration::from_secs(1), Box::new(step))
    })
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_and_the_same_calls_are_made_again() {
    for status in [401, 403] {
        let service = refusing(status, &["token-1"]);
        let sent = service.send(records(75)).await;
        all(&sent, "LA");
        assert_eq!((service.logins().len(), sent.faults.len()), (2, 0), "{status}");
        let calls = service.calls();
        for call in &calls[..3] {
            assert_eq!(calls.iter().filter(|other| other.text == call.text).count(), 2);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_refused_again_is_given_up_and_named() {
    let service = refusing(403, &["token-1", "token-2"]);
    let sent = service.send(records(75)).await;
    all(&sent, "LL");
    quiet(&sent);
    assert_eq!(service.logins().len(), 2);
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert!(
        sent.faults[0].message.contains("HTTP 403 Forbidden"),
        "{}",
        sent.faults[0]
    );
}

#[tokio::test(start_paused = true)]
async fn an_application_that_entra_refuses_is_named_and_asked_for_once() {
    let service = Microsoft::steps([]).login(|call| {
        let body = json!({
            "error": "invalid_client",
            "error_description": format!("AADSTS7000215: Invalid client secret provided. {}", call.text),
            "error_codes": [7_000_215],
        });
        answer(401, &body)
    });
    let sink = service.sink();
    for _ in 0..2 {
        let sent = sink.send(records(50)).await;
        all(&sent, "L");
        quiet(&sent);
        let fault = &sent.faults[0];
        assert_eq!((sent.faults.len(), fault.kind), (1, FaultKind::Unauthorized));
        assert!(
            fault.message.contains("invalid_client, AADSTS7000215") && fault.message.contains("5b9e0000"),
            "{fault}"
        );
    }
    assert_eq!((service.logins().len(), service.calls().len()), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn an_entra_that_is_away_means_not_sent_and_not_unknown() {
    for step in [
        Step::NotSent,
        Step::Lost,
        Step::Silence,
        Step::TooLarge,
        Step::Answer(503, None, String::new()),
        Step::Answer(429, Some("1"), String::new()),
        Step::Answer(200, None, "<html>".to_owned()),
    ] {
        let service = Microsoft::steps([]).login({
            let step = step.clone();
            move |_| step.clone()
        });
        let began = tokio::time::Instant::now();
        let sent = service.send(records(2)).await;
        all(&sent, "L");
        assert_eq!(sent.faults[0].kind, FaultKind::DestinationUnavailable, "{step:?}");
        assert!(
            service.logins().len() <= 5 && service.calls().is_empty(),
            "{step:?}"
        );
        assert!(began.elapsed() <= Duration::from_secs(30), "{step:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entra_that_was_away_for_a_moment_is_asked_again() {
    let mut steps = vec![
        token("t"),
        Step::Answer(429, Some("3"), String::new()),
        Step::Lost,
    ];
    let service = Microsoft::steps([]).login(move |_| steps.pop().unwrap());
    all(&service.send(records(1)).await, "A");
    let logins = service.logins();
    assert_eq!(logins.len(), 3);
    assert!(logins[2].at - logins[1].at >= Duration::from_secs(3));
}

#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_sent_and_everything_is_owed_again() {
    let service = Microsoft::steps([]);
    let missing = Fault::new(FaultKind::Misconfigured, "the secret has no `azure`");
    let sent = service
        .sink_with(Err(missing.clone()), LEFT)
        .send(records(30))
        .await;
    all(&sent, "L");
    assert_eq!(sent.faults, [missing]);
    assert!(format!("{:?}", sent.learned[0]).contains("not sent: the secret has no `azure`"));
    assert!(service.logins().is_empty() && service.calls().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_tenant_that_would_lead_elsewhere_is_refused() {
    for tenant_id in ["", "../evil", "a/b", "a?b", ".", "t\u{e9}nant"] {
        let service = Microsoft::steps([]);
        let secret = AzureSecret {
            tenant_id: tenant_id.to_owned(),
            ..secret()
        };
        let sent = service.sink_with(Ok(&secret), LEFT).send(records(1)).await;
        assert_eq!(
            (only(&sent).as_str(), sent.faults[0].kind),
            ("L", FaultKind::Misconfigured)
        );
        assert!(service.logins().is_empty(), "{tenant_id}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_shows_nothing_of_its_credentials() {
    let service = Microsoft::steps([Step::Lost]);
    let sink = service.sink();
    quiet(&sink.send(records(1)).await);
    assert_eq!(format!("{sink:?}"), "Azure");
}
