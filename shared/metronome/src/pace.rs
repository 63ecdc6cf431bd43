//! The pace of one token: when the next request may begin, and when none may any more.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use platform::{Deadline, Limiter};
use tokio::time::Instant;

/// How long nobody asks after a 429 that names no wait: one whole second of the budget, which is counted by the second.
const PAUSE: Duration = Duration::from_secs(1);

/// The longest wait that is waited: all tries of a request begin within this time, so after a longer one none would be left.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);

/// Why a request may not begin.
pub(crate) enum Stop {
    /// The invocation is about to end.
    OutOfTime,
    /// Metronome asked for a pause that is too long to sit out; this much of it is left.
    Paused(Duration),
}

/// Hands out the slots in which requests begin.
#[derive(Debug)]
pub(crate) struct Pace {
    limiter: Limiter,
    deadline: Deadline,
    paused_until: Mutex<Instant>,
}

impl Pace {
    pub(crate) fn new(requests_per_second: u32, deadline: Deadline) -> Self {
        Self {
            limiter: Limiter::per_second(requests_per_second),
            deadline,
            paused_until: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next slot, or says why there is none in this invocation.
    pub(crate) async fn slot(&self) -> Result<(), Stop> {
        tokio::time::timeout(self.deadline.left(), self.wait())
            .await
            .unwrap_or(Err(Stop::OutOfTime))
    }

    /// Metronome asked for fewer requests: none begins for a while, those that wait for their slot already included.
    pub(crate) fn slow(&self, wait: Option<Duration>) {
        let until = Instant::now() + wait.unwrap_or(PAUSE);
        let mut paused = self.paused_until.lock().unwrap_or_else(PoisonError::into_inner);
        *paused = until.max(*paused);
    }

    /// Goes round once for each pause that begins while it waits, until the deadline. Whoever meets a pause that is too long
    /// to sit out is turned away at once, for waiting would take the time of everybody else in the invocation.
    async fn wait(&self) -> Result<(), Stop> {
        loop {
            if !self.deadline.open() {
                return Err(Stop::OutOfTime);
            }
            let pause = self.pause_left();
            if pause >= LONGEST_PAUSE || pause >= self.deadline.left() {
                return Err(Stop::Paused(pause));
            }
            self.limiter.hold(pause);
            self.limiter.slot().await;
            if self.pause_left().is_zero() && self.deadline.open() {
                return Ok(());
            }
        }
    }

    fn pause_left(&self) -> Duration {
        self.paused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saturating_duration_since(Instant::now())
    }
}
