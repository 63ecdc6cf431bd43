//! Amazon DynamoDB: an embedded engine behind the service's own protocol (awsJson 1.0).
//!
//! The engine keeps its own time for time-to-live, which it does not act on here, and for idempotency tokens.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use dynoxide::{Database, DynoxideError};
use http::{HeaderValue, Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use super::{Refusal, Scope};
use crate::{Fate, Service};

const TARGET: &str = "DynamoDB_20120810.";
const CONTENT_TYPE: &str = "application/x-amz-json-1.0";

/// The service, with tables of its own, in memory.
pub struct DynamoDb {
    database: Database,
    counts: Mutex<Counts>,
}

/// What has been asked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests by operation, failed ones included.
    pub requests: BTreeMap<String, u64>,
    /// Bytes of the bodies of requests that write items, which bound what was written.
    pub bytes_written: u64,
    /// Requests that were refused by a condition, alone or in a transaction.
    pub conditions_failed: u64,
}

impl Counts {
    /// Requests that write items.
    pub fn writes(&self) -> u64 {
        self.requests
            .iter()
            .filter(|(operation, _)| writes(operation))
            .map(|(_, count)| count)
            .sum()
    }
}

impl std::fmt::Debug for DynamoDb {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("DynamoDb")
            .field("counts", &self.counts())
            .finish_non_exhaustive()
    }
}

impl DynamoDb {
    /// An empty database.
    ///
    /// # Errors
    ///
    /// When the engine cannot open one in memory.
    pub fn new() -> Result<Self, DynoxideError> {
        Ok(Self {
            database: Database::memory()?,
            counts: Mutex::default(),
        })
    }

    /// The engine, to look at items without a request.
    pub fn database(&self) -> &Database {
        &self.database
    }

    /// What has been asked.
    pub fn counts(&self) -> Counts {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: &Request<Bytes>) -> Result<String, (StatusCode, String)> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let target = header("x-amz-target").unwrap_or_default();
        let Some(operation) = target.strip_prefix(TARGET) else {
            return Err(refused(&Refusal::client("UnknownOperationException", target)));
        };
        self.count(operation, request.body().len());
        Scope::of(request, "dynamodb").map_err(|refusal| refused(&refusal))?;
        let body = std::str::from_utf8(request.body())
            .map_err(|error| refused(&Refusal::client("SerializationException", error.to_string())))?;
        dispatch(&self.database, operation, body).map_err(|error| {
            if matches!(
                error,
                DynoxideError::ConditionalCheckFailedException(..)
                    | DynoxideError::TransactionCanceledException(..)
            ) {
                self.lock().conditions_failed += 1;
            }
            let status = StatusCode::from_u16(error.status_code()).unwrap_or(StatusCode::BAD_REQUEST);
            (status, error.to_json())
        })
    }

    fn count(&self, operation: &str, length: usize) {
        let mut counts = self.lock();
        *counts.requests.entry(operation.to_owned()).or_default() += 1;
        if writes(operation) {
            counts.bytes_written += u64::try_from(length).unwrap_or(u64::MAX);
        }
    }
}

impl Service for DynamoDb {
    fn name(&self) -> &'static str {
        "dynamodb"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let (status, body) = match self.answer(request) {
            Ok(body) => (StatusCode::OK, body),
            Err(answer) => answer,
        };
        let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, body.as_bytes())
            .simple()
            .to_string()
            .to_uppercase();
        let mut reply = Response::new(Bytes::from(body));
        *reply.status_mut() = status;
        reply
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(CONTENT_TYPE));
        if let Ok(id) = HeaderValue::from_str(&id) {
            reply.headers_mut().insert("x-amzn-requestid", id);
        }
        Fate::Reply(reply)
    }
}

fn writes(operation: &str) -> bool {
    matches!(
        operation,
        "PutItem" | "UpdateItem" | "DeleteItem" | "BatchWriteItem" | "TransactWriteItems"
    )
}

fn dispatch(database: &Database, operation: &str, body: &str) -> Result<String, DynoxideError> {
    match operation {
        "CreateTable" => run(body, |input| database.create_table(input)),
        "DescribeTable" => run(body, |input| database.describe_table(input)),
        "DeleteTable" => run(body, |input| database.delete_table(input)),
        "ListTables" => run(body, |input| database.list_tables(input)),
        "UpdateTimeToLive" => run(body, |input| database.update_time_to_live(input)),
        "DescribeTimeToLive" => run(body, |input| database.describe_time_to_live(input)),
        "PutItem" => run(body, |input| database.put_item(input)),
        "GetItem" => run(body, |input| database.get_item(input)),
        "UpdateItem" => run(body, |input| database.update_item(input)),
        "DeleteItem" => run(body, |input| database.delete_item(input)),
        "Query" => run(body, |input| database.query(input)),
        "Scan" => run(body, |input| database.scan(input)),
        "BatchGetItem" => run(body, |input| database.batch_get_item(input)),
        "BatchWriteItem" => run(body, |input| database.batch_write_item(input)),
        "TransactWriteItems" => run(body, |input| database.transact_write_items(input)),
        "TransactGetItems" => run(body, |input| database.transact_get_items(input)),
        other => Err(DynoxideError::ValidationException(format!(
            "the sandbox has no operation {other}"
        ))),
    }
}

fn run<I: DeserializeOwned, O: Serialize>(
    body: &str,
    operation: impl FnOnce(I) -> Result<O, DynoxideError>,
) -> Result<String, DynoxideError> {
    let input = serde_json::from_str(body).map_err(|error| unreadable(&error))?;
    let output = operation(input)?;
    serde_json::to_string(&output).map_err(|error| DynoxideError::InternalServerError(error.to_string()))
}

/// The engine marks what the service words as a `ValidationException`; the rest is a `SerializationException`.
fn unreadable(error: &serde_json::Error) -> DynoxideError {
    let message = error.to_string();
    let missing = [
        "missing field",
        "unknown variant",
        "invalid type: null",
        "AttributeValue",
    ];
    for mark in ["VALIDATION_REQUEST:", "VALIDATION_AS_READ:", "VALIDATION:"] {
        if let Some(marked) = message.strip_prefix(mark) {
            let text = marked.split(" at line ").next().unwrap_or(marked);
            return DynoxideError::ValidationException(text.to_owned());
        }
    }
    if missing.iter().any(|part| message.contains(part)) {
        return DynoxideError::ValidationException(message);
    }
    DynoxideError::SerializationException(message)
}

fn refused(refusal: &Refusal) -> (StatusCode, String) {
    let shape = format!("com.amazon.coral.service#{}", refusal.kind);
    let body = serde_json::json!({"__type": shape, "message": refusal.message});
    (refusal.status, body.to_string())
}
