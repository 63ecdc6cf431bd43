//! Contracts: what one is, and what it has.

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::owned::Owned;
use super::periods::{Period, month_after};

/// A contract to make. With rates, it makes a USAGE invoice in USD each calendar month.
#[derive(Clone, Debug)]
pub struct NewContract {
    /// Whose it is.
    pub customer: Uuid,
    /// Its name.
    pub name: Option<String>,
    /// When it begins, on a whole hour.
    pub starting_at: DateTime<Utc>,
    /// When it ends, on a whole hour; none: it goes on.
    pub ending_before: Option<DateTime<Utc>>,
    /// Who bills it: the customer must have one configuration of this provider. None: its invoices are sent nowhere.
    pub billing_provider: Option<String>,
    /// The price of a unit of each billable metric that it charges for, in cents. COUNT and SUM metrics only: of others,
    /// the usage of the hours is not that of the month.
    pub rates: Vec<(Uuid, BigDecimal)>,
}

impl NewContract {
    /// A contract without end, provider and rates.
    #[must_use]
    pub fn new(customer: Uuid, starting_at: DateTime<Utc>) -> Self {
        Self {
            customer,
            name: None,
            starting_at,
            ending_before: None,
            billing_provider: None,
            rates: Vec::new(),
        }
    }

    /// Adds a flat price in cents for each unit of a metric.
    #[must_use]
    pub fn charging(mut self, metric: Uuid, cents: impl Into<BigDecimal>) -> Self {
        self.rates.push((metric, cents.into()));
        self
    }
}

/// A flat price. Its product is made with it.
#[derive(Clone, Debug)]
pub(super) struct Rate {
    /// The metric's place in the account.
    pub(super) metric: usize,
    pub(super) product: Uuid,
    pub(super) price: BigDecimal,
}

/// Free money for usage from an hour on.
#[derive(Clone, Debug)]
pub(super) struct Credit {
    pub(super) id: Uuid,
    pub(super) product: Uuid,
    pub(super) amount: BigDecimal,
    pub(super) from: DateTime<Utc>,
    pub(super) created_at: DateTime<Utc>,
}

/// Who bills a contract from a time on.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    pub(super) effective_at: DateTime<Utc>,
    pub(super) configuration: Option<Uuid>,
}

/// A contract of the account.
#[derive(Debug)]
pub(super) struct Contract {
    pub(super) id: Uuid,
    pub(super) customer: Uuid,
    pub(super) name: Option<String>,
    pub(super) starting_at: DateTime<Utc>,
    pub(super) first_end: Option<DateTime<Utc>>,
    pub(super) ending_before: Option<DateTime<Utc>>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) archived_at: Option<DateTime<Utc>>,
    /// In order of time; the first is in effect from the start.
    pub(super) billing: Vec<Segment>,
    pub(super) rates: Vec<Rate>,
    pub(super) credits: Vec<Credit>,
}

impl Owned for Contract {
    const KIND: &'static str = "contract";

    fn id(&self) -> Uuid {
        self.id
    }

    fn customer(&self) -> Uuid {
        self.customer
    }
}

impl Contract {
    pub(super) fn covers(&self, time: DateTime<Utc>) -> bool {
        self.starting_at <= time && self.ending_before.is_none_or(|end| time < end)
    }

    /// The period that begins at `start`: to the end of its calendar month, or of the contract.
    pub(super) fn period_from(&self, start: DateTime<Utc>) -> Option<Period> {
        let month = month_after(start);
        let end = self.ending_before.map_or(month, |end| end.min(month));
        (start < end).then_some((start, end))
    }
}
