//! `GET /usageEvents`: what was sent, a row for each day, resource, dimension and plan, and what the billing pipeline has
//! made of it.
//!
//! <https://learn.microsoft.com/en-us/partner-center/marketplace-offers/marketplace-metering-service-apis> (2026-11-20)

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, NaiveDateTime, TimeDelta, Utc};
use rust_decimal::Decimal;
use serde::Serialize;
use uuid::Uuid;

use super::catalog::{Catalog, Subscription};
use super::ledger::Stored;
use super::reply::Refusal;
use super::request::Parameters;
use super::wire::number;
use crate::azure::Application;

const PARAMETERS: [&str; 8] = [
    "api-version",
    "usageStartDate",
    "usageEndDate",
    "offerId",
    "planId",
    "dimension",
    "azureSubscriptionId",
    "reconStatus",
];

const RECON_STATUSES: [&str; 6] = [
    "Submitted",
    "Accepted",
    "Rejected",
    "Mismatch",
    "TestHeaders",
    "DryRun",
];

/// How long after its end a day is processed (the documents do not say when). Nothing can be added to it any more.
const PROCESSED_AFTER: TimeDelta = TimeDelta::hours(24);

/// What a row is about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    /// The day, by UTC.
    pub day: NaiveDate,
    /// The subscription.
    pub resource_id: Uuid,
    /// Of what.
    pub dimension: String,
    /// The plan that it was sent under.
    pub plan_id: String,
}

/// A row as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageRow {
    usage_date: String,
    usage_resource_id: Uuid,
    dimension: String,
    plan_id: String,
    plan_name: String,
    offer_id: String,
    offer_name: String,
    offer_type: &'static str,
    azure_subscription_id: Uuid,
    recon_status: &'static str,
    #[serde(serialize_with = "number")]
    submitted_quantity: Decimal,
    #[serde(serialize_with = "number")]
    processed_quantity: Decimal,
    submitted_count: usize,
}

/// What is asked for. A row is of a whole day: it is given where its day is the start's, the end's or between them.
#[derive(Debug)]
pub(super) struct Query {
    first: NaiveDate,
    last: NaiveDate,
    offer: Option<String>,
    plan: Option<String>,
    dimension: Option<String>,
    azure_subscription: Option<Uuid>,
    recon_status: Option<String>,
}

impl Query {
    pub(super) fn of(parameters: &Parameters, now: DateTime<Utc>) -> Result<Self, Refusal> {
        if let Some(other) = parameters.other_than(&PARAMETERS) {
            return Err(Refusal::bad("query", &format!("There is no parameter {other}.")));
        }
        let owned = |name: &str| parameters.get(name).map(str::to_owned);
        let start = parameters.get("usageStartDate").and_then(day);
        let first =
            start.ok_or_else(|| Refusal::bad("usageStartDate", "The date is missing or malformed."))?;
        let last = match parameters.get("usageEndDate") {
            None => Some(now.date_naive()),
            Some(text) => day(text).filter(|last| first <= *last),
        };
        let azure_subscription = parameters.get("azureSubscriptionId").map(str::parse);
        let recon_status = owned("reconStatus");
        if recon_status
            .as_deref()
            .is_some_and(|status| !RECON_STATUSES.contains(&status))
        {
            return Err(Refusal::bad("reconStatus", "There is no such status."));
        }
        Ok(Self {
            first,
            last: last
                .ok_or_else(|| Refusal::bad("usageEndDate", "The date is malformed or before the start."))?,
            offer: owned("offerId"),
            plan: owned("planId"),
            dimension: owned("dimension"),
            azure_subscription: azure_subscription
                .transpose()
                .map_err(|_| Refusal::bad("azureSubscriptionId", "The parameter is not a GUID."))?,
            recon_status,
        })
    }

