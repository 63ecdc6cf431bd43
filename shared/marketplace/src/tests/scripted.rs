//! A Marketplace Metering Service that answers by script and remembers every call, under the real SDK.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_marketplacemetering::config::{Credentials, Region, SharedCredentialsProvider};
use billing::{
    Answer, Attempt, AwsBuyer, AwsIdentity, Book, Destination, Entry, Identity, InFlight, Learned, MeterKey,
    Record, Refusal,
};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use platform::connection::AwsAccess;
use platform::transport::Carrier;
use platform::{Clock, Deadline, Request, Transport, TransportError};
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::{Aws, Outgoing, Sent};

/// When the tests' invocation begins.
pub(super) const NOW: &str = "2026-11-20T14:05:00Z";

pub(super) const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

pub(super) const TOKEN: &str = "FwoGZXIvYXdzEXAMPLESESSIONTOKEN";

/// A request as it came.
#[derive(Clone, Debug)]
pub(super) struct Call {
    pub(super) at: Instant,
    pub(super) host: String,
    pub(super) headers: http::HeaderMap,
    pub(super) authorization: String,
    pub(super) text: String,
    /// The body, where it is JSON.
    pub(super) body: Value,
}

impl Call {
    pub(super) fn records(&self) -> &[Value] {
        self.body["UsageRecords"].as_array().map_or(&[], Vec::as_slice)
    }

    pub(super) fn dimensions(&self) -> Vec<&str> {
        self.records()
            .iter()
            .map(|record| record["Dimension"].as_str().unwrap())
            .collect()
    }

    pub(super) fn holds(&self, dimension: &str) -> bool {
        self.dimensions().contains(&dimension)
    }
}

/// What comes back.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Answer(u16, String),
    NotSent,
    Lost,
    TooLarge,
    /// No answer, ever.
    Silence,
    After(Duration, Box<Step>),
}

/// HTTP 200 with this body.
pub(super) fn ok(body: &Value) -> Step {
    Step::Answer(200, body.to_string())
}

/// An awsJson exception.
pub(super) fn exception(status: u16, code: &str) -> Step {
    let body =
        json!({"__type": format!("com.amazonaws.marketplacemetering#{code}"), "message": "as scripted"});
    Step::Answer(status, body.to_string())
}

pub(super) fn result(record: &Value, status: &str) -> Value {
    json!({"UsageRecord": record, "MeteringRecordId": format!("mr-{}", record["Dimension"].as_str().unwrap()), "Status": status})
}

/// Everything taken.
pub(super) fn taken(call: &Call) -> Step {
    let results: Vec<Value> = call
        .records()
        .iter()
        .map(|record| result(record, "Success"))
        .collect();
    ok(&json!({"Results": results, "UnprocessedRecords": []}))
}

type Script = Box<dyn FnMut(&Call) -> Step + Send>;

#[derive(Clone)]
pub(super) struct Service {
    script: Arc<Mutex<Script>>,
    calls: Arc<Mutex<Vec<Call>>>,
    under_way: Arc<Mutex<(usize, usize)>>,
}

impl Service {
    pub(super) fn new(script: impl FnMut(&Call) -> Step + Send + 'static) -> Self {
        Self {
            script: Arc::new(Mutex::new(Box::new(script))),
            calls: Arc::default(),
            under_way: Arc::default(),
        }
    }

    /// Answers call by call; after the last of these, everything is taken.
    pub(super) fn steps(steps: impl IntoIterator<Item = Step>) -> Self {
        let mut steps: std::collections::VecDeque<Step> = steps.into_iter().collect();
        Self::new(move |call| steps.pop_front().unwrap_or_else(|| taken(call)))
    }

    pub(super) fn calls(&self) -> Vec<Call> {
        self.calls.lock().unwrap().clone()
    }

    /// The most calls that were under way at once.
    pub(super) fn at_once(&self) -> usize {
        self.under_way.lock().unwrap().1
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

    pub(super) async fn sink(&self) -> Aws {
        self.sink_with(Duration::from_secs(900)).await
    }

    pub(super) async fn sink_with(&self, left: Duration) -> Aws {
        Aws::new(
            &self.sdk_config().await,
            &AwsAccess::default(),
            Deadline::after(left),
            clock(),
        )
    }

    pub(super) async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        self.sink().await.send(outgoing).await
    }
}

impl Carrier for Service {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let text = String::from_utf8(request.http.body().to_vec()).unwrap();
        let header = |name: &str| {
            request
                .http
                .headers()
                .get(name)
                .map_or("", |value| value.to_str().unwrap())
                .to_owned()
        };
        let call = Call {
            at: Instant::now(),
            host: request.http.uri().host().unwrap().to_owned(),
            headers: request.http.headers().clone(),
            authorization: header("authorization"),
            body: serde_json::from_str(&text).unwrap_or_default(),
            text,
        };
        let step = (self.script.lock().unwrap())(&call);
        self.calls.lock().unwrap().push(call);
        let under_way = Arc::clone(&self.under_way);
        Box::pin(async move {
            {
                let mut count = under_way.lock().unwrap();
                count.0 += 1;
                count.1 = count.1.max(count.0);
            }
            let answer = play(step).await;
            under_way.lock().unwrap().0 -= 1;
            answer
        })
    }
}

