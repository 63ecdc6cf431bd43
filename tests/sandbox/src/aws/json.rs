//! The awsJson envelope: a target header, a JSON body, and errors that name their shape.
//!
//! <https://smithy.io/2.0/aws/protocols/aws-json-1_1-protocol.html>

use bytes::Bytes;
use http::{Request, Response, StatusCode};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

/// A request that a service does not carry out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// 400 for the caller's fault, 500 for the service's.
    pub status: StatusCode,
    /// The error's shape, such as `ThrottlingException`.
    pub kind: &'static str,
    /// What is wrong, for a person.
    pub message: String,
}

impl Refusal {
    /// An error that is the caller's: HTTP 400.
    pub fn client(kind: &'static str, message: impl Into<String>) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            kind,
            message: message.into(),
        }
    }

    /// A member of the request that is missing or breaks its constraint.
    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::client("ValidationException", message)
    }
}

/// One awsJson 1.1 service: how it is named on the wire.
#[derive(Clone, Copy, Debug)]
pub(super) struct Protocol {
    /// What `X-Amz-Target` begins with, before the dot.
    pub target: &'static str,
    /// What its errors' `__type` begins with, before the `#`.
    pub namespace: &'static str,
}

impl Protocol {
    /// The operation that `request` asks for.
    pub(super) fn operation<'a>(&self, request: &'a Request<Bytes>) -> Result<&'a str, Refusal> {
        let header = |name: &str| request.headers().get(name).and_then(|value| value.to_str().ok());
        let unknown = |message: String| Refusal::client("UnknownOperationException", message);
        if request.method() != http::Method::POST || request.uri().path() != "/" {
            return Err(unknown(format!("{} {}", request.method(), request.uri().path())));
        }
        if header("content-type").is_none_or(|kind| !kind.starts_with("application/x-amz-json-1.1")) {
            return Err(unknown(
                "Content-Type must be application/x-amz-json-1.1".to_owned(),
            ));
        }
        let target = header("x-amz-target").unwrap_or_default();
        target
            .split_once('.')
            .filter(|(service, _)| *service == self.target)
            .map(|(_, operation)| operation)
            .ok_or_else(|| unknown(format!("X-Amz-Target '{target}'")))
    }

    /// The reply to a request that went as `result` says. `serial` numbers the request, so that its id is its own and yet
    /// the same in every run.
    pub(super) fn reply(&self, serial: u64, result: Result<Vec<u8>, Refusal>) -> Response<Bytes> {
        let (status, kind, body) = match result {
            Ok(body) => (StatusCode::OK, None, body),
            Err(refusal) => {
                let shape = format!("{}#{}", self.namespace, refusal.kind);
                let body = serde_json::json!({"__type": shape, "message": refusal.message});
                (refusal.status, Some(refusal.kind), body.to_string().into_bytes())
            }
        };
        let id = Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("{}/{serial}", self.target).as_bytes(),
        );
        let mut reply = Response::new(Bytes::from(body));
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        headers.insert(
            "content-type",
            http::HeaderValue::from_static("application/x-amz-json-1.1"),
        );
        if let Ok(id) = http::HeaderValue::from_str(&id.to_string()) {
            headers.insert("x-amzn-requestid", id);
        }
        if let Some(kind) = kind {
            headers.insert("x-amzn-errortype", http::HeaderValue::from_static(kind));
        }
        reply
    }
}

/// Reads a request's body. What is not JSON, or has a member of another type, is a `SerializationException`.
pub(super) fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Refusal> {
    serde_json::from_slice(request.body())
        .map_err(|error| Refusal::client("SerializationException", error.to_string()))
}

/// Writes an answer's body.
pub(super) fn write<T: Serialize>(answer: &T) -> Result<Vec<u8>, Refusal> {
    serde_json::to_vec(answer).map_err(|error| Refusal {
        status: StatusCode::INTERNAL_SERVER_ERROR,
        kind: "InternalFailure",
        message: error.to_string(),
    })
}
