//! AWS Marketplace, by `BatchMeterUsage` of the Marketplace Metering Service.
//!
//! Records are grouped by region and product, up to 25 a call, across buyers. The SDK's own retries are off: a call is one
//! request and has one answer. A call is made at most five times within 60 s, each time with only those records whose fate is
//! still open and with exactly their content, at most 10 calls a second a region, and none begins when the invocation is
//! about to end. A call that was refused whole for what one record may have caused is halved until that record stands alone.
//!
//! API reference: <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html>
//! (read 2026-11-20).

mod access;
mod answer;
mod batch;
mod quantity;
mod refusal;
mod wire;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_marketplacemetering::Client;
use aws_sdk_marketplacemetering::config::retry::RetryConfig;
use aws_sdk_marketplacemetering::config::timeout::TimeoutConfig;
use aws_sdk_marketplacemetering::config::{Builder, Credentials, Region, StalledStreamProtectionConfig};
use billing::{Destination, MonthEnd, Rules, Unanswered, Unit};
use chrono::TimeDelta;
use futures::stream::{self, StreamExt as _};
use platform::connection::AwsAccess;
use platform::{Clock, Deadline, Limiter};
use rust_decimal::Decimal;

use crate::delivery::{Channel, Delivered, Delivery, Item, Reading};
use crate::{Outgoing, Sent};
use access::Access;
use batch::{Regions, Sorted, Usage};
use wire::Wire;

/// Calls that an account may make in a region (Marketplace Metering Service quotas, read 2026-11-20).
const CALLS_PER_SECOND: u32 = 10;

/// Calls of one region under way at once: enough to keep its pace while each takes most of a second.
const CALLS_AT_ONCE: usize = 8;

/// After this long a call's fate is unknown. The service answers within a second or two; a call begun at the last moment
/// leaves a third of [`platform::clock::RESERVE`] to write down what was learned.
const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// `Quantity`: whole units.
const WHOLE: Unit = Unit {
    places: 0,
    max: Decimal::from_parts(i32::MAX as u32, 0, 0, false, 0),
};

/// `QuantityAsDecimal`: ten digits and six places.
const SIX: Unit = Unit {
    places: 6,
    max: Decimal::from_parts(1_874_919_423, 2_328_306, 0, false, 6),
};

/// What AWS Marketplace takes: whole units, or six places where the connection asks for them, an hour for less than 24 h, a
/// month until 06:00 UTC on the 1st of the next (`BatchMeterUsage` and `UsageRecord`, API reference, read 2026-11-20). Where a
/// record is late by one of the two limits, it is late.
#[must_use]
pub fn rules(destination: &Destination) -> Rules {
    Rules {
        unit: if destination.decimals { SIX } else { WHOLE },
        units: BTreeMap::new(),
        max_age: TimeDelta::hours(24),
        month_end: MonthEnd::Refused(TimeDelta::hours(6)),
        unanswered: Unanswered::Resend,
    }
}

/// The sink of one invocation: its access, and one client and one pace a region.
///
/// AWS counts calls by account and region, so whatever meters for one account in one invocation shares one of these.
pub struct Aws {
    sdk_config: SdkConfig,
    access: Access,
    deadline: Deadline,
    clock: Clock,
    paces: Mutex<BTreeMap<String, Arc<Limiter>>>,
}

impl Aws {
    /// A sink on the SDK's configuration, whose own retries are left off where records are sent. Where `access` names a role,
    /// that role is assumed once, at the first [`Self::send`].
    #[must_use]
    pub fn new(sdk_config: &SdkConfig, access: &AwsAccess, deadline: Deadline, clock: Clock) -> Self {
        Self {
            access: Access::new(sdk_config, access),
            sdk_config: sdk_config.clone(),
            deadline,
            clock,
            paces: Mutex::default(),
        }
    }

    /// Sends records, each of which has this attempt noted on it. Nothing fails here: what went wrong is in the answers, and
    /// in the faults where it concerns more than a record.
    pub async fn send(&self, outgoing: Vec<Outgoing>) -> Sent {
        let mut delivered = Delivered::default();
        if self.deadline.open() {
            let Sorted { regions, refused } = batch::batches(&outgoing, self.clock.now());
            delivered.answers = refused;
            if !regions.is_empty() {
                match self.access.credentials(self.deadline.left()).await {
                    Ok(credentials) => delivered.extend(self.deliver(regions, &credentials).await),
                    Err(fault) => {
                        let items = regions.values().flatten().flat_map(|batch| &batch.items);
                        delivered.extend(Delivered::unsent(items.map(|item| item.place), fault));
                    }
                }
            }
        }
        delivered.of(&outgoing)
    }

    /// All regions at once, so that one that is away holds up no other.
    async fn deliver(&self, regions: Regions, credentials: &Credentials) -> Delivered {
        let regions = regions.into_iter().map(|(region, batches)| async move {
            let client = self.client(&region, credentials);
            let delivery = Delivery {
                pace: self.pace(&region),
                deadline: self.deadline,
                clock: &self.clock,
            };
            stream::iter(batches)
                .map(|batch| {
                    let product = Product {
                        client: &client,
                        region: &region,
                        code: batch.product_code,
                    };
                    let delivery = &delivery;
                    async move { delivery.deliver(&product, batch.items).await }
                })
                .buffer_unordered(CALLS_AT_ONCE)
                .fold(Delivered::default(), async |all, one| all.and(one))
                .await
        });
        futures::future::join_all(regions)
            .await
            .into_iter()
            .fold(Delivered::default(), Delivered::and)
    }

    fn client(&self, region: &str, credentials: &Credentials) -> Client {
        let config = Builder::from(&self.sdk_config)
            .region(Region::new(region.to_owned()))
            .credentials_provider(credentials.clone())
            .retry_config(RetryConfig::disabled())
            .timeout_config(
                TimeoutConfig::builder()
                    .operation_attempt_timeout(CALL_TIMEOUT)
                    .build(),
            )
            .stalled_stream_protection(StalledStreamProtectionConfig::disabled())
            .build();
        Client::from_conf(config)
    }

    fn pace(&self, region: &str) -> Arc<Limiter> {
        let mut paces = self.paces.lock().unwrap_or_else(PoisonError::into_inner);
        let pace = paces
            .entry(region.to_owned())
            .or_insert_with(|| Arc::new(Limiter::per_second(CALLS_PER_SECOND)));
        Arc::clone(pace)
    }
}

/// It says nothing of the credentials that it holds.
impl fmt::Debug for Aws {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Aws")
    }
}

/// Calls of one product in one region.
struct Product<'a> {
    client: &'a Client,
    region: &'a str,
    code: Option<String>,
}

impl Channel for Product<'_> {
    type Told = Usage;

    async fn call(&self, items: &[Item<Usage>]) -> Reading {
        let wire = Wire::new(items.iter().map(|item| item.told.quantity));
        let records = items.iter().map(|item| item.told.record.clone());
        let reply = self
            .client
            .batch_meter_usage()
            .set_product_code(self.code.clone())
            .set_usage_records(Some(records.collect()))
            .customize()
            .interceptor(wire.clone())
            .send()
            .await;
        answer::read(self.region, items, reply, &wire.told())
    }
}

fn named(region: &str, words: &str) -> String {
    format!("AWS Marketplace Metering in {region}: {words}")
}
