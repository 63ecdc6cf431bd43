//! What the marketplace holds, buyer by buyer.

use std::collections::{BTreeMap, BTreeSet};

use billing::{AwsBuyer, AwsIdentity, Fraction, Hour, Identity, MeterKey, Record};
use sandbox::aws::metering::{Customer, Identity as Sold, Stored};

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

    fn take(&mut self, identity: &Identity, stored: &Stored) {
        let dimension = stored.dimension.clone();
        if stored.foreign {
            self.foreign.insert((Hour::floor(stored.hour), dimension));
            return;
        }
        *self.quantities.entry(dimension.clone()).or_default() += &stored.quantity.into();
        // The entitlement is no part of the id.
        let meter = MeterKey {
            entitlement: stored.timestamp,
            dimension,
        };
        self.held
            .insert(Record::new(identity, meter, stored.timestamp, stored.quantity).id);
    }
}

/// All bills.
pub(crate) fn by_identity(records: &[Stored]) -> BTreeMap<Identity, Bill> {
    let mut bills: BTreeMap<Identity, Bill> = BTreeMap::new();
    for stored in records {
        let identity = identity(stored);
        bills.entry(identity.clone()).or_default().take(&identity, stored);
    }
    bills
}

fn identity(stored: &Stored) -> Identity {
    let buyer = match stored.identity.clone() {
        Sold::License { account, arn } => AwsBuyer::License {
            account_id: account,
            license_arn: arn,
        },
        Sold::Product {
            code,
            customer: Customer::Account(account),
        } => AwsBuyer::Account {
            product_code: code,
            account_id: account,
        },
        Sold::Product {
            code,
            customer: Customer::Identifier(identifier),
        } => AwsBuyer::Customer {
            product_code: code,
            customer_identifier: identifier,
        },
    };
    Identity::Aws(AwsIdentity {
        buyer,
        region: stored.region.clone(),
    })
}
