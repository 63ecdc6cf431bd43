//! What goes wrong with the table, in words that name the item.

use std::error::Error;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use platform::aws::transport_error;
use platform::text::printable;
use platform::{Fault, FaultKind};

use crate::item::{CONNECTIONS, Key};
use crate::write::{ACTIONS_MAX, TRANSACTION_MAX};
use crate::{ITEM_MAX, Store};

/// A service's own words are cut here: some quote the request.
const WORDS_MAX: usize = 300;

/// An item that is not what its key says. It is left as it is: a person must look at it, or restore it.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
#[error("the item {key} is not what it should be ({reason}); it is left as it is")]
pub struct Corrupt {
    /// `pk / sk`.
    pub key: String,
    /// What is wrong, without quoting what is stored.
    pub reason: String,
}

/// Why a read has no answer.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum StoreError {
    /// One item, asked for by name, does not parse.
    #[error(transparent)]
    Corrupt(#[from] Corrupt),
    /// A list goes on after as many pages as are read at once: ask for less.
    #[error("{0} has more than can be read at once: ask for a shorter time")]
    Endless(String),
    /// The table did not answer, or refused.
    #[error(transparent)]
    Unavailable(#[from] Fault),
}

/// Why a write is not known to have been made.
#[derive(Clone, Debug, thiserror::Error, PartialEq, Eq)]
pub enum WriteError {
    /// Somebody else has written the item since it was read. Nothing was written: read again, plan again.
    #[error("{0} was changed by somebody else meanwhile")]
    Conflict(String),
    /// An entry of the audit trail, or a parked record, of this very key is there already. Nothing was written.
    #[error("{0} is there already, and is never changed")]
    Exists(String),
    /// No verdict: it may have landed. Read again before anything else.
    #[error(transparent)]
    Unavailable(#[from] Fault),
    /// The item is larger than DynamoDB takes, or all items are larger than a transaction takes. Nothing was sent.
    #[error("{key} would be {size} bytes, and DynamoDB takes {ITEM_MAX} (a transaction: {TRANSACTION_MAX})")]
    TooLarge {
        /// `pk / sk`.
        key: String,
        /// In bytes.
        size: usize,
    },
    /// More items than a transaction takes. Nothing was sent: settle in smaller slices.
    #[error("the write has {0} items, and a transaction takes {ACTIONS_MAX}")]
    TooMany(usize),
    /// It has no JSON. Nothing was sent.
    #[error("{key} cannot be written: {reason}")]
    Unwritable {
        /// `pk / sk`.
        key: String,
        /// The writer's own words.
        reason: String,
    },
    /// The book does not add up. Nothing was sent.
    #[error("a book that does not add up is not written: {0}")]
    Unbalanced(#[from] billing::book::Unbalanced),
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(fault) => fault,
            other => Self::new(FaultKind::StoreUnavailable, other.to_string()),
        }
    }
}

impl From<Corrupt> for Fault {
    fn from(error: Corrupt) -> Self {
        StoreError::from(error).into()
    }
}

/// A write that the table's state or the item's own shape forbids leaves work undone; it is not the table that failed.
impl From<WriteError> for Fault {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Unavailable(fault) => fault,
            other => Self::new(FaultKind::Incomplete, other.to_string()),
        }
    }
}

impl Corrupt {
    pub(crate) fn new(key: &Key, reason: impl Into<String>) -> Self {
        Self {
            key: key.to_string(),
            reason: reason.into(),
        }
    }

    /// The id of the connection that it is, if it is one: it does not parse, and was not deleted.
    #[must_use]
    pub fn connection(&self) -> Option<&str> {
        let key = self.key.strip_prefix('`')?.strip_suffix('`')?;
        key.strip_prefix(CONNECTIONS)?.strip_prefix(" / connection#")
    }
}

impl Store {
    /// What the SDK's error means for the caller, in words. Never the answer's body: it may hold items.
    pub(crate) fn fault<E, R>(&self, error: &SdkError<E, R>) -> Fault
    where
        E: ProvideErrorMetadata + Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        let table = printable(&self.table);
        let code = printable(error.code().unwrap_or_default());
        let said: String = printable(error.message().unwrap_or_default())
            .chars()
            .take(WORDS_MAX)
            .collect();
        match code.as_str() {
            "ResourceNotFoundException" => Fault::new(
                FaultKind::Misconfigured,
                format!(
                    "the table `{table}` is not there: mend METERBRIDGE_TABLE or the region, or make it with `meterbridge table create`"
                ),
            ),
            "AccessDeniedException" => Fault::new(
                FaultKind::Unauthorized,
                format!("the table `{table}` may not be used with these AWS credentials ({code}): {said}"),
            ),
            // Without the words: a refused signature is told with the request's headers, a session token among them.
            "UnrecognizedClientException"
            | "ExpiredTokenException"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException" => Fault::new(
                FaultKind::Unauthorized,
                format!("the table `{table}` may not be used with these AWS credentials ({code})"),
            ),
            "ValidationException" => Fault::new(
                FaultKind::Misconfigured,
                format!(
                    "the table `{table}` refused a request as malformed (has it the keys `pk` and `sk`?): {said}"
                ),
            ),
            "" => Fault::new(
                FaultKind::StoreUnavailable,
                format!("the table `{table}` did not answer: {}", unanswered(error)),
            ),
            _ => Fault::new(
                FaultKind::StoreUnavailable,
                format!("the table `{table}` did not answer ({code}): {said}"),
            ),
        }
    }
}

/// The transport's own word, else the error's causes in one line.
fn unanswered<E, R>(error: &SdkError<E, R>) -> String
where
    E: Error + 'static,
    R: std::fmt::Debug + 'static,
{
    if let Some(own) = transport_error(error) {
        return own.to_string();
    }
    let words: Vec<_> = causes(error).map(ToString::to_string).collect();
    printable(&words.join(": ")).chars().take(WORDS_MAX).collect()
}

fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |cause: &&'a (dyn Error + 'static)| (*cause).source())
}
