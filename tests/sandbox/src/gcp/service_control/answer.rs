//! The shapes of the answers. What is empty or zero is not written, as in all of Google's JSON.

use serde::Serialize;

use super::rules::Fault;

/// The version of the configuration, and of its rollout, that every request is processed with.
const VERSION: &str = "2026-11-01r0";

/// An answer of either method.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Answer {
    #[serde(skip_serializing_if = "Option::is_none")]
    operation_id: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    check_errors: Vec<CheckError>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    report_errors: Vec<ReportError>,
    service_config_id: &'static str,
    service_rollout_id: &'static str,
}

impl Answer {
    /// To a check of the operation `id`.
    pub(super) fn to_check(id: String, error: Option<CheckError>) -> Self {
        Self {
            operation_id: Some(id),
            check_errors: error.into_iter().collect(),
            ..Self::to_report(Vec::new())
        }
    }

    /// To a report.
    pub(super) fn to_report(errors: Vec<ReportError>) -> Self {
        Self {
            operation_id: None,
            check_errors: Vec::new(),
            report_errors: errors,
            service_config_id: VERSION,
            service_rollout_id: VERSION,
        }
    }
}

/// Why a consumer may not use the service.
#[derive(Debug, Serialize)]
pub(super) struct CheckError {
    pub code: &'static str,
    pub subject: String,
    pub detail: String,
}

/// An operation that was not recorded.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportError {
    operation_id: String,
    status: Status,
}

#[derive(Debug, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "is_zero")]
    code: i32,
    message: String,
}

impl ReportError {
    /// That the operation `id` has this fault.
    pub(super) fn new(id: &str, fault: Fault) -> Self {
        let Fault { code, message } = fault;
        Self {
            operation_id: id.to_owned(),
            status: Status { code, message },
        }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands it so")]
fn is_zero(code: &i32) -> bool {
    *code == 0
}
