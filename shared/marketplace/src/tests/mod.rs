//! The sinks against scripted marketplaces in the same process, on paused time.

mod access;
mod answers;
mod batches;
mod decimals;
mod poison;
mod scripted;
mod suger;
mod suger_service;
mod suger_tries;
mod tries;
mod windows;
