//! Seeding and looking at contracts and invoices, past HTTP, tokens and budgets but by the same rules.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use uuid::Uuid;

use super::contracts::NewContract;
use super::invoices::{InvoiceStatus, InvoiceType, NewInvoice};
use super::lines::{self, CreditType};
use super::reply::Refusal;
use super::{Metronome, State};

/// Contracts, who bills them, and their credits.
impl Metronome {
    /// Adds a customer's configuration at a billing provider and answers its id.
    ///
    /// # Errors
    /// 404 for an unknown customer, 400 for a provider or delivery method that Metronome does not have.
    pub fn add_billing_configuration(
        &self,
        customer: Uuid,
        billing_provider: &str,
        delivery_method: &str,
        configuration: Value,
    ) -> Result<Uuid, Refusal> {
        self.state()
            .account
            .add_configuration(customer, billing_provider, delivery_method, configuration)
    }

    /// Archives a configuration. Contracts that name it keep doing so.
    ///
    /// # Errors
    /// 404 for an unknown configuration.
    pub fn archive_billing_configuration(&self, configuration: Uuid) -> Result<(), Refusal> {
        let state = &mut self.state();
        let one = state.account.configurations.get_mut(configuration)?;
        one.archived_at.get_or_insert(self.clock.now());
        Ok(())
    }

    /// Makes a contract and answers its id. With rates, it has an invoice for each calendar month that it touches: a draft
    /// from the start of the period, finalized when the grace period after its end is over.
    ///
    /// # Errors
    /// 404 for an unknown customer or metric, 400 for what Metronome or the sandbox would refuse.
    pub fn create_contract(&self, contract: NewContract) -> Result<Uuid, Refusal> {
        self.state().account.create_contract(contract, self.clock.now())
    }

    /// Moves the end of a contract, or takes it away. The running period is cut or lengthened; what is finalized stays.
    ///
    /// # Errors
    /// 404 for an unknown contract, 400 for an archived one and for an end off the hour or before the start.
    pub fn end_contract(&self, contract: Uuid, ending_before: Option<DateTime<Utc>>) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.state().account.end_contract(contract, ending_before, now)
    }

    /// Archives a contract for good, and voids its invoices: finalized ones only where `void_finalized`.
    ///
    /// # Errors
    /// 404 for an unknown contract, 400 for an archived one.
    pub fn archive_contract(&self, contract: Uuid, void_finalized: bool) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.state()
            .account
            .archive_contract(contract, void_finalized, now)
    }

    /// Puts another billing configuration of the customer's, or none, in charge of a contract from a time on.
    ///
    /// # Errors
    /// 404 for an unknown contract or configuration, 400 for a time off the hour or not after the last, and beyond ten.
    pub fn schedule_billing_provider(
        &self,
        contract: Uuid,
        effective_at: DateTime<Utc>,
        configuration: Option<Uuid>,
    ) -> Result<(), Refusal> {
        self.state()
            .account
            .schedule_billing(contract, effective_at, configuration)
    }

    /// Gives a contract so many cents for usage from an hour on, past ones too, and answers the id of the credit.
    ///
    /// # Errors
    /// 404 for an unknown contract, 400 for an hour that is none and an amount that is nothing.
    pub fn grant_credit(
        &self,
        contract: Uuid,
        cents: impl Into<BigDecimal>,
        from: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        let now = self.clock.now();
        self.state()
            .account
            .grant_credit(contract, cents.into(), from, now)
    }

    /// Ends the running draft of a contract at a whole hour and begins another there, whose id it answers.
    ///
    /// # Errors
    /// 404 for an unknown contract, 400 where no draft with rates is running at that hour.
    pub fn recut(&self, contract: Uuid, at: DateTime<Utc>) -> Result<Uuid, Refusal> {
        self.state().account.recut(contract, at, self.clock.now())
    }
}

/// Invoices.
impl Metronome {
    /// Sets how long after its period a usage invoice still moves: 24 hours, unless Metronome's support set another time.
    pub fn set_grace_period(&self, grace: TimeDelta) {
        let account = &mut self.state().account;
        account.grace = Some(grace);
        account.plan_all_drafts();
    }

    /// Adds an invoice of any total and answers its id.
    ///
    /// # Errors
    /// 404 for an unknown customer, contract or constituent, 400 for what no invoice can be.
    pub fn set_invoice(&self, invoice: NewInvoice) -> Result<Uuid, Refusal> {
        self.state().account.set_invoice(invoice, self.clock.now())
    }

