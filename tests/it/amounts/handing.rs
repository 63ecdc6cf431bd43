//! A counter is handed on: renewals, a buyer's customer moved, a connection deleted and applied again. Nothing is billed twice,
//! and nothing between the two is left out.

use super::file::{Buyer, File};
use super::globex::{Globex, START};
use super::{dollars, fine, notes, quiet, records};
use crate::scene::at;

/// Calls at ten cents from November on, and a second licence.
async fn rated() -> (Globex, String) {
    let globex = Globex::at("2026-11-20T07:30:00Z").await;
    let calls = globex.scene.sum("calls");
    globex.contract(START, &calls, 10);
    let second = globex.scene.license("second", &["spend"]);
    (globex, second)
}

impl Globex {
    /// Calls of an instant on the 20th.
    fn on_the_20th(&self, time: &str, units: &str) {
        let when = format!("2026-11-20T{time}:00Z");
        self.scene.usage(&self.customer, "calls", &when, units);
    }

    /// Metered from `first` to `last` o'clock on the 20th, nothing failing.
    async fn metered(&self, first: &str, last: &str) {
        let hour = |hour: &str| format!("2026-11-20T{hour}:00:00Z");
        for summary in self.scene.invoices_every(1, &hour(first), &hour(last)).await {
            fine(&summary);
        }
    }
}

/// The old licence is billed to the hour of the renewal, the new one from there, both by one run.
#[tokio::test(start_paused = true)]
async fn a_renewal_under_another_licence_in_mid_month_is_cut_at_the_hour() {
    let (globex, renewed) = rated().await;
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T10:00:00Z"]).licensed(
        &renewed,
        "2026-11-20T10:00:00Z",
        &[],
    );
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("100"));
    globex.on_the_20th("09:59", "20");
    globex.on_the_20th("10:00", "3");
    globex.scene.world.clock.set(at("2026-11-20T10:30:00Z"));
    // The run of the end comes an hour late: the old is cut, and the new begun in the same.
    let both = globex.scene.invoices("2026-11-20T11:00:00Z").await;
    fine(&both);
    let mut told = records(&both);
    told.sort();
    assert_eq!(
        told,
        [
            "2026-11-20T09:00:00Z 2 delivered",
            "2026-11-20T10:00:00Z 0.3 delivered"
        ]
    );
    globex.on_the_20th("11:30", "4");
    globex.metered("12", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("102"));
    assert_eq!(globex.scene.billed_under(&renewed), dollars("0.7"));
    assert_eq!(globex.bills().await, dollars("102.7"));
}

/// Usage of before the renewal that comes after it is owed all the same, by the one who buys now.
#[tokio::test(start_paused = true)]
async fn late_usage_of_before_a_renewal_is_billed_once_under_the_new_licence() {
    let (globex, renewed) = rated().await;
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T10:00:00Z"]).licensed(
        &renewed,
        "2026-11-20T10:00:00Z",
        &[],
    );
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "10").await;
    globex.scene.world.clock.set(at("2026-11-20T10:30:00Z"));
    globex.on_the_20th("09:30", "20");
    globex.metered("11", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("100"));
    assert_eq!(globex.scene.billed_under(&renewed), dollars("2"));
}

#[tokio::test(start_paused = true)]
async fn a_renewal_of_the_same_identity_goes_on_in_the_same_book() {
    let (globex, _) = rated().await;
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T10:00:00Z"]).licensed(
        &globex.arn,
        "2026-11-20T10:00:00Z",
        &[],
    );
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    globex.on_the_20th("09:59", "20");
    globex.on_the_20th("10:00", "3");
    globex.metered("10", "12").await;
    globex.on_the_20th("12:30", "4");
    globex.metered("13", "14").await;
    assert_eq!(globex.bills().await, dollars("102.7"));
    assert_eq!(
        globex.scene.lines(),
        ["11-20 07h 100", "11-20 09h 2", "11-20 10h 0.3", "11-20 12h 0.4"]
    );
}

