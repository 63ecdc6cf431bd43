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
use crate::azure::{Azure, Entra};
use crate::faults::Faults;
use crate::gcp::{GoogleTokens, ServiceControl};
use crate::metronome::Metronome;
use crate::suger::Suger;
use crate::{Clock, Fate, Service};

/// Where Google's token endpoint stands, as its keys say.
pub const GOOGLE_TOKEN_URI: &str = "https://oauth2.googleapis.com/token";

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
    /// Microsoft Entra.
    pub entra: Arc<Entra>,
    /// Microsoft's marketplace.
    pub azure: Arc<Azure>,
    /// Google's token endpoints.
    pub google: Arc<GoogleTokens>,
    /// Google Cloud Marketplace.
    pub service_control: Arc<ServiceControl>,
    /// Suger.
    pub suger: Arc<Suger>,
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
        let entra = Arc::new(Entra::new(clock.clone()));
        let google = Arc::new(GoogleTokens::new(clock.clone()));
        google.serve_at(GOOGLE_TOKEN_URI);
        Ok(Self {
            azure: Arc::new(Azure::new(clock.clone(), entra.tokens())),
            entra,
            service_control: Arc::new(ServiceControl::new(clock.clone(), Arc::clone(&google))),
            google,
            suger: Arc::new(Suger::new(clock.clone())),
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
    pub fn services(&self) -> [Arc<dyn Service>; 10] {
        [
            self.faults.around(self.metronome.clone()),
            self.faults.around(self.metering.clone()),
            self.faults.around(self.secrets.clone()),
            self.faults.around(self.sts.clone()),
            self.faults.around(self.dynamodb.clone()),
            self.faults.around(self.entra.clone()),
            self.faults.around(self.azure.clone()),
            self.faults.around(self.google.clone()),
            self.faults.around(self.service_control.clone()),
            self.faults.around(self.suger.clone()),
        ]
    }

    /// Requests that have reached each service.
    #[must_use]
    pub fn requests(&self) -> BTreeMap<&'static str, u64> {
        let metering = self.metering.counts();
        BTreeMap::from([
            ("metronome", self.metronome.requests().values().sum()),
            ("aws", metering.batch_meter_usage + metering.resolve_customer),
            ("azure", self.azure.counts().calls.values().sum()),
            ("gcp", self.service_control.counts().reports),
            ("suger", self.suger.counts().requests),
            ("secretsmanager", self.secrets.counts().values().sum()),
            ("dynamodb", self.dynamodb.counts().requests.values().sum()),
        ])
    }

    /// Takes a request to the service that its host names, at the services' public addresses; a host that nobody answers for
    /// is a connection lost.
    #[must_use]
    pub fn call(&self, request: &Request<Bytes>) -> Fate {
        let host = request.uri().host().unwrap_or_default();
        let [
            metronome,
            metering,
            secrets,
            sts,
            dynamodb,
            entra,
            azure,
            google,
            control,
            suger,
        ] = self.services();
        let service = match (host.split('.').next().unwrap_or_default(), host) {
            (_, "api.suger.cloud") => suger,
            (_, "login.microsoftonline.com") => entra,
            (_, "marketplaceapi.microsoft.com") => azure,
            (_, "oauth2.googleapis.com" | "sts.googleapis.com" | "iamcredentials.googleapis.com") => google,
            (_, "servicecontrol.googleapis.com") => control,
            ("api", _) => metronome,
            ("metering", _) => metering,
            ("secretsmanager", _) => secrets,
            ("sts", _) => sts,
            ("dynamodb", _) => dynamodb,
            _ => return Fate::Lost,
        };
        service.call(request)
    }
}
