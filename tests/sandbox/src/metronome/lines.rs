//! The lines of an invoice, and the unit they are in.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, RoundingMode};
use serde::Serialize;
use uuid::{Uuid, uuid};

use super::contracts::{Contract, Rate};
use super::invoices::{Invoice, InvoiceType};
use super::periods::Period;
use super::properties::Number;
use super::reply::stamp;

/// Decimal places of a quantity that a credit pays for: amount by price has no end. Amounts themselves are exact.
const QUANTITY_PLACES: i64 = 20;

/// The type of a line that a commit or credit pays with.
const PAYMENT: &str = "applied_commit_or_credit";

/// What amounts are in: the smallest unit of a currency, or a unit that the seller made up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreditType {
    /// Its id.
    pub id: Uuid,
    /// Its name.
    pub name: String,
}

impl CreditType {
    /// US dollars, counted in cents: `2714e483-4ff1-48e4-9e25-ac732e8f24f2` in every Metronome account.
    #[must_use]
    pub fn usd() -> Self {
        Self {
            id: uuid!("2714e483-4ff1-48e4-9e25-ac732e8f24f2"),
            name: "USD (cents)".to_owned(),
        }
    }

    /// Another currency (`EUR`, whose real id is not documented) or a custom pricing unit; its id comes of its name.
    #[must_use]
    pub fn named(name: &str) -> Self {
        Self {
            id: Uuid::new_v5(
                &Uuid::NAMESPACE_URL,
                format!("https://api.metronome.com/credit-types/{name}").as_bytes(),
            ),
            name: name.to_owned(),
        }
    }
}

/// `InvoiceLineItem`. It has no id.
#[derive(Clone, Debug, Serialize)]
pub(super) struct LineItem {
    pub(super) name: String,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    pub(super) product_id: Uuid,
    pub(super) product_type: &'static str,
    pub(super) credit_type: CreditType,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) quantity: Option<Number>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) unit_price: Option<Number>,
    pub(super) total: Number,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) starting_at: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) ending_before: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit_id: Option<Uuid>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit_type: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) applied_commit_or_credit: Option<Applied>,
}

/// The commit or credit that a line draws on.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Applied {
    pub(super) id: Uuid,
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
}

impl LineItem {
    /// A line of usage of a product, without quantity, time and credit.
    fn new(name: String, product_id: Uuid, credit_type: CreditType, total: BigDecimal) -> Self {
        Self {
            name,
            kind: "usage",
            product_id,
            product_type: "UsageProductListItem",
            credit_type,
            quantity: None,
            unit_price: None,
            total: Number(total),
            starting_at: None,
            ending_before: None,
            commit_id: None,
            commit_type: None,
            applied_commit_or_credit: None,
        }
    }

    fn priced(self, quantity: &BigDecimal, unit_price: &BigDecimal) -> Self {
        Self {
            quantity: Some(Number(quantity.clone())),
            unit_price: Some(Number(unit_price.clone())),
            ..self
        }
    }

    fn during(self, window: Option<Period>) -> Self {
        Self {
            starting_at: window.map(|(start, _)| stamp(start)),
            ending_before: window.map(|(_, end)| stamp(end)),
            ..self
        }
    }

    fn drawing_on(self, commit: Uuid, commit_type: &'static str, kind: &'static str) -> Self {
        Self {
            commit_id: Some(commit),
            commit_type: Some(commit_type),
            applied_commit_or_credit: Some(Applied { id: commit, kind }),
            ..self
        }
    }

    /// Whether the invoice's total has this line in it: what a postpaid commit covers is listed, and not counted.
    fn counts(&self) -> bool {
        let postpaid = |applied: &Applied| applied.kind == "POSTPAID";
        self.kind != PAYMENT || !self.applied_commit_or_credit.as_ref().is_some_and(postpaid)
    }

    /// Whether `skip_zero_qty_line_items` leaves it out.
    pub(super) fn is_of_nothing(&self) -> bool {
        self.quantity.as_ref().is_some_and(|quantity| quantity.0 == 0)
    }
}

/// The total of an invoice of these lines.
pub(super) fn total(lines: &[LineItem]) -> BigDecimal {
    let counted = lines.iter().filter(|line| line.counts());
    counted.map(|line| &line.total.0).sum()
}

/// The lines of one rate: for each credit, the usage that it pays for and the payment, which has no quantity; then the rest.
pub(super) fn rated_lines(
    (contract, rate, name): (&Contract, &Rate, &str),
    mut quantity: BigDecimal,
    paid: &BTreeMap<usize, BigDecimal>,
    window: Period,
) -> Vec<LineItem> {
    let mut total = &quantity * &rate.price;
    let line = |name: &str, total: &BigDecimal| {
        LineItem::new(name.to_owned(), rate.product, CreditType::usd(), total.clone()).during(Some(window))
    };
    let mut lines = Vec::new();
    for (credit, amount) in paid {
        let Some(credit) = contract.credits.get(*credit) else {
            continue;
        };
        let covered = (amount / &rate.price).with_scale_round(QUANTITY_PLACES, RoundingMode::HalfUp);
        let usage = line(name, amount).priced(&covered, &rate.price);
        let payment = LineItem {
            kind: PAYMENT,
            ..line(&format!("{name} credit applied"), &-amount)
        };
        lines.extend([usage, payment].map(|line| line.drawing_on(credit.id, "PrepaidCommit", "CREDIT")));
        quantity -= covered;
        total -= amount;
    }
    if lines.is_empty() || total != 0 {
        lines.push(line(name, &total).priced(&quantity, &rate.price));
    }
    lines
}

/// Lines that add up to a total that the scenario set: equal whole units, and what is over in the last. A total that is
/// something has at least one.
pub(super) fn set_lines(
    invoice: &Invoice,
    window: Option<Period>,
    total: &BigDecimal,
    count: usize,
) -> Vec<LineItem> {
    let count = count.max(usize::from(*total != 0));
    let share = (total / BigDecimal::from(count.max(1) as u64)).with_scale_round(0, RoundingMode::Down);
    let last = total - &share * BigDecimal::from(count.saturating_sub(1) as u64);
    let one = BigDecimal::from(1);
    let line = |number: usize| {
        let total = if number == count { &last } else { &share };
        let credit_type = invoice.labels.credit_type.clone();
        let line = LineItem::new(
            format!("Item {number}"),
            product(number),
            credit_type,
            total.clone(),
        );
        let line = line.during(window);
        match invoice.kind {
            InvoiceType::Scheduled => LineItem {
                kind: "scheduled",
                product_type: "FixedProductListItem",
                ..line.priced(&one, total)
            },
            InvoiceType::Usage | InvoiceType::UsageConsolidated => line.priced(total, &one),
        }
    };
    (1..=count).map(line).collect()
}

/// What a postpaid commit covers is listed, and owed all the same until the commit's own true-up.
pub(super) fn by_postpaid_commit(invoice: &Invoice, amount: &BigDecimal) -> LineItem {
    let commit = product(0);
    let credit_type = invoice.labels.credit_type.clone();
    let line = LineItem::new("Postpaid commit applied".to_owned(), commit, credit_type, -amount);
    LineItem {
        kind: PAYMENT,
        ..line.drawing_on(commit, "PostpaidCommit", "POSTPAID")
    }
}

/// The product of a set invoice's line.
fn product(number: usize) -> Uuid {
    Uuid::new_v5(
        &Uuid::NAMESPACE_URL,
        format!("https://api.metronome.com/products/item/{number}").as_bytes(),
    )
}
