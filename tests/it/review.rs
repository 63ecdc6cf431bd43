//! What a hostile reader looks for: usage billed twice or never, and runs that say less than they know.

use std::fmt::Write as _;

use control::command::delete;
use sandbox::aws::metering::Identity;
use sandbox::faults::{Fault, Rule, When};
use sandbox::metronome::{Aggregation, NewMetric};
use serde_json::json;

use crate::scene::{ACCOUNT, Scene, at};
use crate::shop::Shop;

/// A connection of one buyer. `head` goes into the file, `conversion` into its one conversion, `buyer` into the buyer.
fn file(id: &str, conversion: &str, buyer: &str) -> String {
    format!(
        "id = \"{id}\"\nsecret = \"meterbridge/acme\"\nbilling_mode = \"quantity\"\n\n\
         [metronome]\nbase_url = \"https://api.metronome.com\"\n\n\
         [[conversion]]\n{conversion}\n\n[[buyer]]\nid = \"globex\"\n{buyer}\n"
    )
}

/// An entitlement by a licence of `prod-1`.
fn term(arn: &str, starts_at: &str, ends_at: Option<&str>) -> String {
    let end = ends_at.map_or_else(String::new, |end| format!("ends_at = {end}\n"));
    format!(
        "[[buyer.entitlement]]\nstarts_at = {starts_at}\n{end}\
         aws = {{ product = \"prod-1\", account_id = \"{ACCOUNT}\", license_arn = \"{arn}\", region = \"us-east-1\" }}\n"
    )
}

impl Scene {
    /// The function at every hour boundary from `first` to `last` of a day.
    async fn through(&self, day: &str, first: u32, last: u32) {
        for hour in first..=last {
            self.hour(&format!("{day}T{hour:02}:00:00Z")).await;
        }
    }

    fn billed_of(&self, dimension: &str) -> String {
        self.billed()
            .get(dimension)
            .map_or_else(|| "0".to_owned(), ToString::to_string)
    }

    async fn removes(&self, connection: &str) {
        let args = control::cli::Delete {
            connection: connection.to_owned(),
            force: false,
            keep_secret: true,
        };
        delete::delete(&self.deps, &args).await.unwrap();
    }
}

/// The day of a renewal is read by the old term to its end: Metronome tells a period by whole days.
#[tokio::test(start_paused = true)]
async fn users_of_the_day_of_a_renewal_are_billed_once() {
    for (renewed, seen_from) in [("globex", 9), ("globex", 16), ("globex-2", 9), ("globex-2", 16)] {
        let scene = Scene::at("2026-11-20T08:30:00Z").await;
        let metric = NewMetric::of("users", Aggregation::Unique, "units").on("seen");
        let metric = scene.world.metronome.create_metric(metric).unwrap().to_string();
        let customer = scene.customer("Globex");
        let (old, new) = (
            scene.license("globex", &["users"]),
            scene.license(renewed, &["users"]),
        );
        let buyer = format!(
            "customer_id = \"{customer}\"\nbill_from = \"start\"\n{}{}",
            term(&old, "2026-11-01T00:00:00Z", Some("2026-11-20T12:00:00Z")),
            term(&new, "2026-11-20T12:00:00Z", None)
        );
        let conversion = format!("from = \"{metric}\"\nto = \"users\"\naccumulate = \"period\"");
        scene.apply(&file("acme", &conversion, &buyer)).await;
        scene.usage(&customer, "seen", "2026-11-20T08:10:00Z", "ann");
        scene.usage(&customer, "seen", "2026-11-20T09:10:00Z", "bob");
        scene.usage(&customer, "seen", "2026-11-20T14:10:00Z", "cid");
        scene.through("2026-11-20", seen_from, 23).await;
        scene.usage(&customer, "seen", "2026-11-21T01:10:00Z", "dee");
        scene.through("2026-11-21", 0, 5).await;
        assert_eq!(
            scene.billed_of("users"),
            "4",
            "renewed as {renewed}, first run at {seen_from}:00"
        );
    }
}

