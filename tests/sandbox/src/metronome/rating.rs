//! Rating: from the usage of a contract to the lines of an invoice, hour by hour.
//!
//! Credits are drawn in the order of the hours, within an hour in the order of the rates, and the oldest grant first. What
//! other invoices of the contract draw is gone: first what finalized ones drew, then what earlier drafts draw now. An hour
//! of negative usage draws nothing and gives nothing back.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};

use super::account::Account;
use super::aggregation::Tally;
use super::contracts::Contract;
use super::events::View;
use super::invoices::{Content, Hours, Invoice, InvoiceStatus};
use super::lines::{LineItem, by_postpaid_commit, rated_lines, set_lines};
use super::periods::{Period, hour_of};

/// What one hour's usage of one metric takes from one credit.
#[derive(Clone, Debug)]
pub(super) struct Draw {
    hour: DateTime<Utc>,
    /// Places in the contract.
    rate: usize,
    credit: usize,
    amount: BigDecimal,
}

/// Where an invoice's amounts fell, to be cut into windows.
pub(super) enum Timeline<'a> {
    /// As the scenario said.
    Set {
        invoice: &'a Invoice,
        hours: &'a Hours,
        line_items: usize,
    },
    /// As the contract is used: quantities by hour, one for each rate.
    Rated {
        account: &'a Account,
        contract: &'a Contract,
        usage: BTreeMap<DateTime<Utc>, Vec<BigDecimal>>,
        draws: Vec<Draw>,
    },
}

impl Account {
    /// An invoice's amounts by the hour, late events and all. Nothing, if it has no period.
    pub(super) fn timeline<'a>(&'a self, invoice: &'a Invoice, view: View) -> Option<Timeline<'a>> {
        let period = invoice.period?;
        match &invoice.content {
            Content::Set {
                hours, line_items, ..
            } => Some(Timeline::Set {
                invoice,
                hours,
                line_items: *line_items,
            }),
            Content::Rated(_) => {
                let contract = self.contracts.get(invoice.contract?).ok()?;
                Some(Timeline::Rated {
                    account: self,
                    contract,
                    usage: self.rated_usage(contract, period, view),
                    draws: self.draws(contract, invoice, view),
                })
            }
        }
    }

    /// The lines of an invoice as it stands.
    pub(super) fn lines(&self, invoice: &Invoice, view: View) -> Vec<LineItem> {
        match &invoice.content {
            Content::Set {
                total,
                line_items,
                postpaid,
                ..
            } => {
                let mut lines = set_lines(invoice, invoice.period, total, *line_items);
                lines.extend(
                    postpaid
                        .as_ref()
                        .map(|amount| by_postpaid_commit(invoice, amount)),
                );
                lines
            }
            Content::Rated(Some(frozen)) => frozen.lines.clone(),
            Content::Rated(None) => {
                let timeline = self.timeline(invoice, view).zip(invoice.period);
                timeline.map_or_else(Vec::new, |(timeline, period)| timeline.lines(period))
            }
        }
    }

    /// What an invoice draws on the credits of its contract.
    pub(super) fn draws(&self, contract: &Contract, invoice: &Invoice, view: View) -> Vec<Draw> {
        if let Content::Rated(Some(frozen)) = &invoice.content {
            return frozen.draws.clone();
        }
        let mut left: Vec<BigDecimal> = contract
            .credits
            .iter()
            .map(|credit| credit.amount.clone())
            .collect();
        let mut drafts = Vec::new();
        for (place, other) in self.invoices_under(contract) {
            match &other.content {
                Content::Rated(Some(frozen)) if other.status != InvoiceStatus::Void => {
                    for draw in &frozen.draws {
                        take(&mut left, draw);
                    }
                }
                Content::Rated(None) => drafts.extend(other.period.map(|period| (period, place, other.id))),
                _ => {}
            }
        }
        drafts.sort_unstable();
        for (period, _, id) in drafts {
            let draws = drawn(contract, &self.rated_usage(contract, period, view), &mut left);
            if id == invoice.id {
                return draws;
            }
        }
        Vec::new()
    }

