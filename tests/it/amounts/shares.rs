//! Several customers of one buyer, and chosen contracts: what one counter adds up.

use super::file::{Buyer, File};
use super::globex::{Globex, NOVEMBER, OCTOBER, START};
use super::{dollars, fine, notes, quiet, records};
use crate::scene::at;

/// Globex with a second customer, whose invoices are put together with its own.
async fn two() -> (Globex, String) {
    let globex = Globex::at("2026-11-20T07:30:00Z").await;
    let second = globex.scene.customer("Globex Europe");
    (globex, second)
}

impl Globex {
    fn with(&self, customers: &[&str]) -> File {
        let buyer = Buyer::new("globex", customers).licensed(&self.arn, OCTOBER.0, &[]);
        File::hourly().buyer(buyer)
    }

    /// Metered from `first` to `last` o'clock on the 20th.
    async fn runs(&self, first: &str, last: &str) {
        let hour = |hour: &str| format!("2026-11-20T{hour}:00:00Z");
        for summary in self.scene.invoices_every(1, &hour(first), &hour(last)).await {
            fine(&summary);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_voided_on_one_customer_and_billed_on_the_other_makes_no_spike() {
    let (globex, second) = two().await;
    let october = globex.finalized(OCTOBER, "10000");
    let draft = globex.scene.draft(&second, NOVEMBER, "100");
    globex.apply(&globex.with(&[&globex.customer, &second])).await;
    globex.runs("08", "08").await;
    assert_eq!(globex.bills().await, dollars("101"));

    globex.scene.voids(&october);
    globex.scene.draft(&second, OCTOBER, "10000");
    quiet(&globex.scene.invoices("2026-11-20T09:00:00Z").await);
    globex.scene.comes_to(&draft, "150");
    let grown = globex.scene.invoices("2026-11-20T10:00:00Z").await;
    assert_eq!(records(&grown), ["2026-11-20T09:00:00Z 0.5 delivered"]);
}

/// After it has moved from one customer to the other, the first is taken out: the buyer has paid for it once.
#[tokio::test(start_paused = true)]
async fn what_moved_from_one_customer_to_the_other_is_not_billed_again_when_the_first_is_taken_out() {
    let (globex, second) = two().await;
    let october = globex.finalized(OCTOBER, "10000");
    globex.apply(&globex.with(&[&globex.customer, &second])).await;
    globex.runs("08", "08").await;
    assert_eq!(globex.bills().await, dollars("100"));
    globex.scene.voids(&october);
    globex.scene.draft(&second, OCTOBER, "10000");
    globex.runs("09", "10").await;

    globex.scene.world.clock.set(at("2026-11-20T10:30:00Z"));
    globex.apply(&globex.with(&[&second])).await;
    globex.runs("11", "13").await;
    assert_eq!(globex.bills().await, dollars("100"));
    globex.scene.draft(&second, NOVEMBER, "300");
    globex.runs("14", "14").await;
    assert_eq!(globex.bills().await, dollars("103"));
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_joins_a_buyer_counts_from_where_its_file_says() {
    let (globex, second) = two().await;
    globex.finalized(OCTOBER, "10000");
    let draft = globex.scene.draft(&second, NOVEMBER, "700");
    globex.apply(&globex.with(&[&globex.customer])).await;
    globex.runs("08", "09").await;
    globex.scene.world.clock.set(at("2026-11-20T09:30:00Z"));
    let joined =
        Buyer::from_now("globex", &[&globex.customer, &second]).licensed(&globex.arn, OCTOBER.0, &[]);
    globex.apply(&File::hourly().buyer(joined)).await;
    globex.runs("10", "11").await;
    assert_eq!(globex.bills().await, dollars("100"));
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    globex.scene.comes_to(&draft, "750");
    globex.runs("12", "13").await;
    assert_eq!(globex.bills().await, dollars("100.5"));
}

#[tokio::test(start_paused = true)]
async fn only_the_contracts_that_are_named_count() {
    let globex = Globex::at("2026-11-20T07:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let [one, other] = [10, 1000].map(|cents| globex.contract(START, &calls, cents));
    globex.draft(NOVEMBER, "99900");
    let buyer = |contracts: &[&str]| globex.buyer(START, &[]).contracts(contracts);
    globex.apply(&File::hourly().buyer(buyer(&[&one]))).await;
    let used = |time: &str, units: &str| {
        let when = format!("2026-11-20T{time}:00Z");
        globex.scene.usage(&globex.customer, "calls", &when, units);
    };
    used("07:10", "100");
    globex.runs("08", "09").await;
    assert_eq!(globex.bills().await, dollars("10"));

    // Chosen otherwise, the other counts from the next hour.
    globex.scene.world.clock.set(at("2026-11-20T09:30:00Z"));
    globex.apply(&File::hourly().buyer(buyer(&[&one, &other]))).await;
    globex.runs("10", "11").await;
    assert_eq!(globex.bills().await, dollars("10"));
    globex.scene.world.clock.set(at("2026-11-20T11:30:00Z"));
    used("11:10", "1");
    globex.runs("12", "13").await;
    assert_eq!(globex.bills().await, dollars("20.1"));
}

/// From one contract to all of the customer's: what its contract was billed for is in the whole.
#[tokio::test(start_paused = true)]
async fn from_one_contract_to_all_nothing_is_billed_twice() {
    let globex = Globex::at("2026-11-20T07:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let [one, _] = [10, 1000].map(|cents| globex.contract(START, &calls, cents));
    let used = |time: &str, units: &str| {
        let when = format!("2026-11-20T{time}:00Z");
        globex.scene.usage(&globex.customer, "calls", &when, units);
    };
    globex
        .apply(&File::hourly().buyer(globex.buyer(START, &[]).contracts(&[&one])))
        .await;
    used("07:10", "100");
    globex.runs("08", "09").await;
    assert_eq!(globex.bills().await, dollars("10"));
    globex.scene.world.clock.set(at("2026-11-20T09:30:00Z"));
    globex.apply(&globex.file()).await;
    globex.runs("10", "11").await;
    assert_eq!(globex.bills().await, dollars("10"));
    used("11:10", "1");
    globex.runs("12", "13").await;
    assert_eq!(globex.bills().await, dollars("20.1"));

    // And back again to the one.
    globex.scene.world.clock.set(at("2026-11-20T13:30:00Z"));
    globex
        .apply(&File::hourly().buyer(globex.buyer(START, &[]).contracts(&[&one])))
        .await;
    globex.runs("14", "15").await;
    used("15:10", "1");
    globex.runs("16", "17").await;
    assert_eq!(globex.bills().await, dollars("20.2"));
    let told = globex.scene.invoices("2026-11-20T18:00:00Z").await;
    assert_eq!(notes(&told), Vec::<String>::new());
}
