//! Where a buyer buys: its place at one of the marketplaces, how a connection file names it, and what is held there.

use bigdecimal::BigDecimal;
use chrono::{DateTime, DurationRound as _, TimeDelta, Utc};
use rust_decimal::Decimal;
use uuid::Uuid;

use crate::World;
use crate::aws::metering::{Customer, Identity, Subscription};
use crate::azure::Application;
use crate::azure::metering::{Offer, Subscription as Resource};
use crate::gcp::login::test_account;
use crate::gcp::service_control::{Consumer, ValueType};
use crate::suger::{Entitlement, Partner};
use crate::world::REGION;

/// AWS's products of the tale, by product and by code.
pub(super) const PRODUCT: &str = "prod-sandbox";
pub(super) const CODE: &str = "sandboxcode";
const TENANT: &str = "6f1d8c1e-5a3b-4c0e-9f55-0b1f6a2e7d01";
const CLIENT: &str = "0d6b5b1a-7e42-4f3c-8f1a-3a9c1d2e4b02";
const CLIENT_SECRET: &str = "sandbox-azure-secret";
const OFFER: &str = "sandbox-offer";
const PLAN: &str = "gold";
const SERVICE: &str = "sandbox.gcpmarketplace.example.com";
const ORGANIZATION: &str = "sandbox-org";
const SUGER_KEY: &str = "sandbox-suger-key";

/// A buyer's place.
#[derive(Clone, Debug)]
pub enum Seat {
    /// AWS Marketplace.
    Aws(Identity),
    /// Microsoft's marketplace: the subscription's id.
    Azure(Uuid),
    /// Google Cloud Marketplace: the usage reporting id.
    Gcp(&'static str),
    /// Suger: the entitlement.
    Suger(&'static str),
}

/// A record that some marketplace holds.
#[derive(Clone, Debug)]
pub(super) struct Held {
    pub(super) marketplace: &'static str,
    /// What the marketplace knows the buyer by.
    pub(super) place: String,
    pub(super) dimension: String,
    pub(super) hour: DateTime<Utc>,
    pub(super) quantity: BigDecimal,
}

impl Seat {
    /// The marketplace's word in connection files.
    #[must_use]
    pub fn marketplace(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
            Self::Azure(_) => "azure",
            Self::Gcp(_) => "gcp",
            Self::Suger(_) => "suger",
        }
    }

    /// What the marketplace knows the buyer by.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Aws(identity) => format!("{identity:?}"),
            Self::Azure(resource) => resource.to_string(),
            Self::Gcp(id) | Self::Suger(id) => (*id).to_owned(),
        }
    }

    /// Buys.
    pub(super) fn take(&self, world: &World, since: DateTime<Utc>, dimensions: &[&str]) {
        match self {
            Self::Aws(identity) => {
                let product = if matches!(identity, Identity::License { .. }) {
                    PRODUCT
                } else {
                    CODE
                };
                world.metering.add_product(product, dimensions);
                world
                    .metering
                    .subscribe(Subscription::new(product, identity.clone(), since));
            }
            Self::Azure(resource) => world.azure.subscribe(Resource::new(*resource, OFFER, PLAN)),
            Self::Gcp(id) => world
                .service_control
                .add_consumer(SERVICE, Consumer::new(id, since)),
            Self::Suger(id) => {
                let entitlement = Entitlement::new(id, Partner::Aws, id, dimensions);
                world.suger.add_entitlement(ORGANIZATION, entitlement);
            }
        }
    }

    /// The line of a connection file.
    pub(super) fn line(&self) -> String {
        match self {
            Self::Aws(identity) => {
                let buyer = match identity {
                    Identity::License { account, arn } => {
                        format!(
                            "product = \"{PRODUCT}\", account_id = \"{account}\", license_arn = \"{arn}\""
                        )
                    }
                    Identity::Product {
                        code,
                        customer: Customer::Account(account),
                    } => {
                        format!("product_code = \"{code}\", account_id = \"{account}\"")
                    }
                    Identity::Product {
                        code,
                        customer: Customer::Identifier(identifier),
                    } => {
                        format!("product_code = \"{code}\", customer_identifier = \"{identifier}\"")
                    }
                };
                format!("aws = {{ {buyer}, region = \"{REGION}\" }}")
            }
            Self::Azure(resource) => {
                format!("azure = {{ resource_id = \"{resource}\", plan_id = \"{PLAN}\" }}")
            }
            Self::Gcp(id) => format!(
                "gcp = {{ usage_reporting_id = \"{id}\", service_name = \"{SERVICE}\", metrics = {{ thousand_calls = \"double\" }} }}"
            ),
            Self::Suger(id) => {
                format!("suger = {{ organization_id = \"{ORGANIZATION}\", entitlement_id = \"{id}\" }}")
            }
        }
    }
}

