//! The life of an invoice: set by the scenario, moved, voided, made anew, cut in two.
//! (<https://docs.metronome.com/api-reference/invoices/void-an-invoice>, `regenerate-an-invoice`.)

use bigdecimal::BigDecimal;
use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::account::Account;
use super::agenda::Job;
use super::invoices::{Content, Hours, Invoice, InvoiceStatus, InvoiceType, Labels, NewInvoice};
use super::periods::{Period, hour_of, whole_hour, whole_period};
use super::reply::Refusal;

impl Account {
    pub(super) fn set_invoice(&mut self, new: NewInvoice, now: DateTime<Utc>) -> Result<Uuid, Refusal> {
        self.customers.get(new.customer)?;
        if let Some(contract) = new.contract {
            self.contracts.get_of(new.customer, contract)?;
        }
        match (new.kind, new.period) {
            (InvoiceType::Scheduled, None) if new.issued_at.is_some() => {}
            (InvoiceType::Scheduled, _) => {
                return Err(Refusal::bad(
                    "a scheduled invoice has an issue date and no period",
                ));
            }
            (_, Some(period)) => whole_period(period)?,
            (_, None) => return Err(Refusal::bad("an invoice of usage has a period")),
        }
        let consolidated = new.kind == InvoiceType::UsageConsolidated;
        if consolidated == new.constituents.is_empty() {
            return Err(Refusal::bad(
                "consolidated invoices, and only they, have constituents",
            ));
        }
        for constituent in &new.constituents {
            if self.invoices.get(*constituent)?.contract.is_none() {
                return Err(Refusal::bad("a constituent is the invoice of a contract"));
            }
        }
        let hours = new.period.map(|period| (hour_in(period, now), new.total.clone()));
        Ok(self.add(Invoice {
            id: Uuid::nil(),
            customer: new.customer,
            contract: new.contract,
            kind: new.kind,
            status: new.status,
            period: new.period,
            issue_date: new.issued_at,
            since: now,
            regenerated_from: None,
            labels: Labels {
                credit_type: new.credit_type,
                billable: new.billable,
                correction_record: new.correction_record,
                constituents: new.constituents,
                external_invoice: new.external_invoice,
            },
            content: Content::Set {
                total: new.total,
                line_items: new.line_items,
                postpaid: new.postpaid,
                hours: hours.into_iter().collect(),
            },
        }))
    }

    /// Sets the total of a draft; what it grew or shrank by falls into the hour that the clock stands in.
    pub(super) fn set_total(&mut self, id: Uuid, new: BigDecimal, now: DateTime<Utc>) -> Result<(), Refusal> {
        let invoice = self.draft_mut(id)?;
        let period = invoice.period;
        let Content::Set { total, hours, .. } = &mut invoice.content else {
            return Err(Refusal::bad(
                "the total of a rated invoice is its usage by its rates",
            ));
        };
        if let Some(period) = period {
            *hours.entry(hour_in(period, now)).or_default() += &new - &*total;
        }
        *total = new;
        Ok(())
    }

    /// Says in which hours the amounts of a set invoice fell. They need not add up to its total, as those of a finalized
    /// invoice do not when events come late.
    pub(super) fn set_hourly(&mut self, id: Uuid, amounts: Hours) -> Result<(), Refusal> {
        let invoice = self.invoices.get_mut(id)?;
        let (Content::Set { hours, .. }, Some((start, end))) = (&mut invoice.content, invoice.period) else {
            return Err(Refusal::bad(
                "only set invoices with a period take amounts by the hour",
            ));
        };
        for hour in amounts.keys() {
            whole_hour("the hour of an amount", *hour)?;
            if *hour < start || *hour >= end {
                return Err(Refusal::bad("the hour of an amount lies in the period"));
            }
        }
        *hours = amounts;
        Ok(())
    }

    fn draft_mut(&mut self, id: Uuid) -> Result<&mut Invoice, Refusal> {
        let invoice = self.invoices.get_mut(id)?;
        if invoice.is_draft() {
            return Ok(invoice);
        }
        Err(Refusal::bad("the invoice is no draft any more"))
    }

