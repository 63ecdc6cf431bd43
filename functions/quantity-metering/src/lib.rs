//! The hourly job: what every billable metric of every buyer has grown by since the last run, put into marketplace records.
//!
//! It takes an EventBridge event; its `time` is the run's now, floored to the hour it is the boundary H. It answers the run's
//! summary, or ends in an error whose type says what to mend first. The work itself is `metering`'s.

use lambda_runtime::{Context, LambdaEvent};
use metering::{Deps, Order, RunSummary};
use platform::connection::BillingMode;
use platform::scheduled::{Failure, Invocation, Scheduled};
use platform::{Clock, Fault};
use serde_json::Value;

/// The job's name: the function's, the folder's, and the one that `meterbridge run` takes.
pub const JOB: &str = "quantity-metering";

/// The connections that it is for.
pub const MODES: &[BillingMode] = &[BillingMode::Quantity];

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
    Ok(Order::scheduled(JOB, MODES, event, invocation))
}
