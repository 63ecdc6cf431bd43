//! How a token endpoint refuses (RFC 6749, section 5.2), and its form-encoded requests.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde_json::{Value, json};

use crate::gcp::refusal::json_reply;

/// A login that is refused.
///
/// <https://developers.google.com/identity/protocols/oauth2/service-account#error-codes> (2026-11-20)
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: StatusCode,
    error: &'static str,
    description: String,
}

impl Refused {
    /// HTTP 400.
    pub(super) fn bad(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            description: description.into(),
        }
    }

    /// HTTP 401: who asks is in doubt, rather than what is asked.
    pub(super) fn client(error: &'static str, description: impl Into<String>) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            ..Self::bad(error, description)
        }
    }
}

/// The reply to a login that went as `result` says.
pub(super) fn reply(result: Result<Value, Refused>) -> Response<Bytes> {
    match result {
        Ok(body) => json_reply(StatusCode::OK, &body),
        Err(refused) => {
            let body = json!({"error": refused.error, "error_description": refused.description});
            json_reply(refused.status, &body)
        }
    }
}

/// The fields of a form. None may be named twice.
pub(super) fn form(request: &Request<Bytes>) -> Result<BTreeMap<String, String>, Refused> {
    let mut fields = BTreeMap::new();
    for (name, value) in form_urlencoded::parse(request.body()) {
        if fields.insert(name.to_string(), value.into_owned()).is_some() {
            let message = format!("Parameter specified more than once: {name}");
            return Err(Refused::bad("invalid_request", message));
        }
    }
    Ok(fields)
}
