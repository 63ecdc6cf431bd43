//! `POST /v1/usage`: usage by customer, metric and window, one pair's rows a page.
//!
//! Every window up to `ending_before` has a row, also one that lies in the future: its value is `null` as long as no
//! event matched, and the window in progress shows what has come so far. Asked for all customers or metrics, archived
//! ones are there too, for theirs is usage as well; an empty list of either asks for nothing.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::account::Account;
use super::aggregation::Tally;
use super::cursor::{Asked, shuffled};
use super::events::View;
use super::mischief::{Mischief, Spoiler};
use super::properties::{self, Number};
use super::reply::{Answer, Page, Refusal, json, stamp};
use super::request::{self, Query, present};
use super::routes::Operation;
use super::windows::Windows;

/// Group values that one query may name, and that one shows where it names none.
pub(super) const MOST_VALUES: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Body {
    starting_on: String,
    ending_before: String,
    window_size: String,
    #[serde(default, deserialize_with = "present")]
    customer_ids: Option<Vec<String>>,
    #[serde(default, deserialize_with = "present")]
    billable_metrics: Option<Vec<Choice>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Choice {
    id: String,
    #[serde(default, deserialize_with = "present")]
    group_by: Option<GroupBy>,
}

/// Grouping by one simple key.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct GroupBy {
    pub(super) key: String,
    #[serde(default, deserialize_with = "present")]
    pub(super) values: Option<Vec<String>>,
}

impl GroupBy {
    /// 1 to 200 values, if any are named; none of them empty.
    pub(super) fn check(&self) -> Result<(), Refusal> {
        let Some(values) = &self.values else { return Ok(()) };
        if values.is_empty() || values.len() > MOST_VALUES || values.iter().any(String::is_empty) {
            return Err(Refusal::bad(format!(
                "group_by.values takes 1 to {MOST_VALUES} values"
            )));
        }
        Ok(())
    }
}

/// A usage query, understood. Customers and metrics are places in the account; none: all there are.
#[derive(Debug)]
struct Wanted {
    windows: Windows,
    customers: Option<Vec<usize>>,
    metrics: Option<Vec<(usize, Option<GroupBy>)>>,
}

/// How far a walk through the pairs has come. It holds how many customers and metrics there were when it began, so
/// that those made meanwhile do not shift its pages.
struct Walk {
    customers: usize,
    metrics: usize,
    seed: u64,
    page: usize,
    repeated: bool,
}

#[derive(Serialize)]
struct Row<'a> {
    customer_id: Uuid,
    billable_metric_id: Uuid,
    billable_metric_name: &'a str,
    start_timestamp: String,
    end_timestamp: String,
    value: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    groups: Option<BTreeMap<String, Option<Number>>>,
}

/// Answers one page. `as_of` is the moment that readers see.
pub(super) fn usage(
    account: &Account,
    (query, body): (&str, &[u8]),
    as_of: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let query = Query::read(query, &["next_page"])?;
    let wanted = understand(account, request::body(body)?)?;
    let asked = Asked::by(("usage", &wanted));
    let walk = match query.text("next_page") {
        Some(cursor) => resume(asked.position(cursor)?),
        None => begin(account, &wanted, spoiler),
    };
    let pages = walk.customers * walk.metrics;
    if pages == 0 {
        let empty: Page<Row> = Page {
            data: Vec::new(),
            next_page: None,
        };
        return Ok((json(&empty)?, Mischief::default()));
    }
    let pair = match walk.seed {
        0 => walk.page,
        seed => shuffled(pages, seed).get(walk.page).copied().unwrap_or_default(),
    };
    let (customer, metric) = (pair / walk.metrics, pair % walk.metrics);
    let customer = wanted
        .customers
        .as_ref()
        .map_or(Some(customer), |places| places.get(customer).copied());
    let customer = customer.and_then(|place| account.customers.all().get(place));
    let customer = customer.ok_or_else(|| Refusal::bad("next_page is past the end"))?;
    let mischief = spoiler.turn(Operation::Usage, Some(customer.id));
    let choice = wanted.metrics.as_ref().and_then(|metrics| metrics.get(metric));
    let (metric, group_by) = choice.map_or((metric, None), |(place, group_by)| (*place, group_by.as_ref()));
    let view = account.events.view(as_of - mischief.stale_by.unwrap_or_default());
    let names = customer.names();
    let data = rows(
        account,
        (customer.id, &names),
        (metric, group_by),
        wanted.windows,
        view,
    )?;
    let (page, repeated) = if mischief.repeat_pages && !walk.repeated {
        (walk.page, 1)
    } else {
        (walk.page + 1, 0)
    };
    let position = [
        walk.customers as u64,
        walk.metrics as u64,
        walk.seed,
        page as u64,
        repeated,
    ];
    let next_page = (page < pages).then(|| asked.cursor(position));
    Ok((json(&Page { data, next_page })?, mischief))
}

