//! Control characters in names and messages, on their way to a summary, a log line or a terminal; cells that would run.

use clap::Parser as _;
use control::cli::Cli;
use http::StatusCode;
use sandbox::faults::{Fault, Rule, When};

use super::journal::Journal;
use super::{FIRST, SECOND, shop, tamper, told};
use crate::scene::Scene;

/// Clears the screen, forges a line, and turns the text round.
const NASTY: &str = "x\u{1b}[2J\r\n{\"level\":\"INFO\",\"forged\":true}\u{202e}\u{7}";

fn clean(text: &str) -> bool {
    platform::text::printable(text) == text
}

/// Every string of a document, the document's own escapes undone.
fn strings(value: &serde_json::Value) -> Vec<String> {
    match value {
        serde_json::Value::String(text) => vec![text.clone()],
        serde_json::Value::Array(list) => list.iter().flat_map(strings).collect(),
        serde_json::Value::Object(map) => map
            .iter()
            .flat_map(|(key, value)| std::iter::once(key.clone()).chain(strings(value)))
            .collect(),
        _ => Vec::new(),
    }
}

/// A service's answer whose message is nasty.
fn said(service: &'static str) -> Rule {
    let message = serde_json::json!({"message": NASTY, "__type": format!("Odd{NASTY}Exception")}).to_string();
    let content_type = if service == "metronome" {
        "application/json"
    } else {
        "application/x-amz-json-1.0"
    };
    let fault = Fault::status(StatusCode::BAD_REQUEST, content_type, &message);
    Rule::new(service, When::Always, fault).on_service(service)
}

#[tokio::test(start_paused = true)]
async fn what_a_service_says_reaches_errors_and_logs_as_printable_text() {
    let (journal, guard) = Journal::keep();
    for service in ["metronome", "aws", "secretsmanager", "dynamodb"] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        scene.world.faults.add(said(service));
        let run = scene.run(FIRST).await;
        match &run {
            Err(fault) => assert!(clean(&fault.message), "{service}: {fault}"),
            Ok(summary) => {
                let fault = summary.failure().unwrap();
                assert!(clean(&fault.message), "{service}: {fault}");
                let document = serde_json::to_value(summary).unwrap();
                assert!(
                    strings(&document).iter().all(|text| clean(text)),
                    "{service}: {document}"
                );
            }
        }
        assert!(
            told(&run).contains("forged") || told(&run).contains("Odd") || service != "metronome",
            "{}",
            told(&run)
        );
    }
    drop(guard);
    let ours =
        |line: &&str| line.contains("\"target\":\"metering") || line.contains("\"target\":\"metronome");
    let log = journal.text();
    assert!(log.lines().filter(ours).count() > 0);
    for line in log.lines().filter(ours) {
        assert!(clean(line), "{line}");
        let document: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(document["level"].is_string() && document["forged"].is_null());
    }
}

/// No file may hold such names; a table might.
#[tokio::test(start_paused = true)]
async fn names_that_move_the_cursor_are_refused_by_apply_and_shown_as_escapes_everywhere_else() {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    let shop = shop(&scene).await;
    for (name, escaped) in [
        ("acme-000", "acme\\u001b[2J"),
        ("to = \"api_calls\"", "to = \"api\\u001b[2J\""),
    ] {
        let file = shop.file().replacen(name, escaped, 1);
        assert!(
            control::file::read(&file, scene.world.clock.now()).is_err(),
            "{escaped}"
        );
    }
    tamper(&scene, |connection| {
        connection.buyers[0].id = format!("buyer{NASTY}");
        connection.buyers[1].entitlements[0].destination =
            connection.buyers[0].entitlements[0].destination.clone();
        connection.buyers.truncate(1);
        connection.conversions[0].to = format!("api{NASTY}");
    })
    .await;
    let (journal, guard) = Journal::keep();
    let summary = scene.run(FIRST).await.unwrap();
    drop(guard);
    let fault = summary.failure().unwrap();
    assert!(clean(&fault.message), "{:?}", fault.message);
    assert!(
        journal
            .text()
            .lines()
            .all(|line| line.chars().all(|c| !c.is_control())),
        "a log line is one line"
    );
    for command in [
        "records acme",
        "records acme --csv",
        "books acme",
        "list",
        "show acme",
        "run quantity-metering --connection acme",
    ] {
        let cli = Cli::try_parse_from(std::iter::once("meterbridge").chain(command.split(' '))).unwrap();
        let said = control::command::run(&cli.command, async || Ok(scene.deps.clone()))
            .await
            .unwrap();
        assert!(said.words.lines().all(clean), "{command}: {:?}", said.words);
        assert!(
            !said.words.contains("\n{\"level\""),
            "{command}: {:?}",
            said.words
        );
    }
}

#[tokio::test(start_paused = true)]
async fn cells_that_a_spreadsheet_would_run_are_led_by_an_apostrophe() {
    for (buyer, cell) in [
        (
            "=HYPERLINK(\"https://evil.example\",\"x\")",
            "\"'=HYPERLINK(\"\"https://evil.example\"\",\"\"x\"\")\"",
        ),
        ("+1+1", "'+1+1"),
        ("-2", "'-2"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("\t=1", "'\\u{9}=1"),
    ] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        tamper(&scene, |connection| {
            connection.buyers.truncate(1);
            connection.buyers[0].id = buyer.to_owned();
        })
        .await;
        scene.run(FIRST).await.unwrap();
        scene.hour(SECOND).await;
        let cli = Cli::try_parse_from(["meterbridge", "records", "acme", "--csv"]).unwrap();
        let said = control::command::run(&cli.command, async || Ok(scene.deps.clone()))
            .await
            .unwrap();
        let line = said.words.lines().nth(1).unwrap();
        assert!(line.contains(&format!(",{cell},aws,")), "{line}");
    }
}
