//! What `apply` fixes for good: the hours from which customers and metrics count, and the keys of entitlements. A file states
//! none of them; what was stored keeps what it has, and what is new begins at the first full hour after the apply.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Hour, Identity};
use chrono::{DateTime, TimeDelta, Utc};
use platform::Connection;
use platform::connection::{BillingMode, Buyer, Entitlement, Whitelist};

use crate::file::Declaration;
use crate::term::Term;

/// The connection that a declaration becomes, given what is stored of it.
#[must_use]
pub fn fix(declaration: Declaration, stored: Option<&Connection>) -> Connection {
    let Declaration {
        mut connection,
        from_start,
    } = declaration;
    let hour = Hour::ceil(connection.applied_at);
    for buyer in &mut connection.buyers {
        customers(buyer, from_start.contains(&buyer.id), stored, hour);
    }
    if let Some(stored) = stored {
        connection.begun_at = stored.begun_at;
        connection.whitelist = whitelist(connection.whitelist.metrics, &stored.whitelist, hour);
        connection.openings.clone_from(&stored.openings);
        connection.mode_since = mode_since(&connection, stored, hour);
        for buyer in &mut connection.buyers {
            contracts_since(buyer, stored, hour);
        }
    }
    keys(
        &mut connection.buyers,
        stored.map_or(&[], |stored| stored.buyers.as_slice()),
    );
    connection
}

/// A customer that the connection knows keeps its hour, whichever buyer it stands under now; only `bill_from = "start"`
/// takes it away.
fn customers(buyer: &mut Buyer, from_start: bool, stored: Option<&Connection>, hour: Hour) {
    for customer in &mut buyer.customers {
        let known = stored
            .into_iter()
            .flat_map(|stored| &stored.buyers)
            .flat_map(|buyer| &buyer.customers)
            .find(|known| known.id == customer.id);
        customer.since = match known {
            _ if from_start => None,
            Some(known) => known.since,
            None => Some(hour),
        };
    }
}

/// From when a mode counts that was changed: what was billed by usage must not be billed by invoices too. A connection that had
/// no mode has billed nothing.
fn mode_since(connection: &Connection, stored: &Connection, hour: Hour) -> Option<Hour> {
    let kind = |connection: &Connection| connection.billing_mode.map(BillingMode::is_amount);
    match (kind(stored), kind(connection)) {
        (Some(before), Some(now)) if before != now => Some(hour),
        // Without a mode for a while, it still is what it was before.
        _ => stored.mode_since,
    }
}

/// A buyer whose contracts are chosen otherwise counts them from the next hour.
fn contracts_since(buyer: &mut Buyer, stored: &Connection, hour: Hour) {
    let known = stored.buyers.iter().find(|known| known.id == buyer.id);
    buyer.contracts_since = known.and_then(|known| {
        if known.contracts == buyer.contracts {
            known.contracts_since
        } else {
            Some(hour)
        }
    });
}

/// A metric that an earlier apply left out counts from the hour of the apply that brings it back; the others keep the hour
/// that they had.
fn whitelist(metrics: Option<Vec<String>>, stored: &Whitelist, hour: Hour) -> Whitelist {
    match (metrics, &stored.metrics) {
        (None, None) => stored.clone(),
        (None, Some(listed)) => Whitelist {
            metrics: None,
            // `others_since` is for all that have no hour of their own, so those that count from the start need the earliest.
            since: listed
                .iter()
                .map(|metric| (metric.clone(), kept(stored, metric)))
                .collect(),
            others_since: Some(hour),
        },
        (Some(metrics), _) => {
            let since = metrics
                .iter()
                .map(|metric| match stored.admits(metric) {
                    Some(_) => (metric.clone(), kept(stored, metric)),
                    None => (metric.clone(), hour),
                })
                .filter(|(_, since)| *since != start());
            Whitelist {
                since: since.collect(),
                metrics: Some(metrics),
                others_since: None,
            }
        }
    }
}

fn kept(stored: &Whitelist, metric: &str) -> Hour {
    stored.admits(metric).flatten().unwrap_or_else(start)
}

/// The hour that stands for "from the start": no entitlement begins before it.
fn start() -> Hour {
    Hour::floor(DateTime::UNIX_EPOCH)
}

/// An entitlement keeps the key of the stored one that it continues: of the same identity, and begun at the same instant or
/// else overlapping in time. A stored key is kept once; whatever is new has its own `starts_at`.
fn keys(buyers: &mut [Buyer], stored: &[Buyer]) {
    let stored: Vec<_> = stored.iter().flat_map(|buyer| &buyer.entitlements).collect();
    let mut entitlements: Vec<_> = buyers
        .iter_mut()
        .flat_map(|buyer| &mut buyer.entitlements)
        .collect();
    entitlements.sort_by_key(|entitlement| entitlement.starts_at);
    let mut kept: BTreeMap<Identity, BTreeSet<DateTime<Utc>>> = BTreeMap::new();
    let mut fresh = Vec::new();
    // Those begun at the same instant choose first, so that another's overlap cannot take their key.
    let (same, other): (Vec<_>, Vec<_>) = entitlements
        .into_iter()
        .partition(|one| stored.iter().any(|old| continues(one, old) && begun_as(one, old)));
    for entitlement in same.into_iter().chain(other) {
        let kept = kept.entry(entitlement.destination.identity.clone()).or_default();
        let mut candidates: Vec<_> = stored
            .iter()
            .filter(|old| continues(entitlement, old) && !kept.contains(&old.key))
            .collect();
        candidates.sort_by_key(|old| (!begun_as(entitlement, old), old.starts_at));
        match candidates.first() {
            Some(old) => {
                entitlement.key = old.key;
                kept.insert(old.key);
            }
            None => fresh.push(entitlement),
        }
    }
    for entitlement in fresh {
        let kept = kept.entry(entitlement.destination.identity.clone()).or_default();
        entitlement.key = free(entitlement.starts_at, kept);
        kept.insert(entitlement.key);
    }
}

fn continues(one: &Entitlement, old: &Entitlement) -> bool {
    one.destination.identity == old.destination.identity && Term::of(one).overlaps(Term::of(old))
}

fn begun_as(one: &Entitlement, old: &Entitlement) -> bool {
    one.starts_at == old.starts_at
}

/// A key must be the identity's only one: where an entitlement that was moved has taken this one's start for its key, the
/// next free second serves. There are no more steps than keys.
fn free(starts_at: DateTime<Utc>, taken: &BTreeSet<DateTime<Utc>>) -> DateTime<Utc> {
    let mut key = starts_at;
    while taken.contains(&key) {
        key += TimeDelta::seconds(1);
    }
    key
}

#[cfg(test)]
mod tests;