/// A credit had lowered the total below what was billed: the renewal goes on from what was billed.
#[tokio::test(start_paused = true)]
async fn a_renewal_in_the_middle_of_a_suspension_bills_nothing_twice() {
    let (globex, renewed) = rated().await;
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T10:00:00Z"]).licensed(
        &renewed,
        "2026-11-20T10:00:00Z",
        &[],
    );
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "08").await;
    let metronome = &globex.scene.world.metronome;
    let contract = globex.scene.contracts_of(&globex.customer).await;
    let credit = metronome.grant_credit(contract[0].parse().unwrap(), 3_000, at(START));
    credit.unwrap();
    globex.metered("09", "12").await;
    globex.on_the_20th("12:30", "310");
    globex.metered("13", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("100"));
    assert_eq!(globex.scene.billed_under(&renewed), dollars("1"));
}

#[tokio::test(start_paused = true)]
async fn a_customer_moved_to_another_buyer_is_billed_there_from_the_next_hour() {
    let (globex, second) = rated().await;
    let other = globex.scene.customer("Initech");
    let draft = globex.scene.draft(&other, super::globex::NOVEMBER, "500");
    let initech = |customers: &[&str]| Buyer::new("initech", customers).licensed(&second, START, &[]);
    let file = File::hourly()
        .buyer(globex.buyer(START, &[]))
        .buyer(initech(&[&other]));
    globex.apply(&file).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;

    globex.scene.world.clock.set(at("2026-11-20T09:30:00Z"));
    globex.on_the_20th("09:20", "20");
    let file = File::hourly().buyer(initech(&[&other, &globex.customer]));
    globex.apply(&file).await;
    globex.on_the_20th("09:40", "3");
    globex.metered("10", "10").await;
    globex.on_the_20th("10:10", "400");
    globex.scene.world.clock.set(at("2026-11-20T10:40:00Z"));
    globex.scene.comes_to(&draft, "600");
    globex.metered("11", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("102.3"));
    assert_eq!(globex.scene.billed_under(&second), dollars("46"));
    assert_eq!(globex.bills().await, dollars("148.3"));
}

#[tokio::test(start_paused = true)]
async fn a_connection_deleted_and_applied_again_from_the_start_bills_nothing_twice() {
    let (globex, _) = rated().await;
    globex.apply(&globex.file()).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    globex.scene.commands(&["delete", "acme", "--keep-secret"]).await;
    globex.on_the_20th("09:10", "20");
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    globex.apply(&globex.file()).await;
    globex.metered("12", "12").await;
    assert_eq!(globex.bills().await, dollars("102"));
    globex.on_the_20th("12:10", "3");
    globex.metered("13", "14").await;
    assert_eq!(globex.bills().await, dollars("102.3"));
}

/// Under another licence too.
#[tokio::test(start_paused = true)]
async fn a_connection_deleted_and_applied_again_for_another_licence_bills_nothing_twice() {
    let (globex, second) = rated().await;
    globex.apply(&globex.file()).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    globex.scene.commands(&["delete", "acme", "--keep-secret"]).await;
    globex.on_the_20th("09:10", "20");
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    let buyer = Buyer::new("globex", &[&globex.customer]).licensed(&second, START, &[]);
    globex
        .apply(&File::of("other", "amount_hourly").buyer(buyer))
        .await;
    globex.metered("12", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("100"));
    assert_eq!(globex.scene.billed_under(&second), dollars("2"));
}

/// What was billed before stays billed, though a credit has lowered the total since: what grows up to it again is paid for.
#[tokio::test(start_paused = true)]
async fn applied_again_from_now_after_a_credit_nothing_is_billed_up_to_the_old_maximum() {
    for other in [false, true] {
        after_a_credit(other).await;
    }
}

