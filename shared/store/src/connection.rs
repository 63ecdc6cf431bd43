//! Connections, all under one guard: what `apply` validates across all of them, it validates against what is then stored.

use std::io::{Read as _, Write as _};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use platform::Connection;

use crate::item::{CONNECTIONS, Found, Item, Key};
use crate::read::Range;
use crate::write::{Action, Condition};
use crate::{Corrupt, Store, StoreError, Versioned, WriteError};

/// A connection longer than this is stored as its gzip: a thousand buyers are more text than an item takes.
const PLAIN_MAX: usize = 300_000;

/// A stored connection never unpacks to more: some ten thousand buyers.
const UNPACKED_MAX: u64 = 16 * 1024 * 1024;

/// All connections, and the guard that a change of any of them must name.
#[derive(Clone, Debug)]
pub struct Connections {
    /// Counts the changes; none before the first.
    pub guard: Option<u64>,
    /// Each, by id; one that does not parse stands here as such.
    pub list: Vec<Result<Versioned<Connection>, Corrupt>>,
}

impl Store {
    /// All connections. The guard is read no later than they are.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`] for the guard, or the table's own.
    pub async fn connections(&self) -> Result<Connections, StoreError> {
        let found = self.query(CONNECTIONS, Range::All).await?;
        let guard = found.iter().find(|item| item.key() == Key::guard());
        let guard = guard.map(Found::version).transpose()?;
        let list = found
            .iter()
            .filter(|item| item.key() != Key::guard())
            .map(connection)
            .collect();
        Ok(Connections { guard, list })
    }

    /// One connection.
    ///
    /// # Errors
    /// [`StoreError::Corrupt`], or the table's own.
    pub async fn connection(&self, id: &str) -> Result<Option<Versioned<Connection>>, StoreError> {
        let found = self.get(&Key::connection(id)).await?;
        Ok(found.map(|item| connection(&item)).transpose()?)
    }

    /// Stores a connection, if no connection was changed since `guard` was read. Answers the new guard, which is also the
    /// connection's version.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] where another was: validate again. The others as [`WriteError`] says.
    pub async fn put_connection(
        &self,
        connection: &Connection,
        guard: Option<u64>,
    ) -> Result<u64, WriteError> {
        let (version, lead) = guarded(guard);
        let item = Item::new(Key::connection(&connection.id)).number("version", version);
        let item = with_body(item, connection)?;
        self.commit(lead, guard, vec![Action::Put(item, Condition::Guarded)])
            .await?;
        Ok(version)
    }

    /// Removes a connection, under the same guard. Its books, owners, parked records and audit trail stay.
    ///
    /// # Errors
    /// As [`Store::put_connection`]; a conflict too where it is not there.
    pub async fn delete_connection(&self, id: &str, guard: Option<u64>) -> Result<u64, WriteError> {
        let (version, lead) = guarded(guard);
        let delete = Action::Delete(Key::connection(id), Condition::Present);
        self.commit(lead, guard, vec![delete]).await?;
        Ok(version)
    }
}

fn guarded(guard: Option<u64>) -> (u64, Item) {
    let version = guard.map_or(1, |version| version.saturating_add(1));
    (version, Item::new(Key::guard()).number("version", version))
}

fn with_body(item: Item, connection: &Connection) -> Result<Item, WriteError> {
    let body = item.json(connection)?;
    if body.len() <= PLAIN_MAX {
        return Ok(item.text("body", body));
    }
    match packed(&body) {
        Ok(packed) => Ok(item.bytes("body_gz", packed)),
        Err(error) => Err(WriteError::Unwritable {
            key: item.key.to_string(),
            reason: error.to_string(),
        }),
    }
}

fn packed(body: &str) -> std::io::Result<Vec<u8>> {
    let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
    gzip.write_all(body.as_bytes())?;
    gzip.finish()
}

fn connection(item: &Found) -> Result<Versioned<Connection>, Corrupt> {
    let value: Connection = match item.bytes("body_gz") {
        None => item.body()?,
        Some(packed) => {
            let mut text = String::new();
            GzDecoder::new(packed)
                .take(UNPACKED_MAX)
                .read_to_string(&mut text)
                .map_err(|error| Corrupt::new(&item.key(), format!("its body does not unpack: {error}")))?;
            item.parse(&text)?
        }
    };
    if Key::connection(&value.id) != item.key() {
        return Err(Corrupt::new(&item.key(), "it holds another connection"));
    }
    Ok(Versioned {
        value,
        version: item.version()?,
    })
}
