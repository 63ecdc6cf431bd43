//! The whole system against the local world: each module states the laws of one concern.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

mod binary;
mod company;
mod crashes;
mod events;
mod laws;
mod overlaps;
mod spine;
mod work;
mod stories;
