//! The audit trail, and the parked records that wait for a person.

use billing::{Entry, Identity, Outcome};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::item::{Found, Item, Key};
use crate::read::Range;
use crate::write::{Action, Condition};
use crate::{Corrupt, Store, StoreError, WriteError};

/// One line of the audit trail, with whose it is. A correction is a new one that names the same record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Where the record went.
    pub identity: Identity,
    /// The connection whose run settled it.
    pub connection: String,
    /// The buyer, as that connection called it.
    pub buyer: String,
    /// What became of it.
    pub entry: Entry,
}

impl AuditEntry {
    /// Appends it, and where it is parked, parks it.
    pub(crate) fn append(&self, actions: &mut Vec<Action>) -> Result<(), WriteError> {
        let record = &self.entry.record.id;
        let keys = [
            self.key(),
            Key::parked(record),
            Key::parked_of(&self.connection, record),
        ];
        let count = if self.entry.outcome == Outcome::Parked {
            keys.len()
        } else {
            1
        };
        for key in keys.into_iter().take(count) {
            actions.push(Action::Put(self.item(key)?, Condition::Append));
        }
        Ok(())
    }

    /// Takes it out of the parked ones; the trail keeps it.
    pub(crate) fn unpark(&self, actions: &mut Vec<Action>) {
        let record = &self.entry.record.id;
        for key in [Key::parked(record), Key::parked_of(&self.connection, record)] {
            actions.push(Action::Delete(key, Condition::Present));
        }
    }

    fn item(&self, key: Key) -> Result<Item, WriteError> {
        let item = Item::new(key).text("outcome", self.entry.outcome.word());
        item.text("connection", &self.connection)
            .text("buyer", &self.buyer)
            .body(self)
    }

    /// By the record's timestamp first, so that a time range is one query. Who settled it is digested, for a name may be longer
    /// than a key.
    fn key(&self) -> Key {
        let Entry { record, at, by, .. } = &self.entry;
        let by: String = Sha256::digest(by)
            .iter()
            .take(8)
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let at = at.to_rfc3339_opts(SecondsFormat::Nanos, true);
        Key::new(
            partition(&self.identity),
            format!("{}#{}#{at}#{by}", stamp(record.timestamp), record.id),
        )
    }
}

fn partition(identity: &Identity) -> String {
    format!("records#{identity}")
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Secs, true)
}

impl Store {
    /// The audit trail of an identity: every entry of the records whose timestamp lies in `[from, to)`, in their order, and
    /// those of one record in the order in which they were settled.
    ///
    /// # Errors
    /// [`StoreError::Endless`] for more than 200 MB, or the table's own.
    pub async fn records(
        &self,
        identity: &Identity,
        from: DateTime<Utc>,
        to: DateTime<Utc>,
    ) -> Result<Vec<Result<AuditEntry, Corrupt>>, StoreError> {
        if from >= to {
            return Ok(Vec::new());
        }
        // A stamp alone sorts before every key that begins with it, so the end is exclusive.
        let found = self
            .query(&partition(identity), Range::Between(&stamp(from), &stamp(to)))
            .await?;
        Ok(found.iter().map(Found::body).collect())
    }

    /// What waits for a person in a connection.
    ///
    /// # Errors
    /// The table's own.
    pub async fn parked(&self, connection: &str) -> Result<Vec<Result<AuditEntry, Corrupt>>, StoreError> {
        let found = self
            .query(&format!("connection#{connection}"), Range::Prefix("parked#"))
            .await?;
        Ok(found.iter().map(Found::body).collect())
    }

    /// A parked record by its id; none where it is not parked, or no longer.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the table's own.
    pub async fn parked_record(&self, record: &str) -> Result<Option<AuditEntry>, StoreError> {
        let found = self.get(&Key::parked(record)).await?;
        Ok(found.map(|item| item.body()).transpose()?)
    }
}
