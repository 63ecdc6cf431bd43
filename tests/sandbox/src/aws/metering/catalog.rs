//! What the marketplace knows before any usage arrives: products, and who has bought them for how long.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

/// Everything that tells one buyer's records from another's, within a region. The two kinds do not see each other: the same
/// usage sent under both is billed twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Identity {
    /// A buyer's account and its licence: no product code at the request.
    License {
        /// The buyer's AWS account.
        account: String,
        /// The licence, which stands for one agreement of one product.
        arn: String,
    },
    /// A product code at the request, and a customer in the record.
    Product {
        /// The product code.
        code: String,
        /// Who, in that product.
        customer: Customer,
    },
}

impl Identity {
    /// An account and a licence.
    pub fn license(account: &str, arn: &str) -> Self {
        Self::License {
            account: account.to_owned(),
            arn: arn.to_owned(),
        }
    }

    /// A product code and a customer identifier.
    pub fn customer(code: &str, identifier: &str) -> Self {
        Self::Product {
            code: code.to_owned(),
            customer: Customer::Identifier(identifier.to_owned()),
        }
    }

    /// A product code and an account.
    pub fn account(code: &str, account: &str) -> Self {
        Self::Product {
            code: code.to_owned(),
            customer: Customer::Account(account.to_owned()),
        }
    }
}

/// A customer of a product, by one name or the other.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Customer {
    /// `CustomerIdentifier`, of integrations older than June 2026.
    Identifier(String),
    /// `CustomerAWSAccountId`.
    Account(String),
}

/// That `identity` may use `product` from one instant until another.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// The product's code or id, as given to `add_product`.
    pub product: String,
    /// Who.
    pub identity: Identity,
    /// Where it can be metered; empty: in every region.
    pub regions: Vec<String>,
    /// The first instant of use.
    pub from: DateTime<Utc>,
    /// The instant at which it has ended, if it ends.
    pub until: Option<DateTime<Utc>>,
    /// When metering learns of it. Before, records are `CustomerNotSubscribed`, and the same ones meter later.
    pub activated_at: DateTime<Utc>,
}

impl Subscription {
    /// From `from` on, without an end, in every region, known at once.
    #[must_use]
    pub fn new(product: &str, identity: Identity, from: DateTime<Utc>) -> Self {
        let product = product.to_owned();
        Self {
            product,
            identity,
            regions: Vec::new(),
            from,
            until: None,
            activated_at: from,
        }
    }

    /// With an end.
    #[must_use]
    pub fn until(mut self, until: DateTime<Utc>) -> Self {
        self.until = Some(until);
        self
    }

    /// Metered in these regions only.
    #[must_use]
    pub fn in_regions(mut self, regions: &[&str]) -> Self {
        self.regions = regions.iter().map(|region| (*region).to_owned()).collect();
        self
    }

    /// Known to metering only from then on.
    #[must_use]
    pub fn activated_at(mut self, at: DateTime<Utc>) -> Self {
        self.activated_at = at;
        self
    }

    fn contains(&self, time: DateTime<Utc>) -> bool {
        self.from <= time && self.until.is_none_or(|until| time < until)
    }

    /// Records are taken until an hour after the end: the time to flush what is left.
    fn takes_records_at(&self, now: DateTime<Utc>, region: &str) -> bool {
        self.activated_at <= now
            && self.until.is_none_or(|until| now < until + TimeDelta::hours(1))
            && (self.regions.is_empty() || self.regions.iter().any(|enabled| enabled == region))
    }
}

/// How an identity stands towards a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It has a subscription that takes records now and contains the record's time.
    Subscribed,
    /// It has one that takes records now, but none contains the record's time.
    OutsidePeriod,
    /// None takes records now.
    NotSubscribed,
}

/// Products and subscriptions.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    products: BTreeMap<String, BTreeSet<String>>,
    subscriptions: BTreeMap<Identity, Vec<Subscription>>,
}

impl Catalog {
    pub(super) fn add_product(&mut self, product: &str, dimensions: &[&str]) {
        let dimensions = dimensions.iter().map(|name| (*name).to_owned());
        self.products
            .entry(product.to_owned())
            .or_default()
            .extend(dimensions);
    }

    pub(super) fn subscribe(&mut self, subscription: Subscription) {
        self.subscriptions
            .entry(subscription.identity.clone())
            .or_default()
            .push(subscription);
    }

    /// Ends, at `at`, what of the identity's has not ended before.
    pub(super) fn end(&mut self, identity: &Identity, at: DateTime<Utc>) {
        for subscription in self.subscriptions.get_mut(identity).into_iter().flatten() {
            subscription.until = Some(subscription.until.map_or(at, |until| until.min(at)));
        }
    }

    pub(super) fn has_product(&self, product: &str) -> bool {
        self.products.contains_key(product)
    }

    pub(super) fn has_dimension(&self, product: &str, dimension: &str) -> bool {
        self.products
            .get(product)
            .is_some_and(|names| names.contains(dimension))
    }

    /// The product that the identity has or had a subscription of.
    pub(super) fn product_of(&self, identity: &Identity) -> Option<&str> {
        self.of(identity)
            .next()
            .map(|subscription| subscription.product.as_str())
    }

    pub(super) fn standing(
        &self,
        identity: &Identity,
        region: &str,
        time: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Standing {
        if !self
            .of(identity)
            .any(|subscription| subscription.takes_records_at(now, region))
        {
            Standing::NotSubscribed
        } else if self.of(identity).any(|subscription| subscription.contains(time)) {
            Standing::Subscribed
        } else {
            Standing::OutsidePeriod
        }
    }

    fn of(&self, identity: &Identity) -> impl Iterator<Item = &Subscription> {
        self.subscriptions.get(identity).into_iter().flatten()
    }
}
