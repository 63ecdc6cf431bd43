//! Usage of many customers and metrics at once: `POST /v1/usage`
//! (<https://docs.metronome.com/api-reference/usage/get-batched-usage-data>).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use futures::{StreamExt as _, TryStreamExt as _, stream};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::call::{Call, check_id};
use crate::customers::distinct;
use crate::json::{Keyed, Nullable};
use crate::pages::Room;
use crate::{CUSTOMERS_MAX, Client, Error};

/// The most group values that a query may name, and the most that it gives back where it names none: a row with as many groups
/// as this may have been cut.
pub const GROUP_VALUES_MAX: usize = 200;

/// Chunks of customers that are read at the same time. The limiter sets the pace; this many hide an answer's delay of up to a
/// second at 8 requests a second.
const CHUNKS_IN_FLIGHT: usize = 8;

/// How usage is cut into rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Window {
    /// A row an hour.
    Hour,
    /// A row a UTC day.
    Day,
    /// One row for the whole of the time asked for.
    None,
}

/// The key to group a metric's usage by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Group {
    /// A single property among the metric's group keys.
    pub key: String,
    /// Only these values, at most [`GROUP_VALUES_MAX`]; all of them, up to as many, where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<Vec<String>>,
}

/// One metric to read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MetricFilter {
    /// The billable metric's id.
    pub id: String,
    /// How to group it, if at all.
    #[serde(rename = "group_by", skip_serializing_if = "Option::is_none")]
    pub group: Option<Group>,
}

/// Which metrics to read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Metrics {
    /// Every one of the account, none grouped.
    All,
    /// These. None of them is nothing, not all.
    Only(Vec<MetricFilter>),
}

/// Usage to read. Metronome takes whole UTC days only, whatever the window; to include the hour in progress, ask until the
/// next midnight. Rows of windows that are not over yet still change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageQuery {
    /// From the beginning of this UTC day.
    pub from: NaiveDate,
    /// Until the beginning of this UTC day, which is a later one.
    pub until: NaiveDate,
    /// How it is cut into rows.
    pub window: Window,
    /// Whose usage: Metronome's ids. None of them is nothing, not everybody's.
    pub customers: Vec<String>,
    /// Of what.
    pub metrics: Metrics,
}

/// The usage of one customer and metric in one window, as Metronome has it now. The same row may come more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UsageRow {
    /// Whose.
    pub customer_id: String,
    /// Of what.
    pub billable_metric_id: String,
    /// The window's beginning.
    pub start: DateTime<Utc>,
    /// The window's end, not part of it.
    pub end: DateTime<Utc>,
    /// The usage; `None` where no event matched, which is not 0.
    pub value: Option<Decimal>,
    /// The usage by group value, where grouping was asked for.
    pub groups: Option<BTreeMap<String, Option<Decimal>>>,
}

#[derive(Serialize)]
struct Body<'a> {
    window_size: Window,
    starting_on: String,
    ending_before: String,
    customer_ids: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    billable_metrics: Option<&'a [MetricFilter]>,
}

#[derive(Deserialize)]
struct Aggregate {
    customer_id: String,
    billable_metric_id: String,
    start_timestamp: DateTime<Utc>,
    end_timestamp: DateTime<Utc>,
    value: Nullable,
    groups: Option<Keyed<Nullable>>,
}

impl From<Aggregate> for UsageRow {
    fn from(row: Aggregate) -> Self {
        let exact = |Keyed(groups): Keyed<Nullable>| {
            groups
                .into_iter()
                .map(|(group, value)| (group, value.into()))
                .collect()
        };
        Self {
            customer_id: row.customer_id,
            billable_metric_id: row.billable_metric_id,
            start: row.start_timestamp,
            end: row.end_timestamp,
            value: row.value.into(),
            groups: row.groups.map(exact),
        }
    }
}

impl Client {
    /// The rows of a query, as they came: customer by customer, not in order of time. A page holds rows of one customer and
    /// metric, so it takes at least as many requests as there are pairs of them with usage; customers are asked for a hundred
    /// at a time, eight such lists side by side.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the query breaks a rule that is told above; else as the call goes. Then nothing is returned,
    /// however much had been read.
    pub async fn usage(&self, query: &UsageQuery) -> Result<Vec<UsageRow>, Error> {
        let customers = distinct(&query.customers)?;
        let metrics = query.checked_metrics()?;
        let (starting_on, ending_before) = bounds(query.from, query.until)?;
        if metrics.is_some_and(<[_]>::is_empty) {
            return Ok(Vec::new());
        }
        let calls = customers
            .chunks(CUSTOMERS_MAX)
            .map(|customer_ids| {
                let body = Body {
                    window_size: query.window,
                    starting_on: starting_on.clone(),
                    ending_before: ending_before.clone(),
                    customer_ids,
                    billable_metrics: metrics,
                };
                // No `limit`: this call refuses it with 400.
                Ok(Call::post("/v1/usage", &body)?.about("customers", customer_ids))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let room = Room::for_one_read();
        let chunks: Vec<Vec<UsageRow>> = stream::iter(&calls)
            .map(|call| self.pages::<Aggregate, UsageRow>(call, &room))
            .buffered(CHUNKS_IN_FLIGHT)
            .try_collect()
            .await?;
        Ok(chunks.into_iter().flatten().collect())
    }
}

impl UsageQuery {
    fn checked_metrics(&self) -> Result<Option<&[MetricFilter]>, Error> {
        let Metrics::Only(metrics) = &self.metrics else {
            return Ok(None);
        };
        for metric in metrics {
            check_id("billable metric", &metric.id)?;
            let values = metric.group.as_ref().and_then(|group| group.values.as_ref());
            if values.is_some_and(|values| values.is_empty() || values.len() > GROUP_VALUES_MAX) {
                return Err(Error::Invalid(format!(
                    "billable metric {}: a group wants 1 to {GROUP_VALUES_MAX} values, or none named at all",
                    metric.id
                )));
            }
        }
        Ok(Some(metrics))
    }
}

/// The bounds as Metronome wants them: UTC midnights, at least a day apart.
pub(crate) fn bounds(from: NaiveDate, until: NaiveDate) -> Result<(String, String), Error> {
    if until <= from {
        return Err(Error::Invalid(format!(
            "usage is read for whole days: {until} is not after {from}"
        )));
    }
    let midnight = |day: NaiveDate| day.format("%Y-%m-%dT00:00:00Z").to_string();
    Ok((midnight(from), midnight(until)))
}
