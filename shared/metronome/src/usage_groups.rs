//! Usage of one customer and metric by group, compound keys too: `POST /v1/usage/groups`
//! (<https://docs.metronome.com/api-reference/usage/get-usage-data-with-paginated-groupings>).

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

use crate::call::{Call, check_id};
use crate::json::{Keyed, Nullable};
use crate::pages::{PAGE_SIZE, Room};
use crate::usage::bounds;
use crate::{Client, Error, GROUP_VALUES_MAX, Window};

/// Grouped usage to read, in whole UTC days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupedQuery {
    /// Whose usage.
    pub customer_id: String,
    /// Of what.
    pub billable_metric_id: String,
    /// From the beginning of this UTC day.
    pub from: NaiveDate,
    /// Until the beginning of this UTC day, which is a later one.
    pub until: NaiveDate,
    /// How it is cut into rows.
    pub window: Window,
    /// One of the metric's group keys; a compound one must be whole.
    pub group_key: Vec<String>,
    /// Only these values of these parts of the key, together at most [`GROUP_VALUES_MAX`]; empty: all.
    pub filters: BTreeMap<String, Vec<String>>,
}

/// The usage of one group in one window, as Metronome has it now. The same row may come more than once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupedRow {
    /// The window's beginning.
    pub start: DateTime<Utc>,
    /// The window's end, not part of it.
    pub end: DateTime<Utc>,
    /// The value of each part of the key; `None` where the events lacked it.
    pub group: BTreeMap<String, Option<String>>,
    /// The usage; `None` where no event matched, which is not 0.
    pub value: Option<Decimal>,
}

#[derive(Serialize)]
struct Body<'a> {
    customer_id: &'a str,
    billable_metric_id: &'a str,
    window_size: Window,
    starting_on: String,
    ending_before: String,
    group_key: &'a [String],
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    group_filters: &'a BTreeMap<String, Vec<String>>,
}

/// A row as it is sent; its times have other names than those of `/v1/usage`.
#[derive(Deserialize)]
struct Aggregate {
    starting_on: DateTime<Utc>,
    ending_before: DateTime<Utc>,
    group: Keyed<Option<String>>,
    value: Nullable,
}

impl From<Aggregate> for GroupedRow {
    fn from(row: Aggregate) -> Self {
        Self {
            start: row.starting_on,
            end: row.ending_before,
            group: row.group.0,
            value: row.value.into(),
        }
    }
}

impl Client {
    /// The rows of a query, as they came.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the query breaks a rule that is told at its fields; else as the call goes. Then nothing is
    /// returned, however much had been read.
    pub async fn usage_groups(&self, query: &GroupedQuery) -> Result<Vec<GroupedRow>, Error> {
        query.check()?;
        let (starting_on, ending_before) = bounds(query.from, query.until)?;
        let body = Body {
            customer_id: &query.customer_id,
            billable_metric_id: &query.billable_metric_id,
            window_size: query.window,
            starting_on,
            ending_before,
            group_key: &query.group_key,
            group_filters: &query.filters,
        };
        let named = [query.billable_metric_id.clone()];
        let call = Call::post("/v1/usage/groups", &body)?
            .with("limit", PAGE_SIZE)
            .about(
                &format!("customer {}, billable metric", query.customer_id),
                &named,
            );
        self.pages::<Aggregate, _>(&call, &Room::for_one_read()).await
    }
}

impl GroupedQuery {
    fn check(&self) -> Result<(), Error> {
        check_id("customer", &self.customer_id)?;
        check_id("billable metric", &self.billable_metric_id)?;
        let about = |rule: &str| {
            Err(Error::Invalid(format!(
                "billable metric {}: {rule}",
                self.billable_metric_id
            )))
        };
        if self.group_key.is_empty() {
            return about("usage by group wants a group key");
        }
        if self.filters.keys().any(|key| !self.group_key.contains(key)) {
            return about("a group filter names a key that is not part of the group key");
        }
        if self.filters.values().any(Vec::is_empty)
            || self.filters.values().map(Vec::len).sum::<usize>() > GROUP_VALUES_MAX
        {
            return about(&format!(
                "group filters want 1 or more values a key, and together at most {GROUP_VALUES_MAX}"
            ));
        }
        Ok(())
    }
}
