//! Whether the parts of a file go together: nothing may be billed twice.

use std::collections::BTreeMap;

use platform::connection::{Conversion, Entitlement, METRONOME};

use super::buyer::Stated;
use super::mistake::{At, Notes};
use crate::term::Term;

/// A buyer's shares change hands in one transaction, which has room for so many.
const SHARES_MAX: usize = 40;

/// Checks that the conversions and buyers are of the billing mode.
pub(super) fn mode(notes: &Notes, amount: bool, conversions: &[At<Conversion>], buyers: &[Stated]) {
    for At { line, is } in conversions {
        if amount != (is.from == METRONOME) {
            let message = if amount {
                format!(
                    "`from` is \"{}\": in the amount modes the one source is \"{METRONOME}\", at $1 a unit",
                    is.from
                )
            } else {
                format!("`from = \"{METRONOME}\"` is of the amount modes: name a billable metric")
            };
            notes.add_if_whole(*line, message);
        } else if amount && (!is.group.is_empty() || is.accumulate.is_some() || is.carry) {
            let message = "`group`, `accumulate` and `carry` are of metrics: take them out of the amount modes' conversion";
            notes.add_if_whole(*line, message);
        }
    }
    for buyer in buyers {
        if let Some(contract) = buyer.contracts.first().filter(|_| !amount) {
            notes.add_if_whole(contract.line, "`contracts` is of the amount modes: take it out");
        }
        let shares = buyer.customers.len() * buyer.contracts.len().max(1);
        if amount && shares > SHARES_MAX {
            let message = format!(
                "the buyer {} has {shares} customers and contracts: at most {SHARES_MAX}, for they change hands together",
                buyer.id
            );
            notes.add_if_whole(buyer.line, message);
        }
    }
}

/// Checks the conversions against each other: no row of a metric may lead to one marketplace twice.
pub(super) fn conversions(notes: &Notes, conversions: &[At<Conversion>]) {
    for (index, one) in conversions.iter().enumerate() {
        let mut earlier = conversions
            .iter()
            .take(index)
            .filter(|other| meet(&one.is, &other.is));
        if let Some((line, same)) = earlier.find_map(|other| Some((other.line, twice(&one.is, &other.is)?))) {
            let message = if same {
                format!(
                    "the metric {} is converted for the same marketplace and group on line {line} already: its usage would be billed twice",
                    one.is.from
                )
            } else {
                format!(
                    "the metric {} is grouped otherwise on line {line}: give all its conversions for a marketplace the same group keys, or some of its usage would be billed twice",
                    one.is.from
                )
            };
            notes.add_if_whole(one.line, message);
        }
    }
}

/// Whether two conversions are of one metric for one marketplace. One without a marketplace is for each of them.
fn meet(one: &Conversion, other: &Conversion) -> bool {
    let marketplace =
        one.marketplace.is_none() || other.marketplace.is_none() || one.marketplace == other.marketplace;
    one.from == other.from && marketplace
}

/// Whether two conversions of one metric may take the same row: the same group (`true`), or groups by other keys.
fn twice(one: &Conversion, other: &Conversion) -> Option<bool> {
    let same = one.group == other.group;
    (same || !one.group.keys().eq(other.group.keys())).then_some(same)
}

/// Checks the buyers against each other and each against itself.
pub(super) fn buyers(notes: &Notes, buyers: &[Stated]) {
    let mut ids = BTreeMap::new();
    for (index, buyer) in buyers.iter().enumerate() {
        if let Some(line) = ids.insert(&buyer.id, buyer.line).filter(|_| !buyer.id.is_empty()) {
            let message = format!(
                "the buyer {} stands on line {line} already: give this one another id",
                buyer.id
            );
            notes.add_if_whole(buyer.line, message);
        }
        one_after_another(notes, buyer);
        for other in buyers.iter().take(index) {
            identities(notes, buyer, other);
            customers(notes, buyer, other);
        }
    }
}

fn one_after_another(notes: &Notes, buyer: &Stated) {
    for (index, entitlement) in buyer.entitlements.iter().enumerate() {
        let over = buyer
            .entitlements
            .iter()
            .take(index)
            .find(|before| overlap(entitlement, before));
        if let Some(before) = over {
            let message = format!(
                "the entitlement overlaps that of line {}: end the one where the other begins",
                before.line
            );
            notes.add_if_whole(entitlement.line, message);
        }
    }
}

fn overlap(one: &At<Entitlement>, other: &At<Entitlement>) -> bool {
    Term::of(&one.is).overlaps(Term::of(&other.is))
}

fn identities(notes: &Notes, buyer: &Stated, other: &Stated) {
    for entitlement in &buyer.entitlements {
        let identity = &entitlement.is.destination.identity;
        let twin = other
            .entitlements
            .iter()
            .find(|twin| twin.is.destination.identity == *identity && overlap(entitlement, twin));
        if let Some(twin) = twin {
            let message = format!(
                "the buyers {} (line {}) and {} share the identity {identity} at the same time: end the one where the other begins",
                other.id, twin.line, buyer.id
            );
            notes.add_if_whole(entitlement.line, message);
        }
    }
}

fn customers(notes: &Notes, buyer: &Stated, other: &Stated) {
    let meet = buyer
        .entitlements
        .iter()
        .any(|one| other.entitlements.iter().any(|two| overlap(one, two)));
    // Of two that name contracts, only one contract in common would be billed twice.
    let apart = !buyer.contracts.is_empty()
        && !other.contracts.is_empty()
        && !buyer
            .contracts
            .iter()
            .any(|contract| other.contracts.iter().any(|known| known.is == contract.is));
    let shared = buyer
        .customers
        .iter()
        .filter(|customer| other.customers.iter().any(|known| known.is == customer.is));
    for customer in shared.filter(|_| meet && !apart) {
        let message = format!(
            "the customer {} belongs to the buyer {} (line {}) at the same time: its usage would be billed twice",
            customer.is, other.id, other.line
        );
        notes.add_if_whole(customer.line, message);
    }
}
