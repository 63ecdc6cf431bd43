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
}

/// The operation of a request, with the id in its path.
pub(super) fn route<'p>(method: &Method, path: &'p str) -> Result<(Operation, Option<&'p str>), Refusal> {
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    let (there, operation, id) = match parts.as_slice() {
        ["v1", "ingest"] => (Method::POST, Operation::Ingest, None),
        ["v1", "customers"] if method == Method::GET => (Method::GET, Operation::ListCustomers, None),
        ["v1", "customers"] => (Method::POST, Operation::CreateCustomer, None),
        ["v1", "customers", "archive"] => (Method::POST, Operation::ArchiveCustomer, None),
        ["v1", "customers", id] => (Method::GET, Operation::GetCustomer, Some(*id)),
        ["v1", "customers", id, "setIngestAliases"] => (Method::POST, Operation::SetIngestAliases, Some(*id)),
        ["v1", "billable-metrics"] => (Method::GET, Operation::ListBillableMetrics, None),
        ["v1", "billable-metrics", "create"] => (Method::POST, Operation::CreateBillableMetric, None),
        ["v1", "billable-metrics", "archive"] => (Method::POST, Operation::ArchiveBillableMetric, None),
        ["v1", "billable-metrics", id] => (Method::GET, Operation::GetBillableMetric, Some(*id)),
        ["v1", "usage"] => (Method::POST, Operation::Usage, None),
        ["v1", "usage", "groups"] => (Method::POST, Operation::UsageGroups, None),
        ["v1", "events", "search"] => (Method::POST, Operation::SearchEvents, None),
        _ => return Err(Refusal::not_found(format!("no such path: {path}"))),
    };
    if method != there {
        let message = format!("{method} is not allowed on {path}");
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    Ok((operation, id))
}
