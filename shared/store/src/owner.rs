//! Who counts a counter. Owners are written with the book, in the claim that begins or ends a span.

use std::collections::BTreeMap;

use billing::{Counter, Owner};

use crate::item::Key;
use crate::{Corrupt, Store, StoreError, Versioned};

impl Store {
    /// The owners of these counters. One that nobody ever counted is not in the answer; one that does not parse is there as
    /// such, and does not keep the others away.
    ///
    /// # Errors
    /// The table's own.
    pub async fn owners(
        &self,
        counters: &[Counter],
    ) -> Result<BTreeMap<Counter, Result<Versioned<Owner>, Corrupt>>, StoreError> {
        let keys: BTreeMap<_, _> = counters
            .iter()
            .map(|counter| (Key::owner(counter), counter))
            .collect();
        let found = self.get_many(keys.keys().cloned().collect()).await?;
        let named = found.iter().filter_map(|item| {
            let counter = keys.get(&item.key())?;
            Some(((*counter).clone(), item.versioned()))
        });
        Ok(named.collect())
    }
}
