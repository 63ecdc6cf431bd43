//! The one place where the present enters, and the time that an invocation has left.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio::time::Instant;

/// Tells the present. A job asks it only for what the design lets the clock decide: windows, ages, and whether an hour lies
/// in the future.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> DateTime<Utc> + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    #[expect(clippy::disallowed_methods, reason = "the one place where the present enters")]
    pub fn system() -> Self {
        Self(Arc::new(Utc::now))
    }

    /// A clock of the caller's, for tests.
    pub fn of(now: impl Fn() -> DateTime<Utc> + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    /// The present.
    #[must_use]
    pub fn now(&self) -> DateTime<Utc> {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Clock({})", self.now())
    }
}

/// No request is begun this close to the end of an invocation: what is left stays in flight for the next run.
pub const RESERVE: Duration = Duration::from_secs(30);

/// When an invocation ends. It is measured on the monotonic clock, so a step of the wall clock does not move it.
#[derive(Clone, Copy, Debug)]
pub struct Deadline(Instant);

impl Deadline {
    /// The invocation ends after this long; a day at most, beyond any that there is.
    #[must_use]
    pub fn after(left: Duration) -> Self {
        Self(Instant::now() + left.min(Duration::from_secs(24 * 3600)))
    }

    /// Time in which requests may still begin: what is left, less [`RESERVE`].
    #[must_use]
    pub fn left(&self) -> Duration {
        self.0
            .saturating_duration_since(Instant::now())
            .saturating_sub(RESERVE)
    }

    /// Whether a request may still begin.
    #[must_use]
    pub fn open(&self) -> bool {
        !self.left().is_zero()
    }
}
