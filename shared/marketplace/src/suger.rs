//! Suger, by its usage record groups: it passes them on to the buyer's marketplace.
//!
//! API reference: <https://doc.suger.io/api/> (read 2026-11-20).

use std::collections::BTreeMap;

use billing::{MonthEnd, Rules, Unanswered};
use chrono::TimeDelta;

use crate::DOUBLE;

/// What Suger takes. It names no window of its own; the marketplaces behind it take an hour for less than 24 h.
#[must_use]
pub fn rules() -> Rules {
    Rules {
        unit: DOUBLE,
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Open,
        unanswered: Unanswered::Resend,
    }
}