/// A metric that is put back on the day on which it was taken off.
#[tokio::test(start_paused = true)]
async fn users_of_a_day_on_which_their_metric_was_off_the_whitelist_are_billed_once() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let metric = NewMetric::of("users", Aggregation::Unique, "units").on("seen");
    let metric = scene.world.metronome.create_metric(metric).unwrap().to_string();
    let other = scene.sum("calls");
    let customer = scene.customer("Globex");
    let arn = scene.license("globex", &["users"]);
    let buyer = format!(
        "customer_id = \"{customer}\"\nbill_from = \"start\"\n{}",
        term(&arn, "2026-11-01T00:00:00Z", None)
    );
    let conversion = format!("from = \"{metric}\"\nto = \"users\"\naccumulate = \"period\"");
    let listed = |metrics: &[&str]| {
        file("acme", &conversion, &buyer) + &format!("\n[whitelist]\nmetrics = {metrics:?}\n")
    };
    scene.apply(&listed(&[&metric, &other])).await;
    scene.usage(&customer, "seen", "2026-11-20T08:10:00Z", "ann");
    scene.through("2026-11-20", 9, 10).await;
    scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    scene.apply(&listed(&[&other])).await;
    scene.through("2026-11-20", 11, 13).await;
    scene.world.clock.set(at("2026-11-20T13:20:00Z"));
    scene.apply(&listed(&[&metric, &other])).await;
    scene.usage(&customer, "seen", "2026-11-20T15:10:00Z", "bob");
    scene.through("2026-11-20", 14, 23).await;
    scene.usage(&customer, "seen", "2026-11-21T01:10:00Z", "cid");
    scene.through("2026-11-21", 0, 5).await;
    assert_eq!(scene.billed_of("users"), "3");
}

/// The book outlives its connection, and its streams with it; what lies between was nobody's.
#[tokio::test(start_paused = true)]
async fn a_connection_applied_again_from_now_does_not_bill_the_time_in_which_it_was_deleted() {
    for id in ["acme", "acme-2"] {
        let scene = Scene::at("2026-11-20T08:30:00Z").await;
        let metric = scene.sum("calls");
        let customer = scene.customer("Globex");
        let arn = scene.license("globex", &["api_calls"]);
        let conversion = format!("from = \"{metric}\"\nto = \"api_calls\"");
        let buyer = |from: &str| {
            format!(
                "customer_id = \"{customer}\"\nbill_from = \"{from}\"\n{}",
                term(&arn, "2026-11-01T00:00:00Z", None)
            )
        };
        scene.apply(&file("acme", &conversion, &buyer("start"))).await;
        scene.usage(&customer, "calls", "2026-11-20T08:10:00Z", "1");
        scene.through("2026-11-20", 9, 10).await;
        scene.removes("acme").await;
        scene.usage(&customer, "calls", "2026-11-20T12:10:00Z", "1000");
        scene.world.clock.set(at("2026-11-20T14:20:00Z"));
        scene.apply(&file(id, &conversion, &buyer("now"))).await;
        scene.usage(&customer, "calls", "2026-11-20T15:10:00Z", "10");
        scene.usage(&customer, "calls", "2026-11-20T08:20:00Z", "5");
        scene.through("2026-11-20", 15, 20).await;
        assert_eq!(scene.billed_of("api_calls"), "16", "applied again as {id}");
    }
}

/// Nothing was claimed, so nothing keeps the beginning where it was.
#[tokio::test(start_paused = true)]
async fn a_beginning_moved_later_before_anything_was_claimed_is_where_usage_counts_from() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let metric = scene.sum("calls");
    let customer = scene.customer("Globex");
    let arn = scene.license("globex", &["api_calls"]);
    let buyer = |starts_at: &str| {
        format!(
            "customer_id = \"{customer}\"\nbill_from = \"start\"\n{}",
            term(&arn, starts_at, None)
        )
    };
    let held = format!("from = \"{metric}\"\nto = \"api_calls\"\nhold_above = \"50\"");
    scene
        .apply(&file("acme", &held, &buyer("2026-11-10T00:00:00Z")))
        .await;
    scene.usage(&customer, "calls", "2026-11-12T10:10:00Z", "1000");
    scene.usage(&customer, "calls", "2026-11-20T08:10:00Z", "7");
    scene.through("2026-11-20", 9, 10).await;
    assert_eq!(scene.billed_of("api_calls"), "0");
    // The agreement began on the 15th: what looked too much was somebody's trial.
    scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    scene
        .apply(&file("acme", &held, &buyer("2026-11-15T00:00:00Z")))
        .await;
    scene.through("2026-11-20", 11, 12).await;
    assert_eq!(scene.billed_of("api_calls"), "7");
}

