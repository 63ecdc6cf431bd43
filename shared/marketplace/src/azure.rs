//! Microsoft's commercial marketplace, by `batchUsageEvent` of its metering API.
//!
//! Records go up to 25 a call, across buyers, under one application's token. A call is made at most five times within 60 s,
//! each time with only those records whose fate is still open and with exactly their content, and none begins when the
//! invocation is about to end. Microsoft answers each event of a call in HTTP 200; a call that is refused whole is halved until
//! what it was refused for stands alone. What it holds of a day, it can be asked ([`Azure::holds`]).
//!
//! API reference: <https://learn.microsoft.com/partner-center/marketplace-offers/marketplace-metering-service-apis> (read
//! 2026-11-20).

mod access;
mod answer;
mod batch;
mod event;
mod failed;
mod failure;
mod held;
mod json;
mod refusal;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use billing::{MonthEnd, Rules, Unanswered};
use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream::{self, StreamExt as _};
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request};
use platform::connection::Endpoints;
use platform::secrets::AzureSecret;
use platform::{Clock, Deadline, Fault, FaultKind, Limiter, Transport};

use crate::delivery::{Channel, Delivered, Delivery, Item, Next, Reading, later};
use crate::words::words;
use crate::{DOUBLE, Outgoing, Sent, rest};
use access::{Access, Token};
use batch::Sorted;
use event::Event;

pub use held::{Asked, Held};

/// The service's name in faults.
const MARKETPLACE: &str = "Microsoft's marketplace";

/// The word that requests are counted under, tokens too.
const SERVICE: &str = "azure";

/// The only version there is (OpenAPI document of the metering API, read 2026-11-20).
const API_VERSION: &str = "api-version=2018-08-31";

/// Microsoft publishes no limit. Ten calls are 250 records a second: a quarter of an hour carries more than 200 000.
const CALLS_PER_SECOND: u32 = 10;

/// Calls under way at once: enough to keep the pace while each takes most of a second.
const CALLS_AT_ONCE: usize = 8;

/// What Microsoft takes: quantities above zero, an hour for less than 24 h (same page). After that it can be asked what it
/// holds (`GET usageEvents`).
#[must_use]
pub fn rules() -> Rules {
    Rules {
        unit: DOUBLE,
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Open,
        unanswered: Unanswered::ReadBack,
    }
}

/// The sink of one invocation and one application: its token, and one pace.
pub struct Azure {
    transport: Transport,
    /// Where the metering API is, without a slash at the end.
    base_url: String,
    access: Result<Access, Fault>,
    deadline: Deadline,
    clock: Clock,
    pace: Arc<Limiter>,
}

impl Azure {
    /// A sink that meters as the application in `credentials`, whose token is asked for at the first call. Without
    /// credentials nothing is sent, and every answer says why.
    #[must_use]
    pub fn new(
        transport: &Transport,
        endpoints: &Endpoints,
        credentials: Result<&AzureSecret, Fault>,
        deadline: Deadline,
        clock: Clock,
    ) -> Self {
        Self {
            transport: transport.clone(),
            base_url: endpoints.azure.clone(),
            access: credentials
                .and_then(|secret| Access::new(transport, &endpoints.azure_login, secret, deadline)),
            deadline,
            clock,
            pace: Arc::new(Limiter::per_second(CALLS_PER_SECOND)),
        }
    }

