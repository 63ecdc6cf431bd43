//! What a reading of amounts makes of a stream: growth, or the reason why there is none.

use std::collections::BTreeMap;

use rust_decimal::Decimal;

use super::{Amount, AmountKey, AmountNote, AmountReading, Closed, Earlier, HeldAmount, Shortfall};
use crate::grow::limited;
use crate::held::Hold;
use crate::plan::Run;
use crate::span::{LATEST_DAYS, Opened};
use crate::wanted::Wanted;
use crate::{Book, Fraction, HoldNote, MeterKey, Rules};

/// Growth of a stream, converted, that is about to be owed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Growth {
    /// The stream.
    pub(crate) stream: AmountKey,
    /// The meter.
    pub(crate) meter: MeterKey,
    /// Growth of periods that were over when the month began, in dollars.
    pub(crate) earlier: Decimal,
    /// The same, converted.
    pub(crate) owed_earlier: Fraction,
    /// The rest, converted.
    pub(crate) owed_rest: Fraction,
}

impl Growth {
    /// Puts a part of it into its meter's owed.
    pub(crate) fn owe(&self, book: &mut Book, part: &Fraction) {
        let meter = book.meter(&self.meter);
        meter.grown += part;
        meter.owed += part;
    }
}

/// What a plan has to say of amounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Said {
    pub(crate) held: Vec<HeldAmount>,
    pub(crate) notes: Vec<(AmountKey, AmountNote)>,
}

impl Said {
    pub(crate) fn hold(&mut self, key: &AmountKey, growth: Option<Decimal>, hold: Hold) {
        self.held.push(HeldAmount {
            stream: key.clone(),
            growth,
            hold,
        });
    }

    /// Notes what of an earlier month found no hour of it: its meter still owes what a record could have taken.
    pub(crate) fn late<'g>(&mut self, book: &Book, earlier: impl Iterator<Item = &'g Growth>, rules: &Rules) {
        for growth in earlier {
            let unit = rules.unit(&growth.meter.dimension);
            let owed = book.meters.get(&growth.meter).map(|meter| &meter.owed);
            let left = owed.and_then(|owed| owed.floor_to(unit.places));
            if left.is_none_or(|left| left > Decimal::ZERO) {
                let amount = growth.earlier;
                self.notes
                    .push((growth.stream.clone(), AmountNote::Late { amount }));
            }
        }
    }
}

/// Moves one stream's mark to its reading. Answers what it has grown by, and notes what there is to say.
pub(crate) fn grow(
    book: &Book,
    wanted: &Wanted,
    (key, amount): (&AmountKey, &mut Amount),
    reading: &AmountReading,
    run: &Run,
    said: &mut Said,
) -> Option<Growth> {
    aside(key, amount, reading, said);
    if !begin(wanted, key, amount, reading) {
        said.hold(
            key,
            None,
            Hold::Unread("what lies before it was not read".to_owned()),
        );
        return None;
    }
    let settled = fold(amount, reading);
    let through = run.closed(book, key.entitlement).min(amount.until);
    let (total, mark) = (reading.totals.values().sum::<Decimal>(), amount.mark());
    if total <= mark {
        amount.held = None;
        fall(key, amount, reading, (total, mark), settled, said);
        return None;
    }
    amount.shortfall = None;
    let target = amount.target.clone();
    let passed = amount.released_to.map_or(mark, |released| released.max(mark));
    if let Some(hold) = limited(book, key.entitlement, target.as_ref(), total, passed) {
        let since = amount.held.as_ref().map_or(run.hour(), |note| note.since);
        amount.held = Some(HoldNote {
            reason: hold.to_string(),
            reading: total,
            since,
        });
        said.hold(key, total.checked_sub(mark), hold);
        return None;
    }
    let target = target?;
    let month = run.hour().previous().month();
    // Claimed in the month before, all of it belonged to that or to earlier ones.
    let before = amount
        .earlier
        .filter(|earlier| earlier.month == month)
        .map_or(mark, |earlier| earlier.total);
    let grown = reading.earlier.checked_sub(before)?.max(Decimal::ZERO);
    let earlier = mark.checked_add(grown)?.min(total);
    // Decimals round what they cannot hold; fractions do not.
    let owed =
        |from: Decimal, to: Decimal| (Fraction::from(to) - &Fraction::from(from)).times(&target.factor);
    amount.marks.clone_from(&reading.totals);
    amount.invoices.clone_from(&reading.invoices);
    amount.claimed = amount.claimed.max(Some(through));
    amount.earlier = Some(Earlier {
        month,
        total: reading.earlier.max(before),
    });
    amount.held = None;
    amount.released_to = None;
    Some(Growth {
        stream: key.clone(),
        meter: MeterKey {
            entitlement: key.entitlement,
            dimension: target.dimension.clone(),
        },
        earlier: earlier.checked_sub(mark)?,
        owed_earlier: owed(mark, earlier),
        owed_rest: owed(earlier, total),
    })
}

