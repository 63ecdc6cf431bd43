//! Billable metrics: what they match, and the rules for defining one.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::aggregation::{Aggregation, Quantity};
use super::properties::{self, Properties};
use super::reply::Refusal;
use super::request::present;

/// Which event types a metric takes. Lists must not be empty if given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EventTypeFilter {
    /// Only these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_values: Option<Vec<String>>,
    /// None of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_in_values: Option<Vec<String>>,
}

/// A rule on one property. All of a metric's rules must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PropertyFilter {
    /// The property.
    pub name: String,
    /// It must (`true`) or must not (`false`) be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exists: Option<bool>,
    /// Its value must be one of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub in_values: Option<Vec<String>>,
    /// Its value must be none of these.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_in_values: Option<Vec<String>>,
}

/// A streaming metric to define: the body of `POST /v1/billable-metrics/create`, less SQL.
/// (<https://docs.metronome.com/api-reference/billable-metrics/create-a-billable-metric>)
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMetric {
    /// The display name.
    pub name: String,
    /// How events become a number.
    pub aggregation_type: Aggregation,
    /// The property that is aggregated; not for COUNT. It must have a property filter.
    #[serde(default, deserialize_with = "present")]
    pub aggregation_key: Option<String>,
    /// Which event types count.
    #[serde(default, deserialize_with = "present")]
    pub event_type_filter: Option<EventTypeFilter>,
    /// Which properties count.
    #[serde(default)]
    pub property_filters: Vec<PropertyFilter>,
    /// What usage can be grouped by: each entry is one simple (one name) or compound key.
    #[serde(default)]
    pub group_keys: Vec<Vec<String>>,
    /// Free labels.
    #[serde(default)]
    pub custom_fields: BTreeMap<String, String>,
}

impl NewMetric {
    /// A count of events.
    #[must_use]
    pub fn count(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            aggregation_type: Aggregation::Count,
            aggregation_key: None,
            event_type_filter: None,
            property_filters: Vec::new(),
            group_keys: Vec::new(),
            custom_fields: BTreeMap::new(),
        }
    }

    /// Another aggregation than COUNT, of the property `key`, which must exist.
    #[must_use]
    pub fn of(name: &str, aggregation_type: Aggregation, key: &str) -> Self {
        let metric = Self {
            aggregation_type,
            aggregation_key: Some(key.to_owned()),
            ..Self::count(name)
        };
        metric.where_property(PropertyFilter {
            name: key.to_owned(),
            exists: Some(true),
            ..PropertyFilter::default()
        })
    }

    /// Takes only events of this type.
    #[must_use]
    pub fn on(mut self, event_type: &str) -> Self {
        let filter = self.event_type_filter.get_or_insert_default();
        filter
            .in_values
            .get_or_insert_default()
            .push(event_type.to_owned());
        self
    }

    /// Adds a rule on a property.
    #[must_use]
    pub fn where_property(mut self, filter: PropertyFilter) -> Self {
        self.property_filters.push(filter);
        self
    }

    /// Adds a group key, simple or compound. Events without these properties still count, in no group.
    #[must_use]
    pub fn grouped_by(mut self, names: &[&str]) -> Self {
        self.group_keys
            .push(names.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    /// The documented rules of a definition.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let key = self.aggregation_key.as_deref();
        match (self.aggregation_type, key) {
            (Aggregation::Count, Some(_)) => {
                return Err(Refusal::bad("aggregation_key does not go with COUNT"));
            }
            (Aggregation::Count, None) => {}
            (_, None) => return Err(Refusal::bad("aggregation_key is required")),
            (_, Some(key)) if !self.property_filters.iter().any(|filter| filter.name == key) => {
                return Err(Refusal::bad(
                    "aggregation_key must be one of the property filters",
                ));
            }
            _ => {}
        }
        let types = self
            .event_type_filter
            .iter()
            .flat_map(|filter| [&filter.in_values, &filter.not_in_values]);
        let properties = self
            .property_filters
            .iter()
            .flat_map(|filter| [&filter.in_values, &filter.not_in_values]);
        if types.chain(properties).flatten().any(Vec::is_empty) {
            return Err(Refusal::bad("in_values and not_in_values must not be empty"));
        }
        if self
            .group_keys
            .iter()
            .any(|key| key.is_empty() || key.iter().any(String::is_empty))
        {
            return Err(Refusal::bad("a group key must name its properties"));
        }
        Ok(())
    }
}

/// A metric of the account. Immutable but for its archival.
#[derive(Debug)]
pub(super) struct Metric {
    pub(super) id: Uuid,
    pub(super) definition: NewMetric,
    pub(super) archived_at: Option<DateTime<Utc>>,
}

impl Metric {
    /// What an event adds to the metric; nothing if it does not match, or has no number where one is needed.
    pub(super) fn quantity(&self, event_type: &str, properties: &Properties) -> Option<Quantity> {
        let types = self.definition.event_type_filter.as_ref();
        if !types.is_none_or(|filter| passes(event_type, &filter.in_values, &filter.not_in_values)) {
            return None;
        }
        if !self
            .definition
            .property_filters
            .iter()
            .all(|filter| holds(filter, properties))
        {
            return None;
        }
        let key = self.definition.aggregation_key.as_deref().unwrap_or_default();
        match self.definition.aggregation_type {
            Aggregation::Count => Some(Quantity::One),
            Aggregation::Unique => properties::text(properties, key).map(Quantity::Text),
            Aggregation::Sum | Aggregation::Max | Aggregation::Latest => {
                properties::number(properties, key).map(Quantity::Number)
            }
        }
    }

    /// Whether `names` is, whole and in any order, one of the metric's group keys. Part of a compound key is none.
    pub(super) fn has_group_key(&self, names: &[&str]) -> bool {
        let mut wanted = names.to_vec();
        wanted.sort_unstable();
        self.definition.group_keys.iter().any(|key| {
            let mut key: Vec<&str> = key.iter().map(String::as_str).collect();
            key.sort_unstable();
            key == wanted
        })
    }
}

fn passes(value: &str, only: &Option<Vec<String>>, never: &Option<Vec<String>>) -> bool {
    let among = |list: &Vec<String>| list.iter().any(|entry| entry == value);
    only.as_ref().is_none_or(among) && !never.as_ref().is_some_and(among)
}

fn holds(filter: &PropertyFilter, properties: &Properties) -> bool {
    match properties::text(properties, &filter.name) {
        Some(text) => filter.exists != Some(false) && passes(&text, &filter.in_values, &filter.not_in_values),
        None => filter.exists != Some(true) && filter.in_values.is_none(),
    }
}
