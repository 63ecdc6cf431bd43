//! The metering operations and where they are.

use http::{Method, StatusCode};

use super::reply::Refusal;

/// One operation of an organization, with what its path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation<'p> {
    /// `POST /org/{org}/entitlement/{entitlement}/usageRecordGroup`
    Create { entitlement: &'p str },
    /// `POST /org/{org}/batchCreateUsageRecordGroups`
    BatchCreate,
    /// `POST /org/{org}/batchValidateUsageRecordGroups`
    BatchValidate,
    /// `GET /org/{org}/usageRecordGroup`
    ListGroups,
    /// `DELETE /org/{org}/usageRecordGroup/{group}`
    Delete { group: &'p str },
    /// `GET /org/{org}/usageRecordReport`
    ListReports,
}

/// The organization and the operation of a request. With `prefix`, every path begins with `/v1`.
pub(super) fn route<'p>(
    method: &Method,
    path: &'p str,
    prefix: bool,
) -> Result<(&'p str, Operation<'p>), Refusal> {
    let no_path = || Refusal::not_found(format!("no such path: {path}"));
    let below = if prefix { "/v1/org/" } else { "/org/" };
    let parts: Vec<&str> = path.strip_prefix(below).ok_or_else(no_path)?.split('/').collect();
    let (there, organization, operation) = match parts.as_slice() {
        [org, "entitlement", entitlement, "usageRecordGroup"] => {
            (Method::POST, *org, Operation::Create { entitlement })
        }
        [org, "batchCreateUsageRecordGroups"] => (Method::POST, *org, Operation::BatchCreate),
        [org, "batchValidateUsageRecordGroups"] => (Method::POST, *org, Operation::BatchValidate),
        [org, "usageRecordGroup"] => (Method::GET, *org, Operation::ListGroups),
        [org, "usageRecordGroup", group] => (Method::DELETE, *org, Operation::Delete { group }),
        [org, "usageRecordReport"] => (Method::GET, *org, Operation::ListReports),
        _ => return Err(no_path()),
    };
    if method != there {
        let message = format!("{method} is not allowed on {path}");
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, message));
    }
    Ok((organization, operation))
}