/// What does not count, and is said: other currencies, and corrections that no person has judged.
fn aside(key: &AmountKey, amount: &mut Amount, reading: &AmountReading, said: &mut Said) {
    for (currency, total) in reading.foreign.iter().filter(|(_, total)| !total.is_zero()) {
        said.hold(key, Some(*total), Hold::Foreign(currency.clone()));
    }
    for (invoice, total) in &reading.corrections {
        said.hold(key, Some(*total), Hold::Correction(invoice.clone()));
    }
    for (invoice, (kind, total)) in &reading.unknown {
        let reason =
            format!("the invoice {invoice} is of the type {kind}, which is not known: it does not count");
        said.hold(key, Some(*total), Hold::Unread(reason));
    }
    amount.waiting = reading.corrections.keys().cloned().collect();
}

/// Takes in what lies before the span, where that was not known: read now, and no less than what `apply` has fixed.
fn begin(wanted: &Wanted, key: &AmountKey, amount: &mut Amount, reading: &AmountReading) -> bool {
    let source = wanted.amounts.iter().find(|source| source.counts(key, amount));
    for (share, begins) in &mut amount.shares {
        if begins.before.is_some() {
            continue;
        }
        let Some(read) = reading.before.get(share).copied() else {
            return false;
        };
        let fixed = source.and_then(|source| source.fixed.get(share).copied());
        let before = fixed.map_or(read, |fixed| fixed.max(read));
        begins.before = Some(before);
        let mark = amount.marks.entry(share.clone()).or_insert(before);
        *mark = before.max(*mark);
    }
    true
}

/// Takes in what was folded: it is listed no more, which is no fall. What the folded ones together have lost is told, for which
/// of them lost it is not known any more.
fn fold(amount: &mut Amount, reading: &AmountReading) -> Option<String> {
    let sum = |closed: &Option<Closed>| -> Decimal {
        let totals = closed.iter().flat_map(|closed| closed.totals.values());
        totals.sum()
    };
    let folded = amount
        .invoices
        .extract_if(.., |id, _| reading.settled.contains(id));
    let was = sum(&amount.closed).checked_add(folded.map(|(_, claimed)| claimed).sum());
    amount.closed.clone_from(&reading.closed);
    let (was, left) = (was?, sum(&amount.closed));
    // Read to its end, everything is listed anew.
    (left < was && !amount.ended).then(|| {
        format!(
            "of the invoices settled long ago, ${} were claimed and ${} are left",
            was.normalize(),
            left.normalize()
        )
    })
}

