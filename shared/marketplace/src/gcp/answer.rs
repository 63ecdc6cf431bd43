//! Reading one reply: what it says of each operation of the request.
//!
//! HTTP 200 names the operations that failed, and only those; the others were taken. Any other status says nothing of what was
//! recorded (`ReportResponse`, API reference, read 2026-11-20), but where it is plain that the request was not even looked
//! into: unauthorized, forbidden, not found, throttled, or invalid as a whole.

use std::time::Duration;

use billing::Answer;
use bytes::Bytes;
use http::Response;
use platform::retry::retry_after;
use platform::{Fault, FaultKind};
use serde_json::{Map, Value};

use super::named;
use super::operation::Operation;
use crate::delivery::{Item, Next, Reading, later, never, only, receipt, unknown};

/// Makes a service's text fit to be told.
type Say<'a> = &'a dyn Fn(&str) -> String;

/// Reads a reply to a request of `items`; and apart from it, since no other try mends it, that some were refused access.
pub(super) fn read(
    service: &str,
    items: &[Item<Operation>],
    reply: &Response<Bytes>,
    say: Say<'_>,
) -> (Reading, Option<Fault>) {
    if reply.status() == http::StatusCode::OK {
        return each(service, items, reply.body(), say);
    }
    (whole(service, items.len(), reply, say), None)
}

/// Each operation's own word.
fn each(service: &str, items: &[Item<Operation>], body: &[u8], say: Say<'_>) -> (Reading, Option<Fault>) {
    let errors = match report_errors(body, say) {
        Ok(errors) => errors,
        Err(why) => return (open(service, items.len(), &why), None),
    };
    let foreign = errors
        .iter()
        .filter(|error| items.iter().all(|item| item.told.id != error.operation));
    let foreign = foreign.count();
    if foreign > 0 {
        tracing::warn!(
            foreign,
            "Google Cloud answered for operations that this request did not hold"
        );
    }
    let mut reading = Reading {
        answers: Vec::with_capacity(items.len()),
        fault: None,
        throttled: None,
    };
    let mut denied = None;
    for item in items {
        let own: Vec<&ReportError> = errors
            .iter()
            .filter(|error| error.operation == item.told.id)
            .collect();
        let (answer, next) = match own.as_slice() {
            [] => accepted(&item.told.id),
            [error] => error.judged(),
            several => only(several.iter().map(|error| error.judged()).collect()),
        };
        for error in own {
            match error.code {
                Some(PERMISSION_DENIED) => denied = Some(forbidden(service, &error.said)),
                Some(RESOURCE_EXHAUSTED) => reading.throttled = Some(Duration::ZERO),
                _ => {}
            }
            if next == Next::Again {
                reading.fault = Some(away(service, &error.said));
            }
        }
        reading.answers.push((answer, next));
    }
    (reading, denied)
}

const INVALID_ARGUMENT: i64 = 3;
const NOT_FOUND: i64 = 5;
const PERMISSION_DENIED: i64 = 7;
const RESOURCE_EXHAUSTED: i64 = 8;

/// One of `reportErrors`.
struct ReportError {
    operation: String,
    /// A `google.rpc.Code`, where it is a number at all.
    code: Option<i64>,
    /// The code and the message, in words.
    said: String,
}

impl ReportError {
    fn of(error: &Value, say: Say<'_>) -> Option<Self> {
        let operation = error.get("operationId")?.as_str().filter(|id| !id.is_empty())?;
        let status = error.get("status");
        let code = status.and_then(|status| status.get("code")?.as_i64());
        let name = match code {
            Some(INVALID_ARGUMENT) => "INVALID_ARGUMENT",
            Some(NOT_FOUND) => "NOT_FOUND",
            Some(PERMISSION_DENIED) => "PERMISSION_DENIED",
            Some(RESOURCE_EXHAUSTED) => "RESOURCE_EXHAUSTED",
            Some(code) => &format!("google.rpc.Code {code}"),
            None => "an error without a code",
        };
        let message = status.and_then(|status| status.get("message")?.as_str());
        Some(Self {
            operation: operation.to_owned(),
            code,
            said: say(&format!("{name}: {}", message.unwrap_or("no message"))),
        })
    }

