//! The shapes on the wire. In requests everything is optional: what is missing is the rules' affair.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::catalog::Partner;
use super::ledger::{Group, Usage};
use super::quantity::Quantity;
use super::reports::Report;

/// `CreateUsageRecordGroupParams`, and `NewUsageRecordGroup` of the batches, which is the same without its `id` and
/// `organizationID`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct NewGroup {
    /// Suger's tutorial writes it `ID`, its OpenAPI document `id`.
    #[serde(alias = "ID")]
    pub id: Option<String>,
    #[serde(rename = "organizationID")]
    pub organization_id: Option<String>,
    #[serde(rename = "entitlementID")]
    pub entitlement_id: Option<String>,
    pub records: Option<BTreeMap<String, Quantity>>,
    pub billable_records: Option<Vec<BillableRecord>>,
    pub timestamp: Option<String>,
    pub meta_info: Option<IgnoredAny>,
    pub usage_allocations: Option<IgnoredAny>,
}

/// One record of the second version of the metering API.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub(super) struct BillableRecord {
    pub key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub properties: Option<BTreeMap<String, Box<RawValue>>>,
    pub quantity: Option<Quantity>,
}

/// A group as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageRecordGroup<'a> {
    #[serde(rename = "buyerID")]
    buyer_id: &'a str,
    creation_time: DateTime<Utc>,
    #[serde(rename = "entitlementID")]
    entitlement_id: &'a str,
    id: &'a str,
    last_update_time: DateTime<Utc>,
    meta_info: MetaInfo<'a>,
    #[serde(rename = "organizationID")]
    organization_id: &'a str,
    partner: Partner,
    records: BTreeMap<&'a str, Quantity>,
    reported_time: Option<DateTime<Utc>>,
    #[serde(rename = "serialID")]
    serial_id: u64,
    status: &'static str,
    #[serde(rename = "usageRecordReportID", skip_serializing_if = "Option::is_none")]
    usage_record_report_id: Option<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MetaInfo<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    billable_records: Option<&'a [BillableRecord]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    origin_records: Option<&'a BTreeMap<String, Quantity>>,
    source: &'static str,
    timestamp: DateTime<Utc>,
}

impl<'a> UsageRecordGroup<'a> {
    /// The group as it stands. `unknown_status` gives it a status that no document has.
    pub(super) fn of(group: &'a Group, unknown_status: bool) -> Self {
        let (origin_records, billable_records) = match &group.usage {
            Usage::Records(records) => (Some(records), None),
            Usage::Billable(records) => (None, Some(records.as_slice())),
        };
        let records = match &group.usage {
            Usage::Records(_) => quantities(&group.records),
            Usage::Billable(_) => BTreeMap::new(),
        };
        Self {
            buyer_id: &group.buyer,
            creation_time: group.received_at,
            entitlement_id: &group.entitlement,
            id: &group.id,
            last_update_time: group.updated_at,
            meta_info: MetaInfo {
                billable_records,
                origin_records,
                source: SOURCE,
                timestamp: group.timestamp,
            },
            organization_id: &group.organization,
            partner: group.partner,
            records,
            reported_time: group.report.as_ref().map(|_| group.updated_at),
            serial_id: group.serial,
            status: if unknown_status {
                "ACKNOWLEDGED"
            } else {
                group.status.word()
            },
            usage_record_report_id: group.report.as_deref(),
        }
    }
}

/// Where every group here is from, whoever sent it.
pub(super) const SOURCE: &str = "API";

/// A report as it is answered.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct UsageRecordReport<'a> {
    #[serde(rename = "buyerID")]
    buyer_id: &'a str,
    creation_time: DateTime<Utc>,
    #[serde(rename = "entitlementID")]
    entitlement_id: &'a str,
    id: &'a str,
    info: ReportInfo<'a>,
    #[serde(rename = "organizationID")]
    organization_id: &'a str,
    partner: Partner,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportInfo<'a> {
    end_time: DateTime<Utc>,
    partner: Partner,
    reported_records: BTreeMap<&'a str, Quantity>,
    start_time: DateTime<Utc>,
    status: &'static str,
    usage_record_group_ids: &'a [String],
}

impl<'a> UsageRecordReport<'a> {
    pub(super) fn of(report: &'a Report) -> Self {
        Self {
            buyer_id: &report.buyer,
            creation_time: report.until,
            entitlement_id: &report.entitlement,
            id: &report.id,
            info: ReportInfo {
                end_time: report.until,
                partner: report.partner,
                reported_records: quantities(&report.records),
                start_time: report.from,
                status: "SUCCESS",
                usage_record_group_ids: &report.groups,
            },
            organization_id: &report.organization,
            partner: report.partner,
        }
    }
}

fn quantities(records: &BTreeMap<String, BigDecimal>) -> BTreeMap<&str, Quantity> {
    records
        .iter()
        .map(|(key, value)| (key.as_str(), Quantity(value.clone())))
        .collect()
}
