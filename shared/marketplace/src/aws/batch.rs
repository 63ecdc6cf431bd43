//! Which records travel together.

use std::collections::BTreeMap;

use aws_sdk_marketplacemetering::primitives::DateTime;
use aws_sdk_marketplacemetering::types::UsageRecord;
use billing::{Answer, AwsBuyer, Identity, Record};
use chrono::Utc;
use rust_decimal::Decimal;

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

/// Records of one region and product that fit into one call.
#[derive(Clone, Debug)]
pub(super) struct Batch {
    /// Sent with the call in the product-code forms. Never beside a licence ARN: AWS bills twice what comes under both.
    pub(super) product_code: Option<String>,
    /// From 1 to [`RECORDS_MAX`].
    pub(super) items: Vec<Item<UsageRecord>>,
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
    let mut groups: BTreeMap<(String, Product), Vec<Item<UsageRecord>>> = BTreeMap::new();
    let mut refused = Vec::new();
    for (place, outgoing) in outgoing.iter().enumerate() {
        let Identity::Aws(aws) = &outgoing.destination.identity else {
            continue;
        };
        match usage(&aws.buyer, &outgoing.record) {
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
fn size(usage: &UsageRecord) -> usize {
    let texts = [
        usage.dimension(),
        usage.customer_identifier(),
        usage.customer_aws_account_id().unwrap_or_default(),
        usage.license_arn().unwrap_or_default(),
    ];
    texts.iter().fold(FRAME, |size, text| {
        size.saturating_add(text.len().saturating_mul(ESCAPED))
    })
}

fn usage(buyer: &AwsBuyer, record: &Record) -> Result<UsageRecord, String> {
    let quantity = units(record.quantity).ok_or_else(|| {
        format!(
            "no request was made: AWS Marketplace takes whole units from 0 to {}, not {}",
            i32::MAX,
            record.quantity
        )
    })?;
    let usage = UsageRecord::builder()
        .timestamp(DateTime::from_secs(record.timestamp.timestamp()))
        .dimension(&record.meter.dimension)
        .quantity(quantity);
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
    usage
        .build()
        .map_err(|error| format!("no request was made: {error}"))
}

/// The quantity as the service's own integer, if it is one.
fn units(quantity: Decimal) -> Option<i32> {
    let sayable = quantity.is_integer() && quantity >= Decimal::ZERO;
    sayable.then(|| i32::try_from(quantity).ok()).flatten()
}
