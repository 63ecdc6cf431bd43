//! Invoices of one customer: `GET /v1/customers/{id}/invoices`
//! (<https://docs.metronome.com/api-reference/invoices/list-invoices>, 2026-11-20).

use chrono::{DateTime, SecondsFormat, Utc};
use platform::exact::Exact;
use rust_decimal::Decimal;
use serde::Deserialize;

use crate::call::{Call, check_id};
use crate::json::Object;
use crate::pages::{PAGE_SIZE, Room};
use crate::{Client, Error};

/// The pricing unit that every account has: US dollars, counted in cents
/// (<https://docs.metronome.com/api-reference/settings/list-pricing-units>, 2026-11-20).
const USD_CENTS: &str = "2714e483-4ff1-48e4-9e25-ac732e8f24f2";

/// Invoices to read. Nothing but their beginning is left to Metronome to filter, so that none is left out unseen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvoicesQuery {
    /// Whose: Metronome's id.
    pub customer_id: String,
    /// Only those whose period begins then or later; all where absent. What this does to an invoice without a period, which is
    /// a scheduled one, is not documented.
    pub starting_on: Option<DateTime<Utc>>,
}

/// How far an invoice is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// It still changes, with usage and with the contract.
    Draft,
    /// It does not change any more.
    Finalized,
    /// It is not owed.
    Void,
    /// One that Metronome has added since, in its own words.
    Other(String),
}

impl From<String> for InvoiceStatus {
    fn from(name: String) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "DRAFT" => Self::Draft,
            "FINALIZED" => Self::Finalized,
            "VOID" => Self::Void,
            _ => Self::Other(name),
        }
    }
}

/// What an invoice is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InvoiceKind {
    /// A period of a contract.
    Usage,
    /// Several invoices of usage in one, which names them as its constituents.
    UsageConsolidated,
    /// A commit, a true-up or another charge that falls due at a time.
    Scheduled,
    /// One that Metronome has added since, in its own words.
    Other(String),
}

impl From<String> for InvoiceKind {
    fn from(name: String) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "USAGE" => Self::Usage,
            "USAGE_CONSOLIDATED" => Self::UsageConsolidated,
            "SCHEDULED" => Self::Scheduled,
            _ => Self::Other(name),
        }
    }
}

/// What an amount is counted in: a currency, or a unit of the account's own.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct CreditType {
    /// Metronome's id, a UUID.
    pub id: String,
    /// The name shown in Metronome.
    pub name: String,
}

impl CreditType {
    /// Whether amounts are US cents.
    #[must_use]
    pub fn is_usd_cents(&self) -> bool {
        self.id.eq_ignore_ascii_case(USD_CENTS)
    }
}

/// What an invoice corrects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Correction {
    /// The id of the invoice that was wrong; documented to be always told.
    pub invoice_id: Option<String>,
}

/// An invoice as Metronome has it now, without its lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invoice {
    /// Metronome's id, a UUID. It stays the same from draft to void; an invoice generated anew has another.
    pub id: String,
    /// Whose.
    pub customer_id: String,
    /// How far it is.
    pub status: InvoiceStatus,
    /// What it is for.
    pub kind: InvoiceKind,
    /// What the total is counted in.
    pub credit_type: CreditType,
    /// What is owed, in its credit type's unit, fractions of it included. It may be negative.
    pub total: Decimal,
    /// The beginning of its period; a scheduled invoice has none.
    pub start: Option<DateTime<Utc>>,
    /// The end of its period, not part of it.
    pub end: Option<DateTime<Utc>>,
    /// When it was, or will be, issued.
    pub issued_at: Option<DateTime<Utc>>,
    /// The contract that it is made under.
    pub contract_id: Option<String>,
    /// Whether it is for the customer's billing provider at all, which it is unless Metronome says otherwise.
    pub billable: bool,
    /// The void invoice in whose place it was generated anew.
    pub regenerated_from: Option<String>,
    /// What it corrects, if it is a correction.
    pub corrects: Option<Correction>,
    /// The ids of the invoices that it is put together from.
    pub constituents: Vec<String>,
    /// The provider that Metronome itself sent it to, in Metronome's words: `aws_marketplace`, `stripe` and so on.
    pub external_provider: Option<String>,
}