#[tokio::test(start_paused = true)]
async fn one_unreadable_owner_keeps_its_own_buyer_waiting_and_no_other() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let shop = Shop::open(&scene, "acme", 3, &["api_calls"]).await;
    shop.all_use(&scene, "2026-11-20T08:10:00Z");
    scene.hour("2026-11-20T09:00:00Z").await;
    assert_eq!(scene.billed_of("api_calls"), "6");
    shop.all_use(&scene, "2026-11-20T09:10:00Z");
    let owner = format!("owner#metronome#{}#", shop.customers[1]);
    let whole = scene.spoil(&owner, "{");
    let summary = scene.hour("2026-11-20T10:00:00Z").await;
    assert_eq!(
        scene.billed_of("api_calls"),
        "10",
        "the first and the third have their hour"
    );
    let failure = summary.failure().unwrap();
    assert!(
        failure.message.contains("owner#") && failure.message.contains("acme-001"),
        "{failure}"
    );
    scene.put_item(&whole);
    scene.hour("2026-11-20T11:00:00Z").await;
    assert_eq!(scene.billed_of("api_calls"), "12");
}

/// The book of a deleted connection still owes; the connection that takes its counters over delivers that too.
#[tokio::test(start_paused = true)]
async fn what_a_taken_over_book_owes_is_sent_by_the_run_that_claims_it() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let shop = Shop::open(&scene, "acme", 1, &["api_calls"]).await;
    shop.uses(&scene, 0, "api_calls", "2026-11-20T08:10:00Z", "5");
    scene.hour("2026-11-20T09:00:00Z").await;
    shop.uses(&scene, 0, "api_calls", "2026-11-20T09:10:00Z", "70");
    // The marketplace refuses for an hour, so the book owes.
    let identity = shop.identity(0);
    scene
        .world
        .metering
        .deprovision(&identity, at("2026-11-20T09:00:00Z"));
    scene.hour("2026-11-20T10:00:00Z").await;
    assert_eq!(scene.billed_of("api_calls"), "5");
    scene.removes("acme").await;
    scene
        .world
        .metering
        .subscribe(sandbox::aws::metering::Subscription::new(
            "acme",
            identity,
            at("2026-01-01T00:00:00Z"),
        ));
    let other = scene.license("globex", &["api_calls"]);
    let conversion = format!("from = \"{}\"\nto = \"api_calls\"", shop.metrics[0].0);
    let buyer = format!(
        "customer_id = \"{}\"\nbill_from = \"start\"\n{}",
        shop.customers[0],
        term(&other, "2026-11-01T00:00:00Z", None)
    );
    scene.world.clock.set(at("2026-11-20T10:20:00Z"));
    scene.apply(&file("acme-2", &conversion, &buyer)).await;
    scene.hour("2026-11-20T11:00:00Z").await;
    let old = scene
        .world
        .metering
        .billed(&shop.identity(0), "api_calls")
        .to_string();
    let new = scene
        .world
        .metering
        .billed(&Identity::license(ACCOUNT, &other), "api_calls")
        .to_string();
    assert_eq!(
        (old.as_str(), new.as_str()),
        ("75", "0"),
        "in the very run that claims it"
    );
    let books = scene.items().into_iter().filter(|((_, sk), _)| sk == "book");
    for ((pk, _), item) in books {
        assert_eq!(item["in_flight"], json!({"N": "0"}), "{pk}");
    }
}

/// A book with more metrics than one claim can end at once.
fn metrics(scene: &Scene, count: usize) -> (Vec<String>, String) {
    let names: Vec<String> = (0..count).map(|index| format!("metric-{index:02}")).collect();
    let mut conversions = String::new();
    for name in &names {
        let metric = scene.sum(name);
        write!(
            conversions,
            "\n[[conversion]]\nfrom = \"{metric}\"\nto = \"{name}\"\nhold_above = \"1\"\n"
        )
        .unwrap();
    }
    (names, conversions)
}

