//! Everything that Suger holds, and what each operation does to it.

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::{Request, StatusCode, header};
use serde::de::DeserializeOwned;

use super::Counts;
use super::catalog::Catalog;
use super::ledger::{Draft, Foreign, Ledger, Status, Usage};
use super::listing::{Groups, Listing, Query, ReportsPage};
use super::quantity::Quantity;
use super::reply::{Refusal, json};
use super::reports::Reports;
use super::routes::{Operation, route};
use super::rules::{self, Rules};
use super::switches::{BadGroup, Switches};
use super::wire::{NewGroup, UsageRecordGroup, UsageRecordReport};

/// The largest body that is read. The documents have no bound; this is well above any batch that is taken.
const MAX_BODY: usize = 1_000_000;

/// The state, one request a step.
#[derive(Debug, Default)]
pub(super) struct State {
    pub catalog: Catalog,
    pub ledger: Ledger,
    pub reports: Reports,
    pub switches: Switches,
    pub counts: Counts,
    pub duplicates: Vec<String>,
}

impl State {
    pub(super) fn answer(&mut self, request: &Request<Bytes>, now: DateTime<Utc>) -> Result<String, Refusal> {
        let caller = self.catalog.caller(request)?;
        let (organization, operation) = route(request.method(), request.uri().path(), self.switches.prefix)?;
        self.catalog.admit(caller, organization)?;
        *match operation {
            Operation::Create { .. } => &mut self.counts.creates,
            Operation::BatchCreate => &mut self.counts.batches,
            Operation::BatchValidate => &mut self.counts.validations,
            Operation::ListGroups | Operation::ListReports => &mut self.counts.lists,
            Operation::Delete { .. } => &mut self.counts.deletes,
        } += 1;
        self.throttle()?;
        let query = request.uri().query();
        match operation {
            Operation::Create { entitlement } => self.create(organization, entitlement, read(request)?, now),
            Operation::BatchCreate => self.batch_create(organization, read(request)?, now),
            Operation::BatchValidate => self.batch_validate(organization, read(request)?, now),
            Operation::ListGroups => self.list_groups(organization, query, now),
            Operation::Delete { group } => self.delete(organization, group, query, now),
            Operation::ListReports => self.list_reports(organization, query, now),
        }
    }

    /// Refuses the request while 429s are left.
    fn throttle(&mut self) -> Result<(), Refusal> {
        let Some(left) = self.switches.too_many_requests.checked_sub(1) else {
            return Ok(());
        };
        self.switches.too_many_requests = left;
        let mut refusal = Refusal::new(StatusCode::TOO_MANY_REQUESTS, "too many requests");
        refusal.retry_after = self.switches.retry_after;
        Err(refusal)
    }

    fn create(
        &mut self,
        organization: &str,
        entitlement: &str,
        group: NewGroup,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let place = self.store(organization, group, Some(entitlement), now)?;
        json(&self.shown(&[place]).first())
    }

    fn batch_create(
        &mut self,
        organization: &str,
        groups: Vec<NewGroup>,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        self.bound(&groups)?;
        let first = self.ledger.groups.len();
        let mut places = Vec::new();
        for mut group in groups {
            group.id = group.id.filter(|_| self.switches.batch_ids);
            let stored = self.store(organization, group, None, now);
            match (stored, self.switches.bad_group) {
                (Ok(place), _) => places.push(place),
                (Err(_), BadGroup::LeftOut) => {}
                (Err(refusal), BadGroup::StopsThere) => return Err(refusal),
                (Err(refusal), BadGroup::RefusesAll) => {
                    self.ledger.undo_from(first);
                    return Err(refusal);
                }
            }
        }
        json(&self.switches.spoil_batch(self.shown(&places)))
    }

