//! Requests as an SDK signs them, for the tests of these services.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::Value;

use crate::{Fate, Service};

/// A request to `service` (its signing name) in `region`.
pub(super) fn signed(service: &str, region: &str) -> http::request::Builder {
    let credential = format!("AKIDSELLER/20261120/{region}/{service}/aws4_request");
    let signature = "0123456789abcdef".repeat(4);
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders=host;x-amz-date, Signature={signature}"
    );
    Request::post("/")
        .header("authorization", authorization)
        .header("x-amz-date", "20261120T140000Z")
}

/// An awsJson request.
pub(super) fn json(service: &str, region: &str, version: &str, target: &str, body: &str) -> Request<Bytes> {
    signed(service, region)
        .header("content-type", format!("application/x-amz-json-{version}"))
        .header("x-amz-target", target)
        .body(Bytes::copy_from_slice(body.as_bytes()))
        .unwrap()
}

/// The reply of a service that does reply.
pub(super) fn reply(service: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    match service.call(request) {
        Fate::Reply(reply) => reply,
        other => panic!("no reply: {other:?}"),
    }
}

/// The answer, or the status and shape of the error.
pub(super) fn outcome(service: &impl Service, request: &Request<Bytes>) -> Result<Value, (u16, String)> {
    let reply = reply(service, request);
    let body: Value = serde_json::from_slice(reply.body()).unwrap();
    if reply.status().is_success() {
        return Ok(body);
    }
    let shape = body["__type"].as_str().unwrap();
    Err((
        reply.status().as_u16(),
        shape.rsplit('#').next().unwrap().to_owned(),
    ))
}
