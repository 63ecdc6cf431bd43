//! Metronome: customers, billable metrics, usage events, and usage read back; contracts and their invoices.
//!
//! The rules are those of Metronome's documentation and its OpenAPI document; where these are silent, the item that had
//! to choose says what it chose. Ids are the same in every run, and time is the world's [`Clock`]. Not here: SQL metrics,
//! products and rate cards (a contract has its own flat prices), commits, and making contracts or billing configurations
//! over HTTP.

mod account;
mod agenda;
mod aggregation;
mod billing;
mod breakdowns;
mod budget;
mod catalog;
mod contract_reads;
mod contracts;
mod cursor;
mod customers;
mod events;
mod groups;
mod idempotency;
mod invoice_calls;
mod invoice_reads;
mod invoices;
mod lifecycle;
mod lines;
mod metrics;
mod mischief;
mod owned;
mod periods;
mod properties;
mod rating;
mod reply;
mod request;
mod routes;
mod search;
mod seeding;
mod state;
mod terms;
#[cfg(test)]
mod tests;
mod usage;
mod windows;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Request;
use rust_decimal::Decimal;
use uuid::Uuid;

pub use bigdecimal::BigDecimal;

pub use self::aggregation::Aggregation;
pub use self::contracts::NewContract;
pub use self::events::Event;
pub use self::invoices::{CorrectionRecord, ExternalInvoice, InvoiceStatus, InvoiceType, NewInvoice};
pub use self::lines::CreditType;
pub use self::metrics::{EventTypeFilter, NewMetric, PropertyFilter};
pub use self::mischief::{BrokenBody, Mischief};
pub use self::properties::Properties;
pub use self::reply::Refusal;
pub use self::routes::Operation;

use self::account::Account;
use self::aggregation::Tally;
use self::reply::respond;
use self::state::State;
use crate::{Clock, Fate, Service};

/// Milliseconds since any fixed moment, for the request budget: scenarios stand still by the world's clock, and their
/// requests do not.
pub type Timer = Arc<dyn Fn() -> u64 + Send + Sync>;

/// A Metronome environment.
pub struct Metronome {
    clock: Clock,
    timer: Timer,
    state: Mutex<State>,
}

impl Metronome {
    /// An empty environment that no token opens yet. Its request budget is counted by tokio's clock, which tests can
    /// pause.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let start = tokio::time::Instant::now();
        let elapsed = move || u64::try_from(start.elapsed().as_millis()).unwrap_or(u64::MAX);
        Self {
            clock,
            timer: Arc::new(elapsed),
            state: Mutex::default(),
        }
    }

    /// The same, with another clock for the request budget.
    #[must_use]
    pub fn timed_by(self, timer: Timer) -> Self {
        Self { timer, ..self }
    }

    /// The state, with everything done that the clock is to have done.
    fn state(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.account.settle(self.clock.now());
        state
    }

    /// Lets a bearer token in.
    pub fn add_token(&self, token: &str) {
        self.state().tokens.insert(token.to_owned());
    }

    /// Shuts a bearer token out again: 401 from now on.
    pub fn revoke_token(&self, token: &str) {
        self.state().tokens.remove(token);
    }

    /// Requests granted within any one second; more are answered 429. None, as at first: no limit.
    pub fn set_budget(&self, requests_per_second: Option<u32>) {
        self.state().budget.limit = requests_per_second;
    }

    /// Whether a 429 says in `Retry-After` how many seconds to wait. At first it does not.
    pub fn set_retry_after(&self, sent: bool) {
        self.state().budget.retry_after = sent;
    }

    /// How long an event is in before usage reads and event searches show it. At first not at all.
    pub fn set_visibility_delay(&self, delay: TimeDelta) {
        self.state().account.delay = delay;
    }

    /// Spoils answers from now on; the default ends it.
    pub fn set_mischief(&self, mischief: Mischief) {
        self.state().spoiler.mischief = mischief;
    }

    /// Requests by operation, whatever they were answered.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<Operation, u64> {
        self.state().requests.clone()
    }

    /// The most requests that ever arrived within one second, whatever they were answered.
    #[must_use]
    pub fn peak_requests_per_second(&self) -> usize {
        self.state().budget.peak()
    }
}

