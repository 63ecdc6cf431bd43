//! The shapes of the service's bodies (<https://github.com/microsoft/commercial-marketplace-openapi>, 2026-11-20).

use std::collections::BTreeMap;

use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize, Serializer};
use serde_json::value::RawValue;
use uuid::Uuid;

use super::ledger::Stored;

/// The members of an event that are echoed.
const ECHOED: [&str; 6] = [
    "resourceId",
    "resourceUri",
    "quantity",
    "dimension",
    "effectiveStartTime",
    "planId",
];

/// A usage event as it was sent: its members, each in its own text. What is missing or malformed is the rules' affair.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[serde(transparent)]
pub(super) struct Sent(BTreeMap<String, Box<RawValue>>);

impl Sent {
    /// A member's text. `null` is nothing.
    pub(super) fn member(&self, name: &str) -> Option<&str> {
        self.0
            .get(name)
            .map(|raw| raw.get())
            .filter(|text| *text != "null")
    }

    /// A member that is a string.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        serde_json::from_str(self.member(name)?).ok()
    }

    /// The same with another text in place of a member.
    pub(super) fn with(mut self, name: &str, text: &str) -> Self {
        if let Ok(raw) = serde_json::value::to_raw_value(text) {
            self.0.insert(name.to_owned(), raw);
        }
        self
    }

    fn echo(mut self) -> Self {
        self.0.retain(|name, _| ECHOED.contains(&name.as_str()));
        self
    }
}

/// The answer to a batch.
#[derive(Debug, Serialize)]
pub(super) struct BatchResult {
    pub count: usize,
    pub result: Vec<Outcome>,
}

/// What became of one event. All but what the service adds is an echo, the quantity included.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Outcome {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub usage_event_id: Option<Uuid>,
    pub status: &'static str,
    pub message_time: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
    #[serde(flatten)]
    pub sent: Sent,
}

impl Outcome {
    pub(super) fn new(status: &'static str, sent: Sent, now: DateTime<Utc>) -> Self {
        Self {
            usage_event_id: None,
            status,
            message_time: instant(now),
            error: None,
            sent: sent.echo(),
        }
    }

    pub(super) fn with_receipt(mut self, usage_event_id: Uuid) -> Self {
        self.usage_event_id = Some(usage_event_id);
        self
    }

    pub(super) fn with_error(mut self, problem: Problem) -> Self {
        self.error = Some(problem);
        self
    }

    /// With .NET's earliest time, as the documents show it on a duplicate.
    pub(super) fn without_time(mut self) -> Self {
        "0001-01-01T00:00:00".clone_into(&mut self.message_time);
        self
    }
}

/// An error: a call's body, or part of an outcome.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Problem {
    code: &'static str,
    message: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    target: Option<&'static str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    details: Vec<Detail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_info: Option<Box<AdditionalInfo>>,
}

impl Problem {
    pub(super) fn new(code: &'static str, message: &str) -> Self {
        Self {
            code,
            message: message.to_owned(),
            target: None,
            details: Vec::new(),
            additional_info: None,
        }
    }

    /// What is wrong with an event.
    pub(super) fn bad_argument(details: Vec<Detail>) -> Self {
        Self {
            target: Some("usageEventRequest"),
            details,
            ..Self::new("BadArgument", "The event has errors.")
        }
    }

    /// The event that is billed already.
    pub(super) fn conflict(stored: &Stored) -> Self {
        Self {
            additional_info: Some(Box::new(AdditionalInfo {
                accepted_message: AcceptedMessage::of(stored),
            })),
            ..Self::new("Conflict", "The hour has an event.")
        }
    }

    /// The same, the stored event's time without its zone.
    pub(super) fn zoneless(mut self) -> Self {
        if let Some(info) = &mut self.additional_info {
            let time = &mut info.accepted_message.effective_start_time;
            *time = time.trim_end_matches('Z').to_owned();
        }
        self
    }
}

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Detail {
    code: &'static str,
    target: &'static str,
    message: String,
}

impl Detail {
    /// About the member `target`.
    pub(super) fn new(target: &'static str, message: &str) -> Self {
        Self {
            code: "BadArgument",
            target,
            message: message.to_owned(),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AdditionalInfo {
    accepted_message: AcceptedMessage,
}

/// The stored event, in the service's own writing.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptedMessage {
    usage_event_id: Uuid,
    status: &'static str,
    message_time: String,
    resource_id: Uuid,
    #[serde(serialize_with = "number")]
    quantity: Decimal,
    dimension: String,
    effective_start_time: String,
    plan_id: String,
}

impl AcceptedMessage {
    fn of(stored: &Stored) -> Self {
        Self {
            usage_event_id: stored.usage_event_id,
            status: "Duplicate",
            message_time: instant(stored.received_at),
            resource_id: stored.resource_id,
            quantity: stored.quantity,
            dimension: stored.dimension.clone(),
            effective_start_time: stored
                .effective_start_time
                .to_rfc3339_opts(SecondsFormat::AutoSi, true),
            plan_id: stored.plan_id.clone(),
        }
    }
}

/// A time as the service writes its own: in ticks of 100 ns.
fn instant(time: DateTime<Utc>) -> String {
    format!(
        "{}{:04}Z",
        time.format("%Y-%m-%dT%H:%M:%S%.3f"),
        time.timestamp_subsec_nanos() / 100 % 10_000
    )
}

/// A decimal as a JSON number, exact.
pub(super) fn number<S: Serializer>(decimal: &Decimal, serializer: S) -> Result<S::Ok, S::Error> {
    RawValue::from_string(decimal.normalize().to_string())
        .map_err(serde::ser::Error::custom)?
        .serialize(serializer)
}
