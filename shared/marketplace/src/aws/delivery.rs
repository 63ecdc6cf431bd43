//! Carrying one batch: the tries, the waits between them, and the halving of a batch that one record has poisoned.

use std::sync::Arc;
use std::time::Duration;

use aws_sdk_marketplacemetering::Client;
use backon::{BackoffBuilder as _, ExponentialBuilder};
use billing::Answer;
use platform::{Clock, Deadline, Fault, Limiter};
use tokio::time::Instant;

use super::answer::{Next, Reading, read};
use super::batch::{Batch, Item};

/// How often a record is sent again in one invocation, halving aside: with its first request, five tries.
const AGAIN_MAX: usize = 4;

/// A call is made again only this long after its first time.
const SPAN: Duration = Duration::from_secs(60);

/// The answers by the record's place, in the order of requests, and what concerns whole requests.
#[derive(Debug, Default)]
pub(super) struct Delivered {
    pub(super) answers: Vec<(usize, Answer)>,
    pub(super) faults: Vec<Fault>,
}

impl Delivered {
    pub(super) fn extend(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.faults.extend(other.faults);
    }

    pub(super) fn and(mut self, other: Self) -> Self {
        self.extend(other);
        self
    }
}

/// The way to one region.
pub(super) struct Delivery<'a> {
    pub(super) client: Client,
    pub(super) pace: Arc<Limiter>,
    pub(super) deadline: Deadline,
    pub(super) clock: &'a Clock,
    pub(super) region: &'a str,
}

/// A part of a batch that travels as one call.
struct Piece {
    items: Vec<Item>,
    /// How often its records have been sent again. A half inherits it, so a record's tries are bounded however it is halved.
    again: usize,
}

impl Delivery<'_> {
    /// Sends a batch until each record is answered for good, tries or time are up, or each poisoned one stands alone: 25
    /// records are halved at most five deep.
    pub(super) async fn deliver(&self, batch: Batch) -> Delivered {
        let mut delivered = Delivered::default();
        let mut pieces = vec![Piece {
            items: batch.items,
            again: 0,
        }];
        while let Some(piece) = pieces.pop() {
            let halves = self
                .persist(piece, batch.product_code.as_deref(), &mut delivered)
                .await;
            pieces.extend(halves.into_iter().flatten());
        }
        delivered
    }

    /// Makes one call, and makes it again with the records whose fate is open. The halves of what is to be sent in halves, the
    /// first half last.
    async fn persist(
        &self,
        mut piece: Piece,
        product_code: Option<&str>,
        delivered: &mut Delivered,
    ) -> Option<[Piece; 2]> {
        let mut began = None;
        loop {
            self.pace.slot().await;
            let now = self.clock.now();
            piece.items.retain(|item| item.in_time(now));
            if piece.items.is_empty() || !self.deadline.open() {
                return None;
            }
            let began = *began.get_or_insert_with(Instant::now);
            let reading = self.call(product_code, &piece.items).await;
            let Reading {
                answers,
                fault,
                throttled,
            } = reading;
            let (mut open, mut split) = (Vec::new(), Vec::new());
            for (item, (answer, next)) in piece.items.into_iter().zip(answers) {
                delivered.answers.push((item.place, answer));
                match next {
                    Next::Done => {}
                    Next::Again => open.push(item),
                    Next::Halve => split.push(item),
                }
            }
            if !split.is_empty() {
                return Some(halves(split, piece.again));
            }
            let Some(wait) = self.wait(piece.again, began).filter(|_| !open.is_empty()) else {
                delivered.faults.extend(fault);
                return None;
            };
            if throttled {
                self.pace.hold(wait);
            }
            tokio::time::sleep(wait).await;
            piece = Piece {
                items: open,
                again: piece.again.saturating_add(1),
            };
        }
    }

    async fn call(&self, product_code: Option<&str>, items: &[Item]) -> Reading {
        let reply = self
            .client
            .batch_meter_usage()
            .set_product_code(product_code.map(str::to_owned))
            .set_usage_records(Some(items.iter().map(|item| item.usage.clone()).collect()))
            .send()
            .await;
        read(self.region, items, reply)
    }

    /// How long to wait before the next try, if there is to be one: doubling from 250 ms, with jitter.
    fn wait(&self, again: usize, began: Instant) -> Option<Duration> {
        let left = SPAN.saturating_sub(began.elapsed()).min(self.deadline.left());
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(8))
            .with_max_times(AGAIN_MAX)
            .with_jitter()
            .build()
            .nth(again)
            .filter(|wait| *wait < left)
    }
}

fn halves(mut items: Vec<Item>, again: usize) -> [Piece; 2] {
    let second = items.split_off(items.len().div_ceil(2));
    [Piece { items: second, again }, Piece { items, again }]
}