/// Seeding and looking, past HTTP, tokens and budgets but by the same rules.
impl Metronome {
    /// Makes a customer and answers its id.
    ///
    /// # Errors
    /// 409 where an alias is taken, 400 where one is malformed.
    pub fn create_customer(&self, name: &str, aliases: &[&str]) -> Result<Uuid, Refusal> {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        self.state()
            .account
            .create_customer(name, aliases, BTreeMap::new(), self.clock.now())
    }

    /// Replaces a customer's aliases. Usage under them, past usage too, is the customer's from now on.
    ///
    /// # Errors
    /// 404 for an unknown customer, 409 where an alias is taken, 400 where one is malformed.
    pub fn set_ingest_aliases(&self, customer: Uuid, aliases: &[&str]) -> Result<(), Refusal> {
        let aliases = aliases.iter().map(|alias| (*alias).to_owned()).collect();
        self.state()
            .account
            .customers
            .set_aliases(customer, aliases, self.clock.now())
    }

    /// Archives a customer, for good, with its contracts; its invoices are void.
    ///
    /// # Errors
    /// 404 for an unknown customer, 400 for an archived one.
    pub fn archive_customer(&self, customer: Uuid) -> Result<(), Refusal> {
        self.state().account.archive_customer(customer, self.clock.now())
    }

    /// Defines a metric and answers its id. It counts events that come in from now on.
    ///
    /// # Errors
    /// 400 for a definition that Metronome would refuse.
    pub fn create_metric(&self, metric: NewMetric) -> Result<Uuid, Refusal> {
        self.state().account.create_metric(metric)
    }

    /// Archives a metric. It keeps counting.
    ///
    /// # Errors
    /// 404 for an unknown metric.
    pub fn archive_metric(&self, metric: Uuid) -> Result<(), Refusal> {
        self.state().account.archive_metric(metric, self.clock.now())
    }

    /// Takes one event in, now.
    ///
    /// # Errors
    /// 400 for a malformed event, and for one too old or too far ahead.
    pub fn ingest(&self, event: Event) -> Result<(), Refusal> {
        let Account { events, metrics, .. } = &mut self.state().account;
        events.ingest(vec![event], metrics, self.clock.now())
    }

    /// The true usage in `[from, until)` of everything that has come in, to compare with. `None` where no event
    /// matched, where customer or metric is unknown, and where a [`Decimal`] cannot hold it (see [`Self::exact_usage_of`]).
    #[must_use]
    pub fn usage_of(
        &self,
        customer: Uuid,
        metric: Uuid,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Option<Decimal> {
        let usage = self.exact_usage_of(customer, metric, from, until)?;
        Decimal::from_str_exact(&usage.to_plain_string()).ok()
    }

    /// The true usage with all its digits.
    #[must_use]
    pub fn exact_usage_of(
        &self,
        customer: Uuid,
        metric: Uuid,
        from: DateTime<Utc>,
        until: DateTime<Utc>,
    ) -> Option<BigDecimal> {
        let account = &self.state().account;
        let names = account.customers.get(customer).ok()?.names();
        let place = account.metric_place(metric).ok()?;
        let aggregation = account.metric(place).ok()?.definition.aggregation_type;
        let view = account.events.view(self.clock.now());
        let mut tally = None;
        for share in account.events.shares(place, &names, (from, until), view) {
            tally
                .get_or_insert_with(|| Tally::new(aggregation))
                .add(share.place, share.quantity);
        }
        tally.map(|tally| tally.value().normalized())
    }
}

impl Service for Metronome {
    fn name(&self) -> &'static str {
        "metronome"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let now = self.clock.now();
        let moment = (self.timer)();
        Fate::Reply(respond(self.state().answer(request, now, moment)))
    }
}
