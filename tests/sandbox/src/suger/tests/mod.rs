//! The rules of the service, one a test.

mod access;
mod batch;
mod lists;
mod reports;
mod shapes;

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::{Value, json};

use super::*;

const KEY: &str = "673d5b018d472f";
const ID: &str = "0c4a9e7e-58f2-5c5e-9b36-5f4e2d1c0b0a";
const OTHER_ID: &str = "6d0f8f2a-8f5b-5d1e-8a70-1f2e3d4c5b6a";
const GROUP: &str = "/org/acme/entitlement/ent-1/usageRecordGroup";
const BATCH: &str = "/org/acme/batchCreateUsageRecordGroups";
const VALIDATE: &str = "/org/acme/batchValidateUsageRecordGroups";
const GROUPS: &str = "/org/acme/usageRecordGroup";
const REPORTS: &str = "/org/acme/usageRecordReport";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn number(text: &str) -> BigDecimal {
    text.parse().unwrap()
}

/// 20 November, 14:05: an organization with two entitlements.
struct World {
    clock: Clock,
    suger: Suger,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T14:05:00Z"));
        let suger = Suger::new(clock.clone());
        suger.add_organization("acme", KEY);
        let first = Entitlement::new("ent-1", Partner::Aws, "globex", &["api_calls", "users"]);
        suger.add_entitlement("acme", first.named("api_calls", "API calls"));
        let second = Entitlement::new("ent-2", Partner::Gcp, "initech", &["api_calls"]);
        suger.add_entitlement("acme", second);
        Self { clock, suger }
    }

    /// The answer's status, headers and body.
    fn reply(&self, request: http::request::Builder, body: &str) -> http::Response<Bytes> {
        let request = request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap();
        match self.suger.call(&request) {
            Fate::Reply(reply) => reply,
            other => panic!("no reply: {other:?}"),
        }
    }

    /// What a signed request is answered: a 200's body, or the status of a refusal, whose body is a JSON string.
    fn ask(&self, method: &str, path: &str, body: &str) -> Result<Value, u16> {
        let reply = self.reply(signed(method, path), body);
        let body: Value = serde_json::from_slice(reply.body()).unwrap();
        if reply.status() == 200 {
            return Ok(body);
        }
        assert!(body.is_string(), "{body}");
        Err(reply.status().as_u16())
    }

    fn get(&self, path: &str) -> Result<Value, u16> {
        self.ask("GET", path, "")
    }

    fn delete(&self, id: &str) -> Result<Value, u16> {
        self.ask("DELETE", &format!("{GROUPS}/{id}"), "")
    }

    /// Reports one group.
    fn send(&self, group: &Value) -> Result<Value, u16> {
        self.ask("POST", GROUP, &group.to_string())
    }

    fn batch(&self, groups: &[Value]) -> Result<Value, u16> {
        self.ask("POST", BATCH, &json!(groups).to_string())
    }

    /// What is billed of the first entitlement's calls.
    fn total(&self) -> BigDecimal {
        self.suger.total("acme", "ent-1", "api_calls")
    }
}

fn signed(method: &str, path: &str) -> http::request::Builder {
    Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Key {KEY}"))
        .header("content-type", "application/json")
}

/// A group of the single call.
fn group(id: &str, quantity: i64) -> Value {
    json!({
        "id": id, "organizationID": "acme", "entitlementID": "ent-1", "records": {"api_calls": quantity},
        "timestamp": "2026-11-20T13:59:59Z",
    })
}

/// A group of a batch.
fn item(quantity: i64) -> Value {
    json!({"entitlementID": "ent-1", "records": {"api_calls": quantity}, "timestamp": "2026-11-20T13:59:59Z"})
}

fn with(mut group: Value, member: &str, value: Value) -> Value {
    group[member] = value;
    group
}

fn without(mut group: Value, member: &str) -> Value {
    group.as_object_mut().unwrap().remove(member);
    group
}