    fn takes(&self, row: &UsageRow, day: NaiveDate) -> bool {
        let matches = |wanted: &Option<String>, is: &str| wanted.as_deref().is_none_or(|wanted| wanted == is);
        (self.first..=self.last).contains(&day)
            && matches(&self.offer, &row.offer_id)
            && matches(&self.plan, &row.plan_id)
            && matches(&self.dimension, &row.dimension)
            && matches(&self.recon_status, row.recon_status)
            && self
                .azure_subscription
                .is_none_or(|id| id == row.azure_subscription_id)
    }
}

/// The rows that `query` asks for, of the caller's own offers.
pub(super) fn rows<'a>(
    query: &Query,
    events: impl Iterator<Item = &'a Stored>,
    processed: &BTreeMap<Row, Decimal>,
    catalog: &Catalog,
    caller: &Application,
    now: DateTime<Utc>,
) -> Vec<UsageRow> {
    let mut submitted: BTreeMap<Row, (Decimal, usize)> = BTreeMap::new();
    for event in events {
        let (quantity, count) = submitted.entry(Row::of(event)).or_default();
        *quantity += event.quantity;
        *count += 1;
    }
    submitted
        .into_iter()
        .filter_map(|(row, (quantity, count))| {
            let subscription = catalog.subscription(row.resource_id)?;
            if !catalog.is_owner(caller, subscription) {
                return None;
            }
            let day = row.day;
            let outcome = processed.get(&row).copied();
            let outcome = outcome.or_else(|| (processed_at(day) <= now).then_some(quantity));
            let row = row.answer(subscription, quantity, count, outcome);
            query.takes(&row, day).then_some(row)
        })
        .collect()
}

impl Row {
    fn of(event: &Stored) -> Self {
        Self {
            day: event.effective_start_time.date_naive(),
            resource_id: event.resource_id,
            dimension: event.dimension.clone(),
            plan_id: event.plan_id.clone(),
        }
    }

    /// The row of these events; `processed` is what the pipeline has made of them, once it has.
    fn answer(
        self,
        subscription: &Subscription,
        submitted: Decimal,
        count: usize,
        processed: Option<Decimal>,
    ) -> UsageRow {
        let recon_status = match processed {
            None => "Submitted",
            Some(quantity) if quantity == submitted => "Accepted",
            Some(quantity) if quantity.is_zero() => "Rejected",
            Some(_) => "Mismatch",
        };
        // Names come from the pipeline: what has not passed it has none.
        let named = matches!(recon_status, "Accepted" | "Mismatch");
        let name = |id: &str| if named { id.to_owned() } else { String::new() };
        UsageRow {
            usage_date: format!("{}T00:00:00Z", self.day),
            usage_resource_id: self.resource_id,
            plan_name: name(&self.plan_id),
            dimension: self.dimension,
            plan_id: self.plan_id,
            offer_id: subscription.offer.clone(),
            offer_name: name(&subscription.offer),
            offer_type: "SaaS",
            azure_subscription_id: subscription.azure_subscription_id,
            recon_status,
            submitted_quantity: submitted,
            processed_quantity: processed.unwrap_or_default(),
            submitted_count: count,
        }
    }
}

fn processed_at(day: NaiveDate) -> DateTime<Utc> {
    day.and_time(chrono::NaiveTime::MIN).and_utc() + TimeDelta::hours(24) + PROCESSED_AFTER
}

/// The day of `2026-11-20`, `2026-11-20T15:00` or a full date and time of UTC.
fn day(text: &str) -> Option<NaiveDate> {
    let text = text.strip_suffix('Z').unwrap_or(text);
    let time = |format: &str| NaiveDateTime::parse_from_str(text, format);
    NaiveDate::parse_from_str(text, "%Y-%m-%d").ok().or_else(|| {
        let time = time("%Y-%m-%dT%H:%M").or_else(|_| time("%Y-%m-%dT%H:%M:%S%.f"));
        time.ok().map(|time| time.date())
    })
}
