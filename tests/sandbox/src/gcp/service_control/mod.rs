//! Google Service Control v1, as Cloud Marketplace meters by it: `services.check` and `services.report`.
//!
//! Where Google's documents contradict each other or are silent, the stricter reading is taken, or a [`Switches`] field
//! chooses. <https://cloud.google.com/marketplace/docs/partners/integrated-saas/configure-usage-reports> (2026-11-20)

mod answer;
mod catalog;
mod check;
mod labels;
mod ledger;
mod pacific;
mod request;
mod rules;
mod switches;
#[cfg(test)]
mod tests;
mod usage;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bigdecimal::BigDecimal;
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Request;

pub use catalog::{Consumer, Standing, ValueType};
pub use ledger::{OtherOperation, SameOperation, Stored};
pub use pacific::Month;
pub use switches::{Counts, Exhausted, Failing, Straddling, Switches};
pub use usage::Value;

use super::refusal::{self, Refusal};
use super::{Code, GoogleTokens};
use crate::{Clock, Fate, Service};
use answer::{Answer, ReportError};
use catalog::{Catalog, ManagedService};
use ledger::{Entry, Ledger};
use request::Method;
use rules::{Fault, Rules};
use wire::{Operation, ReportRequest};

/// How long after its end usage is to be reported at the latest. What comes later is counted, and taken.
const PROMPT: TimeDelta = TimeDelta::hours(1);

/// The service.
#[derive(Debug)]
pub struct ServiceControl {
    clock: Clock,
    tokens: Arc<GoogleTokens>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    catalog: Catalog,
    ledger: Ledger,
    switches: Switches,
    counts: Counts,
    calls: u64,
}

impl ServiceControl {
    /// Without services; callers bring the tokens that `tokens` gives out.
    #[must_use]
    pub fn new(clock: Clock, tokens: Arc<GoogleTokens>) -> Self {
        Self {
            clock,
            tokens,
            state: Mutex::default(),
        }
    }

    /// Adds a service by its name, or metrics to one that is there. A metric `calls` is `<service>/calls` in reports.
    pub fn add_service(&self, service: &str, metrics: &[(&str, ValueType)]) {
        let named = |(metric, defined): &(&str, ValueType)| (format!("{service}/{metric}"), defined.clone());
        let metrics = metrics.iter().map(named);
        self.lock().of(service).metrics.extend(metrics);
    }

    /// Lets a principal check and report: a service account by its e-mail, or a provider's identities by its name.
    pub fn allow(&self, service: &str, principal: &str) {
        self.lock().of(service).callers.insert(principal.to_owned());
    }

    /// Adds a consumer, or puts it in the place of the one with its id.
    pub fn add_consumer(&self, service: &str, consumer: Consumer) {
        let mut state = self.lock();
        state.of(service).consumers.insert(consumer.id.clone(), consumer);
    }

    /// Changes a consumer that is there: cancels it, or gives it another standing.
    pub fn change_consumer(&self, service: &str, id: &str, change: impl FnOnce(&mut Consumer)) {
        let mut state = self.lock();
        let service = state.catalog.get_mut(service);
        if let Some(consumer) = service.and_then(|service| service.consumers.get_mut(id)) {
            change(consumer);
        }
    }

    /// Changes switches.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// What was taken of one metric of one consumer, in the order in which it came, billed or not.
    pub fn operations(&self, service: &str, consumer: &str, metric: &str) -> Vec<Stored> {
        let metric = format!("{service}/{metric}");
        let of =
            |row: &&Stored| row.service == service && row.consumer_id == consumer && row.metric == metric;
        self.lock().ledger.stored().iter().filter(of).cloned().collect()
    }

    /// All that was taken, in the order in which it came, billed or not.
    pub fn records(&self) -> Vec<Stored> {
        self.lock().ledger.stored().to_vec()
    }

    /// What the consumer pays for, over all time.
    pub fn billed(&self, service: &str, consumer: &str, metric: &str) -> BigDecimal {
        let metric = format!("{service}/{metric}");
        self.lock()
            .ledger
            .total(service, consumer, &metric, |row| row.billed)
    }

    /// What it would pay for if nothing were deduplicated.
    pub fn billed_without_deduplication(&self, service: &str, consumer: &str, metric: &str) -> BigDecimal {
        let metric = format!("{service}/{metric}");
        self.lock().ledger.total(service, consumer, &metric, |_| true)
    }

