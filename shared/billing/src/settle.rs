//! What becomes of records in flight: by their answers ([`settle`]), by what the marketplace is found to hold ([`found`]), or by
//! their window closing ([`expire`]).
//!
//! An attempt is closed only when each of its requests was answered and none took the record; a record may go back to owed,
//! or be parked where it would be refused again, only when every attempt is closed.

use chrono::{DateTime, TimeDelta, Utc};

use crate::record::{Answer, Attempt, Entry, InFlight, Outcome, Receipt, Record, Refusal};
use crate::{Block, Book, Rules, Unanswered};

/// The longest that an invocation can live: AWS Lambda's own limit (Lambda quotas, read 2026-11-20). An open attempt younger
/// than this may still be sending.
pub const LONGEST_INVOCATION: TimeDelta = TimeDelta::minutes(15);

/// Records that one [`expire`] takes out: parked, each is three of the hundred items of its transaction. The rest follow with
/// the next.
pub const EXPIRED_MAX: usize = 30;

/// How long the marketplace is asked what it holds of a record whose window has closed, if it does not answer: three days, after
/// which a person is told.
pub const READ_BACK_MAX: TimeDelta = TimeDelta::days(3);

/// Notes an attempt on every record in flight that lacks it and may be sent by it; one that was closed is open again. To be
/// written before the attempt's first request, and after [`expire`]: a record whose window has closed waits for its youngest
/// attempt.
pub fn note_attempt(book: &mut Book, rules: &Rules, attempt: &str, now: DateTime<Utc>) {
    for flight in &mut book.in_flight {
        // Where a lost answer is never followed by a second request, whatever is open may have been taken.
        if flight.held_by(attempt) || (rules.unanswered == Unanswered::Park && flight.open()) {
            continue;
        }
        flight.attempts.retain(|other| other.id != attempt);
        flight.attempts.push(Attempt {
            id: attempt.to_owned(),
            since: now,
            closed: false,
        });
    }
}

/// What `attempt` learned of one record: the answers to its requests, in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Learned {
    /// The record's id.
    pub record: String,
    /// One answer a request; none where the invocation ended before its first.
    pub answers: Vec<Answer>,
}

/// Applies what an attempt learned. A record that the book no longer holds in flight under this attempt is left alone: it was
/// settled by somebody else, and may fly again under another attempt.
#[must_use]
pub fn settle(book: &mut Book, attempt: &str, learned: &[Learned], now: DateTime<Utc>) -> Vec<Entry> {
    let mut entries = Vec::new();
    for learned in learned {
        let Some(index) = book
            .in_flight
            .iter()
            .position(|flight| flight.record.id == learned.record && flight.held_by(attempt))
        else {
            continue;
        };
        let mut flight = book.in_flight.remove(index);
        match verdict(&flight, attempt, &learned.answers) {
            Verdict::Leaves(outcome, reason, receipt) => {
                entries.push(leave(
                    book,
                    &flight.record,
                    outcome,
                    reason,
                    receipt,
                    attempt,
                    now,
                ));
            }
            Verdict::Stays => book.in_flight.insert(index, flight),
            Verdict::Closed(refusal) => {
                close(&mut flight, attempt);
                if let Some(Refusal::Never(reason)) = &refusal {
                    block(book, &flight.record, reason, now);
                }
                match refusal {
                    Some(refusal) if !flight.open() => {
                        let (outcome, reason) = match refusal {
                            Refusal::Later(reason) => (Outcome::Returned, reason),
                            Refusal::Never(reason) => (Outcome::Parked, reason),
                        };
                        entries.push(leave(
                            book,
                            &flight.record,
                            outcome,
                            Some(reason),
                            None,
                            attempt,
                            now,
                        ));
                    }
                    _ => book.in_flight.insert(index, flight),
                }
            }
        }
    }
    entries
}

/// What a marketplace that can be read back was found to hold of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The record.
    Taken,
    /// Nothing of it.
    NotTaken,
    /// Something else: what, in words.
    Otherwise(String),
}

/// The records to ask the marketplace for: their window has closed, an answer was lost, and no attempt can be alive.
#[must_use]
pub fn to_read_back(book: &Book, rules: &Rules, now: DateTime<Utc>) -> Vec<Record> {
    let lost = |flight: &&InFlight| {
        flight.open() && !rules.takes(flight.record.timestamp, now) && !alive(flight, now)
    };
    let asked = (rules.unanswered == Unanswered::ReadBack).then_some(&book.in_flight);
    let records = asked.into_iter().flatten().filter(lost);
    records
        .map(|flight| flight.record.clone())
        .take(EXPIRED_MAX)
        .collect()
}

/// Settles records by what the marketplace was found to hold. What was not asked for ([`to_read_back`]) is left alone.
#[must_use]
pub fn found(
    book: &mut Book,
    rules: &Rules,
    findings: &[(String, Found)],
    by: &str,
    now: DateTime<Utc>,
) -> Vec<Entry> {
    let asked = to_read_back(book, rules, now);
    let mut entries = Vec::new();
    for (id, finding) in findings {
        let Some(record) = asked.iter().find(|record| record.id == *id) else {
            continue;
        };
        book.in_flight.retain(|flight| flight.record.id != *id);
        let (outcome, reason) = match finding {
            Found::Taken => (
                Outcome::Delivered,
                "its answer was lost; read back, the marketplace holds it".to_owned(),
            ),
            Found::NotTaken => (
                Outcome::Returned,
                "its answer was lost; read back, the marketplace does not hold it".to_owned(),
            ),
            Found::Otherwise(what) => (Outcome::Parked, format!("discrepancy: {what}")),
        };
        entries.push(leave(book, record, outcome, Some(reason), None, by, now));
    }
    entries
}

