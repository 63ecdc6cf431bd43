//! Which operation a method and a path mean.

use http::{Method, StatusCode};

use super::reply::Refusal;

/// An operation of Metronome's API that the sandbox has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /v1/ingest`
    Ingest,
    /// `GET /v1/customers`
    ListCustomers,
    /// `GET /v1/customers/{id}`
    GetCustomer,
    /// `POST /v1/customers`
    CreateCustomer,
    /// `POST /v1/customers/{id}/setIngestAliases`
    SetIngestAliases,
    /// `POST /v1/customers/archive`
    ArchiveCustomer,
    /// `GET /v1/billable-metrics`
    ListBillableMetrics,
    /// `GET /v1/billable-metrics/{id}`
    GetBillableMetric,
    /// `POST /v1/billable-metrics/create`
    CreateBillableMetric,
    /// `POST /v1/billable-metrics/archive`
    ArchiveBillableMetric,
    /// `POST /v1/usage`
    Usage,
    /// `POST /v1/usage/groups`
    UsageGroups,
    /// `POST /v1/events/search`
    SearchEvents,
    /// `GET /v1/customers/{id}/invoices`
    ListInvoices,
    /// `GET /v1/customers/{id}/invoices/{id}`
    GetInvoice,
    /// `GET /v1/customers/{id}/invoices/breakdowns`
    InvoiceBreakdowns,
    /// `POST /v1/invoices/void`
    VoidInvoice,
    /// `POST /v1/invoices/regenerate`
    RegenerateInvoice,
    /// `POST /v1/contracts/updateInvoiceIssueDate`
    MoveIssueDate,
    /// `POST /v2/contracts/list`
    ListContracts,
    /// `POST /v2/contracts/get`
    GetContract,
    /// `POST /v1/contracts/list`
    ListContractsV1,
    /// `POST /v1/contracts/updateEndDate`
    EndContract,
    /// `POST /v1/contracts/archive`
    ArchiveContract,
    /// `POST /v1/getCustomerBillingProviderConfigurations`
    BillingConfigurations,
}

impl Operation {
    /// Whether it takes query parameters.
    pub(super) fn has_parameters(self) -> bool {
        matches!(
            self,
            Self::ListCustomers
                | Self::ListBillableMetrics
                | Self::Usage
                | Self::UsageGroups
                | Self::ListInvoices
                | Self::GetInvoice
                | Self::InvoiceBreakdowns
        )
    }
}

/// The operation of a request, with the ids in its path.
pub(super) fn route<'p>(method: &Method, path: &'p str) -> Result<(Operation, Vec<&'p str>), Refusal> {
    use Operation::*;
    const GET: Method = Method::GET;
    const POST: Method = Method::POST;
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let (there, operation, ids) = match parts.as_slice() {
        ["v1", "ingest"] => (POST, Ingest, vec![]),
        ["v1", "customers"] if method == Method::GET => (GET, ListCustomers, vec![]),
        ["v1", "customers"] => (POST, CreateCustomer, vec![]),
        ["v1", "customers", "archive"] => (POST, ArchiveCustomer, vec![]),
        ["v1", "customers", id] => (GET, GetCustomer, vec![*id]),
        ["v1", "customers", id, "setIngestAliases"] => (POST, SetIngestAliases, vec![*id]),
        ["v1", "customers", id, "invoices"] => (GET, ListInvoices, vec![*id]),
        ["v1", "customers", id, "invoices", "breakdowns"] => (GET, InvoiceBreakdowns, vec![*id]),
        ["v1", "customers", id, "invoices", invoice] => (GET, GetInvoice, vec![*id, *invoice]),
        ["v1", "billable-metrics"] => (GET, ListBillableMetrics, vec![]),
        ["v1", "billable-metrics", "create"] => (POST, CreateBillableMetric, vec![]),
        ["v1", "billable-metrics", "archive"] => (POST, ArchiveBillableMetric, vec![]),
        ["v1", "billable-metrics", id] => (GET, GetBillableMetric, vec![*id]),
        ["v1", "usage"] => (POST, Usage, vec![]),
        ["v1", "usage", "groups"] => (POST, UsageGroups, vec![]),
        ["v1", "events", "search"] => (POST, SearchEvents, vec![]),
        ["v1", "invoices", "void"] => (POST, VoidInvoice, vec![]),
        ["v1", "invoices", "regenerate"] => (POST, RegenerateInvoice, vec![]),
        ["v1", "contracts", "updateInvoiceIssueDate"] => (POST, MoveIssueDate, vec![]),
        ["v1", "contracts", "updateEndDate"] => (POST, EndContract, vec![]),
        ["v1", "contracts", "archive"] => (POST, ArchiveContract, vec![]),
        ["v1", "contracts", "list"] => (POST, ListContractsV1, vec![]),
        ["v2", "contracts", "list"] => (POST, ListContracts, vec![]),
        ["v2", "contracts", "get"] => (POST, GetContract, vec![]),
        ["v1", "getCustomerBillingProviderConfigurations"] => (POST, BillingConfigurations, vec![]),
        _ => return Err(Refusal::not_found(format!("no such path: {path}"))),
    };
    if method != there {
        let message = format!("{method} is not allowed on {path}");
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    Ok((operation, ids))
}
