//! What a customer's invoices come to: which of them count, in dollars (the design's "Readings", Amounts). Pure.

use std::collections::{BTreeMap, BTreeSet};

use billing::amounts::Closed;
use billing::{AmountReading, AmountToRead, Hour, Share};
use chrono::{DateTime, TimeDelta, Utc};
use metronome::{Invoice, InvoiceKind, InvoiceStatus};
use rust_decimal::Decimal;

use super::reading::add;

/// Invoices that were over so long ago are settled: as long as Metronome takes usage that could still move one.
const SETTLED: TimeDelta = TimeDelta::days(billing::span::LATEST_DAYS);

/// Parts of invoices that lie before an hour which their period holds, by invoice, in the invoice's own unit.
pub(crate) type Parts = BTreeMap<String, Decimal>;

/// What was read of one stream of amounts.
pub(crate) struct Listing<'a> {
    /// The invoices of all its customers, each once.
    pub(crate) invoices: BTreeMap<&'a str, &'a Invoice>,
    /// All of them were listed, not only those that are not settled.
    pub(crate) whole: bool,
    /// The parts before the hours at which something is cut.
    pub(crate) parts: &'a BTreeMap<(String, Hour), Parts>,
}

/// Takes the invoices of several pages together.
///
/// # Errors
/// Where one stands there twice with different contents: it moved while it was read.
pub(crate) fn once<'a>(
    invoices: impl Iterator<Item = &'a Invoice>,
) -> Result<BTreeMap<&'a str, &'a Invoice>, String> {
    let mut known: BTreeMap<&str, &Invoice> = BTreeMap::new();
    for invoice in invoices {
        if let Some(other) = known.insert(invoice.id.as_str(), invoice)
            && other != invoice
        {
            return Err(format!(
                "Metronome gave the invoice {} twice, with two contents",
                invoice.id
            ));
        }
    }
    Ok(known)
}

/// Whether the period of an invoice that may count holds an hour within, so that its part before must be read.
pub(crate) fn straddles(invoice: &Invoice, hour: Hour) -> bool {
    let cut = hour.start();
    invoice.start.is_some_and(|start| start < cut)
        && invoice.end.is_none_or(|end| end > cut)
        && !matches!(invoice.status, InvoiceStatus::Void)
}

/// What the listing comes to for a stream.
///
/// # Errors
/// Why it cannot be told in this run.
pub(crate) fn reading(
    asked: &AmountToRead,
    listing: &Listing<'_>,
    now: Hour,
) -> Result<AmountReading, String> {
    let mut reading = AmountReading {
        totals: asked
            .shares
            .iter()
            .map(|share| (share.clone(), Decimal::ZERO))
            .collect(),
        before: asked
            .before
            .keys()
            .map(|share| (share.clone(), Decimal::ZERO))
            .collect(),
        ..AmountReading::default()
    };
    let month = now.previous().month().first().start();
    let replaced = replaced(listing);
    let mut settled = BTreeMap::new();
    let horizon = horizon(asked, listing, now);
    for invoice in listing.invoices.values() {
        let Some(share) = share(asked, invoice) else {
            continue;
        };
        if !listing.whole && closed_in(asked, invoice) {
            // Somebody else's stream wanted it listed: here it is in what is kept.
            continue;
        }
        if replaced.contains(invoice.id.as_str()) || !counts(asked, invoice) {
            continue;
        }
        let Some(amount) = inside(asked, listing, invoice)? else {
            continue;
        };
        if !invoice.credit_type.is_usd_cents() {
            let total = reading
                .foreign
                .entry(invoice.credit_type.name.clone())
                .or_default();
            *total = add(*total, invoice.total)?;
            continue;
        }
        if invoice.corrects.is_some() && !asked.passed.contains(&invoice.id) {
            reading.corrections.insert(invoice.id.clone(), dollars(amount)?);
            continue;
        }
        if let InvoiceKind::Other(kind) = &invoice.kind {
            reading
                .unknown
                .insert(invoice.id.clone(), (kind.clone(), dollars(amount)?));
            continue;
        }
        let amount = dollars(amount)?;
        let total = reading.totals.entry(share.clone()).or_default();
        *total = add(*total, amount)?;
        if ended(invoice).is_some_and(|end| end <= month) {
            reading.earlier = add(reading.earlier, amount)?;
        }
        if let (Some(since), Some(before)) = (asked.before.get(share), reading.before.get_mut(share)) {
            *before = add(*before, dollars(part(listing, invoice, *since)?)?)?;
        }
        if horizon.is_some_and(|horizon| invoice.start.is_some_and(|start| start < horizon.start())) {
            let closed: &mut Decimal = settled.entry(share.clone()).or_default();
            *closed = add(*closed, amount)?;
            reading.settled.insert(invoice.id.clone());
        } else {
            reading.invoices.insert(invoice.id.clone(), amount);
        }
    }
    keep_closed(asked, listing, &mut reading, horizon, settled)?;
    Ok(reading)
}

