//! Who is billed, and in what: renewals, several customers, contracts, whole dollars and cents, and contracts that Metronome bills
//! itself.

use serde_json::json;

use super::file::{Buyer, File};
use super::globex::{Globex, NOVEMBER, START};
use super::{dollars, fine, held, quiet, records};
use crate::scene::at;

#[tokio::test(start_paused = true)]
async fn a_renewal_is_billed_to_its_hour_under_the_old_licence_and_from_it_under_the_new_in_the_same_run() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    globex.contract(START, &calls, 10);
    let renewed = globex.scene.license("renewed", &["spend"]);
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T16:00:00Z"]);
    globex
        .apply(&File::hourly().buyer(buyer.licensed(&renewed, "2026-11-20T16:00:00Z", &[])))
        .await;
    let uses = |when: &str, units: &str| globex.scene.usage(&globex.customer, "calls", when, units);
    uses("2026-11-20T13:10:00Z", "100");
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    uses("2026-11-20T15:59:59Z", "20");
    // The run of 16:00 is missed: one run of both books reads the old to its end and the new from there.
    globex.scene.world.clock.set(at("2026-11-20T16:40:00Z"));
    uses("2026-11-20T16:20:00Z", "3");
    let both = globex.scene.invoices("2026-11-20T17:00:00Z").await;
    assert_eq!(
        (records(&both), held(&both).len()),
        (
            vec![
                "2026-11-20T15:00:00Z 2 delivered".to_owned(),
                "2026-11-20T16:00:00Z 0.3 delivered".to_owned()
            ],
            0
        )
    );
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("12"));
    assert_eq!(globex.scene.billed_under(&renewed), dollars("0.3"));
}

#[tokio::test(start_paused = true)]
async fn several_customers_of_a_buyer_are_one_counter() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let sister = globex.scene.customer("Globex Sister");
    let buyer = Buyer::new("globex", &[&globex.customer, &sister]).licensed(&globex.arn, START, &[]);
    let first = globex.draft(NOVEMBER, "5000");
    globex.apply(&File::hourly().buyer(buyer)).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    // Billed to the other instead: no spike.
    globex.scene.comes_to(&first, "0");
    let second = globex.scene.draft(&sister, NOVEMBER, "5000");
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.scene.comes_to(&second, "5025");
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("50.25"));
}

#[tokio::test(start_paused = true)]
async fn only_the_contracts_that_are_named_count() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let [calls, tokens] = ["calls", "tokens"].map(|name| globex.scene.sum(name));
    let named = globex.contract(START, &calls, 10);
    globex.contract(START, &tokens, 1000);
    for kind in ["calls", "tokens"] {
        globex
            .scene
            .usage(&globex.customer, kind, "2026-11-20T13:10:00Z", "7");
    }
    let file = File::hourly().buyer(globex.buyer(START, &[]).contracts(&[&named]));
    globex.apply(&file).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("0.7"));
}

#[tokio::test(start_paused = true)]
async fn whole_dollars_leave_the_rest_owed_and_cents_are_a_conversion() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let draft = globex.draft(NOVEMBER, "1275.5");
    let whole = Buyer::new("globex", &[&globex.customer]).in_whole_units(&globex.arn, START, &[]);
    globex.apply(&File::hourly().buyer(whole.clone())).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("12"));
    // 75.5 cents are owed as dollars; what grows from now on is owed as cents.
    globex
        .apply(&File::hourly().converting("multiply = \"100\"").buyer(whole))
        .await;
    globex.scene.comes_to(&draft, "1300");
    let cents = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    assert_eq!(records(&cents), ["2026-11-20T14:00:00Z 25 delivered"]);
}

#[tokio::test(start_paused = true)]
async fn growth_above_its_limit_in_dollars_waits_for_a_release() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    globex.draft(NOVEMBER, "100001");
    let file = File::hourly().converting("hold_above = \"1000\"");
    globex.apply(&file.buyer(globex.buyer(START, &[]))).await;
    let waits = globex.scene.invoices("2026-11-20T14:00:00Z").await;
    assert_eq!(
        held(&waits),
        ["1000.01 above hold_above = 1000: `meterbridge release` lets it pass"]
    );
    let stream = "amounts/USD/2026-11-01T00:00:00Z/2026-11-01T00:00:00Z";
    globex.scene.commands(&["release", stream]).await;
    fine(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("1000.01"));
}

#[tokio::test(start_paused = true)]
async fn a_contract_that_metronome_bills_to_a_marketplace_is_left_to_it() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let contract = globex.contract(START, &calls, 100);
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:10:00Z", "5");
    globex.apply(&globex.file()).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    let metronome = &globex.scene.world.metronome;
    let aws = json!({"aws_customer_id": "c", "aws_product_code": "p", "aws_region": "us-east-1"});
    let customer = globex.customer.parse().unwrap();
    let configuration =
        metronome.add_billing_configuration(customer, "aws_marketplace", "direct_to_billing_provider", aws);
    metronome
        .schedule_billing_provider(
            contract.parse().unwrap(),
            at("2026-11-20T15:00:00Z"),
            Some(configuration.unwrap()),
        )
        .unwrap();
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:20:00Z", "2");
    let skipped = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    let reason = &held(&skipped)[0];
    assert!(
        reason.contains(&format!(
            "Metronome itself bills the contract {contract} to aws_marketplace"
        )),
        "{reason}"
    );
    assert_eq!(
        globex.bills().await,
        dollars("5"),
        "what was counted before stays counted"
    );
    let refused = globex.scene.tries(&globex.file().with("open_days = 3")).await;
    let words = format!("{:?}", refused.unwrap_err());
    assert!(
        words.contains("buyer globex: Metronome itself bills the contract"),
        "{words}"
    );
}
