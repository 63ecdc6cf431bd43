//! Google Cloud, as far as the world needs it: how a machine logs in, and Service Control as Cloud Marketplace uses it.

mod base64;
pub mod login;
mod refusal;
#[cfg(test)]
mod requests;
pub mod service_control;

pub use login::GoogleTokens;
pub use refusal::Code;
pub use service_control::ServiceControl;

/// The scopes that let a caller report usage, either of them.
/// <https://cloud.google.com/service-infrastructure/docs/service-control/reference/rest/v1/services/report> (2026-11-20)
const REPORTING_SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/servicecontrol",
    "https://www.googleapis.com/auth/cloud-platform",
];
