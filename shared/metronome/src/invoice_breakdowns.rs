//! Invoices of one customer cut into hours or days: `GET /v1/customers/{id}/invoices/breakdowns`
//! (<https://docs.metronome.com/api-reference/invoices/list-invoice-breakdowns>, 2026-11-20).

use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use serde::Deserialize;

use crate::invoices::{Document, Invoice, listing, timestamp};
use crate::pages::Room;
use crate::{Client, Error};

/// How invoices are cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BreakdownWindow {
    /// By the hour.
    Hour,
    /// By the UTC day.
    Day,
}

impl BreakdownWindow {
    fn word(self) -> &'static str {
        match self {
            Self::Hour => "HOUR",
            Self::Day => "DAY",
        }
    }

    fn length(self) -> TimeDelta {
        match self {
            Self::Hour => TimeDelta::hours(1),
            Self::Day => TimeDelta::days(1),
        }
    }
}

/// Breakdowns to read. Metronome leaves out, in silence, a window that is not wholly between the bounds, so these must stand
/// where a window begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BreakdownsQuery {
    /// Whose: Metronome's id.
    pub customer_id: String,
    /// From the beginning of this hour or UTC day.
    pub starting_on: DateTime<Utc>,
    /// Until the beginning of this hour or UTC day, which is a later one.
    pub ending_before: DateTime<Utc>,
    /// How the invoices are cut.
    pub window: BreakdownWindow,
}

/// The part of an invoice that belongs to one window, as Metronome has it now. It still changes when late events come, after
/// the invoice itself is final too; the invoice's id stands in all its windows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoiceBreakdown {
    /// The window's beginning.
    pub start: DateTime<Utc>,
    /// The window's end, not part of it.
    pub end: DateTime<Utc>,
    /// The invoice; its total is the window's, its period the whole one.
    pub invoice: Invoice,
}

/// A breakdown as it is sent: an invoice with the window's bounds among its fields.
#[derive(Deserialize)]
#[serde(try_from = "Document")]
struct Windowed {
    start: DateTime<Utc>,
    end: DateTime<Utc>,
    invoice: Invoice,
}

impl TryFrom<Document> for Windowed {
    type Error = &'static str;

    fn try_from(document: Document) -> Result<Self, Self::Error> {
        Ok(Self {
            start: document
                .breakdown_start_timestamp
                .ok_or("missing field `breakdown_start_timestamp`")?,
            end: document
                .breakdown_end_timestamp
                .ok_or("missing field `breakdown_end_timestamp`")?,
            invoice: document.into(),
        })
    }
}

impl From<Windowed> for InvoiceBreakdown {
    fn from(row: Windowed) -> Self {
        Self {
            start: row.start,
            end: row.end,
            invoice: row.invoice,
        }
    }
}

impl Client {
    /// The rows of a query, as they came. One answer covers 24 hours, or 35 days, at most, so it takes at least as many
    /// requests as there are such stretches.
    ///
    /// # Errors
    /// [`Error::Invalid`] where the query breaks a rule that is told at its fields; [`Error::Refused`] with status 404 where
    /// there is no such customer; else as the call goes. Then nothing is returned, however much had been read.
    pub async fn invoice_breakdowns(&self, query: &BreakdownsQuery) -> Result<Vec<InvoiceBreakdown>, Error> {
        query.check()?;
        let call = listing(&query.customer_id, "invoices/breakdowns")?
            .with("window_size", query.window.word())
            .with("starting_on", timestamp(query.starting_on))
            .with("ending_before", timestamp(query.ending_before));
        self.pages::<Windowed, _>(&call, &Room::for_one_read()).await
    }
}

impl BreakdownsQuery {
    fn check(&self) -> Result<(), Error> {
        let window = self.window.length();
        let begins = |time: DateTime<Utc>| time.duration_trunc(window) == Ok(time);
        if self.starting_on < self.ending_before && begins(self.starting_on) && begins(self.ending_before) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "breakdowns by {} are read from where one begins to where a later one does, not from {} to {}",
            self.window.word(),
            timestamp(self.starting_on),
            timestamp(self.ending_before),
        )))
    }
}
