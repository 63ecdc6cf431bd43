//! The rules that a whole `BatchMeterUsage` request must keep. One record that breaks one refuses them all.
//!
//! <https://docs.aws.amazon.com/marketplace/latest/APIReference/API_marketplace-metering_BatchMeterUsage.html>

use std::collections::BTreeSet;

use chrono::{DateTime, Datelike, TimeDelta, Timelike, Utc};
use rust_decimal::Decimal;

use super::catalog::{Catalog, Identity, Standing};
use super::quantity::{self, Allocations};
use super::wire::{BatchMeterUsage, UsageRecord};
use crate::aws::Refusal;

/// The most records of one request.
pub(super) const MAX_RECORDS: usize = 25;

/// How old a record may not be.
const WINDOW: TimeDelta = TimeDelta::hours(24);

/// Until which hour of a month's first day the month before is still taken.
const GRACE_ENDS_AT_HOUR: u32 = 6;

/// How a request is read that names a product code beside licences.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CodeBesideLicense {
    /// As AWS warns: it is metered as the product's, which does not see what the licence has been billed.
    #[default]
    BilledAgain,
    /// The request is refused, so that a test finds who sends such.
    Refused,
}

/// A record that keeps every rule of the request.
#[derive(Debug)]
pub(super) struct Usage {
    pub identity: Identity,
    pub subscribed: bool,
    pub dimension: String,
    pub timestamp: DateTime<Utc>,
    pub quantity: Decimal,
    pub allocations: Allocations,
    /// What is echoed.
    pub record: UsageRecord,
}

/// The request's rules, as they stand at one moment in one region.
pub(super) struct Rules<'a> {
    pub catalog: &'a Catalog,
    pub region: &'a str,
    pub now: DateTime<Utc>,
    pub code_beside_license: CodeBesideLicense,
}

