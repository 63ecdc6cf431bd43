//! The hourly job: what every billable metric of every buyer has grown by since the last run, put into marketplace records.
//!
//! It takes an EventBridge event; its `time` is the run's now, floored to the hour it is the boundary H. It answers the run's
//! summary, or ends in an error whose type says what to mend first. The work itself is `metering`'s.

use std::time::Duration;

use chrono::{DateTime, Utc};
use lambda_runtime::{Context, Diagnostic, LambdaEvent};
use metering::{Deps, Order, RunSummary};
use platform::connection::BillingMode;
use platform::{Clock, Deadline, Fault, FaultKind};
use serde::Deserialize;
use serde_json::Value;

/// The job's name: the function's, the folder's, and the one that `meterbridge run` takes.
pub const JOB: &str = "quantity-metering";

/// The longest invocation that Lambda allows.
const LONGEST: Duration = Duration::from_secs(15 * 60);

/// An EventBridge event, by rule (`aws.events`) or by Scheduler (`aws.scheduler`). Its `detail-type` may be anything.
#[derive(Debug, Deserialize)]
struct ScheduledEvent {
    source: String,
    time: DateTime<Utc>,
    #[serde(default)]
    detail: Detail,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Detail {
    connection: Option<String>,
    dry_run: bool,
}

/// Handles one scheduled event.
///
/// # Errors
/// [`Failure`], whose type is the first of [`FaultKind`] that applies.
pub async fn handle(deps: &Result<Deps, Fault>, event: LambdaEvent<Value>) -> Result<RunSummary, Failure> {
    let deps = deps.as_ref().map_err(Clone::clone)?;
    let order = order(event.payload, &event.context, &deps.clock)?;
    let summary = metering::run(deps, &order).await?;
    match summary.failure() {
        None => Ok(summary),
        Some(fault) => {
            let told = serde_json::to_string(&summary).unwrap_or_default();
            tracing::warn!(summary = told, "the run is done, but for what failed");
            Err(fault.into())
        }
    }
}

fn order(event: Value, context: &Context, clock: &Clock) -> Result<Order, Fault> {
    let misconfigured = |words: String| Fault::new(FaultKind::Misconfigured, words);
    let event: ScheduledEvent = serde_json::from_value(event)
        .map_err(|error| misconfigured(format!("the event is not a scheduled EventBridge event: {error}")))?;
    if !matches!(event.source.as_str(), "aws.events" | "aws.scheduler") {
        let source = platform::text::printable(&event.source);
        return Err(misconfigured(format!(
            "the event's source is `{source}`, not aws.events or aws.scheduler"
        )));
    }
    let now = clock.now();
    Ok(Order {
        job: JOB,
        at: event.time,
        connection: event.detail.connection,
        modes: &[BillingMode::Quantity],
        dry_run: event.detail.dry_run,
        by_hand: false,
        // Lambda gives a retry the first try's request id, so the moment tells them apart.
        invocation: format!("{}@{}", context.request_id, now.timestamp_millis()),
        deadline: Deadline::after(left(context.deadline, now)),
    })
}

/// What is left until the deadline (epoch milliseconds). One that cannot be true by this machine's clock says nothing, and the
/// longest that an invocation can have is assumed: being cut off costs nothing.
fn left(deadline: u64, now: DateTime<Utc>) -> Duration {
    let now = u64::try_from(now.timestamp_millis()).unwrap_or_default();
    let left = Duration::from_millis(deadline.saturating_sub(now));
    if left.is_zero() || left > LONGEST {
        LONGEST
    } else {
        left
    }
}

/// How the function ends when something failed.
#[derive(Debug)]
pub struct Failure(Fault);

impl From<Fault> for Failure {
    fn from(fault: Fault) -> Self {
        Self(fault)
    }
}

impl From<Failure> for Diagnostic {
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

    fn event(text: &str) -> Result<Order, Fault> {
        let clock = Clock::of(|| "2026-11-20T14:00:30Z".parse().unwrap());
        order(serde_json::from_str(text).unwrap(), &Context::default(), &clock)
    }

    #[test]
    fn the_events_time_is_the_runs_now() {
        let order = event(
            r#"{"source": "aws.scheduler", "detail-type": "any", "time": "2026-11-20T14:00:00Z",
                "detail": {"connection": "acme", "dry_run": true}}"#,
        )
        .unwrap();
        assert_eq!(order.at.to_rfc3339(), "2026-11-20T14:00:00+00:00");
        assert_eq!((order.connection.as_deref(), order.dry_run), (Some("acme"), true));
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
}
