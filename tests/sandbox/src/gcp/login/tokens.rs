//! The access tokens that are out: whose, what for, and until when.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, header};

use crate::gcp::Code;
use crate::gcp::refusal::Refusal;

/// What a token stands for.
#[derive(Clone, Debug)]
pub(super) struct Grant {
    /// A service account's e-mail, or the resource name of the provider that vouched for an identity from outside.
    pub principal: String,
    pub scopes: BTreeSet<String>,
    pub expires_at: DateTime<Utc>,
}

#[derive(Debug, Default)]
pub(super) struct Tokens {
    valid: BTreeMap<String, Grant>,
    issued: u64,
}

impl Tokens {
    /// A new token. They are `ya29.sandbox` and a number of nine digits, from 1.
    pub(super) fn issue(&mut self, grant: Grant) -> String {
        self.issued += 1;
        let token = format!("ya29.sandbox{:09}", self.issued);
        self.valid.insert(token.clone(), grant);
        token
    }

    /// Ends all that are out.
    pub(super) fn revoke(&mut self) {
        self.valid.clear();
    }

    /// What the request's bearer token grants at `now`, which must include one of `scopes`.
    pub(super) fn grant(
        &self,
        request: &Request<Bytes>,
        scopes: &[&str],
        now: DateTime<Utc>,
    ) -> Result<&Grant, Refusal> {
        let unauthenticated = |message| Refusal::new(Code::Unauthenticated, message);
        let authorization = request.headers().get(header::AUTHORIZATION);
        let token = authorization
            .and_then(|value| value.to_str().ok()?.strip_prefix("Bearer "))
            .ok_or_else(|| unauthenticated("the request has no OAuth 2 access token"))?;
        let grant = self
            .valid
            .get(token)
            .filter(|grant| now < grant.expires_at)
            .ok_or_else(|| unauthenticated("the access token is unknown, or has expired"))?;
        if !scopes.iter().any(|scope| grant.scopes.contains(*scope)) {
            let message = "the access token's scopes are insufficient";
            return Err(Refusal::new(Code::PermissionDenied, message));
        }
        Ok(grant)
    }
}

/// The scopes of a list with spaces between.
pub(super) fn scopes(list: &str) -> BTreeSet<String> {
    list.split(' ')
        .filter(|scope| !scope.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The end of what is granted at `now` for so many seconds.
pub(super) fn after(now: DateTime<Utc>, seconds: i64) -> DateTime<Utc> {
    now + TimeDelta::seconds(seconds)
}
