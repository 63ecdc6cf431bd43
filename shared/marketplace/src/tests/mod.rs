//! The sinks against scripted marketplaces in the same process, on paused time.

mod access;
mod answers;
mod azure;
mod batches;
mod decimals;
mod gcp_answers;
mod gcp_google;
mod gcp_operations;
mod gcp_statuses;
mod gcp_tokens;
mod gcp_tries;
mod gcp_workload;
mod poison;
mod scripted;
mod suger;
mod suger_service;
mod suger_tries;
mod tries;
mod windows;
