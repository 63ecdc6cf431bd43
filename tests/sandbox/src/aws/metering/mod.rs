//! AWS Marketplace Metering: `BatchMeterUsage` and `ResolveCustomer` of one seller account, in every region.
//!
//! Where AWS's documents contradict each other or are silent, the stricter reading is taken, or a [`Switches`] field
//! chooses. <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_Operations_AWSMarketplace_Metering_Service.html>

mod catalog;
mod ledger;
mod pace;
mod quantity;
mod registration;
mod rules;
#[cfg(test)]
mod tests;
mod wire;

use std::collections::BTreeSet;
use std::fmt;
use std::num::NonZeroU64;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;
use rust_decimal::Decimal;
use tokio::time::Instant;

pub use catalog::{Customer, Identity, Subscription};
pub use ledger::{Foreign, IdenticalRetry, Stored};
pub use registration::{Metadata, Registration};
pub use rules::CodeBesideLicense;

use super::json::{self, Protocol};
use super::{Refusal, Scope};
use crate::{Clock, Fate, Service};
use catalog::Catalog;
use ledger::{Entry, Ledger};
use pace::Pace;
use registration::Registrations;
use rules::Rules;
use wire::{BatchMeterUsage, BatchMeterUsageResult, UsageRecordResult};

const PROTOCOL: Protocol = Protocol {
    target: "AWSMPMeteringService",
    namespace: "com.amazonaws.marketplacemetering",
};

/// A request must be smaller than 1 MB, read here as the smaller of the two sizes of that name.
const MAX_BODY: usize = 1_000_000;

/// What is left open by the documents, or goes wrong at times.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    /// How an identical retry is answered.
    pub identical_retry: IdenticalRetry,
    /// How a product code beside licences is read.
    pub code_beside_license: CodeBesideLicense,
    /// Every so many records, one comes back in `UnprocessedRecords`: with 2, the second, the fourth, and so on.
    pub unprocessed_every: Option<NonZeroU64>,
    /// Whether calls beyond 10 a second are refused.
    pub throttled: bool,
    /// Regions in which the API is off.
    pub disabled_regions: BTreeSet<String>,
    /// The only access keys that may call; empty: any may.
    pub trusted_access_keys: BTreeSet<String>,
}

/// What has been asked, and what has been answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// `BatchMeterUsage` calls, those included that were throttled or refused.
    pub batch_meter_usage: u64,
    /// `ResolveCustomer` calls.
    pub resolve_customer: u64,
    /// Calls refused for coming too fast.
    pub throttled: u64,
    /// Calls refused whole for another cause.
    pub refused: u64,
    /// Records of calls that were not refused.
    pub records: u64,
    /// Records billed.
    pub billed: u64,
    /// Records answered `Success` that were billed before.
    pub repeated: u64,
    /// Records answered `DuplicateRecord`.
    pub duplicate: u64,
    /// Records answered `CustomerNotSubscribed`.
    pub not_subscribed: u64,
    /// Records given back unprocessed.
    pub unprocessed: u64,
    /// The most `BatchMeterUsage` calls of any one second in one region.
    pub busiest_second: usize,
}

/// The service.
pub struct Metering {
    clock: Clock,
    pulse: Box<dyn Fn() -> Instant + Send + Sync>,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    catalog: Catalog,
    registrations: Registrations,
    ledger: Ledger,
    pace: Pace,
    switches: Switches,
    counts: Counts,
    calls: u64,
}

impl fmt::Debug for Metering {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Metering")
            .field("state", &self.state)
            .finish_non_exhaustive()
    }
}

