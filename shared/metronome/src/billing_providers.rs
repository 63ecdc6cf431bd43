//! How a customer is known to the providers that bill it: `POST /v1/getCustomerBillingProviderConfigurations`
//! (<https://docs.metronome.com/api-reference/customers/fetch-billing-provider-configurations-for-a-customer>, 2026-11-20).

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::call::{Call, check_id};
use crate::json::Keyed;
use crate::pages::Room;
use crate::{Client, Error};

/// A customer's configuration of one billing provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BillingProviderConfiguration {
    /// Metronome's id, a UUID.
    pub id: String,
    /// When it was archived, if it was.
    pub archived_at: Option<DateTime<Utc>>,
    /// The provider in Metronome's words: `aws_marketplace`, `stripe` and so on.
    pub billing_provider: String,
    /// What the provider knows the customer by (`aws_customer_id`, `aws_product_code` and so on): the values that are texts.
    pub configuration: BTreeMap<String, String>,
}

#[derive(Serialize)]
struct Body<'a> {
    customer_id: &'a str,
}

/// A configuration as it is sent. What stands in `configuration` is up to the provider.
#[derive(Deserialize)]
struct Configuration {
    id: String,
    archived_at: Option<DateTime<Utc>>,
    billing_provider: String,
    configuration: Option<Keyed<Box<RawValue>>>,
}

impl From<Configuration> for BillingProviderConfiguration {
    fn from(row: Configuration) -> Self {
        let texts = |Keyed(values): Keyed<Box<RawValue>>| {
            values
                .into_iter()
                .filter_map(|(key, value)| Some((key, serde_json::from_str(value.get()).ok()?)))
                .collect()
        };
        Self {
            id: row.id,
            archived_at: row.archived_at,
            billing_provider: row.billing_provider,
            configuration: row.configuration.map(texts).unwrap_or_default(),
        }
    }
}

impl Client {
    /// The billing provider configurations of a customer. The list is documented to come whole; should it come in parts, as
    /// that of contracts does by now, they are read to the end.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no id; [`Error::Refused`] where there is no such customer; else as the call goes.
    pub async fn billing_provider_configurations(
        &self,
        customer_id: &str,
    ) -> Result<Vec<BillingProviderConfiguration>, Error> {
        check_id("customer", customer_id)?;
        let call = Call::post(
            "/v1/getCustomerBillingProviderConfigurations",
            &Body { customer_id },
        )?
        .with_cursor_in_body()
        .about("customer", &[customer_id.to_owned()]);
        self.pages::<Configuration, _>(&call, &Room::for_one_read()).await
    }
}
