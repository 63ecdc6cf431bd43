//! How fast it is called: the quota of 10 `BatchMeterUsage` calls a second, for an account in a region.
//!
//! <https://docs.aws.amazon.com/marketplace/latest/userguide/metering-service-quotas.html>

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use tokio::time::Instant;

const SECOND: Duration = Duration::from_secs(1);

/// Calls of any one second that are let through.
const QUOTA: usize = 10;

/// The calls of the last second, by region. The world has one seller account.
#[derive(Debug, Default)]
pub(super) struct Pace {
    regions: BTreeMap<String, Region>,
    busiest_second: usize,
}

#[derive(Debug, Default)]
struct Region {
    arrived: VecDeque<Instant>,
    admitted: VecDeque<Instant>,
}

impl Pace {
    /// Notes a call at `now`; whether it is within the quota. A call that is not does not use it up.
    pub(super) fn arrive(&mut self, region: &str, now: Instant) -> bool {
        let region = self.regions.entry(region.to_owned()).or_default();
        for calls in [&mut region.arrived, &mut region.admitted] {
            while calls
                .front()
                .is_some_and(|call| now.duration_since(*call) >= SECOND)
            {
                calls.pop_front();
            }
        }
        region.arrived.push_back(now);
        self.busiest_second = self.busiest_second.max(region.arrived.len());
        let within = region.admitted.len() < QUOTA;
        if within {
            region.admitted.push_back(now);
        }
        within
    }

    /// The most calls that any one second has seen in one region, those over the quota included.
    pub(super) fn busiest_second(&self) -> usize {
        self.busiest_second
    }
}
