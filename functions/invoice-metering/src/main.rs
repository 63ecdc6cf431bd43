//! The Lambda function: starts the logs, reaches the world, and handles events.

use lambda_runtime::{Error, LambdaEvent, service_fn};
use metering::Deps;
use serde_json::Value;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Error> {
    platform::telemetry::start();
    // A process that cannot reach the world still answers events: with what is wrong.
    let deps = Deps::load().await;
    let deps = &deps;
    lambda_runtime::run(service_fn(async move |event: LambdaEvent<Value>| {
        invoice_metering::handle(deps, event).await
    }))
    .await
}
