//! A connection: one Metronome account and what is done with it, as `meterbridge apply` has validated and stored it.

use std::collections::BTreeMap;

use billing::{Accumulation, Destination, Fraction, Group, Hour, Share};
use chrono::{DateTime, SecondsFormat, Utc};
use rust_decimal::Decimal;
use serde::{Deserialize, Serialize};

/// What is metered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BillingMode {
    /// Billable-metric usage, hourly.
    Quantity,
    /// Invoice totals, hourly.
    AmountHourly,
    /// Invoice totals, daily.
    AmountDaily,
}

impl BillingMode {
    /// The word in connection files.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::Quantity => "quantity",
            Self::AmountHourly => "amount_hourly",
            Self::AmountDaily => "amount_daily",
        }
    }

    /// Whether invoice totals are metered.
    #[must_use]
    pub fn is_amount(self) -> bool {
        self != Self::Quantity
    }
}

/// The one source of a conversion in the amount modes: invoice totals, in dollars.
pub const METRONOME: &str = "metronome";

/// How the usage of a metric that does not simply add up is billed (`accumulate`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Accumulate {
    /// As unit-hours.
    Hours,
    /// As one value for the period.
    Period,
}

/// `[metronome]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MetronomeAccount {
    /// https, or loopback.
    pub base_url: String,
    /// The token's budget.
    pub requests_per_second: u32,
}

/// `[[conversion]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conversion {
    /// The billable metric, or [`METRONOME`] in the amount modes.
    pub from: String,
    /// Only these rows of it; empty: all.
    #[serde(default, skip_serializing_if = "Group::is_empty")]
    pub group: Group,
    /// Only for this marketplace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub marketplace: Option<String>,
    /// The marketplace's dimension.
    pub to: String,
    /// Units of the dimension for one of the metric (`multiply`, or one over `divide`): above zero.
    pub factor: Fraction,
    /// Stated for every metric but COUNT and SUM.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accumulate: Option<Accumulate>,
    /// LATEST by the hour: the last value holds over hours without an event.
    #[serde(default)]
    pub carry: bool,
    /// Growth of one run above it waits for a person.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        with = "billing::text::option"
    )]
    pub hold_above: Option<Decimal>,
}

impl Conversion {
    /// How the readings of a metric add up under this conversion; `additive` says that Metronome aggregates it by COUNT or SUM.
    #[must_use]
    pub fn accumulation(&self, additive: bool) -> Option<Accumulation> {
        match (self.accumulate, self.carry) {
            (Some(Accumulate::Hours), true) => Some(Accumulation::HoursCarried),
            (Some(Accumulate::Hours), false) if !additive => Some(Accumulation::Hours),
            (Some(Accumulate::Period), _) if !additive => Some(Accumulation::Period),
            // For COUNT and SUM every accumulation comes to the same.
            _ => additive.then_some(Accumulation::Sum),
        }
    }
}

/// A Metronome customer of a buyer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BuyerCustomer {
    /// Its Metronome id.
    pub id: String,
    /// `bill_from = "now"`: the hour that `apply` fixed when this customer first stood in the file. None: from the start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Hour>,
}

/// `[[buyer.entitlement]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entitlement {
    /// The first `starts_at` applied: with the identity, the entitlement's key.
    pub key: DateTime<Utc>,
    /// When it begins.
    pub starts_at: DateTime<Utc>,
    /// When it ends, exclusive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_at: Option<DateTime<Utc>>,
    /// Free quantity of each dimension for this term.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub included: BTreeMap<String, Fraction>,
    /// Where its records go.
    pub destination: Destination,
}

/// `[[buyer]]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Buyer {
    /// Its name in summaries.
    pub id: String,
    /// The Metronome customers that buy as one.
    pub customers: Vec<BuyerCustomer>,
    /// Amount modes: only these contracts; empty: all.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contracts: Vec<String>,
    /// The contracts were chosen otherwise by an `apply`: what they are now counts from the hour fixed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contracts_since: Option<Hour>,
    /// One after another, by `starts_at`.
    pub entitlements: Vec<Entitlement>,
}

impl Buyer {
    /// What the buyer's invoices are counted by: each customer, or each of its contracts, with the hour from which it counts.
    #[must_use]
    pub fn shares(&self) -> BTreeMap<Share, Option<Hour>> {
        let mut shares = BTreeMap::new();
        for customer in &self.customers {
            let share = |contract: Option<&String>| Share {
                customer: customer.id.clone(),
                contract: contract.cloned(),
            };
            if self.contracts.is_empty() {
                shares.insert(share(None), customer.since.max(self.contracts_since));
            }
            for contract in &self.contracts {
                shares.insert(share(Some(contract)), customer.since.max(self.contracts_since));
            }
        }
        shares
    }

    /// The hours that the entitlement at `index` counts: an hour in which one entitlement ends belongs to it, else to the one
    /// that begins.
    #[must_use]
    pub fn hours(&self, index: usize) -> Option<(Hour, Option<Hour>)> {
        let entitlement = self.entitlements.get(index)?;
        let begins = Hour::floor(entitlement.starts_at);
        let taken = self
            .entitlements
            .iter()
            .filter_map(|other| other.ends_at)
            .any(|end| end <= entitlement.starts_at && end > begins.start());
        Some((
            if taken { begins.next() } else { begins },
            entitlement.ends_at.map(Hour::ceil),
        ))
    }
}

