//! Connections: applied, listed, shown, deleted.

use super::world::{Local, at, book, file, identity, meter};
use crate::command::Failure;
use billing::{Attempt, InFlight, Record};
use store::{Change, Standing};

#[tokio::test]
async fn a_dry_run_says_what_apply_would_change_and_stores_nothing() {
    let local = Local::new("dry-run").await;
    let path = local.file(&file("acme", "p"));
    let dry = local.run(&format!("apply {path} --dry-run")).await.unwrap();
    assert!(dry.words.starts_with("+ connection acme\n"), "{}", dry.words);
    assert!(
        dry.words.ends_with("acme: dry run: nothing was stored\n"),
        "{}",
        dry.words
    );
    assert_eq!(dry.json["stored"], false);
    assert_eq!(local.world.store.connections().await.unwrap().list.len(), 0);
    let wet = local.run(&format!("apply {path}")).await.unwrap();
    assert_eq!(wet.json["changes"], dry.json["changes"]);
    assert_eq!(wet.json["stored"], true);
    assert_eq!(local.world.store.connections().await.unwrap().list.len(), 1);
}

#[tokio::test]
async fn the_same_file_applied_again_changes_nothing_and_a_comment_moves_no_hour() {
    let local = Local::new("again").await;
    local.apply(&file("acme", "p")).await.unwrap();
    let first = local.world.store.connection("acme").await.unwrap().unwrap();
    local.at("2026-11-25T09:00:01Z");
    let again = local.apply(&file("acme", "p")).await.unwrap();
    assert_eq!(again.words, "acme: nothing to change\n");
    assert_eq!(
        local.world.store.connection("acme").await.unwrap().unwrap(),
        first
    );
    local
        .apply(&format!("# a comment\n{}", file("acme", "p")))
        .await
        .unwrap();
    let commented = local.world.store.connection("acme").await.unwrap().unwrap().value;
    assert!(commented.file.starts_with("# a comment\n"));
    assert_eq!(commented.applied_at, first.value.applied_at);
    assert_eq!(commented.buyers, first.value.buyers);
}

#[tokio::test]
async fn what_is_applied_later_counts_from_later() {
    let local = Local::new("later").await;
    local.apply(&file("acme", "p")).await.unwrap();
    local.at("2026-11-25T09:00:01.5Z");
    local
        .apply(&file("acme", "p").replace("customer_id = \"c-acme\"", "customer_ids = [\"c-acme\", \"c-2\"]"))
        .await
        .unwrap();
    let shown = local.run("show acme").await.unwrap().words;
    assert!(
        shown.starts_with(
            "# applied at 2026-11-25T09:00:01Z\n\
         # buyer globex: customer c-acme counts from 2026-11-20T14:00:00Z\n\
         # buyer globex: customer c-2 counts from 2026-11-25T10:00:00Z\n\
         id = \"acme\"\n"
        ),
        "{shown}"
    );
    let again = local.apply(&shown).await.unwrap();
    assert_eq!(
        again.json["changes"],
        serde_json::json!([]),
        "what is shown can be applied"
    );
}

#[tokio::test]
async fn mistakes_are_told_without_a_table_and_all_at_once() {
    let local = Local::new("mistakes").await;
    let text = file("acme", "p")
        .replace("to = ", "too = ")
        .replace("meterbridge/acme", "prod/db");
    let cli = <crate::cli::Cli as clap::Parser>::parse_from(["meterbridge", "apply", &local.file(&text)]);
    let failure = crate::command::run(&cli.command, async || panic!("the world was opened"))
        .await
        .unwrap_err();
    let Failure::File { mistakes, .. } = failure else {
        panic!("{failure}")
    };
    let lines: Vec<_> = mistakes.0.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [2, 4, 6]);
}

#[tokio::test]
async fn a_file_that_is_not_there_or_not_utf_8_is_told_by_name() {
    let local = Local::new("no-file").await;
    let gone = local
        .run("apply /no/such/file.toml")
        .await
        .unwrap_err()
        .to_string();
    assert!(
        gone.starts_with("/no/such/file.toml could not be read: "),
        "{gone}"
    );
    let path = local.file("");
    std::fs::write(&path, b"id = \"a\"\n\xff").unwrap();
    let failure = local.run(&format!("apply {path}")).await.unwrap_err().to_string();
    assert_eq!(
        failure,
        format!("{path}: nothing was stored\nline 2: not UTF-8: save the file as UTF-8")
    );
}