    /// The operation ids that were stored more than once, and how often.
    pub fn repeated_ids(&self, service: &str) -> BTreeMap<String, u64> {
        self.lock().ledger.repeated_ids(service)
    }

    /// What has been asked and answered.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for ServiceControl {
    fn name(&self) -> &'static str {
        "gcp"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let caller = self.tokens.caller(request);
        let mut state = self.lock();
        let result = caller.and_then(|caller| state.answer(request, &caller, self.clock.now()));
        if let Err(refusal) = &result {
            state.counts.refuse(refusal.code);
        }
        Fate::Reply(refusal::reply(result))
    }
}

impl Counts {
    fn refuse(&mut self, code: Code) {
        let count = match code {
            Code::Unauthenticated | Code::PermissionDenied => &mut self.unauthorized,
            Code::ResourceExhausted => &mut self.exhausted,
            _ => &mut self.refused,
        };
        *count += 1;
    }
}

impl State {
    fn of(&mut self, service: &str) -> &mut ManagedService {
        self.catalog.entry(service.to_owned()).or_default()
    }

    fn answer(
        &mut self,
        request: &Request<Bytes>,
        caller: &str,
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let (service, method) = request::target(request)?;
        let managed = self
            .catalog
            .get(service)
            .ok_or_else(|| Refusal::new(Code::NotFound, format!("service '{service}' is not found")))?;
        if !managed.callers.contains(caller) {
            let message = format!("permission '{}' is denied on '{service}'", method.permission());
            return Err(Refusal::new(Code::PermissionDenied, message));
        }
        let called = match method {
            Method::Check => &mut self.counts.checks,
            Method::Report => &mut self.counts.reports,
        };
        *called += 1;
        self.calls += 1;
        if let Some(exhausted) = self.switches.exhausted
            && self.calls % exhausted.every == 0
        {
            return Err(Refusal {
                retry_after: exhausted.retry_after,
                ..Refusal::new(Code::ResourceExhausted, "the quota of this minute is used up")
            });
        }
        match method {
            Method::Check => {
                let (id, error) = check::check(request::read(request)?, self.of(service), now)?;
                self.counts.denied += u64::from(error.is_some());
                Ok(Answer::to_check(id, error))
            }
            Method::Report => self.report(service, &request::read(request)?, now),
        }
    }

    fn report(
        &mut self,
        service: &str,
        asked: &ReportRequest,
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let operations = asked.operations.as_deref().unwrap_or_default();
        if operations.is_empty() {
            return Err(Refusal::invalid("a report has no operations"));
        }
        operations.iter().try_for_each(rules::well_formed)?;
        let mut errors = Vec::new();
        for operation in operations {
            if let Err(fault) = self.record(service, operation, now) {
                let id = operation.operation_id.as_deref().unwrap_or_default();
                errors.push(ReportError::new(id, fault));
            }
        }
        if let Some(id) = &self.switches.foreign_error {
            let fault = Fault::invalid("another caller's operation");
            errors.push(ReportError::new(id, fault));
        }
        Ok(Answer::to_report(errors))
    }

    /// Takes one operation, or says why not.
    fn record(&mut self, service: &str, operation: &Operation, now: DateTime<Utc>) -> Result<(), Fault> {
        self.counts.operations += 1;
        if let Some(failing) = self.switches.failing
            && self.counts.operations % failing.every == 0
        {
            self.counts.failed += 1;
            let message = "the operation could not be processed".to_owned();
            return Err(Fault {
                code: failing.code,
                message,
            });
        }
        let rules = Rules {
            service_name: service,
            straddling: self.switches.straddling,
            now,
            service: self.of(service),
        };
        let usage = rules.usage(operation).inspect_err(|_| self.counts.faulty += 1)?;
        let late = now - usage.end_time > PROMPT;
        let (same, other) = (self.switches.same_operation, self.switches.other_operation);
        match self.ledger.enter(service, usage, now, same, other) {
            Entry::Billed => {
                self.counts.billed += 1;
                self.counts.late += u64::from(late);
                Ok(())
            }
            Entry::Repeated => {
                self.counts.repeated += 1;
                Ok(())
            }
            Entry::Conflict(fault) => {
                self.counts.conflicts += 1;
                fault.map_or(Ok(()), Err)
            }
        }
    }
}
