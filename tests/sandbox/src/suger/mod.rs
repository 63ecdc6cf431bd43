//! Suger's metering API: usage record groups, one at a time or in batches, in front of the cloud marketplaces.
//!
//! The shapes are those of Suger's OpenAPI document of 2025-03-11, the rules those of its pages
//! (<https://doc.suger.io/get-started/metering>, <https://doc.suger.io/api/report-usage-record-group>, 2026-11-20). Where
//! these are silent, the stricter reading is taken, or a [`Switches`] field chooses. Groups add up; the id alone tells a
//! retry from more usage. Not here: retries of failed reports, configuration, aggregates, bearer tokens.

mod catalog;
mod ledger;
mod listing;
mod quantity;
mod reply;
mod reports;
mod routes;
mod rules;
mod state;
mod switches;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bigdecimal::BigDecimal;
use bytes::Bytes;
use http::{Request, StatusCode};

pub use catalog::{Entitlement, EntitlementStatus, Partner};
pub use ledger::{Foreign, Group, Status};
pub use reports::Report;
pub use switches::{BadGroup, LastPage, Switches, UnknownDimension};

use crate::{Clock, Fate, Service};
use reply::respond;
use state::State;

/// What has been asked, and what has been answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// All requests.
    pub requests: u64,
    /// Requests to report one group.
    pub creates: u64,
    /// Requests to report a batch.
    pub batches: u64,
    /// Requests to validate a batch.
    pub validations: u64,
    /// Requests for a page of groups or of reports.
    pub lists: u64,
    /// Requests to delete a group.
    pub deletes: u64,
    /// Requests answered 429.
    pub throttled: u64,
    /// Requests refused for another cause.
    pub refused: u64,
}

/// The service.
#[derive(Debug)]
pub struct Suger {
    clock: Clock,
    state: Mutex<State>,
}

impl Suger {
    /// A Suger without organizations, whose hours follow `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Adds an organization with the key of an API client, or a key to one that is there.
    pub fn add_organization(&self, organization: &str, key: &str) {
        self.state().catalog.add_organization(organization, key);
    }

    /// Shuts a key out: 401 from now on.
    pub fn revoke_key(&self, key: &str) {
        self.state().catalog.revoke_key(key);
    }

    /// Adds an entitlement, or replaces it.
    pub fn add_entitlement(&self, organization: &str, entitlement: Entitlement) {
        self.state().catalog.add_entitlement(organization, entitlement);
    }

    /// Changes how an entitlement stands. One that is not there stays so.
    pub fn set_status(&self, organization: &str, entitlement: &str, status: EntitlementStatus) {
        self.state().catalog.set_status(organization, entitlement, status);
    }

    /// Puts a group in place that somebody else has sent, unless its id is taken or its entitlement is unknown.
    pub fn plant(&self, foreign: &Foreign) {
        let now = self.clock.now();
        self.state().plant(foreign, now);
    }

    /// Changes switches.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.state().switches);
    }

    /// Every group that is in, in the order in which they came.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        self.state().ledger.groups.clone()
    }

    /// What is billed, by organization, entitlement and dimension key: every group but the invalid and the deleted ones.
    #[must_use]
    pub fn totals(&self) -> BTreeMap<(String, String, String), BigDecimal> {
        self.state().ledger.totals()
    }

    /// What is billed of one dimension.
    #[must_use]
    pub fn total(&self, organization: &str, entitlement: &str, dimension: &str) -> BigDecimal {
        let key = (
            organization.to_owned(),
            entitlement.to_owned(),
            dimension.to_owned(),
        );
        self.totals().remove(&key).unwrap_or_default()
    }

    /// The hourly reports that have been made.
    #[must_use]
    pub fn reports(&self) -> Vec<Report> {
        self.state().reports.made.clone()
    }

    /// The ids that were refused with 409, once for each time.
    #[must_use]
    pub fn duplicates(&self) -> Vec<String> {
        self.state().duplicates.clone()
    }

    /// What has been asked and answered.
    #[must_use]
    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// The state of this moment: with every report that is due.
    fn state(&self) -> MutexGuard<'_, State> {
        let now = self.clock.now();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let State { reports, ledger, .. } = &mut *state;
        reports.roll_up(&mut ledger.groups, now);
        state
    }
}

impl Service for Suger {
    fn name(&self) -> &'static str {
        "suger"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let now = self.clock.now();
        let mut state = self.state();
        state.counts.requests += 1;
        let outcome = state.answer(request, now);
        match &outcome {
            Err(refusal) if refusal.status == StatusCode::TOO_MANY_REQUESTS => state.counts.throttled += 1,
            Err(_) => state.counts.refused += 1,
            Ok(_) => {}
        }
        Fate::Reply(respond(outcome))
    }
}
