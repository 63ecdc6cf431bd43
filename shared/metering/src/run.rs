//! The run: every connection by itself, so that one's failure never stops another's.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use aws_config::SdkConfig;
use billing::{Hour, Identity, Run};
use chrono::{DateTime, Utc};
use futures::{StreamExt as _, stream};
use marketplace::Aws;
use platform::config::Environment;
use platform::connection::BillingMode;
use platform::scheduled::{Invocation, Scheduled};
use platform::secrets::{self, ConnectionSecret};
use platform::text::printable;
use platform::{Clock, Connection, Deadline, Fault, FaultKind, Transport, requests};
use store::{Standing, Store};

use crate::books::Volume;
use crate::report::{Report, words};
use crate::sinks::Sinks;
use crate::summary::{ConnectionSummary, RunSummary, Status, written};

/// Connections run at the same time. Each has its own token's budget; the marketplaces' limits hold for all.
const CONNECTIONS_AT_ONCE: usize = 4;

/// Books written at the same time: enough to hide the table's few milliseconds, few enough for its first-hour throughput.
pub(crate) const BOOKS_AT_ONCE: usize = 16;

/// What a run reaches the world with.
#[derive(Clone, Debug)]
pub struct Deps {
    /// The way out.
    pub transport: Transport,
    /// The present.
    pub clock: Clock,
    /// AWS, for the marketplace.
    pub sdk: SdkConfig,
    /// Where tokens are.
    pub secrets: aws_sdk_secretsmanager::Client,
    /// The table.
    pub store: Store,
}

impl Deps {
    /// The world as the process's environment describes it.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] names what is missing.
    pub async fn load() -> Result<Self, Fault> {
        let environment = Environment::load()?;
        let transport = Transport::network()
            .map_err(|error| Fault::new(FaultKind::Misconfigured, format!("no HTTP client: {error}")))?;
        Ok(Self::over(transport, Clock::system(), &environment).await)
    }

    /// The world over a transport and a clock of the caller's.
    pub async fn over(transport: Transport, clock: Clock, environment: &Environment) -> Self {
        let sdk = platform::aws::load(&transport, &clock).await;
        Self::with(transport, clock, environment, sdk)
    }

    /// The world as an SDK configuration of the caller's reaches it.
    #[must_use]
    pub fn with(transport: Transport, clock: Clock, environment: &Environment, sdk: SdkConfig) -> Self {
        Self {
            secrets: aws_sdk_secretsmanager::Client::new(&sdk),
            store: Store::new(aws_sdk_dynamodb::Client::new(&sdk), environment.table.clone()),
            transport,
            clock,
            sdk,
        }
    }
}

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Order {
    /// The job's name.
    pub job: &'static str,
    /// The scheduled event's time.
    pub at: DateTime<Utc>,
    /// One connection; none: every enabled one.
    pub connection: Option<String>,
    /// Connections of these modes are run, and no other.
    pub modes: &'static [BillingMode],
    /// Read and plan, and leave no trace.
    pub dry_run: bool,
    /// An operator runs it: a connection with `auto_report = false` is run too.
    pub by_hand: bool,
    /// What tells this invocation from every other.
    pub invocation: String,
    /// When it ends.
    pub deadline: Deadline,
}

impl Order {
    /// What a scheduled event orders of a job that is for connections of `modes`.
    #[must_use]
    pub fn scheduled(
        job: &'static str,
        modes: &'static [BillingMode],
        event: Scheduled,
        invocation: Invocation,
    ) -> Self {
        Self {
            job,
            at: event.time,
            connection: event.detail.connection,
            modes,
            dry_run: event.detail.dry_run,
            by_hand: false,
            invocation: invocation.id,
            deadline: invocation.deadline,
        }
    }
}

