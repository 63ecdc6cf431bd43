//! The books of a run, as they were last read, and the one way in which a run changes them.

use billing::{Book, Entry, Identity};
use platform::Fault;
use store::{Change, Standing, WriteError};

use crate::run::Conduct;

/// How often a change is made anew on a book that somebody else changed meanwhile. Each loss means that another run got on.
pub(crate) const CONFLICTS_MAX: usize = 8;

/// A book on the table of this run.
#[derive(Clone, Debug)]
pub(crate) struct Volume {
    /// As it was last read or written.
    pub(crate) book: Book,
    /// Its version; none where nothing was ever written.
    pub(crate) version: Option<u64>,
    /// Whose it is.
    pub(crate) buyer: String,
    /// How the connection stands to it; none where it is not registered.
    pub(crate) standing: Option<Standing>,
}

impl Volume {
    pub(crate) fn identity(&self) -> &Identity {
        &self.book.destination.identity
    }

    /// Whose a record is: its entitlement's buyer.
    pub(crate) fn buyer_of(&self, entry: &billing::Record) -> String {
        let entitlement = self.book.entitlements.get(&entry.meter.entitlement);
        entitlement.map_or_else(|| self.buyer.clone(), |entitlement| entitlement.buyer.clone())
    }
}

impl Conduct<'_> {
    /// Reads a book again.
    pub(crate) async fn reread(&self, volume: &mut Volume) -> Result<(), Fault> {
        if let Some(read) = self
            .deps
            .store
            .book(volume.identity())
            .await
            .map_err(Fault::from)?
        {
            volume.book = read.value;
            volume.version = Some(read.version);
        }
        Ok(())
    }

    /// Changes a book and appends what left its flight, in one write; nothing is written where nothing changes. On a book that
    /// somebody else changed meanwhile the change is made anew.
    pub(crate) async fn change(
        &self,
        volume: &mut Volume,
        change: impl Fn(&mut Book) -> Vec<Entry>,
    ) -> Result<Vec<Entry>, Fault> {
        let mut last = None;
        for _ in 0..CONFLICTS_MAX {
            let mut next = volume.book.clone();
            let entries = change(&mut next);
            if next == volume.book && entries.is_empty() {
                return Ok(entries);
            }
            let writer = self.writer();
            let mut write = Change::new(
                &next,
                volume.version,
                &writer,
                self.deps.clock.now(),
                &self.connection.id,
                &volume.buyer,
            );
            write.entries = &entries;
            match self.deps.store.write(&write).await {
                Ok(version) => {
                    volume.book = next;
                    volume.version = Some(version);
                    return Ok(entries);
                }
                Err(error @ WriteError::Conflict(_)) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
            self.reread(volume).await?;
        }
        Err(last.map_or_else(|| unreachable_conflict(volume), Fault::from))
    }
}

fn unreachable_conflict(volume: &Volume) -> Fault {
    Fault::new(
        platform::FaultKind::Incomplete,
        format!("the book {} could not be changed", volume.identity()),
    )
}
