//! The client against a scripted Metronome in the same process, on paused time.

mod answers;
mod billable_metrics;
mod billing_providers;
mod client;
mod contracts;
mod customers;
mod invoice_breakdowns;
mod invoices;
mod pages;
mod refusals;
mod retries;
mod scripted;
mod usage;
mod usage_groups;