/// Runs a metering job.
///
/// # Errors
/// When nothing could be begun: an hour that has not come, a connection that is not there, a table that does not answer. What
/// fails later is in the summary ([`RunSummary::failure`]).
pub async fn run(deps: &Deps, order: &Order) -> Result<RunSummary, Fault> {
    let now = deps.clock.now();
    if Hour::floor(order.at).start() > now {
        return Err(Fault::new(
            FaultKind::Misconfigured,
            format!(
                "{} has not come yet (it is {}): an hour is metered once it is over",
                written(order.at),
                written(now)
            ),
        ));
    }
    let mut faults = Vec::new();
    let (connections, live) = connections(deps, order, &mut faults).await?;
    let work = with_sinks(deps, order, &connections);
    let done = stream::iter(work)
        .map(|(connection, sink)| async {
            let conduct = async {
                Conduct::new(deps, order, connection, &live, sink)
                    .await
                    .run()
                    .await
            };
            let (report, requests) = requests::counted(conduct).await;
            (connection.id.clone(), report, requests)
        })
        .buffered(CONNECTIONS_AT_ONCE)
        .collect::<Vec<_>>()
        .await;
    let connections = done
        .into_iter()
        .map(|(connection, report, requests)| {
            let error = words(&report.faults);
            faults.extend(
                report
                    .faults
                    .into_iter()
                    .map(|fault| fault.of(format!("connection {connection}"))),
            );
            let status = match &error {
                None => Status::Ok,
                Some(_) if report.failed => Status::Failed,
                Some(_) => Status::Partial,
            };
            ConnectionSummary {
                connection,
                status,
                error,
                buyers: report.buyers.into_values().collect(),
                requests,
            }
        })
        .collect();
    Ok(RunSummary {
        job: order.job,
        at: written(order.at),
        dry_run: order.dry_run,
        connections,
        faults,
    })
}

/// The connections to run, and all that there are, as streams name them. One that does not parse is a failure of its own, and
/// only its id is known.
async fn connections(
    deps: &Deps,
    order: &Order,
    faults: &mut Vec<Fault>,
) -> Result<(Vec<Connection>, BTreeSet<String>), Fault> {
    let mut connections = Vec::new();
    let mut live = BTreeSet::new();
    for stored in deps.store.connections().await.map_err(Fault::from)?.list {
        match stored {
            Ok(stored) => {
                live.insert(stored.value.life());
                connections.push(stored.value);
            }
            Err(corrupt) => {
                live.extend(corrupt.connection().map(str::to_owned));
                faults.push(corrupt.into());
            }
        }
    }
    let known = |id: &String| live.contains(id) || connections.iter().any(|one| one.id == *id);
    if let Some(id) = order.connection.as_ref().filter(|id| !known(id)) {
        return Err(Fault::new(
            FaultKind::Misconfigured,
            format!(
                "there is no connection `{}`: `meterbridge list` shows them",
                printable(id)
            ),
        ));
    }
    connections.retain(|connection| {
        order.connection.as_ref().is_none_or(|id| *id == connection.id)
            && (connection.auto_report || order.by_hand)
            && connection
                .billing_mode
                .is_some_and(|mode| order.modes.contains(&mode))
    });
    Ok((connections, live))
}

/// Each connection with the sink of its access: AWS counts calls by account, so connections of one access share a pace.
fn with_sinks<'a>(
    deps: &Deps,
    order: &Order,
    connections: &'a [Connection],
) -> Vec<(&'a Connection, Arc<Aws>)> {
    let mut work: Vec<(&Connection, Arc<Aws>)> = Vec::new();
    for connection in connections {
        let known = work
            .iter()
            .find(|(other, _)| other.aws == connection.aws)
            .map(|(_, sink)| Arc::clone(sink));
        let sink = known.unwrap_or_else(|| {
            Arc::new(Aws::new(
                &deps.sdk,
                &connection.aws,
                order.deadline,
                deps.clock.clone(),
            ))
        });
        work.push((connection, sink));
    }
    work
}

