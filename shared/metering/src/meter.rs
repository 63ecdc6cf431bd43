//! Read, plan, claim: what the books' streams have grown by, a hundred customers at a time, each chunk sent and settled
//! before the next is read, so that an invocation that ends early has done whole buyers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use billing::{Counter, Hour, Owner, Record, Wanted};
use futures::{StreamExt as _, stream};
use platform::{Fault, FaultKind};

use crate::books::Volume;
use crate::read::Reader;
use crate::run::{BOOKS_AT_ONCE, Conduct};
use crate::source::Source;
use crate::summary::HeldSummary;
use crate::want;

/// Customers of one chunk: what one customer filter of Metronome's takes.
const CHUNK: usize = 100;

/// A chunk is not begun with less time than this: its pages are read, claimed, sent and settled within it at the usual pace.
const CHUNK_TIME: Duration = Duration::from_secs(45);

pub(crate) type Owners = BTreeMap<Counter, (Owner, u64)>;

impl Conduct<'_> {
    /// Meters all books of the connection.
    pub(crate) async fn meter(&self, volumes: &mut [Volume]) {
        let source = match self.source().await {
            Ok(source) => source,
            Err(fault) => return self.failed(fault),
        };
        let (mut wanted, unstated) = want::wanted(self.connection, &source.catalog);
        for unstated in unstated {
            let (stream, reason) = (unstated.metric, unstated.reason);
            self.held(
                &unstated.buyer,
                HeldSummary {
                    stream,
                    growth: None,
                    reason,
                },
            );
        }
        let reader = Reader::new(&source.client);
        let mut work: Vec<(&mut Volume, Wanted)> = volumes
            .iter_mut()
            .map(|volume| {
                let wanted = wanted.remove(&volume.identity().to_string());
                let mut wanted =
                    wanted.unwrap_or_else(|| want::nothing(self.connection, &volume.book.destination));
                wanted.gone = self.gone(&volume.book);
                (volume, wanted)
            })
            .collect();
        // Another run begins with other buyers, so that the last of them are not always the ones for whom no time was left;
        // books that only end spans go first, in chunks of their own, so that others can begin them in this very run.
        let hour = Hour::floor(self.order.at);
        let turn = usize::try_from(hour.of_day()).unwrap_or_default();
        let count = work.len().max(1);
        work.rotate_left(turn.wrapping_mul(CHUNK) % count);
        work.sort_by_key(|(_, wanted)| begins(wanted, hour));
        while !work.is_empty() {
            let rest = work.split_off(chunk(&work, hour));
            if self.order.deadline.left() < CHUNK_TIME {
                let left = work.len() + rest.len();
                return self.fault(Fault::new(
                    FaultKind::Incomplete,
                    format!("{left} books were not read for lack of time: the next run begins with others"),
                ));
            }
            self.chunk(work, &source, &reader).await;
            work = rest;
        }
    }

    async fn chunk(&self, mut work: Vec<(&mut Volume, Wanted)>, source: &Source, reader: &Reader<'_>) {
        let counters = work
            .iter()
            .flat_map(|(volume, wanted)| counters(volume, wanted))
            .collect();
        let (owners, unread) = match self.owners_each(&counters).await {
            Ok(read) => read,
            Err(fault) => return self.fault(fault),
        };
        work.retain(|(volume, wanted)| {
            let needed = self::counters(volume, wanted);
            let missing = unread.iter().find(|(counter, _)| needed.contains(*counter));
            if let Some((_, fault)) = missing {
                self.fault(fault.clone().of(format!("buyer {}", volume.buyer)));
            }
            missing.is_none()
        });
        let owners = self.adopt(&work, owners).await;
        let run = self.moment();
        let known = plain(&owners);
        let asked: Vec<_> = work
            .iter()
            .map(|(volume, wanted)| billing::to_read(&volume.book, &known, wanted, &run))
            .collect();
        let (readings, errors) = reader.read(&asked, |key| source.unreadable(key)).await;
        errors.into_iter().for_each(|error| self.fault(error.into()));
        let claimed: Vec<(&mut Volume, Vec<Record>)> = stream::iter(work.drain(..).zip(readings))
            .map(|((volume, wanted), readings)| {
                let mine = owners_of(&owners, volume, &wanted);
                async move {
                    let records = self.claim(volume, &wanted, mine, &readings).await;
                    (volume, records)
                }
            })
            .buffer_unordered(BOOKS_AT_ONCE)
            .collect()
            .await;
        if !self.order.dry_run {
            self.send(claimed).await;
        }
    }

    /// The owners of counters, all of them or none.
    pub(crate) async fn owners(&self, counters: &BTreeSet<Counter>) -> Result<Owners, Fault> {
        let (owners, unread) = self.owners_each(counters).await?;
        unread.into_values().next().map_or(Ok(owners), Err)
    }

    /// The owners of counters: version 0 stands for one that was never written. Those that do not parse stand apart.
    async fn owners_each(
        &self,
        counters: &BTreeSet<Counter>,
    ) -> Result<(Owners, BTreeMap<Counter, Fault>), Fault> {
        let asked: Vec<Counter> = counters.iter().cloned().collect();
        let mut read = self.deps.store.owners(&asked).await.map_err(Fault::from)?;
        let (mut owners, mut unread) = (Owners::new(), BTreeMap::new());
        for counter in asked {
            match read.remove(&counter) {
                Some(Ok(owner)) => drop(owners.insert(counter, (owner.value, owner.version))),
                Some(Err(corrupt)) => drop(unread.insert(counter, corrupt.into())),
                None => drop(owners.insert(counter, (Owner::default(), 0))),
            }
        }
        Ok((owners, unread))
    }
}

/// Whether a book has spans to count that are not over.
fn begins(wanted: &Wanted, hour: Hour) -> bool {
    wanted.sources.iter().any(|source| source.span.until > hour)
}

/// How many books make a chunk.
fn chunk(work: &[(&mut Volume, Wanted)], hour: Hour) -> usize {
    let alike = work.first().is_some_and(|(_, wanted)| begins(wanted, hour));
    let mut customers = BTreeSet::new();
    let mut count = 0;
    for (volume, wanted) in work {
        customers.extend(wanted.sources.iter().map(|source| source.customer.as_str()));
        customers.extend(volume.book.streams.keys().map(|key| key.customer.as_str()));
        if count > 0 && (customers.len() > CHUNK || count == 2 * CHUNK || begins(wanted, hour) != alike) {
            break;
        }
        count += 1;
    }
    count
}

pub(crate) fn counters(volume: &Volume, wanted: &Wanted) -> BTreeSet<Counter> {
    let streams = volume
        .book
        .streams
        .keys()
        .map(|key| wanted.counter(&key.customer, &key.metric));
    let sources = wanted
        .sources
        .iter()
        .map(|source| wanted.counter(&source.customer, &source.metric));
    streams.chain(sources).collect()
}

fn owners_of(owners: &Owners, volume: &Volume, wanted: &Wanted) -> Owners {
    let counters = counters(volume, wanted);
    owners
        .iter()
        .filter(|(counter, _)| counters.contains(*counter))
        .map(|(key, owner)| (key.clone(), owner.clone()))
        .collect()
}

pub(crate) fn plain(owners: &Owners) -> BTreeMap<Counter, Owner> {
    owners
        .iter()
        .map(|(counter, (owner, _))| (counter.clone(), owner.clone()))
        .collect()
}
