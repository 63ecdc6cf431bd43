//! From when a buyer's invoices are billed, and what of them lies before.

use control::command::Failure;
use sandbox::faults::{Fault, Rule, When};

use super::file::{Buyer, File};
use super::globex::{Globex, NOVEMBER, OCTOBER, START};
use super::{dollars, fine, quiet, records};
use crate::scene::at;

/// An invoice of October over $500, and calls at ten cents from November on.
async fn rated(now: &str) -> Globex {
    let globex = Globex::at(now).await;
    let calls = globex.scene.sum("calls");
    globex.finalized(OCTOBER, "50000");
    globex.contract(START, &calls, 10);
    globex
}

impl Globex {
    fn calls(&self, when: &str, units: &str) {
        self.scene.usage(&self.customer, "calls", when, units);
    }

    /// From now on, whatever the licence's beginning.
    fn counted_from_now(&self, starts_at: &str) -> File {
        let buyer = Buyer::from_now("globex", &[&self.customer]);
        File::hourly().buyer(buyer.licensed(&self.arn, starts_at, &[]))
    }
}

#[tokio::test(start_paused = true)]
async fn billed_from_now_the_part_before_is_fixed_and_shown_and_only_later_usage_is_billed() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-20T13:10:00Z", "1000");
    let said = globex.scene.tries(&globex.counted_from_now(START)).await.unwrap();
    let line = format!(
        "+ {}: of its invoices the $600 before 2026-11-20T14:00:00Z are not billed",
        globex.customer
    );
    assert!(said.words.contains(&line), "{}", said.words);

    // Usage of before the hour, whenever it comes in, is never billed.
    globex.calls("2026-11-20T13:40:00Z", "700");
    quiet(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    globex.calls("2026-11-20T13:50:00Z", "80");
    globex.calls("2026-11-20T14:00:00Z", "3");
    let first = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    assert_eq!(records(&first), ["2026-11-20T14:00:00Z 0.3 delivered"]);
    globex.calls("2026-11-20T15:10:00Z", "4");
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("0.7"));
}

#[tokio::test(start_paused = true)]
async fn applied_again_the_hour_and_the_part_before_stay_what_they_were() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-20T13:10:00Z", "1000");
    globex.apply(&globex.counted_from_now(START)).await;
    globex.calls("2026-11-20T14:10:00Z", "30");
    fine(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.scene.world.clock.set(at("2026-11-20T15:30:00Z"));
    let said = globex.scene.tries(&globex.counted_from_now(START)).await.unwrap();
    assert!(said.words.contains("nothing to change"), "{}", said.words);
    globex.calls("2026-11-20T15:10:00Z", "4");
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("3.4"));
}

#[tokio::test(start_paused = true)]
async fn nothing_is_stored_where_metronome_cannot_be_read() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-20T13:10:00Z", "1000");
    for path in ["/v2/contracts/list", "/v1/customers"] {
        let away = Fault::status(http::StatusCode::SERVICE_UNAVAILABLE, "text/html", "away");
        let faults = &globex.scene.world.faults;
        faults.add(
            Rule::new("away", When::Always, away)
                .on_service("metronome")
                .on_path(path),
        );
        let refused = globex.scene.tries(&globex.counted_from_now(START)).await;
        let Err(Failure::Fault(fault)) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(fault.kind, platform::FaultKind::SourceUnavailable, "{fault:?}");
        assert!(fault.message.starts_with("buyer globex: "), "{}", fault.message);
        faults.clear();
        assert_eq!(globex.scene.deps.store.connections().await.unwrap().list.len(), 0);
    }
    globex.apply(&globex.counted_from_now(START)).await;
    assert_eq!(globex.scene.deps.store.connections().await.unwrap().list.len(), 1);
}

#[tokio::test(start_paused = true)]
async fn billed_from_the_start_the_months_before_the_entitlement_are_not() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-20T13:10:00Z", "1000");
    globex.apply(&globex.file()).await;
    let first = globex.scene.invoices("2026-11-20T14:00:00Z").await;
    assert_eq!(records(&first), ["2026-11-20T13:00:00Z 100 delivered"]);
}

/// The invoice of the month holds hours before the entitlement: its breakdowns tell them.
#[tokio::test(start_paused = true)]
async fn an_entitlement_that_begins_in_mid_month_is_not_billed_for_the_hours_before_it() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-03T09:10:00Z", "20000");
    globex.calls("2026-11-10T08:59:59Z", "3000");
    globex.calls("2026-11-10T09:00:00Z", "400");
    globex.calls("2026-11-20T13:10:00Z", "50");
    let file = File::hourly().buyer(globex.buyer("2026-11-10T09:00:00Z", &[]));
    let said = globex.scene.tries(&file).await.unwrap();
    let line = format!(
        "{}: of its invoices the $2800 before 2026-11-10T09:00:00Z are not billed",
        globex.customer
    );
    assert!(said.words.contains(&line), "{}", said.words);
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("45"));
    let rest = globex
        .scene
        .invoices_every(12, "2026-11-21T00:00:00Z", "2027-01-20T00:00:00Z")
        .await;
    rest.iter().for_each(quiet);
}

/// It begins later than the apply: nothing can be fixed yet, and the first run reads what lies before.
#[tokio::test(start_paused = true)]
async fn an_entitlement_of_tomorrow_begins_then_at_what_the_invoices_come_to() {
    let globex = rated("2026-11-20T13:30:00Z").await;
    globex.calls("2026-11-20T13:10:00Z", "1000");
    globex
        .apply(&File::hourly().buyer(globex.buyer("2026-11-21T10:00:00Z", &[])))
        .await;
    let before = globex
        .scene
        .invoices_every(1, "2026-11-20T14:00:00Z", "2026-11-21T10:00:00Z")
        .await;
    before.iter().for_each(quiet);
    globex.calls("2026-11-21T09:59:00Z", "200");
    globex.calls("2026-11-21T10:10:00Z", "3");
    fine(&globex.scene.invoices("2026-11-21T11:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("0.3"));
}

#[tokio::test(start_paused = true)]
async fn a_credit_after_the_apply_does_not_lower_what_was_fixed() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let contract = globex.contract(START, &calls, 10);
    globex.calls("2026-11-20T13:10:00Z", "1000");
    globex.apply(&globex.counted_from_now(START)).await;
    let metronome = &globex.scene.world.metronome;
    let credit = metronome.grant_credit(contract.parse().unwrap(), 3_000, at(NOVEMBER.0));
    credit.unwrap();
    globex.calls("2026-11-20T14:10:00Z", "200");
    // $100 were fixed, and $90 it is in all.
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.calls("2026-11-20T15:10:00Z", "150");
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("5"));
}
