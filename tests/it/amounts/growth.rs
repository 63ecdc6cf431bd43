//! What makes a record, and what does not: growth of the total beyond its maximum, whatever invoices it is made of.

use super::globex::{Globex, NOVEMBER, OCTOBER};
use super::{dollars, fine, notes, quiet, records};
use crate::scene::at;

#[tokio::test(start_paused = true)]
async fn an_increase_makes_one_record_and_the_same_total_none() {
    let (globex, draft) = Globex::with_draft("1250").await;

    let first = globex.scene.invoices("2026-11-20T14:00:00Z").await;
    assert_eq!(records(&first), ["2026-11-20T13:00:00Z 12.5 delivered"]);
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.scene.comes_to(&draft, "4000");
    let grown = globex.scene.invoices("2026-11-20T16:00:00Z").await;
    assert_eq!(records(&grown), ["2026-11-20T15:00:00Z 27.5 delivered"]);
    globex.scene.world.clock.set(at("2026-11-20T16:10:00Z"));
    quiet(&globex.scene.invoices("2026-11-20T16:00:00Z").await);

    assert_eq!(globex.bills().await, dollars("40"));
    assert_eq!(globex.scene.lines(), ["11-20 13h 12.5", "11-20 15h 27.5"]);
}

/// The incumbent's rule, with what it does not say: how much is to be passed, and because of which invoice.
#[tokio::test(start_paused = true)]
async fn a_credit_suspends_until_the_maximum_is_passed_and_the_invoice_is_named() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let contract = globex.contract("2026-11-01T00:00:00Z", &calls, 10);
    globex.apply(&globex.file()).await;
    let invoice = globex
        .scene
        .world
        .metronome
        .invoices_of(globex.customer.parse().unwrap())[0];
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:10:00Z", "1000");
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("100"));

    let metronome = &globex.scene.world.metronome;
    let credit = metronome.grant_credit(contract.parse().unwrap(), 3_000, at("2026-11-01T00:00:00Z"));
    credit.unwrap();
    let suspended = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    quiet(&suspended);
    assert_eq!(
        notes(&suspended),
        [format!(
            "suspended 30 the invoice {invoice} fell from $100 to $70"
        )]
    );
    let books = globex.scene.commands(&["books", "acme"]).await;
    let line = format!("suspended until $30 more: the invoice {invoice} fell from $100 to $70");
    assert!(books.words.contains(&line), "{}", books.words);
    assert_eq!(books.json["books"][0]["amounts"][0]["suspended"]["total"], "70");

    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T15:10:00Z", "200");
    let still = globex.scene.invoices("2026-11-20T16:00:00Z").await;
    quiet(&still);
    assert_eq!(
        notes(&still),
        [format!(
            "suspended 10 the invoice {invoice} fell from $100 to $90"
        )]
    );
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T16:10:00Z", "130");
    let passed = globex.scene.invoices("2026-11-20T17:00:00Z").await;
    assert_eq!(records(&passed), ["2026-11-20T16:00:00Z 3 delivered"]);
    assert_eq!(notes(&passed), Vec::<String>::new());
    assert_eq!(globex.bills().await, dollars("103"));
    assert_eq!(globex.scene.amount().await.shortfall, None);
}

/// The incumbent's documented spike: it follows invoice ids, and takes what comes under a new one for new.
#[tokio::test(start_paused = true)]
async fn an_invoice_voided_and_made_anew_makes_no_spike_and_no_gap() {
    for shuffle in 0..8 {
        let globex = Globex::at("2026-11-20T13:30:00Z").await;
        let october = globex.finalized(OCTOBER, "20000");
        let november = globex.draft(NOVEMBER, "1000");
        globex.apply(&globex.file_from_october()).await;
        fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
        assert_eq!(globex.bills().await, dollars("210"));

        // Some orders of a page put the new invoice before the void one.
        globex
            .scene
            .world
            .metronome
            .set_mischief(sandbox::metronome::Mischief {
                shuffle: Some(shuffle),
                ..Default::default()
            });
        globex.scene.voids(&october);
        let between = globex.scene.invoices("2026-11-20T15:00:00Z").await;
        quiet(&between);
        assert_eq!(
            notes(&between),
            [format!(
                "suspended 200 the invoice {october} of $200 does not count any more: it was voided, replaced or merged"
            )]
        );
        globex.scene.regenerates(&october);
        let again = globex.scene.invoices("2026-11-20T16:00:00Z").await;
        quiet(&again);
        assert_eq!(notes(&again), Vec::<String>::new());

        globex.scene.comes_to(&november, "1100");
        let grown = globex.scene.invoices("2026-11-20T17:00:00Z").await;
        assert_eq!(records(&grown), ["2026-11-20T16:00:00Z 1 delivered"]);
        assert_eq!(globex.bills().await, dollars("211"));
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_made_anew_to_a_larger_total_is_billed_the_difference() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let october = globex.finalized(OCTOBER, "20000");
    globex.apply(&globex.file_from_october()).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);

    globex.scene.voids(&october);
    globex.scene.regenerates_to(&october, 20_750);
    let made = globex.scene.invoices("2026-11-20T15:00:00Z").await;

    assert_eq!(records(&made), ["2026-11-20T14:00:00Z 7.5 delivered"]);
    // October takes no more records: it is said that November takes the money.
    assert_eq!(notes(&made), ["late 7.5"]);
    assert_eq!(globex.bills().await, dollars("207.5"));
}

