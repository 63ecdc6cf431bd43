//! The operator's side of Meterbridge: connection files, and the commands of `meterbridge`.

pub mod cli;
pub mod command;
pub mod diff;
pub mod exclusive;
pub mod file;
pub mod fixing;
pub mod opening;
pub mod term;
