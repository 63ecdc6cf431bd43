//! `POST /v1/usage/groups`: one customer's usage of one metric, by group, with field names of its own.
//!
//! Without a group key every window has a row, as in `/v1/usage`; with one, each window has a row for each group that
//! was used in it. Rows go by window, then by group.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use super::account::Account;
use super::aggregation::Tally;
use super::catalog::DEFAULT_LIMIT;
use super::cursor::Asked;
use super::events::View;
use super::mischief::{Mischief, Spoiler};
use super::properties::{self, Number, Properties};
use super::reply::{Answer, Page, Refusal, json};
use super::request::{self, Query, present};
use super::routes::Operation;
use super::usage::{GroupBy, MOST_VALUES};
use super::windows::Windows;

/// The default, and the most, of rows a page under a compound key.
const COMPOUND_LIMIT: usize = 100;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    customer_id: String,
    billable_metric_id: String,
    window_size: String,
    #[serde(default, deserialize_with = "present")]
    starting_on: Option<String>,
    #[serde(default, deserialize_with = "present")]
    ending_before: Option<String>,
    #[serde(default)]
    current_period: bool,
    #[serde(default, deserialize_with = "present")]
    group_key: Option<Vec<String>>,
    #[serde(default)]
    group_filters: BTreeMap<String, Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    group_by: Option<GroupBy>,
}

/// What to group by: the properties of one whole key, none for no grouping, and the values wanted of each.
#[derive(Debug)]
struct Grouping {
    key: Vec<String>,
    filters: BTreeMap<String, BTreeSet<String>>,
}

impl Grouping {
    fn read(body: &mut Body) -> Result<Self, Refusal> {
        let filters = std::mem::take(&mut body.group_filters);
        let (key, filters) = match (body.group_key.take(), body.group_by.take()) {
            (Some(_), Some(_)) => return Err(Refusal::bad("group_key and group_by exclude each other")),
            (Some(key), None) => (key, filters),
            (None, Some(group_by)) => {
                group_by.check()?;
                if !filters.is_empty() {
                    return Err(Refusal::bad("group_filters goes with group_key"));
                }
                let values = group_by.values.map(|values| (group_by.key.clone(), values));
                (vec![group_by.key], values.into_iter().collect())
            }
            (None, None) if !filters.is_empty() => {
                return Err(Refusal::bad("group_filters goes with group_key"));
            }
            (None, None) => {
                return Ok(Self {
                    key: Vec::new(),
                    filters: BTreeMap::new(),
                });
            }
        };
        if key.is_empty() {
            return Err(Refusal::bad("group_key must not be empty"));
        }
        if filters.keys().any(|name| !key.contains(name)) {
            return Err(Refusal::bad("the keys of group_filters must be in group_key"));
        }
        if filters.values().flatten().count() > MOST_VALUES {
            return Err(Refusal::bad(format!(
                "group_filters takes at most {MOST_VALUES} values"
            )));
        }
        let filters = filters.into_iter().filter(|(_, values)| !values.is_empty());
        let filters = filters
            .map(|(name, values)| (name, values.into_iter().collect()))
            .collect();
        Ok(Self { key, filters })
    }

    /// The group an event is in: a value, or none, for each property of the key. Not there if it is filtered out.
    fn of(&self, properties: &Properties) -> Option<Vec<Option<String>>> {
        let value = |name: &String| {
            let value = properties::text(properties, name);
            let wanted = self.filters.get(name);
            let passes =
                wanted.is_none_or(|wanted| value.as_ref().is_some_and(|value| wanted.contains(value)));
            passes.then_some(value)
        };
        self.key.iter().map(value).collect()
    }
}

#[derive(Serialize)]
struct Row<'a> {
    starting_on: String,
    ending_before: String,
    group_key: Option<&'a str>,
    group_value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    group: Option<BTreeMap<&'a str, String>>,
    value: Option<Number>,
}

