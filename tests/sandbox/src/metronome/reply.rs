//! What a call comes to: an answer, or a refusal in Metronome's own form.

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::{Response, StatusCode, header};
use serde::Serialize;

/// A request that was not granted: a status and a sentence, sent as `{"message": "…"}`
/// (<https://docs.metronome.com/api-reference/status-codes>).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The HTTP status.
    pub status: StatusCode,
    /// What is wrong, in words.
    pub message: String,
    /// The word for it, in the few answers that have one: `{"code": "…", "message": "…"}`.
    pub code: Option<&'static str>,
    /// Seconds to wait, where the answer says so.
    pub retry_after: Option<u64>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, message: impl Into<String>) -> Self {
        Self {
            status,
            message: message.into(),
            code: None,
            retry_after: None,
        }
    }

    pub(super) fn bad(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, message)
    }

    pub(super) fn not_found(message: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, message)
    }

    pub(super) fn internal(error: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// The same with a code, as the calls on contracts of version 2 have it.
    pub(super) fn coded(self, code: &'static str) -> Self {
        Self {
            code: Some(code),
            ..self
        }
    }

    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, message)
    }
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.status.as_u16(), self.message)
    }
}

impl std::error::Error for Refusal {}

/// The 200 of a call. Creates answer 200 as well, never 201.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// Nothing at all: ingest and setIngestAliases.
    Empty,
    /// A JSON body.
    Json(String),
}

/// An answer of `value` as it stands.
pub(super) fn json<T: Serialize + ?Sized>(value: &T) -> Result<Answer, Refusal> {
    serde_json::to_string(value)
        .map(Answer::Json)
        .map_err(Refusal::internal)
}

/// An answer of `{"data": value}`.
pub(super) fn data<T: Serialize>(value: &T) -> Result<Answer, Refusal> {
    #[derive(Serialize)]
    struct Data<'a, T> {
        data: &'a T,
    }
    json(&Data { data: value })
}

/// One page: `{"data": [...], "next_page": "…" | null}`.
#[derive(Serialize)]
pub(super) struct Page<T> {
    pub(super) data: Vec<T>,
    pub(super) next_page: Option<String>,
}

/// `{"id": "…"}`, what creating and archiving answer inside `data`.
#[derive(Serialize)]
pub(super) struct Id {
    pub(super) id: uuid::Uuid,
}

/// A time as usage rows and invoices show it: to the second, with the offset written out.
pub(super) fn stamp(time: DateTime<Utc>) -> String {
    time.to_rfc3339_opts(SecondsFormat::Secs, false)
}

/// The HTTP response of a call.
pub(super) fn respond(outcome: Result<Answer, Refusal>) -> Response<Bytes> {
    let (status, body, retry_after) = match outcome {
        Ok(Answer::Empty) => return Response::new(Bytes::new()),
        Ok(Answer::Json(body)) => (StatusCode::OK, body, None),
        Err(refusal) => {
            let body = match refusal.code {
                Some(code) => serde_json::json!({ "code": code, "message": refusal.message }),
                None => serde_json::json!({ "message": refusal.message }),
            };
            (refusal.status, body.to_string(), refusal.retry_after)
        }
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        header::HeaderValue::from_static("application/json"),
    );
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, header::HeaderValue::from(seconds));
    }
    response
}
