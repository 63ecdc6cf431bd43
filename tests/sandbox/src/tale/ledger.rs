//! What Metronome shows beside what the marketplace holds, and whether the laws hold between them.

use std::collections::{BTreeMap, BTreeSet};
use std::io;

use bigdecimal::BigDecimal;
use chrono::{DateTime, TimeDelta, Utc};
use num_bigint::BigInt;
use num_rational::BigRational;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::cast::{Buyer, CENTS, Cast, Counting, Line, Mode};
use super::seat;
use crate::World;
use crate::lambda::Outcome;
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
    pub quantity: BigRational,
    /// What Metronome shows for that hour alone, converted; of invoices nothing is shown by the hour here.
    pub metronome: Option<BigRational>,
    /// The hour boundary of the run that delivered it.
    pub delivered: DateTime<Utc>,
}

/// The account of an account.
#[derive(Clone, Debug)]
pub struct Total {
    /// Whose, and of what.
    pub account: Account,
    /// How it is billed.
    pub mode: Mode,
    /// Where.
    pub marketplace: &'static str,
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
        let held = seat::held(world);
        let keys: BTreeSet<_> = held
            .iter()
            .map(|held| (held.marketplace, &held.place, &held.dimension, held.hour))
            .collect();
        self.law("once", keys.len() == held.len());
        for held in held {
            let buyer = cast.buyers.iter().find(|buyer| {
                buyer.seat.marketplace() == held.marketplace && buyer.seat.place() == held.place
            });
            let mut dimensions = cast.dimensions().into_iter();
            let dimension = dimensions.find(|dimension| *dimension == held.dimension);
            let account = buyer
                .zip(dimension)
                .map_or(("nobody", "unknown"), |(buyer, dimension)| (buyer.id, dimension));
            let quantity = rational(&held.quantity);
            let known = |billed: &Billed| {
                (billed.account, billed.hour) == (account, held.hour) && billed.quantity == quantity
            };
            if self.billed.iter().any(known) {
                continue;
            }
            let line = cast.lines.iter().find(|line| line.dimension == held.dimension);
            self.billed.push(Billed {
                account,
                hour: held.hour,
                quantity,
                metronome: buyer
                    .zip(line)
                    .map(|(buyer, line)| shown(world, buyer, line, held.hour)),
                delivered: at,
            });
        }
        let over = accounts(cast).any(|(buyer, dimension)| {
            self.delivered(buyer, dimension) > used(world, cast, buyer, dimension, at)
        });
        self.law("never_over", !over);
    }

    /// Notes how a run of invoice metering ended.
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        self.law(
            "every_run_of_invoices_ends_well",
            matches!(outcome, Outcome::Response(_)),
        );
    }

    /// Closes the account, with what the product says that it still owes.
    pub(super) async fn close(&mut self, stage: &Stage, cast: &Cast) -> io::Result<()> {
        let mut told = 0;
        for mode in Mode::ALL {
            let books = stage.meterbridge(&["books", mode.connection()]).await?;
            let records = stage.meterbridge(&["records", mode.connection()]).await?;
            let records = records
                .pointer("/records")
                .or(Some(&records))
                .and_then(Value::as_array);
            told += records.map_or(0, Vec::len);
            for (buyer, dimension) in accounts(cast).filter(|(buyer, _)| buyer.mode == mode) {
                self.totals.push(Total {
                    account: (buyer.id, dimension),
                    mode,
                    marketplace: buyer.seat.marketplace(),
                    metronome: used(&stage.world, cast, buyer, dimension, stage.world.clock.now()),
                    delivered: self.delivered(buyer, dimension),
                    owed: owed(&books, buyer.id, dimension)?,
                });
            }
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
                    "mode": total.mode.word(), "marketplace": total.marketplace, "buyer": buyer, "dimension": dimension, "metronome": text(&total.metronome),
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

    fn delivered(&self, buyer: &Buyer, dimension: &str) -> BigRational {
        let of = self
            .billed
            .iter()
            .filter(|billed| billed.account == (buyer.id, dimension));
        of.fold(ratio(0), |sum, billed| sum + &billed.quantity)
    }
}

fn accounts(cast: &Cast) -> impl Iterator<Item = (&Buyer, &'static str)> {
    let dimensions = |buyer: &Buyer| buyer.dimensions(&cast.lines);
    cast.buyers.iter().flat_map(move |buyer| {
        dimensions(buyer)
            .into_iter()
            .map(move |dimension| (buyer, dimension))
    })
}

/// What Metronome shows for an hour, in units of the dimension.
fn shown(world: &World, buyer: &Buyer, line: &Line, hour: DateTime<Utc>) -> BigRational {
    let usage = world
        .metronome
        .usage_of(buyer.customer, line.metric, hour, hour + TimeDelta::hours(1));
    converted(line, exact(usage.unwrap_or_default()))
}

/// What Metronome shows from the beginning until `until`, in units of the dimension; of invoices, what it shows now.
fn used(world: &World, cast: &Cast, buyer: &Buyer, dimension: &str, until: DateTime<Utc>) -> BigRational {
    if dimension == CENTS {
        return rational(&world.metronome.invoice_total_of(buyer.customer, &[], &[]));
    }
    let Some(line) = cast.lines.iter().find(|line| line.dimension == dimension) else {
        return ratio(0);
    };
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

fn rational(value: &BigDecimal) -> BigRational {
    let (digits, scale) = value.as_bigint_and_exponent();
    let ten = BigRational::from(BigInt::from(10));
    let power = i32::try_from(scale).unwrap_or_default();
    BigRational::from(digits) * ten.pow(-power)
}

fn ratio(value: i64) -> BigRational {
    BigRational::from(BigInt::from(value))
}
