//! Metronome's OpenAPI document, over what our client asks, what any caller may, and every answer.

mod strangers;

use std::collections::BTreeMap;
use std::time::Duration;

use chrono::NaiveDate;
use http::Method;
use metronome::{Client, Group, GroupedQuery, MetricFilter, Metrics, UsageQuery, Window};
use platform::Deadline;
use sandbox::metronome::{Aggregation, Event, NewMetric};
use serde_json::{Value, json};

use super::document;
use super::findings::Findings;
use super::open_api::{General, OpenApi};
use super::witness::Witness;
use crate::scene::{Scene, TOKEN, at};
use crate::spine;

const BASE_URL: &str = "https://api.metronome.com";
const NOW: &str = "2026-11-20T13:30:00Z";
/// Nobody's.
const UNKNOWN: &str = "00000000-0000-4000-8000-000000000000";

/// Refusals that any call may meet (<https://docs.metronome.com/api-reference/status-codes>).
const GENERAL: General = General {
    statuses: &[400, 401, 403, 404, 409, 429],
    schema: "#/components/schemas/Error",
};

/// Operations of the simulator, each with a path of its kind.
const SIMULATED: usize = 13;

/// Operations that our client has.
const OURS: [&str; 6] = [
    "GET /v1/billable-metrics",
    "GET /v1/billable-metrics/{billable_metric_id}",
    "GET /v1/customers",
    "GET /v1/customers/{customer_id}",
    "POST /v1/usage",
    "POST /v1/usage/groups",
];

#[tokio::test(start_paused = true)]
async fn metronomes_document_holds_for_all_that_we_ask_and_all_that_the_simulator_answers() {
    let Some(document) = document("metronome.openapi.json") else {
        return;
    };
    let witness = Witness::default();
    let scene = witness.scene(NOW).await;
    let things = Things::made(&scene);

    a_job_runs(&scene, &things).await;
    our_client_asks_everything(&scene, &things).await;
    our_client_is_refused(&scene, &things).await;
    strangers::define_and_archive(&scene).await;
    strangers::send_and_read_usage(&scene, &things).await;
    strangers::break_the_rules(&scene, &things).await;
    strangers::are_turned_away(&scene, &things).await;

    let mut judge = OpenApi::new(document, GENERAL);
    let mut findings = Findings::default();
    for exchange in witness.of_host("api.") {
        let verdict = judge.judge(&exchange);
        findings.add(&exchange, verdict);
    }
    println!(
        "{}",
        findings.report("Metronome's OpenAPI document", &judge.operations())
    );
    println!("  of other services, not judged here: {:?}", witness.unjudged());
    assert!(findings.broken.is_empty(), "{}", findings.broken.join("\n"));
    assert_eq!(findings.ours(), OURS);
    assert_eq!(findings.counts.len(), SIMULATED);
    assert_eq!(
        scene.world.metronome.requests().len(),
        SIMULATED,
        "each of the simulator's is one of the document's"
    );
    for (operation, outcomes) in &findings.counts {
        for status in ["200", "400", "401", "429"] {
            assert!(
                outcomes.contains_key(status),
                "{operation} was never answered {status}"
            );
        }
    }
}

/// What there is in the account before anybody asks.
struct Things {
    active: String,
    archived: String,
    /// A SUM, grouped by region, and by region and size.
    grouped: String,
    others: Vec<String>,
}

impl Things {
    fn made(scene: &Scene) -> Self {
        let metronome = &scene.world.metronome;
        let grouped = NewMetric::of("calls", Aggregation::Sum, "units").on("calls");
        let grouped = grouped.grouped_by(&["region"]).grouped_by(&["region", "size"]);
        let others = [
            NewMetric::count("all events"),
            NewMetric::of("most", Aggregation::Max, "units").on("calls"),
            NewMetric::of("callers", Aggregation::Unique, "region").on("calls"),
            NewMetric::of("last", Aggregation::Latest, "units").on("calls"),
        ];
        let things = Self {
            active: metronome
                .create_customer("Globex", &["globex-1"])
                .unwrap()
                .to_string(),
            archived: metronome.create_customer("Initech", &[]).unwrap().to_string(),
            grouped: metronome.create_metric(grouped).unwrap().to_string(),
            others: others
                .map(|metric| metronome.create_metric(metric).unwrap().to_string())
                .to_vec(),
        };
        metronome
            .archive_customer(things.archived.parse().unwrap())
            .unwrap();
        metronome
            .archive_metric(things.others[0].parse().unwrap())
            .unwrap();
        for (id, region, size, units) in [("a", "eu", "l", "0.1"), ("b", "us", "s", "12345678901234.000001")]
        {
            let event = Event::new(id, "globex-1", "calls", at("2026-11-20T12:10:00Z"));
            let event = event
                .with("region", region)
                .with("size", size)
                .with("units", units);
            metronome.ingest(event).unwrap();
        }
        let event = Event::new("c", &things.active, "calls", at("2026-11-19T12:10:00Z"));
        metronome.ingest(event.with("units", "7")).unwrap();
        things
    }

