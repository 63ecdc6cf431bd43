//! The fault matrix: what goes wrong at the marketplace, at the table, at Metronome and in the usage itself, a row a test. Each
//! row states what is owed and what is billed, and the laws hold after every run of it. The peers' figures for the same rows
//! are losses and double bills; here nothing is lost, nothing is billed twice, and no record is called delivered that is not.

mod marketplace;
mod source;
mod table;
mod usage;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use metering::RunSummary;
use sandbox::faults::{Fault, Rule, When};
use serde_json::Value;
use tokio::sync::Notify;

use crate::laws::Laws;
use crate::scene::Scene;
use crate::shop::Shop;

const FIRST: &str = "2026-11-20T15:00:00Z";
const SECOND: &str = "2026-11-20T16:00:00Z";
const THIRD: &str = "2026-11-20T17:00:00Z";
/// Every base is read afresh at this hour.
const FRESH: &str = "2026-11-20T18:00:00Z";

/// One shop in a world, and the laws over it.
struct Matrix {
    scene: Scene,
    shop: Shop,
    laws: Laws,
}

impl Matrix {
    /// At 14:30, before any usage.
    async fn of(buyers: usize, dimensions: &[&str]) -> Self {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        let shop = Shop::open(&scene, "acme", buyers, dimensions).await;
        let laws = Laws::over(&scene).await;
        Self { scene, shop, laws }
    }

    /// With usage of every buyer at 14:10: buyer by buyer a unit more.
    async fn used(buyers: usize, dimensions: &[&str]) -> Self {
        let matrix = Self::of(buyers, dimensions).await;
        matrix.shop.all_use(&matrix.scene, "2026-11-20T14:10:00Z");
        matrix
    }

    /// A run, and the laws after it.
    async fn hour(&mut self, hour: &str) -> RunSummary {
        let summary = self.scene.hour(hour).await;
        self.laws.check(&self.scene);
        summary
    }

    /// The last run, in a world without faults: then nothing is lost.
    async fn ends(&mut self, hour: &str) -> RunSummary {
        self.scene.world.faults.clear();
        let summary = self.hour(hour).await;
        self.laws.settled(&self.scene, hour);
        summary
    }

    /// A run whose process dies at the first request of `operation`, when that has had its effect.
    async fn dies_after(&mut self, operation: &'static str, hour: &str) {
        let struck = Arc::new(Notify::new());
        let kill: Arc<dyn Fn() + Send + Sync> = {
            let struck = Arc::clone(&struck);
            Arc::new(move || struck.notify_one())
        };
        self.fault(Rule::new("killed", When::Nth(1), Fault::StrikeAfter(kill)).on_operation(operation));
        tokio::select! {
            biased;
            () = struck.notified() => {}
            _ = self.scene.hour(hour) => panic!("the run of {hour} makes no {operation}"),
        }
        self.scene.world.faults.clear();
        self.laws.check(&self.scene);
    }

    fn fault(&self, rule: Rule) {
        self.scene.world.faults.add(rule);
    }

    async fn states(&self, row: &str, figures: &str) {
        self.scene.states(row, "api_calls", figures).await;
    }
}

/// How many records of a run came to each outcome.
fn outcomes(summary: &RunSummary) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::new();
    let records = summary
        .connections
        .iter()
        .flat_map(|connection| &connection.buyers)
        .flat_map(|buyer| &buyer.records);
    for record in records {
        *counts.entry(record.outcome.to_owned()).or_insert(0) += 1;
    }
    counts.into_iter().collect()
}

fn counted(outcome: &str, records: usize) -> Vec<(String, usize)> {
    vec![(outcome.to_owned(), records)]
}

/// Why streams wait, each reason once.
fn held(summary: &RunSummary) -> BTreeSet<String> {
    let buyers = summary
        .connections
        .iter()
        .flat_map(|connection| &connection.buyers);
    buyers
        .flat_map(|buyer| &buyer.held)
        .map(|held| held.reason.clone())
        .collect()
}

/// The first so many tries of each request, told apart by all that it says.
fn tries(first: u32) -> impl Fn(&str, &http::Request<Bytes>) -> bool + Send + Sync + 'static {
    let seen: Mutex<BTreeMap<(String, Bytes), u32>> = Mutex::default();
    move |_, request| {
        let mut seen = seen.lock().unwrap();
        let tries = seen
            .entry((request.uri().to_string(), request.body().clone()))
            .or_insert(0);
        *tries += 1;
        *tries <= first
    }
}

/// Whether a request to the table writes a book in which records are in flight, or none are.
fn writes_book(flying: bool) -> impl Fn(&str, &http::Request<Bytes>) -> bool + Send + Sync + 'static {
    move |service, request| {
        let operation = sandbox::faults::operation_of(request).unwrap_or_default();
        if service != "dynamodb" || !matches!(operation, "PutItem" | "TransactWriteItems") {
            return false;
        }
        let body: Value = serde_json::from_slice(request.body()).unwrap();
        let items = match body["TransactItems"].as_array() {
            Some(actions) => actions
                .iter()
                .map(|action| action["Put"]["Item"].clone())
                .collect(),
            None => vec![body["Item"].clone()],
        };
        items.iter().any(|item| {
            item["in_flight"]["N"]
                .as_str()
                .is_some_and(|count| (count != "0") == flying)
        })
    }
}
