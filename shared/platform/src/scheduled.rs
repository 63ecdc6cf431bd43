//! Scheduled events: what EventBridge tells a job, and what the invocation has of time.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Deserialize;
use serde_json::Value;

use crate::text::printable;
use crate::{Clock, Deadline, Fault, FaultKind};

/// The longest invocation that Lambda allows.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// An EventBridge event, by rule (`aws.events`) or by Scheduler (`aws.scheduler`). Its `detail-type` may be anything.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Scheduled {
    source: String,
    /// The run's now; floored to the hour it is the boundary H.
    pub time: DateTime<Utc>,
    /// What it asks for.
    #[serde(default)]
    pub detail: Detail,
}

/// What an event asks for beyond its time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Detail {
    /// One connection; none: every enabled one.
    pub connection: Option<String>,
    /// Invoice metering: which of the two amount modes.
    pub cadence: Option<Cadence>,
    /// Read and plan, and leave no trace.
    pub dry_run: bool,
}

/// How often a run of invoice metering comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cadence {
    /// Every hour.
    Hourly,
    /// Every day, just after 00:00 UTC.
    Daily,
}

impl Scheduled {
    /// Reads an event.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] says why it is none.
    pub fn read(event: Value) -> Result<Self, Fault> {
        let misconfigured = |words: String| Fault::new(FaultKind::Misconfigured, words);
        let event: Self = serde_json::from_value(event).map_err(|error| {
            misconfigured(format!("the event is not a scheduled EventBridge event: {error}"))
        })?;
        if matches!(event.source.as_str(), "aws.events" | "aws.scheduler") {
            return Ok(event);
        }
        let source = printable(&event.source);
        Err(misconfigured(format!(
            "the event's source is `{source}`, not aws.events or aws.scheduler"
        )))
    }
}

/// One invocation of a function.
#[derive(Clone, Debug)]
pub struct Invocation {
    /// What tells it from every other.
    pub id: String,
    /// When it ends.
    pub deadline: Deadline,
}

impl Invocation {
    /// The invocation of a request that must end by `deadline` (epoch milliseconds).
    #[must_use]
    pub fn new(request_id: &str, deadline: u64, clock: &Clock) -> Self {
        let now = clock.now();
        Self {
            // Lambda gives a retry the first try's request id, so the moment tells them apart.
            id: format!("{request_id}@{}", now.timestamp_millis()),
            deadline: Deadline::after(left(deadline, now)),
        }
    }
}

/// What is left until the deadline. One that cannot be true by this machine's clock says nothing, and the longest that an
/// invocation can have is assumed: being cut off costs nothing.
fn left(deadline: u64, now: DateTime<Utc>) -> Duration {
    let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let left = Duration::from_millis(deadline.saturating_sub(now));
    if left.is_zero() || left > LONGEST {
        LONGEST
    } else {
        left
    }
}

/// How a function ends when something failed: an error whose type is the first of [`FaultKind`] that applies.
#[cfg(feature = "lambda")]
#[derive(Debug)]
pub struct Failure(Fault);

#[cfg(feature = "lambda")]
impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

#[cfg(feature = "lambda")]
impl From<Failure> for lambda_runtime::Diagnostic {
    fn from(Failure(fault): Failure) -> Self {
        Self {
            error_type: fault.kind.to_string(),
            error_message: fault.message,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(text: &str) -> Result<Scheduled, Fault> {
        Scheduled::read(serde_json::from_str(text).unwrap())
    }

    #[test]
    fn the_events_time_is_the_runs_now() {
        let event = event(
            r#"{"source": "aws.scheduler", "detail-type": "any", "time": "2026-11-20T14:00:00Z",
                "detail": {"connection": "acme", "cadence": "daily", "dry_run": true}}"#,
        )
        .unwrap();
        assert_eq!(event.time.to_rfc3339(), "2026-11-20T14:00:00+00:00");
        let detail = event.detail;
        assert_eq!(
            (detail.connection.as_deref(), detail.cadence, detail.dry_run),
            (Some("acme"), Some(Cadence::Daily), true)
        );
    }

    #[test]
    fn what_is_no_scheduled_event_is_refused_in_words() {
        let cases = [
            (r#"{"time": "2026-11-20T14:00:00Z"}"#, "source"),
            (
                r#"{"source": "aws.s3", "time": "2026-11-20T14:00:00Z"}"#,
                "aws.s3",
            ),
            (r#"{"source": "aws.events"}"#, "time"),
            (
                r#"{"source": "aws.events", "time": "2026-11-20T14:00:00Z", "detail": {"conection": "acme"}}"#,
                "conection",
            ),
            (
                r#"{"source": "aws.events", "time": "2026-11-20T14:00:00Z", "detail": {"cadence": "weekly"}}"#,
                "weekly",
            ),
            (r#""hello""#, "scheduled EventBridge event"),
        ];
        for (text, named) in cases {
            let fault = event(text).unwrap_err();
            assert_eq!(fault.kind, FaultKind::Misconfigured);
            assert!(fault.message.contains(named), "{}", fault.message);
        }
    }

    #[test]
    fn a_deadline_that_cannot_be_true_is_the_longest() {
        let now = DateTime::from_timestamp_millis(1_000_000).unwrap();
        assert_eq!(left(1_060_000, now), Duration::from_secs(60));
        assert_eq!(left(0, now), LONGEST);
        assert_eq!(left(u64::MAX, now), LONGEST);
    }

    #[test]
    fn a_retry_under_the_same_request_id_is_another_invocation() {
        let id = |now: &'static str| Invocation::new("r-1", 0, &Clock::of(move || now.parse().unwrap())).id;
        assert_ne!(id("2026-11-20T14:00:00Z"), id("2026-11-20T14:00:01Z"));
    }
}
