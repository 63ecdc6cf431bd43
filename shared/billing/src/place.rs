//! Into which hour a meter's owed goes.

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::hour::last_second_before;
use crate::plan::Run;
use crate::record::{Entry, Outcome, Record};
use crate::{Book, Hour, MeterKey, Month, Rules};

/// Records parked by one claim: each is three items of its transaction.
const PARKED_MAX: usize = 15;

/// Hours looked at for a free one: two days, beyond any marketplace's window.
const HOURS_MAX: usize = 48;

/// Takes from each meter that owes a unit or more one record: the largest quantity that the marketplace can express, in the
/// latest hour that is closed, inside the entitlement, inside the window and not yet used; with `month`, only in hours of
/// that month. With no such hour the owed waits.
pub(crate) fn records(book: &mut Book, rules: &Rules, run: &Run, month: Option<Month>) -> Vec<Record> {
    let mut records = Vec::new();
    for (key, quantity) in owing(book, rules) {
        let Some((hour, timestamp)) = free(book, &key, rules, run, month) else {
            continue;
        };
        book.used.entry(key.dimension.clone()).or_default().insert(hour);
        book.meter(&key).owed -= &quantity.into();
        records.push(Record::new(&book.destination.identity, key, timestamp, quantity));
    }
    records
}

/// Parks what is owed past its entitlement's end when no hour is left to take it. A record that comes back later finds its
/// own hour free again.
pub(crate) fn unplaceable(book: &mut Book, rules: &Rules, run: &Run) -> Vec<Entry> {
    let mut entries = Vec::new();
    for (key, quantity) in owing(book, rules) {
        if entries.len() == PARKED_MAX {
            break;
        }
        let end = book
            .entitlements
            .get(&key.entitlement)
            .and_then(|entitlement| entitlement.ends_at);
        let Some(end) = end.filter(|end| *end <= run.at) else {
            continue;
        };
        if free(book, &key, rules, run, None).is_some() {
            continue;
        }
        let identity = book.destination.identity.clone();
        let meter = book.meter(&key);
        meter.owed -= &quantity.into();
        meter.parked += &quantity.into();
        let parked = meter.parked.clone();
        entries.push(Entry {
            record: Record::unplaced(
                &identity,
                key,
                last_second_before(end),
                quantity,
                &run.attempt,
                &parked,
            ),
            outcome: Outcome::Parked,
            reason: Some("its entitlement has ended and no hour of it is left to take this".to_owned()),
            receipt: None,
            by: run.attempt.clone(),
            at: run.now,
        });
    }
    entries
}

/// The meters that owe at least one unit and are not blocked, each with the quantity that one record can take.
fn owing(book: &Book, rules: &Rules) -> Vec<(MeterKey, Decimal)> {
    book.meters
        .iter()
        .filter(|(_, meter)| meter.blocked.is_none() && meter.owed.is_positive())
        .filter_map(|(key, meter)| {
            let unit = rules.unit(&key.dimension);
            // More than a decimal holds is more than any record holds.
            let whole = meter.owed.floor_to(unit.places).unwrap_or(unit.max);
            let quantity = whole.min(unit.max);
            (quantity > Decimal::ZERO).then(|| (key.clone(), quantity))
        })
        .collect()
}

/// The latest hour that a meter's record may take, with the record's timestamp: the last second of the hour that lies inside
/// the entitlement.
fn free(
    book: &Book,
    key: &MeterKey,
    rules: &Rules,
    run: &Run,
    month: Option<Month>,
) -> Option<(Hour, DateTime<Utc>)> {
    let entitlement = book.entitlements.get(&key.entitlement)?;
    let used = book.used.get(&key.dimension);
    let closed = run.closed(book, key.entitlement);
    let last = entitlement
        .ends_at
        .map_or(closed, |end| closed.min(Hour::ceil(end)))
        .previous();
    std::iter::successors(Some(last), |hour| Some(hour.previous()))
        .take(HOURS_MAX)
        .take_while(|hour| *hour >= entitlement.from)
        .map(|hour| {
            (
                hour,
                last_second_before(entitlement.ends_at.map_or(hour.end(), |end| end.min(hour.end()))),
            )
        })
        .filter(|(hour, _)| month.is_none_or(|month| hour.month() == month))
        .filter(|(_, timestamp)| rules.plans(*timestamp, run.now))
        .find(|(hour, _)| used.is_none_or(|used| !used.contains(hour)))
}
