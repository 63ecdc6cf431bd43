//! The hourly roll-up: what Suger passes on to the cloud.
//!
//! Every full hour, the groups that came in the hour before are summed, entitlement by entitlement
//! (<https://doc.suger.io/billing/metering>, 2026-11-20). Each report succeeds at once, and carries fractions as they are:
//! what a cloud makes of them is not simulated.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, DurationRound, TimeDelta, Utc};
use uuid::Uuid;

use super::catalog::Partner;
use super::ledger::{Group, Status};

/// What was reported of one entitlement for one hour.
#[derive(Clone, Debug)]
pub struct Report {
    /// Its id.
    pub id: String,
    /// Whose.
    pub organization: String,
    /// What it is charged to.
    pub entitlement: String,
    /// The hour's start.
    pub from: DateTime<Utc>,
    /// The hour's end, when the report is made.
    pub until: DateTime<Utc>,
    /// The sums, by dimension key.
    pub records: BTreeMap<String, BigDecimal>,
    /// The ids of the groups in it.
    pub groups: Vec<String>,
    pub(super) buyer: String,
    pub(super) partner: Partner,
}

/// All reports, and how far they go.
#[derive(Debug, Default)]
pub(super) struct Reports {
    pub made: Vec<Report>,
    until: Option<DateTime<Utc>>,
}

impl Reports {
    /// Makes the reports that are due at `now`, hour by hour.
    pub(super) fn roll_up(&mut self, groups: &mut [Group], now: DateTime<Utc>) {
        let hour = hour(now);
        if self.until == Some(hour) {
            return;
        }
        self.until = Some(hour);
        let mut due: BTreeMap<_, Vec<&mut Group>> = BTreeMap::new();
        for group in groups {
            let came = self::hour(group.received_at);
            if group.status == Status::Created && came < hour {
                let key = (came, group.organization.clone(), group.entitlement.clone());
                due.entry(key).or_default().push(group);
            }
        }
        for ((from, ..), groups) in due {
            let id = format!("suger/report/{}", self.made.len());
            let id = Uuid::new_v5(&Uuid::NAMESPACE_OID, id.as_bytes()).to_string();
            self.made.extend(report(id, from, groups));
        }
    }
}

/// The report of an entitlement's groups, which are reported from then on. `None` of none.
fn report(id: String, from: DateTime<Utc>, groups: Vec<&mut Group>) -> Option<Report> {
    let first = groups.first()?;
    let mut report = Report {
        id,
        organization: first.organization.clone(),
        entitlement: first.entitlement.clone(),
        from,
        until: from + TimeDelta::hours(1),
        records: BTreeMap::new(),
        groups: Vec::new(),
        buyer: first.buyer.clone(),
        partner: first.partner,
    };
    for group in groups {
        for (dimension, quantity) in &group.records {
            *report.records.entry(dimension.clone()).or_default() += quantity;
        }
        report.groups.push(group.id.clone());
        group.status = Status::Reported;
        group.updated_at = report.until;
        group.report = Some(report.id.clone());
    }
    Some(report)
}

fn hour(time: DateTime<Utc>) -> DateTime<Utc> {
    time.duration_trunc(TimeDelta::hours(1)).unwrap_or(time)
}
