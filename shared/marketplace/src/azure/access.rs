//! As whom events are sent: an application of the publisher's, by the client credentials grant of Microsoft Entra
//! (<https://learn.microsoft.com/entra/identity-platform/v2-oauth2-client-creds-grant-flow>, read 2026-11-20).
//!
//! Not by `azure_identity`: it brings its own HTTP stack, which would pass by the one transport.

use std::time::Duration;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Request, Uri};
use platform::secrets::AzureSecret;
use platform::{Deadline, Fault, FaultKind, Transport, retry};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::failed::Failed;
use super::{SERVICE, named};
use crate::rest;
use crate::words::words;

/// What a token is for: Microsoft's marketplace ("Register a SaaS application", read 2026-11-20).
const SCOPE: &str = "20e940b3-4c77-4b0b-9a53-9e16a1b010a7/.default";

/// A token that takes longer than this, all tries together, is not to be had: Entra answers within a second or two.
const ISSUE_TIMEOUT: Duration = Duration::from_secs(30);

/// A token is not used this close to its end: a call may take a third of it.
const MARGIN: Duration = Duration::from_secs(60);

/// Entra's tokens live an hour or so; no invocation outlives a day.
const LIFE_MAX: Duration = Duration::from_secs(24 * 3600);

/// A token, as requests carry it.
#[derive(Clone)]
pub(super) struct Token {
    authorization: HeaderValue,
    until: Instant,
    /// How many were asked for before it.
    number: u32,
}

impl Token {
    /// The header, marked as sensitive.
    pub(super) fn authorization(&self) -> HeaderValue {
        self.authorization.clone()
    }
}

/// Gets the invocation's token: asked for when it is wanted, by one task at a time, and kept until shortly before its end.
pub(super) struct Access {
    transport: Transport,
    uri: Uri,
    application: String,
    /// The grant, secret and all.
    form: SecretString,
    deadline: Deadline,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// The token, or why there is none: what has failed, all tries of it, is not asked for again in this invocation.
    token: Option<Result<Token, Fault>>,
    asked: u32,
    renewed: bool,
}

impl Access {
    /// Access through the token endpoint at `login`. Nothing is sent yet.
    pub(super) fn new(
        transport: &Transport,
        login: &str,
        secret: &AzureSecret,
        deadline: Deadline,
    ) -> Result<Self, Fault> {
        let tenant = &secret.tenant_id;
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'.';
        if tenant.is_empty() || !tenant.bytes().all(plain) || tenant.starts_with('.') {
            return Err(misconfigured(
                "the secret's `azure.tenant_id` is neither a tenant's id nor its domain",
            ));
        }
        let uri = format!("{login}/{tenant}/oauth2/v2.0/token")
            .parse()
            .map_err(|_| misconfigured("`azure_login` is not a URL"))?;
        let form = form_urlencoded::Serializer::new(String::new())
            .append_pair("grant_type", "client_credentials")
            .append_pair("client_id", &secret.client_id)
            .append_pair("client_secret", secret.client_secret.expose_secret())
            .append_pair("scope", SCOPE)
            .finish();
        Ok(Self {
            transport: transport.clone(),
            uri,
            application: words(&secret.client_id),
            form: form.into(),
            deadline,
            kept: Mutex::default(),
        })
    }

    /// A token, while a call may still begin; or why there is none, which quotes no secret.
    pub(super) async fn token(&self) -> Result<Token, Fault> {
        let mut kept = self.kept.lock().await;
        let token = match kept.token.take() {
            Some(Ok(token)) if Instant::now() < token.until => Ok(token),
            Some(Err(fault)) => Err(fault),
            _ => {
                kept.asked = kept.asked.saturating_add(1);
                self.issue(kept.asked).await
            }
        };
        kept.token = Some(token.clone());
        token.and_then(|token| {
            let late = || Fault::new(FaultKind::Incomplete, named("the invocation is about to end"));
            self.deadline.open().then_some(token).ok_or_else(late)
        })
    }

    /// A token was refused: whether the same call may be made again with another. A token is renewed so once an invocation.
    pub(super) async fn renews(&self, token: &Token) -> bool {
        let mut kept = self.kept.lock().await;
        let current = kept.token.as_ref().and_then(|kept| kept.as_ref().ok());
        if current.is_some_and(|current| current.number == token.number) {
            if kept.renewed {
                return false;
            }
            kept.renewed = true;
            kept.token = None;
        }
        true
    }

    async fn issue(&self, number: u32) -> Result<Token, Fault> {
        let tries = retry::persist(self.deadline, || self.ask(number));
        match tokio::time::timeout(ISSUE_TIMEOUT.min(self.deadline.left()), tries).await {
            Ok(issued) => issued.map_err(|failed| failed.fault),
            Err(_) => Err(Failed::for_now("Microsoft Entra issued no token in time").fault),
        }
    }

