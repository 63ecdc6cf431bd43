//! Reads streams of amounts: each customer's invoices once, whatever streams they are in; the hours of an invoice only where a
//! span cuts it.

use std::collections::{BTreeMap, BTreeSet};

use billing::amounts::USD;
use billing::{AmountKey, AmountReading, AmountToRead, Hour, Share};
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use metronome::{BreakdownWindow, BreakdownsQuery, Client, Contract, Error, Invoice, InvoicesQuery};
use platform::{Fault, FaultKind};
use rust_decimal::Decimal;

use super::invoices::{Listing, Parts, once, reading, straddles};
use super::reading::add;

/// Customers read at the same time: enough to keep 8 requests a second busy at answers of a second.
const CUSTOMERS_IN_FLIGHT: usize = 8;

/// Readings of amounts by stream: what was read, or why it could not be.
pub(crate) type Amounts = BTreeMap<AmountKey, Result<AmountReading, String>>;

/// What is wanted of one customer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Asked {
    /// From which beginning of a period; none: all.
    since: Option<Hour>,
    /// Hours that may cut an invoice.
    cuts: BTreeSet<Hour>,
}

/// What was read of one customer.
#[derive(Default)]
struct Known {
    invoices: Vec<Invoice>,
    contracts: Vec<Contract>,
    whole: bool,
    parts: BTreeMap<(String, Hour), Parts>,
}

/// Reads the streams of several books, each its own list. The errors are for the run's summary; the readings say them again,
/// stream by stream.
pub(crate) async fn read(
    client: &Client,
    books: &[Vec<AmountToRead>],
    hour: Hour,
    unreadable: impl Fn(&str) -> Option<String>,
) -> (Vec<Amounts>, Vec<Error>) {
    let asked = asked(books.iter().flatten(), &unreadable);
    let answers = stream::iter(asked)
        .map(|(customer, asked)| async move {
            let known = known(client, &customer, &asked).await;
            (customer, known)
        })
        .buffer_unordered(CUSTOMERS_IN_FLIGHT)
        .collect::<Vec<_>>()
        .await;
    let mut customers = BTreeMap::new();
    let mut errors = Vec::new();
    for (customer, known) in answers {
        let known = known.map_err(|error| {
            let reason = error.to_string();
            errors.push(error);
            reason
        });
        customers.insert(customer, known);
    }
    let readings = books.iter().map(|streams| {
        let read = streams.iter().map(|asked| {
            let bad = asked.shares.iter().find_map(|share| unreadable(&share.customer));
            let reading = bad.map_or_else(|| stream(asked, &customers, hour), Err);
            (asked.key.clone(), reading)
        });
        read.collect()
    });
    (readings.collect(), errors)
}

/// What Metronome tells of a buyer's shares before `apply` stores them: of each that is named with an hour, the part that lies
/// before it, in dollars.
///
/// # Errors
/// Where a customer cannot be read, or where Metronome itself bills one of its contracts to a marketplace.
pub async fn parts_before(
    client: &Client,
    shares: &BTreeMap<Share, Option<Hour>>,
    scheduled: bool,
    now: Hour,
) -> Result<BTreeMap<Share, Decimal>, Fault> {
    let before = shares
        .iter()
        .filter_map(|(share, hour)| Some((share.clone(), (*hour)?)));
    let asked = AmountToRead {
        key: AmountKey {
            entitlement: now.start(),
            currency: USD.to_owned(),
            from: now,
        },
        shares: shares.keys().cloned().collect(),
        scheduled,
        through: now,
        cut: false,
        before: before.collect(),
        closed: None,
        fresh: true,
        passed: BTreeSet::new(),
    };
    let (readings, errors) = read(client, &[vec![asked]], now, |_| None).await;
    if let Some(error) = errors.into_iter().next() {
        return Err(error.into());
    }
    let reading = readings.into_iter().flat_map(BTreeMap::into_values).next();
    reading
        .unwrap_or_else(|| Err("nothing was read".to_owned()))
        .map(|reading| reading.before)
        .map_err(|reason| Fault::new(FaultKind::Misconfigured, reason))
}

/// What is to be asked of each customer, once for all streams that it is in.
fn asked<'a>(
    streams: impl Iterator<Item = &'a AmountToRead>,
    unreadable: impl Fn(&str) -> Option<String>,
) -> BTreeMap<String, Asked> {
    let mut customers: BTreeMap<String, Asked> = BTreeMap::new();
    for stream in streams {
        let since = stream.closed.as_ref().map(|closed| closed.before);
        let since = since.filter(|_| !stream.fresh && !stream.scheduled && stream.before.is_empty());
        let readable = stream
            .shares
            .iter()
            .filter(|share| unreadable(&share.customer).is_none());
        for share in readable {
            let known = customers.get(&share.customer).cloned();
            let mut asked = known.unwrap_or_else(|| Asked {
                since,
                cuts: BTreeSet::new(),
            });
            // Who wants the most decides.
            asked.since = asked
                .since
                .and_then(|before| since.map(|since| since.min(before)));
            asked.cuts.extend(stream.cut.then_some(stream.through));
            asked.cuts.extend(stream.before.get(share));
            customers.insert(share.customer.clone(), asked);
        }
    }
    customers
}

