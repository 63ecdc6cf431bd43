//! The four marketplaces, each as a stage: its seller and its buyers, how connections name them, and what it holds, in words
//! that are the same for all.

use billing::{AwsBuyer, AwsIdentity, Destination, GcpValue, Identity, MeterKey, Record};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::StatusCode;
use rust_decimal::Decimal;
use sandbox::World;
use sandbox::aws::metering::{Customer, Foreign, Identity as Licensed, Subscription};
use sandbox::azure::metering::{Event, Offer, Status, Subscription as Resource};
use sandbox::azure::{Application, Azure};
use sandbox::faults::{Fault, Rule, When};
use sandbox::gcp::login::test_account;
use sandbox::gcp::service_control::{Consumer, ValueType};
use sandbox::suger::{self, Entitlement, EntitlementStatus, Partner};
use sandbox::world::{GOOGLE_TOKEN_URI, REGION};
use serde_json::{Value, json};

use crate::scene::{ACCOUNT, Scene, TOKEN, at};

/// What a seller sells everywhere: one dimension in whole units, and one that takes fractions where the marketplace does.
pub(crate) const DIMENSIONS: [&str; 2] = ["api_calls", "token_triples"];

const PRODUCT: &str = "prod-1";
const OFFER: &str = "acme";
const PLAN: &str = "gold";
const SERVICE: &str = "acme.gcpmarketplace.example.com";
const ORGANIZATION: &str = "org-acme";
const SUGER_KEY: &str = "sk-suger-77aa";
const AZURE_SECRET: &str = "azure-secret-31bd";
const TENANT: &str = "72f988bf-86f1-41af-91ab-2d7cd011db47";
const CLIENT: &str = "0c6d1f2a-7d3e-4d64-9f57-5f0c1b2a3d4e";

/// A marketplace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Market {
    Aws,
    Azure,
    Gcp,
    Suger,
}

pub(crate) const MARKETS: [Market; 4] = [Market::Aws, Market::Azure, Market::Gcp, Market::Suger];

/// A record that a marketplace bills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Holding {
    pub(crate) identity: Identity,
    pub(crate) dimension: String,
    /// The time that it was sent with.
    pub(crate) timestamp: DateTime<Utc>,
    pub(crate) quantity: Decimal,
    /// The id that it was sent with, where the marketplace keeps one; else the id of the record that says the same.
    pub(crate) id: String,
    /// Whether somebody else has sent it.
    pub(crate) foreign: bool,
}