/// The calls of each group of an array.
fn calls(groups: &Value) -> Vec<i64> {
    let groups = groups.as_array().unwrap();
    let calls = |group: &Value| group["records"]["api_calls"].as_i64().unwrap();
    groups.iter().map(calls).collect()
}

#[test]
fn a_group_is_stored_and_answered_as_the_document_has_it() {
    let world = World::new();
    let expected = json!({
        "buyerID": "globex", "creationTime": "2026-11-20T14:05:00Z", "entitlementID": "ent-1", "id": ID,
        "lastUpdateTime": "2026-11-20T14:05:00Z", "organizationID": "acme", "partner": "AWS",
        "metaInfo": {"originRecords": {"api_calls": 7}, "source": "API", "timestamp": "2026-11-20T13:59:59Z"},
        "records": {"api_calls": 7}, "reportedTime": null, "serialID": 0, "status": "CREATED",
    });
    assert_eq!(world.send(&group(ID, 7)), Ok(expected));

    let stored = &world.suger.groups()[0];
    assert_eq!((stored.id.as_str(), stored.status), (ID, Status::Created));
    assert_eq!(
        (stored.organization.as_str(), stored.entitlement.as_str()),
        ("acme", "ent-1")
    );
    assert_eq!(stored.records, [("api_calls".to_owned(), number("7"))].into());
    assert_eq!(stored.timestamp, at("2026-11-20T13:59:59Z"));
    assert_eq!(stored.received_at, at("2026-11-20T14:05:00Z"));
    assert!(!stored.foreign);
}

#[test]
fn an_id_that_comes_again_is_refused_whatever_it_comes_with() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    assert_eq!(world.send(&group(ID, 7)), Err(409));
    assert_eq!(world.send(&group(ID, 8)), Err(409));
    assert_eq!(world.suger.duplicates(), [ID, ID]);
    assert_eq!(world.total(), number("7"));
}

#[test]
fn without_an_id_one_is_made_and_a_retry_counts_again() {
    let world = World::new();
    let group = without(group(ID, 7), "id");
    let first = world.send(&group).unwrap();
    let again = world.send(&group).unwrap();
    assert_ne!(first["id"], again["id"]);
    assert_eq!(first["id"].as_str().unwrap().len(), 36);
    assert_eq!(world.total(), number("14"));
}

#[test]
fn groups_of_one_hour_add_up() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.send(&group(OTHER_ID, 5)).unwrap();
    assert_eq!(world.total(), number("12"));
}

#[test]
fn entitlements_and_dimensions_are_billed_apart() {
    let world = World::new();
    let both = json!({"api_calls": 1, "users": 2});
    world.send(&with(group(ID, 0), "records", both)).unwrap();
    let elsewhere = with(group(OTHER_ID, 4), "entitlementID", json!("ent-2"));
    let path = "/org/acme/entitlement/ent-2/usageRecordGroup";
    world.ask("POST", path, &elsewhere.to_string()).unwrap();
    let key = |entitlement: &str, dimension: &str| {
        ("acme".to_owned(), entitlement.to_owned(), dimension.to_owned())
    };
    let expected = [
        (key("ent-1", "api_calls"), number("1")),
        (key("ent-1", "users"), number("2")),
        (key("ent-2", "api_calls"), number("4")),
    ];
    assert_eq!(world.suger.totals(), expected.into());
}

#[test]
fn an_id_of_another_organization_is_free() {
    let world = World::new();
    world.suger.add_organization("zeta", "another-key");
    let entitlement = Entitlement::new("ent-1", Partner::Azure, "hooli", &["api_calls"]);
    world.suger.add_entitlement("zeta", entitlement);
    world.send(&group(ID, 7)).unwrap();
    let request = signed("POST", "/org/zeta/entitlement/ent-1/usageRecordGroup");
    let request = with_key(request, "another-key");
    let body = with(group(ID, 7), "organizationID", json!("zeta")).to_string();
    assert_eq!(world.reply(request, &body).status(), 200);
}

fn with_key(mut request: http::request::Builder, key: &str) -> http::request::Builder {
    let headers = request.headers_mut().unwrap();
    headers.insert("authorization", format!("Key {key}").parse().unwrap());
    request
}

