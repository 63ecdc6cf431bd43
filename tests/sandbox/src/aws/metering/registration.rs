//! `ResolveCustomer`: who a buyer is that comes from the marketplace's page with a token.

use std::collections::BTreeMap;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;
use serde::{Deserialize, Serialize};

use crate::aws::{Refusal, json};

/// What a token stands for.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Registration {
    /// Empty for products of June 2026 and later.
    pub customer_identifier: String,
    /// The product.
    pub product_code: String,
    /// The buyer's account.
    #[serde(rename = "CustomerAWSAccountId")]
    pub customer_aws_account_id: String,
    /// The licence, of products that have them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub license_arn: Option<String>,
    /// The agreement, under `Metadata`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Metadata>,
}

/// The rest of what a token stands for.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "PascalCase")]
pub struct Metadata {
    /// The agreement that the buyer has accepted.
    pub agreement_id: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct ResolveCustomer {
    registration_token: Option<String>,
}

/// The tokens given out, each good until it expires, however often it is used.
#[derive(Debug, Default)]
pub(super) struct Registrations(BTreeMap<String, (Registration, DateTime<Utc>)>);

impl Registrations {
    pub(super) fn add(&mut self, token: &str, registration: Registration, expires_at: DateTime<Utc>) {
        self.0.insert(token.to_owned(), (registration, expires_at));
    }

    pub(super) fn resolve(&self, request: &Request<Bytes>, now: DateTime<Utc>) -> Result<Vec<u8>, Refusal> {
        let asked: ResolveCustomer = json::read(request)?;
        let token = asked.registration_token.filter(|token| !token.is_empty());
        let token = token.ok_or_else(|| Refusal::validation("registrationToken: must not be empty"))?;
        match self.0.get(&token) {
            None => Err(Refusal::client(
                "InvalidTokenException",
                "Registration token is invalid.",
            )),
            Some((_, expires_at)) if *expires_at <= now => Err(Refusal::client(
                "ExpiredTokenException",
                "The submitted registration token has expired.",
            )),
            Some((registration, _)) => json::write(registration),
        }
    }
}
