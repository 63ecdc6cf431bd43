//! The Microsoft commercial marketplace's metering API, version 2018-08-31: `usageEvent`, `batchUsageEvent` and
//! `usageEvents`, below `/api`.
//!
//! Where Microsoft's documents contradict each other or are silent, the stricter reading is taken, or a [`Switches`] field
//! chooses. <https://learn.microsoft.com/en-us/partner-center/marketplace-offers/marketplace-metering-service-apis>
//! (2026-11-20)

mod catalog;
mod ledger;
mod pace;
mod quantity;
mod reply;
mod request;
mod roll_up;
mod rules;
mod switches;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, StatusCode};
use rust_decimal::Decimal;
use tokio::time::Instant;
use uuid::Uuid;

pub use catalog::{Offer, Status, Subscription};
pub use ledger::{Conflict, Event, OncePerHour, Stored};
pub use request::Operation;
pub use roll_up::Row;
pub use switches::{BadToken, Switches, Untold};

use super::{Application, Tokens};
use crate::{Clock, Fate, Service};
use catalog::Catalog;
use ledger::{Entry, Ledger};
use pace::Pace;
use reply::{Answer, Refusal};
use request::Parameters;
use rules::Rules;
use wire::{BatchResult, Outcome, Problem, Sent};

/// What has been asked, and what has been answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Calls of each operation, those included that were refused.
    pub calls: BTreeMap<Operation, u64>,
    /// Calls refused for coming too fast.
    pub throttled: u64,
    /// Calls refused for their token, single events of another application's offer included.
    pub unauthorized: u64,
    /// Calls refused whole for another cause.
    pub refused: u64,
    /// Events of calls that were not refused, by the status that they were answered with.
    pub answered: BTreeMap<&'static str, u64>,
    /// Events whose quantity a double may not keep: of more than 15 significant digits. They are taken, and kept exactly.
    pub inexact: u64,
    /// The most calls of any one second.
    pub busiest_second: usize,
}

/// The service.
pub struct Azure {
    clock: Clock,
    tokens: Tokens,
    pulse: Box<dyn Fn() -> Instant + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    catalog: Catalog,
    ledger: Ledger,
    processed: BTreeMap<Row, Decimal>,
    pace: Pace,
    switches: Switches,
    counts: Counts,
    calls: u64,
    events: u64,
}

impl fmt::Debug for Azure {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Azure")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Azure {
    /// A marketplace without offers, whose windows follow `clock`, and which `tokens` open.
    #[must_use]
    pub fn new(clock: Clock, tokens: Tokens) -> Self {
        Self::with_pulse(clock, tokens, Instant::now)
    }

    /// The same, its calls a second measured by `pulse`.
    pub fn with_pulse(
        clock: Clock,
        tokens: Tokens,
        pulse: impl Fn() -> Instant + Send + Sync + 'static,
    ) -> Self {
        Self {
            clock,
            tokens,
            pulse: Box::new(pulse),
            state: Mutex::default(),
        }
    }

    /// Publishes an offer, or a new form of it.
    pub fn publish(&self, offer: Offer) {
        self.lock().catalog.offers.insert(offer.id.clone(), offer);
    }

    /// Adds a subscription, or puts it in place of the one with its id.
    pub fn subscribe(&self, subscription: Subscription) {
        let subscriptions = &mut self.lock().catalog.subscriptions;
        subscriptions.insert(subscription.resource_id, subscription);
    }

    /// Lets a subscription stand otherwise: activated, suspended, reinstated, or cancelled at a time. An unknown one stays so.
    pub fn set_status(&self, resource_id: Uuid, status: Status) {
        self.change(resource_id, |subscription| subscription.status = status);
    }

    /// Gives a subscription another plan, at once. An unknown one stays so.
    pub fn change_plan(&self, resource_id: Uuid, plan: &str) {
        self.change(resource_id, |subscription| {
            plan.clone_into(&mut subscription.plan);
        });
    }

    /// Puts an event in place that somebody else has sent.
    pub fn plant(&self, event: &Event) {
        let mut state = self.lock();
        let once = state.switches.once_per_hour;
        state.ledger.plant(event, self.clock.now(), once);
    }

    /// Lets the billing pipeline make `quantity` of a row, from now on: `Accepted` if that is what was sent, `Rejected` if it
    /// is 0, else `Mismatch`. Of its own accord it makes of a row what was sent, a day after the row's day.
    pub fn process(&self, row: Row, quantity: Decimal) {
        self.lock().processed.insert(row, quantity);
    }

    /// Changes switches.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// All that is billed, in the order in which it came.
    pub fn held(&self) -> Vec<Stored> {
        self.lock().ledger.events().cloned().collect()
    }

