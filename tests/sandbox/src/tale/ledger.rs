//! What Metronome shows beside what the marketplace holds, and whether the laws hold between them.

use std::collections::BTreeMap;
use std::io;

use chrono::{DateTime, TimeDelta, Utc};
use num_bigint::BigInt;
use num_rational::BigRational;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::cast::{Buyer, Cast, Counting, Line};
use crate::World;
use crate::stage::Stage;

/// Hours looked at: the month and the stretch.
const HOURS_MAX: usize = 24 * 40;

/// A buyer's dimension.
pub type Account = (&'static str, &'static str);

/// A record as the marketplace holds it, and the run that brought it.
#[derive(Clone, Debug)]
pub struct Billed {
    /// Whose, and of what.
    pub account: Account,
    /// The hour that it fills.
    pub hour: DateTime<Utc>,
    /// How much.
    pub quantity: Decimal,
    /// What Metronome shows for that hour alone, converted.
    pub metronome: BigRational,
    /// The hour boundary of the run that delivered it.
    pub delivered: DateTime<Utc>,
}

/// The account of an account.
#[derive(Clone, Debug)]
pub struct Total {
    /// Whose, and of what.
    pub account: Account,
    /// All that Metronome shows, converted.
    pub metronome: BigRational,
    /// What the marketplace bills.
    pub delivered: BigRational,
    /// What `meterbridge books` says is owed.
    pub owed: BigRational,
}

/// Filled by looking at the world after every run.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Records in the order in which they came.
    pub billed: Vec<Billed>,
    /// One for each buyer and dimension.
    pub totals: Vec<Total>,
    /// The laws, and whether each held throughout.
    pub laws: BTreeMap<&'static str, bool>,
    /// Requests that reached each service.
    pub requests: BTreeMap<&'static str, u64>,
}

impl Ledger {
    /// Looks at the world after a run.
    pub fn look(&mut self, world: &World, cast: &Cast, at: DateTime<Utc>) {
        let seen = self.billed.len();
        let records = world.metering.records();
        for record in records.iter().skip(seen) {
            let line = cast.lines.iter().find(|line| line.dimension == record.dimension);
            let buyer = cast.buyers.iter().find(|buyer| buyer.identity == record.identity);
            let known = line
                .zip(buyer)
                .map(|(line, buyer)| ((buyer.id, line.dimension), shown(world, buyer, line, record.hour)));
            let (account, metronome) = known.unwrap_or((("nobody", "unknown"), ratio(0)));
            self.billed.push(Billed {
                account,
                hour: record.hour,
                quantity: record.quantity,
                metronome,
                delivered: at,
            });
        }
        let mut keys: Vec<_> = self
            .billed
            .iter()
            .map(|billed| (billed.account, billed.hour))
            .collect();
        keys.sort_unstable();
        keys.dedup();
        self.law("once", keys.len() == self.billed.len());
        let over = accounts(cast)
            .any(|(buyer, line)| self.delivered(buyer, line) > used(world, cast, buyer, line, at));
        self.law("never_over", !over);
    }

    /// Closes the account, with what the product says that it still owes.
    pub(super) async fn close(&mut self, stage: &Stage, cast: &Cast) -> io::Result<()> {
        let books = stage.meterbridge(&["books", "sandbox"]).await?;
        let records = stage.meterbridge(&["records", "sandbox"]).await?;
        for (buyer, line) in accounts(cast) {
            self.totals.push(Total {
                account: (buyer.id, line.dimension),
                metronome: used(&stage.world, cast, buyer, line, stage.world.clock.now()),
                delivered: self.delivered(buyer, line),
                owed: owed(&books, buyer.id, line.dimension)?,
            });
        }
        let exact = self
            .totals
            .iter()
            .all(|total| total.metronome == total.delivered.clone() + &total.owed);
        let small = self
            .totals
            .iter()
            .all(|total| total.owed < ratio(1) && total.owed >= ratio(0));
        self.law("conservation", exact);
        self.law("nothing_lost", small);
        let told = records
            .pointer("/records")
            .or(Some(&records))
            .and_then(Value::as_array)
            .map_or(0, Vec::len);
        self.law("every_record_is_in_the_audit_trail", told >= self.billed.len());
        self.requests = stage.world.requests();
        Ok(())
    }

