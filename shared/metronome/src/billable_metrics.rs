//! Billable metrics: `GET /v1/billable-metrics` and `GET /v1/billable-metrics/{id}`.

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde::de::IgnoredAny;

use crate::call::{Call, check_id};
use crate::pages::{PAGE_SIZE, Room};
use crate::{Client, Error};

const PATH: &str = "/v1/billable-metrics";

/// What a streaming metric does with the events of a window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Aggregation {
    /// How many there are.
    Count,
    /// The sum of a property.
    Sum,
    /// The largest value of a property.
    Max,
    /// How many different values a property has.
    Unique,
    /// The value of a property in the last event.
    Latest,
    /// One that Metronome has added since, in its own words.
    Other(String),
}

impl Aggregation {
    /// Whether the values of hours, or of groups, add up to the value of them all.
    #[must_use]
    pub fn is_additive(&self) -> bool {
        matches!(self, Self::Count | Self::Sum)
    }
}

impl From<String> for Aggregation {
    fn from(name: String) -> Self {
        // Metronome takes these in any case, and its documents show several.
        match name.to_ascii_uppercase().as_str() {
            "COUNT" => Self::Count,
            "SUM" => Self::Sum,
            "MAX" => Self::Max,
            "UNIQUE" => Self::Unique,
            "LATEST" => Self::Latest,
            _ => Self::Other(name),
        }
    }
}

/// A billable metric. All of it but the name is fixed for its life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillableMetric {
    /// Metronome's id, a UUID.
    pub id: String,
    /// The name shown in Metronome.
    pub name: String,
    /// How it counts; a SQL metric has none.
    pub aggregation: Option<Aggregation>,
    /// Whether it is a SQL metric.
    pub sql: bool,
    /// Each entry is one key to group by: a single property, or a compound of several.
    pub group_keys: Vec<Vec<String>>,
    /// When it was archived, if it was.
    pub archived_at: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct Definition {
    id: String,
    name: String,
    aggregation_type: Option<String>,
    sql: Option<IgnoredAny>,
    group_keys: Option<Vec<Vec<String>>>,
    archived_at: Option<DateTime<Utc>>,
}

impl From<Definition> for BillableMetric {
    fn from(definition: Definition) -> Self {
        Self {
            id: definition.id,
            name: definition.name,
            aggregation: definition.aggregation_type.map(Aggregation::from),
            sql: definition.sql.is_some(),
            group_keys: definition.group_keys.unwrap_or_default(),
            archived_at: definition.archived_at,
        }
    }
}

impl Client {
    /// Every billable metric, archived ones included: usage may still be owed on them.
    ///
    /// # Errors
    /// As the call goes.
    pub async fn billable_metrics(&self) -> Result<Vec<BillableMetric>, Error> {
        let call = Call::get(PATH)
            .with("limit", PAGE_SIZE)
            .with("include_archived", "true");
        self.pages::<Definition, _>(&call, &Room::for_one_read()).await
    }

    /// One billable metric, archived or not.
    ///
    /// # Errors
    /// [`Error::Refused`] with status 404 where there is none; else as the call goes.
    pub async fn billable_metric(&self, id: &str) -> Result<BillableMetric, Error> {
        check_id("billable metric", id)?;
        let call = Call::get(format!("{PATH}/{id}")).about("billable metric", &[id.to_owned()]);
        Ok(self.one::<Definition>(&call).await?.into())
    }
}
