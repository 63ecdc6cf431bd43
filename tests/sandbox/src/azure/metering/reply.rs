//! What a call comes to over HTTP.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use uuid::Uuid;

use super::wire::{Detail, Problem};

/// Headers that trace a request: echoed, or made up.
const TRACES: [&str; 2] = ["x-ms-requestid", "x-ms-correlationid"];

/// An answer with a body.
#[derive(Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    pub body: Vec<u8>,
}

impl Answer {
    pub(super) fn new<T: Serialize>(status: StatusCode, body: &T) -> Result<Self, Refusal> {
        let body = serde_json::to_vec(body).map_err(|error| Refusal {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            problem: Some(Problem::new("InternalServerError", &error.to_string())),
        })?;
        Ok(Self { status, body })
    }
}

/// A call that is refused whole.
#[derive(Debug)]
pub(super) struct Refusal {
    pub status: StatusCode,
    /// The error's body; without one the body is empty.
    pub problem: Option<Problem>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: &str) -> Self {
        Self {
            status,
            problem: Some(Problem::new(code, message)),
        }
    }

    /// 400, about one part of the request.
    pub(super) fn bad(target: &'static str, message: &str) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            problem: Some(Problem::bad_argument(vec![Detail::new(target, message)])),
        }
    }

    /// 403, the documented answer to a missing, invalid or expired token.
    pub(super) fn forbidden() -> Self {
        let message = "The client may not send usage for this resource.";
        Self::new(StatusCode::FORBIDDEN, "Forbidden", message)
    }
}

/// The reply to the request number `serial`.
pub(super) fn reply(
    request: &Request<Bytes>,
    serial: u64,
    result: Result<Answer, Refusal>,
) -> Response<Bytes> {
    let answer = result.or_else(|Refusal { status, problem }| match problem {
        Some(problem) => Answer::new(status, &problem),
        None => Ok(Answer {
            status,
            body: Vec::new(),
        }),
    });
    // A problem is text and nothing else, so it can always be written.
    let Answer { status, body } = answer.unwrap_or(Answer {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        body: Vec::new(),
    });
    let mut reply = Response::new(Bytes::from(body));
    *reply.status_mut() = status;
    let headers = reply.headers_mut();
    for name in TRACES {
        let made_up = Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{name} {serial}").as_bytes());
        let sent = request.headers().get(name).cloned();
        if let Some(trace) = sent.or_else(|| HeaderValue::from_str(&made_up.to_string()).ok()) {
            headers.insert(HeaderName::from_static(name), trace);
        }
    }
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json; charset=utf-8"),
    );
    if status == StatusCode::TOO_MANY_REQUESTS {
        // The span that calls are counted over.
        headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
    }
    if status == StatusCode::UNAUTHORIZED {
        headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
    }
    reply
}