#[tokio::test(start_paused = true)]
async fn a_contract_archived_and_replaced_by_a_back_dated_one_bills_only_what_it_charges_more() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let old = globex.contract("2026-11-01T00:00:00Z", &calls, 10);
    globex.apply(&globex.file()).await;
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:10:00Z", "1000");
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("100"));

    let metronome = &globex.scene.world.metronome;
    metronome.archive_contract(old.parse().unwrap(), false).unwrap();
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.contract("2026-11-01T00:00:00Z", &calls, 11);
    let replaced = globex.scene.invoices("2026-11-20T16:00:00Z").await;
    assert_eq!(records(&replaced), ["2026-11-20T15:00:00Z 10 delivered"]);
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T16:10:00Z", "100");
    fine(&globex.scene.invoices("2026-11-20T17:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("121"));
}

#[tokio::test(start_paused = true)]
async fn a_period_cut_anew_in_mid_month_moves_nothing() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let contract = globex.contract("2026-11-01T00:00:00Z", &calls, 10);
    globex.apply(&globex.file()).await;
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-10T13:10:00Z", "600");
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:10:00Z", "400");
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);

    let metronome = &globex.scene.world.metronome;
    let cut = metronome.recut(contract.parse().unwrap(), at("2026-11-20T00:00:00Z"));
    cut.unwrap();
    let after = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    quiet(&after);
    assert_eq!(notes(&after), Vec::<String>::new());
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T15:10:00Z", "50");
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("105"));
    // The first part is finalized a day after its end, and a new month begins.
    let rest = globex
        .scene
        .invoices_every(6, "2026-11-20T18:00:00Z", "2026-12-03T00:00:00Z")
        .await;
    rest.iter().for_each(quiet);
    assert_eq!(globex.bills().await, dollars("105"));
}

#[tokio::test(start_paused = true)]
async fn a_moved_issue_date_moves_nothing() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    globex.contract("2026-11-01T00:00:00Z", &calls, 10);
    globex.apply(&globex.file()).await;
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-20T13:10:00Z", "1000");
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);

    let metronome = &globex.scene.world.metronome;
    let invoice = metronome.invoices_of(globex.customer.parse().unwrap())[0];
    metronome
        .move_issue_date(invoice, at("2027-02-01T00:00:00Z"))
        .unwrap();
    let rest = globex
        .scene
        .invoices_every(12, "2026-11-20T15:00:00Z", "2027-02-10T03:00:00Z")
        .await;
    rest.iter().for_each(quiet);
    assert_eq!(globex.bills().await, dollars("100"));
}

/// A finalized invoice does not move any more, but while it is in grace it does, and afterwards it may be voided.
#[tokio::test(start_paused = true)]
async fn a_months_invoice_is_followed_through_its_grace_until_it_is_settled() {
    let globex = Globex::at("2026-11-30T20:30:00Z").await;
    let calls = globex.scene.sum("calls");
    globex.contract("2026-11-01T00:00:00Z", &calls, 10);
    globex.apply(&globex.file()).await;
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-30T20:10:00Z", "1000");
    fine(&globex.scene.invoices("2026-11-30T21:00:00Z").await);
    let world = &globex.scene.world;
    world.clock.set(at("2026-12-01T00:00:10Z"));
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-30T23:59:59Z", "70");
    let last = globex.scene.invoices("2026-12-01T00:00:00Z").await;
    assert_eq!(records(&last), ["2026-11-30T23:00:00Z 7 delivered"]);

    // In the first hours of December the marketplace takes November's records still, into an hour that is free.
    world.clock.set(at("2026-12-01T02:30:00Z"));
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-30T12:00:00Z", "30");
    let grace = globex.scene.invoices("2026-12-01T03:00:00Z").await;
    assert_eq!(records(&grace), ["2026-11-30T22:00:00Z 3 delivered"]);
    assert_eq!(notes(&grace), Vec::<String>::new());

    // Later it does not, and it is said that December takes the money.
    world.clock.set(at("2026-12-01T11:30:00Z"));
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-30T13:00:00Z", "55");
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-12-01T11:00:00Z", "1");
    let late = globex.scene.invoices("2026-12-01T12:00:00Z").await;
    assert_eq!(records(&late), ["2026-12-01T11:00:00Z 5.6 delivered"]);
    assert_eq!(notes(&late), ["late 5.5"]);

    // Finalized, it takes no more usage.
    world.clock.set(at("2026-12-02T05:30:00Z"));
    globex
        .scene
        .usage(&globex.customer, "calls", "2026-11-30T14:00:00Z", "9999");
    quiet(&globex.scene.invoices("2026-12-02T06:00:00Z").await);
    world.clock.set(at("2026-12-20T05:30:00Z"));
    let november = world.metronome.invoices_of(globex.customer.parse().unwrap())[0].to_string();
    globex.scene.voids(&november);
    let voided = globex.scene.invoices("2026-12-20T06:00:00Z").await;
    quiet(&voided);
    assert!(
        notes(&voided)[0].starts_with("suspended 115.5 "),
        "{:?}",
        notes(&voided)
    );
    // Made anew it has the usage that came after it was finalized, and that is owed.
    globex.scene.regenerates(&november);
    let anew = globex.scene.invoices("2026-12-20T07:00:00Z").await;
    assert_eq!(notes(&anew), ["late 999.9"]);
    assert_eq!(globex.bills().await, dollars("1115.5"));
}
