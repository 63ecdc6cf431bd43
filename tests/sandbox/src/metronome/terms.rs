//! The rules for making a contract, ending it, archiving it, giving it credits.

use bigdecimal::BigDecimal;
use bigdecimal::num_bigint::Sign;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::account::Account;
use super::agenda::Job;
use super::aggregation::Aggregation;
use super::contracts::{Contract, Credit, NewContract, Rate, Segment};
use super::invoices::InvoiceStatus;
use super::periods::whole_hour;
use super::reply::Refusal;

/// Segments that a contract's schedule of billing providers may have.
const MOST_SEGMENTS: usize = 10;

impl Account {
    pub(super) fn create_contract(&mut self, new: NewContract, now: DateTime<Utc>) -> Result<Uuid, Refusal> {
        if self.customers.get(new.customer)?.archived_at.is_some() {
            return Err(Refusal::bad("the customer is archived"));
        }
        whole_hour("starting_at", new.starting_at)?;
        check_end(new.starting_at, new.ending_before)?;
        let provider = new.billing_provider.as_deref();
        let configuration = provider
            .map(|provider| self.configuration_for(new.customer, provider))
            .transpose()?;
        let rates = self.rates(&new.rates)?;
        let id = self.next_id("contracts");
        self.contracts.push(Contract {
            id,
            customer: new.customer,
            name: new.name,
            starting_at: new.starting_at,
            first_end: new.ending_before,
            ending_before: new.ending_before,
            created_at: now,
            archived_at: None,
            billing: vec![Segment {
                effective_at: new.starting_at,
                configuration,
            }],
            rates,
            credits: Vec::new(),
        });
        self.plan(Job::Begin(self.contracts.place(id)?));
        Ok(id)
    }

    fn rates(&mut self, wanted: &[(Uuid, BigDecimal)]) -> Result<Vec<Rate>, Refusal> {
        let mut rates: Vec<Rate> = Vec::with_capacity(wanted.len());
        for (id, price) in wanted {
            let metric = self.metric_place(*id)?;
            let aggregation = self.metric(metric)?.definition.aggregation_type;
            if !matches!(aggregation, Aggregation::Count | Aggregation::Sum) {
                return Err(Refusal::bad("this sandbox rates COUNT and SUM metrics only"));
            }
            if price.sign() == Sign::Minus {
                return Err(Refusal::bad("a flat price must not be negative"));
            }
            if rates.iter().any(|rate| rate.metric == metric) {
                return Err(Refusal::bad("a metric has one rate"));
            }
            rates.push(Rate {
                metric,
                product: self.next_id("products"),
                price: price.clone(),
            });
        }
        Ok(rates)
    }

    /// Moves the end of a contract, or takes it away. The running period is cut or lengthened with it; what has been
    /// finalized stays, as by default. Drafts that nothing is left of and scheduled invoices that were still to come are
    /// void. Usage invoices that the scenario set keep their period.
    pub(super) fn end_contract(
        &mut self,
        id: Uuid,
        end: Option<DateTime<Utc>>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let invoiced_until = self.invoiced_until(self.contracts.get(id)?);
        let contract = self.contracts.get_mut(id)?;
        if contract.archived_at.is_some() {
            return Err(Refusal::bad("the contract is archived"));
        }
        check_end(contract.starting_at, end)?;
        contract.ending_before = end;
        let contract = self.contracts.get(id)?;
        let after_end = |time: DateTime<Utc>| end.is_some_and(|end| end <= time);
        let mut changes = Vec::new();
        for (place, invoice) in self
            .invoices_under(contract)
            .filter(|(_, invoice)| invoice.is_draft())
        {
            match invoice.period {
                Some((start, until))
                    if invoice.is_rated() && (after_end(until) || until == invoiced_until) =>
                {
                    changes.push((place, contract.period_from(start)));
                }
                None if invoice.date().is_some_and(after_end) => changes.push((place, None)),
                _ => {}
            }
        }
        for (place, period) in changes {
            if period.is_none() {
                self.make_void(place, now);
            }
            if let Some(invoice) = self.invoices.all_mut().get_mut(place) {
                invoice.period = period;
                invoice.since = now;
            }
            self.plan(Job::Finalize(place));
        }
        self.plan(Job::Begin(self.contracts.place(id)?));
        Ok(())
    }

