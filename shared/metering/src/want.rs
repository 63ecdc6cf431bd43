//! From a connection's configuration to what each book is to count.

use std::collections::{BTreeMap, BTreeSet};

use billing::{
    Accumulation, AmountSource, Destination, Group, Hour, Share, Source, Span, Target, Terms, Wanted,
};
use metronome::{Aggregation, BillableMetric};
use platform::Connection;
use platform::connection::{BillingMode, Buyer, Conversion, Entitlement, METRONOME};

/// The Metronome account, as counters name it. Metronome's ids are UUIDs, so a customer's stands for its account, and wherever
/// that is reached, or applied anew, it is the same: nothing of it is counted twice.
const ACCOUNT: &str = "metronome";

/// The account's billable metrics, by id.
pub(crate) type Catalog = BTreeMap<String, BillableMetric>;

/// A metric that cannot be counted until the connection says how.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Unstated {
    pub(crate) buyer: String,
    pub(crate) metric: String,
    pub(crate) reason: String,
}

/// What the configuration wants of each book, by identity, and what it leaves unsaid.
pub(crate) fn wanted(
    connection: &Connection,
    catalog: &Catalog,
) -> (BTreeMap<String, Wanted>, BTreeSet<Unstated>) {
    let mut books: BTreeMap<String, Wanted> = BTreeMap::new();
    let mut unstated = BTreeSet::new();
    for buyer in &connection.buyers {
        for (index, entitlement) in buyer.entitlements.iter().enumerate() {
            let Some((from, until)) = buyer.hours(index) else {
                continue;
            };
            let book = books
                .entry(entitlement.destination.identity.to_string())
                .or_insert_with(|| nothing(connection, &entitlement.destination));
            book.destination = entitlement.destination.clone();
            book.terms.push(Terms {
                key: entitlement.key,
                buyer: buyer.id.clone(),
                from,
                ends_at: entitlement.ends_at,
                included: entitlement.included.clone(),
            });
            let span = Span {
                from,
                until: until.unwrap_or(Hour::NEVER),
            };
            if connection.billing_mode.is_some_and(BillingMode::is_amount) {
                book.amounts.push(amounts(connection, buyer, entitlement, span));
            } else {
                book.sources.extend(sources(
                    connection,
                    catalog,
                    buyer,
                    entitlement,
                    span,
                    &mut unstated,
                ));
            }
        }
    }
    (books, unstated)
}

/// The shares of amounts that any of the books is to count at an hour: what counts them still is to hand them on, also where the
/// configuration does not name it any more.
pub(crate) fn followed(books: &BTreeMap<String, Wanted>, hour: Hour) -> BTreeSet<Share> {
    let sources = books.values().flat_map(|book| &book.amounts);
    let live = sources.filter(|source| source.until > hour);
    live.flat_map(|source| source.shares.keys().cloned()).collect()
}

/// The amounts of a buyer, for one of its entitlements.
fn amounts(connection: &Connection, buyer: &Buyer, entitlement: &Entitlement, span: Span) -> AmountSource {
    let marketplace = entitlement.destination.identity.marketplace();
    let conversion = connection.conversions_of(METRONOME, marketplace).next();
    let shares: BTreeMap<Share, Hour> = buyer
        .shares()
        .into_iter()
        .map(|(share, since)| {
            (
                share,
                span.from
                    .max(connection.mode_since.max(since).unwrap_or(span.from)),
            )
        })
        .collect();
    let fixed = shares.iter().filter_map(|(share, since)| {
        let metric = share.counter("").metric;
        let value = connection.opening(&share.customer, &metric, &Group::new(), *since)?;
        Some((share.clone(), value))
    });
    AmountSource {
        entitlement: entitlement.key,
        scheduled: connection.scheduled,
        until: span.until,
        fixed: fixed.collect(),
        target: conversion.map(target),
        shares,
    }
}

