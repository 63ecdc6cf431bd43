//! Microsoft's commercial marketplace, by `batchUsageEvent` of its metering API.
//!
//! API reference: <https://learn.microsoft.com/partner-center/marketplace-offers/marketplace-metering-service-apis> (read
//! 2026-11-20).

use std::collections::BTreeMap;

use billing::{MonthEnd, Rules, Unanswered};
use chrono::TimeDelta;

use crate::DOUBLE;

/// What Microsoft takes: quantities above zero, an hour for less than 24 h (same page). After that it can be asked what it
/// holds (`GET usageEvents`).
#[must_use]
pub fn rules() -> Rules {
    Rules {
        unit: DOUBLE,
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Open,
        unanswered: Unanswered::ReadBack,
    }
}
