//! The whole system against the local world: each module states the laws of one concern.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests"
)]

mod scene;

mod amounts;
mod binary;
mod company;
mod contract;
mod crashes;
mod events;
mod faults;
mod guarded;
mod inputs;
mod laws;
mod market;
mod openings;
mod overlaps;
mod review;
mod seller;
mod shop;
mod specs;
mod spine;
mod stories;
mod table;
mod tally;
mod together;
mod work;
