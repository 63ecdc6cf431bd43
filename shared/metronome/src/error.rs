//! What a call can come to, by what is to be done about it.

use std::time::Duration;

use platform::retry::{Again, Retryable};
use platform::{Fault, FaultKind};
use thiserror::Error;

/// Why a call has no answer that can be used. Each names the call; none shows the token.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum Error {
    /// The token is wrong, or lacks the permission for this call (401, 403): replace it.
    #[error(
        "{call}: Metronome refused the token ({status}: {message}): put a valid one, with read access, into the secret"
    )]
    Unauthorized {
        /// Method, path and what was asked for.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Metronome's words.
        message: String,
    },
    /// Metronome does not know, or does not take, what was asked for by name (400, 404, 422): mend the ids or the query.
    #[error("{call}: Metronome refused what was asked for ({status}: {message})")]
    Refused {
        /// Method, path and what was asked for.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Metronome's words.
        message: String,
    },
    /// A query that breaks one of Metronome's rules. It was not sent: mend it.
    #[error("{0}")]
    Invalid(String),
    /// Metronome wants fewer requests (429), still after several tries or for longer than they may take: come back later, or
    /// lower the budget.
    #[error("{call}: Metronome wants fewer requests (429: {message})")]
    Throttled {
        /// Method, path and what was asked for.
        call: String,
        /// Metronome's words.
        message: String,
        /// How long it asked to wait, if it said.
        wait: Option<Duration>,
    },
    /// No answer, or 5xx, still after several tries: come back later.
    #[error("{call}: Metronome is unavailable ({reason})")]
    Unavailable {
        /// Method, path and what was asked for.
        call: String,
        /// The status with Metronome's words, or what became of the connection.
        reason: String,
        /// How long it asked to wait, if it said.
        wait: Option<Duration>,
    },
    /// The invocation is about to end, so the request was not begun: the next one makes it.
    #[error("{call}: not asked, for the invocation is about to end")]
    OutOfTime {
        /// Method, path and what was asked for.
        call: String,
    },
    /// A status that this call is not documented to give, redirects among them: somebody has to look.
    #[error("{call}: Metronome gave an unexpected answer ({status}: {message})")]
    Unexpected {
        /// Method, path and what was asked for.
        call: String,
        /// The HTTP status.
        status: u16,
        /// Metronome's words.
        message: String,
    },
    /// The answer is not JSON, cut off, larger than its bound, or not of the documented shape: nothing of it is used.
    #[error("{call}: Metronome's answer cannot be used: {reason}")]
    Unreadable {
        /// Method, path and what was asked for.
        call: String,
        /// What is wrong with it, and where.
        reason: String,
    },
}

impl Retryable for Error {
    fn again(&self) -> Again {
        match self {
            Self::Throttled { wait, .. } | Self::Unavailable { wait, .. } => {
                wait.map_or(Again::Soon, Again::After)
            }
            Self::Unauthorized { .. }
            | Self::Refused { .. }
            | Self::Invalid(_)
            | Self::OutOfTime { .. }
            | Self::Unexpected { .. }
            | Self::Unreadable { .. } => Again::Never,
        }
    }
}

impl From<Error> for Fault {
    fn from(error: Error) -> Self {
        let kind = match error {
            Error::Unauthorized { .. } => FaultKind::Unauthorized,
            Error::Refused { .. } | Error::Invalid(_) => FaultKind::Misconfigured,
            Error::Throttled { .. }
            | Error::Unavailable { .. }
            | Error::OutOfTime { .. }
            | Error::Unexpected { .. }
            | Error::Unreadable { .. } => FaultKind::SourceUnavailable,
        };
        Self::new(kind, error.to_string())
    }
}
