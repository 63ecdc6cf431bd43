//! `POST /v1/token`: an AWS role's signed request is exchanged for a federated token.
//!
//! <https://cloud.google.com/iam/docs/reference/sts/rest/v1/TopLevel/token> (2026-11-20). The method is described with a
//! JSON body, and Google's own libraries send a form with the same names in snake case: both are taken.

mod aws_request;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, header};
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::oauth::{self, Refused};
use super::tokens::{self, Grant};
use crate::gcp::refusal::is_of_type;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:token-exchange";
const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const AWS_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// How long a federated token holds, in seconds.
const TOKEN_LIFETIME: i64 = 3600;

/// The longest `options`, in characters.
const LONGEST_OPTIONS: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Exchange {
    #[serde(alias = "grant_type")]
    grant_type: Option<String>,
    audience: Option<String>,
    scope: Option<String>,
    #[serde(alias = "requested_token_type")]
    requested_token_type: Option<String>,
    #[serde(alias = "subject_token")]
    subject_token: Option<String>,
    #[serde(alias = "subject_token_type")]
    subject_token_type: Option<String>,
    options: Option<String>,
}

impl State {
    pub(super) fn exchange(
        &mut self,
        request: &Request<Bytes>,
        now: DateTime<Utc>,
    ) -> Result<Value, Refused> {
        let asked = read(request)?;
        if asked.grant_type.as_deref() != Some(GRANT_TYPE) {
            let message = format!("grant_type must be {GRANT_TYPE}");
            return Err(Refused::bad("unsupported_grant_type", message));
        }
        one_value(
            "requested_token_type",
            asked.requested_token_type.as_deref(),
            ACCESS_TOKEN,
        )?;
        one_value(
            "subject_token_type",
            asked.subject_token_type.as_deref(),
            AWS_REQUEST,
        )?;
        if asked
            .options
            .is_some_and(|options| options.chars().count() > LONGEST_OPTIONS)
        {
            return Err(Refused::bad("invalid_request", "options are too long"));
        }
        let scopes = tokens::scopes(&asked.scope.unwrap_or_default());
        if scopes.is_empty() {
            return Err(Refused::bad("invalid_scope", "no scope is asked for"));
        }
        let audience = asked.audience.unwrap_or_default();
        if !self.providers.contains_key(&audience) {
            let message = format!("no provider of workload identities is named '{audience}'");
            return Err(Refused::bad("invalid_target", message));
        }
        let subject = asked.subject_token.unwrap_or_default();
        aws_request::verify(&subject, &audience).map_err(|wrong| {
            let message = format!("AWS request has invalid format: {wrong}");
            Refused::bad("invalid_grant", message)
        })?;
        let token = self.tokens.issue(Grant {
            principal: audience,
            scopes,
            expires_at: tokens::after(now, TOKEN_LIFETIME),
        });
        self.counts.exchanges += 1;
        Ok(json!({
            "access_token": token, "issued_token_type": ACCESS_TOKEN, "token_type": "Bearer",
            "expires_in": TOKEN_LIFETIME,
        }))
    }
}

fn read(request: &Request<Bytes>) -> Result<Exchange, Refused> {
    if request.headers().contains_key(header::AUTHORIZATION) {
        let message = "this method is called without an Authorization header";
        return Err(Refused::bad("invalid_request", message));
    }
    let read = if is_of_type(request, "application/x-www-form-urlencoded") {
        let fields = oauth::form(request)?;
        serde_json::from_value(json!(fields))
    } else if is_of_type(request, "application/json") {
        serde_json::from_slice(request.body())
    } else {
        let message = "the body must be a form or JSON";
        return Err(Refused::bad("invalid_request", message));
    };
    read.map_err(|error| Refused::bad("invalid_request", error.to_string()))
}

fn one_value(field: &str, value: Option<&str>, only: &str) -> Result<(), Refused> {
    if value == Some(only) {
        return Ok(());
    }
    Err(Refused::bad("invalid_request", format!("{field} must be {only}")))
}
