//! A Metronome that answers as its test says, and remembers what it was asked.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::{Request, Response};
use platform::transport::Carrier;
use platform::{Deadline, Transport, TransportError};
use tokio::time::Instant;

use crate::Client;

pub(super) const TOKEN: &str = "tok_live_4f1c2a";

/// One answer: it arrives after `delay`.
#[derive(Clone)]
pub(super) struct Reply {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: String,
    delay: Duration,
    failure: Option<TransportError>,
}

impl Reply {
    pub(super) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.headers.push((name, value.to_owned()));
        self
    }

    pub(super) fn after(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

pub(super) fn reply(status: u16, body: impl Into<String>) -> Reply {
    Reply {
        status,
        headers: Vec::new(),
        body: body.into(),
        delay: Duration::ZERO,
        failure: None,
    }
}

pub(super) fn ok(body: impl Into<String>) -> Reply {
    reply(200, body)
}

/// A refusal with Metronome's words.
pub(super) fn refusal(status: u16, message: &str) -> Reply {
    reply(status, serde_json::json!({ "message": message }).to_string())
}

pub(super) fn failure(error: TransportError) -> Reply {
    Reply {
        failure: Some(error),
        ..ok("")
    }
}

/// The last page of a list of these rows.
pub(super) fn last_page(rows: &str) -> Reply {
    ok(format!(r#"{{"data":[{rows}],"next_page":null}}"#))
}

/// A page of these rows before another.
pub(super) fn page(rows: &str, next: &str) -> Reply {
    ok(format!(r#"{{"data":[{rows}],"next_page":"{next}"}}"#))
}

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) at: Instant,
    pub(super) line: String,
    pub(super) body: String,
    pub(super) headers: http::HeaderMap,
}

type Script = dyn Fn(usize, &Request<Bytes>) -> Reply + Send + Sync;

#[derive(Clone)]
pub(super) struct Metronome {
    script: Arc<Script>,
    asked: Arc<Mutex<Vec<Asked>>>,
    in_flight: Arc<AtomicUsize>,
    most_in_flight: Arc<AtomicUsize>,
}

impl Metronome {
    /// Answers each request by its number, from 0, and itself.
    pub(super) fn answering(
        script: impl Fn(usize, &Request<Bytes>) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self {
            script: Arc::new(script),
            asked: Arc::default(),
            in_flight: Arc::default(),
            most_in_flight: Arc::default(),
        }
    }

    /// Answers in this order; a request more fails the test.
    pub(super) fn replying(replies: impl IntoIterator<Item = Reply>) -> Self {
        let replies: Vec<Reply> = replies.into_iter().collect();
        Self::answering(move |number, request| match replies.get(number) {
            Some(reply) => reply.clone(),
            None => panic!("nobody expected {} {}", request.method(), request.uri()),
        })
    }

    /// A client with 15 minutes and 8 requests a second.
    pub(super) fn client(&self) -> Client {
        self.client_until(Deadline::after(Duration::from_secs(900)))
    }

    pub(super) fn client_until(&self, deadline: Deadline) -> Client {
        let token = TOKEN.to_owned().into();
        Client::new(
            Transport::over(self.clone()),
            "https://api.metronome.com",
            token,
            8,
            deadline,
        )
        .unwrap()
    }

    pub(super) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// Method and path with query of every request.
    pub(super) fn lines(&self) -> Vec<String> {
        self.asked().into_iter().map(|asked| asked.line).collect()
    }

    pub(super) fn most_in_flight(&self) -> usize {
        self.most_in_flight.load(Ordering::SeqCst)
    }
}

impl Carrier for Metronome {
    fn carry(
        &self,
        request: platform::Request,
    ) -> BoxFuture<'static, Result<Response<Bytes>, TransportError>> {
        assert_eq!(request.service, "metronome");
        let this = self.clone();
        Box::pin(async move {
            let http = request.http;
            let reply = {
                let mut asked = this.asked.lock().unwrap();
                asked.push(Asked {
                    at: Instant::now(),
                    line: format!("{} {}", http.method(), http.uri().path_and_query().unwrap()),
                    body: String::from_utf8(http.body().to_vec()).unwrap(),
                    headers: http.headers().clone(),
                });
                (this.script)(asked.len() - 1, &http)
            };
            let now = this.in_flight.fetch_add(1, Ordering::SeqCst) + 1;
            this.most_in_flight.fetch_max(now, Ordering::SeqCst);
            tokio::time::sleep(reply.delay).await;
            this.in_flight.fetch_sub(1, Ordering::SeqCst);
            if let Some(error) = reply.failure {
                return Err(error);
            }
            if reply.body.len() > request.body_limit {
                return Err(TransportError::TooLarge(request.body_limit));
            }
            let mut response = Response::builder().status(reply.status);
            for (name, value) in reply.headers {
                response = response.header(name, value);
            }
            Ok(response.body(reply.body.into()).unwrap())
        })
    }
}
