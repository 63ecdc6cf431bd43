//! Which records travel together.

use std::collections::BTreeMap;

use aws_sdk_marketplacemetering::primitives::DateTime;
use aws_sdk_marketplacemetering::types::UsageRecord;
use billing::{Answer, AwsBuyer, Identity, Record};
use chrono::Utc;

use super::SIX;
use super::quantity::Quantity;
use crate::Outgoing;
use crate::delivery::{Item, cut, never};

/// Records in one call (`BatchMeterUsage`, API reference, read 2026-11-20).
pub(super) const RECORDS_MAX: usize = 25;

/// Bytes of one call's body; the service takes less than 1 MB (same page).
const BODY_MAX: usize = 1_000_000;

/// What the body holds beside its records: the braces, and a product code of at most 255 characters.
const ENVELOPE: usize = 2_048;

/// What a record holds beside its texts: names, punctuation, and the two numbers.
const FRAME: usize = 256;

/// The most that JSON makes of one byte of text: `\u0000`.
const ESCAPED: usize = 6;

/// What AWS Marketplace is told of a record.
#[derive(Clone, Debug)]
pub(super) struct Usage {
    /// All of it but a quantity that the SDK has no member for.
    pub(super) record: UsageRecord,
    /// The quantity.
    pub(super) quantity: Quantity,
}

/// Records of one region and product that fit into one call.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Sent with the call in the product-code forms. Never beside a licence ARN: AWS bills twice what comes under both.
    pub(super) product_code: Option<String>,
    /// From 1 to [`RECORDS_MAX`].
    pub(super) items: Vec<Item<Usage>>,
}

/// What one call may hold together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Product {
    /// Licences of one product, as the connection names it; of a product without a name, one licence.
    Licensed(String),
    /// A product code, sent with the call.
    Coded(String),
}

impl Product {
    fn of(outgoing: &Outgoing, buyer: &AwsBuyer) -> Self {
        match buyer {
            AwsBuyer::License { license_arn, .. } => Self::Licensed(
                outgoing
                    .destination
                    .product
                    .clone()
                    .unwrap_or_else(|| license_arn.clone()),
            ),
            AwsBuyer::Account { product_code, .. } | AwsBuyer::Customer { product_code, .. } => {
                Self::Coded(product_code.clone())
            }
        }
    }
}

/// Records by the region that takes them.
pub(super) type Regions = BTreeMap<String, Vec<Batch>>;

/// Records, sorted for sending.
pub(super) struct Sorted {
    pub(super) regions: Regions,
    /// By place: those whose quantity AWS has no number for.
    pub(super) refused: Vec<(usize, Answer)>,
}

/// Sorts records into batches. Those that the window does not take at `now` are left out.
pub(super) fn batches(outgoing: &[Outgoing], now: chrono::DateTime<Utc>) -> Sorted {
    let mut groups: BTreeMap<(String, Product), Vec<Item<Usage>>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (place, outgoing) in outgoing.iter().enumerate() {
        let Identity::Aws(aws) = &outgoing.destination.identity else {
            continue;
        };
        match usage(&aws.buyer, &outgoing.record, outgoing.destination.decimals) {
            Ok(usage) => {
                let item = Item::new(place, outgoing, usage);
                if item.in_time(now) {
                    let group = (aws.region.clone(), Product::of(outgoing, &aws.buyer));
                    groups.entry(group).or_default().push(item);
                } else {
                    tracing::warn!(record = outgoing.record.id, "not sent: its window is not open");
                }
            }
            Err(reason) => refused.push((place, never(reason))),
        }
    }
    let mut regions = Regions::new();
    for ((region, product), items) in groups {
        let product_code = match product {
            Product::Coded(code) => Some(code),
            Product::Licensed(_) => None,
        };
        let cut = cut(items, RECORDS_MAX, BODY_MAX - ENVELOPE, size)
            .into_iter()
            .map(|items| Batch {
                product_code: product_code.clone(),
                items,
            });
        regions.entry(region).or_default().extend(cut);
    }
    Sorted { regions, refused }
}

/// No less than a record's bytes in a body.
fn size(usage: &Usage) -> usize {
    let record = &usage.record;
    let texts = [
        record.dimension(),
        record.customer_identifier(),
        record.customer_aws_account_id().unwrap_or_default(),
        record.license_arn().unwrap_or_default(),
    ];
    texts.iter().fold(FRAME, |size, text| {
        size.saturating_add(text.len().saturating_mul(ESCAPED))
    })
}

fn usage(buyer: &AwsBuyer, record: &Record, decimals: bool) -> Result<Usage, String> {
    let quantity = Quantity::of(record.quantity, decimals).ok_or_else(|| {
        format!(
            "no request was made: AWS Marketplace takes from 0 to {} in at most {} places, not {}",
            SIX.max, SIX.places, record.quantity
        )
    })?;
    let usage = UsageRecord::builder()
        .timestamp(DateTime::from_secs(record.timestamp.timestamp()))
        .dimension(&record.meter.dimension)
        .set_quantity(quantity.whole());
    let usage = match buyer {
        AwsBuyer::License {
            account_id,
            license_arn,
        } => usage.customer_aws_account_id(account_id).license_arn(license_arn),
        AwsBuyer::Account { account_id, .. } => usage.customer_aws_account_id(account_id),
        AwsBuyer::Customer {
            customer_identifier, ..
        } => usage.customer_identifier(customer_identifier),
    };
    let record = usage
        .build()
        .map_err(|error| format!("no request was made: {error}"))?;
    Ok(Usage { record, quantity })
}
