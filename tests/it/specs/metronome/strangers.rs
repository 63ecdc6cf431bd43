//! What callers ask of Metronome that are not ours: every operation of the simulator, well and badly.

use http::{Method, Request};
use serde_json::{Value, json};

use super::{BASE_URL, NOW, Things, UNKNOWN, days};
use crate::scene::{Scene, TOKEN};

impl Scene {
    /// A stranger's call of Metronome. `null` is no body.
    async fn asks(&self, token: &str, call: (Method, String, Value)) -> (u16, Value) {
        self.asks_by_key(token, None, call).await
    }

    /// The same, with an idempotency key.
    async fn asks_by_key(
        &self,
        token: &str,
        key: Option<&str>,
        (method, target, body): (Method, String, Value),
    ) -> (u16, Value) {
        let request = Request::builder()
            .method(method)
            .uri(format!("{BASE_URL}{target}"));
        let request = request.header("authorization", format!("Bearer {token}"));
        let request = request.header("content-type", "application/json");
        let request = if let Some(key) = key {
            request.header("idempotency-key", key)
        } else {
            request
        };
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let (status, answer) = self.stranger(request.body(body.into()).unwrap()).await;
        (status, serde_json::from_str(&answer).unwrap_or_default())
    }

    async fn gets(&self, target: &str) -> (u16, Value) {
        self.asks(TOKEN, (Method::GET, target.to_owned(), Value::Null))
            .await
    }

    async fn posts(&self, target: &str, body: Value) -> (u16, Value) {
        self.asks(TOKEN, (Method::POST, target.to_owned(), body)).await
    }

    /// A call that must be answered so; what it was answered.
    async fn posted(&self, status: u16, target: &str, body: Value) -> Value {
        let (got, answer) = self.posts(target, body.clone()).await;
        assert_eq!(got, status, "{target} {body}: {answer}");
        answer
    }
}

pub(super) async fn define_and_archive(scene: &Scene) {
    let hooli = json!({"name": "Hooli", "external_id": "h-1", "ingest_aliases": ["h-2"], "custom_fields": {"tier": "gold"}});
    let id = scene.posted(200, "/v1/customers", hooli.clone()).await["data"]["id"].clone();
    scene.posted(409, "/v1/customers", hooli).await;
    let aliases = format!("/v1/customers/{}/setIngestAliases", id.as_str().unwrap());
    scene
        .posted(200, &aliases, json!({"ingest_aliases": ["h-3"]}))
        .await;
    scene
        .posted(409, &aliases, json!({"ingest_aliases": ["globex-1"]}))
        .await;
    let nobodys = format!("/v1/customers/{UNKNOWN}/setIngestAliases");
    scene.posted(404, &nobodys, json!({"ingest_aliases": []})).await;
    scene
        .posted(200, "/v1/customers/archive", json!({"id": id}))
        .await;
    scene
        .posted(400, "/v1/customers/archive", json!({"id": id}))
        .await;
    scene
        .posted(404, "/v1/customers/archive", json!({"id": UNKNOWN}))
        .await;

    let metric = json!({
        "name": "tokens", "aggregation_type": "sum", "aggregation_key": "tokens",
        "event_type_filter": {"in_values": ["tokens"], "not_in_values": ["test"]},
        "property_filters": [{"name": "tokens", "exists": true}, {"name": "model", "exists": true, "in_values": ["xl"]}],
        "group_keys": [["model"]], "custom_fields": {"team": "ml"},
    });
    let id = scene.posted(200, "/v1/billable-metrics/create", metric).await["data"]["id"].clone();
    scene
        .posted(200, "/v1/billable-metrics/archive", json!({"id": id}))
        .await;
    scene
        .posted(404, "/v1/billable-metrics/archive", json!({"id": UNKNOWN}))
        .await;
    assert_eq!(
        scene
            .gets(&format!("/v1/billable-metrics/{}", id.as_str().unwrap()))
            .await
            .0,
        200
    );

    for (name, status) in [("Aviato", 200), ("Aviato", 200), ("Raviga", 409)] {
        let call = (Method::POST, "/v1/customers".to_owned(), json!({"name": name}));
        assert_eq!(
            scene.asks_by_key(TOKEN, Some("k-1"), call).await.0,
            status,
            "{name} by the same key"
        );
    }
}

/// The cursor of a page as a query carries it.
fn cursor(page: &Value) -> String {
    let cursor = page["next_page"].as_str().unwrap_or_default();
    form_urlencoded::byte_serialize(cursor.as_bytes()).collect()
}

