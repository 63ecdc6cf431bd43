//! Suger, by its usage record groups: it adds them up and passes them on to the buyer's marketplace.
//!
//! A record is a group, and goes alone: `POST /org/{orgId}/entitlement/{entitlementId}/usageRecordGroup`. Of Suger's two ways to
//! report, only this one takes an id of ours, by which a group that comes again is refused with 409. A group of
//! `batchCreateUsageRecordGroups` has no id to be told by, and groups are added up: sent again after a lost answer, a batch would be
//! billed twice. So there is no batch to halve here, and each answer is about one record.
//!
//! The id is derived from all that a record says, so what Suger holds under it is this very record, whoever sent it: a duplicate
//! is ours, with our quantity, and any request may be made again unchanged. A 409 does not say how the group stands there; one
//! that Suger could not report is found in its own list of groups. A call is made at most five times within 60 s, at most ten
//! calls a second, and none begins when the invocation is about to end.
//!
//! API reference: <https://doc.suger.io/api/report-usage-record-group>, <https://doc.suger.io/api/batch-report-usage-record-groups>
//! (read 2026-11-20).

mod answer;
mod group;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, OnceLock};

use billing::{MonthEnd, Rules, Unanswered};
use bytes::Bytes;
use chrono::TimeDelta;
use futures::stream::{self, StreamExt as _};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request, StatusCode};
use platform::{Clock, Deadline, Fault, FaultKind, Limiter, Transport, endpoint};
use secrecy::{ExposeSecret as _, SecretString};

use crate::delivery::{Channel, Delivered, Delivery, Item, Next, Reading, later};
use crate::{DOUBLE, Outgoing, Sent, rest};
use group::Group;

/// Suger names no limit. This is the strictest of the marketplaces behind it (AWS), and a thousand records in under two minutes.
const CALLS_PER_SECOND: u32 = 10;

/// Calls under way at once: enough to keep the pace while each takes most of a second.
const CALLS_AT_ONCE: usize = 8;

/// What Suger takes. It names no window of its own; the marketplaces behind it take an hour for less than 24 h.
#[must_use]
pub fn rules() -> Rules {
    Rules {
        unit: DOUBLE,
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Open,
        unanswered: Unanswered::Resend,
    }
}

/// The sink of one invocation: one API key, one pace.
pub struct Suger {
    transport: Transport,
    access: Result<Access, Fault>,
    deadline: Deadline,
    clock: Clock,
    pace: Arc<Limiter>,
    /// Why no more calls are made: Suger refused the key, or wants none for longer than the invocation lasts.
    stopped: OnceLock<Fault>,
}

/// Where calls go, and what opens the door.
struct Access {
    base_url: String,
    authorization: HeaderValue,
}

impl Suger {
    /// A sink on Suger's address, with an API key or the reason why there is none. Where the address or the key cannot be used,
    /// [`Self::send`] says so of every record.
    #[must_use]
    pub fn new(
        transport: &Transport,
        base_url: &str,
        api_key: Result<&SecretString, Fault>,
        deadline: Deadline,
        clock: Clock,
    ) -> Self {
        Self {
            transport: transport.clone(),
            access: api_key.and_then(|api_key| Access::new(base_url, api_key)),
            deadline,
            clock,
            pace: Arc::new(Limiter::per_second(CALLS_PER_SECOND)),
            stopped: OnceLock::new(),
        }
    }

