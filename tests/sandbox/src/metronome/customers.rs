//! Customers, and which of them an event belongs to.

use std::collections::{BTreeMap, HashMap};

use chrono::{DateTime, Utc};
use serde::Serialize;
use uuid::Uuid;

use super::reply::Refusal;

/// A longer name is cut to this many characters.
const NAME_LENGTH: usize = 160;
/// Ingest aliases a customer may have, and characters each may have.
const MOST_ALIASES: usize = 2_000;
const ALIAS_LENGTH: usize = 128;

/// A customer as it is kept.
#[derive(Clone, Debug)]
pub(super) struct Customer {
    pub(super) id: Uuid,
    pub(super) name: String,
    pub(super) aliases: Vec<String>,
    pub(super) custom_fields: BTreeMap<String, String>,
    pub(super) created_at: DateTime<Utc>,
    pub(super) updated_at: DateTime<Utc>,
    pub(super) archived_at: Option<DateTime<Utc>>,
}

impl Customer {
    /// Every word that an event may name it by: its id and its aliases.
    pub(super) fn names(&self) -> Vec<String> {
        let mut names = vec![self.id.to_string()];
        names.extend(self.aliases.iter().cloned());
        names
    }
}

/// All customers of the account, in the order they were made. None is ever removed.
#[derive(Default)]
pub(super) struct Customers {
    all: Vec<Customer>,
    by_id: HashMap<Uuid, usize>,
    by_alias: HashMap<String, usize>,
}

impl Customers {
    pub(super) fn all(&self) -> &[Customer] {
        &self.all
    }

    pub(super) fn place(&self, id: Uuid) -> Result<usize, Refusal> {
        self.by_id
            .get(&id)
            .copied()
            .ok_or_else(|| Refusal::not_found(format!("customer {id} not found")))
    }

    pub(super) fn get(&self, id: Uuid) -> Result<&Customer, Refusal> {
        let place = self.place(id)?;
        self.all
            .get(place)
            .ok_or_else(|| Refusal::not_found("customer not found"))
    }

    /// The customer an event belongs to now: by its Metronome id, else by alias. Asked at each read, so an alias that
    /// is added later takes in the events that came before it.
    pub(super) fn named(&self, name: &str) -> Option<&Customer> {
        let by_id = || Uuid::try_parse(name).ok().filter(|id| id.to_string() == name);
        let place = self.by_alias.get(name).or_else(|| self.by_id.get(&by_id()?))?;
        self.all.get(*place)
    }

    pub(super) fn create(
        &mut self,
        id: Uuid,
        name: &str,
        aliases: Vec<String>,
        custom_fields: BTreeMap<String, String>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let place = self.all.len();
        let aliases = self.free(aliases, place)?;
        self.by_id.insert(id, place);
        self.by_alias
            .extend(aliases.iter().map(|alias| (alias.clone(), place)));
        let name = name.chars().take(NAME_LENGTH).collect();
        let customer = Customer {
            id,
            name,
            aliases,
            custom_fields,
            created_at: now,
            updated_at: now,
            archived_at: None,
        };
        self.all.push(customer);
        Ok(())
    }

    /// Replaces all aliases of a customer.
    pub(super) fn set_aliases(
        &mut self,
        id: Uuid,
        aliases: Vec<String>,
        now: DateTime<Utc>,
    ) -> Result<(), Refusal> {
        let place = self.place(id)?;
        let aliases = self.free(aliases, place)?;
        let customer = self
            .all
            .get_mut(place)
            .ok_or_else(|| Refusal::not_found("customer not found"))?;
        if customer.archived_at.is_some() {
            return Err(Refusal::bad("the customer is archived"));
        }
        self.by_alias.retain(|_, holder| *holder != place);
        self.by_alias
            .extend(aliases.iter().map(|alias| (alias.clone(), place)));
        customer.aliases = aliases;
        customer.updated_at = now;
        Ok(())
    }

    /// Archives a customer, for good. Its aliases stay taken.
    pub(super) fn archive(&mut self, id: Uuid, now: DateTime<Utc>) -> Result<(), Refusal> {
        let place = self.place(id)?;
        let customer = self
            .all
            .get_mut(place)
            .ok_or_else(|| Refusal::not_found("customer not found"))?;
        if customer.archived_at.is_some() {
            return Err(Refusal::bad("the customer is already archived"));
        }
        customer.archived_at = Some(now);
        customer.updated_at = now;
        Ok(())
    }

    /// Aliases that `holder` may have: well formed, once each, and held by nobody else, active or archived.
    /// (<https://docs.metronome.com/api-reference/idempotency>: to move an alias, take it from its old holder first.)
    fn free(&self, aliases: Vec<String>, holder: usize) -> Result<Vec<String>, Refusal> {
        if aliases.len() > MOST_ALIASES {
            return Err(Refusal::bad(format!("at most {MOST_ALIASES} ingest aliases")));
        }
        let mut free: Vec<String> = Vec::with_capacity(aliases.len());
        for alias in aliases {
            if alias.is_empty() || alias.chars().count() > ALIAS_LENGTH {
                return Err(Refusal::bad(format!(
                    "an ingest alias has 1 to {ALIAS_LENGTH} characters"
                )));
            }
            let id = Uuid::try_parse(&alias).ok().and_then(|id| self.by_id.get(&id));
            if self
                .by_alias
                .get(&alias)
                .or(id)
                .is_some_and(|other| *other != holder)
            {
                return Err(Refusal::conflict(format!(
                    "ingest alias {alias} is already in use"
                )));
            }
            if !free.contains(&alias) {
                free.push(alias);
            }
        }
        Ok(free)
    }
}

/// `CustomerDetail`: what list and get show.
#[derive(Serialize)]
pub(super) struct Detail<'a> {
    id: Uuid,
    external_id: String,
    ingest_aliases: &'a [String],
    name: &'a str,
    customer_config: Config,
    custom_fields: &'a BTreeMap<String, String>,
    created_at: DateTime<Utc>,
    updated_at: DateTime<Utc>,
    archived_at: Option<DateTime<Utc>>,
}

#[derive(Serialize)]
struct Config {
    salesforce_account_id: Option<String>,
}

/// The deprecated `external_id`: the first alias, or the id.
pub(super) fn external_id(customer: &Customer) -> String {
    customer
        .aliases
        .first()
        .cloned()
        .unwrap_or_else(|| customer.id.to_string())
}

/// How list and get show a customer.
pub(super) fn detail(customer: &Customer) -> Detail<'_> {
    Detail {
        id: customer.id,
        external_id: external_id(customer),
        ingest_aliases: &customer.aliases,
        name: &customer.name,
        customer_config: Config {
            salesforce_account_id: None,
        },
        custom_fields: &customer.custom_fields,
        created_at: customer.created_at,
        updated_at: customer.updated_at,
        archived_at: customer.archived_at,
    }
}
