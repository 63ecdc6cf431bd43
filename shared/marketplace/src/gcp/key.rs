//! A service account's key: it signs an assertion, for which Google gives an access token (OAuth 2.0 for server to server
//! applications, <https://developers.google.com/identity/protocols/oauth2/service-account>; RFC 7523; read 2026-11-20).

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use jsonwebtoken::{Algorithm, EncodingKey, Header, encode};
use platform::Fault;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::credentials::address;
use super::misconfigured;
use super::token::{SCOPE, form};

/// The longest that Google lets an assertion be good for.
const LIFETIME: TimeDelta = TimeDelta::hours(1);

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What Google's key file holds, as far as it is used.
#[derive(Deserialize)]
pub(super) struct KeyFile {
    client_email: String,
    private_key: SecretString,
    private_key_id: String,
    token_uri: String,
}

/// A key that can sign.
pub(super) struct Key {
    email: String,
    id: String,
    private: EncodingKey,
    token_uri: String,
}

impl Key {
    /// # Errors
    /// [`platform::FaultKind::Misconfigured`] where the key is no RSA key in PEM, or the address may not receive tokens.
    pub(super) fn new(file: KeyFile) -> Result<Self, Fault> {
        address("token_uri", &file.token_uri)?;
        let private =
            EncodingKey::from_rsa_pem(file.private_key.expose_secret().as_bytes()).map_err(|_| unusable())?;
        Ok(Self {
            email: file.client_email,
            id: file.private_key_id,
            private,
            token_uri: file.token_uri,
        })
    }

    /// The request for an access token.
    ///
    /// # Errors
    /// [`platform::FaultKind::Misconfigured`] where the key cannot sign.
    pub(super) fn request(&self, now: DateTime<Utc>) -> Result<http::Request<Bytes>, Fault> {
        let header = Header {
            kid: Some(self.id.clone()),
            ..Header::new(Algorithm::RS256)
        };
        let claims = Claims {
            iss: &self.email,
            scope: SCOPE,
            aud: &self.token_uri,
            iat: now.timestamp(),
            exp: (now + LIFETIME).timestamp(),
        };
        let assertion = encode(&header, &claims, &self.private).map_err(|_| unusable())?;
        form(
            &self.token_uri,
            &[("grant_type", GRANT), ("assertion", &assertion)],
        )
    }
}

/// The parser's own message may quote what it read.
fn unusable() -> Fault {
    misconfigured("the secret's `gcp`: its private_key is not an RSA key in PEM")
}

#[derive(Serialize)]
struct Claims<'a> {
    iss: &'a str,
    scope: &'a str,
    aud: &'a str,
    iat: i64,
    exp: i64,
}
