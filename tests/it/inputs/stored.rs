//! Items of the table that do not parse: each is named and left as it is, and the rest is done.

use platform::FaultKind;

use super::{Pair, SECOND};
use crate::tally::ends;

/// Bodies that are no connection, no book and no owner.
fn spoilt() -> [String; 4] {
    [
        "{".to_owned(),
        "[]".to_owned(),
        r#"{"id":"acme"}"#.to_owned(),
        "[".repeat(100_000),
    ]
}

#[tokio::test(start_paused = true)]
async fn a_stored_connection_that_does_not_parse_is_named_and_the_others_run() {
    for body in spoilt() {
        let pair = Pair::metered().await;
        let was = pair.scene.spoil("connections / connection#acme", &body);
        let spoilt = pair.scene.items()[&("connections".to_owned(), "connection#acme".to_owned())].clone();
        let summary = pair.scene.hour(SECOND).await;
        let fault = summary.failure().unwrap();
        assert_eq!(fault.kind, FaultKind::StoreUnavailable);
        assert!(
            fault.message.contains("connection#acme") && fault.message.contains("left as it is"),
            "{fault}"
        );
        let ids: Vec<&str> = summary
            .connections
            .iter()
            .map(|one| one.connection.as_str())
            .collect();
        assert_eq!(ids, ["zeta"]);
        assert_eq!(
            pair.scene.items()[&("connections".to_owned(), "connection#acme".to_owned())],
            spoilt
        );
        pair.scene.put_item(&was);
        pair.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
            .await;
        pair.recovers().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_run_asked_for_a_connection_that_does_not_parse_says_so() {
    let pair = Pair::metered().await;
    pair.scene.spoil("connections / connection#acme", "{");
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T16:00:30Z"));
    let mut order = pair.scene.order(SECOND);
    order.connection = Some("acme".to_owned());
    let summary = metering::run(&pair.scene.deps, &order).await.unwrap();
    let fault = summary.failure().unwrap();
    assert_eq!(fault.kind, FaultKind::StoreUnavailable);
    assert!(fault.message.contains("connection#acme"), "{fault}");
}

/// The licence of acme's first buyer goes on under zeta, from December; the run of zeta finds acme's open spans in that book.
#[tokio::test(start_paused = true)]
async fn a_connection_that_does_not_parse_is_not_taken_for_a_deleted_one() {
    let pair = Pair::metered().await;
    let ends = |file: String| {
        file.replacen(
            "starts_at = 2026-11-01T00:00:00Z\n",
            "starts_at = 2026-11-01T00:00:00Z\nends_at = 2026-12-01T00:00:00Z\n",
            1,
        )
    };
    pair.scene.apply(&ends(pair.acme.file())).await;
    let (license, product) = (pair.acme.license(0), "product = \"acme\"");
    let goes_on = format!(
        "\n[[buyer]]\nid = \"goes-on\"\ncustomer_id = {:?}\nbill_from = \"start\"\nstarts_at = 2026-12-01T00:00:00Z\n\
         aws = {{ {product}, account_id = \"123456789012\", license_arn = {license:?}, region = \"us-east-1\" }}\n",
        pair.scene.customer("another")
    );
    pair.scene.apply(&(pair.zeta.file() + &goes_on)).await;
    let was = pair.scene.spoil("connections / connection#acme", "{");
    pair.scene.hour(SECOND).await;
    let book: serde_json::Value =
        serde_json::from_str(pair.books()[0]["body"]["S"].as_str().unwrap()).unwrap();
    let streams = book["streams"].as_array().unwrap();
    assert!(
        streams.iter().all(|stream| stream[1]["ended"].is_null()),
        "{book}"
    );
    pair.scene.put_item(&was);
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_book_that_does_not_parse_is_named_and_the_other_buyer_is_billed() {
    for body in spoilt() {
        let pair = Pair::metered().await;
        let key = pair.books()[0]["pk"]["S"].as_str().unwrap().to_owned();
        let was = pair.scene.spoil(&key, &body);
        let spoilt = pair.books();
        let summary = pair.scene.hour(SECOND).await;
        super::named(&summary, FaultKind::StoreUnavailable, &["buyer acme-000", &key]);
        assert_eq!(pair.books()[0], spoilt[0]);
        pair.scene.put_item(&was);
        pair.states("6 owed, 5 billed, 1 not read yet", "6 owed, 6 billed")
            .await;
        pair.recovers().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_counters_owner_that_does_not_parse_bills_nothing_of_it() {
    let pair = Pair::metered().await;
    let customer = pair.acme.customers[0].clone();
    let owner = pair
        .scene
        .items()
        .into_keys()
        .map(|(pk, _)| pk)
        .find(|pk| pk.starts_with("owner#") && pk.contains(&customer));
    let was = pair.scene.spoil(&owner.clone().unwrap(), "{");
    let summary = pair.scene.hour(SECOND).await;
    super::named(&summary, FaultKind::StoreUnavailable, &[&owner.unwrap()]);
    pair.scene.put_item(&was);
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_table_that_is_not_there_is_named() {
    let pair = Pair::metered().await;
    let environment = platform::config::Environment {
        table: "meterbrigde".to_owned(),
    };
    let sdk = pair.scene.deps.sdk.clone();
    let deps = metering::Deps::with(
        pair.scene.deps.transport.clone(),
        pair.scene.deps.clock.clone(),
        &environment,
        sdk,
    );
    pair.scene
        .world
        .clock
        .set(crate::scene::at("2026-11-20T16:00:30Z"));
    let fault = metering::run(&deps, &pair.scene.order(SECOND)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::Misconfigured);
    assert!(
        fault.message.contains("meterbrigde") && fault.message.contains("METERBRIDGE_TABLE"),
        "{fault}"
    );
    assert_eq!(ends(&pair.scene.hour(SECOND).await), None);
}
