//! No secret is in any log line, error, item or answer, whatever fails.

use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use http::StatusCode;
use metering::Deps;
use platform::config::Environment;
use sandbox::faults::{Fault, Rule, When};

use super::journal::Journal;
use super::{FIRST, SECOND, shop, told};
use crate::scene::{Scene, TABLE};

/// What the scenes are opened with: the shop's token, the scene's own, the AWS secret key, and a session's token.
const SECRETS: [&str; 4] = [
    "tok_acme_4f1c",
    crate::scene::TOKEN,
    "secret-scene-9d2e",
    "session-scene-77b1",
];

/// All services, as rules name them.
const SERVICES: [&str; 4] = ["metronome", "aws", "secretsmanager", "dynamodb"];

/// What one service does in a scenario. Answers repeat what the request said, or would have said, as services do when they
/// refuse it: the one knows its token, and the others see a session's token among the headers.
fn faults(service: &str) -> Vec<(&'static str, Fault)> {
    let known = if service == "metronome" {
        SECRETS[0]
    } else {
        SECRETS[3]
    };
    let echo = serde_json::json!({
        "__type": "InvalidSignatureException",
        "message": format!("The canonical string should have been: authorization: Bearer {known}, x-amz-security-token: {known}"),
    })
    .to_string();
    let answer = |status: u16, body: &str| {
        Fault::status(StatusCode::from_u16(status).unwrap(), "application/json", body)
    };
    vec![
        ("lost before", Fault::LostBefore),
        ("lost after", Fault::LostAfter),
        ("400", answer(400, &echo)),
        ("401", answer(401, &echo)),
        ("403", answer(403, &echo)),
        ("429", answer(429, &echo)),
        ("500", answer(500, &echo)),
        ("200 of another shape", answer(200, &echo)),
        ("200 of no JSON", answer(200, known)),
        ("302", answer(302, &echo)),
    ]
}

/// As a role's credentials are: with a token for the session.
fn in_a_session(scene: &mut Scene) {
    let credentials = Credentials::new(
        "AKIASCENE",
        SECRETS[2],
        Some(SECRETS[3].to_owned()),
        None,
        "scene",
    );
    let sdk = scene
        .deps
        .sdk
        .to_builder()
        .credentials_provider(SharedCredentialsProvider::new(credentials))
        .build();
    let environment = Environment {
        table: TABLE.to_owned(),
    };
    scene.deps = Deps::with(
        scene.deps.transport.clone(),
        scene.deps.clock.clone(),
        &environment,
        sdk,
    );
}

fn keeps_secret(what: &str, text: &str) {
    for secret in SECRETS {
        if let Some(at) = text.find(secret) {
            let around: String = text[at.saturating_sub(300)..].chars().take(400).collect();
            panic!("{what} tells a secret: …{around}…");
        }
    }
}

/// All that can be read afterwards: answers, errors, the table.
fn check(scene: &Scene, what: &str, run: &Result<metering::RunSummary, platform::Fault>) {
    keeps_secret(what, &told(run));
    keeps_secret(what, &format!("{run:?}"));
    for (key, item) in scene.items() {
        keeps_secret(&format!("{what}: the item {key:?}"), &item.to_string());
    }
}

/// A connection, a good hour or a bad one, and another hour after it.
async fn story(service: &'static str, name: &str, fault: Option<Fault>) {
    let mut scene = Scene::at("2026-11-20T14:30:00Z").await;
    in_a_session(&mut scene);
    shop(&scene).await;
    if let Some(fault) = fault {
        scene
            .world
            .faults
            .add(Rule::new(name, When::Always, fault).on_service(service));
    }
    let what = format!("{service}, {name}");
    check(&scene, &what, &scene.run(FIRST).await);
    scene.world.faults.clear();
    scene.world.clock.set(crate::scene::at("2026-11-20T16:00:30Z"));
    check(&scene, &format!("after {what}"), &scene.run(SECOND).await);
    assert_eq!(scene.billed()["api_calls"], 3.into(), "{what}");
    keeps_secret("what it is made of", &format!("{:?}", scene.deps));
}

#[tokio::test(start_paused = true)]
async fn no_secret_is_in_any_log_line_error_item_or_answer() {
    let (journal, guard) = Journal::keep();
    story("none", "nothing", None).await;
    for service in SERVICES {
        for (name, fault) in faults(service) {
            // A table that answers 200 with nothing of the kind says that nothing is stored: there is nothing to run then.
            story(service, name, Some(fault)).await;
        }
    }
    drop(guard);
    let log = journal.text();
    for target in ["metering", "metronome"] {
        assert!(
            log.contains(&format!("\"target\":\"{target}")),
            "nothing of {target} is in the log"
        );
    }
    for line in log.lines() {
        keeps_secret("the log", line);
    }
}

/// A secret that is not as it should be is where a parser would quote it.
#[tokio::test(start_paused = true)]
async fn a_secret_that_does_not_parse_is_quoted_nowhere() {
    let (journal, guard) = Journal::keep();
    for stored in [
        SECRETS[0].to_owned(),
        format!("[\"{}\"]", SECRETS[0]),
        format!("\"{}\"", SECRETS[0]),
        format!("{{\"metronome_token\": [\"{}\"]}}", SECRETS[0]),
        format!("{{\"{0}\": \"{0}\"}}", SECRETS[0]),
        format!(
            "{{\"metronome_token\": \"{0}\", \"metronome_token\": \"{0}\"}}",
            SECRETS[0]
        ),
        format!("{{\"metronome_token\": \"{}\\u0000\"}}", SECRETS[0]),
    ] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        scene.world.secrets.put("meterbridge/acme", &stored);
        let run = scene.run(FIRST).await;
        check(&scene, &stored.replace(SECRETS[0], "…"), &run);
    }
    drop(guard);
    keeps_secret("the log", &journal.text());
}