    /// One request of each operation.
    fn calls(&self) -> [(Method, String, Value); SIMULATED] {
        let (customer, metric) = (&self.active, &self.grouped);
        let event =
            json!({"transaction_id": "d", "customer_id": customer, "event_type": "calls", "timestamp": NOW});
        let get = |path: String| (Method::GET, path, Value::Null);
        let post = |path: &str, body: Value| (Method::POST, path.to_owned(), body);
        [
            get("/v1/customers".to_owned()),
            get(format!("/v1/customers/{customer}")),
            get("/v1/billable-metrics".to_owned()),
            get(format!("/v1/billable-metrics/{metric}")),
            post("/v1/ingest", json!([event])),
            post("/v1/customers", json!({"name": "Hooli"})),
            post(
                &format!("/v1/customers/{customer}/setIngestAliases"),
                json!({"ingest_aliases": ["globex-1"]}),
            ),
            post("/v1/customers/archive", json!({"id": customer})),
            post(
                "/v1/billable-metrics/create",
                json!({"name": "n", "aggregation_type": "COUNT"}),
            ),
            post("/v1/billable-metrics/archive", json!({"id": metric})),
            post("/v1/usage", days(json!({}))),
            post(
                "/v1/usage/groups",
                days(json!({"customer_id": customer, "billable_metric_id": metric})),
            ),
            post("/v1/events/search", json!({"transactionIds": ["a"]})),
        ]
    }
}

/// A usage query of two days by the hour, with more in it.
fn days(mut query: Value) -> Value {
    query["starting_on"] = json!("2026-11-19T00:00:00Z");
    query["ending_before"] = json!("2026-11-21T00:00:00+00:00");
    query["window_size"] = json!("HOUR");
    query
}

fn client(scene: &Scene, token: &str) -> Client {
    let deadline = Deadline::after(Duration::from_secs(900));
    Client::new(
        scene.deps.transport.clone(),
        BASE_URL,
        token.to_owned().into(),
        100,
        deadline,
    )
    .unwrap()
}

/// A day of this November.
fn day(day: u32) -> NaiveDate {
    NaiveDate::from_ymd_opt(2026, 11, day).unwrap()
}

async fn a_job_runs(scene: &Scene, things: &Things) {
    let arn = scene.license("globex", &["api_calls"]);
    let file = spine::connection("acme", &things.grouped, &things.active, &arn);
    scene.apply(&file).await;
    for hour in ["2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z"] {
        assert_eq!(scene.hour(hour).await.failure(), None);
    }
    assert!(scene.billed().contains_key("api_calls"));
}

/// Every call that the client has, with every choice that changes what is sent.
async fn our_client_asks_everything(scene: &Scene, things: &Things) {
    let client = client(scene, TOKEN);
    let ids = [things.active.clone(), things.archived.clone(), UNKNOWN.to_owned()];
    let customers = client.customers(&ids).await.unwrap();
    assert_eq!((customers.found.len(), customers.missing.len()), (2, 1));
    assert!(!client.all_customers().await.unwrap().is_empty());
    for id in &ids[..2] {
        assert_eq!(client.customer(id).await.unwrap().id, *id);
    }
    assert_eq!(client.billable_metrics().await.unwrap().len(), 5);
    for id in &things.others {
        assert_eq!(client.billable_metric(id).await.unwrap().id, *id);
    }

    let group = |values: Option<Vec<String>>| Group {
        key: "region".to_owned(),
        values,
    };
    let by = |id: &String, group: Option<Group>| MetricFilter {
        id: id.clone(),
        group,
    };
    let choices = [
        Metrics::All,
        Metrics::Only(things.others.iter().map(|id| by(id, None)).collect()),
        Metrics::Only(vec![by(&things.grouped, Some(group(None)))]),
        Metrics::Only(vec![by(
            &things.grouped,
            Some(group(Some(vec!["eu".to_owned()]))),
        )]),
    ];
    for window in [Window::Hour, Window::Day, Window::None] {
        for metrics in choices.clone() {
            let customers = vec![things.active.clone()];
            let query = UsageQuery {
                from: day(19),
                until: day(21),
                window,
                customers,
                metrics,
            };
            assert!(
                client
                    .usage(&query)
                    .await
                    .unwrap()
                    .iter()
                    .any(|row| row.value.is_some())
            );
        }
        for (key, filters) in [
            (vec!["region"], BTreeMap::new()),
            (vec!["region", "size"], [("size", vec!["l"])].into()),
        ] {
            let text = |list: Vec<&str>| list.into_iter().map(str::to_owned).collect();
            let query = GroupedQuery {
                customer_id: things.active.clone(),
                billable_metric_id: things.grouped.clone(),
                from: day(19),
                until: day(21),
                window,
                group_key: text(key),
                filters: filters
                    .into_iter()
                    .map(|(name, values)| (name.to_owned(), text(values)))
                    .collect(),
            };
            assert!(!client.usage_groups(&query).await.unwrap().is_empty());
        }
    }
}

async fn our_client_is_refused(scene: &Scene, things: &Things) {
    let known = client(scene, TOKEN);
    known.customer(UNKNOWN).await.unwrap_err();
    known.billable_metric(UNKNOWN).await.unwrap_err();
    let colour = Group {
        key: "colour".to_owned(),
        values: None,
    };
    let query = UsageQuery {
        from: day(19),
        until: day(20),
        window: Window::Day,
        customers: vec![things.active.clone()],
        metrics: Metrics::Only(vec![MetricFilter {
            id: things.grouped.clone(),
            group: Some(colour),
        }]),
    };
    known.usage(&query).await.unwrap_err();
    client(scene, "tok_of_nobody").all_customers().await.unwrap_err();
    for told in [true, false] {
        scene.world.metronome.set_budget(Some(3));
        scene.world.metronome.set_retry_after(told);
        let asked = futures::future::join_all((0..8).map(|_| known.customer(&things.active))).await;
        assert!(asked.iter().all(Result::is_ok), "tried again until it is granted");
        scene.world.metronome.set_budget(None);
    }
}
