//! Reads: one item, many by key, or a partition in order. All are strongly consistent, for money is decided on them.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use aws_sdk_dynamodb::types::{AttributeValue, KeysAndAttributes};
use platform::aws::transport_error;
use platform::{Fault, FaultKind, TransportError};

use crate::item::{Found, Key};
use crate::{Store, StoreError};

/// `BatchGetItem` takes this many keys (API reference, read 2026-11-21).
const BATCH: usize = 100;

/// So often in a row may a batch come back without one item more.
const TRIES: u32 = 5;

/// The wait after the first of these; it doubles.
const WAIT: Duration = Duration::from_millis(50);

/// A query's answers hold 1 MB each. 200 of them are a year of hourly records of one identity, and all that a process
/// should hold.
const PAGES_MAX: usize = 200;

/// Which items of a partition.
pub(crate) enum Range<'a> {
    All,
    Prefix(&'a str),
    /// From the first, inclusive, up to what the second begins.
    Between(&'a str, &'a str),
    /// The last so many that begin so, newest first.
    Newest(&'a str, usize),
}

impl Store {
    pub(crate) async fn get(&self, key: &Key) -> Result<Option<Found>, Fault> {
        let request = self
            .client
            .get_item()
            .table_name(&self.table)
            .set_key(Some(key.attributes()));
        let answer = request
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| self.fault(&error))?;
        Ok(answer.item.map(Found))
    }

    /// The items that are there, of any number of keys, in no order.
    pub(crate) async fn get_many(&self, keys: BTreeSet<Key>) -> Result<Vec<Found>, Fault> {
        let mut left: Vec<_> = keys.iter().map(Key::attributes).collect();
        let (mut found, mut batch, mut idle) = (Vec::new(), BATCH, 0);
        // Ends: each turn reads an item, finds one absent, halves the batch, or uses up one of the tries.
        while !left.is_empty() {
            let asked = left.split_off(left.len().saturating_sub(batch));
            let count = asked.len();
            match self.get_batch(asked.clone()).await? {
                Batch::Answered { items, unprocessed } => {
                    idle = if unprocessed.len() < count { 0 } else { idle + 1 };
                    if idle == TRIES {
                        return Err(self.throttled());
                    }
                    if !unprocessed.is_empty() {
                        tokio::time::sleep(WAIT.saturating_mul(1 << idle)).await;
                    }
                    found.extend(items);
                    left.extend(unprocessed);
                }
                Batch::TooLarge(fault) => {
                    if count == 1 {
                        return Err(fault);
                    }
                    batch = count.div_ceil(2);
                    left.extend(asked);
                }
            }
        }
        Ok(found)
    }

    async fn get_batch(&self, keys: Vec<HashMap<String, AttributeValue>>) -> Result<Batch, Fault> {
        let malformed =
            |error: &dyn std::fmt::Display| Fault::new(FaultKind::StoreUnavailable, error.to_string());
        let wanted = KeysAndAttributes::builder()
            .set_keys(Some(keys))
            .consistent_read(true)
            .build();
        let wanted = wanted.map_err(|error| malformed(&error))?;
        let answer = match self
            .client
            .batch_get_item()
            .request_items(&self.table, wanted)
            .send()
            .await
        {
            Ok(answer) => answer,
            Err(error) if matches!(transport_error(&error), Some(TransportError::TooLarge(_))) => {
                return Ok(Batch::TooLarge(self.fault(&error)));
            }
            Err(error) => return Err(self.fault(&error)),
        };
        let items = answer
            .responses
            .unwrap_or_default()
            .into_values()
            .flatten()
            .map(Found)
            .collect();
        let unprocessed = answer.unprocessed_keys.unwrap_or_default().into_values();
        Ok(Batch::Answered {
            items,
            unprocessed: unprocessed.flat_map(|keys| keys.keys).collect(),
        })
    }

    fn throttled(&self) -> Fault {
        Fault::new(
            FaultKind::StoreUnavailable,
            format!(
                "the table `{}` leaves keys unprocessed, {TRIES} times in a row: it is throttled",
                self.table
            ),
        )
    }

    /// The items of a partition in the order of `sk`, page after page.
    pub(crate) async fn query(&self, pk: &str, range: Range<'_>) -> Result<Vec<Found>, StoreError> {
        let text = |value: &str| AttributeValue::S(value.to_owned());
        let mut request = self.client.query().table_name(&self.table).consistent_read(true);
        request = request.expression_attribute_values(":pk", text(pk));
        let mut wanted = usize::MAX;
        request = match range {
            Range::All => request.key_condition_expression("pk = :pk"),
            Range::Prefix(prefix) => begins(request, text(prefix)),
            Range::Between(from, to) => request
                .key_condition_expression("pk = :pk AND sk BETWEEN :from AND :to")
                .expression_attribute_values(":from", text(from))
                .expression_attribute_values(":to", text(to)),
            Range::Newest(prefix, count) => {
                wanted = count;
                let limit = i32::try_from(count).unwrap_or(i32::MAX);
                begins(request, text(prefix))
                    .scan_index_forward(false)
                    .limit(limit)
            }
        };
        let (mut found, mut after) = (Vec::new(), None);
        for _ in 0..PAGES_MAX {
            let page = request.clone().set_exclusive_start_key(after).send().await;
            let page = page.map_err(|error| self.fault(&error))?;
            found.extend(page.items.unwrap_or_default().into_iter().map(Found));
            after = page.last_evaluated_key;
            if after.is_none() || found.len() >= wanted {
                found.truncate(wanted);
                return Ok(found);
            }
        }
        Err(StoreError::Endless(platform::text::printable(pk)))
    }
}

enum Batch {
    Answered {
        items: Vec<Found>,
        unprocessed: Vec<HashMap<String, AttributeValue>>,
    },
    /// More than the transport reads at once: ask for fewer.
    TooLarge(Fault),
}

type Query = aws_sdk_dynamodb::operation::query::builders::QueryFluentBuilder;

fn begins(request: Query, prefix: AttributeValue) -> Query {
    request
        .key_condition_expression("pk = :pk AND begins_with(sk, :prefix)")
        .expression_attribute_values(":prefix", prefix)
}
