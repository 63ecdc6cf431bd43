//! Where records go. Each marketplace has one sink; all of them say what became of a record in the words of
//! [`billing::Answer`], one answer for every request that carried it, and leave it to [`billing::settle()`] to judge.
//!
//! A sink is given records that are in flight, with an attempt noted on each. It never changes a record, never makes one up,
//! and never takes for a success what is not a receipt of that very record. What it could not send in time it reports with
//! fewer answers, or none.

pub mod aws;
pub mod azure;
mod delivery;
pub mod gcp;
mod rest;
pub mod suger;
mod words;

#[cfg(test)]
mod tests;

use billing::{Destination, Identity, Learned, Record, Rules, Unit};
use platform::Fault;
use rust_decimal::Decimal;

pub use aws::Aws;
pub use azure::Azure;

/// A record on its way, with where it goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outgoing {
    /// The book's destination.
    pub destination: Destination,
    /// The record, as it was claimed.
    pub record: Record,
}

/// What came of sending.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sent {
    /// For each record that was given, in the order given: one answer a request, in turn.
    ///
    /// No answers at all mean that no request carried the record: the deadline came first, or the marketplace's window does
    /// not take it as the clock stands. [`billing::settle()`] then closes the attempt, and [`billing::expire`] takes the record
    /// out of the flight once its window is over.
    pub learned: Vec<Learned>,
    /// What concerns whole requests and wants mending, each once: access refused, a product or region that is not set up, a
    /// service that stayed away.
    pub faults: Vec<Fault>,
}

/// Quantities that a service reads as a double: six places, and no more than the fifteen digits that every double keeps.
const DOUBLE: Unit = Unit {
    places: 6,
    max: Decimal::from_parts(2_764_472_319, 232_830, 0, false, 6),
};

/// What the destination's marketplace takes: its unit, its window, its month end.
#[must_use]
pub fn rules(destination: &Destination) -> Rules {
    match &destination.identity {
        Identity::Aws(_) => aws::rules(destination),
        Identity::Azure { .. } => azure::rules(),
        Identity::Gcp { .. } => gcp::rules(destination),
        Identity::Suger { .. } => suger::rules(),
    }
}

#[cfg(test)]
#[test]
fn units_are_as_large_as_their_numbers() {
    let gcp = gcp::rules(&Destination::of(Identity::Suger {
        organization_id: String::new(),
        entitlement_id: String::new(),
    }));
    assert_eq!(DOUBLE.max.to_string(), "999999999.999999");
    assert_eq!(gcp.unit.max, Decimal::from(i64::MAX));
}
