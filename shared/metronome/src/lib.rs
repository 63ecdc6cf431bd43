//! The Metronome client: customers, billable metrics, usage, invoices and contracts, read with Metronome's rules built in.
//!
//! Every call is a read, those by `POST` too, so trying one again is always safe. One [`Client`] is one token in one
//! invocation: all its requests share one evenly paced limiter, for Metronome budgets about 8 requests a second a token, and
//! none begins when the invocation is about to end. 429, 408, 5xx and lost connections are tried again with jitter, and
//! `Retry-After` is honoured; anything else is an [`Error`] at once.
//!
//! An answer is trusted only in the shape it is documented in. Numbers are read exactly, `null` is not 0, unknown fields and
//! enum values are let pass, and rows are handed over as they came: nothing is added up, filtered or dropped here. No type
//! read here nests without end, and what is unknown is passed over without recursion, so deep JSON costs no stack.
//!
//! API reference: <https://docs.metronome.com/api-reference>.

mod ask;
mod billable_metrics;
mod billing_providers;
mod call;
mod contracts;
mod customers;
mod error;
mod invoice_breakdowns;
mod invoices;
mod json;
mod pace;
mod pages;
mod usage;
mod usage_groups;

#[cfg(test)]
mod tests;

use http::HeaderValue;
use platform::{Deadline, Fault, FaultKind, Transport, endpoint};
use secrecy::{ExposeSecret as _, SecretString};

use pace::Pace;

pub use billable_metrics::{Aggregation, BillableMetric};
pub use billing_providers::BillingProviderConfiguration;
pub use contracts::{Contract, ContractBilling};
pub use customers::{Customer, Customers};
pub use error::Error;
pub use invoice_breakdowns::{BreakdownWindow, BreakdownsQuery, InvoiceBreakdown};
pub use invoices::{Correction, CreditType, Invoice, InvoiceKind, InvoiceStatus, InvoicesQuery};
pub use usage::{GROUP_VALUES_MAX, Group, MetricFilter, Metrics, UsageQuery, UsageRow, Window};
pub use usage_groups::{GroupedQuery, GroupedRow};

/// Ids in one request's customer filter: what `GET /v1/customers` takes at most
/// (<https://docs.metronome.com/api-reference/customers/list-customers>); `/v1/usage` names no limit and is held to the same.
const CUSTOMERS_MAX: usize = 100;

/// One token's access to Metronome during one invocation.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    base_url: String,
    token: SecretString,
    authorization: HeaderValue,
    deadline: Deadline,
    pace: Pace,
}

impl Client {
    /// A client of the API at `base_url` (`https://api.metronome.com`), which may make `requests_per_second` requests a second
    /// (at least 1) until `deadline`. Nothing is sent yet.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] where a token may not be sent to `base_url`, or the token cannot be sent at all. The token is
    /// not shown.
    pub fn new(
        transport: Transport,
        base_url: &str,
        token: SecretString,
        requests_per_second: u32,
        deadline: Deadline,
    ) -> Result<Self, Fault> {
        endpoint::check(base_url)
            .map_err(|reason| misconfigured(format!("Metronome's base_url: {reason}")))?;
        if base_url.contains(['?', '#']) {
            return Err(misconfigured(
                "Metronome's base_url: it wants no query and no fragment".to_owned(),
            ));
        }
        Ok(Self {
            transport,
            base_url: base_url.trim_end_matches('/').to_owned(),
            authorization: authorization(&token)?,
            token,
            deadline,
            pace: Pace::new(requests_per_second, deadline),
        })
    }
}

/// The header that carries the token, marked so that nothing prints it.
fn authorization(token: &SecretString) -> Result<HeaderValue, Fault> {
    let token = token.expose_secret();
    if token.is_empty() || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(misconfigured(
            "the Metronome token is empty, or holds a space, a line break or another character that no token has".to_owned(),
        ));
    }
    let mut header = HeaderValue::try_from(format!("Bearer {token}"))
        .map_err(|_| misconfigured("the Metronome token cannot be sent in a header".to_owned()))?;
    header.set_sensitive(true);
    Ok(header)
}

fn misconfigured(message: String) -> Fault {
    Fault::new(FaultKind::Misconfigured, message)
}
