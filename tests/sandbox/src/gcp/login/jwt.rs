//! The signed assertion that a service account logs in with (RFC 7515, RFC 7523).

use aws_lc_rs::signature::{ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::gcp::base64;

/// A public key that assertions are checked with.
#[derive(Debug)]
pub(super) struct PublicKey(ParsedPublicKey);

impl PublicKey {
    /// Reads a PEM block `PUBLIC KEY` with an RSA key of 2048 to 8192 bits.
    pub(super) fn from_pem(pem: &str) -> Result<Self, String> {
        let der = base64::pem(pem, "PUBLIC KEY").ok_or("no PEM block of a PUBLIC KEY")?;
        ParsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, der)
            .map(Self)
            .map_err(|error| format!("not an RSA public key: {error}"))
    }
}

/// A token's header. Parameters that are not named here are let be, as the standard has it.
#[derive(Debug, Deserialize)]
pub(super) struct Header {
    pub alg: String,
    pub typ: Option<String>,
    pub kid: Option<String>,
}

/// What a token claims. Times are whole seconds since 1970.
#[derive(Debug, Deserialize)]
pub(super) struct Claims {
    pub iss: String,
    pub scope: Option<String>,
    pub aud: String,
    pub iat: i64,
    pub exp: i64,
    pub sub: Option<String>,
}

/// A token that has been taken apart, and not been trusted yet.
#[derive(Debug)]
pub(super) struct Assertion<'a> {
    pub header: Header,
    pub claims: Claims,
    signed: &'a str,
    signature: Vec<u8>,
}

impl<'a> Assertion<'a> {
    /// Reads the compact form: three parts with dots between.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (signed, signature) = text.rsplit_once('.')?;
        let (header, claims) = signed.split_once('.')?;
        Some(Self {
            header: part(header)?,
            claims: part(claims)?,
            signed,
            signature: base64::url_safe(signature)?,
        })
    }

    /// Whether the holder of the key's private half has signed this very text.
    pub(super) fn is_signed_by(&self, key: &PublicKey) -> bool {
        key.0.verify_sig(self.signed.as_bytes(), &self.signature).is_ok()
    }
}

fn part<T: DeserializeOwned>(text: &str) -> Option<T> {
    serde_json::from_slice(&base64::url_safe(text)?).ok()
}
