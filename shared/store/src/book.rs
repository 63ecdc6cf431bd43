//! Books: read, and changed with all that a change of the book takes along.

use std::collections::BTreeMap;

use billing::{Book, Counter, Entry, Identity, Outcome, Owner};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};

use crate::item::{Found, Item, Key};
use crate::read::Range;
use crate::write::{Action, Condition};
use crate::{AuditEntry, Corrupt, Store, StoreError, Versioned, WriteError};

/// A book that the runs of a connection visit, whether or not its configuration still names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Registration {
    /// The book's key.
    pub identity: Identity,
    /// Whose it is.
    pub buyer: String,
    /// Whether runs still visit it.
    pub standing: Standing,
}

/// Whether the runs of a connection visit a book that its configuration does not name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// Something in it may still move.
    Open,
    /// Nothing in it moves any more; it is kept for `books` and `records`.
    Drained,
}

/// One change of a book, whole or not at all: a claim, a noted attempt, a settle, a release, a resolution.
#[derive(Clone, Copy, Debug)]
pub struct Change<'a> {
    /// The book as it shall be.
    pub book: &'a Book,
    /// The version that it was read at; none where there was none.
    pub expected: Option<u64>,
    /// Who writes: unique to this write (an attempt's id and a count).
    pub writer: &'a str,
    /// When.
    pub at: DateTime<Utc>,
    /// The connection of the run; parked records are listed under it.
    pub connection: &'a str,
    /// The buyer, for the audit trail.
    pub buyer: &'a str,
    /// What left the flight: appended to the audit trail, and where it is parked, kept as an item of its own.
    pub entries: &'a [Entry],
    /// Owners that a span's beginning or end changes, each with the version that it was read at.
    pub owners: &'a [(Counter, Owner, Option<u64>)],
    /// How the connection shall visit the book, where that changes: [`Standing::Open`] in the claim that first writes it.
    pub register: Option<Standing>,
    /// Parked records that `entries` resolve: no longer parked.
    pub resolved: &'a [AuditEntry],
}

impl<'a> Change<'a> {
    /// A change of the book alone.
    #[must_use]
    pub fn new(
        book: &'a Book,
        expected: Option<u64>,
        writer: &'a str,
        at: DateTime<Utc>,
        connection: &'a str,
        buyer: &'a str,
    ) -> Self {
        let (entries, owners, resolved): (&[_], &[_], &[_]) = (&[], &[], &[]);
        Self {
            book,
            expected,
            writer,
            at,
            connection,
            buyer,
            entries,
            owners,
            register: None,
            resolved,
        }
    }

    /// How many items it writes; a transaction takes [`crate::ACTIONS_MAX`]. The book is one, an owner one, the registration
    /// one, an entry one, and a record parked or resolved two more.
    #[must_use]
    pub fn actions(&self) -> usize {
        let parked = self
            .entries
            .iter()
            .filter(|entry| entry.outcome == Outcome::Parked)
            .count();
        let alone = 1 + self.owners.len() + usize::from(self.register.is_some());
        alone + self.entries.len() + 2 * (parked + self.resolved.len())
    }

    fn lead(&self, version: u64) -> Result<Item, WriteError> {
        let identity = &self.book.destination.identity;
        Item::new(Key::book(identity))
            .number("version", version)
            .text("identity", identity.to_string())
            .text("marketplace", identity.marketplace())
            .number("in_flight", self.book.in_flight.len())
            .text("written_by", self.writer)
            .text("updated_at", self.at.to_rfc3339_opts(SecondsFormat::AutoSi, true))
            .body(self.book)
    }

    fn rest(&self) -> Result<Vec<Action>, WriteError> {
        let identity = &self.book.destination.identity;
        let mut rest = Vec::with_capacity(self.actions());
        for (counter, owner, expected) in self.owners {
            let version = expected.map_or(1, |version| version.saturating_add(1));
            let item = Item::new(Key::owner(counter))
                .number("version", version)
                .body(owner)?;
            rest.push(Action::Put(item, Condition::At(*expected)));
        }
        if let Some(standing) = self.register {
            let (identity, buyer) = (identity.clone(), self.buyer.to_owned());
            let key = Key::registration(self.connection, &identity);
            let item = Item::new(key).text("buyer", &buyer).body(&Registration {
                identity,
                buyer,
                standing,
            })?;
            rest.push(Action::Put(item, Condition::Guarded));
        }
        for entry in self.entries {
            let (connection, buyer) = (self.connection.to_owned(), self.buyer.to_owned());
            AuditEntry {
                identity: identity.clone(),
                connection,
                buyer,
                entry: entry.clone(),
            }
            .append(&mut rest)?;
        }
        for parked in self.resolved {
            parked.unpark(&mut rest);
        }
        Ok(rest)
    }
}

impl Store {
    /// The book of an identity; none where nothing was ever claimed.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the table's own.
    pub async fn book(&self, identity: &Identity) -> Result<Option<Versioned<Book>>, StoreError> {
        let found = self.get(&Key::book(identity)).await?;
        Ok(found.map(|item| book(&item)).transpose()?)
    }

    /// The books of many identities. One that was never written is not in the answer; one that does not parse is there as
    /// such, and does not keep the others away.
    ///
    /// # Errors
    /// The table's own.
    pub async fn books_many(
        &self,
        identities: &[Identity],
    ) -> Result<BTreeMap<Identity, Result<Versioned<Book>, Corrupt>>, StoreError> {
        let keys: BTreeMap<_, _> = identities
            .iter()
            .map(|identity| (Key::book(identity), identity))
            .collect();
        let found = self.get_many(keys.keys().cloned().collect()).await?;
        let named = found.iter().filter_map(|item| {
            let identity = keys.get(&item.key())?;
            Some(((*identity).clone(), book(item)))
        });
        Ok(named.collect())
    }

    /// The books that the runs of a connection visit, or have visited.
    ///
    /// # Errors
    /// The table's own.
    pub async fn registrations(
        &self,
        connection: &str,
    ) -> Result<Vec<Result<Registration, Corrupt>>, StoreError> {
        let found = self
            .query(&format!("connection#{connection}"), Range::Prefix("book#"))
            .await?;
        Ok(found.iter().map(Found::body).collect())
    }

    /// Writes a change: the book and all that goes with it, or nothing. Answers the book's new version.
    ///
    /// # Errors
    /// Each as [`WriteError`] says.
    pub async fn write(&self, change: &Change<'_>) -> Result<u64, WriteError> {
        change.book.check()?;
        let version = change.expected.map_or(1, |version| version.saturating_add(1));
        self.commit(change.lead(version)?, change.expected, change.rest()?)
            .await?;
        Ok(version)
    }
}

/// A book under another's key would bill another's usage.
fn book(item: &Found) -> Result<Versioned<Book>, Corrupt> {
    let book: Versioned<Book> = item.versioned()?;
    if Key::book(&book.value.destination.identity) == item.key() {
        Ok(book)
    } else {
        Err(Corrupt::new(&item.key(), "it holds another identity's book"))
    }
}
