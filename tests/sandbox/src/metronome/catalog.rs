//! Reading customers and billable metrics: the lists, page by page, and one by its id.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::account::Account;
use super::aggregation::Aggregation;
use super::cursor::Asked;
use super::customers::{Customer, detail};
use super::metrics::{EventTypeFilter, Metric, PropertyFilter};
use super::mischief::{Mischief, Spoiler};
use super::reply::{Answer, Page, Refusal, data, json};
use super::request::Query;
use super::routes::Operation;

/// Rows of a page where the request does not say. Metronome's default is not documented; a small one shows a reader
/// that stops after the first page.
pub(super) const DEFAULT_LIMIT: usize = 25;

/// `BillableMetricV1`.
#[derive(Serialize)]
pub(super) struct MetricDetail<'a> {
    id: Uuid,
    name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    event_type_filter: Option<&'a EventTypeFilter>,
    property_filters: &'a [PropertyFilter],
    aggregation_type: Aggregation,
    #[serde(skip_serializing_if = "Option::is_none")]
    aggregation_key: Option<&'a str>,
    group_keys: &'a [Vec<String>],
    custom_fields: &'a BTreeMap<String, String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    archived_at: Option<DateTime<Utc>>,
}

/// How reads show a metric.
pub(super) fn metric_detail(metric: &Metric) -> MetricDetail<'_> {
    let definition = &metric.definition;
    MetricDetail {
        id: metric.id,
        name: &definition.name,
        event_type_filter: definition.event_type_filter.as_ref(),
        property_filters: &definition.property_filters,
        aggregation_type: definition.aggregation_type,
        aggregation_key: definition.aggregation_key.as_deref(),
        group_keys: &definition.group_keys,
        custom_fields: &definition.custom_fields,
        archived_at: metric.archived_at,
    }
}

/// `GET /v1/customers`: the active ones, or the archived ones, in the order they were made.
pub(super) fn list_customers(
    account: &Account,
    query: &str,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let known = [
        "limit",
        "next_page",
        "ingest_alias",
        "customer_ids",
        "salesforce_account_ids",
        "only_archived",
    ];
    let query = Query::read(query, &known)?;
    let archived = query.flag("only_archived")?;
    let alias = query.text("ingest_alias");
    let ids = query.list("customer_ids")?;
    let salesforce = query.list("salesforce_account_ids")?;
    let wanted = |customer: &Customer| {
        customer.archived_at.is_some() == archived
            && alias.is_none_or(|alias| customer.aliases.iter().any(|own| own == alias))
            && ids.as_ref().is_none_or(|ids| ids.contains(&customer.id.to_string().as_str()))
            // No customer here has a Salesforce account.
            && salesforce.is_none()
    };
    let asked = Asked::by(("customers", archived, alias, &ids, &salesforce));
    let customers = account
        .customers
        .all()
        .iter()
        .enumerate()
        .filter(|(_, customer)| wanted(customer));
    let rows = customers.map(|(place, customer)| (place, detail(customer)));
    page(rows, &query, &asked, spoiler.turn(Operation::ListCustomers, None))
}

/// `GET /v1/billable-metrics`: the active ones, on request the archived ones too.
pub(super) fn list_metrics(
    account: &Account,
    query: &str,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let query = Query::read(query, &["limit", "next_page", "include_archived"])?;
    let archived = query.flag("include_archived")?;
    let asked = Asked::by(("billable-metrics", archived));
    let metrics = account.metrics.iter().enumerate();
    let wanted = metrics.filter(|(_, metric)| archived || metric.archived_at.is_none());
    let rows = wanted.map(|(place, metric)| (place, metric_detail(metric)));
    page(
        rows,
        &query,
        &asked,
        spoiler.turn(Operation::ListBillableMetrics, None),
    )
}

/// `GET /v1/customers/{id}`, archived ones too.
pub(super) fn get_customer(account: &Account, id: Uuid) -> Result<Answer, Refusal> {
    data(&detail(account.customers.get(id)?))
}

/// `GET /v1/billable-metrics/{id}`, archived ones too.
pub(super) fn get_metric(account: &Account, id: Uuid) -> Result<Answer, Refusal> {
    data(&metric_detail(account.metric(account.metric_place(id)?)?))
}

/// One page of numbered rows. A cursor holds the number of the next row, so what is added or archived meanwhile
/// neither repeats nor skips a row.
fn page<T: Serialize>(
    rows: impl Iterator<Item = (usize, T)>,
    query: &Query,
    asked: &Asked,
    mischief: Mischief,
) -> Result<(Answer, Mischief), Refusal> {
    let limit = query.limit()?.unwrap_or(DEFAULT_LIMIT);
    let [start, again] = query
        .text("next_page")
        .map_or(Ok([0, 0]), |cursor| asked.position(cursor))?;
    let mut rows = rows.skip_while(|(place, _)| (*place as u64) < start);
    let data = rows.by_ref().take(limit).map(|(_, row)| row).collect();
    let next_page = if mischief.repeat_pages && again == 0 {
        Some(asked.cursor([start, 1]))
    } else {
        rows.next().map(|(place, _)| asked.cursor([place as u64, 0]))
    };
    Ok((json(&Page { data, next_page })?, mischief))
}
