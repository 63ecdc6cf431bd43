//! The rules of the service, one a test.

mod events;
mod mischief;
mod requests;
mod roll_up;
mod times;

use std::num::{NonZeroU64, NonZeroUsize};

use serde_json::{Value, json};

use super::*;
use crate::azure::Entra;

const RESOURCE: &str = "5a1e0001-0000-4000-8000-000000000001";
const OTHER_RESOURCE: &str = "5a1e0002-0000-4000-8000-000000000002";
const STRANGERS_RESOURCE: &str = "5a1e0003-0000-4000-8000-000000000003";
const TENANT: &str = "11111111-aaaa-4bbb-8ccc-000000000001";

const SINGLE: &str = "/api/usageEvent?api-version=2018-08-31";
const BATCH: &str = "/api/batchUsageEvent?api-version=2018-08-31";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn id(text: &str) -> Uuid {
    text.parse().unwrap()
}

/// 20 November, 14:05: two subscriptions of ours, one of a stranger's offer, and a valid token.
struct World {
    clock: Clock,
    entra: Entra,
    azure: Azure,
    token: String,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T14:05:00Z"));
        let entra = Entra::new(clock.clone());
        let azure = Azure::new(clock.clone(), entra.tokens());
        let [ours, stranger] = ["ours", "stranger"].map(|client| Application::new(TENANT, client));
        azure.publish(
            Offer::new("acme", &ours)
                .plan("gold", &["api_calls", "users"])
                .plan("silver", &["api_calls"]),
        );
        azure.publish(Offer::new("theirs", &stranger).plan("gold", &["api_calls"]));
        azure.subscribe(Subscription::new(id(RESOURCE), "acme", "gold"));
        azure.subscribe(Subscription::new(id(OTHER_RESOURCE), "acme", "gold"));
        azure.subscribe(Subscription::new(id(STRANGERS_RESOURCE), "theirs", "gold"));
        let token = entra.tokens().issue(&ours, clock.now());
        Self {
            clock,
            entra,
            azure,
            token,
        }
    }

    /// From now on as the application `client` of our tenant.
    fn log_in(&mut self, client: &str) {
        let application = Application::new(TENANT, client);
        self.token = self.entra.tokens().issue(&application, self.clock.now());
    }

    /// Sets the clock, and gets a token that is still valid then.
    fn go_to(&mut self, time: &str) {
        self.clock.set(at(time));
        self.log_in("ours");
    }

    fn request(&self, path: &str, body: &str) -> Request<Bytes> {
        Request::post(path)
            .header("authorization", format!("Bearer {}", self.token))
            .header("content-type", "application/json")
            .body(Bytes::copy_from_slice(body.as_bytes()))
            .unwrap()
    }

    fn call(&self, request: &Request<Bytes>) -> http::Response<Bytes> {
        match self.azure.call(request) {
            Fate::Reply(reply) => reply,
            other => panic!("no reply: {other:?}"),
        }
    }

    fn answer(&self, request: &Request<Bytes>) -> (u16, Value) {
        let reply = self.call(request);
        (
            reply.status().as_u16(),
            serde_json::from_slice(reply.body()).unwrap(),
        )
    }

    fn single(&self, event: &Value) -> (u16, Value) {
        self.answer(&self.request(SINGLE, &event.to_string()))
    }

    fn batch(&self, events: &[Value]) -> Value {
        let body = json!({"request": events}).to_string();
        let (status, answer) = self.answer(&self.request(BATCH, &body));
        assert_eq!(status, 200, "{answer}");
        answer
    }

    fn statuses(&self, events: &[Value]) -> Vec<String> {
        statuses(&self.batch(events))
    }

    /// The status of one event in a batch, the code of its error, and the member that its error is about.
    fn verdict(&self, event: Value) -> (String, Value) {
        let answer = self.batch(&[event]);
        let [result] = answer["result"].as_array().unwrap().as_slice() else {
            panic!("not one result: {answer}");
        };
        assert!(result.get("usageEventId").is_none() || result["status"] == "Accepted");
        let target = result["error"]["details"][0]["target"].clone();
        (result["status"].as_str().unwrap().to_owned(), target)
    }

    fn billed(&self, dimension: &str) -> Decimal {
        let totals = self.azure.totals();
        totals
            .get(&(id(RESOURCE), dimension.to_owned()))
            .copied()
            .unwrap_or_default()
    }

    fn get(&self, query: &str) -> (u16, Value) {
        let mut request = self.request(&format!("/api/usageEvents?api-version=2018-08-31&{query}"), "");
        *request.method_mut() = http::Method::GET;
        self.answer(&request)
    }
}