async fn play(mut step: Step) -> Result<http::Response<Bytes>, TransportError> {
    loop {
        match step {
            Step::After(wait, next) => {
                tokio::time::sleep(wait).await;
                step = *next;
            }
            Step::Answer(status, body) => {
                return Ok(http::Response::builder()
                    .status(status)
                    .body(Bytes::from(body))
                    .unwrap());
            }
            Step::NotSent => return Err(TransportError::NotSent("connection refused".to_owned())),
            Step::Lost => return Err(TransportError::Lost("connection reset".to_owned())),
            Step::TooLarge => return Err(TransportError::TooLarge(8)),
            Step::Silence => std::future::pending().await,
        }
    }
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// A clock that reads [`NOW`] when it is made, and runs with the tests' time.
pub(super) fn clock() -> Clock {
    clock_from(at(NOW))
}

pub(super) fn clock_from(start: DateTime<Utc>) -> Clock {
    let began = Instant::now();
    Clock::of(move || start + TimeDelta::from_std(began.elapsed()).unwrap())
}

pub(super) fn licence(number: usize) -> AwsBuyer {
    AwsBuyer::License {
        account_id: format!("{number:012}"),
        license_arn: format!("arn:aws:license-manager::123456789012:license:l-{number}"),
    }
}

pub(super) fn outgoing_at(
    region: &str,
    product: Option<&str>,
    buyer: AwsBuyer,
    dimension: &str,
    timestamp: &str,
) -> Outgoing {
    let identity = Identity::Aws(AwsIdentity {
        buyer,
        region: region.to_owned(),
    });
    let meter = MeterKey {
        entitlement: at("2026-01-01T00:00:00Z"),
        dimension: dimension.to_owned(),
    };
    let record = Record::new(&identity, meter, at(timestamp), 7.into());
    Outgoing {
        destination: Destination {
            product: product.map(str::to_owned),
            ..Destination::of(identity)
        },
        record,
    }
}

pub(super) fn outgoing(buyer: AwsBuyer, dimension: &str) -> Outgoing {
    outgoing_at(
        "us-east-1",
        Some("atlas"),
        buyer,
        dimension,
        "2026-11-20T13:59:59Z",
    )
}

/// So many records of as many buyers, their dimensions `d0`, `d1`, ….
pub(super) fn records(count: usize) -> Vec<Outgoing> {
    (0..count)
        .map(|number| outgoing(licence(number), &format!("d{number}")))
        .collect()
}

/// The answers about each record, by its dimension.
pub(super) fn answers(outgoing: &[Outgoing], sent: &Sent) -> BTreeMap<String, Vec<Answer>> {
    assert_eq!(outgoing.len(), sent.learned.len());
    let pairs = outgoing.iter().zip(&sent.learned);
    pairs
        .map(|(outgoing, learned)| {
            assert_eq!(outgoing.record.id, learned.record, "in the order given");
            (outgoing.record.meter.dimension.clone(), learned.answers.clone())
        })
        .collect()
}

/// One letter an answer: Accepted, Duplicate, Later, Never, Unknown.
pub(super) fn letters(answers: &[Answer]) -> String {
    let letter = |answer: &Answer| match answer {
        Answer::Accepted(_) => 'A',
        Answer::Duplicate { .. } => 'D',
        Answer::Refused(Refusal::Later(_)) => 'L',
        Answer::Refused(Refusal::Never(_)) => 'N',
        Answer::Unknown(_) => 'U',
    };
    answers.iter().map(letter).collect()
}

/// The letters of the only record that was sent.
pub(super) fn only(sent: &Sent) -> String {
    assert_eq!(sent.learned.len(), 1);
    letters(&sent.learned[0].answers)
}

/// What settling makes of the answers about one record, and which meters it blocked.
pub(super) fn settled(outgoing: &Outgoing, learned: &Learned) -> (Option<Entry>, BTreeSet<String>) {
    let mut book = Book::new(outgoing.destination.clone());
    let attempt = Attempt {
        id: "run".to_owned(),
        since: at(NOW),
        closed: false,
    };
    book.in_flight.push(InFlight {
        record: outgoing.record.clone(),
        attempts: vec![attempt],
    });
    let mut entries = billing::settle(&mut book, "run", std::slice::from_ref(learned), at(NOW));
    assert_eq!(entries.len() + book.in_flight.len(), 1);
    let blocked = book.meters.iter().filter(|(_, meter)| meter.blocked.is_some());
    (
        entries.pop(),
        blocked.map(|(key, _)| key.dimension.clone()).collect(),
    )
}
