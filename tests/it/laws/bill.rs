//! What the marketplaces hold, buyer by buyer.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Fraction, Hour, Identity, Record};

use crate::market::{self, Holding};

/// One identity's bill.
#[derive(Debug, Default)]
pub(crate) struct Bill {
    /// The ids of our records: an id is a digest of all that a record says.
    pub(crate) held: BTreeSet<String>,
    quantities: BTreeMap<String, Fraction>,
    /// Hours and dimensions in which somebody else's record stands.
    foreign: BTreeSet<(Hour, String)>,
}

impl Bill {
    /// What a dimension is billed by records of ours.
    pub(crate) fn quantity(&self, dimension: &str) -> Fraction {
        self.quantities
            .get(dimension)
            .cloned()
            .unwrap_or_else(Fraction::zero)
    }

    /// Whether somebody else's record stands where this one would.
    pub(crate) fn foreign_in(&self, record: &Record) -> bool {
        self.foreign
            .contains(&(record.hour(), record.meter.dimension.clone()))
    }

    fn take(&mut self, holding: Holding) {
        if holding.foreign {
            self.foreign
                .insert((Hour::floor(holding.timestamp), holding.dimension));
            return;
        }
        let says = market::record(
            &holding.identity,
            &holding.dimension,
            holding.timestamp,
            holding.quantity,
        );
        assert_eq!(
            holding.id, says.id,
            "a record is held under the id of what it says"
        );
        *self.quantities.entry(holding.dimension).or_default() += &holding.quantity.into();
        self.held.insert(holding.id);
    }
}

/// All bills.
pub(crate) fn by_identity(held: Vec<Holding>) -> BTreeMap<Identity, Bill> {
    let mut bills: BTreeMap<Identity, Bill> = BTreeMap::new();
    for holding in held {
        bills.entry(holding.identity.clone()).or_default().take(holding);
    }
    bills
}
