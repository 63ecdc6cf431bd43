//! All simulators of one seller and one buyer's cloud, around one clock and one plan of faults.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Request;

use crate::aws::dynamodb::DynamoDb;
use crate::aws::metering::Metering;
use crate::aws::secrets::Secrets;
use crate::aws::sts::Sts;
use crate::faults::Faults;
use crate::metronome::Metronome;
use crate::{Clock, Fate, Service};

/// The region of the world.
pub const REGION: &str = "us-east-1";

/// The world.
#[derive(Clone)]
pub struct World {
    /// The time of all of them, but for a Metronome with a clock of its own.
    pub clock: Clock,
    /// What goes wrong between them and their callers.
    pub faults: Faults,
    /// The source of usage.
    pub metronome: Arc<Metronome>,
    /// AWS Marketplace.
    pub metering: Arc<Metering>,
    /// Secrets Manager.
    pub secrets: Arc<Secrets>,
    /// Security Token Service.
    pub sts: Arc<Sts>,
    /// The table's home.
    pub dynamodb: Arc<DynamoDb>,
}

impl World {
    /// An empty world at `now`.
    ///
    /// # Errors
    /// In words, when the embedded DynamoDB engine cannot be opened.
    pub fn at(now: DateTime<Utc>) -> Result<Self, String> {
        let clock = Clock::at(now);
        Self::on(clock.clone(), clock)
    }

    /// An empty world whose Metronome goes by a clock of its own.
    ///
    /// # Errors
    /// As [`World::at`].
    pub fn on(metronome: Clock, clock: Clock) -> Result<Self, String> {
        Ok(Self {
            metronome: Arc::new(Metronome::new(metronome)),
            metering: Arc::new(Metering::new(clock.clone())),
            secrets: Arc::new(Secrets::new(clock.clone(), REGION)),
            sts: Arc::new(Sts::new(clock.clone())),
            dynamodb: Arc::new(DynamoDb::new().map_err(|error| error.to_string())?),
            faults: Faults::default(),
            clock,
        })
    }

    /// Every service, with the plan of faults around it.
    #[must_use]
    pub fn services(&self) -> [Arc<dyn Service>; 5] {
        [
            self.faults.around(self.metronome.clone()),
            self.faults.around(self.metering.clone()),
            self.faults.around(self.secrets.clone()),
            self.faults.around(self.sts.clone()),
            self.faults.around(self.dynamodb.clone()),
        ]
    }

    /// Requests that have reached each service.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        let metering = self.metering.counts();
        BTreeMap::from([
            ("metronome", self.metronome.requests().values().sum()),
            ("aws", metering.batch_meter_usage + metering.resolve_customer),
            ("secretsmanager", self.secrets.counts().values().sum()),
            ("dynamodb", self.dynamodb.counts().requests.values().sum()),
        ])
    }

    /// Takes a request to the service that its host names, at the services' public addresses; a host that nobody answers for
    /// is a connection lost.
    #[must_use]
    pub fn call(&self, request: &Request<Bytes>) -> Fate {
        let host = request.uri().host().unwrap_or_default();
        let [metronome, metering, secrets, sts, dynamodb] = self.services();
        let service = match host.split('.').next().unwrap_or_default() {
            "api" => metronome,
            "metering" => metering,
            "secretsmanager" => secrets,
            "sts" => sts,
            "dynamodb" => dynamodb,
            _ => return Fate::Lost,
        };
        service.call(request)
    }
}
