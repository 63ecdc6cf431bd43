//! Usage events: the rules for taking one in, and the log they are kept in.
//!
//! An event is matched to metrics once, when it comes in: a streaming metric counts only what arrives after it was
//! defined (<https://docs.metronome.com/guides/get-started/quickstart>). It is matched to a customer at every read.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, TimeDelta, Utc};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::aggregation::{Place, Quantity};
use super::metrics::Metric;
use super::properties::Properties;
use super::reply::Refusal;
use super::request;

/// Events one call may carry.
const MOST_EVENTS: usize = 100;
/// Characters of a transaction id.
const TRANSACTION_ID_LENGTH: usize = 128;
/// Properties of one event.
const MOST_PROPERTIES: usize = 2_000;
/// How old an event may be, and how long its transaction id is remembered.
const DAYS_BACK: TimeDelta = TimeDelta::days(34);
/// How far ahead of the clock an event may lie. (The quickstart says not at all; the guide on sending events says 24 h.)
const HOURS_AHEAD: TimeDelta = TimeDelta::hours(24);

/// A usage event, as `POST /v1/ingest` takes it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The key that makes sending it again harmless.
    pub transaction_id: String,
    /// A Metronome customer id or an ingest alias, of anyone or no one.
    pub customer_id: String,
    /// What happened.
    pub event_type: String,
    /// When it happened.
    pub timestamp: DateTime<Utc>,
    /// Whatever else is known.
    pub properties: Properties,
}

impl Event {
    /// An event without properties.
    #[must_use]
    pub fn new(transaction_id: &str, customer_id: &str, event_type: &str, timestamp: DateTime<Utc>) -> Self {
        Self {
            transaction_id: transaction_id.to_owned(),
            customer_id: customer_id.to_owned(),
            event_type: event_type.to_owned(),
            timestamp,
            properties: Properties::new(),
        }
    }

    /// Adds a property: a string, the form that Metronome advises for numbers too, or any other JSON.
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<serde_json::Value>) -> Self {
        if let Ok(raw) = RawValue::from_string(value.into().to_string()) {
            self.properties.insert(name.to_owned(), raw);
        }
        self
    }

    fn check(&self, now: DateTime<Utc>) -> Result<(), Refusal> {
        let length = self.transaction_id.chars().count();
        if length == 0 || length > TRANSACTION_ID_LENGTH {
            return Err(Refusal::bad(format!(
                "transaction_id has 1 to {TRANSACTION_ID_LENGTH} characters"
            )));
        }
        if self.customer_id.is_empty() || self.event_type.is_empty() {
            return Err(Refusal::bad("customer_id and event_type must not be empty"));
        }
        if self.properties.len() > MOST_PROPERTIES {
            return Err(Refusal::bad(format!(
                "an event has at most {MOST_PROPERTIES} properties"
            )));
        }
        if self.timestamp < now - DAYS_BACK {
            return Err(Refusal::bad("timestamp is more than 34 days in the past"));
        }
        if self.timestamp > now + HOURS_AHEAD {
            return Err(Refusal::bad("timestamp is more than 24 hours in the future"));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Sent {
    transaction_id: String,
    customer_id: String,
    event_type: String,
    timestamp: String,
    #[serde(default)]
    properties: Properties,
}

/// Reads the bare array of an ingest call. One bad event refuses them all: nothing says what else would happen.
pub(super) fn read(body: &[u8]) -> Result<Vec<Event>, Refusal> {
    let sent: Vec<Sent> = request::body(body)?;
    sent.into_iter()
        .map(|sent| {
            Ok(Event {
                timestamp: request::time("timestamp", &sent.timestamp)?,
                transaction_id: sent.transaction_id,
                customer_id: sent.customer_id,
                event_type: sent.event_type,
                properties: sent.properties,
            })
        })
        .collect()
}

/// An event that was taken in.
pub(super) struct Stored {
    pub(super) event: Event,
    pub(super) received: DateTime<Utc>,
    pub(super) is_duplicate: bool,
    /// The metrics it counts in, by their place in the account.
    pub(super) metrics: Vec<usize>,
}

/// What a reader may see: events received up to a moment, and of those the first so many.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    pub(super) as_of: DateTime<Utc>,
    pub(super) events: usize,
}

/// One event's part in one metric.
pub(super) struct Share<'e> {
    pub(super) place: Place,
    pub(super) quantity: &'e Quantity,
    pub(super) stored: &'e Stored,
}

