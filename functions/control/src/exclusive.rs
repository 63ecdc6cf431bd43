//! Across all connections, nothing is billed twice: no two buyers share an identity, nor a customer with a metric, at one
//! time.

use std::collections::BTreeSet;
use std::fmt;

use platform::Connection;
use platform::connection::{Buyer, Entitlement};

use crate::term::Term;

/// Two buyers that would be billed for the same thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Twice {
    buyer: String,
    other: String,
    what: String,
}

impl fmt::Display for Twice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { buyer, other, what } = self;
        write!(
            f,
            "{buyer} and {other} share {what} at the same time: it would be billed twice. End the one where the other begins"
        )
    }
}

/// Checks a connection against the others that are stored (itself among them is passed over).
///
/// # Errors
/// Names every pair of buyers that share an identity, or a customer and one of its metrics, at one time.
pub fn check(connection: &Connection, others: &[Connection]) -> Result<(), Vec<Twice>> {
    let mut found = Vec::new();
    for other in others.iter().filter(|other| other.id != connection.id) {
        let metrics = common_metrics(connection, other);
        for buyer in &connection.buyers {
            for twin in &other.buyers {
                let shared =
                    shared_identity(buyer, twin).or_else(|| shared_customer(buyer, twin, metrics.as_ref()));
                found.extend(shared.map(|what| Twice {
                    buyer: name(connection, buyer),
                    other: name(other, twin),
                    what,
                }));
            }
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn name(connection: &Connection, buyer: &Buyer) -> String {
    format!("the buyer {} of the connection {}", buyer.id, connection.id)
}

fn overlap(one: &Entitlement, other: &Entitlement) -> bool {
    Term::of(one).overlaps(Term::of(other))
}

fn shared_identity(buyer: &Buyer, twin: &Buyer) -> Option<String> {
    let shared = |one: &&Entitlement| {
        twin.entitlements
            .iter()
            .any(|two| one.destination.identity == two.destination.identity && overlap(one, two))
    };
    buyer
        .entitlements
        .iter()
        .find(shared)
        .map(|one| format!("the identity {}", one.destination.identity))
}

fn shared_customer(buyer: &Buyer, twin: &Buyer, metrics: Option<&BTreeSet<String>>) -> Option<String> {
    let metric = metrics?.first()?;
    let meet = buyer
        .entitlements
        .iter()
        .any(|one| twin.entitlements.iter().any(|two| overlap(one, two)));
    let customer = buyer
        .customers
        .iter()
        .find(|customer| twin.customers.iter().any(|known| known.id == customer.id))?;
    meet.then(|| format!("the customer {} with the metric {metric}", customer.id))
}

/// The metrics that both convert, where both read the same Metronome. A metric that is not converted is billed nowhere.
fn common_metrics(one: &Connection, other: &Connection) -> Option<BTreeSet<String>> {
    let metered = |connection: &Connection| connection.billing_mode.is_some();
    if !(metered(one) && metered(other)) || one.metronome.name != other.metronome.name {
        return None;
    }
    let of = |connection: &Connection| -> BTreeSet<String> {
        connection
            .conversions
            .iter()
            .map(|conversion| &conversion.from)
            .filter(|metric| connection.whitelist.admits(metric).is_some())
            .cloned()
            .collect()
    };
    Some(&of(one) & &of(other))
}

#[cfg(test)]
mod tests;