impl Metering {
    /// A marketplace without products, whose windows follow `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self::with_pulse(clock, Instant::now)
    }

    /// The same, its calls a second measured by `pulse`.
    pub fn with_pulse(clock: Clock, pulse: impl Fn() -> Instant + Send + Sync + 'static) -> Self {
        Self {
            clock,
            pulse: Box::new(pulse),
            state: Mutex::default(),
        }
    }

    /// Adds a product, by its code or id, or dimensions to one that is there.
    pub fn add_product(&self, product: &str, dimensions: &[&str]) {
        self.lock().catalog.add_product(product, dimensions);
    }

    /// Adds a subscription or licence. An identity may have several, one after another.
    pub fn subscribe(&self, subscription: Subscription) {
        self.lock().catalog.subscribe(subscription);
    }

    /// Ends what the identity has at `at` (as `License Deprovisioned` says): its records are taken for an hour more.
    pub fn deprovision(&self, identity: &Identity, at: DateTime<Utc>) {
        self.lock().catalog.end(identity, at);
    }

    /// Gives out a registration token.
    pub fn offer_token(&self, token: &str, registration: Registration, expires_at: DateTime<Utc>) {
        self.lock().registrations.add(token, registration, expires_at);
    }

    /// Puts a record in place that somebody else has sent.
    pub fn plant(&self, foreign: &Foreign) {
        let now = self.clock.now();
        self.lock().ledger.plant(foreign, now);
    }

    /// Changes switches.
    pub fn switch(&self, change: impl FnOnce(&mut Switches)) {
        change(&mut self.lock().switches);
    }

    /// All that is billed, in the order in which it came.
    pub fn records(&self) -> Vec<Stored> {
        self.lock().ledger.records().cloned().collect()
    }

    /// What the buyer pays for, over all hours and regions, foreign records included.
    pub fn billed(&self, identity: &Identity, dimension: &str) -> Decimal {
        let state = self.lock();
        let of_buyer = |stored: &&Stored| stored.identity == *identity && stored.dimension == dimension;
        state
            .ledger
            .records()
            .filter(of_buyer)
            .map(|stored| stored.quantity)
            .sum()
    }

    /// What has been asked and answered.
    pub fn counts(&self) -> Counts {
        let state = self.lock();
        Counts {
            busiest_second: state.pace.busiest_second(),
            ..state.counts
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for Metering {
    fn name(&self) -> &'static str {
        "aws"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        state.calls += 1;
        let result = state.answer(request, self.clock.now(), (self.pulse)());
        if let Err(refusal) = &result {
            let throttled = refusal.kind == "ThrottlingException";
            let count = if throttled {
                &mut state.counts.throttled
            } else {
                &mut state.counts.refused
            };
            *count += 1;
        }
        Fate::Reply(PROTOCOL.reply(state.calls, result))
    }
}

impl State {
    fn answer(
        &mut self,
        request: &Request<Bytes>,
        now: DateTime<Utc>,
        at: Instant,
    ) -> Result<Vec<u8>, Refusal> {
        let operation = PROTOCOL.operation(request)?;
        let scope = Scope::of(request, "aws-marketplace")?;
        let trusted = &self.switches.trusted_access_keys;
        if !trusted.is_empty() && !trusted.contains(&scope.access_key) {
            let message = format!(
                "User {} is not authorized to perform: aws-marketplace:{operation}",
                scope.access_key
            );
            return Err(Refusal::client("AccessDeniedException", message));
        }
        if self.switches.disabled_regions.contains(&scope.region) {
            return Err(Refusal::client(
                "DisabledApiException",
                "The API is disabled in the Region.",
            ));
        }
        match operation {
            "BatchMeterUsage" => {
                self.counts.batch_meter_usage += 1;
                let within = self.pace.arrive(&scope.region, at);
                if self.switches.throttled && !within {
                    return Err(Refusal::client("ThrottlingException", "Rate exceeded"));
                }
                self.batch_meter_usage(request, &scope.region, now)
            }
            "ResolveCustomer" => {
                self.counts.resolve_customer += 1;
                self.registrations.resolve(request, now)
            }
            other => Err(Refusal::client("UnknownOperationException", other)),
        }
    }

    fn batch_meter_usage(
        &mut self,
        request: &Request<Bytes>,
        region: &str,
        now: DateTime<Utc>,
    ) -> Result<Vec<u8>, Refusal> {
        if request.body().len() >= MAX_BODY {
            return Err(Refusal::validation("the request must be less than 1 MB"));
        }
        let asked: BatchMeterUsage = json::read(request)?;
        let code_beside_license = self.switches.code_beside_license;
        let usages = Rules {
            catalog: &self.catalog,
            region,
            now,
            code_beside_license,
        }
        .check(asked)?;

        let mut answer = BatchMeterUsageResult {
            results: Vec::new(),
            unprocessed_records: Vec::new(),
        };
        for usage in usages {
            self.counts.records += 1;
            if self
                .switches
                .unprocessed_every
                .is_some_and(|every| self.counts.records % every == 0)
            {
                self.counts.unprocessed += 1;
                answer.unprocessed_records.push(usage.record);
                continue;
            }
            let (status, metering_record_id) = self.process(&usage, region, now);
            let usage_record = usage.record;
            answer.results.push(UsageRecordResult {
                usage_record,
                metering_record_id,
                status,
            });
        }
        json::write(&answer)
    }

    /// A record's status and receipt.
    fn process(
        &mut self,
        usage: &rules::Usage,
        region: &str,
        now: DateTime<Utc>,
    ) -> (&'static str, Option<String>) {
        if !usage.subscribed {
            self.counts.not_subscribed += 1;
            return ("CustomerNotSubscribed", None);
        }
        match self
            .ledger
            .enter(usage, region, now, self.switches.identical_retry)
        {
            Entry::New(receipt) => {
                self.counts.billed += 1;
                ("Success", Some(receipt))
            }
            Entry::Same(receipt) => {
                self.counts.repeated += 1;
                ("Success", Some(receipt))
            }
            Entry::Duplicate(receipt) => {
                self.counts.duplicate += 1;
                ("DuplicateRecord", Some(receipt))
            }
        }
    }
}
