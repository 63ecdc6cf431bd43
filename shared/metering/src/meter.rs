//! Read, plan, claim: what the books' streams have grown by, a hundred customers at a time, each chunk sent and settled
//! before the next is read, so that an invocation that ends early has done whole buyers.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::Ordering;
use std::time::Duration;

use billing::{Counter, Hour, Owner, Readings, Record, Run, Share, Wanted};
use futures::{StreamExt as _, stream};
use platform::{Fault, FaultKind};

use crate::books::Volume;
use crate::read::{self, Reader};
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
            Err(fault) => {
                self.failed(fault);
                return self.deliver_owed(volumes).await;
            }
        };
        let hour = Hour::floor(self.order.at);
        let (mut wanted, unstated) = want::wanted(self.connection, &source.catalog);
        let followed = want::followed(&wanted, hour);
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
                wanted.followed.clone_from(&followed);
                (volume, wanted)
            })
            .collect();
        // Another run begins with other buyers, so that the last of them are not always the ones for whom no time was left;
        // books that only end spans go first, in chunks of their own, so that others can begin them in this very run.
        let turn = usize::try_from(hour.of_day()).unwrap_or_default();
        let count = work.len().max(1);
        work.rotate_left(turn.wrapping_mul(CHUNK) % count);
        work.sort_by_key(|(_, wanted)| begins(wanted, hour));
        let done = self.chunks(work, &source, &reader).await;
        // What was handed on in this run can be counted on in it: a renewal waits for no other hour.
        let waits: Vec<_> = done
            .into_iter()
            .filter(|(volume, wanted)| waits(volume, wanted))
            .collect();
        if self.handed_on.load(Ordering::Relaxed) && !self.order.dry_run {
            self.chunks(waits, &source, &reader).await;
        }
    }

    /// Delivers what the books owe, and nothing else.
    async fn deliver_owed(&self, volumes: &mut [Volume]) {
        let owing = volumes.iter_mut().filter(|volume| volume.version.is_some());
        let flights: Vec<(&mut Volume, Vec<Record>)> = stream::iter(owing)
            .map(|volume| async move {
                let records = self.claim_owed(volume).await;
                (volume, records)
            })
            .buffer_unordered(BOOKS_AT_ONCE)
            .collect()
            .await;
        self.send(flights).await;
    }

    /// Meters chunk after chunk, as far as the time reaches. Answers what it has metered.
    async fn chunks<'v>(
        &self,
        mut work: Vec<(&'v mut Volume, Wanted)>,
        source: &Source,
        reader: &Reader<'_>,
    ) -> Vec<(&'v mut Volume, Wanted)> {
        let hour = Hour::floor(self.order.at);
        let mut done = Vec::new();
        while !work.is_empty() {
            let rest = work.split_off(chunk(&work, hour));
            if self.order.deadline.left() < CHUNK_TIME {
                let left = work.len() + rest.len();
                self.fault(Fault::new(
                    FaultKind::Incomplete,
                    format!("{left} books were not read for lack of time: the next run begins with others"),
                ));
                return done;
            }
            done.extend(self.chunk(work, source, reader).await);
            work = rest;
        }
        done
    }

    async fn chunk<'v>(
        &self,
        mut work: Vec<(&'v mut Volume, Wanted)>,
        source: &Source,
        reader: &Reader<'_>,
    ) -> Vec<(&'v mut Volume, Wanted)> {
        let counters = work
            .iter()
            .flat_map(|(volume, wanted)| counters(volume, wanted))
            .collect();
        let (owners, unread) = match self.owners_each(&counters).await {
            Ok(read) => read,
            Err(fault) => {
                self.fault(fault);
                return Vec::new();
            }
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
        let readings = self.read(&work, &known, &run, source, reader).await;
        let claimed: Vec<(&mut Volume, Wanted, Vec<Record>)> = stream::iter(work.drain(..).zip(readings))
            .map(|((volume, wanted), readings)| {
                let mine = owners_of(&owners, volume, &wanted);
                async move {
                    let records = self.claim(volume, &wanted, mine, &readings).await;
                    (volume, wanted, records)
                }
            })
            .buffer_unordered(BOOKS_AT_ONCE)
            .collect()
            .await;
        let mut done = Vec::new();
        let mut flights = Vec::new();
        for (volume, wanted, records) in claimed {
            flights.push(records);
            done.push((volume, wanted));
        }
        if !self.order.dry_run {
            let volumes = done.iter_mut().map(|(volume, _)| &mut **volume);
            self.send(volumes.zip(flights).collect()).await;
        }
        done
    }

    /// Reads what a chunk's books want: usage, and amounts.
    async fn read(
        &self,
        work: &[(&mut Volume, Wanted)],
        owners: &BTreeMap<Counter, Owner>,
        run: &Run,
        source: &Source,
        reader: &Reader<'_>,
    ) -> Vec<Readings> {
        let books = || work.iter().map(|(volume, wanted)| (&volume.book, wanted));
        let asked: Vec<_> = books()
            .map(|(book, wanted)| billing::to_read(book, owners, wanted, run))
            .collect();
        let (usage, errors) = reader.read(&asked, |key| source.unreadable(key)).await;
        let asked: Vec<_> = books()
            .map(|(book, wanted)| billing::amounts::to_read(book, owners, wanted, run))
            .collect();
        let unreadable = |customer: &str| source.customer(customer);
        let (amounts, more) = read::amounts::read(&source.client, &asked, run.hour(), unreadable).await;
        errors
            .into_iter()
            .chain(more)
            .for_each(|error| self.fault(error.into()));
        let both = usage.into_iter().zip(amounts);
        both.map(|(streams, amounts)| Readings { streams, amounts })
            .collect()
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
        || wanted.amounts.iter().any(|source| source.until > hour)
}

/// Whether a book wants amounts counted that it does not count yet.
fn waits(volume: &Volume, wanted: &Wanted) -> bool {
    let counted = |shares: Vec<&Share>| {
        let mut amounts = volume.book.amounts.values();
        amounts.any(|amount| !amount.ended && amount.shares.keys().eq(shares.iter().copied()))
    };
    let mut sources = wanted.amounts.iter().filter(|source| source.target.is_some());
    sources.any(|source| !counted(source.shares.keys().collect()))
}

/// How many books make a chunk.
fn chunk(work: &[(&mut Volume, Wanted)], hour: Hour) -> usize {
    let alike = work.first().is_some_and(|(_, wanted)| begins(wanted, hour));
    let mut customers = BTreeSet::new();
    let mut count = 0;
    for (volume, wanted) in work {
        customers.extend(wanted.sources.iter().map(|source| source.customer.as_str()));
        customers.extend(volume.book.streams.keys().map(|key| key.customer.as_str()));
        customers.extend(shares(volume, wanted).map(|share| share.customer.as_str()));
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
    let amounts = shares(volume, wanted).flat_map(|share| share.counters(&wanted.account));
    streams.chain(sources).chain(amounts).collect()
}

/// The shares of amounts that a book counts, or is to count.
fn shares<'a>(volume: &'a Volume, wanted: &'a Wanted) -> impl Iterator<Item = &'a Share> {
    let counted = volume
        .book
        .amounts
        .values()
        .flat_map(|amount| amount.shares.keys());
    counted.chain(wanted.amounts.iter().flat_map(|source| source.shares.keys()))
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