    /// Whether every law held, and there was something to hold for.
    #[must_use]
    pub fn holds(&self) -> bool {
        !self.billed.is_empty() && self.laws.values().all(|held| *held)
    }

    /// For a program.
    #[must_use]
    pub fn json(&self) -> Value {
        let buyers: Vec<Value> = self
            .totals
            .iter()
            .map(|total| {
                let (buyer, dimension) = total.account;
                let text = |ratio: &BigRational| ratio.to_string();
                json!({
                    "buyer": buyer, "dimension": dimension, "metronome": text(&total.metronome),
                    "delivered": text(&total.delivered), "owed": text(&total.owed),
                })
            })
            .collect();
        json!({ "buyers": buyers, "laws": self.laws, "requests": self.requests })
    }

    fn law(&mut self, name: &'static str, holds: bool) {
        let held = self.laws.entry(name).or_insert(true);
        *held &= holds;
    }

    fn delivered(&self, buyer: &Buyer, line: &Line) -> BigRational {
        let of = self
            .billed
            .iter()
            .filter(|billed| billed.account == (buyer.id, line.dimension));
        of.map(|billed| exact(billed.quantity))
            .fold(ratio(0), |sum, quantity| sum + quantity)
    }
}

fn accounts(cast: &Cast) -> impl Iterator<Item = (&Buyer, &Line)> {
    cast.buyers
        .iter()
        .flat_map(|buyer| cast.lines.iter().map(move |line| (buyer, line)))
}

/// What Metronome shows for an hour, in units of the dimension.
fn shown(world: &World, buyer: &Buyer, line: &Line, hour: DateTime<Utc>) -> BigRational {
    let usage = world
        .metronome
        .usage_of(buyer.customer, line.metric, hour, hour + TimeDelta::hours(1));
    converted(line, exact(usage.unwrap_or_default()))
}

/// What Metronome shows from the beginning until `until`, in units of the dimension.
fn used(world: &World, cast: &Cast, buyer: &Buyer, line: &Line, until: DateTime<Utc>) -> BigRational {
    match line.counting {
        Counting::Sum { .. } => {
            let usage = world
                .metronome
                .usage_of(buyer.customer, line.metric, cast.since, until);
            converted(line, exact(usage.unwrap_or_default()))
        }
        Counting::UnitHours => {
            std::iter::successors(Some(cast.since), |hour| Some(*hour + TimeDelta::hours(1)))
                .take(HOURS_MAX)
                .take_while(|hour| *hour < until)
                .fold(ratio(0), |sum, hour| sum + shown(world, buyer, line, hour))
        }
    }
}

fn converted(line: &Line, usage: BigRational) -> BigRational {
    match line.counting {
        Counting::Sum { divide } => usage / ratio(divide),
        Counting::UnitHours => usage,
    }
}

/// What the books say is owed, over all entitlements of a buyer.
fn owed(books: &Value, buyer: &str, dimension: &str) -> io::Result<BigRational> {
    let unread = || {
        io::Error::other(format!(
            "`meterbridge books` says nothing of {buyer}'s {dimension}"
        ))
    };
    let books = books
        .pointer("/books")
        .or(Some(books))
        .and_then(Value::as_array)
        .ok_or_else(unread)?;
    let mut found = None;
    for book in books
        .iter()
        .filter(|book| book.get("buyer").and_then(Value::as_str) == Some(buyer))
    {
        for meter in book.get("meters").and_then(Value::as_array).into_iter().flatten() {
            if meter.get("dimension").and_then(Value::as_str) == Some(dimension) {
                let owed = meter.get("owed").and_then(Value::as_str).ok_or_else(unread)?;
                let owed: BigRational = owed.parse().map_err(io::Error::other)?;
                found = Some(found.unwrap_or_else(|| ratio(0)) + owed);
            }
        }
    }
    found.ok_or_else(unread)
}

fn exact(value: Decimal) -> BigRational {
    BigRational::new(
        BigInt::from(value.mantissa()),
        BigInt::from(10).pow(value.scale()),
    )
}

fn ratio(value: i64) -> BigRational {
    BigRational::from(BigInt::from(value))
}
