//! The AWS services, as far as the world needs them, each a [`Service`](crate::Service).
//!
//! They read the caller and the region from the Signature Version 4 scope of the `Authorization` header, as the real ones
//! do. The signature itself is not verified: no simulator knows a secret key.

pub mod dynamodb;
mod json;
pub mod metering;
#[cfg(test)]
mod requests;
mod scope;
pub mod secrets;
pub mod sts;

pub use json::Refusal;
pub use scope::Scope;