/// The seller's own place at every marketplace but AWS, which needs none. Answers the parts of the secret that open them, once
/// Google's tokens are to be had at `token_uri`.
///
/// # Errors
/// When the key of Google's test account cannot be read.
pub(super) fn open(world: &World, dimensions: &[&str]) -> Result<impl Fn(&str) -> String + use<>, String> {
    let application = Application::new(TENANT, CLIENT);
    world.entra.register(&application, CLIENT_SECRET);
    world
        .azure
        .publish(Offer::new(OFFER, &application).plan(PLAN, dimensions));
    world.google.register_service_account(
        test_account::EMAIL,
        test_account::KEY_ID,
        test_account::PUBLIC_KEY,
    )?;
    let typed = |name: &&str| {
        if *name == "thousand_calls" {
            ValueType::Double
        } else {
            ValueType::Int64
        }
    };
    let metrics: Vec<(&str, ValueType)> = dimensions.iter().map(|name| (*name, typed(name))).collect();
    world.service_control.add_service(SERVICE, &metrics);
    world.service_control.allow(SERVICE, test_account::EMAIL);
    world.suger.add_organization(ORGANIZATION, SUGER_KEY);
    Ok(|token_uri: &str| {
        let gcp = test_account::service_account_json(token_uri);
        format!(
            r#""azure": {{"tenant_id": "{TENANT}", "client_id": "{CLIENT}", "client_secret": "{CLIENT_SECRET}"}}, "gcp": {gcp}, "suger_api_key": "{SUGER_KEY}""#
        )
    })
}

/// All that the marketplaces hold, each in the order in which it came.
pub(super) fn held(world: &World) -> Vec<Held> {
    let aws = world.metering.records().into_iter().map(|record| Held {
        marketplace: "aws",
        place: format!("{:?}", record.identity),
        dimension: record.dimension,
        hour: record.hour,
        quantity: big(record.quantity),
    });
    let azure = world.azure.held().into_iter().map(|event| Held {
        marketplace: "azure",
        place: event.resource_id.to_string(),
        dimension: event.dimension,
        hour: event.hour,
        quantity: big(event.quantity),
    });
    let operations = world
        .service_control
        .records()
        .into_iter()
        .filter(|operation| operation.billed);
    let gcp = operations.map(|operation| Held {
        marketplace: "gcp",
        place: operation.consumer_id,
        dimension: operation.metric.rsplit('/').next().unwrap_or_default().to_owned(),
        hour: hour(operation.end_time),
        quantity: operation.value.amount(),
    });
    let suger = world.suger.groups().into_iter().flat_map(|group| {
        let (place, at) = (group.entitlement, hour(group.timestamp));
        group.records.into_iter().map(move |(dimension, quantity)| Held {
            marketplace: "suger",
            place: place.clone(),
            dimension,
            hour: at,
            quantity,
        })
    });
    aws.chain(azure).chain(gcp).chain(suger).collect()
}

fn hour(at: DateTime<Utc>) -> DateTime<Utc> {
    at.duration_trunc(TimeDelta::hours(1)).unwrap_or(at)
}

fn big(value: Decimal) -> BigDecimal {
    BigDecimal::new(value.mantissa().into(), value.scale().into())
}
