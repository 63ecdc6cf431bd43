//! A question that may be asked again: what came of asking.

use http::Response;
use platform::retry::{self, Again, Retryable};
use platform::{Fault, FaultKind, TransportError};

use super::named;
use crate::words::words;

/// Why there is no answer, and whether another try may bring one.
#[derive(Debug)]
pub(super) struct Failed {
    pub(super) fault: Fault,
    again: Again,
}

impl Failed {
    /// Another try brings nothing else.
    pub(super) fn for_good(kind: FaultKind, said: &str) -> Self {
        Self {
            fault: Fault::new(kind, named(said)),
            again: Again::Never,
        }
    }

    /// Another try may bring an answer.
    pub(super) fn for_now(said: &str) -> Self {
        Self {
            again: Again::Soon,
            ..Self::for_good(FaultKind::DestinationUnavailable, said)
        }
    }

    /// The same, after the wait that the answer asks for.
    pub(super) fn after<B>(response: &Response<B>, said: &str) -> Self {
        Self {
            again: retry::retry_after(response.headers()).map_or(Again::Soon, Again::After),
            ..Self::for_now(said)
        }
    }

    /// Another try, with another token.
    pub(super) fn renewed(self) -> Self {
        Self {
            again: Again::Soon,
            ..self
        }
    }

    /// No answer came to `what`.
    pub(super) fn unanswered(what: &str, error: &TransportError) -> Self {
        Self::for_now(&words(&format!("{what}: {error}")))
    }
}

impl Retryable for Failed {
    fn again(&self) -> Again {
        self.again
    }
}

/// For good: what lies behind it has been tried again already, or cannot be.
impl From<Fault> for Failed {
    fn from(fault: Fault) -> Self {
        Self {
            fault,
            again: Again::Never,
        }
    }
}