pub(super) async fn send_and_read_usage(scene: &Scene, things: &Things) {
    let event = |id: &str| {
        let properties = json!({"units": "1.5", "region": "eu", "nested": {"any": [1, null]}});
        json!({"transaction_id": id, "customer_id": "globex-1", "event_type": "calls", "timestamp": NOW, "properties": properties})
    };
    scene
        .posted(200, "/v1/ingest", json!([event("x"), event("x"), event("y")]))
        .await;
    scene
        .posted(
            200,
            "/v1/ingest",
            json!([{"transaction_id": "z", "customer_id": "who", "event_type": "what", "timestamp": NOW}]),
        )
        .await;
    let found = scene
        .posted(
            200,
            "/v1/events/search",
            json!({"transactionIds": ["x", "y", "z", "none"]}),
        )
        .await;
    assert_eq!(found.as_array().unwrap().len(), 4, "the repeated one too");

    let mut next = String::new();
    for _ in 0..2 {
        let (status, page) = scene
            .gets(&format!("/v1/customers?limit=1&only_archived=true{next}"))
            .await;
        assert_eq!(
            (status, page["data"].as_array().map(Vec::len)),
            (200, Some(1)),
            "{page}"
        );
        next = format!("&next_page={}", cursor(&page));
    }
    for query in ["ingest_alias=globex-1", "salesforce_account_ids=a,b"] {
        assert_eq!(scene.gets(&format!("/v1/customers?{query}")).await.0, 200);
    }
    assert_eq!(
        scene
            .gets("/v1/billable-metrics?limit=100&include_archived=false")
            .await
            .0,
        200
    );

    let first = scene.posted(200, "/v1/usage", days(json!({}))).await;
    let next = format!("/v1/usage?next_page={}", cursor(&first));
    scene.posted(200, &next, days(json!({}))).await;
    let one = json!({"customer_id": things.active, "billable_metric_id": things.grouped});
    let with = |name: &str, value: Value| {
        let mut query = days(one.clone());
        query[name] = value;
        query
    };
    let by_region = json!({"key": "region", "values": ["eu", "us"]});
    for query in [
        days(one.clone()),
        with("group_by", by_region),
        with("group_key", json!(["region", "size"])),
    ] {
        scene.posted(200, "/v1/usage/groups?limit=2", query).await;
    }
}

/// What each operation refuses with 400, 404 and 409.
pub(super) async fn break_the_rules(scene: &Scene, things: &Things) {
    for (method, target, body) in things.calls() {
        let wrong = match body {
            Value::Null => continue,
            Value::Array(_) => json!([]),
            _ => json!({"nonsense": true}),
        };
        let (status, answer) = scene.asks(TOKEN, (method, target.clone(), wrong)).await;
        assert_eq!(status, 400, "{target}: {answer}");
    }
    let targets = [
        "customers?limit=0",
        "customers?colour=red",
        "customers/h-1",
        "billable-metrics?limit=many",
        "billable-metrics/1",
    ];
    for target in targets.map(|target| format!("/v1/{target}")) {
        assert_eq!(scene.gets(&target).await.0, 400, "{target}");
    }
    let old = json!({"transaction_id": "o", "customer_id": "globex-1", "event_type": "calls", "timestamp": "2026-01-01T00:00:00Z"});
    scene.posted(400, "/v1/ingest", json!([old])).await;
    scene.posted(400, "/v1/usage?limit=10", days(json!({}))).await;
    scene
        .posted(
            400,
            "/v1/usage",
            json!({"starting_on": NOW, "ending_before": NOW, "window_size": "DAY"}),
        )
        .await;
    scene
        .posted(404, "/v1/usage", days(json!({"customer_ids": [UNKNOWN]})))
        .await;
    let colour = json!({"id": things.grouped, "group_by": {"key": "colour"}});
    scene
        .posted(400, "/v1/usage", days(json!({"billable_metrics": [colour]})))
        .await;
    let nobodys = json!({"customer_id": UNKNOWN, "billable_metric_id": things.grouped});
    scene.posted(404, "/v1/usage/groups", days(nobodys)).await;
}

/// Each operation without a good token, and beyond the budget.
pub(super) async fn are_turned_away(scene: &Scene, things: &Things) {
    for call in things.calls() {
        assert_eq!(scene.asks("tok_of_nobody", call).await.0, 401);
    }
    scene.world.metronome.set_budget(Some(0));
    for call in things.calls() {
        assert_eq!(scene.asks(TOKEN, call).await.0, 429);
    }
}