/// An invoice as it is sent. Of the lines, of which there may be thousands, nothing is kept.
#[derive(Deserialize)]
pub(crate) struct Document {
    id: String,
    customer_id: String,
    status: String,
    #[serde(rename = "type")]
    kind: String,
    credit_type: Object<CreditType>,
    total: Exact,
    start_timestamp: Option<DateTime<Utc>>,
    end_timestamp: Option<DateTime<Utc>>,
    issued_at: Option<DateTime<Utc>>,
    contract_id: Option<String>,
    billable_status: Option<String>,
    regenerated_from_invoice_id: Option<String>,
    correction_record: Option<Object<CorrectionRecord>>,
    constituent_invoices: Option<Vec<Object<Constituent>>>,
    external_invoice: Option<Object<ExternalInvoice>>,
    /// These two stand in a breakdown only.
    pub(crate) breakdown_start_timestamp: Option<DateTime<Utc>>,
    pub(crate) breakdown_end_timestamp: Option<DateTime<Utc>>,
}

#[derive(Deserialize)]
struct CorrectionRecord {
    corrected_invoice_id: Option<String>,
}

#[derive(Deserialize)]
struct Constituent {
    invoice_id: String,
}

#[derive(Deserialize)]
struct ExternalInvoice {
    billing_provider_type: Option<String>,
}

impl From<Document> for Invoice {
    fn from(document: Document) -> Self {
        let unbillable = |status: String| status.eq_ignore_ascii_case("unbillable");
        let correction = |Object(record): Object<CorrectionRecord>| Correction {
            invoice_id: record.corrected_invoice_id,
        };
        Self {
            id: document.id,
            customer_id: document.customer_id,
            status: document.status.into(),
            kind: document.kind.into(),
            credit_type: document.credit_type.0,
            total: document.total.0,
            start: document.start_timestamp,
            end: document.end_timestamp,
            issued_at: document.issued_at,
            contract_id: document.contract_id,
            billable: !document.billable_status.is_some_and(unbillable),
            regenerated_from: document.regenerated_from_invoice_id,
            corrects: document.correction_record.map(correction),
            constituents: document
                .constituent_invoices
                .into_iter()
                .flatten()
                .map(|Object(constituent)| constituent.invoice_id)
                .collect(),
            external_provider: document
                .external_invoice
                .and_then(|Object(invoice)| invoice.billing_provider_type),
        }
    }
}

impl Client {
    /// Every invoice of a query, whatever its status and kind, in the order in which they came.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no id; [`Error::Refused`] with status 404 where there is no such customer; else as the
    /// call goes. Then nothing is returned, however much had been read.
    pub async fn invoices(&self, query: &InvoicesQuery) -> Result<Vec<Invoice>, Error> {
        let mut call = listing(&query.customer_id, "invoices")?;
        if let Some(starting_on) = query.starting_on {
            call = call.with("starting_on", timestamp(starting_on));
        }
        self.pages::<Document, _>(&call, &Room::for_one_read()).await
    }
}

/// A list below a customer, oldest first: which order Metronome takes by itself is documented both ways. Lines without a
/// quantity add nothing to a total and much to a page.
pub(crate) fn listing(customer_id: &str, list: &str) -> Result<Call, Error> {
    check_id("customer", customer_id)?;
    Ok(Call::get(format!("/v1/customers/{customer_id}/{list}"))
        .with("limit", PAGE_SIZE)
        .with("sort", "date_asc")
        .with("skip_zero_qty_line_items", "true")
        .about("customer", &[customer_id.to_owned()]))
}

/// A time as Metronome wants it.
pub(crate) fn timestamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::AutoSi, true)
}
