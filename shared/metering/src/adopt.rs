//! What deleted connections have left open: their spans end where they were last claimed to, so that a connection of today can
//! count on from there. Nobody else would end them.

use std::collections::BTreeSet;

use billing::{Book, Identity, Readings, Record, Wanted};

use crate::books::Volume;
use crate::meter::{Owners, counters};
use crate::run::Conduct;
use crate::want;

impl Conduct<'_> {
    /// The connections that are no more and have left spans open in a book.
    pub(crate) fn gone(&self, book: &Book) -> BTreeSet<String> {
        let open = book.streams.values().filter(|stream| !stream.ended);
        let lives = |name: &str| {
            let id = name.split_once('@').map_or(name, |(id, _)| id);
            self.live.contains(name) || self.live.contains(id)
        };
        let amounts = book.amounts.values().filter(|amount| !amount.ended);
        open.map(|stream| &stream.connection)
            .chain(amounts.map(|amount| &amount.connection))
            .filter(|connection| !lives(connection))
            .cloned()
            .collect()
    }

    /// Ends what deleted connections have left open in books that are none of this connection's, but own counters of its, and
    /// sends what such a book still owes; the books are this connection's to visit from then on. Answers the owners as they
    /// are afterwards.
    pub(crate) async fn adopt(&self, work: &[(&mut Volume, Wanted)], owners: Owners) -> Owners {
        let named = self
            .connection
            .buyers
            .iter()
            .flat_map(|buyer| &buyer.entitlements);
        let ours: BTreeSet<&Identity> = named
            .map(|entitlement| &entitlement.destination.identity)
            .chain(work.iter().map(|(volume, _)| volume.identity()))
            .collect();
        let others: BTreeSet<Identity> = owners
            .values()
            .filter_map(|(owner, _)| owner.book.clone())
            .filter(|book| !ours.contains(book) && !self.order.dry_run)
            .collect();
        let mut adopted: Vec<(Volume, Vec<Record>)> = Vec::new();
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
                    match self.owners(&counters(&volume, &wanted)).await {
                        Ok(mine) => {
                            let records = self.claim(&mut volume, &wanted, mine, &Readings::default()).await;
                            adopted.push((volume, records));
                        }
                        Err(fault) => self.fault(fault),
                    }
                }
                Ok(None) => {}
                Err(error) => self.fault(error.into()),
            }
        }
        if adopted.is_empty() {
            return owners;
        }
        let claimed = adopted
            .iter_mut()
            .map(|(volume, records)| (volume, std::mem::take(records)));
        self.send(claimed.collect()).await;
        let counters = owners.keys().cloned().collect();
        self.owners(&counters).await.unwrap_or(owners)
    }
}
