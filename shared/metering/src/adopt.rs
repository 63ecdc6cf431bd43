//! What deleted connections have left open: their spans end where they were last claimed to, so that a connection of today can
//! count on from there. Nobody else would end them.

use std::collections::BTreeSet;

use billing::{Book, Identity, Wanted};

use crate::books::Volume;
use crate::meter::{Owners, counters};
use crate::read::Readings;
use crate::run::Conduct;
use crate::want;

impl Conduct<'_> {
    /// The connections that are no more and have left spans open in a book.
    pub(crate) fn gone(&self, book: &Book) -> BTreeSet<String> {
        let open = book.streams.values().filter(|stream| !stream.ended);
        open.map(|stream| &stream.connection)
            .filter(|connection| !self.live.contains(*connection))
            .cloned()
            .collect()
    }

    /// Ends what deleted connections have left open in books that are none of this connection's, but own counters of its; the
    /// books are this connection's to visit from then on. Answers the owners as they are afterwards.
    pub(crate) async fn adopt(&self, work: &[(&mut Volume, Wanted)], owners: Owners) -> Owners {
        let ours: BTreeSet<&Identity> = work.iter().map(|(volume, _)| volume.identity()).collect();
        let others: BTreeSet<Identity> = owners
            .values()
            .filter_map(|(owner, _)| owner.book.clone())
            .filter(|book| !ours.contains(book) && !self.order.dry_run)
            .collect();
        let mut adopted = false;
        for identity in &others {
            match self.deps.store.book(identity).await {
                Ok(Some(orphan)) => {
                    let last = orphan.value.entitlements.values().next_back();
                    let buyer = last.map_or_else(String::new, |entitlement| entitlement.buyer.clone());
                    let mut volume = Volume {
                        book: orphan.value,
                        version: Some(orphan.version),
                        buyer,
                        standing: None,
                    };
                    let mut wanted = want::nothing(self.connection, &volume.book.destination);
                    wanted.gone = self.gone(&volume.book);
                    if wanted.gone.is_empty() {
                        continue;
                    }
                    adopted = true;
                    match self.owners(&counters(&volume, &wanted)).await {
                        Ok(mine) => drop(self.claim(&mut volume, &wanted, mine, &Readings::new()).await),
                        Err(fault) => self.fault(fault),
                    }
                }
                Ok(None) => {}
                Err(error) => self.fault(error.into()),
            }
        }
        if !adopted {
            return owners;
        }
        let counters = owners.keys().cloned().collect();
        self.owners(&counters).await.unwrap_or(owners)
    }
}