/// Notes that the total lies below its maximum, and the invoice that made it fall.
fn fall(
    key: &AmountKey,
    amount: &mut Amount,
    reading: &AmountReading,
    (total, mark): (Decimal, Decimal),
    settled: Option<String>,
    said: &mut Said,
) {
    if total == mark {
        amount.shortfall = None;
        return;
    }
    let known = amount.shortfall.as_ref().map(|known| known.cause.clone());
    let cause = cause(&amount.invoices, &reading.invoices)
        .or(settled)
        .or(known)
        .unwrap_or_else(|| "of what was claimed, no invoice that is listed fell".to_owned());
    if let Some(to_pass) = mark.checked_sub(total) {
        let cause = cause.clone();
        said.notes
            .push((key.clone(), AmountNote::Suspended { to_pass, cause }));
    }
    amount.shortfall = Some(Shortfall { total, cause });
}

/// The invoice that fell the most since the last claim.
fn cause(before: &BTreeMap<String, Decimal>, now: &BTreeMap<String, Decimal>) -> Option<String> {
    let falls = before.iter().filter_map(|(invoice, was)| {
        let is = now.get(invoice).copied();
        let by = was.checked_sub(is.unwrap_or_default())?;
        let words = match is {
            Some(is) => format!(
                "the invoice {invoice} fell from ${} to ${}",
                was.normalize(),
                is.normalize()
            ),
            None => format!(
                "the invoice {invoice} of ${} does not count any more: it was voided, replaced or merged",
                was.normalize()
            ),
        };
        (by > Decimal::ZERO).then_some((by, words))
    });
    falls.max().map(|(_, words)| words)
}

/// Divides the mark among the shares as they were read last, for each is handed on by itself: what has moved from one to another
/// since the last claim was claimed there. What the total lacks of the mark stays with those that fell; what waits above it is left
/// to those that grew.
fn divide(amount: &mut Amount, reading: &AmountReading) {
    let mut left = amount.mark() - reading.totals.values().sum::<Decimal>();
    for (share, mark) in &mut amount.marks {
        let total = reading.totals.get(share).copied().unwrap_or_default();
        let fell = *mark - total;
        let part = if left.is_sign_negative() {
            fell.max(left).min(Decimal::ZERO)
        } else {
            fell.min(left).max(Decimal::ZERO)
        };
        *mark = total + part;
        left -= part;
    }
}

/// Hands on the streams that are over and were read to their end: at once where another stream waits for them, else when the
/// days for late usage are over. What waits for a person goes on with the mark where another follows; else it lapses with the
/// last day.
pub(crate) fn hand_on(
    opened: &mut Opened,
    wanted: &Wanted,
    readings: &BTreeMap<AmountKey, Result<AmountReading, String>>,
    run: &Run,
    said: &mut Said,
) {
    let over = opened.book.amounts.iter().filter(|(_, amount)| amount.ended);
    let over: Vec<(AmountKey, Amount)> = over.map(|(key, amount)| (key.clone(), amount.clone())).collect();
    for (key, mut amount) in over {
        let reading = readings.get(&key).and_then(|reading| reading.as_ref().ok());
        // A run of an earlier hour has not read it to its end, and takes for followed what is the stream itself.
        let closed = amount.until <= run.closed(&opened.book, key.entitlement);
        let read = closed && reading.is_some();
        if let Some(reading) = reading {
            divide(&mut amount, reading);
        }
        let followed = amount.shares.keys().any(|share| wanted.followed.contains(share));
        let late = run.hour() >= amount.until.plus(24 * i64::from(wanted.open_days));
        let last = run.hour() >= amount.until.plus(24 * LATEST_DAYS);
        let goes = last || (read && (followed || (late && amount.held.is_none())));
        if !goes || !opened.give_up(wanted, &amount) {
            continue;
        }
        opened.book.amounts.remove(&key);
        if let Some(note) = amount.held.clone().filter(|_| !followed) {
            said.held.retain(|held| held.stream != key);
            let growth = note.reading.checked_sub(amount.mark());
            said.hold(&key, growth, Hold::Lapsed(note.reason));
        }
    }
}
