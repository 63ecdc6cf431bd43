//! What Metronome has counted, for whoever pays for it.

use std::collections::BTreeMap;

use billing::{Fraction, Hour, Span};
use platform::Connection;
use rust_decimal::Decimal;

use super::Line;
use crate::scene::Scene;

/// A metric of a customer, while it counts for a line of a bill.
struct Flow {
    customer: String,
    metric: String,
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
                for (customer, conversion) in buyer
                    .customers
                    .iter()
                    .flat_map(|customer| connection.conversions.iter().map(move |one| (customer, one)))
                {
                    let flow = Flow {
                        customer: customer.id.clone(),
                        metric: conversion.from.clone(),
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

    /// What was counted for a line until `through`, converted.
    pub(crate) fn until(&self, scene: &Scene, line: &Line, through: Hour) -> Fraction {
        let flows = self.0.get(line).into_iter().flatten();
        flows.fold(Fraction::zero(), |sum, flow| {
            let span = Span {
                from: flow.span.from,
                until: flow.span.until.min(through),
            };
            sum + &Fraction::from(counted(scene, &flow.customer, &flow.metric, span)).times(&flow.factor)
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
