//! `generateAccessToken`: a federated identity gets a token of a service account.
//!
//! <https://cloud.google.com/iam/docs/reference/credentials/rest/v1/projects.serviceAccounts/generateAccessToken>
//! (2026-11-20)

use bytes::Bytes;
use chrono::{DateTime, SecondsFormat, Utc};
use http::Request;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::tokens::{self, Grant};
use crate::gcp::Code;
use crate::gcp::refusal::{Refusal, is_of_type};

/// The scopes that let a caller use the method, either of them.
const IAM_SCOPES: [&str; 2] = [
    "https://www.googleapis.com/auth/iam",
    "https://www.googleapis.com/auth/cloud-platform",
];

/// How long a token holds when the caller does not say, and the most that it may say, in seconds.
const LONGEST: i64 = 3600;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct GenerateAccessToken {
    scope: Option<Vec<String>>,
    lifetime: Option<String>,
    delegates: Option<Vec<String>>,
}

impl State {
    pub(super) fn impersonate(
        &mut self,
        request: &Request<Bytes>,
        email: &str,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        let caller = self.tokens.grant(request, &IAM_SCOPES, now)?;
        let account = self
            .accounts
            .get(email)
            .ok_or_else(|| Refusal::new(Code::NotFound, format!("there is no service account {email}")))?;
        let trusted = self.providers.get(&caller.principal);
        if account.disabled || trusted.is_none_or(|accounts| !accounts.contains(email)) {
            let message = format!("Permission 'iam.serviceAccounts.getAccessToken' denied on {email}");
            return Err(Refusal::new(Code::PermissionDenied, message));
        }
        if !is_of_type(request, "application/json") {
            return Err(Refusal::invalid("the body must be application/json"));
        }
        let asked: GenerateAccessToken =
            serde_json::from_slice(request.body()).map_err(|error| Refusal::invalid(error.to_string()))?;
        if asked.delegates.is_some_and(|delegates| !delegates.is_empty()) {
            return Err(Refusal::invalid("no delegate is trusted in this project"));
        }
        let scopes = asked.scope.unwrap_or_default();
        if scopes.is_empty() {
            return Err(Refusal::invalid("scope: at least one is required"));
        }
        let lifetime = match asked.lifetime.as_deref() {
            None => LONGEST,
            Some(text) => seconds(text)
                .filter(|seconds| (1..=LONGEST).contains(seconds))
                .ok_or_else(|| Refusal::invalid("lifetime: must be from 1s to 3600s"))?,
        };
        let expires_at = tokens::after(now, lifetime);
        let token = self.tokens.issue(Grant {
            principal: email.to_owned(),
            scopes: scopes.into_iter().collect(),
            expires_at,
        });
        self.counts.impersonations += 1;
        let expire_time = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        Ok(json!({"accessToken": token, "expireTime": expire_time}))
    }
}

/// Reads a duration in whole seconds, such as `300s`.
fn seconds(text: &str) -> Option<i64> {
    let digits = text.strip_suffix('s')?;
    digits
        .bytes()
        .all(|byte| byte.is_ascii_digit())
        .then(|| digits.parse().ok())
        .flatten()
}
