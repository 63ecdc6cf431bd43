//! Microsoft Entra's token endpoint, for the marketplace's resource: the client credentials grant with a shared secret, in
//! its versions 1 and 2.
//!
//! <https://learn.microsoft.com/en-us/entra/identity-platform/v2-oauth2-client-creds-grant-flow>,
//! <https://learn.microsoft.com/en-us/entra/identity-platform/reference-error-codes> (2026-11-20)

#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderValue, Method, Request, Response, StatusCode, header};
use serde_json::{Value, json};
use uuid::Uuid;

use super::tokens::{Application, Tokens};
use crate::{Clock, Fate, Service};

/// The marketplace's application id: what tokens are asked for
/// (<https://learn.microsoft.com/en-us/partner-center/marketplace-offers/pc-saas-registration>, 2026-11-20).
pub const MARKETPLACE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7";

/// The seconds that a new token is said to last: the hour has begun.
const EXPIRES_IN: i64 = 3599;

/// The service.
#[derive(Debug)]
pub struct Entra {
    clock: Clock,
    tokens: Tokens,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<Application, BTreeSet<String>>,
    counts: Counts,
}

/// What has been asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Requests of any kind.
    pub requests: u64,
    /// Tokens given out.
    pub issued: u64,
    /// Requests refused.
    pub refused: u64,
}

impl Entra {
    /// A directory without tenants, whose tokens expire by `clock`.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            tokens: Tokens::default(),
            state: Mutex::default(),
        }
    }

    /// Registers an application with a secret, or gives it one more.
    pub fn register(&self, application: &Application, secret: &str) {
        self.lock()
            .secrets
            .entry(application.clone())
            .or_default()
            .insert(secret.to_owned());
    }

    /// Takes a secret away from an application. Its tokens stay valid.
    pub fn remove_secret(&self, application: &Application, secret: &str) {
        if let Some(secrets) = self.lock().secrets.get_mut(application) {
            secrets.remove(secret);
        }
    }

    /// Ends every token given out so far, before its time.
    pub fn revoke_tokens(&self) {
        self.tokens.revoke_all();
    }

    /// The tokens, for the services that they open.
    #[must_use]
    pub fn tokens(&self) -> Tokens {
        self.tokens.clone()
    }

    /// What has been asked for.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &State, request: &Request<Bytes>) -> Result<Value, Refusal> {
        let (tenant, version) = endpoint(request)?;
        let form = Form::of(request);
        let grant = form.required("grant_type")?;
        let client_id = form.required("client_id")?;
        if grant != "client_credentials" {
            let message = format!("The grant type {grant} is not supported.");
            return Err(Refusal::bad("unsupported_grant_type", 70003, message));
        }
        let application = Application::new(tenant, client_id);
        let secrets = state.secrets_of(&application)?;
        let Some(secret) = form.get("client_secret") else {
            let message = "The grant needs a client_secret or a client_assertion.";
            return Err(Refusal::unknown_client(7_000_216, message));
        };
        if !secrets.contains(secret) {
            let message = "The client secret is not one of the application's.";
            return Err(Refusal::unknown_client(7_000_215, message));
        }
        version.check_resource(&form)?;
        let now = self.clock.now();
        Ok(version.token(self.tokens.issue(&application, now), now))
    }
}

impl State {
    fn secrets_of(&self, application: &Application) -> Result<&BTreeSet<String>, Refusal> {
        if let Some(secrets) = self.secrets.get(application) {
            return Ok(secrets);
        }
        let tenant = application.tenant();
        if self.secrets.keys().any(|known| known.tenant() == tenant) {
            let message = format!("The application was not found in the directory {tenant}.");
            return Err(Refusal::bad("unauthorized_client", 700_016, message));
        }
        let message = format!("The tenant {tenant} was not found.");
        Err(Refusal::bad("invalid_request", 90002, message))
    }
}

impl Service for Entra {
    fn name(&self) -> &'static str {
        "azure_login"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        state.counts.requests += 1;
        let (status, body) = match self.answer(&state, request) {
            Ok(token) => {
                state.counts.issued += 1;
                (StatusCode::OK, token)
            }
            Err(refusal) => {
                state.counts.refused += 1;
                let body = refusal.body(state.counts.requests, self.clock.now());
                (refusal.status, body)
            }
        };
        let mut reply = Response::new(Bytes::from(body.to_string()));
        *reply.status_mut() = status;
        let headers = reply.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json; charset=utf-8"),
        );
        headers.insert(
            header::CACHE_CONTROL,
            HeaderValue::from_static("no-store, no-cache"),
        );
        Fate::Reply(reply)
    }
}

