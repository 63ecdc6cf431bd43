//! `cargo sandbox`: the local world, played through or kept up.

mod report;

use std::io;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use sandbox::tale;

#[derive(Debug, Parser)]
#[command(
    name = "cargo sandbox",
    about = "Meterbridge's local world: everything it talks to, on loopback"
)]
struct Cli {
    /// A machine-readable result
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Seed a month of usage, run the jobs over a stretch of hours, print who was billed what, and end
    Run,
    /// Keep the world up, and print how to reach it
    Serve,
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    let done = match cli.command.unwrap_or(Command::Run) {
        Command::Run => run(cli.json).await,
        Command::Serve => serve(cli.json).await,
    };
    done.unwrap_or_else(|error| {
        eprintln!("cargo sandbox: {error}");
        ExitCode::FAILURE
    })
}

async fn run(json: bool) -> io::Result<ExitCode> {
    let (stage, cast, source) = tale::prepare(tale::MONTH).await?;
    let mishaps = |turn, function: &_| tale::mishaps(&stage, &cast, &source, turn, function);
    let told = tale::play(&stage, &cast, &source, tale::MONTH, mishaps).await?;
    if json {
        println!("{}", told.ledger.json())
    } else {
        report::print(&told)
    }
    Ok(if told.ledger.holds() {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

async fn serve(json: bool) -> io::Result<ExitCode> {
    let (stage, cast, source) = tale::prepare(tale::MONTH).await?;
    report::addresses(&stage, &cast, json);
    // Until the process is interrupted the simulators' clocks follow the system's, and every hour has its usage.
    loop {
        let now = sandbox::Clock::of_the_system().now();
        stage.world.clock.set(now);
        while now - source.now() >= chrono::TimeDelta::hours(1) {
            cast.use_hour(&stage.world, source.now())?;
            source.advance(chrono::TimeDelta::hours(1));
        }
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
