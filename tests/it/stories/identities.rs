//! An identity corrected: what it has counted stays with it, and the other one goes on from there.

use sandbox::aws::metering::{Identity, Stored, Subscription};

use super::file::Buyer;
use super::spans::Calls;
use super::{fine, held, outcomes, units};
use crate::scene::{ACCOUNT, at};

const START: &str = "2026-11-20T00:00:00Z";

/// Globex as first configured and as corrected at 10:20, with usage of the hours from 08:00 to 12:00.
async fn corrected(calls: &Calls, wrong: Buyer, right: Buyer) {
    calls.apply(wrong).await;
    for (when, units) in [
        ("08:10", "1"),
        ("09:10", "20"),
        ("10:10", "300"),
        ("10:50", "300"),
        ("11:10", "4000"),
    ] {
        calls.made(&format!("2026-11-20T{when}:00Z"), units);
    }
    calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    calls.apply(right).await;
    calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z")
        .await;
}

fn billed(calls: &Calls, of: impl Fn(&Stored) -> bool) -> rust_decimal::Decimal {
    calls
        .scene
        .world
        .metering
        .records()
        .into_iter()
        .filter(of)
        .map(|record| record.quantity)
        .sum()
}

#[tokio::test(start_paused = true)]
async fn a_corrected_region_bills_nothing_twice_and_loses_nothing() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let globex = Buyer::new("globex", &[&calls.customer]);
    let wrong = globex.clone().licensed_in("eu-west-1", &calls.arn, START, &[]);
    corrected(&calls, wrong, globex.licensed(&calls.arn, START, &[])).await;
    let of = |region: &'static str| billed(&calls, move |record| record.region == region);
    assert_eq!((of("eu-west-1"), of("us-east-1")), (units("621"), units("4000")));
    assert_eq!(calls.bills().await, units("4621"));
}

/// The wrong region takes nothing: what it was to bill waits there under its name, and is not billed by the right one too.
#[tokio::test(start_paused = true)]
async fn what_a_wrong_region_has_claimed_and_cannot_bill_is_named() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    calls.scene.world.metering.switch(|switches| {
        switches.disabled_regions.insert("eu-west-1".to_owned());
    });
    let globex = Buyer::new("globex", &[&calls.customer]);
    let wrong = globex.clone().licensed_in("eu-west-1", &calls.arn, START, &[]);
    corrected(&calls, wrong, globex.licensed(&calls.arn, START, &[])).await;
    assert_eq!(calls.bills().await, units("4000"));
    assert_eq!(calls.scene.meter("api_calls").await.parked, units("1").into());
    let summary = calls.scene.hour("2026-11-21T02:00:00Z").await;
    assert_eq!(held(&summary).len(), 1, "{:?}", held(&summary));
    assert!(
        held(&summary)[0].starts_with("620 blocked: "),
        "{:?}",
        held(&summary)
    );
}

/// The wrong region has never heard of the licence: it might yet, so what it was to bill is owed there, and said every hour.
#[tokio::test(start_paused = true)]
async fn what_a_region_refuses_that_does_not_know_the_licence_stays_owed_there() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let arn = format!("{}-regional", calls.arn);
    let sold = Subscription::new(
        "prod-1",
        Identity::license(ACCOUNT, &arn),
        at("2026-01-01T00:00:00Z"),
    );
    calls
        .scene
        .world
        .metering
        .subscribe(sold.in_regions(&["us-east-1"]));
    let globex = Buyer::new("globex", &[&calls.customer]);
    let wrong = globex.clone().licensed_in("eu-west-1", &arn, START, &[]);
    corrected(&calls, wrong, globex.licensed(&arn, START, &[])).await;
    assert_eq!(calls.bills().await, units("4000"));
    let summary = calls.scene.hour("2026-11-21T02:00:00Z").await;
    assert_eq!(outcomes(&summary), ["621 returned"]);
    assert!(
        summary
            .failure()
            .unwrap()
            .message
            .contains("CustomerNotSubscribed")
    );
    assert_eq!(calls.scene.meter("api_calls").await.owed, units("621").into());
}

