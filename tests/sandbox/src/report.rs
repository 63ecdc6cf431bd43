//! What `cargo sandbox` prints.

use num_rational::BigRational;
use sandbox::lambda::Outcome;
use sandbox::stage::{Stage, TOKEN};
use sandbox::tale::Told;
use sandbox::tale::cast::{Cast, Mode};
use serde_json::json;

/// The tale as tables: the runs, the hours, the totals, the laws.
pub(crate) fn print(told: &Told) {
    println!("run at            ended      meanwhile");
    for played in &told.played {
        let ended = match &played.outcome {
            Outcome::Response(_) => "ok".to_owned(),
            Outcome::Error { error_type, .. } => error_type.clone(),
            Outcome::Crashed(_) => "crashed".to_owned(),
            Outcome::TimedOut => "timed out".to_owned(),
        };
        println!(
            "{}  {ended:<9}  {}",
            played.at.format("%Y-%m-%d %H:%M"),
            played.event.unwrap_or_default()
        );
    }
    println!("\nhour filled       buyer     dimension       Metronome's hour  billed       delivered by");
    for billed in &told.ledger.billed {
        let (buyer, dimension) = billed.account;
        let late = (billed.delivered - billed.hour).num_hours() - 1;
        println!(
            "{}  {buyer:<9} {dimension:<15} {:>16}  {:<11}  the run {late} h after it",
            billed.hour.format("%Y-%m-%d %H:%M"),
            billed
                .metronome
                .as_ref()
                .map_or_else(|| "by invoice".to_owned(), short),
            short(&billed.quantity),
        );
    }
    println!(
        "(The first hour carries the month before it; what a record cannot say is carried on to the next. A day's amounts are due at midnight UTC, and here once more at the end.)"
    );
    println!("\nmode           marketplace  buyer      dimension       Metronome    delivered    owed");
    for total in &told.ledger.totals {
        let (buyer, dimension) = total.account;
        println!(
            "{:<14} {:<12} {buyer:<10} {dimension:<15} {:<12} {:<12} {}",
            total.mode.word(),
            total.marketplace,
            short(&total.metronome),
            short(&total.delivered),
            total.owed
        );
    }
    println!();
    for (law, held) in &told.ledger.laws {
        println!(
            "{:<36} {}",
            law.replace('_', " "),
            if *held { "held" } else { "BROKEN" }
        );
    }
    for (service, requests) in &told.ledger.requests {
        println!("{requests:>6} requests to {service}");
    }
}

/// How to reach a world that is kept up.
pub(crate) fn addresses(stage: &Stage, cast: &Cast, json: bool) {
    if json {
        let env: serde_json::Map<_, _> = stage
            .env
            .iter()
            .map(|(name, value)| (name.clone(), json!(value)))
            .collect();
        println!(
            "{}",
            json!({
                "metronome": stage.metronome, "token": TOKEN, "connection": "sandbox",
                "connections": Mode::ALL.map(Mode::connection), "env": env,
            })
        );
        return;
    }
    println!(
        "# Metronome at {} (token {TOKEN}), the connections {} applied",
        stage.metronome,
        Mode::ALL.map(Mode::connection).join(", ")
    );
    for buyer in &cast.buyers {
        println!(
            "# buyer {} of {}, at {}: Metronome customer {}",
            buyer.id,
            buyer.mode.connection(),
            buyer.seat.marketplace(),
            buyer.customer
        );
    }
    for (name, value) in &stage.env {
        println!("export {name}={value}");
    }
    println!("# Ctrl-C ends it.");
}

/// A number as a person reads it: whole, or with three places.
fn short(value: &BigRational) -> String {
    let thousandths = (value * BigRational::from(num_bigint::BigInt::from(1000)))
        .round()
        .to_integer();
    let text = format!("{thousandths:0>4}");
    let (whole, places) = text.split_at(text.len().saturating_sub(3));
    if places == "000" {
        whole.to_owned()
    } else {
        format!("{whole}.{places}")
    }
}