impl Rules<'_> {
    /// Every record of the request, or why none of them is processed.
    pub(super) fn check(&self, request: BatchMeterUsage) -> Result<Vec<Usage>, Refusal> {
        let records = request
            .usage_records
            .ok_or_else(|| Refusal::validation("usageRecords: must not be null"))?;
        if records.len() > MAX_RECORDS {
            let message = format!("usageRecords: must have length less than or equal to {MAX_RECORDS}");
            return Err(Refusal::validation(message));
        }
        // Like the customer identifier, an empty code is what some SDKs send for none.
        let code = request.product_code.filter(|code| !code.is_empty());
        if let Some(code) = &code
            && !self.catalog.has_product(code)
        {
            return Err(Refusal::client(
                "InvalidProductCodeException",
                format!("unknown product code {code}"),
            ));
        }
        let usages = records
            .into_iter()
            .map(|record| self.usage(code.as_deref(), record))
            .collect::<Result<Vec<_>, _>>()?;
        let products: BTreeSet<&str> = usages
            .iter()
            .filter_map(|usage| self.catalog.product_of(&usage.identity))
            .collect();
        if products.len() > 1 {
            return Err(invalid_license(
                "the licenses of one request must be of one product",
            ));
        }
        Ok(usages)
    }

    fn usage(&self, code: Option<&str>, mut record: UsageRecord) -> Result<Usage, Refusal> {
        let (identity, product) = self.identity(code, &record)?;
        let dimension = self.dimension(&product, &record)?;
        let (quantity, allocations) = quantity::of(&record)?;
        let timestamp = record
            .timestamp
            .ok_or_else(|| Refusal::validation("timestamp: must not be null"))?
            .as_time()
            .ok_or_else(out_of_bounds)?;
        if !self.takes(timestamp) {
            return Err(out_of_bounds());
        }
        let subscribed = match self.catalog.standing(&identity, self.region, timestamp, self.now) {
            Standing::Subscribed => true,
            Standing::OutsidePeriod if matches!(identity, Identity::License { .. }) => {
                return Err(invalid_license(
                    "the usage is outside the license's activation period",
                ));
            }
            Standing::OutsidePeriod | Standing::NotSubscribed => false,
        };
        record.timestamp = Some(super::wire::Number::of_time(timestamp));
        Ok(Usage {
            identity,
            subscribed,
            dimension,
            timestamp,
            quantity,
            allocations,
            record,
        })
    }

    /// Who the record is for, and the product that its dimensions are of.
    fn identity(&self, code: Option<&str>, record: &UsageRecord) -> Result<(Identity, String), Refusal> {
        // The model lets the identifier be empty, and the Rust SDK sends it so when it is not set.
        let identifier = record
            .customer_identifier
            .as_deref()
            .filter(|identifier| !identifier.is_empty());
        let account = record.customer_aws_account_id.as_deref();
        if identifier.is_some() && account.is_some() {
            return Err(Refusal::validation(
                "CustomerIdentifier and CustomerAWSAccountId exclude each other",
            ));
        }
        if account.is_some_and(|account| account.is_empty() || !account.bytes().all(|b| b.is_ascii_digit())) {
            return Err(Refusal::validation(
                "customerAWSAccountId: must satisfy the pattern ^[0-9]+$",
            ));
        }
        match (code, record.license_arn.as_deref()) {
            (None, None) => Err(Refusal::client(
                "InvalidProductCodeException",
                "neither a product code nor a license",
            )),
            (None, Some(arn)) => {
                let identity = Identity::license(account.ok_or_else(no_account)?, arn);
                let product = self.licensed_product(&identity)?;
                Ok((identity, product))
            }
            (Some(_), Some(_)) if self.code_beside_license == CodeBesideLicense::Refused => Err(
                invalid_license("a product code must not be sent beside a license"),
            ),
            (Some(code), Some(arn)) => {
                let account = account.ok_or_else(no_account)?;
                if self.licensed_product(&Identity::license(account, arn))? != code {
                    return Err(invalid_license("the license is of another product"));
                }
                Ok((Identity::account(code, account), code.to_owned()))
            }
            (Some(code), None) => match (identifier, account) {
                (Some(identifier), _) => {
                    let identity = Identity::customer(code, identifier);
                    if self.catalog.product_of(&identity).is_none() {
                        let message = format!("{code} has no customer {identifier}");
                        return Err(Refusal::client("InvalidCustomerIdentifierException", message));
                    }
                    Ok((identity, code.to_owned()))
                }
                (None, Some(account)) => Ok((Identity::account(code, account), code.to_owned())),
                (None, None) => Err(Refusal::client(
                    "InvalidCustomerIdentifierException",
                    "no customer is named",
                )),
            },
        }
    }

    fn licensed_product(&self, identity: &Identity) -> Result<String, Refusal> {
        let product = self.catalog.product_of(identity);
        product
            .map(str::to_owned)
            .ok_or_else(|| invalid_license("the license is not this customer's"))
    }

    fn dimension(&self, product: &str, record: &UsageRecord) -> Result<String, Refusal> {
        let dimension = record
            .dimension
            .as_deref()
            .ok_or_else(|| Refusal::validation("dimension: must not be null"))?;
        if !(1..=255).contains(&dimension.chars().count()) {
            return Err(Refusal::validation(
                "dimension: must have length between 1 and 255",
            ));
        }
        if !self.catalog.has_dimension(product, dimension) {
            let message = format!("{product} has no dimension {dimension}");
            return Err(Refusal::client("InvalidUsageDimensionException", message));
        }
        Ok(dimension.to_owned())
    }

    /// Not of the future, less than 24 hours old, and of this month, or of the month before until 06:00 on the 1st.
    ///
    /// AWS does not say whether the grace lengthens the 24 hours; the strict reading is taken.
    fn takes(&self, timestamp: DateTime<Utc>) -> bool {
        let month = |time: DateTime<Utc>| (time.year(), time.month());
        let in_month = month(timestamp) == month(self.now)
            || (self.now.day() == 1 && self.now.hour() < GRACE_ENDS_AT_HOUR);
        timestamp <= self.now && self.now - timestamp < WINDOW && in_month
    }
}

fn out_of_bounds() -> Refusal {
    Refusal::client(
        "TimestampOutOfBoundsException",
        "a record's timestamp is out of the allowed range",
    )
}

fn invalid_license(message: &str) -> Refusal {
    Refusal::client("InvalidLicenseException", message)
}

fn no_account() -> Refusal {
    invalid_license("a license needs its CustomerAWSAccountId")
}