    /// Archives a contract for good. Its drafts and scheduled invoices are void from now on, on request its finalized ones
    /// too. (The document says that drafts are canceled; there is no other status for that.)
    pub(super) fn archive_contract(
        &mut self,
        id: Uuid,
        void_finalized: bool,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let contract = self.contracts.get_mut(id)?;
        if contract.archived_at.is_some() {
            return Err(Refusal::bad("the contract is already archived"));
        }
        contract.archived_at = Some(now);
        let contract = self.contracts.get(id)?;
        let places: Vec<usize> = self
            .invoices_under(contract)
            .filter(|(_, invoice)| invoice.is_draft() || void_finalized)
            .map(|(place, _)| place)
            .collect();
        for place in places {
            self.make_void(place, now);
        }
        Ok(())
    }

    /// Whether a finalized invoice of a contract covers time after `end`.
    pub(super) fn has_finalized_after(&self, contract: &Contract, end: DateTime<Utc>) -> bool {
        self.invoices_under(contract).any(|(_, invoice)| {
            invoice.status == InvoiceStatus::Finalized && invoice.period.is_some_and(|(_, until)| until > end)
        })
    }

    /// Archives a customer with its contracts, and voids all their invoices.
    pub(super) fn archive_customer(&mut self, id: Uuid, now: DateTime<Utc>) -> Result<(), Refusal> {
        self.customers.archive(id, now)?;
        let contracts = self.contracts.of(id);
        let active = contracts.filter(|(_, contract)| contract.archived_at.is_none());
        let active: Vec<Uuid> = active.map(|(_, contract)| contract.id).collect();
        for contract in active {
            self.archive_contract(contract, true, now)?;
        }
        let places: Vec<usize> = self.invoices.of(id).map(|(place, _)| place).collect();
        for place in places {
            self.make_void(place, now);
        }
        Ok(())
    }

    /// Gives free money for usage from an hour on; hours that have been rated without it are rated again, unless their
    /// invoice is finalized.
    pub(super) fn grant_credit(
        &mut self,
        contract: Uuid,
        amount: BigDecimal,
        from: DateTime<Utc>,
        now: DateTime<Utc>,
    ) -> Result<Uuid, Refusal> {
        whole_hour("from", from)?;
        if amount.sign() != Sign::Plus {
            return Err(Refusal::bad("a credit is more than nothing"));
        }
        self.contracts.get(contract)?;
        let (id, product) = (self.next_id("credits"), self.next_id("products"));
        let contract = self.contracts.get_mut(contract)?;
        contract.credits.push(Credit {
            id,
            product,
            amount,
            from,
            created_at: now,
        });
        Ok(id)
    }

    /// Puts another configuration, or none, in charge of a contract from a time on.
    pub(super) fn schedule_billing(
        &mut self,
        contract: Uuid,
        effective_at: DateTime<Utc>,
        configuration: Option<Uuid>,
    ) -> Result<(), Refusal> {
        whole_hour("effective_at", effective_at)?;
        let customer = self.contracts.get(contract)?.customer;
        if let Some(configuration) = configuration {
            self.configurations.get_of(customer, configuration)?;
        }
        let contract = self.contracts.get_mut(contract)?;
        if contract.billing.len() >= MOST_SEGMENTS {
            return Err(Refusal::bad(format!(
                "a schedule has at most {MOST_SEGMENTS} segments"
            )));
        }
        if contract
            .billing
            .iter()
            .any(|segment| segment.effective_at >= effective_at)
        {
            return Err(Refusal::bad("a segment begins after the one before it"));
        }
        contract.billing.push(Segment {
            effective_at,
            configuration,
        });
        Ok(())
    }
}

fn check_end(start: DateTime<Utc>, end: Option<DateTime<Utc>>) -> Result<(), Refusal> {
    let Some(end) = end else { return Ok(()) };
    whole_hour("ending_before", end)?;
    if start < end {
        return Ok(());
    }
    Err(Refusal::bad("ending_before must be after starting_at"))
}