/// Under the same licence, or another.
async fn after_a_credit(other: bool) {
    let (globex, second) = rated().await;
    globex.apply(&globex.file()).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    assert_eq!(globex.bills().await, dollars("100"));
    globex.scene.commands(&["delete", "acme", "--keep-secret"]).await;
    let contract = globex.scene.contracts_of(&globex.customer).await;
    let credit = globex
        .scene
        .world
        .metronome
        .grant_credit(contract[0].parse().unwrap(), 3_000, at(START));
    credit.unwrap();
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    let licence = if other { &second } else { &globex.arn };
    let buyer = Buyer::from_now("globex", &[&globex.customer]).licensed(licence, START, &[]);
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("12:00", "310");
    globex.metered("12", "14").await;
    assert_eq!(globex.bills().await, dollars("101"), "{licence}");
}

#[tokio::test(start_paused = true)]
async fn a_connection_deleted_and_applied_again_from_now_is_not_billed_for_the_hours_between() {
    let (globex, _) = rated().await;
    globex.apply(&globex.file()).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "09").await;
    globex.scene.commands(&["delete", "acme", "--keep-secret"]).await;
    globex.on_the_20th("09:10", "20");
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    let buyer = Buyer::from_now("globex", &[&globex.customer]).licensed(&globex.arn, START, &[]);
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("12:10", "3");
    globex.metered("12", "14").await;
    assert_eq!(globex.bills().await, dollars("100.3"));
}

/// The buyer is taken out for some hours: what it uses meanwhile is not billed, as with usage.
#[tokio::test(start_paused = true)]
async fn a_buyer_taken_out_and_put_back_from_now_is_not_billed_for_the_hours_between() {
    let (globex, second) = rated().await;
    let other = globex.scene.customer("Initech");
    globex.scene.draft(&other, super::globex::NOVEMBER, "500");
    let initech = || Buyer::new("initech", &[&other]).licensed(&second, START, &[]);
    let globex_from_now = || Buyer::from_now("globex", &[&globex.customer]).licensed(&globex.arn, START, &[]);
    globex.on_the_20th("07:10", "1000");
    let with = || File::hourly().buyer(globex_from_now()).buyer(initech());
    globex.apply(&with()).await;
    globex.on_the_20th("08:10", "20");
    globex.metered("08", "09").await;
    globex.scene.world.clock.set(at("2026-11-20T09:30:00Z"));
    globex.apply(&File::hourly().buyer(initech())).await;
    globex.metered("10", "11").await;
    globex.on_the_20th("11:10", "70000");
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    globex.apply(&with()).await;
    globex.on_the_20th("12:10", "3");
    globex.metered("12", "14").await;
    assert_eq!(globex.scene.billed_under(&globex.arn), dollars("2.3"));
    assert_eq!(globex.scene.billed_under(&second), dollars("5"));
}

/// An entitlement ends for good: late changes are billed while the days for them last, and then nothing.
#[tokio::test(start_paused = true)]
async fn an_entitlement_that_ends_for_good_is_followed_for_the_open_days_and_then_no_more() {
    let (globex, _) = rated().await;
    let buyer = globex.buyer(START, &["ends_at = 2026-11-20T10:00:00Z"]);
    globex.apply(&File::hourly().buyer(buyer)).await;
    globex.on_the_20th("07:10", "1000");
    globex.metered("08", "10").await;
    globex.on_the_20th("10:10", "5000");
    globex.scene.world.clock.set(at("2026-11-20T10:40:00Z"));
    globex.metered("11", "12").await;
    assert_eq!(globex.bills().await, dollars("100"));
    let rest = globex
        .scene
        .invoices_every(1, "2026-11-20T13:00:00Z", "2026-11-23T14:00:00Z")
        .await;
    rest.iter().for_each(quiet);
    assert_eq!(
        rest.iter().flat_map(notes).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    let amounts = globex.scene.all_books().await;
    assert!(amounts.iter().all(|book| book.amounts.is_empty()));
    assert_eq!(globex.bills().await, dollars("100"));
}