#[tokio::test(start_paused = true)]
async fn growth_that_lapses_is_named_however_many_streams_lapse_at_once() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let (names, conversions) = metrics(&scene, 50);
    let customer = scene.customer("Globex");
    let dimensions: Vec<&str> = names.iter().map(String::as_str).collect();
    let arn = scene.license("globex", &dimensions);
    let buyer = format!(
        "customer_id = \"{customer}\"\nbill_from = \"start\"\n{}",
        term(&arn, "2026-11-01T00:00:00Z", None)
    );
    let text = file("acme", "", &buyer).replace("[[conversion]]\n\n", &conversions);
    scene.apply(&text).await;
    for name in &names {
        scene.usage(&customer, name, "2026-11-20T08:10:00Z", "9");
    }
    scene.hour("2026-11-20T09:00:00Z").await;
    let summary = serde_json::to_value(scene.hour("2027-01-04T00:00:00Z").await).unwrap();
    let held = summary["connections"][0]["buyers"][0]["held"].as_array().unwrap();
    let lapsed = held
        .iter()
        .filter(|held| held["reason"].as_str().unwrap().starts_with("lapsed"))
        .count();
    assert_eq!(lapsed, 50);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_shows_what_several_claims_would_hold() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let (names, conversions) = metrics(&scene, 50);
    let conversions = conversions.replace("hold_above = \"1\"\n", "");
    let customer = scene.customer("Globex");
    let dimensions: Vec<&str> = names.iter().map(String::as_str).collect();
    let arn = scene.license("globex", &dimensions);
    let buyer = format!(
        "customer_id = \"{customer}\"\nbill_from = \"start\"\n{}",
        term(&arn, "2026-11-01T00:00:00Z", None)
    );
    scene
        .apply(&file("acme", "", &buyer).replace("[[conversion]]\n\n", &conversions))
        .await;
    for name in &names {
        scene.usage(&customer, name, "2026-11-20T08:10:00Z", "9");
    }
    scene.world.clock.set(at("2026-11-20T09:00:30Z"));
    let mut order = scene.order("2026-11-20T09:00:00Z");
    order.dry_run = true;
    let before = scene.items();
    let summary = serde_json::to_value(metering::run(&scene.deps, &order).await.unwrap()).unwrap();
    let planned = summary["connections"][0]["buyers"][0]["records"]
        .as_array()
        .unwrap()
        .len();
    assert_eq!(planned, 50);
    assert_eq!(scene.items(), before, "no trace");
}

/// Nobody knows what a connection wants that cannot be read: its streams are not taken for a deleted one's.
#[tokio::test(start_paused = true)]
async fn a_connection_that_cannot_be_read_for_some_hours_loses_none_of_them() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let metric = scene.sum("calls");
    let customer = scene.customer("Globex");
    let (old, new) = (
        scene.license("globex", &["api_calls"]),
        scene.license("globex-2", &["api_calls"]),
    );
    let conversion = format!("from = \"{metric}\"\nto = \"api_calls\"");
    let buyer = |term: &str| format!("customer_id = \"{customer}\"\nbill_from = \"start\"\n{term}");
    let until = term(&old, "2026-11-01T00:00:00Z", Some("2026-11-20T12:00:00Z"));
    let from = term(&new, "2026-11-20T12:00:00Z", None);
    scene.apply(&file("first", &conversion, &buyer(&until))).await;
    scene.apply(&file("second", &conversion, &buyer(&from))).await;
    for (hour, units) in [("08", "1"), ("10", "20"), ("11", "300"), ("13", "4000")] {
        scene.usage(&customer, "calls", &format!("2026-11-20T{hour}:10:00Z"), units);
    }
    scene.hour("2026-11-20T09:00:00Z").await;
    let whole = scene.spoil("connections / connection#first", "{");
    scene.through("2026-11-20", 10, 15).await;
    scene.put_item(&whole);
    scene.through("2026-11-20", 16, 18).await;
    let of = |arn: &str| {
        scene
            .world
            .metering
            .billed(&Identity::license(ACCOUNT, arn), "api_calls")
            .to_string()
    };
    assert_eq!((of(&old), of(&new)), ("321".to_owned(), "4000".to_owned()));
}

