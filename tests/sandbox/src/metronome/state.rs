//! The one state behind the lock, and the way of a request through it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, Request, StatusCode, header};
use uuid::Uuid;

use super::account::Account;
use super::budget::Budget;
use super::idempotency::{self, Answers};
use super::mischief::{Mischief, Spoiler};
use super::reply::{Answer, Refusal};
use super::routes::{self, Operation};
use super::{breakdowns, catalog, contract_reads, groups, invoice_reads, request, search, usage};

/// An environment and its switches.
#[derive(Default)]
pub(super) struct State {
    pub(super) account: Account,
    pub(super) tokens: BTreeSet<String>,
    pub(super) budget: Budget,
    pub(super) spoiler: Spoiler,
    pub(super) answers: Answers,
    pub(super) requests: BTreeMap<Operation, u64>,
}

impl State {
    /// One request, one answer: counted, let in, granted, routed, performed, and perhaps spoiled. `now` is the world's
    /// time, `moment` the budget's in milliseconds.
    pub(super) fn answer(
        &mut self,
        request: &Request<Bytes>,
        now: DateTime<Utc>,
        moment: u64,
    ) -> Result<Answer, Refusal> {
        self.budget.arrive(moment);
        let route = routes::route(request.method(), request.uri().path());
        if let Ok((operation, _)) = route {
            *self.requests.entry(operation).or_default() += 1;
        }
        self.authorize(request)?;
        self.budget.grant(moment)?;
        let (operation, ids) = route?;
        let key = request
            .headers()
            .get("idempotency-key")
            .and_then(|key| key.to_str().ok());
        let key = key.filter(|_| request.method() == Method::POST);
        let fingerprint = idempotency::fingerprint(request);
        if let Some(outcome) = key.and_then(|key| self.answers.again(key, fingerprint, now)) {
            return outcome;
        }
        let outcome = self.perform(operation, &ids, request, now);
        if let Some(key) = key {
            let clean = outcome
                .as_ref()
                .map(|(answer, _)| answer.clone())
                .map_err(Clone::clone);
            self.answers.keep(key, fingerprint, clean, now);
        }
        let (answer, mischief) = outcome?;
        mischief.spoil(answer)
    }

    fn authorize(&self, request: &Request<Bytes>) -> Result<(), Refusal> {
        let header = request
            .headers()
            .get(header::AUTHORIZATION)
            .and_then(|value| value.to_str().ok());
        let token = header.and_then(|value| value.strip_prefix("Bearer "));
        if token.is_some_and(|token| self.tokens.contains(token)) {
            return Ok(());
        }
        Err(Refusal::new(StatusCode::UNAUTHORIZED, "Unauthorized"))
    }

    /// The answer as it should be, and what is to be done to it.
    fn perform(
        &mut self,
        operation: Operation,
        ids: &[&str],
        request: &Request<Bytes>,
        now: DateTime<Utc>,
    ) -> Result<(Answer, Mischief), Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let body = request.body();
        let as_of = now - self.account.delay;
        let ids = ids.iter().map(|id| request::id("the id in the path", id));
        let ids: Vec<Uuid> = ids.collect::<Result<_, _>>()?;
        let mut ids = ids.into_iter();
        let id = ids.next();
        let (subject, other) = (id.unwrap_or_default(), ids.next().unwrap_or_default());
        let Self { account, spoiler, .. } = self;
        if !operation.has_parameters() {
            request::Query::read(query, &[])?;
        }
        let answer = match operation {
            Operation::ListCustomers => return catalog::list_customers(account, query, spoiler),
            Operation::ListBillableMetrics => return catalog::list_metrics(account, query, spoiler),
            Operation::Usage => return usage::usage(account, (query, body), as_of, spoiler),
            Operation::UsageGroups => return groups::usage_groups(account, (query, body), as_of, spoiler),
            Operation::ListInvoices => return invoice_reads::list(account, (subject, query), now, spoiler),
            Operation::GetInvoice => {
                return invoice_reads::get(account, (subject, other, query), now, spoiler);
            }
            Operation::InvoiceBreakdowns => return breakdowns::list(account, (subject, query), now, spoiler),
            Operation::ListContracts => return contract_reads::list(account, body, now, spoiler),
            Operation::ListContractsV1 => return contract_reads::list_v1(account, body, now, spoiler),
            Operation::Ingest => account.post_events(body, now),
            Operation::GetCustomer => catalog::get_customer(account, subject),
            Operation::CreateCustomer => account.post_customer(body, now),
            Operation::SetIngestAliases => account.post_aliases(subject, body, now),
            Operation::ArchiveCustomer => account.post_archive_customer(body, now),
            Operation::GetBillableMetric => catalog::get_metric(account, subject),
            Operation::CreateBillableMetric => account.post_metric(body),
            Operation::ArchiveBillableMetric => account.post_archive_metric(body, now),
            Operation::SearchEvents => search::search(account, body, as_of, now),
            Operation::VoidInvoice => account.post_void(body),
            Operation::RegenerateInvoice => account.post_regenerate(body, now),
            Operation::MoveIssueDate => account.post_issue_date(body),
            Operation::GetContract => contract_reads::get(account, body, now),
            Operation::EndContract => account.post_end(body, now),
            Operation::ArchiveContract => account.post_archive_contract(body, now),
            Operation::BillingConfigurations => account.post_configurations(body),
        };
        Ok((answer?, spoiler.turn(operation, id)))
    }
}