    /// Sets the total of a draft that the scenario set; what it grew by falls into the hour that the clock stands in.
    ///
    /// # Errors
    /// 404 for an unknown invoice, 400 for a rated one and for one that is finalized or void.
    pub fn set_total(&self, invoice: Uuid, total: impl Into<BigDecimal>) -> Result<(), Refusal> {
        let now = self.clock.now();
        self.state().account.set_total(invoice, total.into(), now)
    }

    /// Says which amounts of an invoice that the scenario set fell into which hours, whatever its total is.
    ///
    /// # Errors
    /// 404 for an unknown invoice, 400 for one that is rated or has no period, and for hours outside of that.
    pub fn set_hourly(
        &self,
        invoice: Uuid,
        hours: BTreeMap<DateTime<Utc>, BigDecimal>,
    ) -> Result<(), Refusal> {
        self.state().account.set_hourly(invoice, hours)
    }

    /// Voids a finalized invoice.
    ///
    /// # Errors
    /// 404 for an unknown invoice, 400 for one that is not finalized.
    pub fn void_invoice(&self, invoice: Uuid) -> Result<(), Refusal> {
        self.state().account.void_invoice(invoice)
    }

    /// Makes a voided invoice anew and answers its new id: a rated one as usage and rates are now, a set one as it was.
    ///
    /// # Errors
    /// 404 for an unknown invoice, 400 for one that is not void, has been made anew, or whose contract is archived.
    pub fn regenerate_invoice(&self, invoice: Uuid) -> Result<Uuid, Refusal> {
        self.state()
            .account
            .regenerate_invoice(invoice, None, self.clock.now())
    }

    /// The same, of a set invoice, to another total.
    ///
    /// # Errors
    /// As [`Self::regenerate_invoice`], and 400 for a rated one.
    pub fn regenerate_invoice_of(
        &self,
        invoice: Uuid,
        total: impl Into<BigDecimal>,
    ) -> Result<Uuid, Refusal> {
        let now = self.clock.now();
        self.state()
            .account
            .regenerate_invoice(invoice, Some(total.into()), now)
    }

    /// Moves the date of a draft: a scheduled invoice is finalized then.
    ///
    /// # Errors
    /// 404 for an unknown invoice, 400 for one that is no draft and for a date after the end of its contract.
    pub fn move_issue_date(&self, invoice: Uuid, date: DateTime<Utc>) -> Result<(), Refusal> {
        self.state().account.move_issue_date(invoice, date)
    }

    /// A customer's invoices, all of them, in the order that they were made.
    #[must_use]
    pub fn invoices_of(&self, customer: Uuid) -> Vec<Uuid> {
        let state = self.state();
        state
            .account
            .invoices
            .of(customer)
            .map(|(_, invoice)| invoice.id)
            .collect()
    }

    /// What a customer really owes in cents of a US dollar, to compare with: the invoices of these types (none named: all)
    /// under these contracts (none named: all, and invoices under none), by all events that have come in. Not counted are
    /// void and unbillable invoices, constituents of a consolidated one that is not void, and scheduled drafts. Corrections
    /// are counted.
    #[must_use]
    pub fn invoice_total_of(&self, customer: Uuid, contracts: &[Uuid], types: &[InvoiceType]) -> BigDecimal {
        let state = self.state();
        let State { account, .. } = &*state;
        let view = account.events.view(self.clock.now());
        let under = |contract: Option<Uuid>| contract.is_some_and(|contract| contracts.contains(&contract));
        let counted = account
            .invoices
            .of(customer)
            .map(|(_, invoice)| invoice)
            .filter(|invoice| {
                let scheduled_draft = invoice.kind == InvoiceType::Scheduled && invoice.is_draft();
                invoice.status != InvoiceStatus::Void
                    && !scheduled_draft
                    && invoice.labels.billable != Some(false)
                    && invoice.labels.credit_type == CreditType::usd()
                    && (types.is_empty() || types.contains(&invoice.kind))
                    && (contracts.is_empty() || under(invoice.contract))
                    && account.consolidation_of(invoice.id).is_none()
            });
        let totals = counted.map(|invoice| lines::total(&account.lines(invoice, view)));
        totals.sum::<BigDecimal>().normalized()
    }
}
