//! What Metronome has counted, for whoever pays for it.

use std::collections::BTreeMap;

use billing::{Fraction, Hour, Span};
use platform::Connection;
use platform::connection::{BillingMode, Conversion};
use rust_decimal::Decimal;
use sandbox::metronome::InvoiceType;

use super::Line;
use crate::scene::Scene;

/// What counts for a line of a bill.
enum Counted {
    /// A metric.
    Metric(String),
    /// Usage invoices: of these contracts, or all.
    Invoices(Vec<String>),
}

/// What counts of a customer, while it does.
struct Flow {
    customer: String,
    counted: Counted,
    span: Span,
    factor: Fraction,
}

/// The flows into each line, by the configuration.
pub(crate) struct Usage(BTreeMap<Line, Vec<Flow>>);

impl Usage {
    /// By the connections that the scene has now.
    pub(crate) async fn of(scene: &Scene) -> Self {
        let mut usage = Self(BTreeMap::new());
        for stored in scene.deps.store.connections().await.unwrap().list {
            usage.add(&stored.unwrap().value);
        }
        usage
    }

    fn add(&mut self, connection: &Connection) {
        for buyer in &connection.buyers {
            for (index, entitlement) in buyer.entitlements.iter().enumerate() {
                let (from, until) = buyer.hours(index).unwrap();
                let identity = &entitlement.destination.identity;
                let leads = |conversion: &&Conversion| {
                    let only = conversion.marketplace.as_deref();
                    only.is_none_or(|only| only == identity.marketplace())
                };
                for (customer, conversion) in buyer.customers.iter().flat_map(|customer| {
                    let conversions = connection.conversions.iter().filter(leads);
                    conversions.map(move |one| (customer, one))
                }) {
                    let counted = match connection.billing_mode {
                        Some(BillingMode::Quantity) => Counted::Metric(conversion.from.clone()),
                        Some(_) => Counted::Invoices(buyer.contracts.clone()),
                        None => continue,
                    };
                    let flow = Flow {
                        customer: customer.id.clone(),
                        counted,
                        span: Span {
                            from: customer.since.map_or(from, |since| since.max(from)),
                            until: until.unwrap_or(Hour::NEVER),
                        },
                        factor: conversion.factor.clone(),
                    };
                    self.0
                        .entry((identity.clone(), conversion.to.clone()))
                        .or_default()
                        .push(flow);
                }
            }
        }
    }

    /// The lines that something flows into.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Line> {
        self.0.keys()
    }

    /// What was counted for a line until `through`, converted. Invoices are what they come to now.
    pub(crate) fn until(&self, scene: &Scene, line: &Line, through: Hour) -> Fraction {
        let flows = self.0.get(line).into_iter().flatten();
        flows.fold(Fraction::zero(), |sum, flow| {
            let span = Span {
                from: flow.span.from,
                until: flow.span.until.min(through),
            };
            let reading = match &flow.counted {
                Counted::Metric(metric) => counted(scene, &flow.customer, metric, span),
                Counted::Invoices(contracts) => dollars(scene, &flow.customer, contracts),
            };
            sum + &Fraction::from(reading).times(&flow.factor)
        })
    }
}

/// What Metronome has counted of a metric in these hours.
pub(crate) fn counted(scene: &Scene, customer: &str, metric: &str, span: Span) -> Decimal {
    let (customer, metric) = (customer.parse().unwrap(), metric.parse().unwrap());
    let counted = scene
        .world
        .metronome
        .usage_of(customer, metric, span.from.start(), span.until.start());
    counted.unwrap_or_default()
}

/// What a customer's usage invoices come to.
fn dollars(scene: &Scene, customer: &str, contracts: &[String]) -> Decimal {
    let contracts: Vec<_> = contracts
        .iter()
        .map(|contract| contract.parse().unwrap())
        .collect();
    let types = [InvoiceType::Usage, InvoiceType::UsageConsolidated];
    let cents = scene
        .world
        .metronome
        .invoice_total_of(customer.parse().unwrap(), &contracts, &types);
    cents.to_string().parse::<Decimal>().unwrap() / Decimal::ONE_HUNDRED
}
