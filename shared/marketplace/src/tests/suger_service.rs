//! A Suger that answers by script and remembers every call, and the groups that it holds by their ids.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use billing::{Destination, Identity, MeterKey, Record};
use bytes::Bytes;
use futures::future::BoxFuture;
use platform::transport::Carrier;
use platform::{Deadline, Request, Transport, TransportError};
use secrecy::SecretString;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::scripted::{at, clock};
use crate::{Outgoing, Sent, Suger};

pub(super) const KEY: &str = "sk_live_5uger";

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Instant,
    pub(super) method: String,
    pub(super) uri: String,
    pub(super) headers: http::HeaderMap,
    pub(super) text: String,
    pub(super) body: Value,
}

impl Call {
    /// The one dimension that it tells of.
    pub(super) fn dimension(&self) -> String {
        let records = self.body["records"].as_object().unwrap();
        records.keys().next().unwrap().clone()
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// What the documents say: taken, or 409 where the id is known.
    Take,
    /// Taken, and this is answered.
    TakeAndAnswer(u16, String),
    /// Taken, and nobody hears of it.
    TakeAndLose,
    Answer(u16, String),
    RetryAfter(u64),
    NotSent,
    Lost,
    TooLarge,
    Silence,
}

/// An error as Suger words it: a JSON string.
pub(super) fn error(status: u16, words: &str) -> Step {
    Step::Answer(status, json!(words).to_string())
}

/// Taken, and answered with this member of the group changed.
pub(super) fn echo(call: &Call, member: &str, value: Value) -> Step {
    let mut group = group(&call.body);
    group[member] = value;
    Step::TakeAndAnswer(200, group.to_string())
}

/// The group that Suger makes of what it was told.
fn group(told: &Value) -> Value {
    json!({
        "id": told["id"],
        "organizationID": told["organizationID"],
        "entitlementID": told["entitlementID"],
        "buyerID": "buyer-1",
        "partner": "AWS",
        "records": {"converted": 1},
        "metaInfo": {"originRecords": told["records"], "source": "API"},
        "creationTime": "2026-11-20T14:05:01Z",
        "status": "CREATED",
        "serialID": 3,
    })
}

type Script = Box<dyn FnMut(&Call) -> Step + Send>;

#[derive(Clone)]
pub(super) struct Service {
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<Call>>>,
    held: Arc<Mutex<BTreeMap<String, Value>>>,
    under_way: Arc<Mutex<(usize, usize)>>,
    latency: Duration,
}

impl Service {
    pub(super) fn new(script: impl FnMut(&Call) -> Step + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            calls: Arc::default(),
            held: Arc::default(),
            under_way: Arc::default(),
            latency: Duration::ZERO,
        }
    }

    /// Answers call by call; after the last of these, by the documents.
    pub(super) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: VecDeque<Step> = steps.into_iter().collect();
        Self::new(move |_| steps.pop_front().unwrap_or(Step::Take))
    }

    /// One that takes this long to answer.
    pub(super) fn slow(self, latency: Duration) -> Self {
        Self { latency, ..self }
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// What it holds, by id.
    pub(super) fn held(&self) -> BTreeMap<String, Value> {
        self.held.lock().unwrap().clone()
    }

    pub(super) fn at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
    }

    pub(super) fn sink(&self) -> Suger {
        self.sink_with(Duration::from_secs(900))
    }

    pub(super) fn sink_with(&self, left: Duration) -> Suger {
        Suger::new(
            &Transport::over(self.clone()),
            "https://api.suger.cloud/",
            Ok(&SecretString::from(KEY)),
            Deadline::after(left),
            clock(),
        )
    }

    pub(super) async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        self.sink().send(outgoing).await
    }

    /// Keeps the group, unless its id is known.
    fn take(&self, told: &Value) -> bool {
        let id = told["id"].as_str().unwrap().to_owned();
        self.held.lock().unwrap().insert(id, told.clone()).is_none()
    }

    fn play(&self, told: &Value, step: Step) -> Result<http::Response<Bytes>, TransportError> {
        let answer = |status: u16, body: String| {
            let response = http::Response::builder().status(status);
            Ok(response.body(Bytes::from(body)).unwrap())
        };
        match step {
            Step::Take if self.take(told) => answer(200, group(told).to_string()),
            Step::Take => answer(409, json!("the usageRecordGroup exists").to_string()),
            Step::TakeAndAnswer(status, body) => {
                self.take(told);
                answer(status, body)
            }
            Step::TakeAndLose => {
                self.take(told);
                Err(TransportError::Lost("connection reset".to_owned()))
            }
            Step::Answer(status, body) => answer(status, body),
            Step::RetryAfter(seconds) => {
                let response = http::Response::builder()
                    .status(429)
                    .header("retry-after", seconds);
                Ok(response.body(Bytes::from("\"slow down\"")).unwrap())
            }
            Step::NotSent => Err(TransportError::NotSent("connection refused".to_owned())),
            Step::TooLarge => Err(TransportError::TooLarge(8)),
            Step::Lost | Step::Silence => Err(TransportError::Lost("connection reset".to_owned())),
        }
    }
}

impl Carrier for Service {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        assert_eq!(request.service, "suger");
        let text = String::from_utf8(request.http.body().to_vec()).unwrap();
        let call = Call {
            at: Instant::now(),
            method: request.http.method().to_string(),
            uri: request.http.uri().to_string(),
            headers: request.http.headers().clone(),
            body: serde_json::from_str(&text).unwrap(),
            text,
        };
        let step = (self.script.lock().unwrap())(&call);
        self.calls.lock().unwrap().push(call.clone());
        let service = self.clone();
        Box::pin(async move {
            if matches!(step, Step::Silence) {
                return std::future::pending().await;
            }
            {
                let mut count = service.under_way.lock().unwrap();
                count.0 += 1;
                count.1 = count.1.max(count.0);
            }
            tokio::time::sleep(service.latency).await;
            service.under_way.lock().unwrap().0 -= 1;
            service.play(&call.body, step)
        })
    }
}

pub(super) fn outgoing_of(
    identity: (&str, &str),
    dimension: &str,
    timestamp: &str,
    quantity: &str,
) -> Outgoing {
    let identity = Identity::Suger {
        organization_id: identity.0.to_owned(),
        entitlement_id: identity.1.to_owned(),
    };
    let meter = MeterKey {
        entitlement: at("2026-01-01T00:00:00Z"),
        dimension: dimension.to_owned(),
    };
    let record = Record::new(&identity, meter, at(timestamp), quantity.parse().unwrap());
    Outgoing {
        destination: Destination::of(identity),
        record,
    }
}

/// So many records of as many entitlements, their dimensions `d0`, `d1`, ….
pub(super) fn records(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| {
            let (entitlement, dimension) = (format!("ent{number}"), format!("d{number}"));
            outgoing_of(("org1", &entitlement), &dimension, "2026-11-20T13:59:59Z", "7.5")
        })
        .collect()
}
