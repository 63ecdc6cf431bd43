//! The books of a connection: those that its configuration names, and those that its runs have ever written.

use std::collections::BTreeMap;

use billing::{Book, Identity};
use platform::Connection;
use store::{Corrupt, Standing, Store, StoreError, Versioned};

/// A book, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Visit {
    pub(super) identity: Identity,
    pub(super) buyer: String,
    /// None where only the configuration names it.
    pub(super) standing: Option<Standing>,
    /// None where nothing was ever claimed.
    pub(super) book: Option<Result<Versioned<Book>, Corrupt>>,
}

/// Whose book an identity is.
pub(super) type Named = BTreeMap<Identity, (String, Option<Standing>)>;

/// The identities of a connection, stored or deleted, and what could not be read of them.
pub(super) async fn identities(
    store: &Store,
    id: &str,
    connection: Option<&Connection>,
) -> Result<(Named, Vec<Corrupt>), StoreError> {
    let (mut named, mut corrupt) = (Named::new(), Vec::new());
    for registration in store.registrations(id).await? {
        match registration {
            Ok(one) => drop(named.insert(one.identity, (one.buyer, Some(one.standing)))),
            Err(error) => corrupt.push(error),
        }
    }
    for buyer in connection.into_iter().flat_map(|connection| &connection.buyers) {
        for entitlement in &buyer.entitlements {
            let identity = entitlement.destination.identity.clone();
            named.entry(identity).or_insert_with(|| (buyer.id.clone(), None));
        }
    }
    Ok((named, corrupt))
}

/// The books of a connection, stored or deleted, in the order of their identities.
pub(super) async fn books(
    store: &Store,
    id: &str,
    connection: Option<&Connection>,
) -> Result<(Vec<Visit>, Vec<Corrupt>), StoreError> {
    let (named, corrupt) = identities(store, id, connection).await?;
    let mut books = store
        .books_many(&named.keys().cloned().collect::<Vec<_>>())
        .await?;
    let visits = named
        .into_iter()
        .map(|(identity, (buyer, standing))| {
            let book = books.remove(&identity);
            Visit {
                identity,
                buyer,
                standing,
                book,
            }
        })
        .collect();
    Ok((visits, corrupt))
}