    /// What buyers pay for: the quantity of each resource and dimension over all hours, foreign events included.
    pub fn totals(&self) -> BTreeMap<(Uuid, String), Decimal> {
        let mut totals = BTreeMap::new();
        for event in self.lock().ledger.events() {
            let key = (event.resource_id, event.dimension.clone());
            *totals.entry(key).or_insert(Decimal::ZERO) += event.quantity;
        }
        totals
    }

    /// Duplicates that were not the stored event over again, in the order in which they came.
    pub fn conflicts(&self) -> Vec<Conflict> {
        self.lock().ledger.conflicts().to_vec()
    }

    /// What has been asked and answered.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            busiest_second: state.pace.busiest_second(),
            ..state.counts.clone()
        }
    }

    fn change(&self, resource_id: Uuid, change: impl FnOnce(&mut Subscription)) {
        if let Some(subscription) = self.lock().catalog.subscriptions.get_mut(&resource_id) {
            change(subscription);
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Azure {
    fn name(&self) -> &'static str {
        "azure"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        state.calls += 1;
        let result = state.answer(request, &self.tokens, self.clock.now(), (self.pulse)());
        if let Err(refusal) = &result {
            let counts = &mut state.counts;
            *match refusal.status {
                StatusCode::TOO_MANY_REQUESTS => &mut counts.throttled,
                StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => &mut counts.unauthorized,
                _ => &mut counts.refused,
            } += 1;
        }
        Fate::Reply(reply::reply(request, state.calls, result))
    }
}

impl State {
    fn answer(
        &mut self,
        request: &Request<Bytes>,
        tokens: &Tokens,
        now: DateTime<Utc>,
        at: Instant,
    ) -> Result<Answer, Refusal> {
        let operation = Operation::of(request)?;
        *self.counts.calls.entry(operation).or_default() += 1;
        if !self.pace.arrive(at, self.switches.calls_per_second) {
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, "TooManyRequests", "Too many calls."));
        }
        let caller = request::caller(request, tokens, now, self.switches.bad_token)?;
        let parameters = Parameters::of(request)?;
        match operation {
            Operation::UsageEvent => self.usage_event(request::event(request)?, &caller, now),
            Operation::BatchUsageEvent => self.batch_usage_event(request::batch(request)?, &caller, now),
            Operation::UsageEvents => {
                let query = roll_up::Query::of(&parameters, now)?;
                let events = self.ledger.events();
                let rows = roll_up::rows(&query, events, &self.processed, &self.catalog, &caller, now);
                Answer::new(StatusCode::OK, &rows)
            }
        }
    }

    /// One event: what is wrong with it is the call's status here.
    fn usage_event(
        &mut self,
        sent: Sent,
        caller: &Application,
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let outcome = self.process(sent, caller, now);
        match (outcome.status, &outcome.error) {
            ("ResourceNotAuthorized", _) => Err(Refusal::forbidden()),
            ("Duplicate", Some(problem)) => Answer::new(StatusCode::CONFLICT, problem),
            (_, Some(problem)) => Answer::new(StatusCode::BAD_REQUEST, problem),
            (_, None) => Answer::new(StatusCode::OK, &outcome),
        }
    }

    fn batch_usage_event(
        &mut self,
        batch: Vec<Sent>,
        caller: &Application,
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let results = batch
            .into_iter()
            .map(|sent| self.process(sent, caller, now))
            .collect();
        let result = self.switches.spoil(results, now);
        let count = result.len();
        Answer::new(StatusCode::OK, &BatchResult { count, result })
    }

    /// What an event is answered with, which is not always what became of it.
    fn process(&mut self, sent: Sent, caller: &Application, now: DateTime<Utc>) -> Outcome {
        self.events += 1;
        let outcome = match self.switches.untold(self.events) {
            None => self.judge(sent, caller, now),
            Some((status, processed)) => {
                let untold = Outcome::new(status, sent.clone(), now);
                if processed {
                    drop(self.judge(sent, caller, now));
                }
                untold
            }
        };
        *self.counts.answered.entry(outcome.status).or_default() += 1;
        self.switches.write(outcome)
    }

    /// What becomes of an event.
    fn judge(&mut self, sent: Sent, caller: &Application, now: DateTime<Utc>) -> Outcome {
        let quantity = sent.member("quantity").and_then(quantity::read);
        self.counts.inexact += u64::from(quantity.is_some_and(quantity::is_inexact));
        let rules = Rules {
            catalog: &self.catalog,
            caller,
            now,
        };
        let event = match rules.check(&sent) {
            Ok(event) => event,
            Err(refused) => {
                let problem = Problem::bad_argument(refused.details);
                return Outcome::new(refused.status, sent, now).with_error(problem);
            }
        };
        match self.ledger.enter(&event, now, self.switches.once_per_hour) {
            Entry::New(stored) => Outcome::new("Accepted", sent, now).with_receipt(stored.usage_event_id),
            Entry::Taken(stored) => Outcome::new("Duplicate", sent, now)
                .without_time()
                .with_error(Problem::conflict(&stored)),
        }
    }
}
