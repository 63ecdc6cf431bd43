//! The command line of `meterbridge`.

use std::path::PathBuf;

use chrono::{DateTime, Utc};
use clap::{ArgGroup, Args, Parser, Subcommand, ValueEnum};

use crate::command::resolve::Filter;

/// Carries usage out of Metronome into cloud marketplaces, exactly once.
///
/// The table is named by METERBRIDGE_TABLE; region and credentials are found as every AWS tool finds them. METERBRIDGE_LOG
/// turns logs on.
#[derive(Debug, Parser)]
#[command(name = "meterbridge", version, arg_required_else_help = true)]
pub struct Cli {
    /// Print one JSON document instead of words
    #[arg(long, global = true)]
    pub json: bool,
    /// What to do
    #[command(subcommand)]
    pub command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Validate a connection file, show what it changes, and store it
    Apply(Apply),
    /// List the stored connections
    List,
    /// Show a connection as it was applied, and the hours fixed then
    Show {
        /// The connection
        connection: String,
    },
    /// Delete a connection, and its secret at once and for good; its books and audit trail stay
    Delete(Delete),
    /// Run a job once, as the function would
    Run(Run),
    /// Show what a connection's books hold: marks, owed, in flight, held, parked, blocked
    Books {
        /// The connection
        connection: String,
        /// Only this buyer's
        buyer: Option<String>,
    },
    /// Show the records of a connection and what became of them
    Records(Records),
    /// Say what became of parked records
    Resolve(Resolve),
    /// Unblock a meter after its cause is mended, or let a stream held above its limit pass
    Release(Release),
    /// The DynamoDB table
    #[command(subcommand)]
    Table(Table),
}

/// `apply`
#[derive(Debug, Args)]
pub struct Apply {
    /// The connection file (TOML)
    pub file: PathBuf,
    /// Validate and show, and store nothing
    #[arg(long)]
    pub dry_run: bool,
}

/// `run`
#[derive(Debug, Args)]
pub struct Run {
    /// The job
    pub job: Job,
    /// The connection; one with `auto_report = false` too
    #[arg(long)]
    pub connection: String,
    /// The scheduled event's time, such as 2026-11-20T14:00:00Z; the present where absent
    #[arg(long, value_name = "TIME")]
    pub at: Option<DateTime<Utc>>,
    /// Read and plan, and leave no trace
    #[arg(long)]
    pub dry_run: bool,
}

/// The jobs that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Job {
    /// Billable-metric usage to the marketplaces, hourly
    QuantityMetering,
    /// Invoice totals to the marketplaces, hourly or daily as the connection says
    InvoiceMetering,
}

/// `delete`
#[derive(Debug, Args)]
pub struct Delete {
    /// The connection
    pub connection: String,
    /// Even while records are in flight: nobody will settle them
    #[arg(long)]
    pub force: bool,
    /// Leave its secret in Secrets Manager
    #[arg(long)]
    pub keep_secret: bool,
}

/// `records`
#[derive(Debug, Args)]
pub struct Records {
    /// The connection
    pub connection: String,
    /// Only this buyer's
    #[arg(long)]
    pub buyer: Option<String>,
    /// Only records of this time or later, such as 2026-11-01T00:00:00Z
    #[arg(long, value_name = "TIME")]
    pub from: Option<DateTime<Utc>>,
    /// Only records before this time
    #[arg(long, value_name = "TIME")]
    pub to: Option<DateTime<Utc>>,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
}

/// `resolve`
#[derive(Debug, Args)]
#[command(group(ArgGroup::new("which").required(true).args(["records", "filter"])))]
#[command(group(ArgGroup::new("found").required(true).args(["accepted", "not_accepted", "write_off"])))]
pub struct Resolve {
    /// Ids of parked records
    #[arg(value_name = "RECORD")]
    pub records: Vec<String>,
    /// Every parked record with this connection, buyer, marketplace, dimension or hour; several narrow it down
    #[arg(long, value_name = "KEY=VALUE")]
    pub filter: Vec<Filter>,
    /// The marketplace has billed them
    #[arg(long)]
    pub accepted: bool,
    /// It has not: they are owed again
    #[arg(long)]
    pub not_accepted: bool,
    /// Owed again in this dimension
    #[arg(long, value_name = "DIMENSION", requires = "not_accepted", conflicts_with_all = ["accepted", "write_off"])]
    pub to: Option<String>,
    /// They will not be billed
    #[arg(long)]
    pub write_off: bool,
    /// How that is known; the audit trail keeps it
    #[arg(long, value_parser = reason)]
    pub reason: String,
}

/// `release`
#[derive(Debug, Args)]
pub struct Release {
    /// The meter or stream, as `books` or a run's summary names it
    #[arg(value_name = "METER|STREAM")]
    pub name: String,
    /// Look in the books of this connection only (a deleted one's too)
    #[arg(long)]
    pub connection: Option<String>,
}

/// `table`
#[derive(Clone, Copy, Debug, Subcommand)]
pub enum Table {
    /// Make the table that METERBRIDGE_TABLE names, or see that it is there
    Create,
}

/// The longest reason: the audit trail keeps it with every record.
const REASON_MAX: usize = 1000;

fn reason(text: &str) -> Result<String, String> {
    match text.trim() {
        "" => Err("say how it is known".to_owned()),
        reason if reason.len() > REASON_MAX => Err(format!("at most {REASON_MAX} bytes")),
        reason => Ok(reason.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;

    #[test]
    fn verify_cli() {
        Cli::command().debug_assert();
    }

    fn parses(line: &str) -> bool {
        Cli::try_parse_from(line.split(' ')).is_ok()
    }

    #[test]
    fn a_resolution_says_which_records_what_was_found_and_why() {
        assert!(parses("meterbridge resolve r1 r2 --accepted --reason seen"));
        assert!(parses(
            "meterbridge resolve --filter buyer=globex --not-accepted --to d --reason seen --json"
        ));
        for line in [
            "meterbridge resolve --accepted --reason seen",
            "meterbridge resolve r1 --reason seen",
            "meterbridge resolve r1 --accepted",
            "meterbridge resolve r1 --accepted --reason ",
            "meterbridge resolve r1 --accepted --write-off --reason seen",
            "meterbridge resolve r1 --accepted --to d --reason seen",
            "meterbridge resolve r1 --filter buyer=globex --accepted --reason seen",
            "meterbridge resolve --filter colour=red --accepted --reason seen",
        ] {
            assert!(!parses(line), "{line}");
        }
    }

    #[test]
    fn misuse_is_status_2() {
        let error =
            Cli::try_parse_from(["meterbridge", "records", "acme", "--from", "yesterday"]).unwrap_err();
        assert_eq!(error.exit_code(), 2);
    }
}
