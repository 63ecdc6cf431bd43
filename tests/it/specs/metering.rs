//! The model of AWS Marketplace Metering, over what our jobs send, what any seller may, and every answer.

mod strangers;

use std::fmt::Write as _;
use std::num::NonZeroU64;

use http::StatusCode;
use sandbox::aws::metering::{Foreign, Identity, Subscription};
use sandbox::faults::{Fault, Rule, When};
use sandbox::world::REGION;

use super::document;
use super::findings::Findings;
use super::model::{GENERIC_ERRORS, Model};
use super::witness::Witness;
use crate::scene::{ACCOUNT, Scene, at};

const START: &str = "2026-01-01T00:00:00Z";
/// The operations that the simulator has.
const SIMULATED: [&str; 2] = ["BatchMeterUsage", "ResolveCustomer"];

#[tokio::test(start_paused = true)]
async fn awss_model_holds_for_all_that_our_jobs_send_and_all_that_the_simulator_answers() {
    let Some(document) = document("aws-meteringmarketplace-2016-01-14.botocore-1.44.5.json") else {
        return;
    };
    let witness = Witness::default();
    let scene = witness.scene("2026-11-20T13:30:00Z").await;

    jobs_run_through_good_and_bad_hours(&scene).await;
    strangers::meter(&scene).await;
    strangers::break_the_rules(&scene).await;
    strangers::resolve_tokens(&scene).await;
    strangers::are_turned_away(&scene).await;

    let judge = Model::new(document);
    let mut findings = Findings::default();
    for exchange in witness.of_host("metering.") {
        findings.add(&exchange, judge.judge(&exchange));
    }
    println!(
        "{}",
        findings.report("AWS's model of Marketplace Metering", &judge.operations())
    );
    println!("  of other services, not judged here: {:?}", witness.unjudged());
    assert!(findings.broken.is_empty(), "{}", findings.broken.join("\n"));
    assert_eq!(findings.ours(), ["BatchMeterUsage"]);
    for operation in SIMULATED {
        let outcomes = &findings.counts[operation];
        let mut errors = judge.errors_of(operation);
        errors.extend(GENERIC_ERRORS.map(|(error, _)| error.to_owned()));
        for error in errors {
            let seen = outcomes
                .keys()
                .any(|outcome| outcome.ends_with(&format!(" {error}")));
            assert!(seen, "{operation} was never answered {error}");
        }
    }
    let counts = scene.world.metering.counts();
    for count in [
        counts.billed,
        counts.repeated,
        counts.duplicate,
        counts.not_subscribed,
        counts.unprocessed,
    ] {
        assert!(count > 0, "each fate of a record: {counts:?}");
    }
}

