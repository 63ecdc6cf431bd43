//! Reads the streams of many books in as few pages as Metronome's rules allow. A page holds one customer and metric, so what
//! counts is which pairs are asked for, not how they are put into requests; and one bad id must not void the others.

pub(crate) mod amounts;
mod invoices;
mod reading;
mod rows;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};

use billing::{Group, Hour, Reading, StreamKey, ToRead};
use futures::{StreamExt as _, stream};
use metronome::{Client, Error, GroupedQuery, MetricFilter, Metrics, UsageQuery, Window};

use reading::Recipe;
use rows::{Collector, Part, Rows};

/// Customers in one list. Pages of a list come one after another, so a chunk of buyers is read as several lists side by side:
/// four of them keep 8 requests a second busy at answers of half a second.
const LIST: usize = 25;

/// Lists read at the same time.
const LISTS_IN_FLIGHT: usize = 8;

/// How often a run may split a list that Metronome refused, to find the one id at fault: enough for a bad id in each of ten
/// lists, and a bound on what an answer that is always bad can cost.
const SPLITS_MAX: usize = 64;

/// Usage of usage by stream: what was read, or why it could not be.
pub(crate) type Usage = BTreeMap<StreamKey, Result<Reading, String>>;

/// What one run reads Metronome with.
pub(crate) struct Reader<'a> {
    client: &'a Client,
    splits: AtomicUsize,
}

/// A list of customers and metrics whose rows are asked for together.
#[derive(Clone, Debug)]
struct List {
    hourly: bool,
    from: Hour,
    until: Hour,
    customers: Vec<String>,
    /// Metric → the group key and the values wanted of it, or none.
    metrics: BTreeMap<String, Option<(String, BTreeSet<String>)>>,
}

type Parts = BTreeMap<Part, Result<Rows, String>>;

impl<'a> Reader<'a> {
    pub(crate) fn new(client: &'a Client) -> Self {
        Self {
            client,
            splits: AtomicUsize::new(0),
        }
    }

    /// Reads the streams of several books, each its own list; `unreadable` says which customers or metrics are not worth asking
    /// for, and why. The errors are for the run's summary; the readings say them again, stream by stream.
    pub(crate) async fn read(
        &self,
        books: &[Vec<ToRead>],
        unreadable: impl Fn(&StreamKey) -> Option<String>,
    ) -> (Vec<Usage>, Vec<Error>) {
        let refused = |stream: &ToRead| unreadable(&stream.key);
        let recipes: Vec<Vec<(&ToRead, Recipe)>> = books
            .iter()
            .map(|streams| {
                let readable = streams.iter().filter(|stream| refused(stream).is_none());
                readable.map(|stream| (stream, Recipe::new(stream))).collect()
            })
            .collect();
        let wanted: BTreeSet<Part> = recipes
            .iter()
            .flatten()
            .flat_map(|(_, recipe)| recipe.parts())
            .collect();
        let (parts, errors) = self.parts(&wanted).await;
        let rows = |part: &Part| {
            parts
                .get(part)
                .cloned()
                .unwrap_or_else(|| Err("it was not asked for".to_owned()))
        };
        let readings = books.iter().zip(recipes).map(|(streams, recipes)| {
            let refused = streams
                .iter()
                .filter_map(|stream| Some((stream.key.clone(), Err(refused(stream)?))));
            let read = recipes
                .iter()
                .map(|(stream, recipe)| (stream.key.clone(), recipe.reading(rows)));
            refused.chain(read).collect()
        });
        (readings.collect(), errors)
    }

    async fn parts(&self, wanted: &BTreeSet<Part>) -> (Parts, Vec<Error>) {
        let (compound, simple): (Vec<&Part>, Vec<&Part>) =
            wanted.iter().partition(|part| part.group.len() > 1);
        let lists = lists(&simple);
        let mut parts = Parts::new();
        let mut errors = Vec::new();
        let mut answers = stream::iter(lists)
            .map(|list| self.list(list, wanted))
            .buffer_unordered(LISTS_IN_FLIGHT);
        while let Some((read, failed)) = answers.next().await {
            parts.extend(read);
            errors.extend(failed);
        }
        drop(answers);
        let mut answers = stream::iter(compound)
            .map(|part| self.compound(part))
            .buffer_unordered(LISTS_IN_FLIGHT);
        while let Some((part, rows, failed)) = answers.next().await {
            parts.insert(part, rows);
            errors.extend(failed);
        }
        (parts, errors)
    }

    /// One list; split where Metronome refuses it, until the refused one stands alone.
    async fn list(&self, list: List, wanted: &BTreeSet<Part>) -> (Parts, Vec<Error>) {
        let mut parts = Parts::new();
        let mut errors = Vec::new();
        let mut work = vec![list];
        // Bounded by SPLITS_MAX: each turn takes one list and adds two only while splits are left.
        while let Some(list) = work.pop() {
            match self.client.usage(&list.query()).await {
                Ok(rows) => parts.extend(list.parts(wanted).map(|part| {
                    let mut collector = Collector::new(part);
                    rows.iter().for_each(|row| collector.usage(row));
                    (part.clone(), collector.finish())
                })),
                Err(error) => match list.split().filter(|_| self.may_split(&error)) {
                    Some(halves) => work.extend(halves),
                    None => {
                        let reason = error.to_string();
                        parts.extend(list.parts(wanted).map(|part| (part.clone(), Err(reason.clone()))));
                        errors.push(error);
                    }
                },
            }
        }
        (parts, errors)
    }

