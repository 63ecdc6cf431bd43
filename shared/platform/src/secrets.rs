//! A connection's secret: one JSON object in AWS Secrets Manager.

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::error::{ProvideErrorMetadata as _, SdkError};
use secrecy::SecretString;
use serde::{Deserialize, Deserializer};

use crate::text::printable;
use crate::{Fault, FaultKind, aws};

/// Names begin with this, so that the functions' roles can be narrow.
pub const PREFIX: &str = "meterbridge/";

/// What a connection's secret holds. Only what the connection uses has to be there.
#[derive(Clone, Deserialize)]
pub struct ConnectionSecret {
    /// Bearer token of the Metronome API.
    pub metronome_token: Option<SecretString>,
    /// The application that may meter on Microsoft's marketplace.
    pub azure: Option<AzureSecret>,
    /// Google's service-account key or workload-identity configuration: the JSON object as Google gives it.
    #[serde(default, deserialize_with = "object")]
    pub gcp: Option<SecretString>,
    /// Suger's API key.
    pub suger_api_key: Option<SecretString>,
}

/// An application registered with Microsoft Entra, as the offer's technical configuration names it.
#[derive(Clone, Deserialize)]
pub struct AzureSecret {
    /// The publisher's tenant.
    pub tenant_id: String,
    /// The application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: SecretString,
}

/// An object within the secret, kept as its own text.
fn object<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SecretString>, D::Error> {
    let object = Option::<serde_json::Map<String, serde_json::Value>>::deserialize(deserializer)?;
    Ok(object.map(|object| serde_json::Value::Object(object).to_string().into()))
}

/// Whether a secret's name, or the name in its ARN, begins with [`PREFIX`].
#[must_use]
pub fn allowed(name: &str) -> bool {
    let name = match name.strip_prefix("arn:") {
        // arn:aws:secretsmanager:<region>:<account>:secret:<name>-<six characters>
        Some(arn) => arn.split(':').nth(5).unwrap_or_default(),
        None => name,
    };
    name.starts_with(PREFIX) && name.len() > PREFIX.len()
}

/// Reads a connection's secret.
///
/// # Errors
/// [`FaultKind::Misconfigured`] where the name is not allowed, nothing is stored under it, or what is stored is no such JSON
/// object; [`FaultKind::Unauthorized`] where the role may not read it. The error never shows what is stored.
pub async fn read(client: &Client, name: &str) -> Result<ConnectionSecret, Fault> {
    if !allowed(name) {
        return Err(misconfigured(format!(
            "the secret's name `{name}` does not begin with `{PREFIX}`"
        )));
    }
    let answer = client.get_secret_value().secret_id(name).send().await.map_err(|error| {
        let reason = printable(error.code().unwrap_or("no answer"));
        match reason.as_str() {
            "ResourceNotFoundException" | "InvalidRequestException" => misconfigured(format!(
                "the secret `{name}` is not in Secrets Manager ({reason}): create it, or mend `secret` in the connection file"
            )),
            "AccessDeniedException" | "UnrecognizedClientException" | "ExpiredTokenException" => Fault::new(
                FaultKind::Unauthorized,
                format!("the secret `{name}` may not be read with these AWS credentials ({reason})"),
            ),
            _ => Fault::new(
                FaultKind::StoreUnavailable,
                format!("the secret `{name}` could not be read: {}", unanswered(&error, &reason)),
            ),
        }
    })?;
    let text = answer.secret_string().ok_or_else(|| {
        misconfigured(format!(
            "the secret `{name}` is binary: store one JSON object as its string"
        ))
    })?;
    parse(text).map_err(|place| {
        misconfigured(format!(
            "the secret `{name}` is not a JSON object of the expected keys ({place}): store {{\"metronome_token\": \"…\"}}"
        ))
    })
}

/// The transport's own word, else the error's code: never the answer, which may hold the secret.
fn unanswered<E, R>(error: &SdkError<E, R>, code: &str) -> String
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    aws::transport_error(error).map_or_else(|| code.to_owned(), |own| own.to_string())
}

/// The parser's own message may quote what it read, so only the place is told.
fn parse(text: &str) -> Result<ConnectionSecret, String> {
    // Through a map first: serde would take a list for a struct.
    serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(text)
        .and_then(|object| serde_json::from_value(object.into()))
        .map_err(|error| format!("line {}, column {}", error.line(), error.column()))
}

fn misconfigured(message: String) -> Fault {
    Fault::new(FaultKind::Misconfigured, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_our_own_secrets_are_read() {
        assert!(allowed("meterbridge/acme"));
        assert!(allowed(
            "arn:aws:secretsmanager:us-east-1:123456789012:secret:meterbridge/acme-AbCdEf"
        ));
        for name in [
            "prod/db",
            "meterbridge/",
            "xmeterbridge/acme",
            "arn:aws:secretsmanager:us-east-1:1:secret:prod/db",
        ] {
            assert!(!allowed(name), "{name}");
        }
    }

    #[test]
    fn a_secret_that_does_not_parse_is_not_quoted() {
        for text in [
            "tok_live_1",
            "{\"metronome_token\": 42}",
            "{\"gcp\": \"tok_live_1\"}",
            "{\"azure\": {\"client_secret\": \"tok_live_1\"}}",
            "\"tok_live_1\"",
            "[\"tok_live_1\"]",
        ] {
            let Err(place) = parse(text) else {
                panic!("{text} parsed")
            };
            assert!(
                !place.contains("tok_live") && place.starts_with("line "),
                "{place}"
            );
        }
    }
}
