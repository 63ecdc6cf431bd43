//! A metering API and a token endpoint that answer by script and remember every call.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing::{Destination, Identity, MeterKey, Record};
use bytes::Bytes;
use futures::future::BoxFuture;
use platform::connection::Endpoints;
use platform::secrets::AzureSecret;
use platform::transport::Carrier;
use platform::{Deadline, Fault, Request, Transport, TransportError};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::tests::scripted::{at, clock, clock_from};
use crate::{Azure, Outgoing, Sent};

/// The application's secret.
pub(super) const SECRET: &str = "8Q~s3cret&value=of+the/app";

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Instant,
    pub(super) line: String,
    pub(super) authorization: String,
    pub(super) text: String,
    /// The body, where it is JSON.
    pub(super) body: Value,
}

impl Call {
    pub(super) fn events(&self) -> &[Value] {
        self.body["request"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn holds(&self, dimension: &str) -> bool {
        self.events().iter().any(|event| event["dimension"] == dimension)
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Answer(u16, Option<&'static str>, String),
    NotSent,
    Lost,
    TooLarge,
    /// No answer, ever.
    Silence,
    After(Duration, Box<Step>),
}

/// A status with a body, without a word of when to come back.
pub(super) fn answer(status: u16, body: &Value) -> Step {
    Step::Answer(status, None, body.to_string())
}

/// HTTP 200 with these results.
pub(super) fn results(results: &[Value]) -> Step {
    answer(200, &json!({"count": results.len(), "result": results}))
}

/// A result as Microsoft gives it: an echo with a status.
pub(super) fn result(event: &Value, status: &str) -> Value {
    let mut result = event.clone();
    result["status"] = json!(status);
    result["messageTime"] = json!("2026-11-20T14:05:01.3458658Z");
    if status == "Accepted" {
        let dimension: String = event["dimension"].as_str().unwrap().chars().take(8).collect();
        result["usageEventId"] = json!(format!("ue-{dimension}"));
    }
    result
}

/// A result of an event whose hour was taken by `held`.
pub(super) fn duplicate(event: &Value, held: &Value) -> Value {
    let mut result = result(event, "Duplicate");
    result["messageTime"] = json!("0001-01-01T00:00:00");
    result["error"] = conflict(held);
    result
}

/// The body of a 409, and the error of a duplicate.
pub(super) fn conflict(held: &Value) -> Value {
    json!({
        "additionalInfo": {"acceptedMessage": held},
        "message": "This usage event already exist.",
        "code": "Conflict",
    })
}

/// The body of a 400, and the error of an event that is refused.
pub(super) fn bad_argument(target: &str, message: &str) -> Value {
    json!({
        "code": "BadArgument",
        "message": "One or more errors have occurred.",
        "target": "usageEventRequest",
        "details": [{"code": "BadArgument", "target": target, "message": message}],
    })
}

/// Everything taken.
pub(super) fn taken(call: &Call) -> Step {
    let events = call.events().iter();
    results(&events.map(|event| result(event, "Accepted")).collect::<Vec<_>>())
}

/// A token of an hour.
pub(super) fn token(name: &str) -> Step {
    answer(
        200,
        &json!({"token_type": "Bearer", "expires_in": 3599, "ext_expires_in": 3599, "access_token": name}),
    )
}

type Script = Box<dyn FnMut(&Call) -> Step + Send>;

#[derive(Clone)]
pub(super) struct Microsoft {
    api: Arc<Mutex<Script>>,
    login: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<Call>>>,
    logins: Arc<Mutex<Vec<Call>>>,
}

impl Microsoft {
    /// Tokens are `token-1`, `token-2`, ….
    pub(super) fn new(script: impl FnMut(&Call) -> Step + Send + 'static) -> Self {
        let mut number = 0;
        Self {
            api: Arc::new(Mutex::new(Box::new(script))),
            login: Arc::new(Mutex::new(Box::new(move |_| {
                number += 1;
                token(&format!("token-{number}"))
            }))),
            calls: Arc::default(),
            logins: Arc::default(),
        }
    }

    /// Answers call by call; after the last of these, everything is taken.
    pub(super) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: std::collections::VecDeque<Step> = steps.into_iter().collect();
        Self::new(move |call| steps.pop_front().unwrap_or_else(|| taken(call)))
    }

    pub(super) fn login(self, script: impl FnMut(&Call) -> Step + Send + 'static) -> Self {
        Self {
            login: Arc::new(Mutex::new(Box::new(script))),
            ..self
        }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    pub(super) fn logins(&self) -> Vec<Call> {
        self.logins.lock().unwrap().clone()
    }

    pub(super) fn sink(&self) -> Azure {
        self.sink_with(Ok(&secret()), Duration::from_secs(900))
    }

    pub(super) fn sink_with(&self, credentials: Result<&AzureSecret, Fault>, left: Duration) -> Azure {
        let deadline = Deadline::after(left);
        Azure::new(
            &Transport::over(self.clone()),
            &endpoints(),
            credentials,
            deadline,
            clock(),
        )
    }

    pub(super) async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        self.sink().send(outgoing).await
    }

    pub(super) async fn send_at(&self, now: &str, outgoing: Vec<Outgoing>) -> Sent {
        let (transport, deadline) = (
            Transport::over(self.clone()),
            Deadline::after(Duration::from_secs(900)),
        );
        Azure::new(
            &transport,
            &endpoints(),
            Ok(&secret()),
            deadline,
            clock_from(at(now)),
        )
        .send(outgoing)
        .await
    }
}

impl Carrier for Microsoft {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        assert_eq!(request.service, "azure");
        let (head, body) = request.http.into_parts();
        let text = String::from_utf8(body.to_vec()).unwrap();
        let authorization = head.headers.get("authorization");
        assert!(authorization.is_none_or(http::HeaderValue::is_sensitive));
        let call = Call {
            at: Instant::now(),
            line: format!("{} {}", head.method, head.uri),
            authorization: authorization.map_or_else(String::new, |value| value.to_str().unwrap().to_owned()),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        let (script, calls) = if head.uri.host() == Some("login.test") {
            (&self.login, &self.logins)
        } else {
            (&self.api, &self.calls)
        };
        let step = (script.lock().unwrap())(&call);
        calls.lock().unwrap().push(call);
        Box::pin(play(step))
    }
}

async fn play(step: Step) -> Result<http::Response<Bytes>, TransportError> {
    match step {
        Step::Answer(status, retry_after, body) => {
            let mut answer = http::Response::builder().status(status);
            if let Some(retry_after) = retry_after {
                answer = answer.header("Retry-After", retry_after);
            }
            Ok(answer.body(Bytes::from(body)).unwrap())
        }
        Step::NotSent => Err(TransportError::NotSent("connection refused".to_owned())),
        Step::Lost => Err(TransportError::Lost("connection reset".to_owned())),
        Step::TooLarge => Err(TransportError::TooLarge(8)),
        Step::Silence => std::future::pending().await,
        Step::After(wait, next) => {
            tokio::time::sleep(wait).await;
            Box::pin(play(*next)).await
        }
    }
}

fn endpoints() -> Endpoints {
    Endpoints {
        azure: "https://marketplace.test/api".to_owned(),
        azure_login: "https://login.test".to_owned(),
        ..Endpoints::default()
    }
}

pub(super) fn secret() -> AzureSecret {
    AzureSecret {
        tenant_id: "contoso.example".to_owned(),
        client_id: "5b9e0000-0000-4000-8000-000000000001".to_owned(),
        client_secret: SECRET.into(),
    }
}

pub(super) fn resource(number: usize) -> String {
    format!("37f9dea2-4345-438f-b0bd-03d40d28{number:04x}")
}

/// A record of the plan `silver`.
pub(super) fn outgoing(resource_id: &str, dimension: &str, timestamp: &str, quantity: &str) -> Outgoing {
    let identity = Identity::Azure {
        resource_id: resource_id.to_owned(),
    };
    let meter = MeterKey {
        entitlement: at("2026-01-01T00:00:00Z"),
        dimension: dimension.to_owned(),
    };
    let record = Record::new(&identity, meter, at(timestamp), quantity.parse().unwrap());
    Outgoing {
        destination: Destination {
            plan_id: Some("silver".to_owned()),
            ..Destination::of(identity)
        },
        record,
    }
}

/// So many records of as many buyers, their dimensions `d0`, `d1`, …, 7.5 each.
pub(super) fn records(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| {
            outgoing(
                &resource(number),
                &format!("d{number}"),
                "2026-11-20T13:59:59Z",
                "7.5",
            )
        })
        .collect()
}
