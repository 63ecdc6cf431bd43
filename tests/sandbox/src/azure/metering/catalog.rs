//! What the marketplace knows before any usage arrives: offers, and who has bought which plan of them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::azure::Application;

/// A published offer.
#[derive(Clone, Debug)]
pub struct Offer {
    /// Its id.
    pub id: String,
    /// The application of its technical configuration: the only one that may send its usage.
    pub owner: Application,
    /// The dimensions that each plan bills by.
    pub plans: BTreeMap<String, BTreeSet<String>>,
}

impl Offer {
    /// An offer without plans.
    #[must_use]
    pub fn new(id: &str, owner: &Application) -> Self {
        Self {
            id: id.to_owned(),
            owner: owner.clone(),
            plans: BTreeMap::new(),
        }
    }

    /// With a plan that bills by these dimensions.
    #[must_use]
    pub fn plan(mut self, id: &str, dimensions: &[&str]) -> Self {
        let dimensions = dimensions.iter().map(|name| (*name).to_owned()).collect();
        self.plans.insert(id.to_owned(), dimensions);
        self
    }
}

/// Where a subscription stands
/// (<https://learn.microsoft.com/en-us/partner-center/marketplace-offers/pc-saas-fulfillment-life-cycle>, 2026-11-20).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Bought, but not activated by the publisher.
    PendingFulfillmentStart,
    /// Active.
    Subscribed,
    /// Not paid for.
    Suspended,
    /// Ended.
    Unsubscribed {
        /// Its first instant without the subscription. Usage from before is still taken.
        at: DateTime<Utc>,
    },
}

impl Status {
    /// Whether usage of `time` is taken at `now`, as far as the subscription goes.
    pub(super) fn takes(self, time: DateTime<Utc>, now: DateTime<Utc>) -> bool {
        match self {
            Self::Subscribed => true,
            Self::Unsubscribed { at } => now < at || time < at,
            Self::PendingFulfillmentStart | Self::Suspended => false,
        }
    }
}

/// A bought plan: the resource that usage is sent for.
#[derive(Clone, Debug)]
pub struct Subscription {
    /// Its id, which events name as `resourceId`.
    pub resource_id: Uuid,
    /// The offer.
    pub offer: String,
    /// The plan that it has now.
    pub plan: String,
    /// Where it stands.
    pub status: Status,
    /// The buyer's Azure subscription, which bills it.
    pub azure_subscription_id: Uuid,
}

impl Subscription {
    /// An active subscription, billed by an Azure subscription of its own.
    #[must_use]
    pub fn new(resource_id: Uuid, offer: &str, plan: &str) -> Self {
        Self {
            resource_id,
            offer: offer.to_owned(),
            plan: plan.to_owned(),
            status: Status::Subscribed,
            azure_subscription_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, resource_id.as_bytes()),
        }
    }

    /// Standing so instead.
    #[must_use]
    pub fn with_status(mut self, status: Status) -> Self {
        self.status = status;
        self
    }
}

/// Offers and subscriptions.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    pub offers: BTreeMap<String, Offer>,
    pub subscriptions: BTreeMap<Uuid, Subscription>,
}

impl Catalog {
    pub(super) fn subscription(&self, resource_id: Uuid) -> Option<&Subscription> {
        self.subscriptions.get(&resource_id)
    }

    /// Whether `caller` is the application of the subscription's offer.
    pub(super) fn is_owner(&self, caller: &Application, subscription: &Subscription) -> bool {
        self.offers
            .get(&subscription.offer)
            .is_some_and(|offer| offer.owner == *caller)
    }

    /// Whether the subscription's plan bills by `dimension`.
    pub(super) fn has_dimension(&self, subscription: &Subscription, dimension: &str) -> bool {
        self.offers
            .get(&subscription.offer)
            .and_then(|offer| offer.plans.get(&subscription.plan))
            .is_some_and(|dimensions| dimensions.contains(dimension))
    }
}