fn understand(account: &Account, body: Body) -> Result<Wanted, Refusal> {
    let windows = Windows::read(&body.starting_on, &body.ending_before, &body.window_size)?;
    let mut customers = None;
    if let Some(ids) = body.customer_ids {
        let places = ids
            .iter()
            .map(|id| account.customers.place(request::id("customer_ids", id)?));
        let mut seen = BTreeSet::new();
        let places: Vec<usize> = places.collect::<Result<_, _>>()?;
        customers = Some(places.into_iter().filter(|place| seen.insert(*place)).collect());
    }
    let mut metrics = None;
    if let Some(choices) = body.billable_metrics {
        let choose = |choice: Choice| {
            let place = account.metric_place(request::id("billable_metrics.id", &choice.id)?)?;
            if let Some(group_by) = &choice.group_by {
                group_by.check()?;
                if !account.metric(place)?.has_group_key(&[&group_by.key]) {
                    return Err(Refusal::bad(format!(
                        "{} is no group key of the metric",
                        group_by.key
                    )));
                }
            }
            Ok((place, choice.group_by))
        };
        metrics = Some(choices.into_iter().map(choose).collect::<Result<_, _>>()?);
    }
    Ok(Wanted {
        windows,
        customers,
        metrics,
    })
}

fn begin(account: &Account, wanted: &Wanted, spoiler: &Spoiler) -> Walk {
    Walk {
        customers: wanted
            .customers
            .as_ref()
            .map_or(account.customers.all().len(), Vec::len),
        metrics: wanted.metrics.as_ref().map_or(account.metrics.len(), Vec::len),
        seed: spoiler.page_order(Operation::Usage).map_or(0, |seed| seed.max(1)),
        page: 0,
        repeated: false,
    }
}

fn resume([customers, metrics, seed, page, repeated]: [u64; 5]) -> Walk {
    let place = |number| usize::try_from(number).unwrap_or_default();
    Walk {
        customers: place(customers),
        metrics: place(metrics),
        seed,
        page: place(page),
        repeated: repeated == 1,
    }
}

/// The usage of one window: in all, and by group.
struct Bucket<'e> {
    total: Tally<'e>,
    groups: BTreeMap<String, Tally<'e>>,
}

/// The rows of one pair, one a window. Where groups are asked for without naming values, each row has all values of the
/// whole range, 200 at most, `null` where a window has none of them; an event without the property is in the total only.
fn rows<'a>(
    account: &'a Account,
    (customer_id, names): (Uuid, &'a [String]),
    (place, group_by): (usize, Option<&'a GroupBy>),
    windows: Windows,
    view: View,
) -> Result<Vec<Row<'a>>, Refusal> {
    let metric = account.metric(place)?;
    let buckets = buckets(account, names, (place, group_by), windows, view)?;
    let values = group_by.map(|group_by| match &group_by.values {
        Some(values) => values.iter().collect::<BTreeSet<_>>(),
        None => buckets.values().flat_map(|bucket| bucket.groups.keys()).collect(),
    });
    let row = |index| {
        let (start, end) = windows.bounds(index);
        let bucket = buckets.get(&index);
        let in_group = |value: &String| Some(Number(bucket?.groups.get(value)?.value()));
        let groups = |values: &BTreeSet<&String>| {
            values
                .iter()
                .take(MOST_VALUES)
                .map(|value| ((*value).clone(), in_group(value)))
                .collect()
        };
        Row {
            customer_id,
            billable_metric_id: metric.id,
            billable_metric_name: &metric.definition.name,
            start_timestamp: stamp(start),
            end_timestamp: stamp(end),
            value: bucket.map(|bucket| Number(bucket.total.value())),
            groups: values.as_ref().map(groups),
        }
    };
    Ok((0..windows.count).map(row).collect())
}

fn buckets<'a>(
    account: &'a Account,
    names: &'a [String],
    (place, group_by): (usize, Option<&GroupBy>),
    windows: Windows,
    view: View,
) -> Result<BTreeMap<usize, Bucket<'a>>, Refusal> {
    let empty = Tally::new(account.metric(place)?.definition.aggregation_type);
    let mut buckets = BTreeMap::new();
    for share in account
        .events
        .shares(place, names, (windows.from, windows.until), view)
    {
        let bucket = buckets
            .entry(windows.index(share.place.0))
            .or_insert_with(|| Bucket {
                total: empty.clone(),
                groups: BTreeMap::new(),
            });
        bucket.total.add(share.place, share.quantity);
        let properties = &share.stored.event.properties;
        if let Some(group) = group_by.and_then(|group_by| properties::text(properties, &group_by.key)) {
            bucket
                .groups
                .entry(group)
                .or_insert_with(|| empty.clone())
                .add(share.place, share.quantity);
        }
    }
    Ok(buckets)
}