impl Market {
    /// Its word in connection files and summaries, which is its service's name too.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Aws => "aws",
            Self::Azure => "azure",
            Self::Gcp => "gcp",
            Self::Suger => "suger",
        }
    }

    /// The seller is there, and has something to sell.
    pub(crate) fn open(self, world: &World) {
        match self {
            Self::Aws => world.metering.add_product(PRODUCT, &DIMENSIONS),
            Self::Azure => {
                world.entra.register(&application(), AZURE_SECRET);
                world
                    .azure
                    .publish(Offer::new(OFFER, &application()).plan(PLAN, &DIMENSIONS));
            }
            Self::Gcp => {
                world
                    .google
                    .register_service_account(
                        test_account::EMAIL,
                        test_account::KEY_ID,
                        test_account::PUBLIC_KEY,
                    )
                    .unwrap();
                let types = [ValueType::Int64, ValueType::Double];
                let metrics: Vec<_> = DIMENSIONS.into_iter().zip(types).collect();
                world.service_control.add_service(SERVICE, &metrics);
                world.service_control.allow(SERVICE, test_account::EMAIL);
            }
            Self::Suger => world.suger.add_organization(ORGANIZATION, SUGER_KEY),
        }
    }

    /// A buyer buys, from the beginning of 2026 on.
    pub(crate) fn subscribe(self, world: &World, buyer: usize) {
        let from = at("2026-01-01T00:00:00Z");
        match self {
            Self::Aws => world
                .metering
                .subscribe(Subscription::new(PRODUCT, licensed(buyer), from)),
            Self::Azure => {
                world
                    .azure
                    .subscribe(Resource::new(resource(buyer).parse().unwrap(), OFFER, PLAN))
            }
            Self::Gcp => world
                .service_control
                .add_consumer(SERVICE, Consumer::new(&consumer(buyer), from)),
            Self::Suger => {
                let bought = Entitlement::new(&entitlement(buyer), Partner::Aws, "buyer", &DIMENSIONS);
                world.suger.add_entitlement(ORGANIZATION, bought);
            }
        }
    }

    /// What a buyer has ends at `at`. Suger's entitlements know no time: it has ended.
    pub(crate) fn end(self, world: &World, buyer: usize, at: DateTime<Utc>) {
        match self {
            Self::Aws => world.metering.deprovision(&licensed(buyer), at),
            Self::Azure => {
                let status = Status::Unsubscribed { at };
                world.azure.set_status(resource(buyer).parse().unwrap(), status);
            }
            Self::Gcp => world
                .service_control
                .change_consumer(SERVICE, &consumer(buyer), |consumer| {
                    consumer.cancelled_at = Some(at);
                }),
            Self::Suger => {
                let status = EntitlementStatus::Cancelled;
                world.suger.set_status(ORGANIZATION, &entitlement(buyer), status);
            }
        }
    }

    /// Where a buyer's records go.
    pub(crate) fn destination(self, buyer: usize) -> Destination {
        let product = (self == Self::Aws).then(|| PRODUCT.to_owned());
        let plan_id = (self == Self::Azure).then(|| PLAN.to_owned());
        let mut destination = Destination::of(self.identity(buyer));
        if self == Self::Gcp {
            let types = [GcpValue::Int64, GcpValue::Double];
            let metrics = DIMENSIONS.into_iter().map(str::to_owned).zip(types);
            destination.metrics = metrics.collect();
        }
        Destination {
            product,
            plan_id,
            ..destination
        }
    }

    fn identity(self, buyer: usize) -> Identity {
        match self {
            Self::Aws => aws_identity(&licensed(buyer), REGION),
            Self::Azure => Identity::Azure {
                resource_id: resource(buyer),
            },
            Self::Gcp => Identity::Gcp {
                service_name: SERVICE.to_owned(),
                usage_reporting_id: consumer(buyer),
            },
            Self::Suger => Identity::Suger {
                organization_id: ORGANIZATION.to_owned(),
                entitlement_id: entitlement(buyer),
            },
        }
    }

    /// The destination as a connection file says it.
    pub(crate) fn line(self, buyer: usize) -> String {
        match self {
            Self::Aws => format!(
                "aws = {{ product = {PRODUCT:?}, account_id = {ACCOUNT:?}, license_arn = {:?}, region = {REGION:?} }}",
                license(buyer)
            ),
            Self::Azure => format!(
                "azure = {{ resource_id = {:?}, plan_id = {PLAN:?} }}",
                resource(buyer)
            ),
            Self::Gcp => {
                let [calls, tokens] = DIMENSIONS;
                format!(
                    "gcp = {{ usage_reporting_id = {:?}, service_name = {SERVICE:?}, metrics = {{ {calls} = \"int64\", \
                     {tokens} = \"double\" }} }}",
                    consumer(buyer)
                )
            }
            Self::Suger => format!(
                "suger = {{ organization_id = {ORGANIZATION:?}, entitlement_id = {:?} }}",
                entitlement(buyer)
            ),
        }
    }

    /// Somebody else's record of a buyer stands in an hour. Google has no hour that a record could fill: there it is one
    /// more report, under an id of its own.
    pub(crate) async fn plant(self, scene: &Scene, buyer: usize, dimension: &str, when: &str, quantity: u32) {
        let (world, dimension, timestamp) = (&scene.world, dimension.to_owned(), at(when));
        let stranger = "5e7a9a52-0f0e-4a58-8a5e-5a1b8a1f0001";
        match self {
            Self::Aws => world.metering.plant(&Foreign {
                identity: licensed(buyer),
                region: REGION.to_owned(),
                dimension,
                timestamp,
                quantity: quantity.into(),
            }),
            Self::Azure => world.azure.plant(&Event {
                resource_id: resource(buyer).parse().unwrap(),
                dimension,
                effective_start_time: timestamp,
                quantity: quantity.into(),
                plan_id: PLAN.to_owned(),
            }),
            Self::Gcp => {
                let record = record(&self.identity(buyer), &dimension, timestamp, quantity.into());
                let record = Record {
                    id: stranger.to_owned(),
                    ..record
                };
                let destination = self.destination(buyer);
                let outgoing = vec![marketplace::Outgoing { destination, record }];
                drop(crate::contract::sink::send(scene, self, outgoing).await);
            }
            Self::Suger => world.suger.plant(&suger::Foreign {
                id: stranger.to_owned(),
                organization: ORGANIZATION.to_owned(),
                entitlement: entitlement(buyer),
                dimension,
                quantity: quantity.into(),
                timestamp,
            }),
        }
    }

    /// A fault of the requests that bring records to it.
    pub(crate) fn fault(self, name: &str, when: When, fault: Fault) -> Rule {
        Rule::new(name, when, fault).on(move |service, request| self.takes(service, request))
    }

    /// Whether a request brings it records.
    pub(crate) fn takes(self, service: &str, request: &http::Request<Bytes>) -> bool {
        service == self.word() && request.method() == http::Method::POST
    }

    /// Too many requests, as it says so.
    pub(crate) fn throttled(self) -> Fault {
        match self {
            Self::Aws => Fault::aws(StatusCode::BAD_REQUEST, "ThrottlingException"),
            Self::Azure | Self::Gcp | Self::Suger => Fault::too_many_requests(None, "application/json", "{}"),
        }
    }

    /// All that it bills, in the order in which it came.
    pub(crate) fn held(self, world: &World) -> Vec<Holding> {
        match self {
            Self::Aws => held_by_aws(world),
            Self::Azure => held_by_azure(&world.azure),
            Self::Gcp => held_by_google(world),
            Self::Suger => held_by_suger(world),
        }
    }
}

