//! Google Cloud Marketplace, by `services.report` of Service Control.
//!
//! A request carries the records of one service and one consumer, each as an operation of its own: a failed request leaves
//! open what became of all its operations, so it should hold no more than one buyer's. A request is made at most five times
//! within 60 s, each time with only those operations whose fate is still open and to the byte as before, at most 50 requests
//! a second, and none begins when the invocation is about to end. Google documents an `operationId` as the means of
//! deduplication, but not that it dedupes; a connection that says `unknown = "park"` has nothing sent twice whose answer was
//! lost.
//!
//! `services.check` is not asked. It tells a product whether to go on serving a consumer; what is reported here has been
//! served, and when an entitlement ends the connection says.
//!
//! API reference: <https://cloud.google.com/service-infrastructure/docs/service-control/reference/rest/v1/services/report>;
//! reporting: <https://cloud.google.com/marketplace/docs/partners/integrated-saas/configure-usage-reports> (read 2026-11-20).

mod answer;
mod credentials;
mod key;
mod operation;
mod token;
mod workload;

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use billing::{Answer, Destination, GcpValue, MonthEnd, Rules, Unanswered, Unit};
use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use platform::{Clock, Deadline, Fault, FaultKind, Limiter, Transport};
use rust_decimal::Decimal;
use secrecy::{ExposeSecret as _, SecretString};

use crate::delivery::{Channel, Delivered, Delivery, Item, Next, Reading, later};
use crate::words::words;
use crate::{DOUBLE, Outgoing, Sent, rest};
use credentials::Credentials;
use operation::{Batch, Operation, Sorted};
use token::{Token, Tokens};

/// Requests a second. Google counts operations: 6 000 000 a minute for a producer project (Service Control quotas, read
/// 2026-11-20). Were each request full, these would be a twentieth of that.
const CALLS_PER_SECOND: u32 = 50;

/// Requests under way at once: enough to keep the pace while each takes a third of a second.
const CALLS_AT_ONCE: usize = 16;

/// The marketplace's name in faults.
const NAME: &str = "Google Cloud Marketplace";

/// Its word for counted requests.
const SERVICE: &str = "gcp";

/// A record is resent for a day: Google names no limit, and says nothing of how long it remembers an `operationId`.
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// Whole units: the service's `int64Value`.
const INT64: Unit = Unit {
    places: 0,
    max: Decimal::from_parts(u32::MAX, i32::MAX as u32, 0, false, 0),
};

/// What Google takes, by the types that the destination names for its metrics.
#[must_use]
pub fn rules(destination: &Destination) -> Rules {
    let unit = |value: &GcpValue| match value {
        GcpValue::Int64 => INT64,
        GcpValue::Double | GcpValue::Money => DOUBLE,
    };
    let metrics = destination.metrics.iter();
    Rules {
        unit: INT64,
        units: metrics
            .map(|(metric, value)| (metric.clone(), unit(value)))
            .collect(),
        max_age: MAX_AGE,
        month_end: MonthEnd::Pacific,
        unanswered: if destination.park_unknown {
            Unanswered::Park
        } else {
            Unanswered::Resend
        },
    }
}

/// The sink of one invocation: its token and its pace. The pace is the producer project's, so whatever reports for one project
/// in one invocation shares one of these.
pub struct Gcp {
    transport: Transport,
    endpoint: String,
    tokens: Tokens,
    pace: Arc<Limiter>,
    deadline: Deadline,
    clock: Clock,
}

impl Gcp {
    /// A sink that reports to `endpoint` (`https://servicecontrol.googleapis.com`), as whom the connection's secret says: a
    /// service-account key, or a workload identity proven by the AWS credentials and region of `sdk_config`. Without usable
    /// credentials nothing is sent, and [`Self::send`] says why.
    #[must_use]
    pub fn new(
        transport: &Transport,
        endpoint: &str,
        credentials: Result<&SecretString, Fault>,
        sdk_config: &SdkConfig,
        deadline: Deadline,
        clock: Clock,
    ) -> Self {
        let credentials = credentials.and_then(|secret| Credentials::read(secret, sdk_config));
        Self {
            transport: transport.clone(),
            endpoint: endpoint.to_owned(),
            tokens: Tokens::new(transport, credentials, deadline, clock.clone()),
            pace: Arc::new(Limiter::per_second(CALLS_PER_SECOND)),
            deadline,
            clock,
        }
    }

