//! Every group that is in. They add up: two groups of one dimension and hour are billed both.

use std::collections::BTreeMap;

use bigdecimal::BigDecimal;
use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::catalog::Partner;
use super::quantity::Quantity;
use super::wire::BillableRecord;

/// How a group stands. The documents have `REPORT_PENDING` and `REPORT_FAILED` too, which nothing leads to here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It waits for the next hourly report.
    Created,
    /// It is in a report.
    Reported,
    /// It is not billed.
    Invalid,
    /// It was taken back, and is not billed.
    Deleted,
}

impl Status {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Created => "CREATED",
            Self::Reported => "REPORTED",
            Self::Invalid => "INVALID",
            Self::Deleted => "DELETED",
        }
    }

    fn is_billed(self) -> bool {
        matches!(self, Self::Created | Self::Reported)
    }
}

/// A group that is in.
#[derive(Clone, Debug)]
pub struct Group {
    /// The sender's id, or one that was made for it.
    pub id: String,
    /// Whose.
    pub organization: String,
    /// What it is charged to.
    pub entitlement: String,
    /// How much, by dimension key.
    pub records: BTreeMap<String, BigDecimal>,
    /// When the usage was generated, as the sender says.
    pub timestamp: DateTime<Utc>,
    /// When it came, by the world's clock.
    pub received_at: DateTime<Utc>,
    /// When it last changed.
    pub updated_at: DateTime<Utc>,
    /// How it stands.
    pub status: Status,
    /// The report that it is in.
    pub report: Option<String>,
    /// Whether it was planted, rather than sent.
    pub foreign: bool,
    pub(super) buyer: String,
    pub(super) partner: Partner,
    pub(super) usage: Usage,
    pub(super) serial: u64,
}

/// A group that somebody else has sent.
#[derive(Clone, Debug)]
pub struct Foreign {
    /// Its id, which may be one that a sender of ours comes to use.
    pub id: String,
    /// Whose.
    pub organization: String,
    /// What it is charged to.
    pub entitlement: String,
    /// Of what, by its key.
    pub dimension: String,
    /// How much.
    pub quantity: BigDecimal,
    /// When the usage was generated.
    pub timestamp: DateTime<Utc>,
}

/// What was sent, before names of dimensions became keys.
#[derive(Clone, Debug)]
pub(super) enum Usage {
    /// The first version's map.
    Records(BTreeMap<String, Quantity>),
    /// The second version's records. Each has a key and a quantity. All metrics here are sums.
    Billable(Vec<BillableRecord>),
}

impl Usage {
    /// Dimensions, as they were sent, and quantities.
    pub(super) fn entries(&self) -> Vec<(&str, &BigDecimal)> {
        match self {
            Self::Records(records) => records
                .iter()
                .map(|(word, quantity)| (word.as_str(), &quantity.0))
                .collect(),
            Self::Billable(records) => records
                .iter()
                .filter_map(|record| Some((record.key.as_deref()?, &record.quantity.as_ref()?.0)))
                .collect(),
        }
    }
}

/// A group that keeps every rule, before it has an id.
#[derive(Debug)]
pub(super) struct Draft {
    pub organization: String,
    pub entitlement: String,
    pub buyer: String,
    pub partner: Partner,
    pub usage: Usage,
    pub records: BTreeMap<String, BigDecimal>,
    pub timestamp: DateTime<Utc>,
    pub status: Status,
}

/// The groups in the order in which they came. An id is an organization's own; it stays taken when its group is deleted.
#[derive(Debug, Default)]
pub(super) struct Ledger {
    pub groups: Vec<Group>,
    by_id: BTreeMap<(String, String), usize>,
}

impl Ledger {
    /// Whether there is a group with this id.
    pub(super) fn holds(&self, organization: &str, id: &str) -> bool {
        self.by_id.contains_key(&(organization.to_owned(), id.to_owned()))
    }

    /// The group with this id.
    pub(super) fn group_mut(&mut self, organization: &str, id: &str) -> Option<&mut Group> {
        let place = self.by_id.get(&(organization.to_owned(), id.to_owned()))?;
        self.groups.get_mut(*place)
    }

    /// Stores a group under an id that is free, or under one that is made for it. Its place.
    pub(super) fn enter(
        &mut self,
        draft: Draft,
        id: Option<String>,
        now: DateTime<Utc>,
        foreign: bool,
    ) -> usize {
        let place = self.groups.len();
        let made = || Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("suger/group/{place}").as_bytes());
        let id = id.unwrap_or_else(|| made().to_string());
        self.by_id.insert((draft.organization.clone(), id.clone()), place);
        self.groups.push(Group {
            id,
            organization: draft.organization,
            entitlement: draft.entitlement,
            records: draft.records,
            timestamp: draft.timestamp,
            received_at: now,
            updated_at: now,
            status: draft.status,
            report: None,
            foreign,
            buyer: draft.buyer,
            partner: draft.partner,
            usage: draft.usage,
            serial: u64::try_from(place).unwrap_or(u64::MAX),
        });
        place
    }

    /// Takes back every group from `place` on, as if they had never come.
    pub(super) fn undo_from(&mut self, place: usize) {
        self.groups.truncate(place);
        self.by_id.retain(|_, entered| *entered < place);
    }

    /// What is billed, by organization, entitlement and dimension.
    pub(super) fn totals(&self) -> BTreeMap<(String, String, String), BigDecimal> {
        let mut totals: BTreeMap<_, BigDecimal> = BTreeMap::new();
        for group in self.groups.iter().filter(|group| group.status.is_billed()) {
            for (dimension, quantity) in &group.records {
                let key = (
                    group.organization.clone(),
                    group.entitlement.clone(),
                    dimension.clone(),
                );
                *totals.entry(key).or_default() += quantity;
            }
        }
        totals
    }
}
