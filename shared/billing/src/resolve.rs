//! A person's judgement of a parked record.

use chrono::{DateTime, Utc};
use thiserror::Error;

use crate::record::{Entry, Outcome};
use crate::{Book, Fraction, MeterKey};

/// What a person found out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolution {
    /// The marketplace has billed it.
    Accepted,
    /// It has not: owed again, in the same dimension or another.
    NotAccepted {
        /// The dimension it should have had.
        to: Option<String>,
    },
    /// It will not be billed.
    WriteOff,
}

/// The book does not hold what is to be resolved.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("the book does not hold {quantity} parked in the meter {meter}")]
pub struct NotParked {
    meter: String,
    quantity: String,
}

/// Resolves a parked record. Its hour stays used: the marketplace may hold something there.
///
/// # Errors
/// When the book has less parked in that meter.
pub fn resolve(
    book: &mut Book,
    parked: &Entry,
    resolution: &Resolution,
    reason: &str,
    by: &str,
    at: DateTime<Utc>,
) -> Result<Entry, NotParked> {
    let record = &parked.record;
    let quantity = Fraction::from(record.quantity);
    let meter = book.meter(&record.meter);
    if meter.parked < quantity {
        return Err(NotParked {
            meter: record.meter.to_string(),
            quantity: record.quantity.to_string(),
        });
    }
    meter.parked -= &quantity;
    let outcome = match resolution {
        Resolution::Accepted => {
            meter.delivered += &quantity;
            Outcome::Delivered
        }
        Resolution::WriteOff => {
            meter.written_off += &quantity;
            Outcome::WrittenOff
        }
        Resolution::NotAccepted { to } => {
            // The growth moves with what is owed, so that both meters add up.
            meter.grown -= &quantity;
            let dimension = to.as_ref().unwrap_or(&record.meter.dimension).clone();
            let meter = book.meter(&MeterKey {
                entitlement: record.meter.entitlement,
                dimension,
            });
            meter.grown += &quantity;
            meter.owed += &quantity;
            Outcome::Returned
        }
    };
    Ok(Entry {
        record: record.clone(),
        outcome,
        reason: Some(reason.to_owned()),
        receipt: None,
        by: by.to_owned(),
        at,
    })
}