fn statuses(answer: &Value) -> Vec<String> {
    let results = answer["result"].as_array().unwrap();
    assert_eq!(answer["count"], results.len());
    results
        .iter()
        .map(|result| result["status"].as_str().unwrap().to_owned())
        .collect()
}

/// An event of our first subscription.
fn event(time: &str, quantity: i64) -> Value {
    json!({
        "resourceId": RESOURCE, "quantity": quantity, "dimension": "api_calls", "effectiveStartTime": time,
        "planId": "gold",
    })
}

fn with(mut event: Value, member: &str, value: Value) -> Value {
    event[member] = value;
    event
}

fn without(mut event: Value, member: &str) -> Value {
    event.as_object_mut().unwrap().remove(member);
    event
}

fn this() -> Value {
    event("2026-11-20T13:00:00Z", 7)
}

#[test]
fn an_event_is_billed_and_echoed_with_its_receipt() {
    let world = World::new();
    let (status, answer) = world.single(&event("2026-11-20T13:10:00", 7));
    assert_eq!(status, 200);
    let stored = &world.azure.held()[0];
    let expected = json!({
        "usageEventId": stored.usage_event_id, "status": "Accepted", "messageTime": "2026-11-20T14:05:00.0000000Z",
        "resourceId": RESOURCE, "quantity": 7, "dimension": "api_calls",
        "effectiveStartTime": "2026-11-20T13:10:00", "planId": "gold",
    });
    assert_eq!(answer, expected);
    assert_eq!(stored.resource_id, id(RESOURCE));
    assert_eq!(stored.hour, at("2026-11-20T13:00:00Z"));
    assert_eq!(stored.effective_start_time, at("2026-11-20T13:10:00Z"));
    assert_eq!(stored.quantity, Decimal::from(7));
    assert_eq!(stored.received_at, at("2026-11-20T14:05:00Z"));
    assert!(!stored.foreign);
}

#[test]
fn a_batch_answers_each_event_in_its_order() {
    let world = World::new();
    let events = [
        this(),
        with(this(), "dimension", json!("unknown")),
        with(this(), "resourceId", json!(OTHER_RESOURCE)),
    ];
    let answer = world.batch(&events);
    assert_eq!(statuses(&answer), ["Accepted", "InvalidDimension", "Accepted"]);
    for (result, sent) in answer["result"].as_array().unwrap().iter().zip(&events) {
        for (member, value) in sent.as_object().unwrap() {
            assert_eq!(result[member], *value);
        }
    }
    assert_eq!(world.azure.held().len(), 2);
}

#[test]
fn a_member_that_the_api_does_not_have_is_neither_minded_nor_echoed() {
    let world = World::new();
    let (status, answer) = world.single(&with(this(), "note", json!("hello")));
    assert_eq!((status, &answer["status"]), (200, &json!("Accepted")));
    assert_eq!(answer.get("note"), None);
}

#[test]
fn the_first_event_of_an_hour_stays_and_is_told_to_the_second_single_one() {
    let world = World::new();
    world.single(&event("2026-11-20T13:10:00Z", 7));
    world.clock.set(at("2026-11-20T14:06:00.250Z"));
    let (status, answer) = world.single(&event("2026-11-20T13:50:00Z", 8));
    assert_eq!(status, 409);
    let accepted = json!({
        "usageEventId": world.azure.held()[0].usage_event_id, "status": "Duplicate",
        "messageTime": "2026-11-20T14:05:00.0000000Z", "resourceId": RESOURCE, "quantity": 7,
        "dimension": "api_calls", "effectiveStartTime": "2026-11-20T13:10:00Z", "planId": "gold",
    });
    assert_eq!(answer["additionalInfo"]["acceptedMessage"], accepted);
    assert_eq!(answer["code"], "Conflict");
    assert_eq!(world.billed("api_calls"), Decimal::from(7));
}

#[test]
fn in_a_batch_the_outer_quantity_is_an_echo_and_the_stored_one_is_within() {
    let world = World::new();
    world.batch(&[event("2026-11-20T13:00:00Z", 5)]);
    let answer = world.batch(&[event("2026-11-20T13:00:00Z", 9)]);
    assert_eq!(statuses(&answer), ["Duplicate"]);
    let result = &answer["result"][0];
    assert_eq!(result["quantity"], 9);
    assert_eq!(result["messageTime"], "0001-01-01T00:00:00");
    assert_eq!(result.get("usageEventId"), None);
    let accepted = &result["error"]["additionalInfo"]["acceptedMessage"];
    assert_eq!(accepted["quantity"], 5);
    assert_eq!(
        accepted["usageEventId"],
        world.azure.held()[0].usage_event_id.to_string()
    );
    assert_eq!(world.billed("api_calls"), Decimal::from(5));
}

