//! What every job stands on: configuration, secrets, telemetry, transport, retry, limiter, time, and exact decimals from
//! JSON. Each thing that a program can get only from outside (the clock, the environment, the network) enters in exactly one
//! module here; the lints keep it out of all others.

pub mod aws;
pub mod clock;
pub mod config;
pub mod connection;
pub mod endpoint;
pub mod error;
pub mod exact;
pub mod limiter;
pub mod requests;
pub mod retry;
pub mod scheduled;
pub mod secrets;
pub mod telemetry;
pub mod text;
pub mod transport;

pub use clock::{Clock, Deadline};
pub use connection::Connection;
pub use error::{Fault, FaultKind};
pub use exact::Exact;
pub use limiter::Limiter;
pub use transport::{Request, Transport, TransportError};
