//! Metronome, as one run sees it: what there is to count, and what is wrong with what is asked of it.

use std::collections::BTreeSet;

use billing::StreamKey;
use metronome::{Client, Customers};
use platform::connection::METRONOME;
use platform::{Fault, FaultKind};

use crate::run::Conduct;
use crate::want::Catalog;

/// Metronome, as this run sees it.
pub(crate) struct Source {
    pub(crate) client: Client,
    pub(crate) catalog: Catalog,
    pub(crate) customers: Customers,
}

impl Conduct<'_> {
    pub(crate) async fn source(&self) -> Result<Source, Fault> {
        let secret = self.secret.as_ref().map_err(Clone::clone)?;
        let token = secret.metronome_token.clone().ok_or_else(|| {
            Fault::new(
                FaultKind::Misconfigured,
                format!("the secret `{}` has no `metronome_token`", self.connection.secret),
            )
        })?;
        let account = &self.connection.metronome;
        let client = Client::new(
            self.deps.transport.clone(),
            &account.base_url,
            token,
            account.requests_per_second,
            self.order.deadline,
        )?;
        let catalog: Catalog = client
            .billable_metrics()
            .await?
            .into_iter()
            .map(|metric| (metric.id.clone(), metric))
            .collect();
        let ids: BTreeSet<&String> = self
            .connection
            .buyers
            .iter()
            .flat_map(|buyer| &buyer.customers)
            .map(|customer| &customer.id)
            .collect();
        let customers = client
            .customers(&ids.into_iter().cloned().collect::<Vec<_>>())
            .await?;
        let source = Source {
            client,
            catalog,
            customers,
        };
        source
            .complaints(self.connection)
            .into_iter()
            .for_each(|fault| self.fault(fault));
        Ok(source)
    }
}

impl Source {
    /// Why a stream is not worth asking for.
    pub(crate) fn unreadable(&self, key: &StreamKey) -> Option<String> {
        if !self.catalog.contains_key(&key.metric) {
            return Some(format!(
                "the billable metric {} is not in Metronome any more",
                key.metric
            ));
        }
        self.customer(&key.customer)
    }

    /// Why a customer is not worth asking for.
    pub(crate) fn customer(&self, id: &str) -> Option<String> {
        if self.customers.missing.iter().any(|missing| missing == id) {
            return Some(format!("the customer {id} is not in Metronome"));
        }
        let found = self.customers.found.iter().find(|customer| customer.id == id)?;
        found
            .archived_at
            .map(|_| format!("the customer {id} is archived in Metronome"))
    }

    /// What is wrong with the configuration, as Metronome sees it.
    fn complaints(&self, connection: &platform::Connection) -> Vec<Fault> {
        let misconfigured = |words: String| Fault::new(FaultKind::Misconfigured, words);
        let converted = connection.conversions.iter().map(|conversion| &conversion.from);
        let converted = converted.filter(|from| *from != METRONOME);
        let listed = connection.whitelist.metrics.iter().flatten();
        let metrics: BTreeSet<&String> = converted.chain(listed).collect();
        let gone = metrics
            .into_iter()
            .filter(|metric| !self.catalog.contains_key(*metric))
            .map(|metric| {
                misconfigured(format!(
                    "the billable metric {metric} is not in Metronome any more: take it out of the connection"
                ))
            });
        let missing = self.customers.missing.iter().map(|customer| {
            misconfigured(format!(
                "the customer {customer} is not in Metronome: mend `customer_ids`"
            ))
        });
        let archived = self
            .customers
            .found
            .iter()
            .filter(|customer| customer.archived_at.is_some())
            .map(|customer| {
                misconfigured(format!(
                    "the customer {} is archived in Metronome: end its entitlement",
                    customer.id
                ))
            });
        gone.chain(missing).chain(archived).collect()
    }
}
