//! One request and its answer, tried again where that may help.

use bytes::Bytes;
use http::{Response, StatusCode};
use platform::retry::{Again, Retryable as _, persist, retry_after};
use platform::{Request, TransportError};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, quoted};
use crate::json::Object;
use crate::pace::Stop;
use crate::{Client, Error};

/// Metronome's words in a refusal (<https://docs.metronome.com/api-reference/status-codes>).
#[derive(Deserialize)]
struct Words {
    message: String,
}

/// The answer of a call for one thing.
#[derive(Deserialize)]
struct Single<T> {
    data: Object<T>,
}

impl Client {
    /// The one thing that a call asks for.
    pub(crate) async fn one<T: DeserializeOwned>(&self, call: &Call) -> Result<T, Error> {
        let body = self.ask(call, None).await?;
        let answer: Single<T> = self.read(call, &body)?;
        Ok(answer.data.0)
    }

    /// The body of the page at `cursor`, asked for until it comes, will not, or time is up.
    pub(crate) async fn ask(&self, call: &Call, cursor: Option<&str>) -> Result<Bytes, Error> {
        persist(self.deadline, || self.once(call, cursor)).await
    }

    /// Reads an answer straight from its text, as an object of the documented shape.
    pub(crate) fn read<T: DeserializeOwned>(&self, call: &Call, body: &[u8]) -> Result<T, Error> {
        serde_json::from_slice::<Object<T>>(body)
            .map(|object| object.0)
            .map_err(|error| self.unreadable(call, &error.to_string()))
    }

    pub(crate) fn unreadable(&self, call: &Call, reason: &str) -> Error {
        Error::Unreadable {
            call: call.to_string(),
            reason: self.told(reason),
        }
    }

    async fn once(&self, call: &Call, cursor: Option<&str>) -> Result<Bytes, Error> {
        let request = call
            .request(&self.base_url, &self.authorization, cursor)
            .map_err(|error| self.unreadable(call, &format!("its cursor makes no request: {error}")))?;
        self.pace.slot().await.map_err(|stop| stopped(call, &stop))?;
        let answer = match self.transport.send(Request::new("metronome", request)).await {
            Ok(answer) => self.judge(call, answer),
            Err(error) => Err(self.unanswered(call, &error)),
        };
        answer.inspect_err(|error| {
            if error.again() != Again::Never {
                tracing::warn!(%error, "one try of a request to Metronome failed");
            }
        })
    }

    fn unanswered(&self, call: &Call, error: &TransportError) -> Error {
        match error {
            TransportError::NotSent(_) | TransportError::Lost(_) => Error::Unavailable {
                call: call.to_string(),
                reason: self.told(&error.to_string()),
                wait: None,
            },
            TransportError::TooLarge(_) => self.unreadable(call, &error.to_string()),
        }
    }

    /// Only 200 is an answer: it is all that Metronome documents for these calls.
    fn judge(&self, call: &Call, answer: Response<Bytes>) -> Result<Bytes, Error> {
        if answer.status() == StatusCode::OK {
            return Ok(answer.into_body());
        }
        let (name, status) = (call.to_string(), answer.status().as_u16());
        let message = self.message(&answer);
        let wait = retry_after(answer.headers());
        Err(match status {
            401 | 403 => Error::Unauthorized {
                call: name,
                status,
                message,
            },
            429 => {
                self.pace.slow(wait);
                Error::Throttled {
                    call: name,
                    message,
                    wait,
                }
            }
            408 | 500..=599 => Error::Unavailable {
                call: name,
                reason: format!("{status}: {message}"),
                wait,
            },
            400 | 404 | 422 if call.names_things() => Error::Refused {
                call: name,
                status,
                message,
            },
            _ => Error::Unexpected {
                call: name,
                status,
                message,
            },
        })
    }

    /// What Metronome says of a refusal, if it is said as documented. A body that is something else is not repeated.
    fn message(&self, answer: &Response<Bytes>) -> String {
        if answer.status().is_redirection() {
            return "a redirect is not followed, for it would carry the token elsewhere; check base_url"
                .to_owned();
        }
        match serde_json::from_slice::<Object<Words>>(answer.body()) {
            Ok(Object(words)) => self.told(&words.message),
            Err(_) => "no message".to_owned(),
        }
    }

    /// A text from outside as an error may repeat it, which is without the token, should it hold that.
    fn told(&self, text: &str) -> String {
        quoted(&text.replace(self.token.expose_secret(), "[the token]"))
    }
}

fn stopped(call: &Call, stop: &Stop) -> Error {
    let call = call.to_string();
    match stop {
        Stop::OutOfTime => Error::OutOfTime { call },
        Stop::Paused(left) => Error::Throttled {
            call,
            message: format!("not asked, for it wants none for {} s more", left.as_secs()),
            wait: Some(*left),
        },
    }
}
