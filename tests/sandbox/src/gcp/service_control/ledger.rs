//! What has been reported: every operation that was taken, and which of them the buyer is billed for.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};

use super::pacific::Month;
use super::rules::{Fault, last_instant};
use super::usage::{Usage, Value};
use super::wire::Labels;
use crate::gcp::Code;

/// How an operation is taken whose id has come before, with the same content. Google's documents say neither.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SameOperation {
    /// It is answered as accepted, and billed once: as Google's own agent reads the API.
    #[default]
    Deduplicated,
    /// It is billed each time that it comes.
    Added,
}

/// How an operation is taken whose id has come before with another content. Google does not say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OtherOperation {
    /// It is named in `reportErrors` with this code.
    Refused(Code),
    /// It is answered as accepted, and the first one stays.
    Swallowed,
}

impl Default for OtherOperation {
    fn default() -> Self {
        Self::Refused(Code::InvalidArgument)
    }
}

/// One value of an operation that was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The service.
    pub service: String,
    /// Whose.
    pub consumer_id: String,
    /// Of what: the metric's full name.
    pub metric: String,
    /// The operation.
    pub operation_id: String,
    /// The first instant of use.
    pub start_time: DateTime<Utc>,
    /// The first instant after it.
    pub end_time: DateTime<Utc>,
    /// The labels of the value.
    pub labels: BTreeMap<String, String>,
    /// The labels of the operation that the buyer sees.
    pub user_labels: BTreeMap<String, String>,
    /// How much.
    pub value: Value,
    /// When it came, by the world's clock.
    pub received_at: DateTime<Utc>,
    /// The month of its last instant, on the Pacific.
    pub usage_month: Month,
    /// The month whose invoice it is on.
    pub invoice_month: Month,
    /// Whether it is billed. What came again and was seen to be the same is stored, and not billed.
    pub billed: bool,
}

/// What became of an operation that keeps the rules.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    /// It is billed.
    Billed,
    /// It was billed before.
    Repeated,
    /// Its id is another's; the fault is what the caller is told, if anything.
    Conflict(Option<Fault>),
}

/// All that was taken, in the order in which it came.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    stored: Vec<Stored>,
    /// What first came under an id of a service, and how often that has been stored.
    by_id: BTreeMap<(String, String), (Usage, u64)>,
}

impl Ledger {
    pub(super) fn enter(
        &mut self,
        service: &str,
        usage: Usage,
        now: DateTime<Utc>,
        same: SameOperation,
        other: OtherOperation,
    ) -> Entry {
        let key = (service.to_owned(), usage.operation_id.clone());
        let billed = match self.by_id.get_mut(&key) {
            // Without deduplication an id is a name and no more.
            Some((_, times)) if same == SameOperation::Added => {
                *times += 1;
                true
            }
            Some((first, times)) if *first == usage => {
                *times += 1;
                false
            }
            Some(_) => {
                return Entry::Conflict(match other {
                    OtherOperation::Refused(code) => {
                        let message = "the operation_id was used for another operation";
                        Some(Fault::new(code, message))
                    }
                    OtherOperation::Swallowed => None,
                });
            }
            None => {
                self.by_id.insert(key, (usage.clone(), 1));
                true
            }
        };
        self.stored.extend(rows(service, usage, now, billed));
        if billed { Entry::Billed } else { Entry::Repeated }
    }

    pub(super) fn stored(&self) -> &[Stored] {
        &self.stored
    }

    /// The ids of a service that were stored more than once, and how often.
    pub(super) fn repeated_ids(&self, service: &str) -> BTreeMap<String, u64> {
        let of_service = self.by_id.iter().filter(|((of, _), _)| of == service);
        of_service
            .filter(|(_, (_, times))| *times > 1)
            .map(|((_, id), (_, times))| (id.clone(), *times))
            .collect()
    }

    /// The sum of a metric's values that `counts` holds for.
    pub(super) fn total(
        &self,
        service: &str,
        consumer: &str,
        metric: &str,
        counts: impl Fn(&Stored) -> bool,
    ) -> BigDecimal {
        let of =
            |row: &&Stored| row.service == service && row.consumer_id == consumer && row.metric == metric;
        let rows = self.stored.iter().filter(of).filter(|row| counts(row));
        rows.map(|row| row.value.amount()).sum()
    }
}

fn rows(
    service: &str,
    usage: Usage,
    received_at: DateTime<Utc>,
    billed: bool,
) -> impl Iterator<Item = Stored> {
    let service = service.to_owned();
    let user_labels: Labels = usage.user_labels;
    usage.values.into_iter().map(move |metered| {
        let usage_month = Month::of(last_instant(metered.start_time, metered.end_time));
        Stored {
            service: service.clone(),
            consumer_id: usage.consumer_id.clone(),
            metric: metered.metric,
            operation_id: usage.operation_id.clone(),
            start_time: metered.start_time,
            end_time: metered.end_time,
            labels: metered.labels,
            user_labels: user_labels.clone(),
            value: metered.value,
            received_at,
            usage_month,
            invoice_month: usage_month.invoice(received_at),
            billed,
        }
    })
}
