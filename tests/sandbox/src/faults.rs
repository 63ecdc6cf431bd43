//! What goes wrong on the way: refusals, lost connections and delays, laid around any simulator by a plan.
//!
//! One plan ([`Faults`]) may stand around many services ([`Faulty`]), so that "the twelfth request of this run" can be
//! named whatever service it goes to. The same plan over the same requests gives the same faults.

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};

use crate::{Fate, Service};

/// Something that goes wrong with one request.
#[derive(Clone)]
pub enum Fault {
    /// The service answers this instead, and the request has no effect.
    Answer(Response<Bytes>),
    /// The connection breaks before the request has its effect.
    LostBefore,
    /// The request has its effect, and its answer is lost.
    LostAfter,
    /// The request has its effect, but the service answers this.
    AnswerAfter(Response<Bytes>),
    /// The answer comes late.
    Delay(Duration),
    /// The act is done before the request has its effect (it has none), and the connection breaks. A test kills the caller.
    StrikeBefore(Arc<dyn Fn() + Send + Sync>),
    /// The act is done when the request has had its effect, and the connection breaks.
    StrikeAfter(Arc<dyn Fn() + Send + Sync>),
}

impl Fault {
    /// An answer of `status` with a body of the service's own kind.
    #[must_use]
    pub fn status(status: StatusCode, content_type: &'static str, body: &str) -> Self {
        let mut answer = Response::new(Bytes::copy_from_slice(body.as_bytes()));
        *answer.status_mut() = status;
        answer
            .headers_mut()
            .insert("content-type", HeaderValue::from_static(content_type));
        Self::Answer(answer)
    }

    /// HTTP 429, saying after how many seconds to come back, or not saying it.
    #[must_use]
    pub fn too_many_requests(retry_after: Option<u32>, content_type: &'static str, body: &str) -> Self {
        let mut fault = Self::status(StatusCode::TOO_MANY_REQUESTS, content_type, body);
        if let (Self::Answer(answer), Some(seconds)) = (&mut fault, retry_after) {
            answer
                .headers_mut()
                .insert("retry-after", HeaderValue::from(seconds));
        }
        fault
    }

    /// An error of an awsJson service, such as `ThrottlingException` with HTTP 400.
    #[must_use]
    pub fn aws(status: StatusCode, kind: &str) -> Self {
        let body = serde_json::json!({"__type": kind, "message": kind});
        Self::status(status, "application/x-amz-json-1.1", &body.to_string())
    }
}

/// Which of the requests that a rule is about are struck. The first request is number 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// All.
    Always,
    /// The k-th alone.
    Nth(u64),
    /// The n-th, the 2n-th, and so on. None if 0.
    Every(u64),
    /// The first ones.
    First(u64),
    /// About so many of a hundred, drawn by the seed.
    Percent {
        /// Of a hundred.
        share: u64,
        /// What they are drawn by.
        seed: u64,
    },
}

impl When {
    fn strikes(self, number: u64) -> bool {
        match self {
            Self::Always => true,
            Self::Nth(nth) => number == nth,
            Self::Every(every) => every != 0 && number.is_multiple_of(every),
            Self::First(first) => number <= first,
            Self::Percent { share, seed } => draw(seed, number) % 100 < share,
        }
    }
}

/// Sees a service's name and a request to it.
type Matches = Box<dyn Fn(&str, &Request<Bytes>) -> bool + Send + Sync>;

/// A fault, and when it is given.
pub struct Rule {
    name: String,
    matches: Matches,
    when: When,
    fault: Fault,
    seen: u64,
}

impl Rule {
    /// A rule about every request. `name` is what its faults are counted under.
    #[must_use]
    pub fn new(name: &str, when: When, fault: Fault) -> Self {
        Self {
            name: name.to_owned(),
            matches: Box::new(|_, _| true),
            when,
            fault,
            seen: 0,
        }
    }

    /// About those only for which `matches` holds too, given the service's name.
    #[must_use]
    pub fn on(mut self, matches: impl Fn(&str, &Request<Bytes>) -> bool + Send + Sync + 'static) -> Self {
        let before = self.matches;
        self.matches =
            Box::new(move |service, request| before(service, request) && matches(service, request));
        self
    }

    /// About requests to the service of this name only.
    #[must_use]
    pub fn on_service(self, name: &'static str) -> Self {
        self.on(move |service, _| service == name)
    }

