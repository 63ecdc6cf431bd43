//! A witness: it sees every request that passes a scene's transport, and its answer.

use std::collections::BTreeMap;
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use platform::transport::{self, Carrier, TransportError};

use crate::scene::{IntoWorld, Scene};

/// The word on requests that no code of ours sends: a test makes them, well or badly, to see what the simulator answers.
const STRANGER: &str = "stranger";

/// A request, and what it was answered.
pub(crate) struct Exchange {
    /// Whether our own code sent it.
    pub(crate) ours: bool,
    pub(crate) request: Request<Bytes>,
    /// None where the connection broke.
    pub(crate) answer: Option<Response<Bytes>>,
}

/// All exchanges of a scene, in the order of the requests. Clones share them.
#[derive(Clone, Default)]
pub(crate) struct Witness(Arc<Mutex<Vec<Exchange>>>);

impl Witness {
    /// A scene whose every request this witness sees.
    pub(crate) async fn scene(&self, now: &str) -> Scene {
        let witness = self.clone();
        Scene::by(now, |inner| Watched { inner, witness }).await
    }

    /// What it has seen of the host whose name begins so. The rest it keeps.
    pub(crate) fn of_host(&self, host: &str) -> Vec<Exchange> {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let begins = |exchange: &Exchange| {
            exchange
                .request
                .uri()
                .host()
                .is_some_and(|name| name.starts_with(host))
        };
        let (of_host, rest) = mem::take(&mut *seen).into_iter().partition(begins);
        *seen = rest;
        of_host
    }

    /// How many exchanges with each host it still keeps.
    pub(crate) fn unjudged(&self) -> BTreeMap<String, usize> {
        let seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut hosts = BTreeMap::new();
        for exchange in seen.iter() {
            *hosts
                .entry(exchange.request.uri().host().unwrap_or_default().to_owned())
                .or_insert(0) += 1;
        }
        hosts
    }

    fn note(&self, exchange: Exchange) -> usize {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen.push(exchange);
        seen.len() - 1
    }

    fn answer(&self, place: usize, answer: &Response<Bytes>) {
        let mut seen = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        seen[place].answer = Some(answer.clone());
    }
}

/// The way into the world, with a witness on it.
struct Watched {
    inner: IntoWorld,
    witness: Witness,
}

impl Carrier for Watched {
    fn carry(
        &self,
        request: transport::Request,
    ) -> BoxFuture<'static, Result<Response<Bytes>, TransportError>> {
        let place = self.witness.note(Exchange {
            ours: request.service != STRANGER,
            request: request.http.clone(),
            answer: None,
        });
        let witness = self.witness.clone();
        let answer = self.inner.carry(request);
        Box::pin(async move {
            let answer = answer.await?;
            witness.answer(place, &answer);
            Ok(answer)
        })
    }
}

impl Scene {
    /// Sends a request as no code of ours would, and answers its status and body.
    pub(crate) async fn stranger(&self, request: Request<Bytes>) -> (u16, String) {
        let request = transport::Request::new(STRANGER, request);
        let answer = self.deps.transport.send(request).await.unwrap();
        let body = String::from_utf8(answer.body().to_vec()).unwrap();
        (answer.status().as_u16(), body)
    }
}
