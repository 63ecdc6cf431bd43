//! Google Cloud Marketplace, by `services.report` of Service Control.
//!
//! API reference: <https://cloud.google.com/service-infrastructure/docs/service-control/reference/rest/v1/services/report>;
//! reporting: <https://cloud.google.com/marketplace/docs/partners/integrated-saas/configure-usage-reports> (read 2026-11-20).

use billing::{Destination, GcpValue, MonthEnd, Rules, Unanswered, Unit};
use chrono::TimeDelta;
use rust_decimal::Decimal;

use crate::DOUBLE;

/// A record is resent for a day: Google names no limit, and says nothing of how long it remembers an `operationId`.
const MAX_AGE: TimeDelta = TimeDelta::hours(24);

/// Whole units: the service's `int64Value`.
const INT64: Unit = Unit {
    places: 0,
    max: Decimal::from_parts(u32::MAX, i32::MAX as u32, 0, false, 0),
};

/// What Google takes, by the types that the destination names for its metrics.
#[must_use]
pub fn rules(destination: &Destination) -> Rules {
    let unit = |value: &GcpValue| match value {
        GcpValue::Int64 => INT64,
        GcpValue::Double | GcpValue::Money => DOUBLE,
    };
    let metrics = destination.metrics.iter();
    Rules {
        unit: INT64,
        units: metrics
            .map(|(metric, value)| (metric.clone(), unit(value)))
            .collect(),
        max_age: MAX_AGE,
        month_end: MonthEnd::Pacific,
        unanswered: if destination.park_unknown {
            Unanswered::Park
        } else {
            Unanswered::Resend
        },
    }
}
