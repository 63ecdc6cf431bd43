//! Customers' configurations at billing providers: whether and where Metronome itself bills.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

use super::account::Account;
use super::owned::Owned;
use super::reply::{Answer, Refusal, data};
use super::request::{self, present};

/// Providers that a configuration may name.
const PROVIDERS: [&str; 9] = [
    "aws_marketplace",
    "stripe",
    "netsuite",
    "custom",
    "azure_marketplace",
    "quickbooks_online",
    "workday",
    "gcp_marketplace",
    "metronome",
];

/// Ways in which invoices reach a provider.
const DELIVERY_METHODS: [&str; 4] = ["direct_to_billing_provider", "aws_sqs", "tackle", "aws_sns"];

/// A customer's configuration at a provider.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Configuration {
    pub(super) id: Uuid,
    pub(super) customer_id: Uuid,
    pub(super) billing_provider: String,
    pub(super) configuration: Value,
    pub(super) delivery_method_id: Uuid,
    pub(super) delivery_method: String,
    delivery_method_configuration: Value,
    pub(super) archived_at: Option<DateTime<Utc>>,
}

impl Owned for Configuration {
    const KIND: &'static str = "billing provider configuration";

    fn id(&self) -> Uuid {
        self.id
    }

    fn customer(&self) -> Uuid {
        self.customer_id
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    customer_id: String,
    #[serde(default, deserialize_with = "present")]
    include_archived: Option<bool>,
}

impl Account {
    /// Adds a configuration. What its keys say is the provider's affair.
    pub(super) fn add_configuration(
        &mut self,
        customer: Uuid,
        provider: &str,
        delivery_method: &str,
        configuration: Value,
    ) -> Result<Uuid, Refusal> {
        self.customers.get(customer)?;
        if !PROVIDERS.contains(&provider) {
            return Err(Refusal::bad(format!("billing_provider {provider} is unknown")));
        }
        if !DELIVERY_METHODS.contains(&delivery_method) {
            return Err(Refusal::bad(format!(
                "delivery_method {delivery_method} is unknown"
            )));
        }
        if !configuration.is_object() {
            return Err(Refusal::bad("configuration must be an object"));
        }
        let id = self.next_id("billing-provider-configurations");
        let method = format!("https://api.metronome.com/delivery-methods/{provider}/{delivery_method}");
        self.configurations.push(Configuration {
            id,
            customer_id: customer,
            billing_provider: provider.to_owned(),
            configuration,
            delivery_method_id: Uuid::new_v5(&Uuid::NAMESPACE_URL, method.as_bytes()),
            delivery_method: delivery_method.to_owned(),
            delivery_method_configuration: Value::Object(serde_json::Map::new()),
            archived_at: None,
        });
        Ok(id)
    }

    /// The one configuration that a contract of the customer's means by the provider alone.
    pub(super) fn configuration_for(&self, customer: Uuid, provider: &str) -> Result<Uuid, Refusal> {
        let configurations = self
            .configurations
            .of(customer)
            .map(|(_, configuration)| configuration);
        let mut of_provider = configurations
            .filter(|one| one.billing_provider == provider && one.archived_at.is_none())
            .map(|one| one.id);
        match (of_provider.next(), of_provider.next()) {
            (Some(id), None) => Ok(id),
            (None, _) => Err(Refusal::bad(format!(
                "the customer has no configuration of {provider}"
            ))),
            _ => Err(Refusal::bad(format!(
                "the customer has several configurations of {provider}"
            ))),
        }
    }

    /// `POST /v1/getCustomerBillingProviderConfigurations`.
    pub(super) fn post_configurations(&self, body: &[u8]) -> Result<Answer, Refusal> {
        let wanted: Wanted = request::body(body)?;
        let customer = request::id("customer_id", &wanted.customer_id)?;
        self.customers.get(customer)?;
        let archived = wanted.include_archived == Some(true);
        let configurations = self
            .configurations
            .of(customer)
            .map(|(_, configuration)| configuration);
        let shown: Vec<&Configuration> = configurations
            .filter(|one| archived || one.archived_at.is_none())
            .collect();
        data(&shown)
    }
}
