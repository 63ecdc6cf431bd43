//! Records, the attempts to send them, and what becomes of both.

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Hour, Identity, MeterKey};

/// Record ids are version 5 UUIDs (RFC 9562) in this namespace, itself derived from the product's name.
fn namespace() -> Uuid {
    Uuid::new_v5(&Uuid::NAMESPACE_DNS, b"meterbridge")
}

/// What a marketplace is told: frozen whole when claimed, delivered once with exactly this content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Record {
    /// Derived from identity, dimension, timestamp and quantity.
    pub id: String,
    /// The meter it takes from.
    pub meter: MeterKey,
    /// The last second of its hour that lies inside the entitlement.
    pub timestamp: DateTime<Utc>,
    /// Above zero, in the dimension's unit.
    #[serde(with = "crate::text")]
    pub quantity: Decimal,
}

impl Record {
    /// The record of these four.
    #[must_use]
    pub fn new(identity: &Identity, meter: MeterKey, timestamp: DateTime<Utc>, quantity: Decimal) -> Self {
        let quantity = quantity.normalize();
        let name = format!(
            "{identity}\n{}\n{}\n{quantity}",
            meter.dimension,
            stamp(timestamp)
        );
        Self {
            id: Uuid::new_v5(&namespace(), name.as_bytes()).to_string(),
            meter,
            timestamp,
            quantity,
        }
    }

    /// What a meter owed at its entitlement's end and no hour could take: told apart from every record that was sent by the
    /// claim that parked it, and from what that run parked so before by how much of the meter is parked.
    pub(crate) fn unplaced(
        identity: &Identity,
        meter: MeterKey,
        timestamp: DateTime<Utc>,
        quantity: Decimal,
        claim: &str,
        parked: &crate::Fraction,
    ) -> Self {
        let name = format!(
            "{identity}\n{}\n{}\n{quantity}\nunplaced {claim} {parked}",
            meter.dimension,
            stamp(timestamp)
        );
        Self {
            id: Uuid::new_v5(&namespace(), name.as_bytes()).to_string(),
            meter,
            timestamp,
            quantity,
        }
    }

    /// The hour that it fills.
    #[must_use]
    pub fn hour(&self) -> Hour {
        Hour::floor(self.timestamp)
    }
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

/// One invocation's sending of a record, noted before its first request. It is open until it is known that none of its
/// requests took the record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    /// The invocation.
    pub id: String,
    /// When it was noted.
    pub since: DateTime<Utc>,
    /// Each of its requests was answered, and none took the record.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub closed: bool,
}

/// A record between claim and settle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InFlight {
    /// The record.
    pub record: Record,
    /// Who has tried to send it, oldest first.
    pub attempts: Vec<Attempt>,
}

impl InFlight {
    /// Whether this attempt is noted on it, and open.
    #[must_use]
    pub fn held_by(&self, attempt: &str) -> bool {
        self.attempts
            .iter()
            .any(|known| known.id == attempt && !known.closed)
    }

    /// Whether some attempt may have delivered it without our knowing.
    #[must_use]
    pub fn open(&self) -> bool {
        self.attempts.iter().any(|attempt| !attempt.closed)
    }
}

/// A marketplace's own word that it took a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// Its id of the record (AWS: `MeteringRecordId`).
    pub id: String,
}

/// Why a request did not take a record, by what follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// Another hour or another time may take it: throttled, unprocessed, not subscribed, out of the window, never sent.
    Later(String),
    /// More sending will not cure it: an unknown dimension, an invalid product or licence.
    Never(String),
}

/// One request's answer about one record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// Taken: the receipt.
    Accepted(Receipt),
    /// The marketplace holds a record of this identity, dimension and hour already; with its quantity where it says so.
    Duplicate {
        /// What it holds.
        stored: Option<Decimal>,
    },
    /// Not taken by this request.
    Refused(Refusal),
    /// Nobody knows: a timeout, a lost connection, a 5xx, a status we do not know.
    Unknown(String),
}

/// What became of a record when it left the flight, or of growth that lapsed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The marketplace took it.
    Delivered,
    /// The marketplace holds one for its hour, and an earlier request of ours was unanswered.
    DeliveredUnproven,
    /// Refused, and owed again.
    Returned,
    /// A person must judge.
    Parked,
    /// A person gave it up.
    WrittenOff,
}

impl Outcome {
    /// The word in summaries and items.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::DeliveredUnproven => "delivered_unproven",
            Self::Returned => "returned",
            Self::Parked => "parked",
            Self::WrittenOff => "written_off",
        }
    }
}

/// One line of the audit trail: appended in the transaction that took the record out of the book, never changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The record.
    pub record: Record,
    /// What became of it.
    pub outcome: Outcome,
    /// Why, where it is not plainly delivered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// The marketplace's word, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<Receipt>,
    /// Who settled it: an attempt's id, or an operator's resolution.
    pub by: String,
    /// When.
    pub at: DateTime<Utc>,
}
