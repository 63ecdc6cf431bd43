//! The Runtime API of one process: it asks for the next event and says what became of it.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{HeaderName, HeaderValue, Method, Request, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::{Notify, oneshot};

use crate::serve::{Served, listen};

/// The largest answer of a function that is invoked synchronously.
const MAX_ANSWER: usize = 6 * 1024 * 1024;

/// What a function says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    Response(Bytes),
    Error {
        error_type: String,
        error_message: String,
    },
}

/// One process's own API. A process that is dead cannot reach into the next one's.
#[derive(Debug)]
pub(super) struct Api {
    served: Served,
    desk: Arc<Desk>,
}

/// Where events wait to be fetched, and their senders for an answer.
#[derive(Debug, Default)]
struct Desk {
    state: Mutex<State>,
    offered: Notify,
}

#[derive(Debug, Default)]
struct State {
    waiting: Option<Invocation>,
    fetched: Option<(String, oneshot::Sender<Answer>)>,
    start_error: Option<Answer>,
}

#[derive(Debug)]
struct Invocation {
    request_id: String,
    arn: String,
    event: String,
    deadline: DateTime<Utc>,
    answer: oneshot::Sender<Answer>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct ErrorBody {
    error_type: Option<String>,
    error_message: Option<String>,
}

impl Api {
    pub(super) async fn start() -> io::Result<Self> {
        let desk = Arc::new(Desk::default());
        let at_desk = Arc::clone(&desk);
        let served = listen(SocketAddr::from(([127, 0, 0, 1], 0)), move |request| {
            let desk = Arc::clone(&at_desk);
            async move { Some(desk.answer(request).await) }
        })
        .await?;
        Ok(Self { served, desk })
    }

    /// `127.0.0.1:` and the port, as `AWS_LAMBDA_RUNTIME_API` has it.
    pub(super) fn address(&self) -> String {
        self.served.address.to_string()
    }

    /// Lays an event out for the process. What is returned resolves to its answer.
    pub(super) fn offer(
        &self,
        request_id: String,
        arn: String,
        event: String,
        deadline: DateTime<Utc>,
    ) -> impl Future<Output = Option<Answer>> + use<> {
        let (answer, answered) = oneshot::channel();
        self.desk.lock().waiting = Some(Invocation {
            request_id,
            arn,
            event,
            deadline,
            answer,
        });
        self.desk.offered.notify_one();
        async move { answered.await.ok() }
    }

    /// What the process said of its failed start, if it did.
    pub(super) fn last_word(&self) -> Option<Answer> {
        self.desk.lock().start_error.take()
    }
}

impl Desk {
    async fn answer(&self, request: Request<Bytes>) -> Response<Bytes> {
        let path = request
            .uri()
            .path()
            .strip_prefix("/2018-06-01/runtime/")
            .unwrap_or_default();
        let parts: Vec<&str> = path.split('/').collect();
        match (request.method(), parts.as_slice()) {
            (&Method::GET, ["invocation", "next"]) => self.next().await,
            (&Method::POST, ["invocation", id, "response"]) if request.body().len() > MAX_ANSWER => {
                let error_type = "Function.ResponseSizeTooLarge".to_owned();
                let error_message = format!("Response payload size exceeded maximum of {MAX_ANSWER} bytes.");
                self.take(
                    id,
                    Answer::Error {
                        error_type,
                        error_message,
                    },
                );
                said(StatusCode::PAYLOAD_TOO_LARGE, "RequestEntityTooLarge")
            }
            (&Method::POST, ["invocation", id, "response"]) => {
                self.take(id, Answer::Response(request.body().clone()))
            }
            (&Method::POST, ["invocation", id, "error"]) => self.take(id, error_of(&request)),
            (&Method::POST, ["init", "error"]) => {
                self.lock().start_error = Some(error_of(&request));
                said(StatusCode::ACCEPTED, "")
            }
            _ => said(StatusCode::NOT_FOUND, "NotFound"),
        }
    }

    /// Waits for an event: for ever, as Lambda freezes an idle process; the connection ends with this API.
    async fn next(&self) -> Response<Bytes> {
        let invocation = loop {
            if let Some(invocation) = self.lock().waiting.take() {
                break invocation;
            }
            self.offered.notified().await;
        };
        let Invocation {
            request_id,
            arn,
            event,
            deadline,
            answer,
        } = invocation;
        let mut reply = Response::new(Bytes::from(event));
        for (name, value) in [
            ("content-type", "application/json".to_owned()),
            ("lambda-runtime-aws-request-id", request_id.clone()),
            (
                "lambda-runtime-deadline-ms",
                deadline.timestamp_millis().to_string(),
            ),
            ("lambda-runtime-invoked-function-arn", arn),
            (
                "lambda-runtime-trace-id",
                "Root=1-00000000-000000000000000000000000;Sampled=0".to_owned(),
            ),
        ] {
            if let Ok(value) = HeaderValue::from_str(&value) {
                reply.headers_mut().insert(HeaderName::from_static(name), value);
            }
        }
        self.lock().fetched = Some((request_id, answer));
        reply
    }

    /// Takes the answer to the event that was fetched last, once.
    fn take(&self, request_id: &str, said_by_function: Answer) -> Response<Bytes> {
        let fetched = self.lock().fetched.take_if(|(fetched, _)| fetched == request_id);
        match fetched.map(|(_, answer)| answer.send(said_by_function)) {
            Some(Ok(())) => said(StatusCode::ACCEPTED, ""),
            // Nobody waits for it any more, or nobody ever did.
            Some(Err(_)) | None => said(StatusCode::BAD_REQUEST, "InvalidRequestID"),
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn error_of(request: &Request<Bytes>) -> Answer {
    let header = request.headers().get("lambda-runtime-function-error-type");
    let header = header.and_then(|value| value.to_str().ok()).map(str::to_owned);
    let body: ErrorBody = serde_json::from_slice(request.body()).unwrap_or_default();
    let error_message = body
        .error_message
        .unwrap_or_else(|| String::from_utf8_lossy(request.body()).into_owned());
    Answer::Error {
        error_type: body.error_type.or(header).unwrap_or_else(|| "Unknown".to_owned()),
        error_message,
    }
}

fn said(status: StatusCode, error_type: &str) -> Response<Bytes> {
    let body = if error_type.is_empty() {
        serde_json::json!({"status": "OK"})
    } else {
        serde_json::json!({"errorType": error_type, "errorMessage": error_type})
    };
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = status;
    reply
        .headers_mut()
        .insert("content-type", HeaderValue::from_static("application/json"));
    reply
}