fn target(conversion: &Conversion) -> Target {
    Target {
        dimension: conversion.to.clone(),
        factor: conversion.factor.clone(),
        hold_above: conversion.hold_above,
    }
}

/// A book of which nothing is wanted but what it still owes.
pub(crate) fn nothing(connection: &Connection, destination: &Destination) -> Wanted {
    Wanted {
        connection: connection.life(),
        account: ACCOUNT.to_owned(),
        destination: destination.clone(),
        terms: Vec::new(),
        sources: Vec::new(),
        amounts: Vec::new(),
        followed: BTreeSet::new(),
        effective: Hour::ceil(connection.applied_at),
        open_days: connection.open_days,
        gone: BTreeSet::new(),
    }
}

fn sources(
    connection: &Connection,
    catalog: &Catalog,
    buyer: &Buyer,
    entitlement: &Entitlement,
    span: Span,
    unstated: &mut BTreeSet<Unstated>,
) -> Vec<Source> {
    let marketplace = entitlement.destination.identity.marketplace();
    let mut sources = Vec::new();
    for metric in metrics(connection, catalog) {
        let Some(since) = connection.whitelist.admits(metric) else {
            continue;
        };
        let rows = rows(connection, catalog, metric, marketplace);
        if rows.is_empty() {
            unstated.insert(Unstated {
                buyer: buyer.id.clone(),
                metric: metric.to_owned(),
                reason: "`accumulate` must be stated for a metric that is neither COUNT nor SUM".to_owned(),
            });
        }
        for customer in &buyer.customers {
            let from = span
                .from
                .max(since.unwrap_or(span.from))
                .max(connection.mode_since.unwrap_or(span.from))
                .max(customer.since.unwrap_or(span.from));
            sources.extend(rows.iter().map(|(group, accumulation, target)| Source {
                entitlement: entitlement.key,
                customer: customer.id.clone(),
                metric: metric.to_owned(),
                group: group.clone(),
                accumulation: *accumulation,
                span: Span {
                    from,
                    until: span.until,
                },
                opening: connection.opening(&customer.id, metric, group, from),
                target: target.clone(),
            }));
        }
    }
    sources
}

/// The metrics that the connection speaks of: its whitelist's, or all of the account's and all that it converts.
fn metrics<'a>(connection: &'a Connection, catalog: &'a Catalog) -> BTreeSet<&'a str> {
    match &connection.whitelist.metrics {
        Some(listed) => listed.iter().map(String::as_str).collect(),
        None => {
            let active = catalog.values().filter(|metric| metric.archived_at.is_none());
            let converted = connection
                .conversions
                .iter()
                .map(|conversion| conversion.from.as_str());
            active.map(|metric| metric.id.as_str()).chain(converted).collect()
        }
    }
}

/// How a metric's rows are counted for a marketplace. A metric without a conversion is counted whole, to say what waits; none
/// come back where its accumulation is not stated.
fn rows(
    connection: &Connection,
    catalog: &Catalog,
    metric: &str,
    marketplace: &str,
) -> Vec<(Group, Accumulation, Option<Target>)> {
    // A metric that Metronome does not list any more is still counted as it was, so that its streams stay open.
    let additive = catalog
        .get(metric)
        .is_none_or(|metric| metric.aggregation.as_ref().is_some_and(Aggregation::is_additive));
    let conversions: Vec<&Conversion> = connection.conversions_of(metric, marketplace).collect();
    if conversions.is_empty() {
        let accumulation = if additive {
            Accumulation::Sum
        } else {
            Accumulation::Period
        };
        return vec![(Group::new(), accumulation, None)];
    }
    conversions
        .into_iter()
        .filter_map(|conversion| {
            let accumulation = match (catalog.contains_key(metric), conversion.accumulate) {
                (false, Some(_)) => conversion.accumulation(false),
                _ => conversion.accumulation(additive),
            };
            accumulation
                .map(|accumulation| (conversion.group.clone(), accumulation, Some(target(conversion))))
        })
        .collect()
}
