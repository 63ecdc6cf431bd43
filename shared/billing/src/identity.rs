//! What a marketplace tells one record from another by.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// How AWS Marketplace names a buyer (API reference of `BatchMeterUsage`, read 2026-11-20). The two forms are two
/// namespaces: the same usage under both is billed twice.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AwsBuyer {
    /// Account and licence ARN, without a product code: products since June 2026.
    License {
        /// The buyer's AWS account, digits.
        account_id: String,
        /// The licence of the agreement.
        license_arn: String,
    },
    /// Product code and AWS account.
    Account {
        /// The product's code.
        product_code: String,
        /// The buyer's AWS account, digits.
        account_id: String,
    },
    /// Product code and customer identifier: the oldest form.
    Customer {
        /// The product's code.
        product_code: String,
        /// What `ResolveCustomer` answered.
        customer_identifier: String,
    },
}

/// An AWS Marketplace identity. AWS dedupes by region, so the region is part of it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AwsIdentity {
    /// Who buys.
    pub buyer: AwsBuyer,
    /// The region whose endpoint takes the records.
    pub region: String,
}

/// Everything the marketplace uses to tell one record from another, but for the dimension and the hour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Identity {
    /// AWS Marketplace.
    Aws(AwsIdentity),
    /// Microsoft's commercial marketplace: it tells events apart by resource, dimension and clock hour (metered billing APIs,
    /// Microsoft Learn, read 2026-11-20).
    Azure {
        /// The SaaS subscription's id, a GUID.
        resource_id: String,
    },
    /// Google Cloud Marketplace, by Service Control.
    Gcp {
        /// The product's service name.
        service_name: String,
        /// The entitlement's `usageReportingId`, sent as `consumerId`.
        usage_reporting_id: String,
    },
    /// Suger, which passes records on to the marketplaces.
    Suger {
        /// The seller's organization.
        organization_id: String,
        /// The buyer's entitlement.
        entitlement_id: String,
    },
}

impl Identity {
    /// The marketplace's word in connection files, summaries and records: `aws`, `azure`, `gcp` or `suger`.
    #[must_use]
    pub fn marketplace(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
            Self::Azure { .. } => "azure",
            Self::Gcp { .. } => "gcp",
            Self::Suger { .. } => "suger",
        }
    }
}

/// The identity as a key: unique, stable, readable.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aws(aws) => write!(f, "aws/{aws}"),
            Self::Azure { resource_id } => write!(f, "azure/{resource_id}"),
            Self::Gcp {
                service_name,
                usage_reporting_id,
            } => write!(f, "gcp/{service_name}/{usage_reporting_id}"),
            Self::Suger {
                organization_id,
                entitlement_id,
            } => write!(f, "suger/{organization_id}/{entitlement_id}"),
        }
    }
}

impl fmt::Display for AwsIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let region = &self.region;
        match &self.buyer {
            AwsBuyer::License {
                account_id,
                license_arn,
            } => write!(f, "{region}/{account_id}/{license_arn}"),
            AwsBuyer::Account {
                product_code,
                account_id,
            } => write!(f, "{region}/{product_code}/account/{account_id}"),
            AwsBuyer::Customer {
                product_code,
                customer_identifier,
            } => write!(f, "{region}/{product_code}/customer/{customer_identifier}"),
        }
    }
}

/// How a Google Cloud metric's values are typed, as the product's service configuration defines the metric.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GcpValue {
    /// Whole units.
    Int64,
    /// Six places.
    Double,
    /// An amount of US dollars, six places.
    Money,
}

/// Where a book's records go: the identity, and what else the marketplace's calls want but do not tell records apart by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The identity.
    pub identity: Identity,
    /// AWS, with a licence ARN: the product it is of. One call takes one product, so it groups the batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    /// AWS: quantities of six decimal places, not whole units.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub decimals: bool,
    /// Azure: the plan that the subscription has now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan_id: Option<String>,
    /// Google: the type of each metric; of one that is not named here, int64.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub metrics: BTreeMap<String, GcpValue>,
    /// Google, `unknown = "park"`: a record whose answer was lost is never sent again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub park_unknown: bool,
}

impl Destination {
    /// An identity that its marketplace's calls want nothing besides.
    #[must_use]
    pub fn of(identity: Identity) -> Self {
        Self {
            identity,
            product: None,
            decimals: false,
            plan_id: None,
            metrics: BTreeMap::new(),
            park_unknown: false,
        }
    }
}