/// Answers one page. `as_of` is the moment that readers see; all pages of a walk see what its first page saw.
pub(super) fn usage_groups(
    account: &Account,
    (query, body): (&str, &[u8]),
    as_of: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let query = Query::read(query, &["limit", "next_page"])?;
    let mut body: Body = request::body(body)?;
    let customer = account
        .customers
        .get(request::id("customer_id", &body.customer_id)?)?;
    let metric = account.metric_place(request::id("billable_metric_id", &body.billable_metric_id)?)?;
    let windows = windows(&body)?;
    let grouping = Grouping::read(&mut body)?;
    let names: Vec<&str> = grouping.key.iter().map(String::as_str).collect();
    if !names.is_empty() && !account.metric(metric)?.has_group_key(&names) {
        return Err(Refusal::bad(format!(
            "{names:?} is not a whole group key of the metric"
        )));
    }
    let limit = query.limit()?.unwrap_or(if names.len() > 1 {
        COMPOUND_LIMIT
    } else {
        DEFAULT_LIMIT
    });
    let asked = Asked::by(("groups", customer.id, metric, windows, &grouping));
    let resumed = query
        .text("next_page")
        .map(|cursor| asked.position(cursor))
        .transpose()?;
    let mischief = spoiler.turn(Operation::UsageGroups, Some(customer.id));
    let view = account.events.view(as_of - mischief.stale_by.unwrap_or_default());
    let [start, events, seen, repeated] = resumed.unwrap_or([
        0,
        view.events as u64,
        view.as_of.timestamp_millis().unsigned_abs(),
        0,
    ]);
    let seen = i64::try_from(seen).ok().and_then(DateTime::from_timestamp_millis);
    let view = View {
        as_of: seen.unwrap_or(view.as_of),
        events: place(events),
    };
    let mut rows = rows(account, &customer.names(), metric, &grouping, (windows, view))?.into_iter();
    let data: Vec<Row> = rows.by_ref().skip(place(start)).take(limit).collect();
    let next_page = if mischief.repeat_pages && repeated == 0 {
        Some(asked.cursor([start, events, view.as_of.timestamp_millis().unsigned_abs(), 1]))
    } else {
        let next = start + data.len() as u64;
        let moment = view.as_of.timestamp_millis().unsigned_abs();
        rows.next().map(|_| asked.cursor([next, events, moment, 0]))
    };
    Ok((json(&Page { data, next_page })?, mischief))
}

fn place(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn windows(body: &Body) -> Result<Windows, Refusal> {
    match (&body.starting_on, &body.ending_before, body.current_period) {
        (None, None, true) => Err(Refusal::bad("the customer has no contract, so no current period")),
        (_, _, true) => Err(Refusal::bad(
            "current_period excludes starting_on and ending_before",
        )),
        (Some(from), Some(until), false) => Windows::read(from, until, &body.window_size),
        _ => Err(Refusal::bad(
            "starting_on and ending_before are required without current_period",
        )),
    }
}

fn rows<'a>(
    account: &Account,
    names: &[String],
    metric: usize,
    grouping: &'a Grouping,
    (windows, view): (Windows, View),
) -> Result<Vec<Row<'a>>, Refusal> {
    let empty = Tally::new(account.metric(metric)?.definition.aggregation_type);
    let mut tallies = BTreeMap::new();
    for share in account
        .events
        .shares(metric, names, (windows.from, windows.until), view)
    {
        if let Some(group) = grouping.of(&share.stored.event.properties) {
            let tally = tallies.entry((windows.index(share.place.0), group));
            tally
                .or_insert_with(|| empty.clone())
                .add(share.place, share.quantity);
        }
    }
    let row = |index, group: &[Option<String>], tally: Option<&Tally>| {
        let (start, end) = windows.bounds(index);
        let named = grouping.key.iter().map(String::as_str).zip(group.iter().cloned());
        let single = if let [key] = grouping.key.as_slice() {
            Some(key.as_str())
        } else {
            None
        };
        Row {
            starting_on: start.to_rfc3339_opts(SecondsFormat::Secs, true),
            ending_before: end.to_rfc3339_opts(SecondsFormat::Secs, true),
            group_key: single,
            group_value: single.and_then(|_| group.first().cloned().flatten()),
            group: (!grouping.key.is_empty())
                .then(|| named.filter_map(|(key, value)| Some((key, value?))).collect()),
            value: tally.map(|tally| Number(tally.value())),
        }
    };
    if grouping.key.is_empty() {
        let ungrouped = (0..windows.count).map(|index| row(index, &[], tallies.get(&(index, Vec::new()))));
        return Ok(ungrouped.collect());
    }
    Ok(tallies
        .iter()
        .map(|((index, group), tally)| row(*index, group, Some(tally)))
        .collect())
}
