//! A period that is billed from within its month: what was counted before is not billed, and nothing is billed twice.

use sandbox::metronome::{Aggregation, NewMetric};

use crate::scene::{Scene, TOKEN};

/// A scene with a metric of distinct users, billed by the period, and a customer.
async fn users(now: &str) -> (Scene, String, String, String) {
    let scene = Scene::at(now).await;
    let metric = NewMetric::of("users", Aggregation::Unique, "units").on("seen");
    let metric = scene.world.metronome.create_metric(metric).unwrap().to_string();
    let customer = scene.customer("Globex");
    let arn = scene.license("globex", &["users"]);
    (scene, metric, customer, arn)
}

fn file(metric: &str, customer: &str, arn: &str, bill_from: &str) -> String {
    format!(
        r#"
        id = "acme"
        secret = "meterbridge/acme"
        billing_mode = "quantity"
        [metronome]
        base_url = "https://api.metronome.com"
        [[conversion]]
        from = "{metric}"
        to = "users"
        accumulate = "period"
        [[buyer]]
        id = "globex"
        customer_id = "{customer}"
        bill_from = "{bill_from}"
        starts_at = 2026-11-01T00:00:00Z
        aws = {{ product = "prod-1", account_id = "123456789012", license_arn = "{arn}", region = "us-east-1" }}
        "#
    )
}

#[tokio::test(start_paused = true)]
async fn users_counted_before_the_apply_are_not_billed_and_those_after_it_are() {
    let (scene, metric, customer, arn) = users("2026-11-20T13:30:00Z").await;
    for user in ["ann", "bob", "cid"] {
        scene.usage(&customer, "seen", "2026-11-10T10:00:00Z", user);
    }
    scene.apply(&file(&metric, &customer, &arn, "now")).await;
    scene.usage(&customer, "seen", "2026-11-20T14:10:00Z", "ann");
    scene.usage(&customer, "seen", "2026-11-20T14:20:00Z", "dee");
    scene.hour("2026-11-20T15:00:00Z").await;
    assert_eq!(scene.billed()["users"].to_string(), "1");
    scene.usage(&customer, "seen", "2026-11-20T16:20:00Z", "eve");
    scene.hour("2026-11-20T17:00:00Z").await;
    assert_eq!(scene.billed()["users"].to_string(), "2");
    // In December everybody counts anew.
    scene.usage(&customer, "seen", "2026-11-21T00:20:00Z", "eve");
    scene.world.clock.set(crate::scene::at("2026-12-01T00:30:00Z"));
    scene.usage(&customer, "seen", "2026-12-01T00:10:00Z", "ann");
    scene.hour("2026-12-01T01:00:00Z").await;
    assert_eq!(scene.billed()["users"].to_string(), "3");
}

#[tokio::test(start_paused = true)]
async fn an_apply_that_cannot_learn_the_part_before_it_stores_nothing() {
    let (scene, metric, customer, arn) = users("2026-11-20T13:30:00Z").await;
    scene.world.metronome.revoke_token(TOKEN);
    let declaration =
        control::file::read(&file(&metric, &customer, &arn, "now"), scene.world.clock.now()).unwrap();
    let refused = control::command::apply::apply(&scene.deps, &declaration, false)
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("token"), "{refused}");
    assert!(scene.deps.store.connections().await.unwrap().list.is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_period_that_another_book_goes_on_with_bills_every_user_once() {
    let (scene, metric, customer, arn) = users("2026-11-20T13:30:00Z").await;
    scene.apply(&file(&metric, &customer, &arn, "start")).await;
    scene.usage(&customer, "seen", "2026-11-20T13:10:00Z", "ann");
    scene.hour("2026-11-20T14:00:00Z").await;
    // The licence turns out to be another one: a new identity, a new book.
    scene.world.clock.set(crate::scene::at("2026-11-20T14:30:00Z"));
    let other = scene.license("globex-2", &["users"]);
    scene.apply(&file(&metric, &customer, &other, "start")).await;
    scene.usage(&customer, "seen", "2026-11-20T14:40:00Z", "bob");
    for hour in 15..=23 {
        scene.hour(&format!("2026-11-20T{hour}:00:00Z")).await;
        if hour == 17 {
            scene.usage(&customer, "seen", "2026-11-20T17:10:00Z", "cid");
        }
    }
    for hour in 0..4 {
        scene.hour(&format!("2026-11-21T0{hour}:00:00Z")).await;
        if hour == 1 {
            scene.usage(&customer, "seen", "2026-11-21T01:10:00Z", "dee");
            scene.usage(&customer, "seen", "2026-11-21T01:20:00Z", "ann");
            // Late, of the day that the first book still counts.
            scene.usage(&customer, "seen", "2026-11-20T20:00:00Z", "eve");
        }
    }
    assert_eq!(
        scene.billed()["users"].to_string(),
        "5",
        "ann, bob, cid, dee and eve, each once"
    );
}
