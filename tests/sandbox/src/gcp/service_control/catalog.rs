//! What Service Control knows before any usage arrives: services with their metrics, and who has bought them.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, TimeDelta, Utc};

/// How long after a cancellation usage of before is still taken.
/// <https://cloud.google.com/marketplace/docs/partners/integrated-saas/best-practices> (2026-11-20)
const GRACE: TimeDelta = TimeDelta::hours(1);

/// What a metric's values must be, by its definition in the service's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ValueType {
    /// Whole numbers, `int64Value`.
    Int64,
    /// Numbers with a fraction, `doubleValue`.
    Double,
    /// Amounts in the currency of this ISO 4217 code, `moneyValue`.
    Money(String),
}

/// Whether a consumer may use the service, apart from when.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Standing {
    /// It may.
    #[default]
    Active,
    /// Its order is not active: `SERVICE_NOT_ACTIVATED`.
    NotActivated,
    /// Its project has no billing: `BILLING_DISABLED`.
    BillingDisabled,
    /// Its project is gone: `PROJECT_DELETED`.
    ProjectDeleted,
}

impl Standing {
    /// The code that a check answers with.
    pub(super) fn check_error(self) -> Option<&'static str> {
        match self {
            Self::Active => None,
            Self::NotActivated => Some("SERVICE_NOT_ACTIVATED"),
            Self::BillingDisabled => Some("BILLING_DISABLED"),
            Self::ProjectDeleted => Some("PROJECT_DELETED"),
        }
    }
}

/// An entitlement, as Service Control sees it.
#[derive(Clone, Debug)]
pub struct Consumer {
    /// The entitlement's usage reporting id, such as `project_number:123`.
    pub id: String,
    /// The first instant of use.
    pub activated_at: DateTime<Utc>,
    /// The instant at which it was cancelled.
    pub cancelled_at: Option<DateTime<Utc>>,
    /// Whether it may use the service.
    pub standing: Standing,
}

impl Consumer {
    /// An active consumer from `activated_at` on.
    #[must_use]
    pub fn new(id: &str, activated_at: DateTime<Utc>) -> Self {
        Self {
            id: id.to_owned(),
            activated_at,
            cancelled_at: None,
            standing: Standing::Active,
        }
    }

    /// Whether nothing more is taken at `now`, because it was cancelled too long ago.
    pub(super) fn is_closed(&self, now: DateTime<Utc>) -> bool {
        self.cancelled_at.is_some_and(|at| now - at > GRACE)
    }

    /// Whether `time` lies before the cancellation.
    pub(super) fn is_before_cancellation(&self, time: DateTime<Utc>) -> bool {
        self.cancelled_at.is_none_or(|at| time < at)
    }
}

/// A service of the seller.
#[derive(Debug, Default)]
pub(super) struct ManagedService {
    /// By their full names, `<service>/<metric>`.
    pub metrics: BTreeMap<String, ValueType>,
    /// Who may check and report.
    pub callers: BTreeSet<String>,
    /// By their ids.
    pub consumers: BTreeMap<String, Consumer>,
}

/// All services, by their names.
pub(super) type Catalog = BTreeMap<String, ManagedService>;
