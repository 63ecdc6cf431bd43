//! The model of an AWS service of the awsJson protocol, as AWS's own SDK for Python carries it, as a judge of exchanges.
//!
//! Beyond what an SDK would check, a structure has no members but its own.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Map, Value, json};

use super::findings::Verdict;
use super::schema::{compile, errors_in};
use super::witness::Exchange;

/// Shapes that may stand in one another; one that is recursive has no end.
const DEPTH_MAX: usize = 32;

/// Errors of no operation in particular, each with when it comes: AWS gives them before it comes to the operation, so no model
/// lists them. (<https://docs.aws.amazon.com/marketplace/latest/APIReference/CommonErrors.html>,
/// <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-troubleshooting.html>)
pub(super) const GENERIC_ERRORS: [(&str, &str); 6] = [
    (
        "AccessDeniedException",
        "the caller's policies do not allow the call",
    ),
    (
        "IncompleteSignatureException",
        "the Authorization header is not of Signature Version 4",
    ),
    (
        "InvalidSignatureException",
        "the signature is for another service, or wrong",
    ),
    ("MissingAuthenticationTokenException", "the request is not signed"),
    (
        "SerializationException",
        "the body is not JSON, or a member is of another type than the model's",
    ),
    (
        "ValidationException",
        "a member is missing or breaks a constraint of the model",
    ),
];

/// The judge.
pub(super) struct Model(Value);

impl Model {
    pub(super) fn new(model: Value) -> Self {
        assert_eq!(model["metadata"]["protocol"], "json", "another protocol");
        Self(model)
    }

    /// Every operation that the model has.
    pub(super) fn operations(&self) -> BTreeSet<String> {
        self.0["operations"]
            .as_object()
            .unwrap()
            .keys()
            .cloned()
            .collect()
    }

    /// The errors that the model gives an operation.
    pub(super) fn errors_of(&self, operation: &str) -> BTreeSet<String> {
        let errors = self.0["operations"][operation]["errors"]
            .as_array()
            .into_iter()
            .flatten();
        errors
            .map(|error| error["shape"].as_str().unwrap().to_owned())
            .collect()
    }

    pub(super) fn judge(&self, exchange: &Exchange) -> Verdict {
        let Some(operation) = self.operation(&exchange.request) else {
            return Verdict::default();
        };
        let (outcome, answer) = match &exchange.answer {
            None => ("no answer".to_owned(), Vec::new()),
            Some(answer) if answer.status().is_success() => (
                answer.status().as_u16().to_string(),
                self.body(&operation, "output", answer.body()),
            ),
            Some(answer) => self.error(&operation, answer),
        };
        let request = self.body(&operation, "input", exchange.request.body());
        Verdict {
            operation: Some(operation),
            outcome,
            request,
            answer,
        }
    }

    /// The operation that a request names in the way of the protocol.
    fn operation(&self, request: &Request<Bytes>) -> Option<String> {
        let metadata = &self.0["metadata"];
        let text = |name: &str| metadata[name].as_str().unwrap();
        let header = |name: &str| request.headers().get(name)?.to_str().ok();
        let (prefix, operation) = header("x-amz-target")?.split_once('.')?;
        let http = &self.0["operations"].get(operation)?["http"];
        let asked = prefix == text("targetPrefix")
            && header("content-type")? == format!("application/x-amz-json-{}", text("jsonVersion"))
            && http["method"] == request.method().as_str()
            && http["requestUri"] == request.uri().path()
            && request.uri().host()?.starts_with(text("endpointPrefix"));
        asked.then(|| operation.to_owned())
    }

    fn body(&self, operation: &str, direction: &str, body: &[u8]) -> Vec<String> {
        let shape = &self.0["operations"][operation][direction];
        errors_in(&compile(&self.schema(shape, 0)), body)
    }

    /// An error names its shape, which must be one of the operation's, or a generic one, and is the caller's fault or not.
    fn error(&self, operation: &str, answer: &Response<Bytes>) -> (String, Vec<String>) {
        let body: Map<String, Value> = serde_json::from_slice(answer.body()).unwrap_or_default();
        let named = body.get("__type").and_then(Value::as_str).unwrap_or_default();
        let kind = named.rsplit('#').next().unwrap_or_default();
        let outcome = format!("{} {kind}", answer.status().as_u16());
        let (mut schema, fault) = if self.errors_of(operation).contains(kind) {
            let shape = json!({"shape": kind});
            (self.schema(&shape, 0), self.0["shapes"][kind]["fault"] == true)
        } else if GENERIC_ERRORS.iter().any(|(generic, _)| *generic == kind) {
            let message = json!({"message": {"type": "string"}});
            (
                json!({"type": "object", "properties": message, "additionalProperties": false}),
                false,
            )
        } else {
            return (
                outcome,
                vec![format!(
                    "{kind:?} is neither an error of {operation} nor a generic one"
                )],
            );
        };
        schema["properties"]["__type"] = json!({"type": "string"});
        let mut wrong = errors_in(&compile(&schema), answer.body());
        if answer.status().as_u16() != if fault { 500 } else { 400 } {
            wrong.push(format!("{kind} with status {}", answer.status()));
        }
        (outcome, wrong)
    }

    /// The shape that `reference` names, as JSON Schema.
    fn schema(&self, reference: &Value, depth: usize) -> Value {
        assert!(depth < DEPTH_MAX, "a shape has no end");
        let name = reference["shape"].as_str().unwrap();
        let shape = &self.0["shapes"][name];
        let within = |member: &Value| self.schema(member, depth + 1);
        match shape["type"].as_str() {
            Some("structure") => {
                let members = shape["members"].as_object().unwrap().iter();
                let members: BTreeMap<&String, Value> =
                    members.map(|(name, member)| (name, within(member))).collect();
                let required = shape.get("required").cloned().unwrap_or_else(|| json!([]));
                json!({"type": "object", "properties": members, "required": required, "additionalProperties": false})
            }
            Some("list") => bounded(
                shape,
                json!({"type": "array", "items": within(&shape["member"])}),
                "Items",
            ),
            Some("string") => {
                let mut string = bounded(shape, json!({"type": "string"}), "Length");
                for keyword in ["pattern", "enum"]
                    .into_iter()
                    .filter(|keyword| shape.get(*keyword).is_some())
                {
                    string[keyword] = shape[keyword].clone();
                }
                string
            }
            Some("integer") => bounded(shape, json!({"type": "integer"}), "imum"),
            // Seconds since 1970, with or without a fraction.
            Some("timestamp") => json!({"type": "number"}),
            other => panic!("{name} is of the type {other:?}, which this judge does not know"),
        }
    }
}

/// A schema with the bounds that the shape gives: `minLength`, `maxItems`, and so on.
fn bounded(shape: &Value, mut schema: Value, what: &str) -> Value {
    for bound in ["min", "max"]
        .into_iter()
        .filter(|bound| shape.get(*bound).is_some())
    {
        schema[format!("{bound}{what}")] = shape[bound].clone();
    }
    schema
}
