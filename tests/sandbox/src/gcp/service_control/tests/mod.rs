//! The rules of the service, one a test.

mod checks;
mod requests;
mod shapes;
mod times;
mod trouble;

use std::str::FromStr;

use serde_json::{Value as Json, json};

use super::*;
use crate::gcp::login::test_account;
use crate::gcp::requests as wire;

const SERVICE: &str = "metering.sandbox.example.com";
const CONSUMER: &str = "project_number:123456789012";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn number(text: &str) -> BigDecimal {
    BigDecimal::from_str(text).unwrap()
}

/// 20 November, 14:05: a consumer since the 1st of October, and a caller who may report.
struct World {
    clock: Clock,
    tokens: Arc<GoogleTokens>,
    control: ServiceControl,
    token: String,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T14:05:00Z"));
        let tokens = Arc::new(GoogleTokens::new(clock.clone()));
        tokens
            .register_service_account(
                test_account::EMAIL,
                test_account::KEY_ID,
                test_account::PUBLIC_KEY,
            )
            .unwrap();
        let control = ServiceControl::new(clock.clone(), Arc::clone(&tokens));
        control.add_service(
            SERVICE,
            &[
                ("calls", ValueType::Int64),
                ("gigabytes", ValueType::Double),
                ("cost", ValueType::Money("USD".to_owned())),
            ],
        );
        control.allow(SERVICE, test_account::EMAIL);
        control.add_consumer(SERVICE, Consumer::new(CONSUMER, at("2026-10-01T00:00:00Z")));
        let mut world = Self {
            clock,
            tokens,
            control,
            token: String::new(),
        };
        world.log_in();
        world
    }

    fn log_in(&mut self) {
        let (header, claims) = wire::claims(self.clock.now().timestamp());
        let assertion = wire::assertion(&header, &claims);
        let fields = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.as_str()),
        ];
        let (_, body) = wire::call(&*self.tokens, &wire::form("/token", &fields));
        body["access_token"].as_str().unwrap().clone_into(&mut self.token);
    }

    /// Moves the clock, and logs in anew.
    fn set(&mut self, now: &str) {
        self.clock.set(at(now));
        self.log_in();
    }

    fn post(&self, method: &str, body: &str) -> (u16, Json) {
        let path = format!("/v1/services/{SERVICE}:{method}");
        wire::call(&self.control, &wire::json(&path, &self.token, body))
    }

    /// The errors of a report that is not refused, each an id and a code.
    fn report(&self, operations: &[Json]) -> Vec<(String, i64)> {
        let (status, body) = self.post("report", &json!({"operations": operations}).to_string());
        assert_eq!(status, 200, "{body}");
        assert_eq!(body["serviceConfigId"], "2026-11-01r0");
        let errors = body.get("reportErrors").map(|errors| errors.as_array().unwrap());
        let errors = errors.into_iter().flatten();
        errors
            .map(|error| {
                let status = &error["status"];
                assert!(status["message"].is_string());
                let code = status.get("code").map_or(0, |code| code.as_i64().unwrap());
                (error["operationId"].as_str().unwrap().to_owned(), code)
            })
            .collect()
    }

    /// The code that one operation is refused with.
    fn code(&self, operation: &Json) -> Option<i64> {
        let errors = self.report(std::slice::from_ref(operation));
        errors.first().map(|(_, code)| *code)
    }

    /// The status of a report that is refused whole.
    fn refused(&self, operations: &[Json]) -> String {
        let (_, body) = self.post("report", &json!({"operations": operations}).to_string());
        body["error"]["status"].as_str().unwrap().to_owned()
    }

    fn billed(&self) -> BigDecimal {
        self.control.billed(SERVICE, CONSUMER, "calls")
    }
}

/// 13:00 to 14:00, so many calls.
fn operation(id: &str, calls: i64) -> Json {
    json!({
        "operationId": id, "operationName": "usage", "consumerId": CONSUMER,
        "startTime": "2026-11-20T13:00:00Z", "endTime": "2026-11-20T14:00:00Z",
        "metricValueSets": [values("calls", &[json!({"int64Value": calls.to_string()})])],
    })
}