    async fn ask(&self, number: u32) -> Result<Token, Failed> {
        let request = Request::post(&self.uri)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Bytes::from(self.form.expose_secret().to_owned()))
            .map_err(|_| Failed::for_good(FaultKind::Misconfigured, "`azure_login` is not a URL"))?;
        let asked = Instant::now();
        let response = rest::ask(&self.transport, SERVICE, request)
            .await
            .map_err(|error| Failed::unanswered("no token from Microsoft Entra", &error))?;
        match response.status().as_u16() {
            200 => issued(response.body(), asked, number).ok_or_else(|| {
                Failed::for_now("Microsoft Entra answered, but with no token that can be used")
            }),
            status @ (408 | 429 | 500..) => {
                let said = format!("no token from Microsoft Entra: HTTP {status}");
                Err(Failed::after(&response, &said))
            }
            status => Err(self.refused(status, response.body())),
        }
    }

    fn refused(&self, status: u16, body: &[u8]) -> Failed {
        let why = error(body).unwrap_or_else(|| format!("HTTP {status}"));
        Failed::for_good(
            FaultKind::Unauthorized,
            &format!(
                "Microsoft Entra gives the application {} no token ({why}): check `azure` in the secret",
                self.application
            ),
        )
    }
}

/// A token that can stand in a header, asked for at `asked`. One that does not say how long it lives is used at once only.
fn issued(body: &[u8], asked: Instant, number: u32) -> Option<Token> {
    #[derive(Deserialize)]
    struct Issued {
        access_token: SecretString,
        /// Seconds: a number, from the older endpoint a string.
        #[serde(default)]
        expires_in: Value,
    }
    let issued: Issued = serde_json::from_slice(body).ok()?;
    let text = issued.access_token.expose_secret();
    if text.is_empty() {
        return None;
    }
    let mut authorization = HeaderValue::try_from(format!("Bearer {text}")).ok()?;
    authorization.set_sensitive(true);
    let seconds = issued
        .expires_in
        .as_u64()
        .or_else(|| issued.expires_in.as_str()?.parse().ok());
    let life = Duration::from_secs(seconds.unwrap_or_default()).min(LIFE_MAX);
    Some(Token {
        authorization,
        until: asked + life.saturating_sub(MARGIN),
        number,
    })
}

/// OAuth's word for an error, and Entra's number of it. What else Entra says may quote what it was asked.
fn error(body: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Refused {
        error: String,
        #[serde(default)]
        error_codes: Vec<u64>,
    }
    let refused: Refused = serde_json::from_slice(body).ok()?;
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
    let word = Some(refused.error).filter(|word| word.len() <= 64 && word.bytes().all(plain))?;
    let number = refused.error_codes.first();
    Some(number.map_or_else(|| word.clone(), |number| format!("{word}, AADSTS{number}")))
}

fn misconfigured(said: &str) -> Fault {
    Fault::new(FaultKind::Misconfigured, named(said))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn life(expires_in: &str) -> Option<Duration> {
        let body = format!("{{\"access_token\": \"t\"{expires_in}}}");
        let asked = Instant::now();
        issued(body.as_bytes(), asked, 1).map(|token| token.until - asked)
    }

    #[test]
    fn a_token_is_kept_until_a_minute_before_its_end() {
        let cases = [
            (", \"expires_in\": 3599", 3539),
            (", \"expires_in\": \"3599\"", 3539),
            (", \"expires_in\": 59", 0),
            (", \"expires_in\": 18446744073709551615", 86_340),
            (", \"expires_in\": \"soon\"", 0),
            (", \"expires_in\": -1", 0),
            ("", 0),
        ];
        for (expires_in, seconds) in cases {
            assert_eq!(
                life(expires_in),
                Some(Duration::from_secs(seconds)),
                "{expires_in}"
            );
        }
    }

    #[test]
    fn what_cannot_stand_in_a_header_is_no_token() {
        for body in [
            "",
            "{}",
            "{\"access_token\": \"\"}",
            "{\"access_token\": \"a\\nb\"}",
            "<html>",
        ] {
            assert!(issued(body.as_bytes(), Instant::now(), 1).is_none(), "{body}");
        }
    }

    #[test]
    fn an_error_is_told_by_its_word_and_number_alone() {
        let body = br#"{"error": "invalid_client", "error_description": "AADSTS7000215: s3cret", "error_codes": [7000215]}"#;
        assert_eq!(error(body).as_deref(), Some("invalid_client, AADSTS7000215"));
        assert_eq!(error(br#"{"error": "s3cret is wrong"}"#), None);
        assert_eq!(error(b"<html>"), None);
    }
}
