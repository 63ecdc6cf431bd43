//! One connection's ways to the marketplaces.

use std::sync::Arc;

use marketplace::{Aws, Azure, Gcp, Outgoing, Sent, Suger};
use platform::secrets::ConnectionSecret;
use platform::{Connection, Deadline, Fault, FaultKind};

use crate::run::Deps;

/// A sink for each marketplace.
pub(crate) struct Sinks {
    aws: Arc<Aws>,
    pub(crate) azure: Azure,
    gcp: Gcp,
    suger: Suger,
}

impl Sinks {
    /// The sinks of a connection: AWS's is shared by all that use one access, the others go by the connection's own secret. A
    /// secret that is missing or lacks a part keeps that one marketplace's records, and says so when there are any.
    pub(crate) fn new(
        deps: &Deps,
        connection: &Connection,
        aws: Arc<Aws>,
        secret: &Result<ConnectionSecret, Fault>,
        deadline: Deadline,
    ) -> Self {
        let part = |name: &str| {
            Fault::new(
                FaultKind::Misconfigured,
                format!("the secret `{}` has no `{name}`", connection.secret),
            )
        };
        let secret = secret.as_ref().map_err(Clone::clone);
        let azure = secret
            .clone()
            .and_then(|secret| secret.azure.as_ref().ok_or_else(|| part("azure")));
        let gcp = secret
            .clone()
            .and_then(|secret| secret.gcp.as_ref().ok_or_else(|| part("gcp")));
        let suger =
            secret.and_then(|secret| secret.suger_api_key.as_ref().ok_or_else(|| part("suger_api_key")));
        let (transport, clock, endpoints) = (&deps.transport, || deps.clock.clone(), &connection.endpoints);
        Self {
            aws,
            azure: Azure::new(transport, endpoints, azure, deadline, clock()),
            gcp: Gcp::new(transport, &endpoints.gcp, gcp, &deps.sdk, deadline, clock()),
            suger: Suger::new(transport, &endpoints.suger, suger, deadline, clock()),
        }
    }

    /// Sends records, each of the marketplace that its destination names.
    pub(crate) async fn send(&self, marketplace: &str, outgoing: Vec<Outgoing>) -> Sent {
        match marketplace {
            "azure" => self.azure.send(outgoing).await,
            "gcp" => self.gcp.send(outgoing).await,
            "suger" => self.suger.send(outgoing).await,
            _ => self.aws.send(outgoing).await,
        }
    }
}
