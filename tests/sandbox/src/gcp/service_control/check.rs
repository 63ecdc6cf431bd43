//! Check: whether a consumer may use the service.
//!
//! <https://cloud.google.com/service-infrastructure/docs/service-control/reference/rest/v1/services/check> (2026-11-20)

use chrono::{DateTime, Utc};

use super::answer::CheckError;
use super::catalog::ManagedService;
use super::rules;
use super::wire::CheckRequest;
use crate::gcp::refusal::Refusal;

const NOT_ACTIVATED: &str = "SERVICE_NOT_ACTIVATED";

/// The id of the request's operation, and why its consumer may not use the service at `now`, if so.
pub(super) fn check(
    asked: CheckRequest,
    service: &ManagedService,
    now: DateTime<Utc>,
) -> Result<(String, Option<CheckError>), Refusal> {
    let required = |field| move || Refusal::invalid(format!("{field} is required"));
    let operation = asked.operation.ok_or_else(required("operation"))?;
    rules::well_formed(&operation)?;
    if operation.user_labels.is_some() {
        return Err(Refusal::invalid("user_labels have no place in a check"));
    }
    operation
        .operation_name
        .filter(|name| !name.is_empty())
        .ok_or_else(required("operation_name"))?;
    let id = operation.operation_id.ok_or_else(required("operation_id"))?;
    let consumer_id = operation.consumer_id.ok_or_else(required("consumer_id"))?;
    let start_time = operation.start_time.ok_or_else(required("start_time"))?;
    if operation.end_time.is_some_and(|end| end < start_time) {
        return Err(Refusal::invalid("end_time is before start_time"));
    }
    let skips_activation = asked.skip_activation_check.unwrap_or_default();
    let error = error_code(service, &consumer_id, start_time.0, now)
        .filter(|code| !(skips_activation && *code == NOT_ACTIVATED))
        .map(|code| CheckError {
            code,
            detail: format!("{consumer_id} may not use the service"),
            subject: consumer_id,
        });
    Ok((id, error))
}

/// Why the consumer may not use the service at `start`: its standing, or that it is not, or no longer, activated.
fn error_code(
    service: &ManagedService,
    consumer_id: &str,
    start: DateTime<Utc>,
    now: DateTime<Utc>,
) -> Option<&'static str> {
    let Some(consumer) = service.consumers.get(consumer_id) else {
        return Some("NOT_FOUND");
    };
    let activated =
        consumer.activated_at <= start && consumer.is_before_cancellation(start) && !consumer.is_closed(now);
    consumer
        .standing
        .check_error()
        .or_else(|| (!activated).then_some(NOT_ACTIVATED))
}
