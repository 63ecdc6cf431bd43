//! What a request is: a method of a service, and a JSON body.

use bytes::Bytes;
use http::{Method as HttpMethod, Request};
use serde::de::DeserializeOwned;

use crate::gcp::Code;
use crate::gcp::refusal::{Refusal, is_of_type};

/// A request may have 1 MB, read here as the smaller of the two sizes of that name.
const MAX_BODY: usize = 1_000_000;

/// A method of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Method {
    Check,
    Report,
}

impl Method {
    /// What a caller must be permitted.
    pub(super) fn permission(self) -> &'static str {
        match self {
            Self::Check => "servicemanagement.services.check",
            Self::Report => "servicemanagement.services.report",
        }
    }
}

/// The service and the method that a request is for. Of the query, only what asks for JSON is understood.
pub(super) fn target(request: &Request<Bytes>) -> Result<(&str, Method), Refusal> {
    let path = request.uri().path();
    let (service, method) = path
        .strip_prefix("/v1/services/")
        .and_then(|rest| rest.rsplit_once(':'))
        .unwrap_or_default();
    let method = match (request.method(), method) {
        (&HttpMethod::POST, "check") => Method::Check,
        (&HttpMethod::POST, "report") => Method::Report,
        (method, _) => {
            let message = format!("{method} {path} is no method of this API");
            return Err(Refusal::new(Code::NotFound, message));
        }
    };
    let query = request.uri().query().unwrap_or_default();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        let known = matches!(
            (name.as_ref(), value.as_ref()),
            ("alt" | "$alt", "json") | ("prettyPrint", _)
        );
        if !known {
            let message = format!("the query parameter '{name}' cannot be bound");
            return Err(Refusal::invalid(message));
        }
    }
    Ok((service, method))
}

/// Reads a request's body. What is not JSON of the method's shape refuses the request.
pub(super) fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Refusal> {
    if request.body().len() > MAX_BODY {
        let message = format!("the request's size exceeds the limit: {MAX_BODY} bytes");
        return Err(Refusal::invalid(message));
    }
    if !is_of_type(request, "application/json") {
        return Err(Refusal::invalid("the body must be application/json"));
    }
    serde_json::from_slice(request.body()).map_err(|error| Refusal::invalid(error.to_string()))
}