#[tokio::test(start_paused = true)]
async fn a_product_code_replaced_by_a_licence_arn_bills_nothing_twice_and_loses_nothing() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let code = Identity::account("prod-1", ACCOUNT);
    let sold = Subscription::new("prod-1", code.clone(), at("2026-01-01T00:00:00Z"));
    calls.scene.world.metering.subscribe(sold);
    let globex = Buyer::new("globex", &[&calls.customer]);
    let wrong = globex.clone().of_product(START, &[]);
    corrected(&calls, wrong, globex.licensed(&calls.arn, START, &[])).await;
    let of = |identity: Identity| billed(&calls, move |record| record.identity == identity);
    assert_eq!((of(code), of(calls.identity())), (units("621"), units("4000")));
    assert_eq!(calls.bills().await, units("4621"));
}

#[tokio::test(start_paused = true)]
async fn a_customer_moved_to_another_buyer_bills_nothing_twice_and_loses_nothing() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let (stays, arn) = (
        calls.scene.customer("Initech"),
        calls.scene.license("initech", &["api_calls"]),
    );
    let globex = |customers: &[&str]| Buyer::new("globex", customers).licensed(&calls.arn, START, &[]);
    let initech = |customers: &[&str]| Buyer::new("initech", customers).licensed(&arn, START, &[]);
    let first = calls.scene.customer("Globex Europe");
    let file = |ours: &[&str], theirs: &[&str]| calls.file(globex(ours)).buyer(&initech(theirs)).text();
    calls
        .scene
        .apply(&file(&[&first, &calls.customer], &[&stays]))
        .await;
    for (when, units) in [
        ("08:10", "1"),
        ("09:10", "20"),
        ("10:10", "300"),
        ("10:50", "300"),
        ("11:10", "4000"),
    ] {
        let when = format!("2026-11-20T{when}:00Z");
        calls.made(&when, units);
        calls.scene.usage(&first, "calls", &when, "10000");
        calls.scene.usage(&stays, "calls", &when, "100000");
    }
    calls
        .scene
        .hours("2026-11-20T09:00:00Z", "2026-11-20T10:00:00Z")
        .await;
    calls.scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    calls
        .scene
        .apply(&file(&[&first], &[&stays, &calls.customer]))
        .await;
    for summary in calls
        .scene
        .hours("2026-11-20T11:00:00Z", "2026-11-21T01:00:00Z")
        .await
    {
        fine(&summary);
    }
    let of = |arn: &str| {
        calls
            .scene
            .world
            .metering
            .billed(&Identity::license(ACCOUNT, arn), "api_calls")
    };
    assert_eq!((of(&calls.arn), of(&arn)), (units("50621"), units("504000")));
    assert_eq!(calls.bills().await, units("554621"));
}

/// There and back again within a day.
#[tokio::test(start_paused = true)]
async fn a_correction_taken_back_bills_nothing_twice_and_loses_nothing() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let globex = Buyer::new("globex", &[&calls.customer]);
    let (one, two) = (
        globex.clone().licensed(&calls.arn, START, &[]),
        globex.licensed_in("eu-west-1", &calls.arn, START, &[]),
    );
    corrected(&calls, one.clone(), two).await;
    calls.scene.world.clock.set(at("2026-11-21T01:20:00Z"));
    calls.apply(one).await;
    calls.made("2026-11-21T01:10:00Z", "50000");
    calls.made("2026-11-21T02:10:00Z", "600000");
    for summary in calls
        .scene
        .hours("2026-11-21T02:00:00Z", "2026-11-21T07:00:00Z")
        .await
    {
        fine(&summary);
    }
    let of = |region: &'static str| billed(&calls, move |record| record.region == region);
    assert_eq!(
        (of("us-east-1"), of("eu-west-1")),
        (units("600621"), units("54000"))
    );
    assert_eq!(calls.bills().await, units("654621"));
}