    /// About requests only whose `X-Amz-Target` names this operation.
    #[must_use]
    pub fn on_operation(self, operation: &'static str) -> Self {
        self.on(move |_, request| operation_of(request) == Some(operation))
    }

    /// About requests only whose path begins so.
    #[must_use]
    pub fn on_path(self, prefix: &'static str) -> Self {
        self.on(move |_, request| request.uri().path().starts_with(prefix))
    }
}

/// A plan of faults. Clones share it.
#[derive(Clone, Default)]
pub struct Faults(Arc<Mutex<Plan>>);

#[derive(Default)]
struct Plan {
    rules: Vec<Rule>,
    seen: u64,
    given: BTreeMap<String, u64>,
}

impl fmt::Debug for Faults {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let plan = self.lock();
        let rules: Vec<_> = plan
            .rules
            .iter()
            .map(|rule| (&rule.name, rule.when, rule.seen))
            .collect();
        formatter
            .debug_struct("Faults")
            .field("rules", &rules)
            .field("given", &plan.given)
            .finish()
    }
}

impl Faults {
    /// Adds a rule. Of the rules that strike a request, the first one added is given.
    pub fn add(&self, rule: Rule) {
        self.lock().rules.push(rule);
    }

    /// Ends all rules. What has been counted stays.
    pub fn clear(&self) {
        self.lock().rules.clear();
    }

    /// How often each rule has struck, by its name.
    pub fn given(&self) -> BTreeMap<String, u64> {
        self.lock().given.clone()
    }

    /// How many requests have passed, struck or not.
    pub fn seen(&self) -> u64 {
        self.lock().seen
    }

    /// A service with this plan around it.
    pub fn around(&self, inner: Arc<dyn Service>) -> Arc<Faulty> {
        Arc::new(Faulty {
            inner,
            faults: self.clone(),
        })
    }

    fn draw(&self, service: &str, request: &Request<Bytes>) -> Option<Fault> {
        let mut plan = self.lock();
        plan.seen += 1;
        let mut struck = None;
        for rule in plan
            .rules
            .iter_mut()
            .filter(|rule| (rule.matches)(service, request))
        {
            rule.seen += 1;
            if struck.is_none() && rule.when.strikes(rule.seen) {
                struck = Some((rule.name.clone(), rule.fault.clone()));
            }
        }
        let (name, fault) = struck?;
        *plan.given.entry(name).or_default() += 1;
        Some(fault)
    }

    fn lock(&self) -> MutexGuard<'_, Plan> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A service with a plan of faults around it.
pub struct Faulty {
    inner: Arc<dyn Service>,
    faults: Faults,
}

impl fmt::Debug for Faulty {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Faulty")
            .field("inner", &self.inner.name())
            .field("faults", &self.faults)
            .finish()
    }
}

impl Service for Faulty {
    fn name(&self) -> &'static str {
        self.inner.name()
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        // The effect itself is what counts here: what the service would have answered is thrown away.
        let effect = || drop(self.inner.call(request));
        match self.faults.draw(self.name(), request) {
            None => self.inner.call(request),
            Some(Fault::Answer(answer)) => Fate::Reply(answer),
            Some(Fault::LostBefore) => Fate::Lost,
            Some(Fault::LostAfter) => {
                effect();
                Fate::Lost
            }
            Some(Fault::AnswerAfter(answer)) => {
                effect();
                Fate::Reply(answer)
            }
            Some(Fault::Delay(by)) => Fate::After(by, Box::new(self.inner.call(request))),
            Some(Fault::StrikeBefore(act)) => {
                act();
                Fate::Lost
            }
            Some(Fault::StrikeAfter(act)) => {
                effect();
                act();
                Fate::Lost
            }
        }
    }
}

/// The operation that `X-Amz-Target` names, after its dot.
pub fn operation_of(request: &Request<Bytes>) -> Option<&str> {
    let target = request.headers().get("x-amz-target")?.to_str().ok()?;
    target.split_once('.').map(|(_, operation)| operation)
}

/// A number that looks random, from a seed and a place (`SplitMix64`, <https://prng.di.unimi.it/splitmix64.c>).
#[must_use]
pub fn draw(seed: u64, place: u64) -> u64 {
    let mut z = seed.wrapping_add(place.wrapping_mul(0x9e37_79b9_7f4a_7c15));
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