/// The two forms of the endpoint.
#[derive(Clone, Copy, Debug)]
enum Version {
    /// `/{tenant}/oauth2/token`: names a `resource`, and answers numbers as strings.
    V1,
    /// `/{tenant}/oauth2/v2.0/token`: names a `scope`.
    V2,
}

impl Version {
    fn check_resource(self, form: &Form) -> Result<(), Refusal> {
        let resource = match self {
            Self::V1 => form.required("resource")?,
            Self::V2 => {
                let scope = form.required("scope")?;
                scope.strip_suffix("/.default").ok_or_else(|| {
                    let message = format!("The scope {scope} is not a resource with /.default behind it.");
                    Refusal::bad("invalid_scope", 1_002_012, message)
                })?
            }
        };
        if resource == MARKETPLACE {
            return Ok(());
        }
        let message = format!("The resource principal {resource} was not found in the tenant.");
        Err(Refusal::bad("invalid_resource", 500_011, message))
    }

    fn token(self, access_token: String, now: DateTime<Utc>) -> Value {
        match self {
            Self::V1 => json!({
                "token_type": "Bearer", "expires_in": EXPIRES_IN.to_string(), "ext_expires_in": EXPIRES_IN.to_string(),
                "expires_on": (now.timestamp() + EXPIRES_IN).to_string(), "not_before": now.timestamp().to_string(),
                "resource": MARKETPLACE, "access_token": access_token,
            }),
            Self::V2 => json!({
                "token_type": "Bearer", "expires_in": EXPIRES_IN, "ext_expires_in": EXPIRES_IN,
                "access_token": access_token,
            }),
        }
    }
}

/// The tenant and the version that the request's path names.
fn endpoint(request: &Request<Bytes>) -> Result<(&str, Version), Refusal> {
    let segments: Vec<&str> = request.uri().path().split('/').collect();
    let endpoint = match segments[..] {
        ["", tenant, "oauth2", "token"] => (tenant, Version::V1),
        ["", tenant, "oauth2", "v2.0", "token"] => (tenant, Version::V2),
        _ => {
            return Err(Refusal {
                status: StatusCode::NOT_FOUND,
                error: "invalid_request",
                code: 90023,
                message: format!("There is no endpoint {}.", request.uri().path()),
            });
        }
    };
    if request.method() != Method::POST {
        let message = format!("The endpoint takes POST only, not {}.", request.method());
        return Err(Refusal::bad("invalid_request", 900_561, message));
    }
    Ok(endpoint)
}

/// The fields of a form. A body of another type has none.
struct Form(BTreeMap<String, String>);

impl Form {
    fn of(request: &Request<Bytes>) -> Self {
        let kind = request
            .headers()
            .get(header::CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok());
        if kind.is_none_or(|kind| !kind.starts_with("application/x-www-form-urlencoded")) {
            return Self(BTreeMap::new());
        }
        Self(
            form_urlencoded::parse(request.body())
                .into_owned()
                .filter(|(_, value)| !value.is_empty())
                .collect(),
        )
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn required(&self, name: &str) -> Result<&str, Refusal> {
        self.get(name).ok_or_else(|| {
            let message = format!("The request body must have the parameter {name}.");
            Refusal::bad("invalid_request", 900_144, message)
        })
    }
}

/// An error: OAuth's word for it, and the directory's own number.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    error: &'static str,
    code: u32,
    message: String,
}

impl Refusal {
    fn bad(error: &'static str, code: u32, message: String) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            error,
            code,
            message,
        }
    }

    fn unknown_client(code: u32, message: &str) -> Self {
        Self {
            status: StatusCode::UNAUTHORIZED,
            error: "invalid_client",
            code,
            message: message.to_owned(),
        }
    }

    /// The body of the error of the request number `serial`.
    fn body(&self, serial: u64, now: DateTime<Utc>) -> Value {
        let id = |what: &str| Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{what} {serial}").as_bytes());
        let (trace, correlation) = (id("trace"), id("correlation"));
        let timestamp = now.format("%Y-%m-%d %H:%M:%SZ").to_string();
        let (code, message) = (self.code, &self.message);
        json!({
            "error": self.error,
            "error_description": format!(
                "AADSTS{code}: {message} Trace ID: {trace} Correlation ID: {correlation} Timestamp: {timestamp}"
            ),
            "error_codes": [code], "timestamp": timestamp, "trace_id": trace, "correlation_id": correlation,
            "error_uri": format!("https://login.microsoftonline.com/error?code={code}"),
        })
    }
}
