//! What a reading makes of a stream: growth that its meter owes, or the reason why it waits.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::held::{Held, Hold};
use crate::plan::{Run, opening};
use crate::{
    Accumulation, Book, Fraction, Group, HoldNote, Hour, MeterKey, Reading, Stream, StreamKey, Target,
};

/// Takes into a LATEST stream that is carried what the span before it has left, and notes what it leaves itself.
pub(crate) fn carry(
    left: &mut BTreeMap<(String, String, Group, Hour), Decimal>,
    key: &StreamKey,
    stream: &mut Stream,
    reading: Option<&Result<Reading, String>>,
) {
    if key.accumulation != Accumulation::HoursCarried {
        return;
    }
    let place = |hour| (key.customer.clone(), key.metric.clone(), key.group.clone(), hour);
    if let Some(value) = left.get(&place(key.from)) {
        stream.carried_in = Some(*value);
    }
    let Some(Ok(reading)) = reading else { return };
    let last = reading.carried.and_then(|(last, _)| last).or(stream.carried_in);
    if let Some(last) = last.filter(|_| reading.through == stream.until) {
        left.insert(place(stream.until), last);
    }
}

/// Turns one stream's growth into what its meter owes, or says why it waits.
pub(crate) fn grow(
    book: &mut Book,
    key: &StreamKey,
    stream: &mut Stream,
    reading: Option<&Result<Reading, String>>,
    run: &Run,
) -> Option<Held> {
    let held = |growth, hold| {
        Some(Held {
            stream: key.clone(),
            growth,
            hold,
        })
    };
    let reading = match reading {
        Some(Ok(reading)) if reading.through <= stream.until => reading,
        Some(Ok(_)) => {
            return held(
                None,
                Hold::Unread("its span was ended while it was read".to_owned()),
            );
        }
        Some(Err(reason)) => return held(None, Hold::Unread(reason.clone())),
        // Nothing of it is closed yet, or another run began it while this one read.
        None => return None,
    };
    if reading.base.is_some() {
        stream.base.clone_from(&reading.base);
    }
    let value = match (reading.value.unwrap_or_default(), reading.opening) {
        (value, _) if opening(stream).is_none() => value,
        (value, Some(opening)) => {
            let before = stream.before.map_or(opening, |known| known.max(opening));
            stream.before = Some(before);
            value.checked_sub(before)?
        }
        (_, None) => {
            let reason = "the part of it before its span was not read";
            return held(None, Hold::Unread(reason.to_owned()));
        }
    };
    let value = match (reading.carried, stream.carried_in) {
        (Some((_, lead)), Some(carried)) => value.checked_add(carried.checked_mul(lead)?)?,
        _ => value,
    };
    if value <= stream.mark {
        stream.held = None;
        return None;
    }
    if let Some(hold) = hold(book, key, stream, value) {
        let since = stream.held.as_ref().map_or(run.hour(), |note| note.since);
        stream.held = Some(HoldNote {
            reason: hold.to_string(),
            reading: value,
            since,
        });
        return held(value.checked_sub(stream.mark), hold);
    }
    let target = stream.target.as_ref()?;
    // Decimals round what they cannot hold; fractions do not.
    let growth = Fraction::from(value) - &Fraction::from(stream.mark);
    let converted = growth.times(&target.factor);
    let meter = book.meter(&MeterKey {
        entitlement: key.entitlement,
        dimension: target.dimension.clone(),
    });
    meter.grown += &converted;
    meter.owed += &converted;
    stream.mark = value;
    stream.claimed = Some(
        stream
            .claimed
            .map_or(reading.through, |claimed| claimed.max(reading.through)),
    );
    stream.held = None;
    stream.released_to = None;
    None
}

fn hold(book: &Book, key: &StreamKey, stream: &Stream, value: Decimal) -> Option<Hold> {
    let passed = stream
        .released_to
        .map_or(stream.mark, |released| released.max(stream.mark));
    limited(book, key.entitlement, stream.target.as_ref(), value, passed)
}

/// Why growth up to `value` may not be turned into what a meter owes: it leads nowhere, the meter is blocked, or it goes beyond
/// its limit from what a person let pass.
pub(crate) fn limited(
    book: &Book,
    entitlement: DateTime<Utc>,
    target: Option<&Target>,
    value: Decimal,
    passed: Decimal,
) -> Option<Hold> {
    let Some(target) = target else {
        return Some(Hold::Unmapped);
    };
    let meter = MeterKey {
        entitlement,
        dimension: target.dimension.clone(),
    };
    if let Some(block) = book.meters.get(&meter).and_then(|meter| meter.blocked.as_ref()) {
        return Some(Hold::Blocked(block.reason.clone()));
    }
    let limit = target.hold_above?;
    let within = value.checked_sub(passed).is_some_and(|beyond| beyond <= limit);
    (!within).then_some(Hold::AboveLimit(limit))
}
