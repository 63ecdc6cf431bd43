//! The store against a DynamoDB in the test's own process, over a loopback socket and with the real SDK.

mod faults;
mod laws;
mod lists;
mod world;
