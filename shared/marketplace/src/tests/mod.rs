//! The sink against a scripted AWS Marketplace in the same process, on paused time.

mod access;
mod answers;
mod batches;
mod decimals;
mod poison;
mod scripted;
mod tries;
mod windows;