/// The shares of one name a customer is called by in one metric, by time.
type Shares = BTreeMap<Place, Quantity>;

/// All events of the account.
#[derive(Default)]
pub(super) struct EventLog {
    all: Vec<Stored>,
    by_transaction: HashMap<String, Vec<usize>>,
    shares: HashMap<String, HashMap<usize, Shares>>,
}

impl EventLog {
    /// Takes events in, all or none. Who sent them and whether anything counts them makes no difference.
    pub(super) fn ingest(
        &mut self,
        events: Vec<Event>,
        metrics: &[Metric],
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        if events.is_empty() || events.len() > MOST_EVENTS {
            return Err(Refusal::bad(format!("send 1 to {MOST_EVENTS} events")));
        }
        events.iter().try_for_each(|event| event.check(now))?;
        for event in events {
            self.store(event, metrics, now);
        }
        Ok(())
    }

    fn store(&mut self, event: Event, metrics: &[Metric], now: DateTime<Utc>) {
        let order = self.all.len();
        let is_duplicate = self.is_duplicate(&event.transaction_id, now);
        let mut stored = Stored {
            event,
            received: now,
            is_duplicate,
            metrics: Vec::new(),
        };
        let event = &stored.event;
        self.by_transaction
            .entry(event.transaction_id.clone())
            .or_default()
            .push(order);
        if !is_duplicate {
            for (place, metric) in metrics.iter().enumerate() {
                if let Some(quantity) = metric.quantity(&event.event_type, &event.properties) {
                    let shares = self.shares.entry(event.customer_id.clone()).or_default();
                    shares
                        .entry(place)
                        .or_default()
                        .insert((event.timestamp, order), quantity);
                    stored.metrics.push(place);
                }
            }
        }
        self.all.push(stored);
    }

    /// The first event of a transaction id wins for 34 days from its arrival, whatever the later ones say. The id
    /// alone is the key, over all customers.
    fn is_duplicate(&self, transaction_id: &str, now: DateTime<Utc>) -> bool {
        let earlier = self.by_transaction.get(transaction_id).into_iter().flatten();
        earlier
            .filter_map(|order| self.all.get(*order))
            .any(|stored| !stored.is_duplicate && now - stored.received <= DAYS_BACK)
    }

    /// What a reader sees who sees everything that arrived until `as_of`.
    pub(super) fn view(&self, as_of: DateTime<Utc>) -> View {
        View {
            as_of,
            events: self.all.len(),
        }
    }

    /// The shares in a metric of whoever is called by `names`, happened in `[from, until)`, within the view.
    pub(super) fn shares<'e>(
        &'e self,
        metric: usize,
        names: &'e [String],
        (from, until): (DateTime<Utc>, DateTime<Utc>),
        view: View,
    ) -> impl Iterator<Item = Share<'e>> {
        let of_metric = move |name| self.shares.get(name)?.get(&metric);
        names
            .iter()
            .filter_map(of_metric)
            .flat_map(move |shares| shares.range((from, 0)..(until, 0)))
            .filter_map(|(place, quantity)| {
                Some(Share {
                    place: *place,
                    quantity,
                    stored: self.all.get(place.1)?,
                })
            })
            .filter(move |share| share.stored.received <= view.as_of && share.place.1 < view.events)
    }

    /// Events by transaction id, duplicates too, of the last 34 days.
    pub(super) fn find<'e>(
        &'e self,
        transaction_ids: &'e [String],
        view: View,
        now: DateTime<Utc>,
    ) -> impl Iterator<Item = (usize, &'e Stored)> {
        transaction_ids
            .iter()
            .filter_map(|id| self.by_transaction.get(id))
            .flatten()
            .filter_map(|order| Some((*order, self.all.get(*order)?)))
            .filter(move |(_, stored)| {
                stored.received <= view.as_of && stored.event.timestamp >= now - DAYS_BACK
            })
    }
}
