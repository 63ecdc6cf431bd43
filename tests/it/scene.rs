//! A scene: the local world in process on a paused clock, with the jobs' real code on top of it. Requests go from the code's
//! own transport into the simulators without a socket, so a scenario of a month takes no time and is the same every time.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use aws_config::{BehaviorVersion, Region, SdkConfig};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use futures::future::BoxFuture;
use metering::{Deps, Order, RunSummary};
use platform::config::Environment;
use platform::transport::{Carrier, Request, Transport, TransportError};
use platform::{Clock, Deadline, Fault};
use rust_decimal::Decimal;
use sandbox::aws::metering::Subscription;
use sandbox::metronome::{Aggregation, Event, NewMetric};
use sandbox::{Fate, World};

pub(crate) const TABLE: &str = "meterbridge";
pub(crate) const TOKEN: &str = "tok_scene_4f1c";
pub(crate) const ACCOUNT: &str = "123456789012";

/// An instant, as RFC 3339 writes it.
pub(crate) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

/// Carries requests into the world.
pub(crate) struct IntoWorld(pub(crate) World);

impl Carrier for IntoWorld {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let mut fate = self.0.call(&request.http);
        Box::pin(async move {
            // A request always takes a moment, in which others may run.
            tokio::time::sleep(Duration::from_millis(1)).await;
            for _ in 0..8 {
                match fate {
                    Fate::Reply(reply) => return Ok(reply),
                    Fate::Lost => break,
                    Fate::After(delay, then) => {
                        tokio::time::sleep(delay).await;
                        fate = *then;
                    }
                }
            }
            Err(TransportError::Lost("the connection broke".to_owned()))
        })
    }
}

/// The world, and the code's way into it.
pub(crate) struct Scene {
    pub(crate) world: World,
    pub(crate) deps: Deps,
    invocations: AtomicU64,
}

impl Scene {
    /// A world at `now` with a table in it.
    pub(crate) async fn at(now: &str) -> Self {
        Self::by(now, |carrier| carrier).await
    }

    /// The same, with something around the way into it: a witness, say.
    pub(crate) async fn by<C: Carrier + 'static>(now: &str, around: impl FnOnce(IntoWorld) -> C) -> Self {
        // Retries draw their jitter from this thread's generator.
        fastrand::seed(0);
        let world = World::at(at(now)).unwrap();
        let deps = reach(&world, around(IntoWorld(world.clone()))).await;
        deps.store.create_table().await.unwrap();
        world.metronome.add_token(TOKEN);
        world.secrets.put(
            "meterbridge/acme",
            &format!(r#"{{"metronome_token": "{TOKEN}"}}"#),
        );
        Self {
            world,
            deps,
            invocations: AtomicU64::new(0),
        }
    }

    /// A SUM metric of the property `units`.
    pub(crate) fn sum(&self, name: &str) -> String {
        let metric = NewMetric::of(name, Aggregation::Sum, "units").on(name);
        self.world.metronome.create_metric(metric).unwrap().to_string()
    }

    /// A customer of Metronome.
    pub(crate) fn customer(&self, name: &str) -> String {
        self.world
            .metronome
            .create_customer(name, &[])
            .unwrap()
            .to_string()
    }

    /// A buyer's licence of `prod-1` with its dimensions, from the beginning of 2026 on.
    pub(crate) fn license(&self, buyer: &str, dimensions: &[&str]) -> String {
        let arn = format!("arn:aws:license-manager::{ACCOUNT}:license:l-{buyer}");
        self.world.metering.add_product("prod-1", dimensions);
        let identity = sandbox::aws::metering::Identity::license(ACCOUNT, &arn);
        self.world
            .metering
            .subscribe(Subscription::new("prod-1", identity, at("2026-01-01T00:00:00Z")));
        arn
    }

    /// Usage of `units`, received now.
    pub(crate) fn usage(&self, customer: &str, event_type: &str, when: &str, units: &str) {
        let id = self.invocations.fetch_add(1, Ordering::Relaxed);
        let event = Event::new(&format!("tx-{id}"), customer, event_type, at(when)).with("units", units);
        self.world.metronome.ingest(event).unwrap();
    }

    /// Applies a connection file.
    pub(crate) async fn apply(&self, file: &str) {
        let declaration = control::file::read(file, self.world.clock.now()).unwrap();
        control::command::apply::apply(&self.deps, &declaration, false)
            .await
            .unwrap();
    }

    /// The hourly function at `hour`, the clock half a minute past it.
    pub(crate) async fn hour(&self, hour: &str) -> RunSummary {
        let at = at(hour);
        if self.world.clock.now() < at {
            self.world.clock.set(at + chrono::TimeDelta::seconds(30));
        }
        self.run(hour).await.unwrap()
    }

    /// The hourly function at `hour`, the clock left as it stands.
    pub(crate) async fn run(&self, hour: &str) -> Result<RunSummary, Fault> {
        metering::run(&self.deps, &self.order(hour)).await
    }

    /// Invoice metering at `hour`, the clock half a minute past it.
    pub(crate) async fn invoices(&self, hour: &str) -> RunSummary {
        let at = at(hour);
        if self.world.clock.now() < at {
            self.world.clock.set(at + chrono::TimeDelta::seconds(30));
        }
        let order = Order {
            job: invoice_metering::JOB,
            modes: invoice_metering::MODES,
            ..self.order(hour)
        };
        metering::run(&self.deps, &order).await.unwrap()
    }

    pub(crate) fn order(&self, hour: &str) -> Order {
        Order {
            job: quantity_metering::JOB,
            at: at(hour),
            connection: None,
            modes: quantity_metering::MODES,
            dry_run: false,
            by_hand: false,
            invocation: format!("run-{}", self.invocations.fetch_add(1, Ordering::Relaxed)),
            deadline: Deadline::after(Duration::from_secs(900)),
        }
    }

    /// What the marketplaces bill, by dimension, over all identities and hours.
    pub(crate) fn billed(&self) -> BTreeMap<String, Decimal> {
        let mut billed = BTreeMap::new();
        for record in crate::market::held(&self.world) {
            *billed.entry(record.dimension).or_insert(Decimal::ZERO) += record.quantity;
        }
        billed
    }
}

/// What the code reaches the world with when its requests go by this carrier.
pub(crate) async fn reach(world: &World, carrier: impl Carrier + 'static) -> Deps {
    let transport = Transport::over(carrier);
    let clock = world.clock.clone();
    let clock = Clock::of(move || clock.now());
    let sdk = sdk(&transport, &clock).await;
    let environment = Environment {
        table: TABLE.to_owned(),
    };
    Deps::with(transport, clock, &environment, sdk)
}

/// The SDK on the scene's transport, with credentials that any account would take.
pub(crate) async fn sdk(transport: &Transport, clock: &Clock) -> SdkConfig {
    let credentials =
        aws_sdk_dynamodb::config::Credentials::new("AKIASCENE", "secret-scene-9d2e", None, None, "scene");
    platform::aws::load(transport, clock)
        .await
        .into_builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(sandbox::world::REGION))
        .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
            credentials,
        ))
        .build()
}
