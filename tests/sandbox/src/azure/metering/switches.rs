//! What the documents leave open, and what goes wrong at times.

use std::num::{NonZeroU64, NonZeroUsize};

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::ledger::OncePerHour;
use super::wire::Outcome;
use crate::faults::draw;

/// How a call with a missing, invalid or expired token is answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BadToken {
    /// 403 with a body, as the documents say.
    #[default]
    Forbidden,
    /// 401 without one, as gateways answer.
    Unauthorized,
}

/// Events whose answer does not tell what became of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Untold {
    /// Every so many events: with 2, the second, the fourth, and so on.
    pub every: NonZeroU64,
    /// Whether they are looked at all the same, and billed if they keep the rules.
    pub processed: bool,
}

/// What is left open by the documents, or goes wrong at times.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    /// What may be billed once an hour.
    pub once_per_hour: OncePerHour,
    /// How a call with a bad token is answered.
    pub bad_token: BadToken,
    /// Calls of any one second that are let through; more are answered 429.
    pub calls_per_second: Option<NonZeroUsize>,
    /// Events answered `Error`, inside HTTP 200.
    pub errors: Option<Untold>,
    /// Events answered with a status that no document has, inside HTTP 200.
    pub unknown_statuses: Option<Untold>,
    /// Times are echoed without their zone, as some of Microsoft's examples show them.
    pub zoneless_times: bool,
    /// The order of a batch's results is drawn from this seed.
    pub shuffle: Option<u64>,
    /// A batch's answer lacks the first event's result.
    pub one_missing: bool,
    /// A batch's answer begins with an accepted event of a resource that nobody asked about.
    pub one_foreign: bool,
}

impl Switches {
    /// The status that the event number `serial` is answered with instead of its own, and whether it is processed.
    pub(super) fn untold(&self, serial: u64) -> Option<(&'static str, bool)> {
        [(self.errors, "Error"), (self.unknown_statuses, "Deferred")]
            .into_iter()
            .filter_map(|(untold, status)| Some((untold?, status)))
            .find(|(untold, _)| serial.is_multiple_of(untold.every.get()))
            .map(|(untold, status)| (status, untold.processed))
    }

    /// An outcome as it is written.
    pub(super) fn write(&self, mut outcome: Outcome) -> Outcome {
        if self.zoneless_times {
            if let Some(time) = outcome.sent.text("effectiveStartTime") {
                outcome.sent = outcome
                    .sent
                    .with("effectiveStartTime", time.trim_end_matches('Z'));
            }
            outcome.error = outcome.error.map(super::wire::Problem::zoneless);
        }
        outcome
    }

    /// A batch's results as they are answered. They are in the events' order before.
    pub(super) fn spoil(&self, mut results: Vec<Outcome>, now: DateTime<Utc>) -> Vec<Outcome> {
        let foreign = results.first().filter(|_| self.one_foreign).map(|first| {
            let resource = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"a stranger's subscription");
            let sent = first.sent.clone().with("resourceId", &resource.to_string());
            let receipt = Uuid::new_v5(&Uuid::NAMESPACE_OID, b"a stranger's event");
            Outcome::new("Accepted", sent, now).with_receipt(receipt)
        });
        if self.one_missing {
            results.drain(..results.len().min(1));
        }
        if let Some(seed) = self.shuffle {
            let mut placed: Vec<_> = (0..).zip(results).collect();
            placed.sort_by_key(|(place, _)| draw(seed, *place));
            results = placed.into_iter().map(|(_, result)| result).collect();
        }
        foreign.into_iter().chain(results).collect()
    }
}
