//! Which operation a request asks for, by whom, and with which parameters.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, Request, StatusCode, header};
use serde_json::value::RawValue;

use super::reply::Refusal;
use super::switches::BadToken;
use super::wire::Sent;
use crate::azure::{Application, Tokens};

/// The events of one batch.
const BATCH: RangeInclusive<usize> = 1..=25;

/// What can be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Operation {
    /// `POST /api/usageEvent`: one event.
    UsageEvent,
    /// `POST /api/batchUsageEvent`: up to 25 events.
    BatchUsageEvent,
    /// `GET /api/usageEvents`: what was sent, by the day.
    UsageEvents,
}

impl Operation {
    pub(super) fn of(request: &Request<Bytes>) -> Result<Self, Refusal> {
        let (operation, method) = match request.uri().path() {
            "/api/usageEvent" => (Self::UsageEvent, Method::POST),
            "/api/batchUsageEvent" => (Self::BatchUsageEvent, Method::POST),
            "/api/usageEvents" => (Self::UsageEvents, Method::GET),
            path => return Err(Refusal::new(StatusCode::NOT_FOUND, "NotFound", path)),
        };
        if request.method() != method {
            let message = request.method().as_str();
            return Err(Refusal::new(
                StatusCode::METHOD_NOT_ALLOWED,
                "MethodNotAllowed",
                message,
            ));
        }
        Ok(operation)
    }
}

/// The application whose token the request bears.
pub(super) fn caller(
    request: &Request<Bytes>,
    tokens: &Tokens,
    now: DateTime<Utc>,
    bad_token: BadToken,
) -> Result<Application, Refusal> {
    request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .and_then(|token| tokens.holder(token, now))
        .ok_or_else(|| match bad_token {
            BadToken::Forbidden => Refusal::forbidden(),
            BadToken::Unauthorized => Refusal {
                status: StatusCode::UNAUTHORIZED,
                problem: None,
            },
        })
}

/// The parameters of a request's query. Their names are read in either case: the documents write them in both.
#[derive(Debug)]
pub(super) struct Parameters(BTreeMap<String, String>);

impl Parameters {
    /// Those of `request`, which must name the only version of the API.
    pub(super) fn of(request: &Request<Bytes>) -> Result<Self, Refusal> {
        let query = request.uri().query().unwrap_or_default();
        let parameters: BTreeMap<_, _> = form_urlencoded::parse(query.as_bytes())
            .map(|(name, value)| (name.to_ascii_lowercase(), value.into_owned()))
            .collect();
        if parameters.get("api-version").map(String::as_str) != Some("2018-08-31") {
            let message = "The only version of the API is 2018-08-31.";
            return Err(Refusal::bad("api-version", message));
        }
        Ok(Self(parameters))
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.0.get(&name.to_ascii_lowercase()).map(String::as_str)
    }

    /// The name of a parameter that is not one of these: a filter misspelt would read as no filter.
    pub(super) fn other_than(&self, known: &[&str]) -> Option<&str> {
        let is_known = |name: &str| known.iter().any(|known| known.eq_ignore_ascii_case(name));
        self.0.keys().map(String::as_str).find(|name| !is_known(name))
    }
}

/// The body of a single event: a JSON object.
pub(super) fn event(request: &Request<Bytes>) -> Result<Sent, Refusal> {
    json(request)?;
    serde_json::from_slice(request.body()).map_err(|_| malformed())
}

/// The events of a batch: objects in the array `request`.
pub(super) fn batch(request: &Request<Bytes>) -> Result<Vec<Sent>, Refusal> {
    json(request)?;
    let mut envelope: BTreeMap<String, Box<RawValue>> =
        serde_json::from_slice(request.body()).map_err(|_| malformed())?;
    let events = envelope.remove("request").ok_or_else(malformed)?;
    let events: Vec<Sent> = serde_json::from_str(events.get()).map_err(|_| malformed())?;
    if !BATCH.contains(&events.len()) {
        return Err(Refusal::bad("request", "A batch has 1 to 25 events."));
    }
    Ok(events)
}

fn json(request: &Request<Bytes>) -> Result<(), Refusal> {
    let kind = request
        .headers()
        .get(header::CONTENT_TYPE)
        .and_then(|kind| kind.to_str().ok())
        .unwrap_or_default();
    if kind.split(';').next().map(str::trim) == Some("application/json") {
        return Ok(());
    }
    Err(Refusal::new(
        StatusCode::UNSUPPORTED_MEDIA_TYPE,
        "UnsupportedMediaType",
        "The body is not application/json.",
    ))
}

fn malformed() -> Refusal {
    Refusal::bad("request", "The body is not of the operation's shape.")
}