async fn known(client: &Client, customer: &str, asked: &Asked) -> Result<Known, Error> {
    let contracts = client.contracts(customer).await?;
    let invoices = client
        .invoices(&InvoicesQuery {
            customer_id: customer.to_owned(),
            starting_on: asked.since.map(Hour::start),
        })
        .await?;
    let mut parts = BTreeMap::new();
    for cut in &asked.cuts {
        parts.insert(
            (customer.to_owned(), *cut),
            before(client, customer, &invoices, *cut).await?,
        );
    }
    Ok(Known {
        invoices,
        contracts,
        whole: asked.since.is_none(),
        parts,
    })
}

/// The parts of a customer's invoices before an hour that their periods hold, in their own units: whole days, then the hours of
/// the last one.
///
/// # Errors
/// As the calls go.
async fn before(client: &Client, customer: &str, invoices: &[Invoice], cut: Hour) -> Result<Parts, Error> {
    let cutting = invoices.iter().filter(|invoice| straddles(invoice, cut));
    let Some(first) = cutting.filter_map(|invoice| invoice.start).min() else {
        return Ok(Parts::new());
    };
    let (from, midnight) = (Hour::floor(first).midnight(), cut.midnight());
    let spans = [
        (from, midnight, BreakdownWindow::Day),
        (from.max(midnight), cut, BreakdownWindow::Hour),
    ];
    let mut parts = Parts::new();
    for (from, until, window) in spans.into_iter().filter(|(from, until, _)| from < until) {
        let query = BreakdownsQuery {
            customer_id: customer.to_owned(),
            starting_on: from.start(),
            ending_before: until.start(),
            window,
        };
        let mut seen: BTreeMap<(String, DateTime<Utc>), Decimal> = BTreeMap::new();
        for row in client.invoice_breakdowns(&query).await? {
            // The same row seen twice counts once.
            seen.insert((row.invoice.id, row.start), row.invoice.total);
        }
        for ((invoice, _), amount) in seen {
            let part = parts.entry(invoice).or_default();
            *part = add(*part, amount).map_err(Error::Invalid)?;
        }
    }
    Ok(parts)
}

/// What the customers' invoices come to for one stream.
fn stream(
    asked: &AmountToRead,
    customers: &BTreeMap<String, Result<Known, String>>,
    hour: Hour,
) -> Result<AmountReading, String> {
    let mut known = Vec::new();
    for customer in asked
        .shares
        .iter()
        .map(|share| &share.customer)
        .collect::<BTreeSet<_>>()
    {
        match customers.get(customer) {
            Some(Ok(read)) => known.push(read),
            Some(Err(reason)) => return Err(reason.clone()),
            None => return Err(format!("the customer {customer} was not asked for")),
        }
    }
    let contracts = known.iter().flat_map(|known| &known.contracts);
    if let Some(reason) = billed_already(&asked.shares, contracts, hour.start()) {
        return Err(reason);
    }
    let parts = known.iter().flat_map(|known| known.parts.clone()).collect();
    let listing = Listing {
        invoices: once(known.iter().flat_map(|known| &known.invoices))?,
        whole: known.iter().all(|known| known.whole),
        parts: &parts,
    };
    reading(asked, &listing, hour)
}

/// Why a buyer must not be metered: Metronome itself bills one of its contracts to a marketplace.
pub(crate) fn billed_already<'a>(
    shares: &BTreeSet<Share>,
    contracts: impl Iterator<Item = &'a Contract>,
    at: DateTime<Utc>,
) -> Option<String> {
    let counted = |contract: &&Contract| {
        let share = |share: &Share| {
            share.customer == contract.customer_id
                && share.contract.as_ref().is_none_or(|only| *only == contract.id)
        };
        shares.iter().any(share)
    };
    let over = |contract: &&Contract| contract.ending_before.is_some_and(|end| end <= at);
    contracts.filter(counted).filter(|contract| !over(contract)).find_map(|contract| {
        let provider = contract.bills_to_marketplace(at)?;
        Some(format!(
            "Metronome itself bills the contract {} to {}: it would be billed twice. Take its billing provider away in Metronome, or the buyer out of the connection",
            platform::text::printable(&contract.id),
            platform::text::printable(provider)
        ))
    })
}
