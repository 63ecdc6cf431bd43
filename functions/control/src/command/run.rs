//! `run JOB --connection C [--at TIME] [--dry-run]`

use std::time::Duration;

use indicatif::ProgressBar;
use metering::{Deps, Order, RunSummary};
use platform::Deadline;
use platform::text::printable;

use super::{Failure, Said};
use crate::cli::{Job, Run};

/// As long as an invocation of the function can take.
const DEADLINE: Duration = Duration::from_secs(15 * 60);

/// Runs the job in this process. What would end the function in an error is said, and is the command's failure.
///
/// # Errors
/// Where nothing could be begun.
pub async fn run(deps: &Deps, args: &Run) -> Result<Said, Failure> {
    let (job, modes) = match args.job {
        Job::QuantityMetering => (quantity_metering::JOB, quantity_metering::MODES),
        Job::InvoiceMetering => (invoice_metering::JOB, invoice_metering::MODES),
    };
    let now = deps.clock.now();
    let order = Order {
        job,
        modes,
        at: args.at.unwrap_or(now),
        connection: Some(args.connection.clone()),
        dry_run: args.dry_run,
        by_hand: true,
        invocation: format!("meterbridge-{}@{}", std::process::id(), now.timestamp_micros()),
        deadline: Deadline::after(DEADLINE),
    };
    // Nothing is drawn where standard error is no terminal.
    let progress =
        ProgressBar::new_spinner().with_message(format!("{} {}", order.job, printable(&args.connection)));
    progress.enable_steady_tick(Duration::from_millis(100));
    let summary = metering::run(deps, &order).await;
    progress.finish_and_clear();
    let summary = summary?;
    let json = serde_json::to_value(&summary).map_err(|error| Failure::Words(error.to_string()))?;
    let mut said = Said::new(words(&summary), json);
    said.wrong
        .extend(summary.failure().map(|fault| format!("{}: {fault}", fault.kind)));
    Ok(said)
}

fn words(summary: &RunSummary) -> String {
    let mut words = String::new();
    for buyer in summary
        .connections
        .iter()
        .flat_map(|connection| &connection.buyers)
    {
        words.push_str(&format!("{}\n", printable(&buyer.buyer)));
        for record in &buyer.records {
            let reason = record
                .reason
                .as_ref()
                .map_or_else(String::new, |reason| format!(" ({})", printable(reason)));
            words.push_str(&format!(
                "  {} {} at {}: {}{reason}\n",
                record.quantity,
                printable(&record.dimension),
                record.hour,
                record.outcome
            ));
        }
        for held in &buyer.held {
            let growth = held.growth.as_deref().unwrap_or("unknown growth");
            words.push_str(&format!(
                "  held {growth} of {}: {}\n",
                printable(&held.stream),
                printable(&held.reason)
            ));
        }
        for note in &buyer.notes {
            let cause = note
                .cause
                .as_deref()
                .map_or_else(String::new, |cause| format!(" ({cause})"));
            words.push_str(&format!(
                "  {} ${} of {}{}\n",
                note.note,
                note.amount,
                printable(&note.stream),
                printable(&cause)
            ));
        }
        for (dimension, owed) in buyer.owed.iter().filter(|(_, owed)| !owed.is_zero()) {
            words.push_str(&format!("  owed {owed} {}\n", printable(dimension)));
        }
    }
    if summary.connections.is_empty() {
        words.push_str("the connection's `billing_mode` is not this job's: nothing was metered\n");
    }
    words
}
