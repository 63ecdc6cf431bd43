//! The amount modes: what every buyer's invoices have grown by since the last run, put into marketplace records, at a dollar a
//! unit. `amount_hourly` runs every hour, `amount_daily` every day just after 00:00 UTC.
//!
//! It takes an EventBridge event; its `time` is the run's now, floored to the hour it is the boundary H, and its `cadence` says
//! which of the two modes it is for. It answers the run's summary, or ends in an error whose type says what to mend first. The
//! work itself is `metering`'s.

use billing::Hour;
use lambda_runtime::{Context, LambdaEvent};
use metering::{Deps, Order, RunSummary};
use platform::connection::BillingMode;
use platform::scheduled::{Cadence, Failure, Invocation, Scheduled};
use platform::{Clock, Fault};
use serde_json::Value;

/// The job's name: the function's, the folder's, and the one that `meterbridge run` takes.
pub const JOB: &str = "invoice-metering";

/// Both modes: a run of one connection by hand goes by the connection's own.
pub const MODES: &[BillingMode] = &[BillingMode::AmountHourly, BillingMode::AmountDaily];

/// Handles one scheduled event.
///
/// # Errors
/// [`Failure`], whose type is the first of [`platform::FaultKind`] that applies.
pub async fn handle(deps: &Result<Deps, Fault>, event: LambdaEvent<Value>) -> Result<RunSummary, Failure> {
    let deps = deps.as_ref().map_err(Clone::clone)?;
    let order = order(event.payload, &event.context, &deps.clock)?;
    Ok(metering::run(deps, &order).await?.whole()?)
}

fn order(event: Value, context: &Context, clock: &Clock) -> Result<Order, Fault> {
    let event = Scheduled::read(event)?;
    let invocation = Invocation::new(&context.request_id, context.deadline, clock);
    Ok(Order::scheduled(JOB, modes(&event), event, invocation))
}

/// The modes that an event is for: those of its cadence; without one, the mode of the one connection that it names, else the
/// hourly ones, and at midnight the daily ones too.
fn modes(event: &Scheduled) -> &'static [BillingMode] {
    let midnight = Hour::floor(event.time).of_day() == 0;
    match event.detail.cadence {
        Some(Cadence::Hourly) => &[BillingMode::AmountHourly],
        Some(Cadence::Daily) => &[BillingMode::AmountDaily],
        None if midnight || event.detail.connection.is_some() => MODES,
        None => &[BillingMode::AmountHourly],
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(time: &str, detail: Value) -> &'static [BillingMode] {
        let event = json!({"source": "aws.events", "time": time, "detail": detail});
        modes(&Scheduled::read(event).unwrap())
    }

    #[test]
    fn each_cadence_touches_only_connections_of_its_mode() {
        let time = "2026-11-20T00:05:00Z";
        assert_eq!(
            of(time, json!({"cadence": "hourly"})),
            [BillingMode::AmountHourly]
        );
        assert_eq!(of(time, json!({"cadence": "daily"})), [BillingMode::AmountDaily]);
    }

    #[test]
    fn without_a_cadence_the_daily_mode_is_due_at_midnight_or_where_its_connection_is_named() {
        assert_eq!(of("2026-11-20T14:00:00Z", json!({})), [BillingMode::AmountHourly]);
        assert_eq!(of("2026-11-20T00:00:00Z", json!({})), MODES);
        assert_eq!(of("2026-11-20T14:00:00Z", json!({"connection": "acme"})), MODES);
    }
}