#[tokio::test]
async fn two_connections_on_one_identity_are_refused_and_the_first_stands() {
    let local = Local::new("twice").await;
    local.apply(&file("acme", "p")).await.unwrap();
    let refused = local.apply(&file("other", "p")).await.unwrap_err().to_string();
    assert!(
        refused.contains("share the identity aws/us-east-1/p/account/123456789012"),
        "{refused}"
    );
    local.apply(&file("other", "q")).await.unwrap();
    let listed = local.run("list").await.unwrap();
    assert_eq!(
        listed.words,
        "acme  quantity, scheduled, 1 buyers, applied 2026-11-20T13:30:00Z\n\
         other  quantity, scheduled, 1 buyers, applied 2026-11-20T13:30:00Z\n"
    );
    assert_eq!(listed.json["connections"][1]["connection"], "other");
}

#[tokio::test]
async fn of_many_applies_at_once_on_one_identity_exactly_one_is_stored() {
    let local = Local::new("at-once").await;
    let declared: Vec<_> = ["a", "b", "c", "d"]
        .map(|id| crate::file::read(&file(id, "p"), at("2026-11-20T13:30:00Z")).unwrap())
        .into();
    let applies = declared
        .iter()
        .map(|one| crate::command::apply::apply(&local.world, one, false));
    let stored = futures::future::join_all(applies)
        .await
        .into_iter()
        .filter(Result::is_ok)
        .count();
    assert_eq!(stored, 1);
    assert_eq!(local.world.store.connections().await.unwrap().list.len(), 1);
}

#[tokio::test]
async fn a_deleted_connection_takes_its_secret_along_at_once_and_for_good() {
    let local = Local::new("delete").await;
    local.apply(&file("acme", "p")).await.unwrap();
    let said = local.run("delete acme").await.unwrap();
    assert_eq!(said.words, "acme: deleted; its secret meterbridge/acme too\n");
    let asked = local.asked();
    assert_eq!(asked.len(), 1);
    let asked: serde_json::Value = serde_json::from_str(&asked[0]).unwrap();
    assert_eq!(
        asked,
        serde_json::json!({"SecretId": "meterbridge/acme", "ForceDeleteWithoutRecovery": true})
    );
    for line in ["show acme", "delete acme", "books acme", "records acme"] {
        let gone = local.run(line).await.unwrap_err().to_string();
        assert!(gone.starts_with("no connection `acme` is stored"), "{gone}");
    }
}

#[tokio::test]
async fn a_secret_is_kept_where_it_is_asked_for_or_named_by_another_connection() {
    let local = Local::new("keep").await;
    local.apply(&file("acme", "p")).await.unwrap();
    local
        .apply(&file("other", "q").replace(
            "meterbridge/other",
            "arn:aws:secretsmanager:us-east-1:1:secret:meterbridge/acme-AbCdEf",
        ))
        .await
        .unwrap();
    local.apply(&file("third", "r")).await.unwrap();
    local
        .apply(&file("fourth", "s").replace("meterbridge/fourth", "meterbridge/missing"))
        .await
        .unwrap();
    let said = local.run("delete acme").await.unwrap();
    assert_eq!(
        said.words,
        "acme: deleted; its secret is kept, for `other` names it too\n"
    );
    let said = local.run("delete third --keep-secret").await.unwrap();
    assert_eq!(said.words, "third: deleted; its secret is kept\n");
    assert_eq!(local.asked(), [""; 0]);
    let said = local.run("delete fourth").await.unwrap();
    assert_eq!(
        said.words,
        "fourth: deleted; its secret meterbridge/missing was not there\n"
    );
}

#[tokio::test]
async fn a_connection_with_records_in_flight_is_deleted_by_force_only() {
    let local = Local::new("in-flight").await;
    local.apply(&file("acme", "p")).await.unwrap();
    let mut book = book("p", 0);
    let record = Record::new(&identity("p"), meter(), at("2026-11-20T12:59:59Z"), 7.into());
    book.meters.get_mut(&meter()).unwrap().grown = rust_decimal::Decimal::from(7).into();
    book.in_flight.push(InFlight {
        record,
        attempts: vec![Attempt {
            id: "run-1".to_owned(),
            since: at("2026-11-20T13:05:00Z"),
            closed: false,
        }],
    });
    let change = Change {
        register: Some(Standing::Open),
        ..Change::new(&book, None, "run-1", at("2026-11-20T13:05:00Z"), "acme", "globex")
    };
    local.world.store.write(&change).await.unwrap();
    let refused = local.run("delete acme").await.unwrap_err().to_string();
    assert_eq!(
        refused,
        "1 records of `acme` are in flight, and no run would settle them any more: wait for the next run, or --force"
    );
    assert!(local.world.store.connection("acme").await.unwrap().is_some());
    local.run("delete acme --force").await.unwrap();
    assert!(local.world.store.connection("acme").await.unwrap().is_none());
    let books = local.run("books acme").await.unwrap();
    assert_eq!(
        books.json["books"][0]["in_flight"][0]["quantity"], "7",
        "the book outlives the connection"
    );
}
