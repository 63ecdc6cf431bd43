//! The sinks against scripted marketplaces in the same process, on paused time.

mod access;
mod answers;
mod azure;
mod batches;
mod poison;
mod scripted;
mod tries;
mod windows;