    /// Sends records, each of which has this attempt noted on it. Nothing fails here: what went wrong is in the answers, and
    /// in the faults where it concerns more than a record.
    pub async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        let mut delivered = Delivered::default();
        if self.deadline.open() {
            let Sorted { batches, refused } = batch::batches(&outgoing, self.clock.now());
            delivered.answers = refused;
            if !batches.is_empty() {
                match self.access().await {
                    Ok(access) => delivered.extend(self.deliver(access, batches).await),
                    Err(fault) => {
                        let places = batches.iter().flatten().map(|item| item.place);
                        delivered.extend(Delivered::unsent(places, fault));
                    }
                }
            }
        }
        delivered.of(&outgoing)
    }

    /// The access, once it has shown that there is a token to be had.
    async fn access(&self) -> Result<&Access, Fault> {
        let access = self.access.as_ref().map_err(Fault::clone)?;
        access.token().await.map(|_| access)
    }

    async fn deliver(&self, access: &Access, batches: Vec<Vec<Item<Event>>>) -> Delivered {
        let delivery = Delivery {
            pace: Arc::clone(&self.pace),
            deadline: self.deadline,
            clock: &self.clock,
        };
        let calls = Calls {
            azure: self,
            access,
            not_authorized: AtomicBool::new(false),
        };
        let mut delivered = stream::iter(batches)
            .map(|batch| delivery.deliver(&calls, batch))
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(Delivered::default(), async |all, one| all.and(one))
            .await;
        if calls.not_authorized.into_inner() {
            delivered.faults.push(Fault::new(
                FaultKind::Unauthorized,
                named("ResourceNotAuthorized: name this application in the technical configuration of every offer that it meters"),
            ));
        }
        delivered
    }

    /// A request of the metering API: its path and query from the base's end on.
    fn request(
        &self,
        method: Method,
        path: &str,
        token: &Token,
        body: Bytes,
    ) -> Result<Request<Bytes>, Fault> {
        Request::builder()
            .method(method)
            .uri(format!("{}{path}", self.base_url))
            .header(AUTHORIZATION, token.authorization())
            .header(CONTENT_TYPE, "application/json")
            .body(body)
            .map_err(|error| Fault::new(FaultKind::Misconfigured, named(&words(&error.to_string()))))
    }
}

/// It says nothing of the credentials that it holds.
impl fmt::Debug for Azure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Azure")
    }
}

/// Calls of `batchUsageEvent`.
struct Calls<'a> {
    azure: &'a Azure,
    access: &'a Access,
    /// Some event was refused for who sent it. The call's other events may yet be sent again, and that mends nothing of it.
    not_authorized: AtomicBool,
}

impl Calls<'_> {
    async fn request(&self, items: &[Item<Event>]) -> Result<(Token, Request<Bytes>), Fault> {
        let token = self.access.token().await?;
        let body = batch::body(items)
            .map_err(|error| Fault::new(FaultKind::Misconfigured, named(&words(&error.to_string()))))?;
        let path = format!("/batchUsageEvent?{API_VERSION}");
        let request = self.azure.request(Method::POST, &path, &token, body)?;
        Ok((token, request))
    }

    /// The token was refused, and the whole call with it: nothing was taken.
    async fn refused(&self, records: usize, token: &Token, said: String) -> Reading {
        let next = if self.access.renews(token).await {
            Next::Again
        } else {
            Next::Done
        };
        Reading::same(records, later(said.clone()), next).because(FaultKind::Unauthorized, named(&said))
    }
}

impl Channel for Calls<'_> {
    type Told = Event;

    async fn call(&self, items: &[Item<Event>]) -> Reading {
        let (token, request) = match self.request(items).await {
            Ok(request) => request,
            Err(Fault { kind, message }) => {
                return Reading::same(items.len(), later(format!("not sent: {message}")), Next::Done)
                    .because(kind, message);
            }
        };
        let response = match rest::ask(&self.azure.transport, SERVICE, request).await {
            Ok(response) => response,
            Err(error) => return rest::unanswered(MARKETPLACE, items.len(), &error),
        };
        match response.status().as_u16() {
            200 => {
                let answered = answer::read(items, response.body());
                self.not_authorized
                    .fetch_or(answered.not_authorized, Ordering::Relaxed);
                answered.reading
            }
            401 | 403 => {
                let said = refusal::token(&response);
                self.refused(items.len(), &token, said).await
            }
            _ => refusal::whole(items, &response),
        }
    }
}

fn named(words: &str) -> String {
    format!("{MARKETPLACE}: {words}")
}