/// One connection's run.
pub(crate) struct Conduct<'a> {
    pub(crate) deps: &'a Deps,
    pub(crate) order: &'a Order,
    pub(crate) connection: &'a Connection,
    /// All connections, as streams name them; of one that could not be read, its id: the streams of others are theirs to end.
    pub(crate) live: &'a BTreeSet<String>,
    /// This run's name on records.
    pub(crate) attempt: String,
    pub(crate) sinks: Sinks,
    /// The connection's secret, or why it could not be read.
    pub(crate) secret: Result<ConnectionSecret, Fault>,
    /// Some book has handed on a stream of amounts in this run.
    pub(crate) handed_on: AtomicBool,
    writes: AtomicU64,
    pub(crate) report: Mutex<Report>,
}

impl<'a> Conduct<'a> {
    async fn new(
        deps: &'a Deps,
        order: &'a Order,
        connection: &'a Connection,
        live: &'a BTreeSet<String>,
        aws: Arc<Aws>,
    ) -> Self {
        let secret = secrets::read(&deps.secrets, &connection.secret).await;
        let sinks = Sinks::new(deps, connection, aws, &secret, order.deadline);
        Self {
            deps,
            order,
            connection,
            live,
            attempt: format!("{}/{}", order.invocation, connection.id),
            sinks,
            secret,
            handed_on: AtomicBool::new(false),
            writes: AtomicU64::new(0),
            report: Mutex::default(),
        }
    }

    async fn run(self) -> Report {
        let started = self.deps.clock.now();
        match self.volumes().await {
            Ok(mut volumes) => {
                if !self.order.dry_run {
                    self.deliver_in_flight(&mut volumes).await;
                }
                self.meter(&mut volumes).await;
                volumes.iter().for_each(|volume| self.owed(volume));
            }
            Err(fault) => self.failed(fault),
        }
        if !self.order.dry_run {
            self.keep(started).await;
        }
        self.report.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    /// All books that this connection visits: those that its configuration names, and those that it once did.
    async fn volumes(&self) -> Result<Vec<Volume>, Fault> {
        let mut visited: BTreeMap<Identity, (String, Option<Standing>)> = BTreeMap::new();
        for registration in self
            .deps
            .store
            .registrations(&self.connection.id)
            .await
            .map_err(Fault::from)?
        {
            match registration {
                Ok(known) => drop(visited.insert(known.identity, (known.buyer, Some(known.standing)))),
                Err(corrupt) => self.fault(corrupt.into()),
            }
        }
        visited.retain(|_, (_, standing)| *standing != Some(Standing::Drained));
        let mut destinations = BTreeMap::new();
        for buyer in &self.connection.buyers {
            for entitlement in &buyer.entitlements {
                let identity = entitlement.destination.identity.clone();
                destinations.insert(identity.clone(), entitlement.destination.clone());
                visited
                    .entry(identity)
                    .or_insert((String::new(), None))
                    .0
                    .clone_from(&buyer.id);
            }
        }
        let identities: Vec<Identity> = visited.keys().cloned().collect();
        let mut books = self
            .deps
            .store
            .books_many(&identities)
            .await
            .map_err(Fault::from)?;
        let mut volumes = Vec::new();
        for (identity, (buyer, standing)) in visited {
            let (book, version) = match (books.remove(&identity), destinations.remove(&identity)) {
                (Some(Ok(read)), _) => (read.value, Some(read.version)),
                (Some(Err(corrupt)), _) => {
                    self.fault(Fault::from(corrupt).of(format!("buyer {buyer}")));
                    continue;
                }
                (None, Some(destination)) => (billing::Book::new(destination), None),
                (None, None) => continue,
            };
            volumes.push(Volume {
                book,
                version,
                buyer,
                standing,
            });
        }
        Ok(volumes)
    }

    /// The run as the plan knows it, at this moment.
    pub(crate) fn moment(&self) -> Run {
        Run {
            at: self.order.at,
            now: self.deps.clock.now(),
            attempt: self.attempt.clone(),
        }
    }

    /// A name for one write, unlike every other.
    pub(crate) fn writer(&self) -> String {
        format!("{}#{}", self.attempt, self.writes.fetch_add(1, Ordering::Relaxed))
    }
}
