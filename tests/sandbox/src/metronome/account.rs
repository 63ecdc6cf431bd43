//! The data of one Metronome environment, and the calls that define customers and metrics.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::agenda::Agenda;
use super::billing::Configuration;
use super::contracts::Contract;
use super::customers::{Customers, external_id};
use super::events::{self, EventLog};
use super::invoices::Invoice;
use super::metrics::{Metric, NewMetric};
use super::owned::OfCustomers;
use super::reply::{Answer, Id, Refusal, data};
use super::request::{self, present};

/// Characters a custom field's value may have.
const CUSTOM_FIELD_LENGTH: usize = 200;

/// Everything an environment holds.
#[derive(Default)]
pub(super) struct Account {
    pub(super) customers: Customers,
    pub(super) metrics: Vec<Metric>,
    pub(super) events: EventLog,
    /// How long an event is in before it is seen.
    pub(super) delay: TimeDelta,
    pub(super) configurations: OfCustomers<Configuration>,
    pub(super) contracts: OfCustomers<Contract>,
    pub(super) invoices: OfCustomers<Invoice>,
    /// How long after its period a usage invoice still moves, where that is not the default.
    pub(super) grace: Option<TimeDelta>,
    pub(super) agenda: Agenda,
    /// The consolidated invoices that an invoice is part of.
    pub(super) consolidations: HashMap<Uuid, Vec<Uuid>>,
    made: u64,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct CustomerToMake {
    name: String,
    #[serde(default)]
    ingest_aliases: Vec<String>,
    #[serde(default, deserialize_with = "present")]
    external_id: Option<String>,
    #[serde(default)]
    custom_fields: BTreeMap<String, String>,
    #[serde(default)]
    customer_billing_provider_configurations: Vec<Box<RawValue>>,
    #[serde(default)]
    customer_revenue_system_configurations: Vec<Box<RawValue>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Aliases {
    ingest_aliases: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToArchive {
    id: String,
}

impl Account {
    /// The next id: the same in every run that makes the same things in the same order.
    pub(super) fn next_id(&mut self, kind: &str) -> Uuid {
        self.made += 1;
        Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!("https://api.metronome.com/{kind}/{}", self.made).as_bytes(),
        )
    }

    /// Where a metric stands in `metrics`.
    pub(super) fn metric_place(&self, id: Uuid) -> Result<usize, Refusal> {
        let place = self.metrics.iter().position(|metric| metric.id == id);
        place.ok_or_else(|| Refusal::not_found(format!("billable metric {id} not found")))
    }

    pub(super) fn metric(&self, place: usize) -> Result<&Metric, Refusal> {
        self.metrics
            .get(place)
            .ok_or_else(|| Refusal::not_found("billable metric not found"))
    }

    pub(super) fn create_customer(
        &mut self,
        name: &str,
        aliases: Vec<String>,
        custom_fields: BTreeMap<String, String>,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        if custom_fields
            .values()
            .any(|value| value.chars().count() > CUSTOM_FIELD_LENGTH)
        {
            return Err(Refusal::bad(format!(
                "a custom field has at most {CUSTOM_FIELD_LENGTH} characters"
            )));
        }
        let id = self.next_id("customers");
        self.customers.create(id, name, aliases, custom_fields, now)?;
        Ok(id)
    }

    pub(super) fn create_metric(&mut self, definition: NewMetric) -> Result<Uuid, Refusal> {
        definition.check()?;
        let id = self.next_id("billable-metrics");
        self.metrics.push(Metric {
            id,
            definition,
            archived_at: None,
        });
        Ok(id)
    }

    /// Archives a metric. It keeps counting, as products that use it do.
    pub(super) fn archive_metric(&mut self, id: Uuid, now: DateTime<Utc>) -> Result<(), Refusal> {
        let place = self.metric_place(id)?;
        if let Some(metric) = self.metrics.get_mut(place) {
            metric.archived_at.get_or_insert(now);
        }
        Ok(())
    }

    /// `POST /v1/ingest`.
    pub(super) fn post_events(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
        self.events.ingest(events::read(body)?, &self.metrics, now)?;
        Ok(Answer::Empty)
    }

    /// `POST /v1/customers`. Billing configurations are seeded only, and refused here rather than forgotten.
    pub(super) fn post_customer(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
        let asked: CustomerToMake = request::body(body)?;
        let billing = asked.customer_billing_provider_configurations.is_empty();
        if !billing || !asked.customer_revenue_system_configurations.is_empty() {
            return Err(Refusal::bad(
                "this sandbox takes no billing or revenue configurations over HTTP",
            ));
        }
        let aliases = asked
            .external_id
            .into_iter()
            .chain(asked.ingest_aliases)
            .collect();
        let id = self.create_customer(&asked.name, aliases, asked.custom_fields, now)?;
        let customer = self.customers.get(id)?;
        data(&serde_json::json!({
            "id": id,
            "external_id": external_id(customer),
            "ingest_aliases": customer.aliases,
            "name": customer.name,
            "custom_fields": customer.custom_fields,
        }))
    }

    /// `POST /v1/customers/{id}/setIngestAliases`.
    pub(super) fn post_aliases(
        &mut self,
        id: Uuid,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let asked: Aliases = request::body(body)?;
        self.customers.set_aliases(id, asked.ingest_aliases, now)?;
        Ok(Answer::Empty)
    }

    /// `POST /v1/customers/archive`.
    pub(super) fn post_archive_customer(
        &mut self,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let asked: ToArchive = request::body(body)?;
        let id = request::id("id", &asked.id)?;
        self.archive_customer(id, now)?;
        data(&Id { id })
    }

    /// `POST /v1/billable-metrics/create`. SQL metrics are not simulated.
    pub(super) fn post_metric(&mut self, body: &[u8]) -> Result<Answer, Refusal> {
        let fields: BTreeMap<String, Box<RawValue>> = request::body(body)?;
        if fields.contains_key("sql") {
            return Err(Refusal::bad("this sandbox has no SQL billable metrics"));
        }
        let id = self.create_metric(request::body(body)?)?;
        data(&Id { id })
    }

    /// `POST /v1/billable-metrics/archive`.
    pub(super) fn post_archive_metric(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
        let asked: ToArchive = request::body(body)?;
        let id = request::id("id", &asked.id)?;
        self.archive_metric(id, now)?;
        data(&Id { id })
    }
}
