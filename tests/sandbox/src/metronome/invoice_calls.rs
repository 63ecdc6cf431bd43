//! The calls that change contracts and invoices. Each answers the id of what it changed or made.

use chrono::{DateTime, Utc};
use serde::Deserialize;

use super::account::Account;
use super::reply::{Answer, Id, Refusal, data};
use super::request::{self, present};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToChange {
    id: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToDate {
    invoice_id: String,
    issue_date: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToEnd {
    customer_id: String,
    contract_id: String,
    #[serde(default, deserialize_with = "present")]
    ending_before: Option<String>,
    #[serde(default, deserialize_with = "present")]
    allow_ending_before_finalized_invoice: Option<bool>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ToArchive {
    customer_id: String,
    contract_id: String,
    void_invoices: bool,
}

impl Account {
    /// `POST /v1/invoices/void`.
    pub(super) fn post_void(&mut self, body: &[u8]) -> Result<Answer, Refusal> {
        let asked: ToChange = request::body(body)?;
        let id = request::id("id", &asked.id)?;
        self.void_invoice(id)?;
        data(&Id { id })
    }

    /// `POST /v1/invoices/regenerate`.
    pub(super) fn post_regenerate(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
        let asked: ToChange = request::body(body)?;
        let id = self.regenerate_invoice(request::id("id", &asked.id)?, None, now)?;
        data(&Id { id })
    }

    /// `POST /v1/contracts/updateInvoiceIssueDate`.
    pub(super) fn post_issue_date(&mut self, body: &[u8]) -> Result<Answer, Refusal> {
        let asked: ToDate = request::body(body)?;
        let id = request::id("invoice_id", &asked.invoice_id)?;
        self.move_issue_date(id, request::time("issue_date", &asked.issue_date)?)?;
        data(&Id { id })
    }

    /// `POST /v1/contracts/updateEndDate`. Finalized invoices stay, unless the call forbids an end before theirs.
    pub(super) fn post_end(&mut self, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
        let asked: ToEnd = request::body(body)?;
        let customer = request::id("customer_id", &asked.customer_id)?;
        let id = request::id("contract_id", &asked.contract_id)?;
        let end = asked.ending_before.as_deref();
        let end = end.map(|end| request::time("ending_before", end)).transpose()?;
        self.customers.get(customer)?;
        let contract = self.contracts.get_of(customer, id)?;
        let forbidden = asked.allow_ending_before_finalized_invoice == Some(false);
        if forbidden && end.is_some_and(|end| self.has_finalized_after(contract, end)) {
            return Err(Refusal::bad("a finalized invoice ends after ending_before"));
        }
        self.end_contract(id, end, now)?;
        data(&Id { id })
    }

    /// `POST /v1/contracts/archive`.
    pub(super) fn post_archive_contract(
        &mut self,
        body: &[u8],
        now: DateTime<Utc>,
    ) -> Result<Answer, Refusal> {
        let asked: ToArchive = request::body(body)?;
        let customer = request::id("customer_id", &asked.customer_id)?;
        let id = request::id("contract_id", &asked.contract_id)?;
        self.customers.get(customer)?;
        self.contracts.get_of(customer, id)?;
        self.archive_contract(id, asked.void_invoices, now)?;
        data(&Id { id })
    }
}