    /// Only what is finalized can be voided; of drafts nothing is documented.
    pub(super) fn void_invoice(&mut self, id: Uuid) -> Result<(), Refusal> {
        let invoice = self.invoices.get_mut(id)?;
        if invoice.status != InvoiceStatus::Finalized {
            return Err(Refusal::bad("only a finalized invoice can be voided"));
        }
        invoice.status = InvoiceStatus::Void;
        Ok(())
    }

    /// Makes a voided invoice anew, under a new id: a rated one from its rates, credits and events as they are now, a set
    /// one as it was or to another `total`, and no provider has had it. It is a draft until its period and the grace are over, if they are not. An
    /// invoice is made anew once (the copy can be voided and made anew in turn), and not under an archived contract; of
    /// neither is anything documented.
    pub(super) fn regenerate_invoice(
        &mut self,
        id: Uuid,
        total: Option<BigDecimal>,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        let old = self.invoices.get(id)?;
        if old.status != InvoiceStatus::Void {
            return Err(Refusal::bad("only a voided invoice can be regenerated"));
        }
        if self
            .invoices
            .of(old.customer)
            .any(|(_, other)| other.regenerated_from == Some(id))
        {
            return Err(Refusal::bad("the invoice has been regenerated"));
        }
        if old.is_rated() && (total.is_some() || old.period.is_none()) {
            return Err(Refusal::bad(
                "a rated invoice is its usage of a period by its rates",
            ));
        }
        let contract = old
            .contract
            .map(|contract| self.contracts.get(contract))
            .transpose()?;
        if contract.is_some_and(|contract| contract.archived_at.is_some()) {
            return Err(Refusal::bad("the contract is archived"));
        }
        let mut new = Invoice {
            status: InvoiceStatus::Draft,
            since: now,
            regenerated_from: Some(id),
            ..old.clone()
        };
        new.labels.external_invoice = None;
        if new.is_rated() {
            new.content = Content::Rated(None);
        }
        let id = self.add(new);
        if let Some(total) = total {
            self.set_total(id, total, now)?;
        }
        self.settle(now);
        Ok(id)
    }

    /// Moves the date of a draft, not beyond the end of its contract. A scheduled invoice is finalized then; the grace of
    /// a usage invoice stays what it was.
    pub(super) fn move_issue_date(&mut self, id: Uuid, date: DateTime<Utc>) -> Result<(), Refusal> {
        let contract = self.invoices.get(id)?.contract;
        let contract = contract
            .map(|contract| self.contracts.get(contract))
            .transpose()?;
        let end = contract.and_then(|contract| contract.ending_before);
        if end.is_some_and(|end| date > end) {
            return Err(Refusal::bad("issue_date is after the end of the contract"));
        }
        self.draft_mut(id)?.issue_date = Some(date);
        self.plan(Job::Finalize(self.invoices.place(id)?));
        Ok(())
    }

    /// The consolidated invoice that has this one in it, unless it is void.
    pub(super) fn consolidation_of(&self, id: Uuid) -> Option<&Invoice> {
        let wholes = self.consolidations.get(&id)?.iter();
        let mut wholes = wholes.filter_map(|whole| self.invoices.get(*whole).ok());
        wholes.find(|whole| whole.status != InvoiceStatus::Void)
    }

    /// Ends the running draft of a contract at `at` and begins another there, as an edit of the contract may. Answers the
    /// id of the new one.
    pub(super) fn recut(
        &mut self,
        contract: Uuid,
        at: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        whole_hour("the cut", at)?;
        let contract = self.contracts.get(contract)?;
        let (customer, id) = (contract.customer, contract.id);
        let running = self.invoices_under(contract).find_map(|(place, invoice)| {
            let (start, end) = invoice
                .period
                .filter(|_| invoice.is_draft() && invoice.is_rated())?;
            (start < at && at < end).then_some((place, start, end))
        });
        let (place, start, end) =
            running.ok_or_else(|| Refusal::bad("no rated draft of the contract is running then"))?;
        if let Some(invoice) = self.invoices.all_mut().get_mut(place) {
            invoice.period = Some((start, at));
            invoice.since = now;
        }
        self.plan(Job::Finalize(place));
        Ok(self.begin_draft(customer, id, (at, end), now))
    }
}

/// The last hour of a period that began before `now`; its first, if none did.
fn hour_in((start, end): Period, now: DateTime<Utc>) -> DateTime<Utc> {
    hour_of(now.min(end) - TimeDelta::milliseconds(1)).max(start)
}
