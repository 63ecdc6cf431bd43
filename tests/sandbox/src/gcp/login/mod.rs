//! Where a machine gets its access tokens: for a service account's signed assertion, for an AWS role's signed request
//! (workload identity federation), and for a service account that a federated identity may act as.
//!
//! The three endpoints of `oauth2.googleapis.com`, `sts.googleapis.com` and `iamcredentials.googleapis.com` are one
//! service here: their paths differ.

mod assertion;
mod exchange;
mod impersonation;
mod jwt;
mod oauth;
pub mod test_account;
#[cfg(test)]
mod tests;
mod tokens;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Method, Request};

use super::refusal::{self, Refusal};
use super::{Code, REPORTING_SCOPES};
use crate::{Clock, Fate, Service};
use jwt::PublicKey;
use tokens::Tokens;

/// Where Google's own token endpoint is.
pub const TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

/// What has been asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Tokens given out for an assertion.
    pub assertions: u64,
    /// Federated tokens given out.
    pub exchanges: u64,
    /// Tokens given out to a federated identity for a service account.
    pub impersonations: u64,
    /// Requests of any kind that were refused.
    pub refused: u64,
}

/// The service.
#[derive(Debug)]
pub struct GoogleTokens {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    token_uri: String,
    accounts: BTreeMap<String, Account>,
    /// The providers of workload identities, each with the accounts that its identities may act as.
    providers: BTreeMap<String, BTreeSet<String>>,
    tokens: Tokens,
    counts: Counts,
}

#[derive(Debug, Default)]
struct Account {
    keys: BTreeMap<String, PublicKey>,
    disabled: bool,
}

impl GoogleTokens {
    /// A project without accounts, its token endpoint at [`TOKEN_URI`].
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        let state = State {
            token_uri: TOKEN_URI.to_owned(),
            accounts: BTreeMap::new(),
            providers: BTreeMap::new(),
            tokens: Tokens::default(),
            counts: Counts::default(),
        };
        Self {
            clock,
            state: Mutex::new(state),
        }
    }

    /// Moves the token endpoint: assertions must be addressed to exactly `token_uri` from now on.
    pub fn serve_at(&self, token_uri: &str) {
        token_uri.clone_into(&mut self.lock().token_uri);
    }

    /// Adds a service account by its e-mail, or a key to one that is there.
    ///
    /// # Errors
    /// In words, when `public_key` is not the PEM of an RSA public key of at least 2048 bits.
    pub fn register_service_account(
        &self,
        email: &str,
        key_id: &str,
        public_key: &str,
    ) -> Result<(), String> {
        let key = PublicKey::from_pem(public_key)?;
        let mut state = self.lock();
        let account = state.accounts.entry(email.to_owned()).or_default();
        account.keys.insert(key_id.to_owned(), key);
        Ok(())
    }

    /// Takes an account's right to log in, until it is given back. Its tokens that are out stay good.
    pub fn disable(&self, email: &str, disabled: bool) {
        if let Some(account) = self.lock().accounts.get_mut(email) {
            account.disabled = disabled;
        }
    }

    /// Adds a provider of workload identities for AWS, by its full resource name
    /// (`//iam.googleapis.com/projects/…/providers/…`), whose identities may act as the service account `email`.
    pub fn trust(&self, provider: &str, email: &str) {
        let mut state = self.lock();
        state.accounts.entry(email.to_owned()).or_default();
        let accounts = state.providers.entry(provider.to_owned()).or_default();
        accounts.insert(email.to_owned());
    }

    /// Ends every token that is out, before its time: calls with it are refused as unauthenticated.
    pub fn revoke_tokens(&self) {
        self.lock().tokens.revoke();
    }

    /// What has been asked.
    pub fn counts(&self) -> Counts {
        self.lock().counts
    }

    /// Who calls an API for reporting usage with this request.
    pub(super) fn caller(&self, request: &Request<Bytes>) -> Result<String, Refusal> {
        let state = self.lock();
        let grant = state.tokens.grant(request, &REPORTING_SCOPES, self.clock.now())?;
        Ok(grant.principal.clone())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Service for GoogleTokens {
    fn name(&self) -> &'static str {
        "gcp_login"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        let reply = state.route(request, self.clock.now());
        if !reply.status().is_success() {
            state.counts.refused += 1;
        }
        Fate::Reply(reply)
    }
}

impl State {
    fn route(&mut self, request: &Request<Bytes>, now: DateTime<Utc>) -> http::Response<Bytes> {
        let path = request.uri().path();
        let email = path
            .strip_prefix("/v1/projects/-/serviceAccounts/")
            .and_then(|rest| rest.strip_suffix(":generateAccessToken"));
        match (request.method(), path, email) {
            (&Method::POST, "/token", _) => oauth::reply(self.log_in(request, now)),
            (&Method::POST, "/v1/token", _) => oauth::reply(self.exchange(request, now)),
            (&Method::POST, _, Some(email)) => {
                let email = email.replace("%40", "@");
                refusal::reply(self.impersonate(request, &email, now))
            }
            (method, path, _) => {
                let message = format!("{method} {path} is no method of this API");
                refusal::reply::<()>(Err(Refusal::new(Code::NotFound, message)))
            }
        }
    }
}