    /// Sends records, each of which has this attempt noted on it. Nothing fails here: what went wrong is in the answers, and
    /// in the faults where it concerns more than a record.
    pub async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        let mut delivered = Delivered::default();
        if self.deadline.open() {
            let Sorted { batches, refused } = operation::batches(&outgoing, self.clock.now());
            delivered.answers = refused;
            if !batches.is_empty() {
                match self.tokens.current().await {
                    Ok(_) => delivered.extend(self.deliver(batches).await),
                    Err(fault) => {
                        let items = batches.iter().flat_map(|batch| &batch.items);
                        delivered.extend(Delivered::unsent(items.map(|item| item.place), fault));
                    }
                }
            }
        }
        delivered.of(&outgoing)
    }

    async fn deliver(&self, batches: Vec<Batch>) -> Delivered {
        let delivery = Delivery {
            pace: Arc::clone(&self.pace),
            deadline: self.deadline,
            clock: &self.clock,
        };
        stream::iter(batches)
            .map(|batch| {
                let delivery = &delivery;
                async move {
                    let consumer = Consumer {
                        sink: self,
                        service: batch.service,
                        park: batch.park,
                        denied: Mutex::default(),
                    };
                    let mut delivered = delivery.deliver(&consumer, batch.items).await;
                    let denied = consumer.denied.into_inner();
                    delivered
                        .faults
                        .extend(denied.unwrap_or_else(PoisonError::into_inner));
                    delivered
                }
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(Delivered::default(), async |all, one| all.and(one))
            .await
    }
}

/// It says nothing of the credentials that it holds.
impl fmt::Debug for Gcp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Gcp")
    }
}

/// Requests about one consumer of one service.
struct Consumer<'a> {
    sink: &'a Gcp,
    service: String,
    /// Nothing is sent again after an answer that leaves its fate open.
    park: bool,
    /// Access refused to some operations of a request. No other try mends it, whatever becomes of the rest.
    denied: Mutex<Option<Fault>>,
}

impl Channel for Consumer<'_> {
    type Told = Operation;

    async fn call(&self, items: &[Item<Operation>]) -> Reading {
        let reading = match self.sink.tokens.current().await {
            Ok(token) => self.report(items, token).await,
            Err(fault) => unsent(items.len(), fault),
        };
        if self.park { parked(reading) } else { reading }
    }
}

impl Consumer<'_> {
    async fn report(&self, items: &[Item<Operation>], token: &Token) -> Reading {
        let records = items.len();
        let request = match self.request(items, token) {
            Ok(request) => request,
            Err(fault) => return unsent(records, fault),
        };
        let reply = match rest::ask(&self.sink.transport, SERVICE, request).await {
            Ok(reply) => reply,
            Err(error) => return rest::unanswered(NAME, records, &error),
        };
        if reply.status() == http::StatusCode::UNAUTHORIZED {
            return self.renew(records, token).await;
        }
        // A service that quotes the token does not get it into a log.
        let say = |said: &str| words(&said.replace(token.bearer.text.expose_secret(), "…"));
        let (reading, denied) = answer::read(&self.service, items, &reply, &say);
        if denied.is_some() {
            *self.denied.lock().unwrap_or_else(PoisonError::into_inner) = denied;
        }
        reading
    }

    fn request(&self, items: &[Item<Operation>], token: &Token) -> Result<http::Request<Bytes>, Fault> {
        let address = format!("{}/v1/services/{}:report", self.sink.endpoint, self.service);
        let body = operation::body(items.iter().map(|item| &item.told));
        http::Request::post(address)
            .header(AUTHORIZATION, token.bearer.header.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| misconfigured(&format!("no request can be made: {error}")))
    }

    /// A token that was refused took nothing with it. The first is renewed, and the same request made again.
    async fn renew(&self, records: usize, refused: &Token) -> Reading {
        let said = "HTTP 401: the access token was refused";
        let next = match self.sink.tokens.renew(refused).await {
            Ok(true) => Next::Again,
            Ok(false) => Next::Done,
            Err(fault) => return unsent(records, fault),
        };
        Reading::same(records, later(said.to_owned()), next).because(
            FaultKind::Unauthorized,
            named(&format!("{said}, and so was a new one")),
        )
    }
}

/// No request left.
fn unsent(records: usize, fault: Fault) -> Reading {
    Reading {
        fault: Some(fault.clone()),
        ..Reading::same(records, later(format!("not sent: {fault}")), Next::Done)
    }
}

/// The same, with nothing sent again that may have been taken.
fn parked(mut reading: Reading) -> Reading {
    for (answer, next) in &mut reading.answers {
        if matches!(answer, Answer::Unknown(_)) {
            *next = Next::Done;
        }
    }
    reading
}

fn named(words: &str) -> String {
    format!("{NAME}: {words}")
}

fn misconfigured(words: &str) -> Fault {
    Fault::new(FaultKind::Misconfigured, named(words))
}
