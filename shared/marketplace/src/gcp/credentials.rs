//! As whom usage is reported: what the connection's secret holds under `gcp`.

use aws_config::SdkConfig;
use platform::{Fault, endpoint};
use secrecy::{ExposeSecret as _, SecretString};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::key::Key;
use super::misconfigured;
use super::workload::{Configuration, Workload};
use crate::words::words;

/// Either form in which Google hands out credentials for machines outside of it.
pub(super) enum Credentials {
    /// A service account's own key.
    Key(Key),
    /// An AWS identity that Google trusts: nothing secret is stored.
    Workload(Workload),
}

impl Credentials {
    /// Reads the JSON object that Google gives.
    ///
    /// # Errors
    /// [`platform::FaultKind::Misconfigured`] says what is missing, and quotes nothing.
    pub(super) fn read(secret: &SecretString, sdk_config: &SdkConfig) -> Result<Self, Fault> {
        let object: Map<String, Value> = serde_json::from_str(secret.expose_secret())
            .map_err(|_| misconfigured("the secret's `gcp` is not a JSON object"))?;
        match object.get("type").and_then(Value::as_str) {
            Some("service_account") => Key::new(fields(
                object,
                "client_email, private_key, private_key_id and token_uri",
            )?)
            .map(Self::Key),
            Some("external_account") => {
                let names = "audience, subject_token_type, token_url, and credential_source with environment_id and \
                             regional_cred_verification_url";
                let configuration: Configuration = fields(object, names)?;
                Workload::new(configuration, sdk_config).map(Self::Workload)
            }
            _ => Err(misconfigured(
                "the secret's `gcp` has neither the type service_account nor external_account",
            )),
        }
    }
}

/// The parser's own message may quote what it read, so only the names are told.
fn fields<T: DeserializeOwned>(object: Map<String, Value>, names: &str) -> Result<T, Fault> {
    serde_json::from_value(object.into()).map_err(|_| {
        misconfigured(&format!(
            "the secret's `gcp` wants {names}, as Google's file has them"
        ))
    })
}

/// Checks an address that will receive what proves who we are.
pub(super) fn address(field: &str, address: &str) -> Result<(), Fault> {
    endpoint::check(address)
        .map_err(|reason| misconfigured(&words(&format!("the secret's `gcp`, {field}: {reason}"))))
}
