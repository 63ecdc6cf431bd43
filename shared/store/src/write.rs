//! Writes: all of a write's items or none, each conditional, and a landed one recognised.

use std::time::Duration;

use platform::Deadline;
use platform::retry::persist;
use sha2::{Digest as _, Sha256};

use crate::item::{Found, ITEM_MAX, Item, Key, framed};
use crate::transaction::Refusal;
use crate::{Store, WriteError};

/// A transaction takes this many items (API reference of `TransactWriteItems`, read 2026-11-21).
pub const ACTIONS_MAX: usize = 100;

/// So many entries fit beside the book into a settle that parks nothing and carries nothing else.
pub const ENTRIES_MAX: usize = ACTIONS_MAX - 1;

/// So many entries fit beside the book whatever becomes of them: a parked one is three items.
pub const PARKED_MAX: usize = ENTRIES_MAX / 3;

/// And all of them together are at most 4 MB (the same page).
pub(crate) const TRANSACTION_MAX: usize = 4 * 1024 * 1024;

/// A write that the table is too busy for is tried again within the usual tries and their 60 s.
const PATIENCE: Duration = Duration::from_secs(90);

/// What must hold for an item to be written.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Condition {
    /// It was read and stands at this version, or was not there: else a conflict.
    At(Option<u64>),
    /// It was read and is there: else a conflict.
    Present,
    /// Nothing has this key, ever.
    Append,
    /// Nothing: another item of the same write stands guard.
    Guarded,
}

/// One item's part of a write.
#[derive(Clone, Debug)]
pub(crate) enum Action {
    Put(Item, Condition),
    Delete(Key, Condition),
}

impl Action {
    pub(crate) fn key(&self) -> &Key {
        match self {
            Self::Put(item, _) => &item.key,
            Self::Delete(key, _) => key,
        }
    }

    pub(crate) fn condition(&self) -> Condition {
        match self {
            Self::Put(_, condition) | Self::Delete(_, condition) => *condition,
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Put(item, _) => item.size(),
            Self::Delete(key, _) => key.pk.len() + key.sk.len(),
        }
    }
}

impl Store {
    /// Writes the lead, an item with a version, and all that goes with it, or nothing.
    pub(crate) async fn commit(
        &self,
        lead: Item,
        at: Option<u64>,
        rest: Vec<Action>,
    ) -> Result<(), WriteError> {
        let digest = digest(&lead, &rest);
        let mut actions = vec![Action::Put(lead.text("write", &digest), Condition::At(at))];
        actions.extend(rest);
        fits(&actions)?;
        let mut tries: u32 = 0;
        let answer = persist(Deadline::after(PATIENCE), || {
            tries += 1;
            self.send(&actions, &digest, tries)
        });
        match answer.await {
            Ok(()) => Ok(()),
            Err(Refusal::Busy(fault) | Refusal::Failed(fault)) => Err(fault.into()),
            Err(Refusal::Unmet { first, lead }) => {
                let landed = lead.is_some_and(|item| Found(item).text("write") == Some(digest.as_str()));
                if landed {
                    Ok(())
                } else {
                    Err(unmet(&actions, first))
                }
            }
        }
    }
}

fn unmet(actions: &[Action], first: usize) -> WriteError {
    let Some(action) = actions.get(first) else {
        return WriteError::Conflict("an item".to_owned());
    };
    match action.condition() {
        Condition::Append => WriteError::Exists(action.key().to_string()),
        _ => WriteError::Conflict(action.key().to_string()),
    }
}

fn fits(actions: &[Action]) -> Result<(), WriteError> {
    if actions.len() > ACTIONS_MAX {
        return Err(WriteError::TooMany(actions.len()));
    }
    let mut sum: usize = 0;
    for action in actions {
        let size = action.size();
        sum = sum.saturating_add(size);
        if size > ITEM_MAX || sum > TRANSACTION_MAX {
            return Err(WriteError::TooLarge {
                key: action.key().to_string(),
                size: size.max(sum),
            });
        }
    }
    Ok(())
}

/// Of all that a write says: 128 bits, in the 36 characters that a request token may have with the try's number.
fn digest(lead: &Item, rest: &[Action]) -> String {
    let mut digest = Sha256::new();
    lead.digest(&mut digest);
    for action in rest {
        match action {
            Action::Put(item, _) => item.digest(&mut digest),
            Action::Delete(key, _) => {
                framed(&mut digest, b"delete");
                framed(&mut digest, key.pk.as_bytes());
                framed(&mut digest, key.sk.as_bytes());
            }
        }
    }
    digest
        .finalize()
        .iter()
        .take(16)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
