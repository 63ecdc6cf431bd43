//! The rules of Metronome, each stated as a sentence and asked over its API.

mod access;
mod aggregation;
mod breakdowns;
mod catalog;
mod contracts;
mod grouping;
mod ingest;
mod invoice_lists;
mod invoices;
mod lifecycle;
mod mischief;
mod rating;
mod usage;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Method, Request};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{
    Aggregation, BigDecimal, Event, InvoiceStatus, InvoiceType, Metronome, NewContract, NewInvoice, NewMetric,
};
use crate::{Clock, Fate, Service};

const TOKEN: &str = "token";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A world at 2026-11-20 13:30 with one customer, `acct-1`, and one metric, the sum of `n` over `use` events, grouped
/// by `region`, by `team`, and by `region` and `size`.
struct World {
    clock: Clock,
    metronome: Metronome,
    customer: Uuid,
    metric: Uuid,
}

impl World {
    fn new() -> Self {
        let clock = Clock::at(at("2026-11-20T13:30:00Z"));
        let metronome = Metronome::new(clock.clone());
        metronome.add_token(TOKEN);
        let customer = metronome.create_customer("Acme", &["acct-1"]).unwrap();
        let metric = NewMetric::of("Units", Aggregation::Sum, "n").on("use");
        let metric = metric
            .grouped_by(&["region"])
            .grouped_by(&["team"])
            .grouped_by(&["region", "size"]);
        let metric = metronome.create_metric(metric).unwrap();
        Self {
            clock,
            metronome,
            customer,
            metric,
        }
    }

    fn send(&self, request: &Request<Bytes>) -> http::Response<Bytes> {
        match self.metronome.call(request) {
            Fate::Reply(response) => response,
            other => panic!("{other:?}"),
        }
    }

    fn call(&self, method: Method, target: &str, body: impl Into<Bytes>) -> (u16, String) {
        let builder = Request::builder().method(method).uri(target);
        let builder = builder.header("authorization", format!("Bearer {TOKEN}"));
        let response = self.send(&builder.body(body.into()).unwrap());
        (
            response.status().as_u16(),
            String::from_utf8(response.body().to_vec()).unwrap(),
        )
    }

    fn post(&self, target: &str, body: &Value) -> (u16, String) {
        self.call(Method::POST, target, body.to_string())
    }

    fn get(&self, target: &str) -> (u16, String) {
        self.call(Method::GET, target, "")
    }

    /// The body of a call that must succeed.
    fn ok(&self, target: &str, body: &Value) -> Value {
        let (status, text) = self.post(target, body);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str(&text).unwrap()
    }

    /// The data of a GET that must succeed.
    fn listed(&self, target: &str) -> Value {
        let (status, text) = self.get(target);
        assert_eq!(status, 200, "{text}");
        serde_json::from_str::<Value>(&text).unwrap()["data"].clone()
    }

    /// The message of a call that must be refused.
    fn refused(&self, status: u16, target: &str, body: &Value) -> String {
        let (got, text) = self.post(target, body);
        assert_eq!(got, status, "{text}");
        message(&text)
    }

    /// Sends a `use` event of `acct-1` with `n`.
    fn used(&self, id: &str, time: &str, n: &str) {
        self.metronome.ingest(use_of(id, time, n)).unwrap();
    }

    /// A draft of November that the scenario set.
    fn november(&self) -> NewInvoice {
        NewInvoice::usage(
            self.customer,
            at("2026-11-01T00:00:00Z"),
            at("2026-12-01T00:00:00Z"),
        )
    }

    fn set(&self, invoice: NewInvoice) -> Uuid {
        self.metronome.set_invoice(invoice).unwrap()
    }

    fn invoices_at(&self) -> String {
        format!("/v1/customers/{}/invoices", self.customer)
    }

    /// The ids of the invoices that a query finds.
    fn found(&self, query: &str) -> Vec<Uuid> {
        ids(&self.listed(&format!("{}?{query}", self.invoices_at())))
    }

    /// A usage query of the one pair over 19 and 20 November.
    fn query(&self, window: &str) -> Value {
        json!({ "starting_on": "2026-11-19T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z",
            "window_size": window, "customer_ids": [self.customer], "billable_metrics": [{ "id": self.metric }] })
    }

    /// The values of a usage query, window by window, as they are written.
    fn values(&self, window: &str) -> Vec<String> {
        let (status, text) = self.post("/v1/usage", &self.query(window));
        assert_eq!(status, 200, "{text}");
        values(&text)
    }

    /// All pages of a GET or POST list, at most 1,000.
    fn walk(&self, method: Method, target: &str, body: &Value) -> Vec<Value> {
        let join = if target.contains('?') { '&' } else { '?' };
        let mut pages = Vec::new();
        let mut next = target.to_owned();
        for _ in 0..1_000 {
            let (status, text) = self.call(method.clone(), &next, body.to_string());
            assert_eq!(status, 200, "{text}");
            let page: Value = serde_json::from_str(&text).unwrap();
            let cursor = page["next_page"].as_str().map(encode);
            pages.push(page["data"].clone());
            match cursor {
                Some(cursor) => next = format!("{target}{join}next_page={cursor}"),
                None => return pages,
            }
        }
        panic!("the walk has no end");
    }
}

fn use_of(id: &str, time: &str, n: &str) -> Event {
    Event::new(id, "acct-1", "use", at(time)).with("n", n)
}

fn encode(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

fn message(text: &str) -> String {
    let body: Value = serde_json::from_str(text).unwrap();
    body["message"].as_str().unwrap().to_owned()
}

/// Every `"value":` of a body, digit by digit.
fn values(text: &str) -> Vec<String> {
    let rest = text.split("\"value\":").skip(1);
    rest.map(|rest| rest.split([',', '}']).next().unwrap().to_owned())
        .collect()
}

fn ids(rows: &Value) -> Vec<Uuid> {
    let rows = rows.as_array().unwrap().iter();
    rows.map(|row| row["id"].as_str().unwrap().parse().unwrap())
        .collect()
}

fn hours(count: i64) -> TimeDelta {
    TimeDelta::hours(count)
}
