//! How a run fails, as the caller of a function sees it.

use std::fmt;

/// The kinds of failure, in the order in which one is named for a run that met several: the first is the one to mend first.
/// The name is the `errorType` that a function ends with, so alarms can key on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FaultKind {
    /// The event, the connection or its secret is not usable as it stands.
    Misconfigured,
    /// A token or a role was refused.
    Unauthorized,
    /// Metronome did not answer, or not in a shape that can be trusted.
    SourceUnavailable,
    /// A marketplace did not answer.
    DestinationUnavailable,
    /// The table did not answer.
    StoreUnavailable,
    /// A record waits for a person.
    Parked,
    /// Records are still in flight, or were refused and are owed again.
    Incomplete,
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self, f)
    }
}

/// One failure: its kind, and in words what failed and what to do. Never a secret, never a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// What kind of failure.
    pub kind: FaultKind,
    /// The words.
    pub message: String,
}

impl Fault {
    /// A failure in words.
    pub fn new(kind: FaultKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The same failure, said of something: `connection acme: …`.
    #[must_use]
    pub fn of(self, what: impl fmt::Display) -> Self {
        Self {
            kind: self.kind,
            message: format!("{what}: {}", self.message),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}
