//! What the clock does: it begins the periods of contracts and finalizes invoices, each as of its own moment, whenever
//! somebody looks.
//!
//! A usage invoice is finalized when the grace period after its end is over, a scheduled one at its date; both to the
//! second, where Metronome may take half an hour.

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

use super::account::Account;
use super::contracts::Contract;
use super::events::View;
use super::invoices::{Content, Frozen, Invoice, InvoiceStatus, InvoiceType, Labels};
use super::lines::CreditType;
use super::periods::Period;

/// How long after its period a usage invoice still moves. Metronome's support may set another.
const GRACE: TimeDelta = TimeDelta::hours(24);

/// Something that the clock does, to the contract or the invoice at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Job {
    /// The next period of a contract begins.
    Begin(usize),
    /// A draft is finalized.
    Finalize(usize),
}

/// What the clock has to do. An entry whose time has been changed since is looked at, and put off or dropped.
pub(super) type Agenda = BTreeSet<(DateTime<Utc>, Job)>;

impl Account {
    /// Does what is due by `now`. Each turn takes an entry, and adds one only for later than that: a contract's next month.
    pub(super) fn settle(&mut self, now: DateTime<Utc>) {
        while let Some((_, job)) = self.agenda.first().copied().filter(|(time, _)| *time <= now) {
            self.agenda.pop_first();
            match self.due(job) {
                Some(due) if due > now => self.plan(job),
                Some(due) => match job {
                    Job::Begin(place) => self.begin_period(place),
                    Job::Finalize(place) => self.finalize(place, due),
                },
                None => {}
            }
        }
    }

    /// Puts a job down for when it is due, if it is.
    pub(super) fn plan(&mut self, job: Job) {
        if let Some(due) = self.due(job) {
            self.agenda.insert((due, job));
        }
    }

    /// Puts down anew when each draft is finalized.
    pub(super) fn plan_all_drafts(&mut self) {
        (0..self.invoices.all().len()).for_each(|place| self.plan(Job::Finalize(place)));
    }

    fn due(&self, job: Job) -> Option<DateTime<Utc>> {
        match job {
            Job::Begin(place) => {
                let contract = self.contracts.all().get(place)?;
                self.next_period(contract).map(|(start, _)| start)
            }
            Job::Finalize(place) => {
                let invoice = self.invoices.all().get(place)?;
                let end = match (invoice.kind, invoice.period) {
                    (InvoiceType::Scheduled, _) => invoice.issue_date?,
                    (_, period) => period?.1 + self.grace.unwrap_or(GRACE),
                };
                invoice.is_draft().then_some(end.max(invoice.since))
            }
        }
    }

    fn begin_period(&mut self, place: usize) {
        let Some(contract) = self.contracts.all().get(place) else {
            return;
        };
        if let Some(period) = self.next_period(contract) {
            let (customer, id) = (contract.customer, contract.id);
            self.begin_draft(customer, id, period, contract.created_at);
            self.plan(Job::Begin(place));
        }
    }

    fn next_period(&self, contract: &Contract) -> Option<Period> {
        let live = contract.archived_at.is_none() && !contract.rates.is_empty();
        let start = self.invoiced_until(contract);
        contract.period_from(start).filter(|_| live)
    }

    /// Up to where a contract's time has invoices.
    pub(super) fn invoiced_until(&self, contract: &Contract) -> DateTime<Utc> {
        let rated = self
            .invoices_under(contract)
            .filter(|(_, invoice)| invoice.is_rated());
        let ends = rated.filter_map(|(_, invoice)| invoice.period);
        ends.map(|(_, end)| end).max().unwrap_or(contract.starting_at)
    }

    /// A contract's invoices, each with its place among all.
    pub(super) fn invoices_under(&self, contract: &Contract) -> impl Iterator<Item = (usize, &Invoice)> {
        let id = contract.id;
        self.invoices
            .of(contract.customer)
            .filter(move |(_, invoice)| invoice.contract == Some(id))
    }

    /// Adds a rated draft of a contract's period.
    pub(super) fn begin_draft(
        &mut self,
        customer: Uuid,
        contract: Uuid,
        period: Period,
        since: DateTime<Utc>,
    ) -> Uuid {
        self.add(Invoice {
            id: Uuid::nil(),
            customer,
            contract: Some(contract),
            kind: InvoiceType::Usage,
            status: InvoiceStatus::Draft,
            period: Some(period),
            issue_date: None,
            since,
            regenerated_from: None,
            labels: Labels {
                credit_type: CreditType::usd(),
                billable: None,
                correction_record: None,
                constituents: Vec::new(),
                external_invoice: None,
            },
            content: Content::Rated(None),
        })
    }

    /// Adds an invoice under a new id: the number of the customer's invoices decides it, not when the clock was asked.
    pub(super) fn add(&mut self, invoice: Invoice) -> Uuid {
        let number = self.invoices.of(invoice.customer).count();
        let id = Uuid::new_v5(
            &Uuid::NAMESPACE_URL,
            format!(
                "https://api.metronome.com/customers/{}/invoices/{number}",
                invoice.customer
            )
            .as_bytes(),
        );
        for constituent in &invoice.labels.constituents {
            self.consolidations.entry(*constituent).or_default().push(id);
        }
        let place = self.invoices.all().len();
        self.invoices.push(Invoice { id, ..invoice });
        self.plan(Job::Finalize(place));
        id
    }

    fn finalize(&mut self, place: usize, at: DateTime<Utc>) {
        self.freeze(place, at);
        if let Some(invoice) = self.invoices.all_mut().get_mut(place) {
            invoice.status = InvoiceStatus::Finalized;
        }
    }

    /// Makes void what is not yet.
    pub(super) fn make_void(&mut self, place: usize, at: DateTime<Utc>) {
        self.freeze(place, at);
        if let Some(invoice) = self.invoices.all_mut().get_mut(place) {
            invoice.status = InvoiceStatus::Void;
        }
    }

    /// A rated draft keeps the lines that it has at `at`, of the events that are seen by then.
    fn freeze(&mut self, place: usize, at: DateTime<Utc>) {
        let Some(invoice) = self.invoices.all().get(place) else {
            return;
        };
        if !matches!(invoice.content, Content::Rated(None)) {
            return;
        }
        let view = self.view(at);
        let contract = invoice
            .contract
            .and_then(|contract| self.contracts.get(contract).ok());
        let frozen = Frozen {
            lines: self.lines(invoice, view),
            draws: contract.map_or_else(Vec::new, |contract| self.draws(contract, invoice, view)),
        };
        if let Some(invoice) = self.invoices.all_mut().get_mut(place) {
            invoice.content = Content::Rated(Some(frozen));
        }
    }

    /// What is seen of the events at `at`.
    pub(super) fn view(&self, at: DateTime<Utc>) -> View {
        self.events.view(at - self.delay)
    }
}
