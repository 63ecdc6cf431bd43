//! Contracts of one customer, and where Metronome itself bills them: `POST /v2/contracts/list`
//! (<https://docs.metronome.com/api-reference/contracts/list-customer-contracts-v2>, 2026-11-20).

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::call::{Call, check_id};
use crate::json::Object;
use crate::pages::Room;
use crate::{Client, Error};

/// The providers through which Metronome meters in a marketplace by itself.
const MARKETPLACES: [&str; 3] = ["aws_marketplace", "azure_marketplace", "gcp_marketplace"];

/// A contract. Its prices and commits are not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Contract {
    /// Metronome's id, a UUID.
    pub id: String,
    /// Whose.
    pub customer_id: String,
    /// When it begins.
    pub starting_at: DateTime<Utc>,
    /// When it ends, not part of it; `None` where that is open.
    pub ending_before: Option<DateTime<Utc>>,
    /// When it was archived, if it was.
    pub archived_at: Option<DateTime<Utc>>,
    /// Where Metronome itself bills it, and when.
    pub billing_providers: Vec<ContractBilling>,
}

/// A stretch of time in which Metronome itself bills a contract through a provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractBilling {
    /// The provider in Metronome's words: `aws_marketplace`, `stripe` and so on.
    pub provider: String,
    /// From then on; `None` where that is not told.
    pub effective_at: Option<DateTime<Utc>>,
    /// Until then; `None` where that is open, or not told.
    pub effective_until: Option<DateTime<Utc>>,
    /// When the provider's configuration was archived, if it was: from then on nothing is billed through it.
    pub archived_at: Option<DateTime<Utc>>,
}

impl Contract {
    /// The marketplace to which Metronome itself bills this contract at that time, in Metronome's words. What else is metered
    /// there for the same contract is billed twice. A bound that is not told is taken for one that does not bind.
    #[must_use]
    pub fn bills_to_marketplace(&self, at: DateTime<Utc>) -> Option<&str> {
        self.billing_providers
            .iter()
            .filter(|billing| billing.is_in_force(at))
            .map(|billing| billing.provider.as_str())
            .find(|provider| {
                MARKETPLACES
                    .iter()
                    .any(|name| name.eq_ignore_ascii_case(provider))
            })
    }
}

impl ContractBilling {
    fn is_in_force(&self, at: DateTime<Utc>) -> bool {
        self.effective_at.is_none_or(|from| from <= at)
            && [self.effective_until, self.archived_at]
                .into_iter()
                .flatten()
                .all(|until| at < until)
    }
}

#[derive(Serialize)]
struct Body<'a> {
    customer_id: &'a str,
    include_archived: bool,
}

/// A contract as it is sent; the schedule as Metronome's Python SDK 4.12.0 (2026-10-27) has it.
#[derive(Deserialize)]
struct Terms {
    id: String,
    customer_id: String,
    starting_at: DateTime<Utc>,
    ending_before: Option<DateTime<Utc>>,
    archived_at: Option<DateTime<Utc>>,
    customer_billing_provider_configuration: Option<Object<Configuration>>,
    billing_provider_configuration_schedule: Option<Vec<Object<Segment>>>,
}

#[derive(Deserialize)]
struct Configuration {
    id: Option<String>,
    billing_provider: String,
    archived_at: Option<DateTime<Utc>>,
}

/// A part of the schedule; without a configuration nothing is billed in it.
#[derive(Deserialize)]
struct Segment {
    billing_provider_configuration: Option<Object<Configuration>>,
    effective_at: Option<DateTime<Utc>>,
    effective_until: Option<DateTime<Utc>>,
}

impl From<Terms> for Contract {
    fn from(terms: Terms) -> Self {
        let schedule: Vec<Segment> = terms
            .billing_provider_configuration_schedule
            .into_iter()
            .flatten()
            .map(|Object(segment)| segment)
            .collect();
        // The contract's own configuration has no times; where the schedule has it too, the schedule's are its times.
        let unscheduled = terms
            .customer_billing_provider_configuration
            .filter(|Object(configuration)| !schedule.iter().any(|segment| segment.has(configuration)))
            .map(|Object(configuration)| configuration.between(None, None));
        let scheduled = schedule.into_iter().filter_map(|segment| {
            let Object(configuration) = segment.billing_provider_configuration?;
            Some(configuration.between(segment.effective_at, segment.effective_until))
        });
        Self {
            id: terms.id,
            customer_id: terms.customer_id,
            starting_at: terms.starting_at,
            ending_before: terms.ending_before,
            archived_at: terms.archived_at,
            billing_providers: unscheduled.into_iter().chain(scheduled).collect(),
        }
    }
}

impl Configuration {
    fn between(self, from: Option<DateTime<Utc>>, until: Option<DateTime<Utc>>) -> ContractBilling {
        ContractBilling {
            provider: self.billing_provider,
            effective_at: from,
            effective_until: until,
            archived_at: self.archived_at,
        }
    }
}

impl Segment {
    fn has(&self, other: &Configuration) -> bool {
        let own = self.billing_provider_configuration.as_ref();
        own.is_some_and(|Object(own)| own.id.is_some() && own.id == other.id)
    }
}

impl Client {
    /// The contracts of a customer, the ended ones too, but none that is archived. The list is documented to come whole, and in
    /// the SDKs since October 2026 twenty at a time: both are read to the end, and no `limit` is sent, which the former does
    /// not know.
    ///
    /// # Errors
    /// [`Error::Invalid`] for what is no id; [`Error::Refused`] where there is no such customer; else as the call goes. Then
    /// nothing is returned, however much had been read.
    pub async fn contracts(&self, customer_id: &str) -> Result<Vec<Contract>, Error> {
        check_id("customer", customer_id)?;
        let body = Body {
            customer_id,
            include_archived: false,
        };
        let call = Call::post("/v2/contracts/list", &body)?
            .with_cursor_in_body()
            .about("customer", &[customer_id.to_owned()]);
        self.pages::<Terms, _>(&call, &Room::for_one_read()).await
    }
}
