//! The account's request budget, and how busy the account has been.

use std::collections::VecDeque;

use http::StatusCode;

use super::reply::Refusal;

/// Counts requests over every span of one second, not over the clock's seconds: nine requests around a full second are
/// nine in one second.
#[derive(Default)]
pub(super) struct Budget {
    /// Requests granted in any one second; none: as many as come.
    pub(super) limit: Option<u32>,
    /// Whether a refusal says how long to wait; whether Metronome's does is not documented.
    pub(super) retry_after: bool,
    arrived: VecDeque<u64>,
    granted: VecDeque<u64>,
    peak: usize,
}

impl Budget {
    /// Counts a request that arrives at `now` in milliseconds.
    pub(super) fn arrive(&mut self, now: u64) {
        forget(&mut self.arrived, now);
        self.arrived.push_back(now);
        self.peak = self.peak.max(self.arrived.len());
    }

    /// Grants the request, or refuses it with 429. Refused requests use up no budget.
    pub(super) fn grant(&mut self, now: u64) -> Result<(), Refusal> {
        let Some(limit) = self.limit else { return Ok(()) };
        forget(&mut self.granted, now);
        if self.granted.len() < limit as usize {
            self.granted.push_back(now);
            return Ok(());
        }
        let free_at = self.granted.front().map_or(now, |first| first + 1_000);
        let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "Too many requests");
        refusal.retry_after = self
            .retry_after
            .then(|| free_at.saturating_sub(now).div_ceil(1_000).max(1));
        Err(refusal)
    }

    /// The most requests that ever arrived within one second, granted or not.
    pub(super) fn peak(&self) -> usize {
        self.peak
    }
}

fn forget(times: &mut VecDeque<u64>, now: u64) {
    while times.front().is_some_and(|first| first + 1_000 <= now) {
        times.pop_front();
    }
}