/// Adds what is kept of invoices long settled, or keeps it anew.
fn keep_closed(
    asked: &AmountToRead,
    listing: &Listing<'_>,
    reading: &mut AmountReading,
    horizon: Option<Hour>,
    settled: BTreeMap<Share, Decimal>,
) -> Result<(), String> {
    if listing.whole {
        let fold = |before: Hour| Closed {
            before,
            totals: settled.clone(),
        };
        reading.closed = horizon.filter(|_| !settled.is_empty()).map(fold);
        return Ok(());
    }
    reading.closed.clone_from(&asked.closed);
    for (share, amount) in asked.closed.iter().flat_map(|closed| &closed.totals) {
        let total = reading.totals.entry(share.clone()).or_default();
        *total = add(*total, *amount)?;
        reading.earlier = add(reading.earlier, *amount)?;
    }
    Ok(())
}

/// Until which beginning of a period everything is settled. Scheduled invoices have no period, so where they count all are listed.
fn horizon(asked: &AmountToRead, listing: &Listing<'_>, now: Hour) -> Option<Hour> {
    if !listing.whole || asked.scheduled || asked.cut {
        return None;
    }
    let oldest = now.start() - SETTLED;
    let settled = |invoice: &Invoice| {
        matches!(invoice.status, InvoiceStatus::Finalized | InvoiceStatus::Void)
            && invoice.end.is_some_and(|end| end <= oldest)
            && (invoice.corrects.is_none() || asked.passed.contains(&invoice.id))
    };
    let open = listing.invoices.values().filter(|invoice| !settled(invoice));
    let first = open
        .filter_map(|invoice| invoice.start)
        .min()
        .unwrap_or(oldest)
        .min(oldest);
    Some(Hour::floor(first))
}

/// Invoices that do not count beside another: those that another was generated anew for, and those that one is put together from.
fn replaced<'a>(listing: &Listing<'a>) -> BTreeSet<&'a str> {
    let invoices = || listing.invoices.values();
    let anew = invoices().filter_map(|invoice| invoice.regenerated_from.as_deref());
    let whole = invoices().filter(|invoice| owed(invoice));
    let merged = whole.flat_map(|invoice| invoice.constituents.iter().map(String::as_str));
    anew.chain(merged).collect()
}

fn owed(invoice: &Invoice) -> bool {
    invoice.billable && matches!(invoice.status, InvoiceStatus::Draft | InvoiceStatus::Finalized)
}

/// Whether an invoice counts at all for a stream.
fn counts(asked: &AmountToRead, invoice: &Invoice) -> bool {
    owed(invoice)
        && match invoice.kind {
            InvoiceKind::Scheduled => asked.scheduled && invoice.status == InvoiceStatus::Finalized,
            InvoiceKind::Usage | InvoiceKind::UsageConsolidated | InvoiceKind::Other(_) => true,
        }
}

fn share<'a>(asked: &'a AmountToRead, invoice: &Invoice) -> Option<&'a Share> {
    asked.shares.iter().find(|share| {
        share.customer == invoice.customer_id
            && share
                .contract
                .as_ref()
                .is_none_or(|contract| Some(contract) == invoice.contract_id.as_ref())
    })
}

/// Whether an invoice is among those that are kept as long settled.
fn closed_in(asked: &AmountToRead, invoice: &Invoice) -> bool {
    let before = asked.closed.as_ref().map(|closed| closed.before.start());
    before.is_some_and(|before| invoice.start.is_some_and(|start| start < before))
}

/// The end of an invoice's period; of one without a period, when it was issued.
fn ended(invoice: &Invoice) -> Option<DateTime<Utc>> {
    invoice.end.or(invoice.issued_at)
}

/// What of an invoice lies inside the stream's reading, in its own unit; nothing where its period has not begun.
fn inside(asked: &AmountToRead, listing: &Listing<'_>, invoice: &Invoice) -> Result<Option<Decimal>, String> {
    let begins = invoice.start.or(invoice.issued_at);
    if begins.is_some_and(|begins| begins >= asked.through.start()) {
        return Ok(None);
    }
    if asked.cut {
        return part(listing, invoice, asked.through).map(Some);
    }
    Ok(Some(invoice.total))
}

/// The part of an invoice before an hour, in its own unit.
fn part(listing: &Listing<'_>, invoice: &Invoice, hour: Hour) -> Result<Decimal, String> {
    let cut = hour.start();
    if straddles(invoice, hour) {
        let parts = listing.parts.get(&(invoice.customer_id.clone(), hour));
        let parts = parts.ok_or_else(|| format!("the hours of the invoice {} were not read", invoice.id))?;
        // An invoice without a row has nothing before the hour.
        return Ok(parts.get(&invoice.id).copied().unwrap_or_default());
    }
    let begins = invoice.start.or(invoice.issued_at);
    Ok(if begins.is_some_and(|begins| begins < cut) {
        invoice.total
    } else {
        Decimal::ZERO
    })
}

/// Cents as dollars, with all their digits.
///
/// # Errors
/// Where a decimal cannot hold them.
pub(crate) fn dollars(cents: Decimal) -> Result<Decimal, String> {
    let dollars = cents.checked_mul(Decimal::new(1, 2));
    dollars
        .filter(|dollars| dollars.checked_mul(Decimal::ONE_HUNDRED) == Some(cents))
        .ok_or_else(|| format!("the amount {cents} has more digits than an exact decimal holds in dollars"))
}

#[cfg(test)]
mod tests;
