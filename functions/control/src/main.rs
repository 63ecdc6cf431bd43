//! `meterbridge`, the operator's tool.

use std::process::ExitCode;

use clap::Parser as _;
use control::cli::Cli;
use control::command::execute;
use metering::Deps;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    platform::telemetry::start_if_asked();
    execute(&cli, Deps::load).await
}
