//! A Google that answers by script and remembers every request: Service Control, and the endpoints that give tokens.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_marketplacemetering::config::{Credentials, Region, SharedCredentialsProvider};
use billing::{Destination, Identity, MeterKey, Record};
use bytes::Bytes;
use futures::future::BoxFuture;
use platform::transport::Carrier;
use platform::{Deadline, Fault, Request, Transport, TransportError};
use rust_decimal::Decimal;
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::scripted::{SECRET, TOKEN, at, clock, letters};
use crate::{Gcp, Outgoing, Sent};

pub(super) const SERVICE_NAME: &str = "atlas.gcpmarketplace.example.com";

pub(super) const PRIVATE_KEY: &str = include_str!("test_key_that_opens_nothing.pem");

pub(super) const PUBLIC_KEY: &str = include_str!("test_key_that_opens_nothing.pub.pem");

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Instant,
    pub(super) url: String,
    pub(super) authorization: String,
    /// The authorization is kept out of what a request prints.
    pub(super) sensitive: bool,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Call {
    pub(super) fn is_report(&self) -> bool {
        self.url.ends_with(":report")
    }

    pub(super) fn operations(&self) -> Vec<Value> {
        self.body["operations"].as_array().cloned().unwrap_or_default()
    }

    pub(super) fn ids(&self) -> Vec<String> {
        let id = |operation: &Value| operation["operationId"].as_str().unwrap().to_owned();
        self.operations().iter().map(id).collect()
    }

    /// A form's field.
    pub(super) fn field(&self, name: &str) -> Option<String> {
        let mut fields = form_urlencoded::parse(self.text.as_bytes());
        fields
            .find(|(key, _)| key == name)
            .map(|(_, value)| value.into_owned())
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Reply {
    Answer(u16, Option<&'static str>, String),
    NotSent,
    Lost,
    Silence,
    After(Duration, Box<Reply>),
}

pub(super) fn answer(status: u16, body: &Value) -> Reply {
    Reply::Answer(status, None, body.to_string())
}

/// Every operation was taken.
pub(super) fn taken() -> Reply {
    answer(
        200,
        &json!({"serviceConfigId": "2026-11-01r0", "serviceRolloutId": "2026-11-01r0"}),
    )
}

pub(super) fn report_error(id: &str, code: i64) -> Value {
    json!({"operationId": id, "status": {"code": code, "message": "as scripted"}})
}

pub(super) fn failed(errors: &[Value]) -> Reply {
    answer(
        200,
        &json!({"reportErrors": errors, "serviceConfigId": "2026-11-01r0"}),
    )
}

/// An API's error.
pub(super) fn error(code: u16, status: &str) -> Reply {
    answer(
        code,
        &json!({"error": {"code": code, "message": "as scripted", "status": status}}),
    )
}

pub(super) fn given(token: &str) -> Reply {
    answer(
        200,
        &json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}),
    )
}

type Script = Box<dyn FnMut(&Call) -> Reply + Send>;

#[derive(Clone)]
pub(super) struct Google {
    reports: Arc<Mutex<Script>>,
    tokens: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<Call>>>,
}

impl Google {
    /// Reports are answered by script; tokens are given: `ya29.first`, `ya29.second`, and no more.
    pub(super) fn new(script: impl FnMut(&Call) -> Reply + Send + 'static) -> Self {
        let mut tokens = ["ya29.first", "ya29.second"].into_iter();
        Self {
            reports: Arc::new(Mutex::new(Box::new(script))),
            tokens: Arc::new(Mutex::new(Box::new(move |_| given(tokens.next().unwrap())))),
            calls: Arc::default(),
        }
    }

    /// Answers report by report; after the last of these, everything is taken.
    pub(super) fn replies(replies: impl IntoIterator<Item = Reply>) -> Self {
        let mut replies: std::collections::VecDeque<Reply> = replies.into_iter().collect();
        Self::new(move |_| replies.pop_front().unwrap_or_else(taken))
    }

    pub(super) fn with_tokens(mut self, script: impl FnMut(&Call) -> Reply + Send + 'static) -> Self {
        self.tokens = Arc::new(Mutex::new(Box::new(script)));
        self
    }

    pub(super) fn reports(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| call.is_report()).cloned().collect()
    }

    /// Requests for tokens.
    pub(super) fn asked(&self) -> Vec<Call> {
        let calls = self.calls.lock().unwrap();
        calls.iter().filter(|call| !call.is_report()).cloned().collect()
    }

    pub(super) async fn sdk_config(&self) -> SdkConfig {
        let credentials = Credentials::new("AKIAEXAMPLE", SECRET, Some(TOKEN.to_owned()), None, "test");
        platform::aws::load(&Transport::over(self.clone()), &clock())
            .await
            .into_builder()
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(credentials))
            .build()
    }

    pub(super) async fn sink(&self) -> Gcp {
        self.sink_of(&key(), Duration::from_secs(900)).await
    }

    pub(super) async fn sink_of(&self, secret: &Value, left: Duration) -> Gcp {
        let secret = SecretString::from(secret.to_string());
        self.sink_with(Ok(&secret), &self.sdk_config().await, left)
    }

    pub(super) fn sink_with(
        &self,
        credentials: Result<&SecretString, Fault>,
        sdk_config: &SdkConfig,
        left: Duration,
    ) -> Gcp {
        let transport = Transport::over(self.clone());
        let endpoint = "https://servicecontrol.googleapis.com";
        Gcp::new(
            &transport,
            endpoint,
            credentials,
            sdk_config,
            Deadline::after(left),
            clock(),
        )
    }

    pub(super) async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        self.sink().await.send(outgoing).await
    }
}

