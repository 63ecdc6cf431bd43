//! The lines of an invoice, and the unit they are in.

use bigdecimal::BigDecimal;
use serde::Serialize;
use uuid::{Uuid, uuid};

use super::properties::Number;

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
    /// Whether the invoice's total has this line in it: what a postpaid commit pays is listed, and not counted.
    fn counts(&self) -> bool {
        let postpaid = |applied: &Applied| applied.kind == "POSTPAID";
        self.kind != "applied_commit_or_credit"
            || !self.applied_commit_or_credit.as_ref().is_some_and(postpaid)
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
