//! Invoices: what one is, what a scenario can say of one, and how it is kept.
//!
//! An invoice is either set by the scenario, to any total at all, or rated: computed from the usage of a contract.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::lines::{CreditType, LineItem};
use super::owned::Owned;
use super::periods::Period;
use super::rating::Draw;

/// Amounts by the hour they fall in.
pub(super) type Hours = BTreeMap<DateTime<Utc>, BigDecimal>;

/// What an invoice is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceType {
    /// Usage of a period.
    Usage,
    /// The usage invoices of several contracts in one.
    UsageConsolidated,
    /// Commit purchases, true-ups, charges. It has an issue date and no period.
    Scheduled,
}

impl InvoiceType {
    pub(super) const NAMES: [(Self, &'static str); 3] = [
        (Self::Usage, "USAGE"),
        (Self::UsageConsolidated, "USAGE_CONSOLIDATED"),
        (Self::Scheduled, "SCHEDULED"),
    ];
}

/// Where an invoice stands in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InvoiceStatus {
    /// It still moves.
    Draft,
    /// It moves no more.
    Finalized,
    /// It is owed no more.
    Void,
}

impl InvoiceStatus {
    pub(super) const NAMES: [(Self, &'static str); 3] = [
        (Self::Draft, "DRAFT"),
        (Self::Finalized, "FINALIZED"),
        (Self::Void, "VOID"),
    ];
}

/// Says of an invoice that it corrects another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CorrectionRecord {
    /// Why.
    pub reason: String,
    /// More words.
    pub memo: String,
    /// Which.
    pub corrected_invoice_id: Uuid,
}

/// What became of an invoice at a billing provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ExternalInvoice {
    /// `stripe`, `aws_marketplace`, …
    pub billing_provider_type: String,
    /// Its id there.
    pub invoice_id: String,
    /// `DRAFT`, `FINALIZED`, `PAID`, `SENT`, `QUEUED`, …
    pub external_status: String,
}

/// An invoice that the scenario sets.
#[derive(Clone, Debug)]
pub struct NewInvoice {
    /// Whose it is.
    pub customer: Uuid,
    /// The contract it is under.
    pub contract: Option<Uuid>,
    /// What it is for.
    pub kind: InvoiceType,
    /// Where it stands. A draft is finalized by the clock, like any other.
    pub status: InvoiceStatus,
    /// What its total is in.
    pub credit_type: CreditType,
    /// The usage period, on whole hours; SCHEDULED invoices have none, the others must.
    pub period: Option<(DateTime<Utc>, DateTime<Utc>)>,
    /// Its date; where there is a period, the end of that unless said otherwise.
    pub issued_at: Option<DateTime<Utc>>,
    /// What it comes to, in units of the credit type: for USD, cents.
    pub total: BigDecimal,
    /// How many lines the total is made of; at least one, unless it is nothing.
    pub line_items: usize,
    /// How much of it a postpaid commit covers: a negative line that the total leaves out.
    pub postpaid: Option<BigDecimal>,
    /// Whether a billing provider gets it; the field is shown where this is said.
    pub billable: Option<bool>,
    /// Another invoice that this one corrects.
    pub correction_record: Option<CorrectionRecord>,
    /// What a USAGE_CONSOLIDATED invoice is made of: invoices of contracts.
    pub constituents: Vec<Uuid>,
    /// What became of it at a billing provider.
    pub external_invoice: Option<ExternalInvoice>,
}

impl NewInvoice {
    /// A USAGE draft in USD that comes to nothing yet.
    #[must_use]
    pub fn usage(customer: Uuid, from: DateTime<Utc>, until: DateTime<Utc>) -> Self {
        Self {
            customer,
            contract: None,
            kind: InvoiceType::Usage,
            status: InvoiceStatus::Draft,
            credit_type: CreditType::usd(),
            period: Some((from, until)),
            issued_at: None,
            total: BigDecimal::from(0),
            line_items: 1,
            postpaid: None,
            billable: None,
            correction_record: None,
            constituents: Vec::new(),
            external_invoice: None,
        }
    }

