//! `POST /token`: a service account logs in with an assertion that it has signed.
//!
//! <https://developers.google.com/identity/protocols/oauth2/service-account#httprest> (2026-11-20)

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Request;
use serde_json::{Value, json};

use super::State;
use super::jwt::{Assertion, Claims};
use super::oauth::{self, Refused};
use super::tokens::{self, Grant};
use crate::gcp::REPORTING_SCOPES;
use crate::gcp::refusal::is_of_type;

const GRANT_TYPE: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// How long an assertion may claim to hold, and a token does, in seconds.
const LONGEST_ASSERTION: i64 = 3600;
const TOKEN_LIFETIME: i64 = 3599;

/// How far the caller's clock may be from Google's.
const SKEW: TimeDelta = TimeDelta::minutes(5);

impl State {
    pub(super) fn log_in(&mut self, request: &Request<Bytes>, now: DateTime<Utc>) -> Result<Value, Refused> {
        if !is_of_type(request, "application/x-www-form-urlencoded") {
            let message = "the body must be application/x-www-form-urlencoded";
            return Err(Refused::bad("invalid_request", message));
        }
        let form = oauth::form(request)?;
        match form.get("grant_type").map(String::as_str) {
            None => return Err(missing("grant_type")),
            Some(GRANT_TYPE) => {}
            Some(other) => {
                let message = format!("Invalid grant_type: {other}");
                return Err(Refused::bad("unsupported_grant_type", message));
            }
        }
        let text = form.get("assertion").ok_or_else(|| missing("assertion"))?;
        let assertion = Assertion::parse(text)
            .ok_or_else(|| Refused::client("invalid_client", "the assertion is not a JSON Web Token"))?;
        self.verify(&assertion)?;
        let scopes = self.permit(&assertion.claims, now)?;
        let token = self.tokens.issue(Grant {
            principal: assertion.claims.iss,
            scopes: tokens::scopes(&scopes),
            expires_at: tokens::after(now, TOKEN_LIFETIME),
        });
        self.counts.assertions += 1;
        Ok(json!({"access_token": token, "expires_in": TOKEN_LIFETIME, "token_type": "Bearer"}))
    }

    /// That an account of ours has made the assertion.
    fn verify(&self, assertion: &Assertion<'_>) -> Result<(), Refused> {
        let header = &assertion.header;
        if header.alg != "RS256" || header.typ.as_deref().is_some_and(|typ| typ != "JWT") {
            let message = "the assertion's header must say RS256, and JWT if it has a type";
            return Err(Refused::client("invalid_client", message));
        }
        let account = self
            .accounts
            .get(&assertion.claims.iss)
            .ok_or_else(|| Refused::bad("invalid_grant", "Invalid grant: account not found"))?;
        if account.disabled {
            return Err(Refused::client(
                "disabled_client",
                "The OAuth client was disabled.",
            ));
        }
        let kid = header.kid.as_deref();
        let named = |id: &str| kid.is_none_or(|kid| kid == id);
        let signed = account
            .keys
            .iter()
            .any(|(id, key)| named(id) && assertion.is_signed_by(key));
        if !signed {
            return Err(Refused::bad("invalid_grant", "Invalid JWT Signature."));
        }
        Ok(())
    }

    /// The scopes that the claims ask for, when they ask in time, here, and for the account itself.
    fn permit(&self, claims: &Claims, now: DateTime<Utc>) -> Result<String, Refused> {
        if claims.aud != self.token_uri {
            let message = "the assertion's audience is not this token endpoint";
            return Err(Refused::bad("invalid_grant", message));
        }
        if !is_timely(claims, now) {
            let message =
                "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
            return Err(Refused::bad("invalid_grant", message));
        }
        if claims.sub.as_deref().is_some_and(|sub| sub != claims.iss) {
            let message = "the account may not act for another";
            return Err(Refused::client("unauthorized_client", message));
        }
        let scopes = claims.scope.clone().unwrap_or_default();
        let reports = tokens::scopes(&scopes)
            .iter()
            .any(|scope| REPORTING_SCOPES.contains(&scope.as_str()));
        if !reports {
            let message = "the assertion asks for no scope that this project knows";
            return Err(Refused::bad("invalid_scope", message));
        }
        Ok(scopes)
    }
}

fn is_timely(claims: &Claims, now: DateTime<Utc>) -> bool {
    let time = |seconds: i64| DateTime::from_timestamp(seconds, 0);
    let (Some(issued), Some(expires)) = (time(claims.iat), time(claims.exp)) else {
        return false;
    };
    let short = issued < expires && expires - issued <= TimeDelta::seconds(LONGEST_ASSERTION);
    short && issued <= now + SKEW && now - SKEW < expires
}

fn missing(parameter: &str) -> Refused {
    let message = format!("Required parameter is missing: {parameter}");
    Refused::bad("invalid_request", message)
}