    fn judged(&self) -> (Answer, Next) {
        let said = &self.said;
        match self.code {
            Some(INVALID_ARGUMENT) => {
                let mend = "check the dimension and its type against the product's metrics";
                (never(format!("{said}: {mend}")), Next::Done)
            }
            Some(NOT_FOUND) => {
                let why = "no such metric or usage reporting id, or its entitlement is not active";
                (later(format!("{said}: {why}")), Next::Done)
            }
            Some(PERMISSION_DENIED) => (later(said.clone()), Next::Done),
            Some(RESOURCE_EXHAUSTED) => (later(said.clone()), Next::Again),
            _ => unknown(said.clone()),
        }
    }
}

/// The failed operations of an HTTP 200, or why it cannot be told which they are. The list is left out where there are none;
/// fields that we do not know are left to Google.
fn report_errors(body: &[u8], say: Say<'_>) -> Result<Vec<ReportError>, String> {
    let object: Map<String, Value> =
        serde_json::from_slice(body).map_err(|_| "HTTP 200 without a JSON object".to_owned())?;
    if object.contains_key("error") {
        return Err("HTTP 200 with an `error`".to_owned());
    }
    let errors = match object.get("reportErrors") {
        None => &[],
        Some(Value::Array(errors)) => errors.as_slice(),
        Some(_) => return Err("HTTP 200 whose `reportErrors` is not a list".to_owned()),
    };
    let errors: Option<Vec<_>> = errors.iter().map(|error| ReportError::of(error, say)).collect();
    errors.ok_or_else(|| "HTTP 200 with an error that names no operation".to_owned())
}

fn accepted(id: &str) -> (Answer, Next) {
    receipt(id).map_or_else(
        || unknown("the operation's id is no receipt".to_owned()),
        |receipt| (Answer::Accepted(receipt), Next::Done),
    )
}

/// A request that failed as a whole, with so many records.
fn whole(service: &str, records: usize, reply: &Response<Bytes>, say: Say<'_>) -> Reading {
    let error = google_error(reply.body());
    let text = |field| error.get(field).and_then(Value::as_str).unwrap_or_default();
    let status = reply.status().as_u16();
    let said = say(&format!("HTTP {status} {}: {}", text("status"), text("message")));
    let asked = retry_after(reply.headers());
    match status {
        400 if text("status") == "INVALID_ARGUMENT" && records > 1 => Reading::same(
            records,
            later(format!("{said} (one of {records} records may be at fault)")),
            Next::Halve,
        ),
        400 if text("status") == "INVALID_ARGUMENT" => {
            let mend = "check the dimension, its type, and the buyer's usage reporting id";
            Reading::same(records, never(format!("{said}: {mend}")), Next::Done)
        }
        403 => {
            let fault = forbidden(service, &said);
            Reading {
                fault: Some(fault),
                ..Reading::same(records, later(said), Next::Done)
            }
        }
        404 => Reading::same(records, later(said.clone()), Next::Done).because(
            FaultKind::Misconfigured,
            named(&format!("{service}: {said}: check the service's name")),
        ),
        429 => Reading {
            fault: Some(away(service, &said)),
            throttled: Some(asked.unwrap_or_default()),
            ..Reading::same(records, later(format!("throttled: {said}")), Next::Again)
        },
        _ => Reading {
            throttled: asked,
            ..open(service, records, &said)
        },
    }
}

/// The `error` of an API's failed answer, empty where there is none.
pub(super) fn google_error(body: &[u8]) -> Map<String, Value> {
    let object = serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
    match object.get("error") {
        Some(Value::Object(error)) => error.clone(),
        _ => Map::new(),
    }
}

/// Nobody knows what was recorded.
fn open(service: &str, records: usize, why: &str) -> Reading {
    let (answer, next) = unknown(why.to_owned());
    Reading {
        fault: Some(away(service, why)),
        ..Reading::same(records, answer, next)
    }
}

fn away(service: &str, why: &str) -> Fault {
    Fault::new(
        FaultKind::DestinationUnavailable,
        named(&format!("{service}: {why}")),
    )
}

fn forbidden(service: &str, said: &str) -> Fault {
    Fault::new(
        FaultKind::Unauthorized,
        named(&format!(
            "{service}: {said}: give the service account the role Service Controller of the service"
        )),
    )
}