#[tokio::test(start_paused = true)]
async fn a_metronome_reached_at_another_address_is_the_same_account() {
    let scene = Scene::at("2026-11-03T08:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["calls"]);
    let conversion = format!("from = \"{metric}\"\nto = \"calls\"");
    let term = term(&arn, "2026-10-01T00:00:00Z", None);
    let file = file(
        "acme",
        &conversion,
        &format!("customer_id = \"{customer}\"\nbill_from = \"start\"\n{term}"),
    );
    scene.apply(&file).await;
    scene.usage(&customer, "calls", "2026-10-20T10:10:00Z", "100");
    scene.hour("2026-11-03T09:00:00Z").await;
    assert_eq!(
        scene.billed_of("calls"),
        "100",
        "October, which closes with that run"
    );
    scene
        .apply(&file.replace("https://api.metronome.com", "https://api.eu.metronome.com"))
        .await;
    scene.hour("2026-11-03T10:00:00Z").await;
    scene.hour("2026-11-10T10:00:00Z").await;
    assert_eq!(scene.billed_of("calls"), "100");
    // Nor does it help to delete it first.
    scene.removes("acme").await;
    scene
        .apply(&file.replace("https://api.metronome.com", "https://api.us.metronome.com"))
        .await;
    scene.hour("2026-11-10T11:00:00Z").await;
    scene.hour("2026-11-11T10:00:00Z").await;
    assert_eq!(scene.billed_of("calls"), "100");
}

#[tokio::test(start_paused = true)]
async fn what_was_refused_is_delivered_while_metronome_is_away() {
    let scene = Scene::at("2026-11-20T13:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["calls"]);
    let conversion = format!("from = \"{metric}\"\nto = \"calls\"");
    let term = term(&arn, "2026-11-01T00:00:00Z", None);
    let file = file(
        "acme",
        &conversion,
        &format!("customer_id = \"{customer}\"\nbill_from = \"start\"\n{term}"),
    );
    scene.apply(&file).await;
    scene.usage(&customer, "calls", "2026-11-20T13:10:00Z", "42");
    let throttled = Fault::aws(http::StatusCode::BAD_REQUEST, "ThrottlingException");
    let faults = &scene.world.faults;
    faults.add(Rule::new("throttled", When::Always, throttled).on_operation("BatchMeterUsage"));
    scene.hour("2026-11-20T14:00:00Z").await;
    scene.world.faults.clear();
    assert_eq!(scene.billed_of("calls"), "0");
    scene
        .world
        .faults
        .add(Rule::new("away", When::Always, Fault::LostBefore).on_service("metronome"));
    let summary = scene.hour("2026-11-20T15:00:00Z").await;
    assert_eq!(
        summary.failure().map(|fault| fault.kind),
        Some(platform::FaultKind::SourceUnavailable)
    );
    assert_eq!(scene.billed_of("calls"), "42");
}

#[tokio::test(start_paused = true)]
async fn a_start_moved_back_bills_the_hours_before_it() {
    let scene = Scene::at("2026-11-20T08:30:00Z").await;
    let (metric, customer) = (scene.sum("calls"), scene.customer("Globex"));
    let arn = scene.license("globex", &["calls"]);
    let conversion = format!("from = \"{metric}\"\nto = \"calls\"");
    let text = |starts_at| {
        let term = term(&arn, starts_at, None);
        file(
            "acme",
            &conversion,
            &format!("customer_id = \"{customer}\"\nbill_from = \"start\"\n{term}"),
        )
    };
    scene.apply(&text("2026-11-15T00:00:00Z")).await;
    scene.usage(&customer, "calls", "2026-11-12T10:10:00Z", "100");
    scene.usage(&customer, "calls", "2026-11-16T10:10:00Z", "7");
    scene.hour("2026-11-20T09:00:00Z").await;
    assert_eq!(scene.billed_of("calls"), "7");
    scene.apply(&text("2026-11-10T00:00:00Z")).await;
    scene.hour("2026-11-20T10:00:00Z").await;
    assert_eq!(scene.billed_of("calls"), "107");
    scene.usage(&customer, "calls", "2026-11-20T10:10:00Z", "3");
    scene.hour("2026-11-20T11:00:00Z").await;
    scene.hour("2026-11-20T12:00:00Z").await;
    assert_eq!(scene.billed_of("calls"), "110");
}