    /// Sends records, each of which has this attempt noted on it. Nothing fails here: what went wrong is in the answers, and
    /// in the faults where it concerns more than a record.
    pub async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        let mut delivered = Delivered::default();
        if self.deadline.open() {
            let (groups, refused) = group::groups(&outgoing, self.clock.now());
            delivered.extend(refused);
            match &self.access {
                Ok(access) => delivered.extend(self.deliver(access, groups).await),
                Err(_) if groups.is_empty() => {}
                Err(fault) => {
                    let places = groups.iter().map(|item| item.place);
                    delivered.extend(Delivered::unsent(places, fault.clone()));
                }
            }
        }
        delivered.of(&outgoing)
    }

    /// No more calls, for the reason of this reply.
    fn stop(&self, reading: &Reading) {
        if let Some(fault) = &reading.fault {
            self.stopped.get_or_init(|| fault.clone());
        }
    }

    async fn deliver(&self, access: &Access, groups: Vec<Item<Group>>) -> Delivered {
        let delivery = Delivery {
            pace: Arc::clone(&self.pace),
            deadline: self.deadline,
            clock: &self.clock,
        };
        let caller = Caller { sink: self, access };
        stream::iter(groups)
            .map(async |item| match self.stopped.get() {
                Some(fault) => Delivered::unsent(std::iter::once(item.place), fault.clone()),
                None => delivery.deliver(&caller, vec![item]).await,
            })
            .buffer_unordered(CALLS_AT_ONCE)
            .fold(Delivered::default(), async |all, one| all.and(one))
            .await
    }
}

/// It says nothing of the key that it holds.
impl fmt::Debug for Suger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Suger")
    }
}

impl Access {
    fn new(base_url: &str, api_key: &SecretString) -> Result<Self, Fault> {
        endpoint::check(base_url).map_err(|reason| misconfigured(format!("Suger's address: {reason}")))?;
        if base_url.contains(['?', '#']) {
            return Err(misconfigured(
                "Suger's address: it wants no query and no fragment",
            ));
        }
        let key = api_key.expose_secret();
        let unusable = || misconfigured("Suger's API key is empty, or holds a character that no key has");
        if key.is_empty() || !key.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(unusable());
        }
        let mut authorization = HeaderValue::try_from(format!("Key {key}")).map_err(|_| unusable())?;
        authorization.set_sensitive(true);
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            authorization,
        })
    }

    fn request(&self, group: &Group) -> Result<Request<Bytes>, http::Error> {
        let Group {
            organization_id,
            entitlement_id,
            ..
        } = group;
        Request::builder()
            .method(Method::POST)
            .uri(format!(
                "{}/org/{organization_id}/entitlement/{entitlement_id}/usageRecordGroup",
                self.base_url
            ))
            .header(AUTHORIZATION, self.authorization.clone())
            .header(ACCEPT, "application/json")
            .header(CONTENT_TYPE, "application/json")
            .header(USER_AGENT, concat!("meterbridge/", env!("CARGO_PKG_VERSION")))
            .body(group.body.clone())
    }
}

/// Calls with one key.
struct Caller<'a> {
    sink: &'a Suger,
    access: &'a Access,
}

impl Channel for Caller<'_> {
    type Told = Group;

    async fn call(&self, items: &[Item<Group>]) -> Reading {
        let [item] = items else {
            return Reading::same(
                items.len(),
                later("not sent: a call takes one".to_owned()),
                Next::Halve,
            );
        };
        let sink = self.sink;
        if let Some(fault) = sink.stopped.get() {
            return unsent(fault.clone());
        }
        let request = match self.access.request(&item.told) {
            Ok(request) => request,
            Err(error) => return unsent(misconfigured(format!("Suger: {error}"))),
        };
        let response = match rest::ask(&sink.transport, "suger", request).await {
            Ok(response) => response,
            Err(error) => return rest::unanswered("Suger", 1, &error),
        };
        let reading = answer::read(&item.told, &response);
        match (response.status(), reading.throttled) {
            (StatusCode::UNAUTHORIZED, _) => sink.stop(&reading),
            (_, Some(asked)) if asked >= sink.deadline.left() => sink.stop(&reading),
            // All others wait too, even where this record's tries are over.
            (_, Some(asked)) => sink.pace.hold(asked),
            _ => {}
        }
        reading
    }
}

/// No request leaves for one record, for this reason.
fn unsent(fault: Fault) -> Reading {
    let reading = Reading::same(1, later(format!("not sent: {fault}")), Next::Done);
    reading.because(fault.kind, fault.message)
}

fn misconfigured(message: impl Into<String>) -> Fault {
    Fault::new(FaultKind::Misconfigured, message)
}
