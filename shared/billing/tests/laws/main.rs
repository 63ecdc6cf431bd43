//! The laws of the money core, on a small pure world: usage, books and a marketplace in memory, and the real plan and settle
//! between them.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test that meets what it does not expect fails"
)]

mod amounts;
mod configured;
mod interleavings;
mod invocation;
mod laws;
mod market;
mod mended;
mod play;
mod refused;
mod regressions;
mod stories;
mod watch;
mod world;
mod year;
