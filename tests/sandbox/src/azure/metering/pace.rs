//! How fast the service is called. Microsoft publishes no limit, so a switch sets one.

use std::collections::VecDeque;
use std::num::NonZeroUsize;
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// The calls of the last second: over every span of one second, not over the clock's seconds.
#[derive(Debug, Default)]
pub(super) struct Pace {
    arrived: VecDeque<Instant>,
    admitted: VecDeque<Instant>,
    busiest_second: usize,
}

impl Pace {
    /// Notes a call at `now`; whether it is within `limit`. A call that is not does not use it up.
    pub(super) fn arrive(&mut self, now: Instant, limit: Option<NonZeroUsize>) -> bool {
        for calls in [&mut self.arrived, &mut self.admitted] {
            while calls
                .front()
                .is_some_and(|call| now.duration_since(*call) >= SECOND)
            {
                calls.pop_front();
            }
        }
        self.arrived.push_back(now);
        self.busiest_second = self.busiest_second.max(self.arrived.len());
        let within = limit.is_none_or(|limit| self.admitted.len() < limit.get());
        if within {
            self.admitted.push_back(now);
        }
        within
    }

    /// The most calls that any one second has seen, those over the limit included.
    pub(super) fn busiest_second(&self) -> usize {
        self.busiest_second
    }
}