fn values(metric: &str, values: &[Json]) -> Json {
    json!({"metricName": format!("{SERVICE}/{metric}"), "metricValues": values})
}

fn with(mut operation: Json, member: &str, value: Json) -> Json {
    operation[member] = value;
    operation
}

fn without(mut operation: Json, member: &str) -> Json {
    operation.as_object_mut().unwrap().remove(member);
    operation
}

fn between(start: &str, end: &str) -> Json {
    let this = with(operation("1", 5), "startTime", json!(start));
    with(this, "endTime", json!(end))
}

#[test]
fn an_operation_is_recorded_and_answered_without_a_word() {
    let world = World::new();
    let (status, body) = world.post(
        "report",
        &json!({"operations": [operation("1", 150)]}).to_string(),
    );
    let expected = json!({"serviceConfigId": "2026-11-01r0", "serviceRolloutId": "2026-11-01r0"});
    assert_eq!((status, body), (200, expected));
    let stored = world.control.operations(SERVICE, CONSUMER, "calls");
    let november = Month {
        year: 2026,
        month: 11,
    };
    assert_eq!(
        stored,
        [Stored {
            service: SERVICE.to_owned(),
            consumer_id: CONSUMER.to_owned(),
            metric: format!("{SERVICE}/calls"),
            operation_id: "1".to_owned(),
            start_time: at("2026-11-20T13:00:00Z"),
            end_time: at("2026-11-20T14:00:00Z"),
            labels: BTreeMap::new(),
            user_labels: BTreeMap::new(),
            value: Value::Int64(150),
            received_at: at("2026-11-20T14:05:00Z"),
            usage_month: november,
            invoice_month: november,
            billed: true,
        }]
    );
    assert_eq!(world.billed(), number("150"));
    assert_eq!(world.control.records(), stored);
}

#[test]
fn an_identical_operation_is_accepted_again_and_billed_once() {
    let world = World::new();
    assert_eq!(world.report(&[operation("1", 7)]), []);
    assert_eq!(world.report(&[operation("1", 7)]), []);
    assert_eq!(world.billed(), number("7"));
    assert_eq!(
        world
            .control
            .billed_without_deduplication(SERVICE, CONSUMER, "calls"),
        number("14")
    );
    assert_eq!(
        world.control.repeated_ids(SERVICE),
        BTreeMap::from([("1".to_owned(), 2)])
    );
    let counts = world.control.counts();
    assert_eq!((counts.billed, counts.repeated, counts.conflicts), (1, 1, 0));
    let stored = world.control.operations(SERVICE, CONSUMER, "calls");
    assert_eq!(
        stored.iter().map(|row| row.billed).collect::<Vec<_>>(),
        [true, false]
    );
}

#[test]
fn an_identical_operation_is_billed_again_where_nothing_is_deduplicated() {
    let world = World::new();
    world
        .control
        .switch(|switches| switches.same_operation = SameOperation::Added);
    for calls in [7, 7, 8] {
        assert_eq!(world.report(&[operation("1", calls)]), []);
    }
    assert_eq!(world.billed(), number("22"));
    assert_eq!(
        world.control.repeated_ids(SERVICE),
        BTreeMap::from([("1".to_owned(), 3)])
    );
    assert_eq!(world.control.counts().billed, 3);
}

#[test]
fn another_operation_under_the_same_id_is_refused_and_the_first_stays() {
    let world = World::new();
    assert_eq!(world.report(&[operation("1", 7)]), []);
    let others = [
        operation("1", 8),
        with(operation("1", 7), "startTime", json!("2026-11-20T13:00:01Z")),
        with(operation("1", 7), "operationName", json!("other")),
        with(operation("1", 7), "userLabels", json!({"team": "a"})),
    ];
    for other in &others {
        assert_eq!(world.code(other), Some(3));
    }
    assert_eq!(world.billed(), number("7"));
    assert_eq!(world.control.counts().conflicts, 4);
    assert_eq!(world.control.repeated_ids(SERVICE), BTreeMap::new());
}

