//! Across all connections, nothing is billed twice: no two buyers share an identity, nor a customer with a metric, at one
//! time.

use std::collections::BTreeSet;
use std::fmt;

use platform::Connection;
use platform::connection::{Buyer, Entitlement, METRONOME};

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
        let metrics = common(connection, other);
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

fn shared_customer(buyer: &Buyer, twin: &Buyer, common: Option<&Common>) -> Option<String> {
    let what = match common? {
        Common::Metric(metric) => format!("the metric {metric}"),
        Common::Usage => "usage that both bill, the one by metrics and the other by invoices".to_owned(),
        Common::Invoices if buyer.contracts.is_empty() || twin.contracts.is_empty() => "invoices".to_owned(),
        Common::Invoices => {
            let both = buyer
                .contracts
                .iter()
                .find(|contract| twin.contracts.contains(contract))?;
            format!("the contract {both}")
        }
    };
    let meet = buyer
        .entitlements
        .iter()
        .any(|one| twin.entitlements.iter().any(|two| overlap(one, two)));
    let customer = buyer
        .customers
        .iter()
        .find(|customer| twin.customers.iter().any(|known| known.id == customer.id))?;
    meet.then(|| format!("the customer {} with {what}", customer.id))
}

/// What two connections would both bill of a customer.
enum Common {
    /// A billable metric.
    Metric(String),
    /// One bills metrics, the other the invoices that come of them.
    Usage,
    /// Invoices, unless the buyers name different contracts.
    Invoices,
}

/// What both convert. What is not converted is billed nowhere.
fn common(one: &Connection, other: &Connection) -> Option<Common> {
    let of = |connection: &Connection| -> BTreeSet<String> {
        connection
            .conversions
            .iter()
            .map(|conversion| &conversion.from)
            .filter(|from| *from == METRONOME || connection.whitelist.admits(from).is_some())
            .cloned()
            .collect()
    };
    let (mine, theirs) = (of(one), of(other));
    if mine.is_empty() || theirs.is_empty() {
        return None;
    }
    match (one.billing_mode?.is_amount(), other.billing_mode?.is_amount()) {
        (true, true) => Some(Common::Invoices),
        (false, false) => (&mine & &theirs).pop_first().map(Common::Metric),
        _ => Some(Common::Usage),
    }
}

#[cfg(test)]
mod tests;
