//! The one pace of an invocation towards a service: evenly spaced requests, never a burst.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Hands out slots. Within any one second it gives at most the budget, since the network may move requests closer together
/// than they were sent it leaves two hundredths of the budget unused.
#[derive(Debug)]
pub struct Limiter {
    interval: Duration,
    next: Mutex<Instant>,
}

impl Limiter {
    /// A limiter of so many requests a second (at least one).
    #[must_use]
    pub fn per_second(requests: u32) -> Self {
        let interval = Duration::from_micros(1_020_000) / requests.max(1);
        Self {
            interval,
            next: Mutex::new(Instant::now()),
        }
    }

    /// Waits for the next slot.
    pub async fn slot(&self) {
        let mine = {
            let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
            let mine = (*next).max(Instant::now());
            *next = mine + self.interval;
            mine
        };
        tokio::time::sleep_until(mine).await;
    }

    /// The service asked for fewer requests: nobody gets a slot for this long.
    pub fn hold(&self, pause: Duration) {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        *next = (*next).max(Instant::now() + pause);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn no_second_holds_more_slots_than_the_budget() {
        let limiter = Limiter::per_second(8);
        let mut given = Vec::new();
        for _ in 0..100 {
            limiter.slot().await;
            given.push(Instant::now());
        }
        for (index, start) in given.iter().enumerate() {
            let within = given[index..]
                .iter()
                .take_while(|at| **at - *start <= Duration::from_secs(1))
                .count();
            assert!(within <= 8, "{within} slots in a second");
        }
        assert!(
            given[99] - given[0] < Duration::from_secs(13),
            "and 97 % of it is used"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn a_slot_unused_is_not_saved_up() {
        let limiter = Limiter::per_second(8);
        tokio::time::sleep(Duration::from_secs(60)).await;
        let start = Instant::now();
        for _ in 0..9 {
            limiter.slot().await;
        }
        assert!(start.elapsed() >= Duration::from_secs(1));
    }
}