#[test]
fn a_foreign_group_adds_up_and_keeps_its_id() {
    let world = World::new();
    let foreign = Foreign {
        id: ID.to_owned(),
        organization: "acme".to_owned(),
        entitlement: "ent-1".to_owned(),
        dimension: "api_calls".to_owned(),
        quantity: number("3"),
        timestamp: at("2026-11-20T13:10:00Z"),
    };
    world.suger.plant(&foreign);
    assert_eq!(world.send(&group(ID, 7)), Err(409));
    world.send(&group(OTHER_ID, 7)).unwrap();
    assert_eq!(world.total(), number("10"));
    let planted = world
        .suger
        .groups()
        .iter()
        .map(|group| group.foreign)
        .collect::<Vec<_>>();
    assert_eq!(planted, [true, false]);
}

#[test]
fn a_group_is_deleted_while_it_is_created_and_its_id_stays_taken() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.clock.advance(TimeDelta::minutes(5));
    let deleted = world.delete(ID).unwrap();
    assert_eq!(deleted["status"], "DELETED");
    assert_eq!(deleted["lastUpdateTime"], "2026-11-20T14:10:00Z");
    assert_eq!(world.total(), number("0"));
    assert_eq!(world.delete(ID), Err(400));
    assert_eq!(world.send(&group(ID, 7)), Err(409));
}

#[test]
fn a_group_that_is_reported_is_not_deleted() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    world.clock.set(at("2026-11-20T15:00:00Z"));
    assert_eq!(world.delete(ID), Err(400));
    assert_eq!(world.total(), number("7"));
}

#[test]
fn an_invalid_group_can_be_deleted() {
    let world = World::new();
    world
        .suger
        .switch(|switches| switches.unknown_dimension = UnknownDimension::Invalid);
    world
        .send(&with(group(ID, 0), "records", json!({"nothing": 1})))
        .unwrap();
    assert_eq!(world.delete(ID).unwrap()["status"], "DELETED");
}

#[test]
fn a_group_is_deleted_by_its_id_and_day_of_creation() {
    let world = World::new();
    world.send(&group(ID, 7)).unwrap();
    assert_eq!(world.delete(OTHER_ID), Err(404));
    assert_eq!(world.delete(&format!("{ID}?creationDate=2026-11-19")), Err(404));
    assert_eq!(world.delete(&format!("{ID}?creationDate=yesterday")), Err(400));
    assert!(world.delete(&format!("{ID}?creationDate=2026-11-20")).is_ok());
}

#[test]
fn requests_are_refused_as_too_many_until_the_switch_runs_out() {
    let world = World::new();
    world.suger.switch(|switches| {
        switches.too_many_requests = 2;
        switches.retry_after = Some(7);
    });
    let call = || world.reply(signed("POST", GROUP), &group(ID, 7).to_string());
    let told = call();
    assert_eq!(
        (told.status().as_u16(), told.headers()["retry-after"].as_bytes()),
        (429, b"7".as_slice())
    );
    world.suger.switch(|switches| switches.retry_after = None);
    let untold = call();
    assert_eq!(
        (untold.status().as_u16(), untold.headers().get("retry-after")),
        (429, None)
    );
    assert_eq!(world.total(), number("0"));
    assert_eq!(call().status(), 200);
    let counts = world.suger.counts();
    assert_eq!(
        (counts.requests, counts.creates, counts.throttled, counts.refused),
        (3, 3, 2, 0)
    );
}

#[test]
fn a_status_that_no_document_has_is_shown_and_not_kept() {
    let world = World::new();
    world.suger.switch(|switches| switches.unknown_status = true);
    assert_eq!(world.send(&group(ID, 7)).unwrap()["status"], "ACKNOWLEDGED");
    assert_eq!(
        world.get(GROUPS).unwrap()["usageRecordGroups"][0]["status"],
        "ACKNOWLEDGED"
    );
    assert_eq!(world.suger.groups()[0].status, Status::Created);
}