/// All that any marketplace bills.
pub(crate) fn held(world: &World) -> Vec<Holding> {
    MARKETS
        .into_iter()
        .flat_map(|market| market.held(world))
        .collect()
}

/// A connection's secret, with everything that the marketplaces want.
pub(crate) fn secret() -> Value {
    let key: Value = serde_json::from_str(&test_account::service_account_json(GOOGLE_TOKEN_URI)).unwrap();
    json!({
        "metronome_token": TOKEN,
        "azure": { "tenant_id": TENANT, "client_id": CLIENT, "client_secret": AZURE_SECRET },
        "gcp": key,
        "suger_api_key": SUGER_KEY,
    })
}

/// The record of these. The entitlement is no part of its id.
pub(crate) fn record(
    identity: &Identity,
    dimension: &str,
    timestamp: DateTime<Utc>,
    quantity: Decimal,
) -> Record {
    let meter = MeterKey {
        entitlement: at("2026-01-01T00:00:00Z"),
        dimension: dimension.to_owned(),
    };
    Record::new(identity, meter, timestamp, quantity)
}

fn held_by_aws(world: &World) -> Vec<Holding> {
    let records = world.metering.records().into_iter();
    let holding = records.map(|stored| {
        let identity = aws_identity(&stored.identity, &stored.region);
        said(
            identity,
            stored.dimension,
            stored.timestamp,
            stored.quantity,
            stored.foreign,
        )
    });
    holding.collect()
}

fn held_by_azure(azure: &Azure) -> Vec<Holding> {
    let events = azure.held().into_iter();
    let holding = events.map(|stored| {
        let resource_id = stored.resource_id.to_string();
        let identity = Identity::Azure { resource_id };
        let time = stored.effective_start_time;
        said(identity, stored.dimension, time, stored.quantity, stored.foreign)
    });
    holding.collect()
}

fn held_by_google(world: &World) -> Vec<Holding> {
    let operations = world.service_control.records().into_iter();
    let billed = operations.filter(|stored| stored.billed).map(|stored| {
        let dimension = stored.metric.rsplit('/').next().unwrap().to_owned();
        let identity = Identity::Gcp {
            service_name: stored.service,
            usage_reporting_id: stored.consumer_id,
        };
        let quantity = stored.value.amount().to_string().parse().unwrap();
        let ours = said(identity, dimension, stored.end_time, quantity, false);
        Holding {
            foreign: ours.id != stored.operation_id,
            id: stored.operation_id,
            ..ours
        }
    });
    billed.collect()
}

fn held_by_suger(world: &World) -> Vec<Holding> {
    let mut all = Vec::new();
    for group in world.suger.groups() {
        if matches!(group.status, suger::Status::Invalid | suger::Status::Deleted) {
            continue;
        }
        for (dimension, quantity) in group.records {
            let identity = Identity::Suger {
                organization_id: group.organization.clone(),
                entitlement_id: group.entitlement.clone(),
            };
            let quantity = quantity.to_string().parse().unwrap();
            let holding = said(identity, dimension, group.timestamp, quantity, group.foreign);
            all.push(Holding {
                id: group.id.clone(),
                ..holding
            });
        }
    }
    all
}

/// What a record says, by the id that it has then.
fn said(
    identity: Identity,
    dimension: String,
    timestamp: DateTime<Utc>,
    quantity: Decimal,
    foreign: bool,
) -> Holding {
    Holding {
        id: record(&identity, &dimension, timestamp, quantity).id,
        identity,
        dimension,
        timestamp,
        quantity,
        foreign,
    }
}

fn aws_identity(identity: &Licensed, region: &str) -> Identity {
    let buyer = match identity.clone() {
        Licensed::License { account, arn } => AwsBuyer::License {
            account_id: account,
            license_arn: arn,
        },
        Licensed::Product {
            code,
            customer: Customer::Account(account),
        } => AwsBuyer::Account {
            product_code: code,
            account_id: account,
        },
        Licensed::Product {
            code,
            customer: Customer::Identifier(identifier),
        } => AwsBuyer::Customer {
            product_code: code,
            customer_identifier: identifier,
        },
    };
    Identity::Aws(AwsIdentity {
        buyer,
        region: region.to_owned(),
    })
}

fn application() -> Application {
    Application::new(TENANT, CLIENT)
}

fn licensed(buyer: usize) -> Licensed {
    Licensed::license(ACCOUNT, &license(buyer))
}

fn license(buyer: usize) -> String {
    format!("arn:aws:license-manager::{ACCOUNT}:license:l-market-{buyer:04}")
}

fn resource(buyer: usize) -> String {
    format!("7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f{buyer:04x}")
}

fn consumer(buyer: usize) -> String {
    format!("project_number:9000{buyer:04}")
}

fn entitlement(buyer: usize) -> String {
    format!("ent-{buyer:04}")
}
