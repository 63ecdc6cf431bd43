//! Reading invoices: a customer's list, page by page, and one by its id.

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::account::Account;
use super::catalog::DEFAULT_LIMIT;
use super::cursor::{Asked, Ranked, Turn};
use super::invoices::{self, CorrectionRecord, ExternalInvoice, Invoice, InvoiceStatus, InvoiceType};
use super::lines::{self, CreditType, LineItem};
use super::mischief::{Mischief, Spoiler};
use super::periods::Period;
use super::properties::Number;
use super::reply::{Answer, Page, Refusal, data, json, stamp};
use super::request::Query;
use super::routes::Operation;

/// `Invoice`, and with a window `BreakdownInvoice`.
#[derive(Serialize)]
pub(super) struct Shown<'a> {
    id: Uuid,
    customer_id: Uuid,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    credit_type: &'a CreditType,
    #[serde(skip_serializing_if = "Option::is_none")]
    contract_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breakdown_start_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    breakdown_end_timestamp: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    issued_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    billable_status: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    correction_record: Option<&'a CorrectionRecord>,
    #[serde(skip_serializing_if = "Option::is_none")]
    external_invoice: Option<&'a ExternalInvoice>,
    #[serde(skip_serializing_if = "Option::is_none")]
    constituent_invoices: Option<Vec<Constituent>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    payer: Option<Payer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    regenerated_from_invoice_id: Option<Uuid>,
    line_items: Vec<LineItem>,
    total: Number,
}

#[derive(Serialize)]
struct Constituent {
    contract_id: Uuid,
    invoice_id: Uuid,
    customer_id: Uuid,
}

#[derive(Serialize)]
struct Payer {
    contract_id: Uuid,
    customer_id: Uuid,
}

/// How reads show an invoice of these lines; `skip_zero` leaves lines out and the total as it is.
pub(super) fn shown<'a>(
    account: &Account,
    invoice: &'a Invoice,
    mut line_items: Vec<LineItem>,
    window: Option<Period>,
    skip_zero: bool,
) -> Shown<'a> {
    let labels = &invoice.labels;
    let total = Number(lines::total(&line_items));
    line_items.retain(|line| !skip_zero || !line.is_of_nothing());
    Shown {
        id: invoice.id,
        customer_id: invoice.customer,
        kind: invoices::name(InvoiceType::NAMES, &invoice.kind),
        status: invoices::name(InvoiceStatus::NAMES, &invoice.status),
        credit_type: &labels.credit_type,
        contract_id: invoice.contract,
        start_timestamp: invoice.period.map(|(start, _)| stamp(start)),
        end_timestamp: invoice.period.map(|(_, end)| stamp(end)),
        breakdown_start_timestamp: window.map(|(start, _)| stamp(start)),
        breakdown_end_timestamp: window.map(|(_, end)| stamp(end)),
        issued_at: invoice.date().filter(|_| !invoice.is_draft()).map(stamp),
        created_at: labels.correction_record.as_ref().map(|_| stamp(invoice.since)),
        billable_status: labels
            .billable
            .map(|is| if is { "billable" } else { "unbillable" }),
        correction_record: labels.correction_record.as_ref(),
        external_invoice: labels.external_invoice.as_ref(),
        constituent_invoices: constituents(account, invoice),
        payer: payer(account, invoice),
        regenerated_from_invoice_id: invoice.regenerated_from,
        line_items,
        total,
    }
}

fn constituents(account: &Account, invoice: &Invoice) -> Option<Vec<Constituent>> {
    let constituent = |id: &Uuid| {
        let one = account.invoices.get(*id).ok()?;
        Some(Constituent {
            contract_id: one.contract?,
            invoice_id: one.id,
            customer_id: one.customer,
        })
    };
    let all = invoice.labels.constituents.iter().filter_map(constituent);
    (invoice.kind == InvoiceType::UsageConsolidated).then(|| all.collect())
}

/// Whose contract pays for an invoice: that of the consolidated invoice that it is part of.
fn payer(account: &Account, invoice: &Invoice) -> Option<Payer> {
    let whole = account.consolidation_of(invoice.id)?;
    Some(Payer {
        contract_id: whole.contract?,
        customer_id: whole.customer,
    })
}

/// What a list asks for.
#[derive(Debug)]
struct Wanted<'q> {
    kind: Option<InvoiceType>,
    status: Option<InvoiceStatus>,
    credit_type: Option<&'q str>,
    contract: Option<Uuid>,
    from: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    newest_first: bool,
    skip_zero: bool,
}

