//! The one way out. Every request of a job, the AWS SDK's too, is a [`Request`] that a [`Carrier`] carries: over sockets in
//! production, in process in tests. What went wrong is told apart by the one question that matters for money: may the other
//! side have seen the request?

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures::future::BoxFuture;
use thiserror::Error;

use crate::{endpoint, requests};

/// How long a connection may take to come about; after that the request was certainly not sent.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a whole request may take unless the caller says otherwise.
pub const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);

/// The largest answer read unless the caller says otherwise: far above a page of any service we read, far below a small
/// function's memory.
pub const BODY_LIMIT: usize = 8 * 1024 * 1024;

/// A request on its way out.
#[derive(Debug)]
pub struct Request {
    /// The word its count stands under in a run's summary: `metronome`, `aws`, `dynamodb`, `secretsmanager`, `sts`.
    pub service: &'static str,
    /// The request itself.
    pub http: http::Request<Bytes>,
    /// After this long its fate is unknown.
    pub timeout: Duration,
    /// An answer with a larger body, unpacked, is not read.
    pub body_limit: usize,
}

impl Request {
    /// With the usual timeout and body limit.
    #[must_use]
    pub fn new(service: &'static str, http: http::Request<Bytes>) -> Self {
        Self {
            service,
            http,
            timeout: REQUEST_TIMEOUT,
            body_limit: BODY_LIMIT,
        }
    }
}

/// Why there is no answer.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum TransportError {
    /// The request never left: the other side cannot have acted on it.
    #[error("not sent: {0}")]
    NotSent(String),
    /// The request may have taken effect; nobody answered in time.
    #[error("no answer: {0}")]
    Lost(String),
    /// An answer came, too large to read. The request may have taken effect.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
}

/// Carries requests: the network, or a test's world.
pub trait Carrier: Send + Sync {
    /// Delivers one request, once, following nothing and retrying nothing.
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>>;
}

/// The transport that a process shares. Clones are cheap.
#[derive(Clone)]
pub struct Transport(Arc<dyn Carrier>);

impl Transport {
    /// Over sockets.
    ///
    /// # Errors
    /// When the platform's TLS roots cannot be read.
    pub fn network() -> Result<Self, TransportError> {
        Ok(Self(Arc::new(Network::new()?)))
    }

    /// Over a carrier of the caller's.
    pub fn over(carrier: impl Carrier + 'static) -> Self {
        Self(Arc::new(carrier))
    }

    /// Sends one request and counts it.
    ///
    /// # Errors
    /// When no answer came, told apart by whether the request can have been acted on.
    pub async fn send(&self, request: Request) -> Result<http::Response<Bytes>, TransportError> {
        if let Err(reason) = endpoint::check(&request.http.uri().to_string()) {
            return Err(TransportError::NotSent(reason));
        }
        requests::count(request.service);
        let timeout = request.timeout;
        match tokio::time::timeout(timeout, self.0.carry(request)).await {
            Ok(answer) => answer,
            Err(_) => Err(TransportError::Lost(format!(
                "none within {} s",
                timeout.as_secs()
            ))),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}

/// The network: one pooled client, no redirects (they would carry a token elsewhere), no retries.
struct Network(reqwest::Client);

impl Network {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place where an HTTP client is made"
    )]
    fn new() -> Result<Self, TransportError> {
        reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .retry(reqwest::retry::never())
            .build()
            .map(Self)
            .map_err(|error| TransportError::NotSent(chain(&error)))
    }
}

impl Carrier for Network {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let client = self.0.clone();
        Box::pin(async move {
            let limit = request.body_limit;
            let outgoing = reqwest::Request::try_from(request.http)
                .map_err(|error| TransportError::NotSent(chain(&error.without_url())))?;
            let answer = client.execute(outgoing).await.map_err(no_answer)?;
            read(answer, limit).await
        })
    }
}

/// Reads a body piece by piece, unpacked as it comes, and stops at the limit.
async fn read(mut answer: reqwest::Response, limit: usize) -> Result<http::Response<Bytes>, TransportError> {
    let (status, headers) = (answer.status(), std::mem::take(answer.headers_mut()));
    let mut body = BytesMut::new();
    while let Some(piece) = answer.chunk().await.map_err(no_answer)? {
        if body.len() + piece.len() > limit {
            return Err(TransportError::TooLarge(limit));
        }
        body.extend_from_slice(&piece);
    }
    let mut response = http::Response::new(body.freeze());
    *response.status_mut() = status;
    *response.headers_mut() = headers;
    Ok(response)
}

/// Only a connection that never came about proves that nothing was sent.
fn no_answer(error: reqwest::Error) -> TransportError {
    let unsent = error.is_connect() || error.is_builder();
    let reason = chain(&error.without_url());
    if unsent {
        TransportError::NotSent(reason)
    } else {
        TransportError::Lost(reason)
    }
}

/// An error with its causes, in one line.
fn chain(error: &dyn std::error::Error) -> String {
    let mut words = error.to_string();
    let mut next = error.source();
    while let Some(cause) = next {
        words.push_str(": ");
        words.push_str(&cause.to_string());
        next = cause.source();
    }
    words
}
