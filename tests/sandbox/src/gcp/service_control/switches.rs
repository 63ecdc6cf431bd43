//! What is left open by Google's documents, or goes wrong at times; and what is counted.

use std::num::NonZeroU64;

use super::ledger::{OtherOperation, SameOperation};

/// What is left open, or goes wrong.
#[derive(Clone, Debug, Default)]
pub struct Switches {
    /// How an operation is taken that has come before.
    pub same_operation: SameOperation,
    /// How an operation is taken under another one's id, where operations are deduplicated.
    pub other_operation: OtherOperation,
    /// How usage is taken that lies on both sides of a cancellation or a month's end.
    pub straddling: Straddling,
    /// Operations that fail for no cause of theirs.
    pub failing: Option<Failing>,
    /// Requests that are one too many.
    pub exhausted: Option<Exhausted>,
    /// An operation id that each answer to a report names in `reportErrors`, whatever was asked.
    pub foreign_error: Option<String>,
}

/// How usage is taken that lies on both sides of a cancellation or a month's end.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Straddling {
    /// Named in `reportErrors`. The end of a report must be before the cancellation.
    #[default]
    Refused,
    /// Recorded, in the month of its last instant.
    Taken,
}

/// Every so many operations, one is named in `reportErrors` and not recorded: with 2, the second, the fourth, and so on.
#[derive(Clone, Copy, Debug)]
pub struct Failing {
    /// So many.
    pub every: NonZeroU64,
    /// The code that it is named with. It need not be one that Google has; 0 is not written, as JSON has it.
    pub code: i32,
}

/// Every so many requests, one is answered with HTTP 429 and has no effect.
#[derive(Clone, Copy, Debug)]
pub struct Exhausted {
    /// So many.
    pub every: NonZeroU64,
    /// The seconds to wait, if the answer says so.
    pub retry_after: Option<u32>,
}

/// What has been asked, and what has been answered.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Report calls by a caller who may, those included that were refused.
    pub reports: u64,
    /// Check calls likewise.
    pub checks: u64,
    /// Checks that said no.
    pub denied: u64,
    /// Calls refused for want of a good token, or of the right.
    pub unauthorized: u64,
    /// Calls answered with HTTP 429.
    pub exhausted: u64,
    /// Calls refused whole for another cause.
    pub refused: u64,
    /// Operations of reports that were not refused.
    pub operations: u64,
    /// Operations billed.
    pub billed: u64,
    /// Operations that had come before, and are not billed again.
    pub repeated: u64,
    /// Operations under the id of another.
    pub conflicts: u64,
    /// Operations that break a rule.
    pub faulty: u64,
    /// Operations that failed by the switch.
    pub failed: u64,
    /// Operations recorded more than an hour after their end. Google asks for no later.
    pub late: u64,
}
