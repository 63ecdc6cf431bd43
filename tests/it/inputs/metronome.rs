//! Metronome does not know what the connection names, or gives answers that cannot be trusted.

use chrono::TimeDelta;
use metering::Status;
use platform::FaultKind;
use sandbox::metronome::{Aggregation, BrokenBody, Mischief, NewMetric, Operation};

use super::{FIRST, FRESH, Pair, SECOND, held, named, status};
use crate::laws::Laws;
use crate::scene::{Scene, at};
use crate::shop::Shop;
use crate::tally::ends;

const NOBODY: &str = "00000000-0000-4000-8000-000000000000";

#[tokio::test(start_paused = true)]
async fn a_metric_that_is_no_more_holds_its_mark_and_the_other_metric_goes_on() {
    let pair = Pair::metered().await;
    // From now on Metronome lists a metric of another name, and none of acme's.
    pair.answers_acme("/v1/billable-metrics", 200, r#"{"data":[],"next_page":null}"#);
    let metric = pair.acme.metrics[0].0.clone();
    let summary = pair.scene.hour(SECOND).await;
    named(
        &summary,
        FaultKind::Misconfigured,
        &[&metric, "is not in Metronome any more"],
    );
    assert_eq!(status(&summary, "acme"), Status::Partial);
    assert!(
        held(&summary, "acme-000")[0].contains(&metric),
        "{:?}",
        held(&summary, "acme-000")
    );
    pair.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
        .await;
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_metric_that_never_was_stops_no_other_metric_of_the_buyer() {
    let pair =
        Pair::with(|file| format!("{file}\n[[conversion]]\nfrom = {NOBODY:?}\nto = \"tokens\"\n")).await;
    pair.uses("2026-11-20T14:10:00Z");
    let summary = pair.scene.hour(FIRST).await;
    named(
        &summary,
        FaultKind::Misconfigured,
        &[NOBODY, "take it out of the connection"],
    );
    pair.states("3 owed, 3 billed", "3 owed, 3 billed").await;
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_was_archived_holds_its_mark_and_the_other_buyer_goes_on() {
    let pair = Pair::metered().await;
    let customer = pair.acme.customers[1].clone();
    pair.scene
        .world
        .metronome
        .archive_customer(customer.parse().unwrap())
        .unwrap();
    let summary = pair.scene.hour(SECOND).await;
    named(
        &summary,
        FaultKind::Misconfigured,
        &[&customer, "is archived in Metronome", "end its entitlement"],
    );
    assert_eq!(status(&summary, "acme"), Status::Partial);
    assert!(held(&summary, "acme-001")[0].contains("archived"));
    pair.states("6 owed, 4 billed, 2 not read yet", "6 owed, 6 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_metronome_does_not_know_stops_nobody_else() {
    let pair = Pair::with(|file| format!("{file}\n[[buyer]]\nid = \"nobody\"\ncustomer_id = {NOBODY:?}\nbill_from = \"start\"\n\
        starts_at = 2026-11-01T00:00:00Z\n\
        aws = {{ product = \"acme\", account_id = \"123456789012\", license_arn = \"arn:aws:license-manager::123456789012:license:l-x\", region = \"us-east-1\" }}\n")).await;
    pair.uses("2026-11-20T14:10:00Z");
    let summary = pair.scene.hour(FIRST).await;
    named(
        &summary,
        FaultKind::Misconfigured,
        &[NOBODY, "is not in Metronome", "customer_ids"],
    );
    assert!(held(&summary, "nobody")[0].contains(NOBODY));
    let zeta = summary
        .connections
        .iter()
        .find(|connection| connection.connection == "zeta")
        .unwrap();
    assert_eq!(zeta.error, None);
    pair.scene.states("zeta", "seats", "3 owed, 3 billed").await;
    assert_eq!(pair.scene.billed()["api_calls"], 3.into());
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_metronomes_moves_no_mark_and_is_made_up_for() {
    for body in [
        "<html><body>Bad gateway</body></html>",
        r#"{"data":[{"id":"8d"#,
        r#"{"result":[{"amount":"7"}],"cursor":0}"#,
        r#"[]"#,
        "null",
        r#"{"data":[[1]],"next_page":null}"#,
        r#"{"data":[]}"#,
        "",
    ] {
        for path in ["/v1/billable-metrics", "/v1/customers"] {
            let pair = Pair::metered().await;
            pair.answers_acme(path, 200, body);
            pair.fails(FaultKind::SourceUnavailable, &["answer cannot be used", path])
                .await;
            pair.recovers().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn usage_of_one_customer_that_cannot_be_read_holds_that_buyer_alone() {
    for body in [BrokenBody::NotJson, BrokenBody::CutOff, BrokenBody::OtherShape] {
        let pair = Pair::metered().await;
        let customer = pair.acme.customers[0].clone();
        pair.scene.world.metronome.set_mischief(Mischief {
            operations: vec![Operation::Usage],
            customer: Some(customer.parse().unwrap()),
            body: Some(body),
            ..Mischief::default()
        });
        let summary = pair.scene.hour(SECOND).await;
        named(
            &summary,
            FaultKind::SourceUnavailable,
            &["POST /v1/usage", &customer, "answer cannot be used"],
        );
        assert_eq!(status(&summary, "acme"), Status::Partial);
        assert!(held(&summary, "acme-000")[0].starts_with("unreadable: "));
        assert_eq!(held(&summary, "acme-001"), Vec::<String>::new());
        pair.states("6 owed, 5 billed, 1 not read yet", "6 owed, 6 billed")
            .await;
        pair.scene.world.metronome.set_mischief(Mischief::default());
        pair.recovers().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_row_with_two_values_voids_that_buyers_reading_alone() {
    let pair = Pair::metered().await;
    let customer = pair.acme.customers[0].clone();
    pair.scene.world.metronome.set_mischief(Mischief {
        operations: vec![Operation::Usage],
        customer: Some(customer.parse().unwrap()),
        two_values: true,
        ..Mischief::default()
    });
    let summary = pair.scene.hour(SECOND).await;
    let reasons = held(&summary, "acme-000");
    assert!(reasons[0].contains("two values"), "{reasons:?}");
    pair.states("6 owed, 5 billed, 1 not read yet", "6 owed, 6 billed")
        .await;
    pair.scene.world.metronome.set_mischief(Mischief::default());
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn what_comes_twice_shuffled_or_with_fields_that_nobody_knows_is_billed_as_ever() {
    let pair = Pair::metered().await;
    pair.scene.world.metronome.set_mischief(Mischief {
        repeat_pages: true,
        shuffle: Some(11),
        unknown_fields: true,
        ..Mischief::default()
    });
    assert_eq!(ends(&pair.scene.hour(SECOND).await), None);
    pair.states("6 owed, 6 billed", "6 owed, 6 billed").await;
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_reading_that_is_too_low_bills_nothing_and_heals_by_itself() {
    let pair = Pair::metered().await;
    pair.scene.world.metronome.set_mischief(Mischief {
        stale_by: Some(TimeDelta::hours(3)),
        ..Mischief::default()
    });
    let summary = pair.scene.hour(SECOND).await;
    assert_eq!(ends(&summary), None);
    pair.states(
        "6 owed, 3 billed, 3 not read yet",
        "6 owed, 3 billed, 3 not read yet",
    )
    .await;
    pair.scene.world.metronome.set_mischief(Mischief::default());
    pair.recovers().await;
}

/// A row of a grouped metric without its groups says nothing of any group.
#[tokio::test(start_paused = true)]
async fn group_rows_that_are_missing_bill_nothing_and_heal_by_themselves() {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    let metric = NewMetric::of("gb", Aggregation::Sum, "units")
        .on("gb")
        .grouped_by(&["region"]);
    let metric = scene.world.metronome.create_metric(metric).unwrap().to_string();
    let shop = Shop::found(&scene, "acme", 1, &["api_calls"]);
    let file = shop.file().replace(
        &format!("from = {:?}\n", shop.metrics[0].0),
        &format!("from = {metric:?}\ngroup = {{ region = \"us\" }}\n"),
    );
    scene.apply(&file).await;
    let uses = |id: &str, when: &str, units: &str| {
        let event = sandbox::metronome::Event::new(id, &shop.customers[0], "gb", at(when));
        scene
            .world
            .metronome
            .ingest(event.with("units", units).with("region", "us"))
            .unwrap();
    };
    uses("one", "2026-11-20T14:10:00Z", "5");
    assert_eq!(ends(&scene.hour(FIRST).await), None);
    assert_eq!(scene.billed()["api_calls"], 5.into());

    scene.world.clock.set(at("2026-11-20T15:40:00Z"));
    uses("two", "2026-11-20T15:10:00Z", "3");
    let row = |hour: u32, value: u32| {
        format!(
            r#"{{"customer_id":"{}","billable_metric_id":"{metric}","billable_metric_name":"gb","start_timestamp":"2026-11-20T{hour:02}:00:00Z","end_timestamp":"2026-11-20T{:02}:00:00Z","value":{value}}}"#,
            shop.customers[0],
            hour + 1
        )
    };
    let body = format!(r#"{{"data":[{},{}],"next_page":null}}"#, row(14, 5), row(15, 3));
    let answer = sandbox::faults::Fault::status(http::StatusCode::OK, "application/json", &body);
    let rule = sandbox::faults::Rule::new("no groups", sandbox::faults::When::Always, answer);
    scene.world.faults.add(rule.on_path("/v1/usage"));
    let mut laws = Laws::over(&scene).await;
    scene.hour(SECOND).await;
    assert!(scene.world.faults.given()["no groups"] > 0);
    assert_eq!(scene.billed()["api_calls"], 5.into());
    laws.check(&scene);

    scene.world.faults.clear();
    assert_eq!(ends(&scene.hour(FRESH).await), None);
    assert_eq!(scene.billed()["api_calls"], 8.into());
    laws.check(&scene);
}

/// Deeper than any stack, where an unknown field is passed over and where a row should be.
#[tokio::test(start_paused = true)]
async fn json_of_a_hundred_thousand_levels_costs_no_stack() {
    let (open, shut) = ("[".repeat(100_000), "]".repeat(100_000));
    for body in [
        format!(r#"{{"data":{open}{shut},"next_page":null}}"#),
        format!(r#"{{"data":[{{"id":{open}{shut}}}],"next_page":null}}"#),
        format!(r#"{{"x":{open}{shut},"next_page":null}}"#),
        open.clone(),
        r#"{"data":"#.repeat(100_000),
    ] {
        let pair = Pair::metered().await;
        pair.answers_acme("/v1/customers", 200, &body);
        pair.fails(FaultKind::SourceUnavailable, &["answer cannot be used"])
            .await;
    }
}
