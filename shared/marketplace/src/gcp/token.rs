//! The access token: one for the invocation, which it outlives (an hour), and a second where that one is refused.
//!
//! Not by Google's own crate (google-cloud-auth): it brings an HTTP stack of its own, which would pass by the one transport.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use platform::retry::{Again, Retryable, persist, retry_after};
use platform::{Clock, Deadline, Fault, FaultKind, Transport};
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;

use super::answer::google_error;
use super::credentials::Credentials;
use super::{SERVICE, misconfigured, named};
use crate::rest;
use crate::words::words;

/// What the token is for, and no more (OAuth 2.0 scopes for Google APIs, read 2026-11-20).
pub(super) const SCOPE: &str = "https://www.googleapis.com/auth/servicecontrol";

/// A token as requests bear it.
pub(super) struct Bearer {
    pub(super) text: SecretString,
    pub(super) header: HeaderValue,
}

impl Bearer {
    /// None where no header can hold it.
    fn new(text: SecretString) -> Option<Self> {
        let usable =
            !text.expose_secret().is_empty() && text.expose_secret().bytes().all(|b| b.is_ascii_graphic());
        let mut header = HeaderValue::from_str(&format!("Bearer {}", text.expose_secret())).ok()?;
        header.set_sensitive(true);
        usable.then_some(Self { text, header })
    }
}

/// An access token.
pub(super) struct Token {
    pub(super) bearer: Bearer,
    /// It took the place of one that was refused.
    renewed: bool,
}

/// The invocation's tokens. Each is asked for once, whoever wants it meanwhile waits, and where there is none that is known
/// for the rest of the invocation.
pub(super) struct Tokens {
    transport: Transport,
    credentials: Result<Credentials, Fault>,
    deadline: Deadline,
    clock: Clock,
    first: OnceCell<Result<Token, Fault>>,
    second: OnceCell<Result<Token, Fault>>,
}

impl Tokens {
    pub(super) fn new(
        transport: &Transport,
        credentials: Result<Credentials, Fault>,
        deadline: Deadline,
        clock: Clock,
    ) -> Self {
        Self {
            transport: transport.clone(),
            credentials,
            deadline,
            clock,
            first: OnceCell::new(),
            second: OnceCell::new(),
        }
    }

    /// The token to use now; or why there is none, which quotes no secret.
    pub(super) async fn current(&self) -> Result<&Token, Fault> {
        let issued = match self.second.get() {
            Some(second) => second,
            None => self.first.get_or_init(|| self.issue(false)).await,
        };
        issued.as_ref().map_err(Clone::clone)
    }

    /// Whether there is another token than the one that was refused.
    pub(super) async fn renew(&self, refused: &Token) -> Result<bool, Fault> {
        if refused.renewed {
            return Ok(false);
        }
        let second = self.second.get_or_init(|| self.issue(true)).await;
        second.as_ref().map(|_| true).map_err(Clone::clone)
    }

    async fn issue(&self, renewed: bool) -> Result<Token, Fault> {
        self.open()?;
        let bearer = match self.credentials.as_ref().map_err(Clone::clone)? {
            Credentials::Key(key) => self.ask(key.request(self.clock.now())?).await?,
            Credentials::Workload(workload) => {
                let exchange = workload.exchange(self.clock.now(), self.deadline.left()).await?;
                let federated = self.ask(exchange).await?;
                match workload.impersonation(&federated)? {
                    Some(request) => self.ask(request).await?,
                    None => federated,
                }
            }
        };
        Ok(Token { bearer, renewed })
    }

    /// Asks for a token until it is given or refused: asking changes nothing.
    async fn ask(&self, request: http::Request<Bytes>) -> Result<Bearer, Fault> {
        self.open()?;
        persist(self.deadline, || self.once(request.clone()))
            .await
            .map_err(|no| no.fault)
    }

    fn open(&self) -> Result<(), Fault> {
        let late = || {
            untold(
                FaultKind::DestinationUnavailable,
                "the invocation is about to end",
                Again::Never,
            )
        };
        self.deadline.open().then_some(()).ok_or_else(|| late().fault)
    }

    async fn once(&self, request: http::Request<Bytes>) -> Result<Bearer, NoToken> {
        let host = request.uri().host().unwrap_or_default().to_owned();
        let reply = rest::ask(&self.transport, SERVICE, request)
            .await
            .map_err(|error| {
                let said = format!("{host}: {error}");
                untold(FaultKind::DestinationUnavailable, &said, Again::Soon)
            })?;
        let said = format!(
            "{host} answered HTTP {}{}",
            reply.status().as_u16(),
            code(reply.body())
        );
        let wait = retry_after(reply.headers()).map_or(Again::Soon, Again::After);
        match reply.status().as_u16() {
            200 => token(reply.body()).ok_or_else(|| {
                let said = format!("{said}, and no token that can be used");
                untold(FaultKind::DestinationUnavailable, &said, Again::Never)
            }),
            408 | 429 | 500.. => Err(untold(FaultKind::DestinationUnavailable, &said, wait)),
            400..500 => {
                let mend =
                    "check that the secret's `gcp` is whole, is still in force, and may do what it is for";
                Err(untold(
                    FaultKind::Unauthorized,
                    &format!("{said}: {mend}"),
                    Again::Never,
                ))
            }
            _ => Err(untold(FaultKind::DestinationUnavailable, &said, Again::Never)),
        }
    }
}

/// Why a token was not given, and whether to ask again.
struct NoToken {
    fault: Fault,
    again: Again,
}

impl Retryable for NoToken {
    fn again(&self) -> Again {
        self.again
    }
}

fn untold(kind: FaultKind, said: &str, again: Again) -> NoToken {
    let fault = Fault::new(kind, named(&words(&format!("no access token: {said}"))));
    NoToken { fault, again }
}

/// The token endpoint says `access_token`, IAM Credentials `accessToken`.
#[derive(Deserialize)]
struct Given {
    #[serde(alias = "accessToken")]
    access_token: SecretString,
}

/// The token of an answer.
fn token(body: &[u8]) -> Option<Bearer> {
    let object: Map<String, Value> = serde_json::from_slice(body).ok()?;
    Bearer::new(serde_json::from_value::<Given>(object.into()).ok()?.access_token)
}

/// A refusal's code alone: its description may quote the proof that was sent. The token endpoint says
/// `"error": "invalid_grant"`, IAM Credentials `"error": {"status": "PERMISSION_DENIED"}`.
fn code(body: &[u8]) -> String {
    let object = serde_json::from_slice::<Map<String, Value>>(body).unwrap_or_default();
    let error = google_error(body);
    let code = object
        .get("error")
        .and_then(Value::as_str)
        .or(error.get("status").and_then(Value::as_str));
    let plain = |code: &&str| code.len() <= 64 && code.bytes().all(|b| b.is_ascii_alphabetic() || b == b'_');
    code.filter(plain)
        .map_or_else(String::new, |code| format!(" {code}"))
}

/// A form, posted.
pub(super) fn form(address: &str, fields: &[(&str, &str)]) -> Result<http::Request<Bytes>, Fault> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    http::Request::post(address)
        .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .map_err(|error| misconfigured(&format!("no token can be asked for: {error}")))
}
