//! What a steady hour of a thousand buyers costs, counted at the simulators: the pages that must be read, two writes for a
//! buyer that grew and none for one that did not, and full metering calls, all within the services' paces.

use std::collections::BTreeMap;

use metering::RunSummary;
use sandbox::aws::metering::Stored;
use sandbox::metronome::Operation;

use crate::company::{Company, PRODUCTS, product_of};
use crate::laws::Laws;
use crate::scene::{Scene, at};

/// Buyers of the company: each has two metrics, so twice as many pairs of customer and metric are read.
const BUYERS: u64 = 1_000;
const PAIRS: u64 = 2 * BUYERS;
/// Every second buyer grows in the steady hour, in both of its dimensions.
const GROWING: u64 = BUYERS / 2;
const RECORDS: u64 = 2 * GROWING;

/// Records that one metering call takes.
const CALL: u64 = 25;
/// What the connection's token may ask of Metronome in any second, and an account of AWS Marketplace.
const TOKEN_PACE: usize = 8;
const METERING_PACE: usize = 10;
/// Customers of one page of Metronome's list, and keys of one `BatchGetItem`.
const HUNDRED: u64 = 100;

const FIRST: &str = "2026-11-20T13:00:00Z";
const STEADY: &str = "2026-11-20T14:00:00Z";

/// Requests so far.
#[derive(Clone, Debug)]
struct Work {
    usage_pages: u64,
    metronome: u64,
    metering_calls: u64,
    billed: u64,
    writes: u64,
    dynamodb: u64,
}

impl Work {
    fn of(scene: &Scene) -> Self {
        let asked: BTreeMap<Operation, u64> = scene.world.metronome.requests();
        let (metering, table) = (scene.world.metering.counts(), scene.world.dynamodb.counts());
        Self {
            usage_pages: asked.get(&Operation::Usage).copied().unwrap_or_default(),
            metronome: asked.values().sum(),
            metering_calls: metering.batch_meter_usage,
            billed: metering.billed,
            writes: table.writes(),
            dynamodb: table.requests.values().sum(),
        }
    }

    fn since(&self, before: &Self) -> Self {
        Self {
            usage_pages: self.usage_pages - before.usage_pages,
            metronome: self.metronome - before.metronome,
            metering_calls: self.metering_calls - before.metering_calls,
            billed: self.billed - before.billed,
            writes: self.writes - before.writes,
            dynamodb: self.dynamodb - before.dynamodb,
        }
    }
}

/// A thousand buyers and their first hour, in which all of them grow, at the marketplace's throttle. Then half of them have
/// usage of the next.
async fn steady() -> (Scene, Laws) {
    let scene = Scene::at("2026-11-20T12:30:00Z").await;
    scene.world.metering.switch(|switches| switches.throttled = true);
    let company = Company::in_scene(&scene, usize::try_from(BUYERS).unwrap()).await;
    let mut laws = Laws::over(&scene).await;
    company.uses(&scene, "2026-11-20T12:10:00Z");

    let (summary, work) = hour(&scene, FIRST, "all grow").await;

    assert_eq!(summary.failure(), None);
    assert_eq!(
        (work.billed, work.metering_calls),
        (PAIRS, calls_for(&scene, FIRST))
    );
    laws.settled(&scene, FIRST);
    for customer in company.customers.iter().step_by(2) {
        scene.usage(customer, "calls", "2026-11-20T13:10:00Z", "12");
        scene.usage(customer, "tokens", "2026-11-20T13:20:00Z", "60");
    }
    (scene, laws)
}

/// A run, and what it cost. Its time is the paused clock's: what the paces make of it, and a millisecond a request.
async fn hour(scene: &Scene, hour: &str, what: &str) -> (RunSummary, Work) {
    let (before, began) = (Work::of(scene), tokio::time::Instant::now());
    let summary = scene.hour(hour).await;
    let work = Work::of(scene).since(&before);
    let seconds = began.elapsed().as_secs();
    println!(
        "{BUYERS} buyers, {PAIRS} pairs of customer and metric, {what}: {} records in {seconds} s",
        work.billed
    );
    println!(
        "  Metronome: {} requests, {} of them pages of usage",
        work.metronome, work.usage_pages
    );
    println!(
        "  table: {} requests, {} of them writes",
        work.dynamodb, work.writes
    );
    println!("  marketplace: {} calls", work.metering_calls);
    let metering = scene.world.metering.counts();
    let (asked, called) = (
        scene.world.metronome.peak_requests_per_second(),
        metering.busiest_second,
    );
    println!("  busiest second: {asked} requests to Metronome, {called} calls to the marketplace");
    assert!(asked <= TOKEN_PACE && called <= METERING_PACE);
    assert_eq!(metering.throttled, 0, "the pace keeps below the quota");
    (summary, work)
}

/// The fewest calls that take the records which came in a run: 25 a call, each of one product.
fn calls_for(scene: &Scene, hour: &str) -> u64 {
    let ran = at(hour) + chrono::TimeDelta::seconds(30);
    let records = scene.world.metering.records();
    let of = |product: &str| {
        let ours = |stored: &&Stored| stored.received_at == ran && product_of(stored) == product;
        u64::try_from(records.iter().filter(ours).count())
            .unwrap()
            .div_ceil(CALL)
    };
    PRODUCTS.into_iter().map(of).sum()
}

#[tokio::test(start_paused = true)]
async fn a_steady_hour_reads_each_pair_once_and_writes_twice_for_a_buyer_that_grew() {
    let (scene, mut laws) = steady().await;

    let (summary, work) = hour(&scene, STEADY, "half of the buyers grow").await;

    assert_eq!(summary.failure(), None);
    assert_eq!(
        work.usage_pages, PAIRS,
        "a page holds one pair, and the base is kept"
    );
    let lists = 1 + BUYERS / HUNDRED;
    assert_eq!(
        work.metronome,
        PAIRS + lists,
        "the metrics, and the customers by the hundred"
    );
    assert_eq!(
        (work.billed, work.metering_calls),
        (RECORDS, calls_for(&scene, STEADY))
    );
    assert_eq!(
        work.writes,
        2 * GROWING + 1,
        "a claim and a settle for each that grew, and the run's own item"
    );
    let lists = 2 + (BUYERS + PAIRS) / HUNDRED;
    assert!(
        work.dynamodb - work.writes <= lists + 2,
        "books and owners by the hundred, in few pages more"
    );
    laws.settled(&scene, STEADY);
}
