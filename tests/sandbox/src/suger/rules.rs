//! The rules that a group must keep to be stored.
//!
//! <https://doc.suger.io/api/report-usage-record-group>, <https://doc.suger.io/get-started/metering> (2026-11-20). What
//! these leave open is read strictly: an id is a UUID, a quantity is not negative, a timestamp is not of the future.

use std::collections::BTreeMap;

use bigdecimal::{BigDecimal, Zero};
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::catalog::{Catalog, Entitlement, EntitlementStatus};
use super::ledger::{Draft, Status, Usage};
use super::quantity::Quantity;
use super::reply::Refusal;
use super::switches::{Switches, UnknownDimension};
use super::wire::{BillableRecord, NewGroup};

/// The longest id: a UUID with its hyphens.
const MAX_ID: usize = 36;

/// The rules as they stand at one moment for one organization.
pub(super) struct Rules<'a> {
    pub catalog: &'a Catalog,
    pub switches: &'a Switches,
    pub organization: &'a str,
    pub now: DateTime<Utc>,
}

impl Rules<'_> {
    /// What is to be stored of a group. The single call's `path` names the entitlement too, and the organization; a batch's
    /// does not, nor do its groups name the organization. The id is not looked at.
    pub(super) fn check(&self, group: NewGroup, path: Option<&str>) -> Result<Draft, Refusal> {
        let entitlement = group.entitlement_id.clone();
        let entitlement = entitlement.ok_or_else(|| Refusal::bad("entitlementID is required"))?;
        if let Some(path) = path {
            let organization = group.organization_id.as_deref();
            if organization.ok_or_else(|| Refusal::bad("organizationID is required"))? != self.organization {
                return Err(Refusal::bad("organizationID is not that of the path"));
            }
            if entitlement != path {
                return Err(Refusal::bad("entitlementID is not that of the path"));
            }
        }
        self.group(group, &entitlement)
    }

    fn group(&self, group: NewGroup, entitlement: &str) -> Result<Draft, Refusal> {
        let found = self.catalog.entitlement(self.organization, entitlement);
        let entitlement = found.ok_or_else(|| Refusal::not_found(format!("no entitlement {entitlement}")))?;
        if entitlement.status != EntitlementStatus::Active {
            return Err(Refusal::bad(format!(
                "entitlement {} is not active",
                entitlement.id
            )));
        }
        if group.meta_info.is_some() {
            return Err(Refusal::bad("metaInfo is read-only"));
        }
        if group.usage_allocations.is_some() {
            return Err(Refusal::bad("usageAllocations are not simulated"));
        }
        let timestamp = self.timestamp(group.timestamp.as_deref())?;
        let usage = usage(group.records, group.billable_records)?;
        let (records, status) = self.records(entitlement, &usage)?;
        Ok(Draft {
            organization: self.organization.to_owned(),
            entitlement: entitlement.id.clone(),
            buyer: entitlement.buyer.clone(),
            partner: entitlement.partner,
            usage,
            records,
            timestamp,
            status,
        })
    }

    /// When the usage was generated; what does not say so was now.
    fn timestamp(&self, text: Option<&str>) -> Result<DateTime<Utc>, Refusal> {
        let Some(text) = text else { return Ok(self.now) };
        let time = DateTime::parse_from_rfc3339(text)
            .map_err(|_| Refusal::bad("timestamp must be an RFC 3339 date-time"))?
            .to_utc();
        if time > self.now {
            return Err(Refusal::bad("timestamp is in the future"));
        }
        if self
            .switches
            .oldest
            .is_some_and(|oldest| self.now - time > oldest)
        {
            return Err(Refusal::bad("timestamp is too old"));
        }
        Ok(time)
    }

    /// The quantities by dimension key, and how the group stands with them.
    fn records(
        &self,
        entitlement: &Entitlement,
        usage: &Usage,
    ) -> Result<(BTreeMap<String, BigDecimal>, Status), Refusal> {
        let mut records: BTreeMap<String, BigDecimal> = BTreeMap::new();
        let mut status = Status::Created;
        for (word, quantity) in usage.entries() {
            if quantity < &BigDecimal::zero() {
                return Err(Refusal::bad(format!("the quantity of {word} is negative")));
            }
            let key = entitlement.dimension(word);
            if key.is_none() {
                if self.switches.unknown_dimension == UnknownDimension::Refused {
                    return Err(Refusal::bad(format!("no dimension {word}")));
                }
                status = Status::Invalid;
            }
            *records.entry(key.unwrap_or(word).to_owned()).or_default() += quantity;
        }
        if records.values().all(Zero::is_zero) {
            return Err(Refusal::bad("all quantities are zero"));
        }
        Ok((records, status))
    }
}

/// The id that a group is sent with: a UUID of at most 36 characters.
pub(super) fn id(group: &NewGroup) -> Result<Option<String>, Refusal> {
    match group.id.as_deref() {
        None => Ok(None),
        Some(id) if id.len() <= MAX_ID && Uuid::try_parse(id).is_ok() => Ok(Some(id.to_owned())),
        Some(_) => Err(Refusal::bad("id must be a UUID of at most 36 characters")),
    }
}

/// Records of the first version or of the second, never both. The documents require `records`, and their examples of the
/// second version have none: an empty map is none.
fn usage(
    records: Option<BTreeMap<String, Quantity>>,
    billable: Option<Vec<BillableRecord>>,
) -> Result<Usage, Refusal> {
    let records = records.filter(|records| !records.is_empty());
    match (records, billable.filter(|records| !records.is_empty())) {
        (None, None) => Err(Refusal::bad("records is required")),
        (Some(_), Some(_)) => Err(Refusal::bad("records and billableRecords exclude each other")),
        (Some(records), None) => Ok(Usage::Records(records)),
        (None, Some(records)) => {
            if records
                .iter()
                .any(|record| record.key.is_none() || record.quantity.is_none())
            {
                return Err(Refusal::bad("a billable record needs its key and its quantity"));
            }
            Ok(Usage::Billable(records))
        }
    }
}