    /// A SCHEDULED draft in USD that comes to nothing yet and is finalized at `issued_at`.
    #[must_use]
    pub fn scheduled(customer: Uuid, issued_at: DateTime<Utc>) -> Self {
        Self {
            kind: InvoiceType::Scheduled,
            period: None,
            issued_at: Some(issued_at),
            ..Self::usage(customer, issued_at, issued_at)
        }
    }

    /// Puts it under a contract.
    #[must_use]
    pub fn under(self, contract: Uuid) -> Self {
        Self {
            contract: Some(contract),
            ..self
        }
    }

    /// Says what it comes to.
    #[must_use]
    pub fn of(self, total: impl Into<BigDecimal>) -> Self {
        Self {
            total: total.into(),
            ..self
        }
    }
}

/// What is said of an invoice and stays as it is.
#[derive(Clone, Debug)]
pub(super) struct Labels {
    pub(super) credit_type: CreditType,
    pub(super) billable: Option<bool>,
    pub(super) correction_record: Option<CorrectionRecord>,
    pub(super) constituents: Vec<Uuid>,
    pub(super) external_invoice: Option<ExternalInvoice>,
}

/// Where an invoice's amounts come from.
#[derive(Clone, Debug)]
pub(super) enum Content {
    /// The scenario: the total, the lines it is made of, and the hours it fell in.
    Set {
        total: BigDecimal,
        line_items: usize,
        postpaid: Option<BigDecimal>,
        hours: Hours,
    },
    /// The contract's rates, live until there is a [`Frozen`].
    Rated(Option<Frozen>),
}

/// A rated invoice as it was when it stopped moving.
#[derive(Clone, Debug)]
pub(super) struct Frozen {
    pub(super) lines: Vec<LineItem>,
    pub(super) draws: Vec<Draw>,
}

/// An invoice of the account.
#[derive(Clone, Debug)]
pub(super) struct Invoice {
    pub(super) id: Uuid,
    pub(super) customer: Uuid,
    pub(super) contract: Option<Uuid>,
    pub(super) kind: InvoiceType,
    pub(super) status: InvoiceStatus,
    pub(super) period: Option<Period>,
    pub(super) issue_date: Option<DateTime<Utc>>,
    /// When it was made or last cut: it is not finalized before.
    pub(super) since: DateTime<Utc>,
    pub(super) regenerated_from: Option<Uuid>,
    pub(super) labels: Labels,
    pub(super) content: Content,
}

impl Owned for Invoice {
    const KIND: &'static str = "invoice";

    fn id(&self) -> Uuid {
        self.id
    }

    fn customer(&self) -> Uuid {
        self.customer
    }
}

impl Invoice {
    /// Its date: a usage invoice is dated at the end of its period, where nobody moved it. Shown once it is issued; lists
    /// are sorted by it before that too.
    pub(super) fn date(&self) -> Option<DateTime<Utc>> {
        self.issue_date.or(self.period.map(|(_, end)| end))
    }

    pub(super) fn is_draft(&self) -> bool {
        self.status == InvoiceStatus::Draft
    }

    pub(super) fn is_rated(&self) -> bool {
        matches!(self.content, Content::Rated(_))
    }
}

/// The name that Metronome shows.
pub(super) fn name<T: PartialEq, const N: usize>(names: [(T, &'static str); N], one: &T) -> &'static str {
    let found = names.into_iter().find(|(named, _)| named == one);
    found.map_or("", |(_, name)| name)
}

/// What a name means, in any case.
pub(super) fn named<T, const N: usize>(names: [(T, &'static str); N], text: &str) -> Option<T> {
    let found = names
        .into_iter()
        .find(|(_, name)| name.eq_ignore_ascii_case(text));
    found.map(|(one, _)| one)
}
