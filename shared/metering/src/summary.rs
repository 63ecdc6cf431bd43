//! What a run says of itself.

use std::collections::BTreeMap;

use billing::{AmountKey, AmountNote, Fraction, Held, HeldAmount, Hour, Outcome, Record};
use chrono::{DateTime, SecondsFormat, Utc};
use platform::requests::Requests;
use platform::{Fault, FaultKind};
use serde::Serialize;

/// A run over connections, as the function answers it.
#[derive(Clone, Debug, Serialize)]
pub struct RunSummary {
    /// The job.
    pub job: &'static str,
    /// The event's time.
    pub at: String,
    /// Whether nothing was written or sent.
    pub dry_run: bool,
    /// One for each connection.
    pub connections: Vec<ConnectionSummary>,
    /// What failed, worst first in [`FaultKind`]'s order.
    #[serde(skip)]
    pub faults: Vec<Fault>,
}

/// How a connection's run went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// All of it.
    Ok,
    /// Something failed, the rest was done.
    Partial,
    /// Nothing could be done.
    Failed,
}

/// One connection's part.
#[derive(Clone, Debug, Serialize)]
pub struct ConnectionSummary {
    /// Its id.
    pub connection: String,
    /// How it went.
    pub status: Status,
    /// What failed, in words.
    pub error: Option<String>,
    /// One for each buyer.
    pub buyers: Vec<BuyerSummary>,
    /// Requests made, by service.
    pub requests: Requests,
}

/// One buyer's part.
#[derive(Clone, Debug, Default, Serialize)]
pub struct BuyerSummary {
    /// Its id.
    pub buyer: String,
    /// The records that this run claimed, sent or settled.
    pub records: Vec<RecordSummary>,
    /// What waits.
    pub held: Vec<HeldSummary>,
    /// What else there is to say of amounts.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<NoteSummary>,
    /// What is owed in each dimension, an exact fraction.
    pub owed: BTreeMap<String, Fraction>,
}

/// One record.
#[derive(Clone, Debug, Serialize)]
pub struct RecordSummary {
    /// Its id.
    pub id: String,
    /// `aws`.
    pub marketplace: &'static str,
    /// The dimension.
    pub dimension: String,
    /// The hour that it fills.
    pub hour: String,
    /// A decimal.
    pub quantity: String,
    /// `delivered`, `delivered_unproven`, `in_flight`, `returned`, `parked`; `planned` in a dry run.
    pub outcome: &'static str,
    /// Why, where it is not plainly delivered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// One stream whose mark waits.
#[derive(Clone, Debug, Serialize)]
pub struct HeldSummary {
    /// The stream's name.
    pub stream: String,
    /// How much waits, where it could be read.
    pub growth: Option<String>,
    /// Why.
    pub reason: String,
}

/// What the design's limits say of a stream of amounts, in dollars.
#[derive(Clone, Debug, Serialize)]
pub struct NoteSummary {
    /// The stream's name.
    pub stream: String,
    /// `suspended`: this much is to be passed until growth is billed again. `late`: this much of an earlier month goes into the
    /// month that runs, for the marketplace takes no more of its own.
    pub note: &'static str,
    /// Dollars.
    pub amount: String,
    /// The invoice that caused it, in words.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cause: Option<String>,
}

impl NoteSummary {
    pub(crate) fn new(stream: &AmountKey, note: &AmountNote) -> Self {
        let (note, amount, cause) = match note {
            AmountNote::Suspended { to_pass, cause } => ("suspended", to_pass, Some(cause.clone())),
            AmountNote::Late { amount } => ("late", amount, None),
        };
        Self {
            stream: stream.to_string(),
            note,
            amount: amount.normalize().to_string(),
            cause,
        }
    }
}

impl From<&HeldAmount> for HeldSummary {
    fn from(held: &HeldAmount) -> Self {
        Self {
            stream: held.stream.to_string(),
            growth: held.growth.map(|growth| growth.normalize().to_string()),
            reason: held.hold.to_string(),
        }
    }
}

impl RecordSummary {
    pub(crate) fn new(
        marketplace: &'static str,
        record: &Record,
        outcome: &'static str,
        reason: Option<String>,
    ) -> Self {
        Self {
            id: record.id.clone(),
            marketplace,
            dimension: record.meter.dimension.clone(),
            hour: stamp(record.hour()),
            quantity: record.quantity.to_string(),
            outcome,
            reason,
        }
    }
}

impl From<&Held> for HeldSummary {
    fn from(held: &Held) -> Self {
        Self {
            stream: held.stream.to_string(),
            growth: held.growth.map(|growth| growth.normalize().to_string()),
            reason: held.hold.to_string(),
        }
    }
}

impl RunSummary {
    /// The summary of a run in which nothing failed.
    ///
    /// # Errors
    /// [`Self::failure`]; what was done all the same is told to the log.
    pub fn whole(self) -> Result<Self, Fault> {
        let Some(fault) = self.failure() else {
            return Ok(self);
        };
        let told = serde_json::to_string(&self).unwrap_or_default();
        tracing::warn!(summary = told, "the run is done, but for what failed");
        Err(fault)
    }

    /// The failure that the run ends in: the first kind in order, with all that failed in words.
    #[must_use]
    pub fn failure(&self) -> Option<Fault> {
        let kind = self.faults.iter().map(|fault| fault.kind).min()?;
        // The Runtime API takes an error of any length; a log line of this many is still read.
        let words: Vec<&str> = self
            .faults
            .iter()
            .map(|fault| fault.message.as_str())
            .take(20)
            .collect();
        let more = self.faults.len().saturating_sub(words.len());
        let rest = if more > 0 {
            format!("; and {more} more")
        } else {
            String::new()
        };
        Some(Fault::new(kind, format!("{}{rest}", words.join("; "))))
    }
}

/// What a settled or unsettled record means for how the run ends.
pub(crate) fn fault_of(outcome: Option<Outcome>, what: &str) -> Option<Fault> {
    let fault = |kind, words: &str| Some(Fault::new(kind, format!("{what} {words}")));
    match outcome {
        Some(Outcome::Delivered | Outcome::DeliveredUnproven | Outcome::WrittenOff) => None,
        Some(Outcome::Parked) => fault(FaultKind::Parked, "is parked: `meterbridge resolve` it"),
        Some(Outcome::Returned) => fault(FaultKind::Incomplete, "was refused and is owed again"),
        None => fault(FaultKind::Incomplete, "is still in flight"),
    }
}

/// An instant, as summaries and items write it.
pub(crate) fn written(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}

fn stamp(hour: Hour) -> String {
    hour.to_string()
}
