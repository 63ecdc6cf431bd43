//! Which event touches which connection, and that hourly and daily come to the same.

use chrono::TimeDelta;
use lambda_runtime::{Context, LambdaEvent};
use metering::RunSummary;
use rust_decimal::Decimal;
use serde_json::json;

use super::file::{Buyer, File};
use super::globex::{Globex, NOVEMBER, OCTOBER, START};
use super::{dollars, fine, notes, quiet, records};
use crate::scene::{Scene, at};

/// Two connections to one Metronome: Globex is billed hourly, Initech daily.
struct Two {
    globex: Globex,
    initech: Initech,
}

struct Initech {
    customer: String,
    arn: String,
}

impl Two {
    async fn at(now: &str) -> Self {
        let globex = Globex::at(now).await;
        let customer = globex.scene.customer("Initech");
        let arn = globex.scene.license("initech", &["spend"]);
        Self {
            globex,
            initech: Initech { customer, arn },
        }
    }

    fn scene(&self) -> &Scene {
        &self.globex.scene
    }

    async fn apply(&self) {
        let initech =
            Buyer::new("initech", &[&self.initech.customer]).licensed(&self.initech.arn, START, &[]);
        self.globex.apply(&self.globex.file()).await;
        let daily = File::of("other", "amount_daily").buyer(initech);
        self.globex.apply(&daily).await;
    }

    /// The function with an event of this time and cadence.
    async fn event(&self, time: &str, cadence: &str) -> RunSummary {
        let event = json!({
            "source": "aws.scheduler",
            "time": time,
            "detail": {"cadence": cadence},
        });
        let clock = &self.scene().world.clock;
        let ran = at(time) + TimeDelta::seconds(30);
        if clock.now() < ran {
            clock.set(ran);
        }
        let event = LambdaEvent::new(event, Context::default());
        invoice_metering::handle(&Ok(self.scene().deps.clone()), event)
            .await
            .unwrap()
    }

    fn billed(&self) -> [Decimal; 2] {
        [&self.globex.arn, &self.initech.arn].map(|arn| self.scene().billed_under(arn))
    }
}

fn touched(summary: &RunSummary) -> Vec<&str> {
    let connections = summary.connections.iter();
    connections
        .map(|connection| connection.connection.as_str())
        .collect()
}

#[tokio::test(start_paused = true)]
async fn an_hourly_event_touches_only_hourly_connections_and_a_daily_one_only_daily_ones() {
    let two = Two::at("2026-11-20T13:30:00Z").await;
    two.globex.draft(NOVEMBER, "1000");
    two.scene().draft(&two.initech.customer, NOVEMBER, "2000");
    two.apply().await;

    assert_eq!(
        touched(&two.event("2026-11-20T14:00:00Z", "hourly").await),
        ["acme"]
    );
    assert_eq!(two.billed(), [dollars("10"), dollars("0")]);
    assert_eq!(
        touched(&two.event("2026-11-21T00:00:00Z", "hourly").await),
        ["acme"]
    );
    assert_eq!(two.billed(), [dollars("10"), dollars("0")]);
    assert_eq!(
        touched(&two.event("2026-11-21T00:00:00Z", "daily").await),
        ["other"]
    );
    assert_eq!(two.billed(), [dollars("10"), dollars("20")]);
}

