//! Invoice metering end to end: what becomes of a buyer's invoices, from Metronome to the marketplace's bill. Every incident that
//! moves a total without a debt (a new invoice id, a contract put in another's place, a credit) is a test with its figures.

mod beginnings;
mod cadence;
mod file;
mod globex;
mod growth;
mod handing;
mod kinds;
mod settled;
mod shares;
mod terms;

use metering::RunSummary;
use rust_decimal::Decimal;
use serde_json::Value;

/// An amount that a test states.
fn dollars(text: &str) -> Decimal {
    text.parse().unwrap()
}

/// A run in which nothing failed.
fn fine(summary: &RunSummary) {
    assert_eq!(summary.failure(), None);
}

/// A run in which nothing failed and nothing was claimed.
fn quiet(summary: &RunSummary) {
    fine(summary);
    assert_eq!(records(summary), Vec::<String>::new());
}

/// The records of a run: the hour, the quantity and the outcome of each.
fn records(summary: &RunSummary) -> Vec<String> {
    let told = |record: &Value| {
        let word = |name: &str| record[name].as_str().unwrap().to_owned();
        format!("{} {} {}", word("hour"), word("quantity"), word("outcome"))
    };
    each(summary, "records").iter().map(told).collect()
}

/// What a run says that waits: growth and reason.
fn held(summary: &RunSummary) -> Vec<String> {
    let told = |held: &Value| {
        let growth = held["growth"].as_str().unwrap_or("?");
        format!("{growth} {}", held["reason"].as_str().unwrap())
    };
    each(summary, "held").iter().map(told).collect()
}

/// What else a run says of amounts: the note, the dollars, and the cause where there is one.
fn notes(summary: &RunSummary) -> Vec<String> {
    let told = |note: &Value| {
        let word = |name: &str| note[name].as_str().unwrap_or_default().to_owned();
        format!("{} {} {}", word("note"), word("amount"), word("cause"))
            .trim_end()
            .to_owned()
    };
    each(summary, "notes").iter().map(told).collect()
}

fn each(summary: &RunSummary, of: &str) -> Vec<Value> {
    let summary = serde_json::to_value(summary).unwrap();
    let connections = summary["connections"].as_array().unwrap().clone();
    let buyers = connections
        .iter()
        .flat_map(|connection| connection["buyers"].as_array().unwrap().clone());
    buyers
        .flat_map(|buyer| buyer[of].as_array().cloned().unwrap_or_default())
        .collect()
}