/// Takes out of the flight what no request can deliver any more: a record whose window has closed goes back to owed if every
/// attempt is closed, else it is parked once the last open attempt can no longer be alive, and the marketplace has not told what
/// it holds where it can be asked. Where a lost answer is never followed by another request, it is parked without waiting for
/// the window.
#[must_use]
pub fn expire(book: &mut Book, rules: &Rules, by: &str, now: DateTime<Utc>) -> Vec<Entry> {
    let mut late = Vec::new();
    book.in_flight.retain(|flight| {
        let stays = late.len() == EXPIRED_MAX || alive(flight, now) || waits(flight, rules, now);
        if !stays {
            late.push(flight.clone());
        }
        stays
    });
    late.into_iter()
        .map(|flight| {
            let closed = !rules.takes(flight.record.timestamp, now);
            let (outcome, reason) = match (flight.open(), closed) {
                (true, true) => (
                    Outcome::Parked,
                    "its answer was lost and its window has closed: find out whether it was billed",
                ),
                (true, false) => (
                    Outcome::Parked,
                    "its answer was lost, and `unknown = \"park\"`: find out whether it was billed",
                ),
                (false, _) => (Outcome::Returned, "its window closed before it was taken"),
            };
            leave(
                book,
                &flight.record,
                outcome,
                Some(reason.to_owned()),
                None,
                by,
                now,
            )
        })
        .collect()
}

/// Whether a record that nobody is sending may still be settled otherwise than by a person or by going back to owed.
fn waits(flight: &InFlight, rules: &Rules, now: DateTime<Utc>) -> bool {
    let taken = rules.takes(flight.record.timestamp, now);
    match rules.unanswered {
        _ if !flight.open() => taken,
        Unanswered::Resend => taken,
        Unanswered::ReadBack => {
            taken || now.signed_duration_since(flight.record.timestamp) < rules.max_age + READ_BACK_MAX
        }
        Unanswered::Park => false,
    }
}

/// Whether an attempt that may still be sending holds the record.
fn alive(flight: &InFlight, now: DateTime<Utc>) -> bool {
    flight
        .attempts
        .iter()
        .any(|attempt| !attempt.closed && now.signed_duration_since(attempt.since) < LONGEST_INVOCATION)
}

enum Verdict {
    /// The record leaves the flight.
    Leaves(Outcome, Option<String>, Option<Receipt>),
    /// Not known yet.
    Stays,
    /// The attempt is closed: by a refusal, or by never having sent.
    Closed(Option<Refusal>),
}

fn verdict(flight: &InFlight, attempt: &str, answers: &[Answer]) -> Verdict {
    let mut unanswered = flight
        .attempts
        .iter()
        .any(|other| other.id != attempt && !other.closed);
    let mut lost = false;
    let mut refusal = None;
    for answer in answers {
        match answer {
            Answer::Accepted(receipt) => {
                return Verdict::Leaves(Outcome::Delivered, None, Some(receipt.clone()));
            }
            Answer::Duplicate { stored } => return duplicate(&flight.record, *stored, unanswered),
            Answer::Unknown(_) => {
                unanswered = true;
                lost = true;
            }
            Answer::Refused(reason) => refusal = Some(reason.clone()),
        }
    }
    if lost {
        Verdict::Stays
    } else {
        Verdict::Closed(refusal)
    }
}

/// A duplicate is ours if the stored quantity is; where none is told, if an earlier request of ours is unanswered. Else it is
/// somebody else's record in our hour.
fn duplicate(record: &Record, stored: Option<rust_decimal::Decimal>, unanswered: bool) -> Verdict {
    match stored {
        Some(stored) if stored == record.quantity => Verdict::Leaves(Outcome::Delivered, None, None),
        Some(stored) => Verdict::Leaves(
            Outcome::Parked,
            Some(format!(
                "discrepancy: the marketplace holds {stored} for this hour, not {}",
                record.quantity
            )),
            None,
        ),
        None if unanswered => Verdict::Leaves(
            Outcome::DeliveredUnproven,
            Some(
                "the marketplace holds a record for this hour, and an earlier request of ours was unanswered"
                    .to_owned(),
            ),
            None,
        ),
        None => Verdict::Leaves(
            Outcome::Parked,
            Some("discrepancy: the marketplace holds a record for this hour that we did not send".to_owned()),
            None,
        ),
    }
}

fn close(flight: &mut InFlight, attempt: &str) {
    for known in flight.attempts.iter_mut().filter(|known| known.id == attempt) {
        known.closed = true;
    }
}

fn block(book: &mut Book, record: &Record, reason: &str, now: DateTime<Utc>) {
    let meter = book.meter(&record.meter);
    if meter.blocked.is_none() {
        meter.blocked = Some(Block {
            reason: reason.to_owned(),
            since: now,
        });
    }
}

/// Books a record's leaving. Only going back to owed frees its hour.
fn leave(
    book: &mut Book,
    record: &Record,
    outcome: Outcome,
    reason: Option<String>,
    receipt: Option<Receipt>,
    by: &str,
    at: DateTime<Utc>,
) -> Entry {
    let quantity = record.quantity.into();
    let meter = book.meter(&record.meter);
    match outcome {
        Outcome::Delivered | Outcome::DeliveredUnproven => meter.delivered += &quantity,
        Outcome::Parked => meter.parked += &quantity,
        Outcome::WrittenOff => meter.written_off += &quantity,
        Outcome::Returned => {
            meter.owed += &quantity;
            if let Some(hours) = book.used.get_mut(&record.meter.dimension) {
                hours.remove(&record.hour());
            }
        }
    }
    Entry {
        record: record.clone(),
        outcome,
        reason,
        receipt,
        by: by.to_owned(),
        at,
    }
}
