//! The sinks under test, as an invocation makes them.

use std::time::Duration;

use marketplace::{Aws, Azure, Gcp, Outgoing, Sent, Suger};
use platform::Deadline;
use platform::connection::{AwsAccess, Endpoints};
use platform::secrets::ConnectionSecret;

use crate::market::{self, Market};
use crate::scene::Scene;

/// What a new sink of this marketplace makes of these records.
pub(crate) async fn send(scene: &Scene, market: Market, outgoing: Vec<Outgoing>) -> Sent {
    let (deps, deadline, endpoints) = (
        &scene.deps,
        Deadline::after(Duration::from_secs(900)),
        Endpoints::default(),
    );
    let (transport, clock) = (&deps.transport, deps.clock.clone());
    let secret: ConnectionSecret = serde_json::from_value(market::secret()).unwrap();
    match market {
        Market::Aws => {
            let sink = Aws::new(&deps.sdk, &AwsAccess::default(), deadline, clock);
            sink.send(outgoing).await
        }
        Market::Azure => {
            let credentials = Ok(secret.azure.as_ref().unwrap());
            let sink = Azure::new(transport, &endpoints, credentials, deadline, clock);
            sink.send(outgoing).await
        }
        Market::Gcp => {
            let credentials = Ok(secret.gcp.as_ref().unwrap());
            let sink = Gcp::new(transport, &endpoints.gcp, credentials, &deps.sdk, deadline, clock);
            sink.send(outgoing).await
        }
        Market::Suger => {
            let key = Ok(secret.suger_api_key.as_ref().unwrap());
            let sink = Suger::new(transport, &endpoints.suger, key, deadline, clock);
            sink.send(outgoing).await
        }
    }
}
