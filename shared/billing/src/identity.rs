//! What a marketplace tells one record from another by.

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
}

impl Identity {
    /// The marketplace's word in connection files, summaries and records: `aws`.
    #[must_use]
    pub fn marketplace(&self) -> &'static str {
        match self {
            Self::Aws(_) => "aws",
        }
    }
}

/// The identity as a key: unique, stable, readable.
impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self::Aws(aws) = self;
        let region = &aws.region;
        match &aws.buyer {
            AwsBuyer::License {
                account_id,
                license_arn,
            } => write!(f, "aws/{region}/{account_id}/{license_arn}"),
            AwsBuyer::Account {
                product_code,
                account_id,
            } => {
                write!(f, "aws/{region}/{product_code}/account/{account_id}")
            }
            AwsBuyer::Customer {
                product_code,
                customer_identifier,
            } => {
                write!(f, "aws/{region}/{product_code}/customer/{customer_identifier}")
            }
        }
    }
}

/// Where a book's records go: the identity, and what else the marketplace's calls want but do not tell records apart by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Destination {
    /// The identity.
    pub identity: Identity,
    /// AWS, with a licence ARN: the product it is of. One call takes one product, so it groups the batches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
}