    /// Only what may be the fault of one id in the list is worth splitting for.
    fn may_split(&self, error: &Error) -> bool {
        matches!(
            error,
            Error::Refused { .. } | Error::Unreadable { .. } | Error::Unexpected { .. }
        ) && self.splits.fetch_add(1, Ordering::Relaxed) < SPLITS_MAX
    }

    async fn compound(&self, part: &Part) -> (Part, Result<Rows, String>, Option<Error>) {
        let query = GroupedQuery {
            customer_id: part.customer.clone(),
            billable_metric_id: part.metric.clone(),
            from: part.from.date(),
            until: part.until.date(),
            window: part.window(),
            group_key: part.group.keys().cloned().collect(),
            filters: part
                .group
                .iter()
                .map(|(key, value)| (key.clone(), vec![value.clone()]))
                .collect(),
        };
        match self.client.usage_groups(&query).await {
            Ok(rows) => {
                let mut collector = Collector::new(part);
                rows.iter().for_each(|row| collector.grouped(row));
                (part.clone(), collector.finish(), None)
            }
            Err(error) => (part.clone(), Err(error.to_string()), Some(error)),
        }
    }
}

/// Puts parts that can be asked for together into lists: same window, days and metrics.
fn lists(parts: &[&Part]) -> Vec<List> {
    type Asked = BTreeMap<String, Option<(String, BTreeSet<String>)>>;
    let mut by_customer: BTreeMap<(bool, Hour, Hour, bool, String), Asked> = BTreeMap::new();
    for part in parts {
        let key = (
            part.hourly,
            part.from,
            part.until,
            part.group.is_empty(),
            part.customer.clone(),
        );
        let asked = by_customer
            .entry(key)
            .or_default()
            .entry(part.metric.clone())
            .or_default();
        if let Some((name, value)) = one(&part.group) {
            asked
                .get_or_insert_with(|| (name.clone(), BTreeSet::new()))
                .1
                .insert(value.clone());
        }
    }
    let mut alike: BTreeMap<(bool, Hour, Hour, Asked), Vec<String>> = BTreeMap::new();
    for ((hourly, from, until, _, customer), asked) in by_customer {
        alike
            .entry((hourly, from, until, asked))
            .or_default()
            .push(customer);
    }
    alike
        .into_iter()
        .flat_map(|((hourly, from, until, metrics), customers)| {
            let lists = customers.chunks(LIST).map(<[String]>::to_vec).collect::<Vec<_>>();
            lists.into_iter().map(move |customers| List {
                hourly,
                from,
                until,
                customers,
                metrics: metrics.clone(),
            })
        })
        .collect()
}

fn one(group: &Group) -> Option<(&String, &String)> {
    group.first_key_value()
}

impl List {
    fn query(&self) -> UsageQuery {
        let metrics = self.metrics.iter().map(|(id, group)| MetricFilter {
            id: id.clone(),
            group: group.as_ref().map(|(key, values)| metronome::Group {
                key: key.clone(),
                values: Some(values.iter().cloned().collect()),
            }),
        });
        UsageQuery {
            from: self.from.date(),
            until: self.until.date(),
            window: if self.hourly { Window::Hour } else { Window::None },
            customers: self.customers.clone(),
            metrics: Metrics::Only(metrics.collect()),
        }
    }

    /// The wanted parts that this list asks for.
    fn parts<'a>(&'a self, wanted: &'a BTreeSet<Part>) -> impl Iterator<Item = &'a Part> + 'a {
        wanted.iter().filter(|part| {
            let group = self.metrics.get(&part.metric);
            part.hourly == self.hourly
                && part.from == self.from
                && part.until == self.until
                && part.group.len() <= 1
                && group.is_some_and(|group| {
                    group.as_ref().map(|(key, _)| key) == one(&part.group).map(|(key, _)| key)
                })
                && self.customers.contains(&part.customer)
        })
    }

    fn split(&self) -> Option<[Self; 2]> {
        if self.customers.len() > 1 {
            let (left, right) = self.customers.split_at(self.customers.len() / 2);
            let half = |customers: &[String]| Self {
                customers: customers.to_vec(),
                ..self.clone()
            };
            return Some([half(left), half(right)]);
        }
        let middle = self
            .metrics
            .keys()
            .nth(self.metrics.len() / 2)
            .filter(|_| self.metrics.len() > 1)?
            .clone();
        let mut left = self.clone();
        let right = Self {
            metrics: left.metrics.split_off(&middle),
            ..self.clone()
        };
        Some([left, right])
    }
}