/// A buyer, by its Metronome customer and the address of its entitlement at AWS.
struct Buyer(String, &'static str);

/// A connection of these buyers, with a dimension for each metric.
fn file(id: &str, conversions: &[(&str, &str)], buyers: &[Buyer]) -> String {
    let mut file = format!("id = {id:?}\nsecret = \"meterbridge/acme\"\nbilling_mode = \"quantity\"\n");
    for (metric, dimension) in conversions {
        write!(file, "\n[[conversion]]\nfrom = {metric:?}\nto = {dimension:?}\n").unwrap();
    }
    for (place, Buyer(customer, address)) in buyers.iter().enumerate() {
        write!(
            file,
            "\n[[buyer]]\nid = \"{id}-{place}\"\ncustomer_id = {customer:?}\nbill_from = \"start\"\n\
             starts_at = 2026-11-01T00:00:00Z\naws = {{ {address}, region = {REGION:?} }}\n"
        )
        .unwrap();
    }
    file
}

/// A licence of ours, as the file and as AWS name it.
fn arn(name: &str) -> String {
    format!("arn:aws:license-manager::{ACCOUNT}:license:l-{name}")
}

/// What the seller has sold.
fn sell(scene: &Scene) {
    let metering = &scene.world.metering;
    metering.add_product("prod-1", &["api_calls"]);
    metering.add_product("code-1", &["api_calls"]);
    for (product, identity) in [
        ("prod-1", Identity::license(ACCOUNT, &arn("good"))),
        ("code-1", Identity::customer("code-1", "cust-1")),
        ("code-1", Identity::account("code-1", ACCOUNT)),
    ] {
        metering.subscribe(Subscription::new(product, identity, at(START)));
    }
    let later = Subscription::new("prod-1", Identity::license(ACCOUNT, &arn("later")), at(START));
    metering.subscribe(later.activated_at(at("2027-01-01T00:00:00Z")));
}

/// Buyers of all forms and buyers with every mistake, hour after hour, each hour with something else gone wrong.
async fn jobs_run_through_good_and_bad_hours(scene: &Scene) {
    sell(scene);
    let (calls, typos) = (scene.sum("calls"), scene.sum("typos"));
    let good = [
        r#"product = "prod-1", account_id = "123456789012", license_arn = "arn:aws:license-manager::123456789012:license:l-good""#,
        r#"product_code = "code-1", customer_identifier = "cust-1""#,
        r#"product_code = "code-1", account_id = "123456789012""#,
    ];
    let bad = [
        r#"account_id = "123456789012", license_arn = "arn:aws:license-manager::123456789012:license:l-later""#,
        r#"account_id = "123456789012", license_arn = "arn:aws:license-manager::123456789012:license:l-nobodys""#,
        r#"product_code = "code-1", customer_identifier = "nobody""#,
        r#"product_code = "code-0", account_id = "123456789012""#,
    ];
    let of = |addresses: &[&'static str]| -> Vec<Buyer> {
        addresses
            .iter()
            .map(|address| Buyer(scene.customer(address), address))
            .collect()
    };
    let (good, bad) = (of(&good), of(&bad));
    scene
        .apply(&file(
            "good",
            &[(&calls, "api_calls"), (&typos, "api_cals")],
            &good,
        ))
        .await;
    scene.apply(&file("bad", &[(&calls, "api_calls")], &bad)).await;
    let everybody_uses = |when: &str| {
        for Buyer(customer, _) in good.iter().chain(&bad) {
            scene.usage(customer, "calls", when, "3");
        }
    };
    let metering = &scene.world.metering;
    let fault = |fault| {
        scene
            .world
            .faults
            .add(Rule::new("fault", When::First(1), fault).on_service("aws"))
    };

    scene.usage(&good[0].0, "typos", "2026-11-20T13:10:00Z", "5");
    for hour in 14..=21 {
        everybody_uses(&format!("2026-11-20T{:02}:10:00Z", hour - 1));
        match hour {
            15 => metering.switch(|switches| switches.unprocessed_every = NonZeroU64::new(2)),
            16 => metering.plant(&foreign("2026-11-20T15:10:00Z")),
            17 => fault(Fault::aws(
                StatusCode::INTERNAL_SERVER_ERROR,
                "InternalServiceErrorException",
            )),
            18 => fault(Fault::aws(StatusCode::BAD_REQUEST, "ThrottlingException")),
            19 => fault(Fault::LostAfter),
            20 => metering.switch(|switches| switches.trusted_access_keys = ["AKIAOTHER".to_owned()].into()),
            21 => metering.switch(|switches| switches.disabled_regions = [REGION.to_owned()].into()),
            _ => {}
        }
        scene.hour(&format!("2026-11-20T{hour:02}:00:00Z")).await;
        metering.switch(|switches| *switches = sandbox::aws::metering::Switches::default());
        scene.world.faults.clear();
    }
}

/// Somebody else's record of the good licence, in the hour of `when`.
fn foreign(when: &str) -> Foreign {
    Foreign {
        identity: Identity::license(ACCOUNT, &arn("good")),
        region: REGION.to_owned(),
        dimension: "api_calls".to_owned(),
        timestamp: at(when),
        quantity: 99.into(),
    }
}
