//! What every simulator is: a function from a request to its fate.

use std::time::Duration;

use bytes::Bytes;

/// What becomes of a request.
#[derive(Debug)]
pub enum Fate {
    /// The service answers.
    Reply(http::Response<Bytes>),
    /// The connection breaks without an answer (whether the request took effect is the simulator's affair).
    Lost,
    /// The same, only later.
    After(Duration, Box<Fate>),
}

/// A simulated service. `call` runs to its end under the service's own lock, so one request is one step of the world.
pub trait Service: Send + Sync {
    /// The word that the run's summary counts its requests under: `metronome`, `aws`, `dynamodb`, …
    fn name(&self) -> &'static str;

    /// Applies one request. The URI's path and query are the service's; its host is not looked at.
    fn call(&self, request: &http::Request<Bytes>) -> Fate;
}