#[test]
fn an_identical_event_is_a_duplicate_too() {
    let world = World::new();
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
    assert_eq!(world.statuses(&[this()]), ["Duplicate"]);
    assert_eq!(world.single(&this()).0, 409);
    assert_eq!(world.billed("api_calls"), Decimal::from(7));
    assert_eq!(world.azure.conflicts(), []);
}

#[test]
fn of_two_events_with_one_key_in_a_batch_the_first_is_billed() {
    let world = World::new();
    let events = [event("2026-11-20T13:10:00Z", 3), event("2026-11-20T13:20:00Z", 4)];
    assert_eq!(world.statuses(&events), ["Accepted", "Duplicate"]);
    assert_eq!(world.billed("api_calls"), Decimal::from(3));
}

#[test]
fn hours_dimensions_and_resources_are_billed_apart() {
    let world = World::new();
    let events = [
        this(),
        event("2026-11-20T12:00:00Z", 2),
        with(this(), "dimension", json!("users")),
        with(this(), "resourceId", json!(OTHER_RESOURCE)),
    ];
    assert_eq!(world.statuses(&events), ["Accepted"; 4]);
    let of = |resource, dimension: &str, quantity: i64| {
        ((id(resource), dimension.to_owned()), Decimal::from(quantity))
    };
    let totals = [
        of(RESOURCE, "api_calls", 9),
        of(RESOURCE, "users", 7),
        of(OTHER_RESOURCE, "api_calls", 7),
    ];
    assert_eq!(world.azure.totals(), BTreeMap::from(totals));
}

#[test]
fn under_the_older_reading_a_resource_has_one_event_an_hour_whatever_its_dimension() {
    let world = World::new();
    world
        .azure
        .switch(|switches| switches.once_per_hour = OncePerHour::Resource);
    let events = [this(), with(this(), "dimension", json!("users"))];
    let answer = world.batch(&events);
    assert_eq!(statuses(&answer), ["Accepted", "Duplicate"]);
    let accepted = &answer["result"][1]["error"]["additionalInfo"]["acceptedMessage"];
    assert_eq!(accepted["dimension"], "api_calls");
    let elsewhere = [
        event("2026-11-20T12:00:00Z", 1),
        with(this(), "resourceId", json!(OTHER_RESOURCE)),
    ];
    assert_eq!(world.statuses(&elsewhere), ["Accepted"; 2]);
}

#[test]
fn the_plan_is_no_part_of_the_key() {
    let world = World::new();
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
    world.azure.change_plan(id(RESOURCE), "silver");
    let under_the_new_plan = with(this(), "planId", json!("silver"));
    assert_eq!(world.statuses(&[under_the_new_plan]), ["Duplicate"]);
}

#[test]
fn a_resource_is_the_same_in_either_case() {
    let world = World::new();
    assert_eq!(world.statuses(&[this()]), ["Accepted"]);
    let upper = with(this(), "resourceId", json!(RESOURCE.to_uppercase()));
    assert_eq!(world.statuses(&[upper]), ["Duplicate"]);
}

#[test]
fn a_duplicate_of_another_content_is_a_conflict() {
    let world = World::new();
    world.batch(&[event("2026-11-20T13:00:00Z", 5)]);
    world.batch(&[event("2026-11-20T13:59:59Z", 5)]);
    world.batch(&[event("2026-11-20T13:00:00Z", 6)]);
    let expected = Conflict {
        usage_event_id: world.azure.held()[0].usage_event_id,
        dimension: "api_calls".to_owned(),
        quantity: Decimal::from(6),
        plan_id: "gold".to_owned(),
        received_at: at("2026-11-20T14:05:00Z"),
    };
    assert_eq!(world.azure.conflicts(), [expected]);
}

#[test]
fn a_foreign_event_keeps_its_hour() {
    let world = World::new();
    let foreign = |quantity: i64| Event {
        resource_id: id(RESOURCE),
        dimension: "api_calls".to_owned(),
        effective_start_time: at("2026-11-20T13:30:00Z"),
        quantity: Decimal::from(quantity),
        plan_id: "gold".to_owned(),
    };
    world.azure.plant(&foreign(3));
    world.azure.plant(&foreign(4));
    let answer = world.batch(&[this()]);
    assert_eq!(statuses(&answer), ["Duplicate"]);
    let accepted = &answer["result"][0]["error"]["additionalInfo"]["acceptedMessage"];
    assert_eq!(accepted["quantity"], 3);
    assert_eq!(world.billed("api_calls"), Decimal::from(3));
    assert!(world.azure.held()[0].foreign);
}
