//! The one DynamoDB table: books, owners, connections, the audit trail, parked records, runs. String keys `pk` and `sk`, TTL
//! attribute `expires_at`.
//!
//! # Items
//!
//! Every `body` is JSON text; the attributes beside it are for queries by hand and are never read back as truth.
//!
//! | item | `pk` | `sk` | attributes |
//! |---|---|---|---|
//! | book | `book#<identity>` | `book` | `version`, `write`, `body` ([`billing::Book`]), `identity`, `marketplace`, `in_flight` (a count), `written_by`, `updated_at` |
//! | audit trail | `records#<identity>` | `<record's timestamp>#<record id>#<settled at>#<digest of by>` | `body` ([`AuditEntry`]), `outcome`, `connection`, `buyer` |
//! | parked record | `parked#<record id>` | `parked` | the same |
//! | parked, by connection | `connection#<id>` | `parked#<record id>` | the same |
//! | book a connection visits | `connection#<id>` | `book#<identity>` | `body` ([`Registration`]), `buyer` |
//! | counter's owner | `owner#<account>#<customer>#<metric>` | `owner` | `version`, `body` ([`billing::Owner`]) |
//! | connection | `connections` | `connection#<id>` | `version`, `body` ([`platform::Connection`]; above 300 KB `body_gz`, its gzip) |
//! | guard of the connections | `connections` | `#version` | `version`, `write` |
//! | run | `run#<connection>` | `<job>#<at>#<started>` | `version`, `write`, `body` (the summary), `expires_at` (90 days) |
//!
//! # Laws
//!
//! - Every write is conditional on the version that was read, or on there being nothing yet; a book is checked
//!   ([`billing::Book::check`]) before it is sent, and an item above [`ITEM_MAX`] never is.
//! - A write changes all of its items or none: a book alone is one `PutItem`, a book with anything beside it one
//!   `TransactWriteItems`.
//! - `write` is a digest of all that one write says, its writer included. A write whose answer was lost and that is sent again
//!   finds its own digest in the item, and knows that it had landed.
//! - What does not parse is named and left as it is; in a list it stands in the place of the one item that it is.
//!
//! # What an access costs
//!
//! In requests; then in DynamoDB's units, for items of `s` KB (1 read unit is 4 KB, 1 write unit 1 KB; all reads are strongly
//! consistent; developer guide, "Read and write operations", read 2026-11-21).
//!
//! | access | requests | units |
//! |---|---|---|
//! | [`Store::book`], [`Store::connection`], [`Store::parked_record`] | 1 | s/4 |
//! | [`Store::books_many`], [`Store::owners`] | 1 per 100 items (more where the items are large) | s/4 an item |
//! | [`Store::connections`], [`Store::registrations`], [`Store::parked`], [`Store::records`], [`Store::last_runs`] | 1 per MB | s/4 in all |
//! | [`Store::write`] of a book alone (a claim, a noted attempt) | 1 | s |
//! | [`Store::write`] with entries, owners, a registration (a settle, a first claim) | 1 | 2s, over all its items |
//! | [`Store::put_connection`], [`Store::delete_connection`] | 1 | 2s |
//! | [`Store::put_run`] | 1 | s |
//!
//! So a buyer that grew costs two writes, one claim and one settle, and one that did not costs none.

mod audit;
mod book;
mod connection;
mod error;
mod item;
mod owner;
mod read;
mod run;
mod table;
#[cfg(test)]
mod tests;
mod transaction;
mod write;

use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::config::retry::{RetryPartition, TokenBucket};

pub use audit::AuditEntry;
pub use book::{Change, Registration, Standing};
pub use connection::Connections;
pub use error::{Corrupt, StoreError, WriteError};
pub use item::{ITEM_MAX, Versioned};
pub use run::Run;
pub use write::{ACTIONS_MAX, ENTRIES_MAX, PARKED_MAX};

/// The table. Clones are cheap. The SDK's own retries stay on: every write here can be repeated.
#[derive(Clone, Debug)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The table of this name, as `client` reaches it.
    #[must_use]
    pub fn new(client: Client, table: impl Into<String>) -> Self {
        // The SDK's own bound on retries is one for the whole process and all its invocations: an outage that one run met would
        // leave the next without any. Here a request's tries are bounded by themselves, and requests by their callers.
        let unshared = RetryPartition::custom("meterbridge").token_bucket(TokenBucket::unlimited());
        let config = client.config().to_builder().retry_partition(unshared.build());
        Self {
            client: Client::from_conf(config.build()),
            table: table.into(),
        }
    }

    /// Its name.
    #[must_use]
    pub fn table(&self) -> &str {
        &self.table
    }
}
