//! The laws of the money core, on a small pure world: usage, books and a marketplace in memory, and the real plan and settle
//! between them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test that meets what it does not expect fails"
)]

mod configured;
mod interleavings;
mod invocation;
mod laws;
mod market;
mod refused;
mod regressions;
mod stories;
mod world;
mod year;
