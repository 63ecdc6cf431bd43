//! Lists: what is asked for, and which page of it.
//!
//! <https://doc.suger.io/api/list-usage-record-groups> (2026-11-20). The days of a list are read as those of creation.

use std::collections::BTreeMap;

use chrono::{DateTime, NaiveDate, TimeDelta, Utc};
use serde::Serialize;

use super::ledger::Group;
use super::reply::Refusal;
use super::reports::Report;
use super::switches::LastPage;
use super::wire::{SOURCE, UsageRecordGroup, UsageRecordReport};

/// The most items of a page, and how many there are when the request does not say.
const MAX_LIMIT: usize = 1000;

/// How many days a list goes back when the request does not say.
const DAYS: TimeDelta = TimeDelta::days(30);

/// Query parameters.
pub(super) struct Query(BTreeMap<String, String>);

impl Query {
    /// Reads a query string. A parameter that the operation does not have, or that comes twice, is refused; so is
    /// `metaInfo`, whose meaning is not documented.
    pub(super) fn read(text: Option<&str>, known: &[&str]) -> Result<Self, Refusal> {
        let mut parameters = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text.unwrap_or_default().as_bytes()) {
            let unknown = !known.contains(&name.as_ref());
            if unknown || parameters.insert(name.to_string(), value.into_owned()).is_some() {
                return Err(Refusal::bad(format!(
                    "query parameter {name} is unknown or comes twice"
                )));
            }
        }
        Ok(Self(parameters))
    }

    fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    fn word(&self, name: &str, words: &[&str]) -> Result<Option<&str>, Refusal> {
        let unknown = || Refusal::bad(format!("{name} must be one of {}", words.join(", ")));
        self.text(name)
            .map(|word| Some(word).filter(|word| words.contains(word)).ok_or_else(unknown))
            .transpose()
    }

    fn number(&self, name: &str) -> Result<Option<usize>, Refusal> {
        let not_a_number = |_| Refusal::bad(format!("{name} must be a whole number"));
        self.text(name)
            .map(|text| text.parse().map_err(not_a_number))
            .transpose()
    }

    /// A UTC day, `YYYY-MM-DD`.
    pub(super) fn day(&self, name: &str) -> Result<Option<NaiveDate>, Refusal> {
        let not_a_day = || Refusal::bad(format!("{name} must be YYYY-MM-DD"));
        let day = |text: &str| {
            NaiveDate::parse_from_str(text, "%Y-%m-%d")
                .ok()
                .filter(|_| text.len() == 10)
        };
        self.text(name)
            .map(|text| day(text).ok_or_else(not_a_day))
            .transpose()
    }
}

/// What a list is of, and its page.
pub(super) struct Listing {
    partner: Option<String>,
    buyer: Option<String>,
    entitlement: Option<String>,
    status: Option<String>,
    source: Option<String>,
    from: NaiveDate,
    to: NaiveDate,
    offset: usize,
    limit: usize,
}

const PARTNERS: [&str; 3] = ["AWS", "AZURE", "GCP"];
const STATUSES: [&str; 6] = [
    "CREATED",
    "DELETED",
    "INVALID",
    "REPORTED",
    "REPORT_PENDING",
    "REPORT_FAILED",
];
const SOURCES: [&str; 7] = ["", "API", "INTERNAL", "LAGO", "METRONOME", "ORB", "STRIPE"];
const SHARED: [&str; 7] = [
    "partner",
    "buyerId",
    "entitlementId",
    "startDate",
    "endDate",
    "limit",
    "offset",
];

impl Listing {
    /// Of groups. At most one of partner, entitlement and buyer is asked for.
    pub(super) fn of_groups(query: Option<&str>, today: NaiveDate) -> Result<Self, Refusal> {
        let known: Vec<&str> = SHARED.into_iter().chain(["status", "source"]).collect();
        let query = Query::read(query, &known)?;
        let owners = ["partner", "buyerId", "entitlementId"];
        if owners.iter().filter(|name| query.text(name).is_some()).count() > 1 {
            return Err(Refusal::bad(
                "partner, entitlementId and buyerId exclude each other",
            ));
        }
        Self::of(&query, today)
    }

    /// Of reports.
    pub(super) fn of_reports(query: Option<&str>, today: NaiveDate) -> Result<Self, Refusal> {
        Self::of(&Query::read(query, &SHARED)?, today)
    }

    fn of(query: &Query, today: NaiveDate) -> Result<Self, Refusal> {
        let to = query.day("endDate")?.unwrap_or(today);
        let from = query.day("startDate")?.unwrap_or(to - DAYS);
        if from > to {
            return Err(Refusal::bad("startDate is after endDate"));
        }
        let limit = query.number("limit")?.unwrap_or(MAX_LIMIT);
        if !(1..=MAX_LIMIT).contains(&limit) {
            return Err(Refusal::bad(format!("limit must be from 1 to {MAX_LIMIT}")));
        }
        Ok(Self {
            partner: query.word("partner", &PARTNERS)?.map(str::to_owned),
            buyer: query.text("buyerId").map(str::to_owned),
            entitlement: query.text("entitlementId").map(str::to_owned),
            status: query.word("status", &STATUSES)?.map(str::to_owned),
            source: query
                .word("source", &SOURCES)?
                .filter(|word| !word.is_empty())
                .map(str::to_owned),
            from,
            to,
            offset: query.number("offset")?.unwrap_or_default(),
            limit,
        })
    }

    pub(super) fn shows_group(&self, group: &Group) -> bool {
        let is = |asked: &Option<String>, word: &str| asked.as_deref().is_none_or(|asked| asked == word);
        is(&self.buyer, &group.buyer)
            && is(&self.entitlement, &group.entitlement)
            && is(&self.partner, group.partner.word())
            && is(&self.status, group.status.word())
            && is(&self.source, SOURCE)
            && self.covers(group.received_at)
    }

    pub(super) fn shows_report(&self, report: &Report) -> bool {
        let is = |asked: &Option<String>, word: &str| asked.as_deref().is_none_or(|asked| asked == word);
        is(&self.buyer, &report.buyer)
            && is(&self.entitlement, &report.entitlement)
            && is(&self.partner, report.partner.word())
            && self.covers(report.until)
    }

    fn covers(&self, time: DateTime<Utc>) -> bool {
        (self.from..=self.to).contains(&time.date_naive())
    }

    /// The page of `items`, and the offset of the next.
    pub(super) fn page<T>(&self, items: impl Iterator<Item = T>, last: LastPage) -> (Vec<T>, Option<usize>) {
        let mut items = items.skip(self.offset).peekable();
        let page: Vec<T> = items.by_ref().take(self.limit).collect();
        let end = self.offset.saturating_add(page.len());
        let next = match (items.peek().is_some(), last) {
            (true, _) | (false, LastPage::Onward) => Some(end),
            (false, LastPage::Zero) => Some(0),
            (false, LastPage::Absent) => None,
        };
        (page, next)
    }
}

/// A page of groups.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Groups<'a> {
    pub usage_record_groups: Vec<UsageRecordGroup<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}

/// A page of reports.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct ReportsPage<'a> {
    pub usage_record_reports: Vec<UsageRecordReport<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<usize>,
}