    /// Nothing is stored. What breaks a rule is answered 500 as the document has it, what is malformed 400.
    fn batch_validate(
        &self,
        organization: &str,
        groups: Vec<NewGroup>,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        self.bound(&groups)?;
        for group in groups {
            self.rules(organization, now)
                .check(group, None)
                .map_err(|refusal| Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, refusal.message))?;
        }
        json("")
    }

    /// A batch without a group has no quantity but zero, which is refused like one.
    fn bound(&self, groups: &[NewGroup]) -> Result<(), Refusal> {
        if groups.is_empty() {
            return Err(Refusal::bad("all quantities are zero"));
        }
        if groups.len() > self.switches.batch_limit {
            let message = format!("a batch has at most {} groups", self.switches.batch_limit);
            return Err(Refusal::bad(message));
        }
        Ok(())
    }

    fn rules<'a>(&'a self, organization: &'a str, now: DateTime<Utc>) -> Rules<'a> {
        Rules {
            catalog: &self.catalog,
            switches: &self.switches,
            organization,
            now,
        }
    }

    /// Stores a group that keeps the rules and whose id is free. Its place. `path` is the entitlement that the path names.
    fn store(
        &mut self,
        organization: &str,
        group: NewGroup,
        path: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<usize, Refusal> {
        let id = rules::id(&group)?;
        let taken = id.clone().filter(|id| self.ledger.holds(organization, id));
        if taken.is_none() || self.switches.rules_before_id {
            let draft = self.rules(organization, now).check(group, path)?;
            if taken.is_none() {
                return Ok(self.ledger.enter(draft, id, now, false));
            }
        }
        self.duplicates.extend(taken);
        Err(Refusal::new(
            StatusCode::CONFLICT,
            "a group with this id is already there",
        ))
    }

    pub(super) fn plant(&mut self, foreign: &Foreign, now: DateTime<Utc>) {
        let Foreign { id, organization, .. } = foreign;
        let entitlement = self.catalog.entitlement(organization, &foreign.entitlement);
        let Some(entitlement) = entitlement.filter(|_| !self.ledger.holds(organization, id)) else {
            return;
        };
        let quantity = foreign.quantity.clone();
        let draft = Draft {
            organization: organization.clone(),
            entitlement: entitlement.id.clone(),
            buyer: entitlement.buyer.clone(),
            partner: entitlement.partner,
            usage: Usage::Records([(foreign.dimension.clone(), Quantity(quantity.clone()))].into()),
            records: [(foreign.dimension.clone(), quantity)].into(),
            timestamp: foreign.timestamp,
            status: Status::Created,
        };
        self.ledger.enter(draft, Some(id.clone()), now, true);
    }

    fn delete(
        &mut self,
        organization: &str,
        id: &str,
        query: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let created_on = Query::read(query, &["creationDate"])?.day("creationDate")?;
        let group = self
            .ledger
            .group_mut(organization, id)
            .filter(|group| created_on.is_none_or(|day| day == group.received_at.date_naive()))
            .ok_or_else(|| Refusal::not_found("usageRecordGroup not found"))?;
        if !matches!(group.status, Status::Created | Status::Invalid) {
            let message = format!("a group with status {} cannot be deleted", group.status.word());
            return Err(Refusal::bad(message));
        }
        group.status = Status::Deleted;
        group.updated_at = now;
        json(&UsageRecordGroup::of(group, self.switches.unknown_status))
    }

    fn list_groups(
        &self,
        organization: &str,
        query: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let listing = Listing::of_groups(query, now.date_naive())?;
        let listed = self.ledger.groups.iter().filter(|group| {
            group.organization == organization
                && now - group.received_at >= self.switches.list_delay
                && listing.shows_group(group)
        });
        let shown = listed.map(|group| UsageRecordGroup::of(group, self.switches.unknown_status));
        let (page, next_offset) = listing.page(shown, self.switches.last_page);
        json(&Groups {
            usage_record_groups: self.switches.order(page),
            next_offset,
        })
    }

    fn list_reports(
        &self,
        organization: &str,
        query: Option<&str>,
        now: DateTime<Utc>,
    ) -> Result<String, Refusal> {
        let listing = Listing::of_reports(query, now.date_naive())?;
        let listed = self
            .reports
            .made
            .iter()
            .filter(|report| report.organization == organization && listing.shows_report(report));
        let (page, next_offset) = listing.page(listed.map(UsageRecordReport::of), self.switches.last_page);
        json(&ReportsPage {
            usage_record_reports: self.switches.order(page),
            next_offset,
        })
    }

    /// Groups as they are answered.
    fn shown(&self, places: &[usize]) -> Vec<UsageRecordGroup<'_>> {
        places
            .iter()
            .filter_map(|place| self.ledger.groups.get(*place))
            .map(|group| UsageRecordGroup::of(group, self.switches.unknown_status))
            .collect()
    }
}

/// Reads a request's body, which must be JSON by its content type too.
fn read<T: DeserializeOwned>(request: &Request<Bytes>) -> Result<T, Refusal> {
    if request.body().len() > MAX_BODY {
        return Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "the body is too large",
        ));
    }
    let content_type = request.headers().get(header::CONTENT_TYPE);
    let is_json = content_type
        .and_then(|value| value.to_str().ok())
        .is_some_and(|value| value.split(';').next() == Some("application/json"));
    if !is_json {
        return Err(Refusal::bad("Content-Type must be application/json"));
    }
    serde_json::from_slice(request.body()).map_err(|error| Refusal::bad(format!("invalid body: {error}")))
}