impl Carrier for Google {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        assert_eq!(request.service, "gcp", "requests are counted as Google's");
        assert_eq!(request.http.method(), "POST");
        let text = String::from_utf8(request.http.body().to_vec()).unwrap();
        let authorization = request.http.headers().get("authorization");
        let call = Call {
            at: Instant::now(),
            url: request.http.uri().to_string(),
            sensitive: authorization.is_none_or(http::HeaderValue::is_sensitive),
            authorization: authorization
                .map_or("", |value| value.to_str().unwrap())
                .to_owned(),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        let script = if call.is_report() {
            &self.reports
        } else {
            &self.tokens
        };
        let reply = (script.lock().unwrap())(&call);
        self.calls.lock().unwrap().push(call);
        Box::pin(play(reply))
    }
}

async fn play(mut reply: Reply) -> Result<http::Response<Bytes>, TransportError> {
    while let Reply::After(wait, next) = reply {
        tokio::time::sleep(wait).await;
        reply = *next;
    }
    match reply {
        Reply::Answer(status, retry_after, body) => {
            let mut answer = http::Response::builder().status(status);
            if let Some(wait) = retry_after {
                answer = answer.header("retry-after", wait);
            }
            Ok(answer.body(Bytes::from(body)).unwrap())
        }
        Reply::NotSent => Err(TransportError::NotSent("connection refused".to_owned())),
        Reply::Lost => Err(TransportError::Lost("connection reset".to_owned())),
        Reply::Silence | Reply::After(..) => std::future::pending().await,
    }
}

/// A service account's key file.
pub(super) fn key() -> Value {
    json!({
        "type": "service_account",
        "project_id": "atlas",
        "private_key_id": "key-1",
        "private_key": PRIVATE_KEY,
        "client_email": "reporter@atlas.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
    })
}

/// A buyer's record of an hour.
pub(super) fn record_of(consumer: &str, dimension: &str, timestamp: &str, quantity: Decimal) -> Outgoing {
    let identity = Identity::Gcp {
        service_name: SERVICE_NAME.to_owned(),
        usage_reporting_id: consumer.to_owned(),
    };
    let meter = MeterKey {
        entitlement: at("2026-01-01T00:00:00Z"),
        dimension: dimension.to_owned(),
    };
    Outgoing {
        record: Record::new(&identity, meter, at(timestamp), quantity),
        destination: Destination::of(identity),
    }
}

pub(super) fn record(consumer: &str, dimension: &str) -> Outgoing {
    record_of(consumer, dimension, "2026-11-20T13:59:59Z", 7.into())
}

/// So many records of one buyer, their dimensions `d0`, `d1`, ….
pub(super) fn records(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| record("project_number:1", &format!("d{number}")))
        .collect()
}

/// The letters of each record's answers, in the order given.
pub(super) fn all(sent: &Sent) -> Vec<String> {
    sent.learned
        .iter()
        .map(|learned| letters(&learned.answers))
        .collect()
}
