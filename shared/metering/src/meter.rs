//! Read, plan, claim: what the books' streams have grown by, a hundred customers at a time, each chunk sent and settled
//! before the next is read, so that an invocation that ends early has done whole buyers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use billing::{Counter, Fraction, Hold, Hour, Owner, Plan, Record, StreamKey, Wanted, book::SIZE_MAX};
use futures::{StreamExt as _, stream};
use metronome::{Client, Customers};
use platform::{Fault, FaultKind, secrets};
use store::{Change, Standing, WriteError};

use crate::books::{CONFLICTS_MAX, Volume};
use crate::read::{Reader, Readings};
use crate::run::{BOOKS_AT_ONCE, Conduct};
use crate::summary::HeldSummary;
use crate::want::{self, Catalog};

/// Customers of one chunk: what one customer filter of Metronome's takes.
const CHUNK: usize = 100;

/// A chunk is not begun with less time than this: its pages are read, claimed, sent and settled within it at the usual pace.
const CHUNK_TIME: Duration = Duration::from_secs(45);

/// Claims of one book in one run: spans of 40 counters each begin or end at once, and no book has more than a few hundred.
const CLAIMS_MAX: usize = 16;

/// Metronome, as this run sees it.
struct Source {
    client: Client,
    catalog: Catalog,
    customers: Customers,
}

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

    async fn source(&self) -> Result<Source, Fault> {
        let secret = secrets::read(&self.deps.secrets, &self.connection.secret).await?;
        let token = secret.metronome_token.ok_or_else(|| {
            Fault::new(
                FaultKind::Misconfigured,
                format!("the secret `{}` has no `metronome_token`", self.connection.secret),
            )
        })?;
        let account = &self.connection.metronome;
        let client = Client::new(
            self.deps.transport.clone(),
            &account.base_url,
            token,
            account.requests_per_second,
            self.order.deadline,
        )?;
        let catalog: Catalog = client
            .billable_metrics()
            .await?
            .into_iter()
            .map(|metric| (metric.id.clone(), metric))
            .collect();
        let ids: BTreeSet<&String> = self
            .connection
            .buyers
            .iter()
            .flat_map(|buyer| &buyer.customers)
            .map(|customer| &customer.id)
            .collect();
        let customers = client
            .customers(&ids.into_iter().cloned().collect::<Vec<_>>())
            .await?;
        let source = Source {
            client,
            catalog,
            customers,
        };
        source
            .complaints(self.connection)
            .into_iter()
            .for_each(|fault| self.fault(fault));
        Ok(source)
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

    /// Plans a book and claims what comes of it, anew on a book that somebody else has changed meanwhile, and once more where
    /// one write could not hold it all.
    pub(crate) async fn claim(
        &self,
        volume: &mut Volume,
        wanted: &Wanted,
        mut owners: Owners,
        readings: &Readings,
    ) -> Vec<Record> {
        let mut claimed = Vec::new();
        if self.order.dry_run {
            self.rehearse(volume, wanted, plain(&owners), readings);
            return claimed;
        }
        let (mut conflicts, mut claims) = (0, 0);
        loop {
            let rules = marketplace::rules(volume.identity());
            let plan = billing::plan(
                &volume.book,
                &plain(&owners),
                wanted,
                readings,
                &rules,
                &self.moment(),
            );
            if let Some(fault) = full(volume, &plan) {
                self.hold_all(volume, readings);
                self.fault(fault);
                return claimed;
            }
            match self.write(volume, wanted, &plan, &owners).await {
                Ok(more) => {
                    claimed.extend(plan.records.iter().cloned());
                    plan.entries.iter().for_each(|entry| {
                        self.record(volume, &entry.record, Some(entry.outcome), entry.reason.clone());
                    });
                    claims += 1;
                    let last = !more || claims == CLAIMS_MAX;
                    self.say(volume, &plan, last);
                    if last {
                        return claimed;
                    }
                }
                Err(WriteError::Conflict(_)) if conflicts < CONFLICTS_MAX => conflicts += 1,
                Err(error) => {
                    self.fault(Fault::from(error).of(format!("buyer {}", volume.buyer)));
                    return claimed;
                }
            }
            let again = async {
                self.reread(volume).await?;
                self.owners(&owners.keys().cloned().collect()).await
            };
            match again.await {
                Ok(read) => owners = read,
                Err(fault) => {
                    self.fault(fault.of(format!("buyer {}", volume.buyer)));
                    return claimed;
                }
            }
        }
    }

    /// What [`Self::claim`] would claim, without a trace.
    fn rehearse(
        &self,
        volume: &Volume,
        wanted: &Wanted,
        mut owners: BTreeMap<Counter, Owner>,
        readings: &Readings,
    ) {
        let rules = marketplace::rules(volume.identity());
        let mut book = volume.book.clone();
        for left in (0..CLAIMS_MAX).rev() {
            let plan = billing::plan(&book, &owners, wanted, readings, &rules, &self.moment());
            let last = !plan.more || left == 0;
            self.say(volume, &plan, last);
            plan.records
                .iter()
                .for_each(|record| self.planned(volume, record));
            if last {
                return;
            }
            owners.extend(plan.owners);
            book = plan.book;
        }
    }

    /// Writes a plan, if it changes anything. Answers whether there is more to claim.
    async fn write(
        &self,
        volume: &mut Volume,
        wanted: &Wanted,
        plan: &Plan,
        owners: &Owners,
    ) -> Result<bool, WriteError> {
        let standing = standing(wanted, plan);
        let changed = plan.book != volume.book || !plan.owners.is_empty();
        let registers = volume.standing != Some(standing) && (volume.version.is_some() || changed);
        if !changed && !registers {
            return Ok(false);
        }
        let expected: Vec<_> = plan
            .owners
            .iter()
            .map(|(counter, owner)| {
                (
                    counter.clone(),
                    owner.clone(),
                    owners
                        .get(counter)
                        .map(|(_, version)| *version)
                        .filter(|version| *version > 0),
                )
            })
            .collect();
        let writer = self.writer();
        let now = self.deps.clock.now();
        let mut change = Change::new(
            &plan.book,
            volume.version,
            &writer,
            now,
            &self.connection.id,
            &volume.buyer,
        );
        change.entries = &plan.entries;
        change.owners = &expected;
        change.register = registers.then_some(standing);
        let version = self.deps.store.write(&change).await?;
        volume.book = plan.book.clone();
        volume.version = Some(version);
        volume.standing = Some(standing);
        Ok(plan.more)
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

    /// Says what waits. Before the last claim that is only what lapsed with it: the rest waits still, and is said then.
    fn say(&self, volume: &Volume, plan: &Plan, last: bool) {
        let said = |held: &&billing::Held| last || matches!(held.hold, Hold::Lapsed(_));
        for held in plan.held.iter().filter(said) {
            let entitlement = plan.book.entitlements.get(&held.stream.entitlement);
            let buyer = entitlement.map_or(&volume.buyer, |entitlement| &entitlement.buyer);
            self.held(buyer, held.into());
        }
    }

    fn hold_all(&self, volume: &Volume, readings: &Readings) {
        for stream in readings.keys() {
            let held = billing::Held {
                stream: stream.clone(),
                growth: None,
                hold: Hold::Full,
            };
            self.held(&volume.buyer, (&held).into());
        }
    }
}

impl Source {
    /// Why a stream is not worth asking for.
    fn unreadable(&self, key: &StreamKey) -> Option<String> {
        if !self.catalog.contains_key(&key.metric) {
            return Some(format!(
                "the billable metric {} is not in Metronome any more",
                key.metric
            ));
        }
        if self.customers.missing.contains(&key.customer) {
            return Some(format!("the customer {} is not in Metronome", key.customer));
        }
        let found = self
            .customers
            .found
            .iter()
            .find(|customer| customer.id == key.customer)?;
        found
            .archived_at
            .map(|_| format!("the customer {} is archived in Metronome", key.customer))
    }

    /// What is wrong with the configuration, as Metronome sees it.
    fn complaints(&self, connection: &platform::Connection) -> Vec<Fault> {
        let misconfigured = |words: String| Fault::new(FaultKind::Misconfigured, words);
        let converted = connection.conversions.iter().map(|conversion| &conversion.from);
        let listed = connection.whitelist.metrics.iter().flatten();
        let metrics: BTreeSet<&String> = converted.chain(listed).collect();
        let gone = metrics
            .into_iter()
            .filter(|metric| !self.catalog.contains_key(*metric))
            .map(|metric| {
                misconfigured(format!(
                    "the billable metric {metric} is not in Metronome any more: take it out of the connection"
                ))
            });
        let missing = self.customers.missing.iter().map(|customer| {
            misconfigured(format!(
                "the customer {customer} is not in Metronome: mend `customer_ids`"
            ))
        });
        let archived = self
            .customers
            .found
            .iter()
            .filter(|customer| customer.archived_at.is_some())
            .map(|customer| {
                misconfigured(format!(
                    "the customer {} is archived in Metronome: end its entitlement",
                    customer.id
                ))
            });
        gone.chain(missing).chain(archived).collect()
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

fn plain(owners: &Owners) -> BTreeMap<Counter, Owner> {
    owners
        .iter()
        .map(|(counter, (owner, _))| (counter.clone(), owner.clone()))
        .collect()
}

/// Whether the next runs visit the book: as long as the configuration names it, or something in it may still move.
fn standing(wanted: &Wanted, plan: &Plan) -> Standing {
    let book = &plan.book;
    let owes = book.meters.values().any(|meter| meter.owed >= Fraction::one());
    if wanted.terms.is_empty() && book.streams.is_empty() && book.in_flight.is_empty() && !owes {
        Standing::Drained
    } else {
        Standing::Open
    }
}

/// A book that would grow beyond what can always be settled.
fn full(volume: &Volume, plan: &Plan) -> Option<Fault> {
    let size = |book: &billing::Book| serde_json::to_string(book).map_or(usize::MAX, |text| text.len());
    let after = size(&plan.book);
    (after > SIZE_MAX && after > size(&volume.book)).then(|| {
        Fault::new(
            FaultKind::Misconfigured,
            format!(
                "buyer {}: the book {} is near DynamoDB's item limit ({after} bytes): it claims nothing more, and its usage waits in Metronome",
                volume.buyer,
                volume.identity()
            ),
        )
    })
}