    fn rated_usage(
        &self,
        contract: &Contract,
        period: Period,
        view: View,
    ) -> BTreeMap<DateTime<Utc>, Vec<BigDecimal>> {
        let mut usage: BTreeMap<DateTime<Utc>, Vec<BigDecimal>> = BTreeMap::new();
        let names = self
            .customers
            .get(contract.customer)
            .map(|customer| customer.names());
        let names = names.unwrap_or_default();
        for (place, rate) in contract.rates.iter().enumerate() {
            let Ok(metric) = self.metric(rate.metric) else {
                continue;
            };
            let mut hours: BTreeMap<DateTime<Utc>, Tally> = BTreeMap::new();
            for share in self.events.shares(rate.metric, &names, period, view) {
                hours
                    .entry(hour_of(share.place.0))
                    .or_insert_with(|| Tally::new(metric.definition.aggregation_type))
                    .add(share.place, share.quantity);
            }
            for (hour, tally) in hours {
                let quantities = usage
                    .entry(hour)
                    .or_insert_with(|| vec![BigDecimal::from(0); contract.rates.len()]);
                if let Some(quantity) = quantities.get_mut(place) {
                    *quantity = tally.value();
                }
            }
        }
        usage
    }
}

/// Draws on what is left of the credits.
fn drawn(
    contract: &Contract,
    usage: &BTreeMap<DateTime<Utc>, Vec<BigDecimal>>,
    left: &mut [BigDecimal],
) -> Vec<Draw> {
    let nothing = BigDecimal::from(0);
    let mut draws = Vec::new();
    for (hour, quantities) in usage {
        for (rate, (terms, quantity)) in contract.rates.iter().zip(quantities).enumerate() {
            let mut owed = quantity * &terms.price;
            for (credit, granted) in contract.credits.iter().enumerate() {
                let balance = left.get(credit).unwrap_or(&nothing);
                let amount = owed.clone().min(balance.clone());
                if granted.from <= *hour && amount > nothing {
                    owed -= &amount;
                    draws.push(Draw {
                        hour: *hour,
                        rate,
                        credit,
                        amount,
                    });
                    if let Some(draw) = draws.last() {
                        take(left, draw);
                    }
                }
            }
        }
    }
    draws
}

fn take(left: &mut [BigDecimal], draw: &Draw) {
    if let Some(balance) = left.get_mut(draw.credit) {
        *balance -= &draw.amount;
    }
}

impl Timeline<'_> {
    /// The lines of what falls into a window.
    pub(super) fn lines(&self, window: Period) -> Vec<LineItem> {
        match self {
            Self::Set {
                invoice,
                hours,
                line_items,
            } => {
                let total = hours.range(window.0..window.1).map(|(_, amount)| amount).sum();
                set_lines(invoice, Some(window), &total, *line_items)
            }
            Self::Rated {
                account,
                contract,
                usage,
                draws,
            } => {
                let rates = contract.rates.iter().enumerate();
                let lines = rates.flat_map(|(place, rate)| {
                    let quantities = usage.range(window.0..window.1);
                    let quantity = quantities.filter_map(|(_, all)| all.get(place)).sum();
                    let draws = draws
                        .iter()
                        .filter(|draw| draw.rate == place && window.0 <= draw.hour && draw.hour < window.1);
                    let mut paid: BTreeMap<usize, BigDecimal> = BTreeMap::new();
                    for draw in draws {
                        *paid.entry(draw.credit).or_default() += &draw.amount;
                    }
                    let name = account
                        .metric(rate.metric)
                        .map(|metric| metric.definition.name.clone())
                        .unwrap_or_default();
                    rated_lines((contract, rate, &name), quantity, &paid, window)
                });
                lines.collect()
            }
        }
    }
}
