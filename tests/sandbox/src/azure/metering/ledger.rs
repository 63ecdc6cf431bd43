//! What is billed: one event for each resource, dimension and UTC clock hour. The first one stays.
//!
//! <https://learn.microsoft.com/en-us/partner-center/marketplace-offers/marketplace-metering-service-apis> (2026-11-20)

use std::collections::BTreeMap;

use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

/// What may be billed once an hour. Microsoft's documents say both; that the plan is part of it, none says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum OncePerHour {
    /// A dimension of a resource.
    #[default]
    Dimension,
    /// A resource, whatever the dimension: the older text, and still that of HTTP 409.
    Resource,
}

/// An event that the buyer is billed for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The subscription.
    pub resource_id: Uuid,
    /// Of what.
    pub dimension: String,
    /// The UTC hour that it fills.
    pub hour: DateTime<Utc>,
    /// The time that it was sent with.
    pub effective_start_time: DateTime<Utc>,
    /// How much.
    pub quantity: Decimal,
    /// The plan that it was sent under.
    pub plan_id: String,
    /// The receipt.
    pub usage_event_id: Uuid,
    /// When it came, by the world's clock.
    pub received_at: DateTime<Utc>,
    /// Whether it was planted, rather than sent.
    pub foreign: bool,
}

/// A usage event.
#[derive(Clone, Debug)]
pub struct Event {
    /// The subscription.
    pub resource_id: Uuid,
    /// Of what.
    pub dimension: String,
    /// When: any time of the hour that it fills.
    pub effective_start_time: DateTime<Utc>,
    /// How much.
    pub quantity: Decimal,
    /// The plan.
    pub plan_id: String,
}

/// A duplicate that was not the stored event over again: it named another quantity, dimension or plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conflict {
    /// The event that stays billed.
    pub usage_event_id: Uuid,
    /// The dimension that was sent now.
    pub dimension: String,
    /// The quantity that was sent now.
    pub quantity: Decimal,
    /// The plan that was sent now.
    pub plan_id: String,
    /// When it came.
    pub received_at: DateTime<Utc>,
}

/// What became of an event.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is billed now.
    New(Stored),
    /// This one is billed in its place.
    Taken(Stored),
}

/// Resource, hour, dimension: the events of a resource's hour lie beside each other.
type Key = (Uuid, DateTime<Utc>, String);

/// All that is billed.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    by_key: BTreeMap<Key, Stored>,
    arrivals: Vec<Key>,
    conflicts: Vec<Conflict>,
}

impl Ledger {
    /// Bills `event`, unless its hour is taken.
    pub(super) fn enter(&mut self, event: &Event, now: DateTime<Utc>, once: OncePerHour) -> Entry {
        let arrived = stored(event, now, false);
        let Some(first) = self.holder(&arrived, once).cloned() else {
            self.put(arrived.clone());
            return Entry::New(arrived);
        };
        let content = |event: &Stored| (event.dimension.clone(), event.quantity, event.plan_id.clone());
        if content(&first) != content(&arrived) {
            self.conflicts.push(Conflict {
                usage_event_id: first.usage_event_id,
                dimension: arrived.dimension,
                quantity: arrived.quantity,
                plan_id: arrived.plan_id,
                received_at: now,
            });
        }
        Entry::Taken(first)
    }

    /// Bills an event that nobody of ours sent. The first one stays here too.
    pub(super) fn plant(&mut self, event: &Event, now: DateTime<Utc>, once: OncePerHour) {
        let planted = stored(event, now, true);
        if self.holder(&planted, once).is_none() {
            self.put(planted);
        }
    }

    /// In the order in which they came.
    pub(super) fn events(&self) -> impl Iterator<Item = &Stored> {
        self.arrivals.iter().filter_map(|key| self.by_key.get(key))
    }

    pub(super) fn conflicts(&self) -> &[Conflict] {
        &self.conflicts
    }

    /// The event that is billed where `event` would be.
    fn holder(&self, event: &Stored, once: OncePerHour) -> Option<&Stored> {
        let (resource_id, hour, dimension) = key(event);
        self.by_key
            .range((resource_id, hour, String::new())..)
            .map(|(_, held)| held)
            .take_while(|held| (held.resource_id, held.hour) == (resource_id, hour))
            .find(|held| once == OncePerHour::Resource || held.dimension == dimension)
    }

    fn put(&mut self, event: Stored) {
        self.arrivals.push(key(&event));
        self.by_key.insert(key(&event), event);
    }
}

fn key(event: &Stored) -> Key {
    (event.resource_id, event.hour, event.dimension.clone())
}

fn stored(event: &Event, received_at: DateTime<Utc>, foreign: bool) -> Stored {
    let time = event.effective_start_time;
    let hour = time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time);
    let name = format!("{} {} {hour}", event.resource_id, event.dimension);
    Stored {
        resource_id: event.resource_id,
        dimension: event.dimension.clone(),
        hour,
        effective_start_time: time,
        quantity: event.quantity,
        plan_id: event.plan_id.clone(),
        usage_event_id: Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes()),
        received_at,
        foreign,
    }
}