/// `[aws]`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AwsAccess {
    /// Assumed to meter from the seller account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role_arn: Option<String>,
    /// Given with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
}

/// `[endpoints]`: where the services are reached. https, or loopback; without a slash at the end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Endpoints {
    /// Microsoft's metering API.
    pub azure: String,
    /// Microsoft Entra's token endpoint.
    pub azure_login: String,
    /// Google's Service Control.
    pub gcp: String,
    /// Suger.
    pub suger: String,
}

/// The public services.
impl Default for Endpoints {
    fn default() -> Self {
        Self {
            azure: "https://marketplaceapi.microsoft.com/api".to_owned(),
            azure_login: "https://login.microsoftonline.com".to_owned(),
            gcp: "https://servicecontrol.googleapis.com".to_owned(),
            suger: "https://api.suger.cloud".to_owned(),
        }
    }
}

/// Which metrics are billed, and from when.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Whitelist {
    /// Only these; none: every billable metric.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metrics: Option<Vec<String>>,
    /// A metric put back after an `apply` that left it out counts from the hour fixed then.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub since: BTreeMap<String, Hour>,
    /// The whitelist was taken away: every metric that was not on it counts from this hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub others_since: Option<Hour>,
}

impl Whitelist {
    /// From which hour a metric counts, if it does: `Some(None)` is from the start.
    #[must_use]
    pub fn admits(&self, metric: &str) -> Option<Option<Hour>> {
        let listed = self
            .metrics
            .as_ref()
            .is_none_or(|metrics| metrics.iter().any(|listed| listed == metric));
        listed.then(|| self.since.get(metric).copied().or(self.others_since))
    }
}

/// The part of a period, or of an amount, that had been counted when `apply` fixed from which hour it is billed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opening {
    /// The Metronome customer.
    pub customer: String,
    /// The billable metric; of an amount, what its counter has for one ([`billing::Counter::AMOUNTS`]).
    pub metric: String,
    /// Only these rows of it.
    #[serde(default, skip_serializing_if = "Group::is_empty")]
    pub group: Group,
    /// The hour from which it is billed.
    pub since: Hour,
    /// What Metronome had counted of that month; of an amount, all invoices until then, in dollars.
    #[serde(with = "billing::text")]
    pub value: Decimal,
}

/// A stored connection.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name.
    pub id: String,
    /// Name or ARN of its secret.
    pub secret: String,
    /// What is metered; none: nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub billing_mode: Option<BillingMode>,
    /// The mode, or what is counted in it, was changed by an `apply`: it counts from the hour fixed then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode_since: Option<Hour>,
    /// Amount modes: scheduled invoices count too, once finalized.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub scheduled: bool,
    /// Whether scheduled runs touch it.
    pub auto_report: bool,
    /// How many days a month takes late usage after its end: 0 to 34.
    pub open_days: u32,
    /// The source.
    pub metronome: MetronomeAccount,
    /// Which metrics.
    #[serde(default)]
    pub whitelist: Whitelist,
    /// To which dimensions. No two of one metric and group for one marketplace.
    #[serde(default)]
    pub conversions: Vec<Conversion>,
    /// Who buys.
    #[serde(default)]
    pub buyers: Vec<Buyer>,
    /// The parts of periods that are not billed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub openings: Vec<Opening>,
    /// Access to AWS Marketplace.
    #[serde(default)]
    pub aws: AwsAccess,
    /// Where the services are.
    #[serde(default)]
    pub endpoints: Endpoints,
    /// When it was first applied. Deleted and applied again, it begins anew.
    pub begun_at: DateTime<Utc>,
    /// When this configuration was applied. What it changes, it changes from the next hour.
    pub applied_at: DateTime<Utc>,
    /// The file, as applied.
    pub file: String,
}

impl Connection {
    /// What tells it from every other, the one of its own name that was deleted included: streams name it.
    #[must_use]
    pub fn life(&self) -> String {
        format!(
            "{}@{}",
            self.id,
            self.begun_at.to_rfc3339_opts(SecondsFormat::AutoSi, true)
        )
    }

    /// What `apply` has fixed of a period before the hour `since`.
    #[must_use]
    pub fn opening(&self, customer: &str, metric: &str, group: &Group, since: Hour) -> Option<Decimal> {
        let fixed = self.openings.iter().find(|opening| {
            opening.customer == customer
                && opening.metric == metric
                && opening.group == *group
                && opening.since == since
        });
        fixed.map(|opening| opening.value)
    }

    /// The conversions of a metric's rows for a marketplace.
    pub fn conversions_of<'a>(
        &'a self,
        metric: &'a str,
        marketplace: &'a str,
    ) -> impl Iterator<Item = &'a Conversion> + 'a {
        self.conversions.iter().filter(move |conversion| {
            conversion.from == metric
                && conversion
                    .marketplace
                    .as_deref()
                    .is_none_or(|only| only == marketplace)
        })
    }
}
