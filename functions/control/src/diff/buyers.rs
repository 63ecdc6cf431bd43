//! Changes of buyers, their customers and their entitlements.

use chrono::{DateTime, SecondsFormat, Utc};
use platform::connection::{Buyer, BuyerCustomer, Entitlement};

use super::{Change, since};

/// The changes from the stored buyers to those applied: first who is gone, then the file's order.
pub(super) fn diff(stored: &[Buyer], applied: &[Buyer]) -> Vec<Change> {
    let gone = stored
        .iter()
        .filter(|buyer| !applied.iter().any(|other| other.id == buyer.id))
        .map(|buyer| Change::Removed(format!("buyer {}: what it owes is still delivered", buyer.id)));
    let rest = applied
        .iter()
        .flat_map(|buyer| match stored.iter().find(|known| known.id == buyer.id) {
            None => added(buyer),
            Some(known) => altered(known, buyer),
        });
    gone.chain(rest).collect()
}

fn added(buyer: &Buyer) -> Vec<Change> {
    let mut changes = vec![Change::Added(format!("buyer {}", buyer.id))];
    changes.extend(customers(buyer, &[]));
    changes.extend(
        buyer
            .entitlements
            .iter()
            .map(|one| Change::Added(entitlement(buyer, one))),
    );
    changes
}

fn altered(stored: &Buyer, applied: &Buyer) -> Vec<Change> {
    let gone = stored
        .customers
        .iter()
        .filter(|customer| !applied.customers.iter().any(|other| other.id == customer.id))
        .map(|customer| Change::Removed(format!("customer {} of buyer {}", customer.id, applied.id)));
    let contracts = (stored.contracts != applied.contracts).then(|| {
        let named = |contracts: &[String]| {
            if contracts.is_empty() {
                "all".to_owned()
            } else {
                contracts.join(", ")
            }
        };
        Change::Changed(format!(
            "contracts of buyer {}: {} → {}, {}",
            applied.id,
            named(&stored.contracts),
            named(&applied.contracts),
            since(applied.contracts_since)
        ))
    });
    gone.chain(customers(applied, &stored.customers))
        .chain(contracts)
        .chain(entitlements(stored, applied))
        .collect()
}

fn customers(buyer: &Buyer, stored: &[BuyerCustomer]) -> Vec<Change> {
    let change = |customer: &BuyerCustomer| {
        let from = since(customer.since);
        match stored.iter().find(|known| known.id == customer.id) {
            None => Some(Change::Added(format!(
                "customer {} of buyer {}: it counts {from}",
                customer.id, buyer.id
            ))),
            Some(known) if known.since != customer.since => Some(Change::Changed(format!(
                "customer {} of buyer {}: it counts {from}, not {}",
                customer.id,
                buyer.id,
                since(known.since)
            ))),
            Some(_) => None,
        }
    };
    buyer.customers.iter().filter_map(change).collect()
}

/// Entitlements are told by identity and key, which `apply` keeps.
fn entitlements(stored: &Buyer, applied: &Buyer) -> Vec<Change> {
    let same = |one: &Entitlement, other: &Entitlement| {
        one.key == other.key && one.destination.identity == other.destination.identity
    };
    let gone = stored
        .entitlements
        .iter()
        .filter(|one| !applied.entitlements.iter().any(|other| same(one, other)))
        .map(|one| Change::Removed(entitlement(applied, one)));
    let rest = applied.entitlements.iter().filter_map(|one| {
        let Some(known) = stored.entitlements.iter().find(|known| same(known, one)) else {
            return Some(Change::Added(entitlement(applied, one)));
        };
        let parts = parts(known, one);
        (!parts.is_empty()).then(|| {
            let name = named(applied, one);
            Change::Changed(format!("{name}: {}", parts.join(", ")))
        })
    });
    gone.chain(rest).collect()
}

fn parts(before: &Entitlement, after: &Entitlement) -> Vec<String> {
    let mut parts = Vec::new();
    let mut part = |what: &str, before: String, after: String| {
        if before != after {
            parts.push(format!("{what} {before} → {after}"));
        }
    };
    let product = |one: &Entitlement| {
        one.destination
            .product
            .clone()
            .unwrap_or_else(|| "none".to_owned())
    };
    part("starts_at", time(before.starts_at), time(after.starts_at));
    part("ends_at", end(before), end(after));
    part("included", included(before), included(after));
    part("product", product(before), product(after));
    part("plan_id", plan(before), plan(after));
    part("decimals", decimals(before), decimals(after));
    part("metrics", metrics(before), metrics(after));
    part("unknown", unknown(before), unknown(after));
    parts
}

fn plan(one: &Entitlement) -> String {
    one.destination
        .plan_id
        .clone()
        .unwrap_or_else(|| "none".to_owned())
}

fn decimals(one: &Entitlement) -> String {
    one.destination.decimals.to_string()
}

fn metrics(one: &Entitlement) -> String {
    let metrics = one.destination.metrics.iter();
    let named: Vec<String> = metrics
        .map(|(metric, value)| format!("{metric} {value:?}").to_lowercase())
        .collect();
    if named.is_empty() {
        "all int64".to_owned()
    } else {
        named.join(", ")
    }
}

fn unknown(one: &Entitlement) -> String {
    if one.destination.park_unknown {
        "park"
    } else {
        "resend"
    }
    .to_owned()
}

fn entitlement(buyer: &Buyer, one: &Entitlement) -> String {
    let included = if one.included.is_empty() {
        String::new()
    } else {
        format!(", included {}", included(one))
    };
    format!("{} until {}{included}", named(buyer, one), end(one))
}

fn named(buyer: &Buyer, one: &Entitlement) -> String {
    let (from, identity) = (time(one.starts_at), &one.destination.identity);
    format!("entitlement of buyer {} from {from} on {identity}", buyer.id)
}

fn included(one: &Entitlement) -> String {
    if one.included.is_empty() {
        return "nothing".to_owned();
    }
    one.included
        .iter()
        .map(|(dimension, free)| format!("{free} {dimension}"))
        .collect::<Vec<_>>()
        .join(" and ")
}

fn end(one: &Entitlement) -> String {
    one.ends_at.map_or_else(|| "further notice".to_owned(), time)
}

fn time(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}