/// Both have the same calls at the same times, to a third of a cent, in the month's last hours and in the grace after it.
#[tokio::test(start_paused = true)]
async fn hourly_and_daily_report_the_same_sum_over_a_month_to_the_cent() {
    let two = Two::at("2026-11-01T00:30:00Z").await;
    let calls = two.scene().sum("calls");
    for customer in [&two.globex.customer, &two.initech.customer] {
        two.scene().contract(customer, START, &calls, 7);
    }
    two.apply().await;
    let used = |when: &str, units: &str| {
        for customer in [&two.globex.customer, &two.initech.customer] {
            two.scene().usage(customer, "calls", when, units);
        }
    };
    let clock = &two.scene().world.clock;
    let (mut hour, end) = (at("2026-11-01T01:00:00Z"), at("2026-12-01T00:00:00Z"));
    let mut told = Vec::new();
    while hour <= end {
        clock.set(hour - TimeDelta::minutes(20));
        let text = |time: chrono::DateTime<chrono::Utc>| time.format("%Y-%m-%dT%H:%M:%SZ").to_string();
        used(&text(hour - TimeDelta::minutes(30)), "3.333333");
        told.push(two.event(&text(hour), "hourly").await);
        if hour.time() == chrono::NaiveTime::MIN {
            told.push(two.event(&text(hour), "daily").await);
        }
        hour += TimeDelta::hours(1);
    }
    told.iter().for_each(fine);
    // 720 hours of 3.333333 calls, at 7 cents.
    let november = dollars("167.999983");
    assert_eq!(two.billed(), [november, november]);

    // What came late of November goes into December, for the marketplace takes no more of November, and that is said.
    clock.set(at("2026-12-01T11:30:00Z"));
    used("2026-11-30T22:30:00Z", "100");
    let hourly = two.event("2026-12-01T12:00:00Z", "hourly").await;
    assert_eq!(notes(&hourly), ["late 7"]);
    let daily = two.event("2026-12-02T00:00:00Z", "daily").await;
    assert_eq!(notes(&daily), ["late 7"]);
    assert_eq!(records(&daily), ["2026-12-01T23:00:00Z 7 delivered"]);
    let both = dollars("174.999983");
    assert_eq!(two.billed(), [both, both]);
}

#[tokio::test(start_paused = true)]
async fn a_missed_day_is_caught_up_by_the_next() {
    let two = Two::at("2026-11-20T13:30:00Z").await;
    let draft = two.scene().draft(&two.initech.customer, NOVEMBER, "1000");
    two.apply().await;
    fine(&two.event("2026-11-21T00:00:00Z", "daily").await);
    two.scene().comes_to(&draft, "1300");
    // Nothing runs on the 22nd and the 23rd.
    two.scene().world.clock.set(at("2026-11-23T12:00:00Z"));
    two.scene().comes_to(&draft, "1700");
    let caught = two.event("2026-11-24T00:00:00Z", "daily").await;
    assert_eq!(records(&caught), ["2026-11-23T23:00:00Z 7 delivered"]);
    assert_eq!(two.billed(), [dollars("0"), dollars("17")]);
}

/// A month's last day was missed: what it came to is told as late, and billed.
#[tokio::test(start_paused = true)]
async fn a_months_missed_last_day_goes_into_the_next_month_and_is_said() {
    let two = Two::at("2026-11-29T13:30:00Z").await;
    let draft = two.scene().draft(&two.initech.customer, NOVEMBER, "1000");
    two.apply().await;
    fine(&two.event("2026-11-30T00:00:00Z", "daily").await);
    two.scene().comes_to(&draft, "1300");
    two.scene().world.clock.set(at("2026-12-01T00:30:00Z"));
    let december = two.scene().draft(
        &two.initech.customer,
        ("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        "0",
    );
    two.scene().comes_to(&december, "55");
    let caught = two.event("2026-12-02T00:00:00Z", "daily").await;
    assert_eq!(records(&caught), ["2026-12-01T23:00:00Z 3.55 delivered"]);
    assert_eq!(notes(&caught), ["late 3"]);
    assert_eq!(two.billed(), [dollars("0"), dollars("13.55")]);
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_plans_and_writes_nothing() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    globex.finalized(OCTOBER, "20000");
    globex.draft(NOVEMBER, "1000");
    globex.apply(&globex.file()).await;
    let writes = || {
        let counts = globex.scene.world.dynamodb.counts();
        (
            counts.writes(),
            globex.scene.world.metering.counts().batch_meter_usage,
        )
    };
    let before = writes();
    globex.scene.world.clock.set(at("2026-11-20T14:00:30Z"));
    let order = metering::Order {
        job: invoice_metering::JOB,
        modes: invoice_metering::MODES,
        dry_run: true,
        ..globex.scene.order("2026-11-20T14:00:00Z")
    };
    let planned = metering::run(&globex.scene.deps, &order).await.unwrap();
    assert_eq!(records(&planned), ["2026-11-20T13:00:00Z 10 planned"]);
    assert_eq!(writes(), before);
    assert_eq!(globex.scene.all_books().await.len(), 0);

    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("10"));
    globex.scene.world.clock.set(at("2026-11-20T15:00:30Z"));
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
}