impl<'q> Wanted<'q> {
    fn read(query: &'q Query) -> Result<Self, Refusal> {
        Ok(Self {
            kind: choice(query, "type", InvoiceType::NAMES)?,
            status: choice(query, "status", InvoiceStatus::NAMES)?,
            credit_type: query.text("credit_type_id"),
            contract: query.id("contract_id")?,
            from: query.time("starting_on")?,
            until: query.time("ending_before")?,
            newest_first: query.newest_first()?,
            skip_zero: query.flag("skip_zero_qty_line_items")?,
        })
    }

    /// Of two dates, either leaves out what has no period: both speak of billing periods alone.
    fn fits(&self, invoice: &Invoice) -> bool {
        let credit_type = invoice.labels.credit_type.id.to_string();
        self.kind.is_none_or(|kind| invoice.kind == kind)
            && self.status.is_none_or(|status| invoice.status == status)
            && self.credit_type.is_none_or(|wanted| wanted == credit_type)
            && (self.contract.is_none() || self.contract == invoice.contract)
            && self
                .from
                .is_none_or(|from| invoice.period.is_some_and(|(start, _)| start >= from))
            && self
                .until
                .is_none_or(|until| invoice.period.is_some_and(|(_, end)| end < until))
    }
}

/// One of the words that a parameter knows, in any case.
pub(super) fn choice<T, const N: usize>(
    query: &Query,
    name: &str,
    names: [(T, &'static str); N],
) -> Result<Option<T>, Refusal> {
    let Some(text) = query.text(name) else {
        return Ok(None);
    };
    let unknown = || Refusal::bad(format!("{name} {text} is unknown"));
    invoices::named(names, text).map(Some).ok_or_else(unknown)
}

/// Where an invoice stands in a list: by its date, then in the order that they were made.
pub(super) fn rank(place: usize, invoice: &Invoice) -> [u64; 2] {
    let date = invoice.date().unwrap_or_default().timestamp_millis();
    [u64::try_from(date).unwrap_or_default(), place as u64]
}

/// `GET /v1/customers/{id}/invoices`.
pub(super) fn list(
    account: &Account,
    (customer, query): (Uuid, &str),
    now: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let known = [
        "limit",
        "next_page",
        "status",
        "type",
        "skip_zero_qty_line_items",
        "sort",
        "credit_type_id",
        "contract_id",
        "starting_on",
        "ending_before",
    ];
    let query = Query::read(query, &known)?;
    let wanted = Wanted::read(&query)?;
    account.customers.get(customer)?;
    let asked = Asked::by(("invoices", customer, &wanted));
    let mischief = spoiler.turn(Operation::ListInvoices, Some(customer));
    let turn = Turn {
        asked: &asked,
        cursor: query.text("next_page"),
        falling: wanted.newest_first,
        limit: query.limit()?.unwrap_or(DEFAULT_LIMIT),
        repeat: mischief.repeat_pages,
    };

    let fitting = account
        .invoices
        .of(customer)
        .filter(|(_, invoice)| wanted.fits(invoice));
    let mut rows: Vec<Ranked<&Invoice, 3>> = fitting
        .map(|(place, invoice)| {
            let [date, place] = rank(place, invoice);
            ([date, place, 0], invoice)
        })
        .collect();
    rows.sort_unstable_by_key(|(rank, _)| *rank);
    if wanted.newest_first {
        rows.reverse();
    }
    let (page, next_page) = turn.page(&rows, |_, _| true)?;
    let view = account.view(now - mischief.stale_by.unwrap_or_default());
    let data: Vec<Shown> = page
        .iter()
        .map(|(_, invoice)| {
            shown(
                account,
                invoice,
                account.lines(invoice, view),
                None,
                wanted.skip_zero,
            )
        })
        .collect();
    Ok((json(&Page { data, next_page })?, mischief))
}

/// `GET /v1/customers/{id}/invoices/{id}`.
pub(super) fn get(
    account: &Account,
    (customer, invoice, query): (Uuid, Uuid, &str),
    now: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    let query = Query::read(query, &["skip_zero_qty_line_items"])?;
    let skip_zero = query.flag("skip_zero_qty_line_items")?;
    account.customers.get(customer)?;
    let invoice = account.invoices.get_of(customer, invoice)?;
    let mischief = spoiler.turn(Operation::GetInvoice, Some(customer));
    let view = account.view(now - mischief.stale_by.unwrap_or_default());
    let shown = shown(account, invoice, account.lines(invoice, view), None, skip_zero);
    Ok((data(&shown)?, mischief))
}