#[test]
fn another_operation_under_the_same_id_may_be_refused_otherwise_or_swallowed() {
    let world = World::new();
    let switch = |other| {
        world.control.switch(|switches| switches.other_operation = other);
    };
    assert_eq!(world.report(&[operation("1", 7)]), []);
    switch(OtherOperation::Refused(Code::AlreadyExists));
    assert_eq!(world.code(&operation("1", 8)), Some(6));
    switch(OtherOperation::Swallowed);
    assert_eq!(world.code(&operation("1", 8)), None);
    assert_eq!(world.billed(), number("7"));
    assert_eq!(world.control.counts().conflicts, 2);
}

#[test]
fn an_id_is_known_within_its_service_alone() {
    let world = World::new();
    let other = "other.sandbox.example.com";
    world.control.add_service(other, &[("calls", ValueType::Int64)]);
    world.control.allow(other, test_account::EMAIL);
    world
        .control
        .add_consumer(other, Consumer::new(CONSUMER, at("2026-10-01T00:00:00Z")));
    assert_eq!(world.report(&[operation("1", 7)]), []);
    let there = with(
        operation("1", 8),
        "metricValueSets",
        json!([{"metricName": format!("{other}/calls"), "metricValues": [{"int64Value": "8"}]}]),
    );
    let body = json!({"operations": [there]}).to_string();
    let path = format!("/v1/services/{other}:report");
    let (_, answer) = wire::call(&world.control, &wire::json(&path, &world.token, &body));
    assert_eq!(answer.get("reportErrors"), None);
    assert_eq!(world.billed(), number("7"));
    assert_eq!(world.control.billed(other, CONSUMER, "calls"), number("8"));
}

#[test]
fn operations_of_one_request_are_taken_one_by_one() {
    let world = World::new();
    let operations = [
        operation("1", 1),
        with(operation("2", 2), "consumerId", json!("project_number:1")),
        operation("3", 4),
        without(operation("4", 8), "endTime"),
    ];
    assert_eq!(
        world.report(&operations),
        [("2".to_owned(), 5), ("4".to_owned(), 3)]
    );
    assert_eq!(world.billed(), number("5"));
    let counts = world.control.counts();
    assert_eq!((counts.operations, counts.billed, counts.faulty), (4, 2, 2));
}

#[test]
fn quantities_are_added_exactly() {
    let world = World::new();
    for (id, text) in ["0.1", "0.2", "1e-20", "90071992547409931.5"].iter().enumerate() {
        let body = format!(
            r#"{{"operations":[{{"operationId":"{id}","operationName":"usage","consumerId":"{CONSUMER}",
            "startTime":"2026-11-20T13:00:00Z","endTime":"2026-11-20T14:00:00Z","metricValueSets":[
            {{"metricName":"{SERVICE}/gigabytes","metricValues":[{{"doubleValue":{text}}}]}}]}}]}}"#
        );
        let (status, answer) = world.post("report", &body);
        assert_eq!((status, answer.get("reportErrors")), (200, None));
    }
    assert_eq!(
        world.control.billed(SERVICE, CONSUMER, "gigabytes"),
        number("90071992547409931.80000000000000000001")
    );
}

#[test]
fn values_of_an_operation_are_told_apart_by_metric_and_labels() {
    let world = World::new();
    let sets = json!([
        values(
            "calls",
            &[
                json!({"int64Value": "1", "labels": {"zone": "a"}}),
                json!({"int64Value": "2", "labels": {"zone": "b"}}),
            ]
        ),
        values("gigabytes", &[json!({"doubleValue": 0.5})]),
    ]);
    let this = with(operation("1", 0), "metricValueSets", sets);
    let this = with(this, "labels", json!({"zone": "c", "kind": "x"}));
    assert_eq!(world.report(&[this]), []);
    let stored = world.control.records();
    let labels = |zone: &str| {
        BTreeMap::from([("kind", "x"), ("zone", zone)].map(|(key, value)| (key.to_owned(), value.to_owned())))
    };
    let labelled: Vec<_> = stored
        .iter()
        .map(|row| (row.labels.clone(), row.value.amount()))
        .collect();
    assert_eq!(
        labelled,
        [
            (labels("a"), number("1")),
            (labels("b"), number("2")),
            (labels("c"), number("0.5"))
        ]
    );
    assert_eq!(world.control.counts().billed, 1);
}
