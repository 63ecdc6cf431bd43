//! Invoices settled long ago: they are listed once a day, and what becomes of them is billed all the same.

use std::collections::BTreeMap;

use sandbox::metronome::Operation;

use super::globex::{Globex, NOVEMBER, OCTOBER};
use super::{dollars, fine, notes, quiet, records};
use crate::scene::at;

const AUGUST: (&str, &str) = ("2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z");
const SEPTEMBER: (&str, &str) = ("2026-09-01T00:00:00Z", "2026-10-01T00:00:00Z");

/// Billed from August on, with three finalized invoices and a draft; on the 20th of November all of them are claimed, and August
/// and September are folded.
struct Years {
    globex: Globex,
    august: String,
    september: String,
    november: String,
}

impl Years {
    async fn billed() -> Self {
        let globex = Globex::at("2026-11-20T13:30:00Z").await;
        let august = globex.finalized(AUGUST, "10000");
        let september = globex.finalized(SEPTEMBER, "2000");
        globex.finalized(OCTOBER, "300");
        let november = globex.draft(NOVEMBER, "40");
        let file = super::file::File::hourly().buyer(globex.buyer(AUGUST.0, &[]));
        globex.apply(&file).await;
        fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
        assert_eq!(globex.bills().await, dollars("123.4"));
        Self {
            globex,
            august,
            september,
            november,
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_folded_long_ago_and_made_anew_is_billed_the_difference_only() {
    let years = Years::billed().await;
    let scene = &years.globex.scene;
    scene.voids(&years.august);
    let anew = scene.regenerates_to(&years.august, 10_250);

    // It is seen at midnight, when everything is listed.
    let before = scene
        .invoices_every(1, "2026-11-20T15:00:00Z", "2026-11-20T23:00:00Z")
        .await;
    before.iter().for_each(quiet);
    let midnight = scene.invoices("2026-11-21T00:00:00Z").await;
    assert_eq!(records(&midnight), ["2026-11-20T23:00:00Z 2.5 delivered"]);
    assert_eq!(notes(&midnight), ["late 2.5"]);
    scene.comes_to(&years.november, "60");
    let grown = scene.invoices("2026-11-21T01:00:00Z").await;
    assert_eq!(records(&grown), ["2026-11-21T00:00:00Z 0.2 delivered"]);

    // Once more, to less: nothing flows until what was billed is passed.
    scene.world.clock.set(at("2026-11-21T20:00:00Z"));
    scene.voids(&anew);
    scene.regenerates_to(&anew, 9_250);
    let midnight = scene.invoices("2026-11-22T00:00:00Z").await;
    quiet(&midnight);
    assert!(
        notes(&midnight)[0].starts_with("suspended 10 "),
        "{:?}",
        notes(&midnight)
    );
    scene.comes_to(&years.november, "1070");
    let passed = scene.invoices("2026-11-22T01:00:00Z").await;
    assert_eq!(records(&passed), ["2026-11-22T00:00:00Z 0.1 delivered"]);
    assert_eq!(years.globex.bills().await, dollars("126.2"));
}

#[tokio::test(start_paused = true)]
async fn an_invoice_folded_long_ago_and_voided_suspends_by_what_it_was() {
    let years = Years::billed().await;
    let scene = &years.globex.scene;
    scene.voids(&years.august);
    quiet(&scene.invoices("2026-11-21T00:00:00Z").await);
    scene.comes_to(&years.november, "10050");
    let passed = scene.invoices("2026-11-21T01:00:00Z").await;
    assert_eq!(records(&passed), ["2026-11-21T00:00:00Z 0.1 delivered"]);
}

/// What was folded has not fallen. Of those that were, it is not kept which was how much: what they have lost together is said.
#[tokio::test(start_paused = true)]
async fn a_fall_is_not_laid_to_an_invoice_that_was_folded_meanwhile() {
    let globex = Globex::at("2026-09-20T13:30:00Z").await;
    globex.finalized(AUGUST, "10000");
    let september = globex.draft(SEPTEMBER, "2000");
    let file = super::file::File::hourly().buyer(globex.buyer(AUGUST.0, &[]));
    globex.apply(&file).await;
    let scene = &globex.scene;
    fine(&scene.invoices("2026-09-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("120"));
    // Long quiet: August is folded, and then September.
    let long = scene
        .invoices_every(24, "2026-09-21T00:00:00Z", "2026-11-20T00:00:00Z")
        .await;
    long.iter().for_each(quiet);

    scene.voids(&september);
    scene.regenerates_to(&september, 1_500);
    let fallen = scene.invoices("2026-11-21T00:00:00Z").await;
    quiet(&fallen);
    assert_eq!(
        notes(&fallen),
        ["suspended 5 of the invoices settled long ago, $120 were claimed and $115 are left"]
    );
    quiet(&scene.invoices("2026-11-21T01:00:00Z").await);
    let next = scene.invoices("2026-11-22T00:00:00Z").await;
    assert_eq!(notes(&next), notes(&fallen));
}

/// Requests to Metronome by operation, of one run.
async fn asked(globex: &Globex, hour: &str) -> BTreeMap<Operation, u64> {
    let before = globex.scene.world.metronome.requests();
    fine(&globex.scene.invoices(hour).await);
    let after = globex.scene.world.metronome.requests();
    after
        .into_iter()
        .map(|(operation, count)| {
            (
                operation,
                count - before.get(&operation).copied().unwrap_or_default(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .collect()
}

#[tokio::test(start_paused = true)]
async fn a_run_lists_a_customers_contracts_and_invoices_and_between_midnights_only_the_open_ones() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    // Ten years of finalized invoices, two pages of them.
    for year in 2016..2026 {
        for month in 1..=12 {
            let until = if month == 12 {
                format!("{}-01-01T00:00:00Z", year + 1)
            } else {
                format!("{year}-{:02}-01T00:00:00Z", month + 1)
            };
            globex.finalized((&format!("{year}-{month:02}-01T00:00:00Z"), &until), "100");
        }
    }
    let draft = globex.draft(NOVEMBER, "1000");
    globex.apply(&globex.file()).await;
    let lists = |pages: u64| {
        BTreeMap::from([
            (Operation::ListCustomers, 1),
            (Operation::ListBillableMetrics, 1),
            (Operation::ListContracts, 1),
            (Operation::ListInvoices, pages),
        ])
    };
    assert_eq!(asked(&globex, "2026-11-20T14:00:00Z").await, lists(2));
    globex.scene.comes_to(&draft, "1100");
    assert_eq!(asked(&globex, "2026-11-20T15:00:00Z").await, lists(1));
    assert_eq!(asked(&globex, "2026-11-20T16:00:00Z").await, lists(1));
    assert_eq!(asked(&globex, "2026-11-21T00:00:00Z").await, lists(2));
    assert_eq!(asked(&globex, "2026-11-21T01:00:00Z").await, lists(1));
    assert_eq!(globex.bills().await, dollars("11"));
}

#[tokio::test(start_paused = true)]
async fn several_invoices_folded_long_ago_and_voided_suspend_by_all_of_them() {
    let years = Years::billed().await;
    let scene = &years.globex.scene;
    scene.voids(&years.august);
    scene.voids(&years.september);
    let midnight = scene.invoices("2026-11-21T00:00:00Z").await;
    quiet(&midnight);
    assert!(
        notes(&midnight)[0].starts_with("suspended 120 "),
        "{:?}",
        notes(&midnight)
    );
}
