//! One connection's ways to the marketplaces.

use std::sync::Arc;

use marketplace::{Aws, Outgoing, Sent};
use platform::secrets::ConnectionSecret;
use platform::{Connection, Deadline, Fault};

use crate::run::Deps;

/// A sink for each marketplace.
pub(crate) struct Sinks {
    aws: Arc<Aws>,
}

impl Sinks {
    /// The sinks of a connection: AWS's is shared by all that use one access, the others go by the connection's own secret.
    pub(crate) fn new(
        _deps: &Deps,
        _connection: &Connection,
        aws: Arc<Aws>,
        _secret: &Result<ConnectionSecret, Fault>,
        _deadline: Deadline,
    ) -> Self {
        Self { aws }
    }

    /// Sends records of one marketplace.
    pub(crate) async fn send(&self, marketplace: &str, outgoing: Vec<Outgoing>) -> Sent {
        match marketplace {
            _ => self.aws.send(outgoing).await,
        }
    }
}
