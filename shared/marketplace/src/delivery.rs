//! Carrying one batch, whatever the marketplace: the tries, the waits between them, and the halving of a batch that one record
//! has poisoned.

use std::sync::Arc;
use std::time::Duration;

use backon::{BackoffBuilder as _, ExponentialBuilder};
use billing::{Answer, Learned, Receipt, Refusal, Rules};
use chrono::{DateTime, Utc};
use platform::{Clock, Deadline, Fault, FaultKind, Limiter};
use tokio::time::Instant;

use crate::{Outgoing, Sent};

/// How often a record is sent again in one invocation, halving aside: with its first request, five tries.
const AGAIN_MAX: usize = 4;

/// A call is made again only this long after its first time.
const SPAN: Duration = Duration::from_secs(60);

/// A longer receipt is none that we know.
const RECEIPT_MAX: usize = 256;

/// What to do next about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Nothing in this invocation.
    Done,
    /// Send it again, unchanged.
    Again,
    /// Send it again with half of the others: one of them has poisoned the call.
    Halve,
}

/// What a reply says.
#[derive(Debug)]
pub(crate) struct Reading {
    /// Of each record of the call, in its order.
    pub(crate) answers: Vec<(Answer, Next)>,
    /// Of the call, unless another try mends it.
    pub(crate) fault: Option<Fault>,
    /// Fewer calls are wanted: none for at least this long.
    pub(crate) throttled: Option<Duration>,
}

impl Reading {
    /// One word for every record of a call that carried so many.
    pub(crate) fn same(records: usize, answer: Answer, next: Next) -> Self {
        Self {
            answers: vec![(answer, next); records],
            fault: None,
            throttled: None,
        }
    }

    pub(crate) fn because(self, kind: FaultKind, message: String) -> Self {
        Self {
            fault: Some(Fault::new(kind, message)),
            ..self
        }
    }
}

/// A record on its way.
#[derive(Clone, Debug)]
pub(crate) struct Item<T> {
    /// Its place among the records that were given.
    pub(crate) place: usize,
    /// The record's own timestamp.
    pub(crate) timestamp: DateTime<Utc>,
    /// Its marketplace's window.
    pub(crate) rules: Rules,
    /// What the marketplace is told of it.
    pub(crate) told: T,
}

impl<T> Item<T> {
    /// A record that stands at `place` among those that were given.
    pub(crate) fn new(place: usize, outgoing: &Outgoing, told: T) -> Self {
        Self {
            place,
            timestamp: outgoing.record.timestamp,
            rules: crate::rules(&outgoing.destination),
            told,
        }
    }

    /// Whether the marketplace takes its hour at `now`.
    pub(crate) fn in_time(&self, now: DateTime<Utc>) -> bool {
        self.rules.takes(self.timestamp, now)
    }
}

/// A way to make one call with some records: one request, one answer.
pub(crate) trait Channel {
    /// What the marketplace is told of a record.
    type Told;

    /// Makes the call.
    fn call(&self, items: &[Item<Self::Told>]) -> impl Future<Output = Reading>;
}

/// The answers by the record's place, in the order of requests, and what concerns whole requests.
#[derive(Debug, Default)]
pub(crate) struct Delivered {
    pub(crate) answers: Vec<(usize, Answer)>,
    pub(crate) faults: Vec<Fault>,
}

impl Delivered {
    pub(crate) fn extend(&mut self, other: Self) {
        self.answers.extend(other.answers);
        self.faults.extend(other.faults);
    }

    pub(crate) fn and(mut self, other: Self) -> Self {
        self.extend(other);
        self
    }

    /// No request leaves for the records at these places, for this reason: nothing took them.
    pub(crate) fn unsent(places: impl Iterator<Item = usize>, fault: Fault) -> Self {
        let refused = later(format!("not sent: {fault}"));
        Self {
            answers: places.map(|place| (place, refused.clone())).collect(),
            faults: vec![fault],
        }
    }

    /// Brings the answers back into the order of the records.
    pub(crate) fn of(self, outgoing: &[Outgoing]) -> Sent {
        let mut learned: Vec<Learned> = outgoing
            .iter()
            .map(|outgoing| Learned {
                record: outgoing.record.id.clone(),
                answers: Vec::new(),
            })
            .collect();
        for (place, answer) in self.answers {
            if let Some(learned) = learned.get_mut(place) {
                learned.answers.push(answer);
            }
        }
        let mut faults: Vec<Fault> = Vec::new();
        for fault in self.faults {
            if !faults.contains(&fault) {
                faults.push(fault);
            }
        }
        Sent { learned, faults }
    }
}

/// How calls of one kind are made in this invocation.
pub(crate) struct Delivery<'a> {
    pub(crate) pace: Arc<Limiter>,
    pub(crate) deadline: Deadline,
    pub(crate) clock: &'a Clock,
}

/// A part of a batch that travels as one call.
struct Piece<T> {
    items: Vec<Item<T>>,
    /// How often its records have been sent again. A half inherits it, so a record's tries are bounded however it is halved.
    again: usize,
}

impl Delivery<'_> {
    /// Sends a batch until each record is answered for good, tries or time are up, or each poisoned one stands alone: a
    /// hundred records are halved at most seven deep.
    pub(crate) async fn deliver<C: Channel>(&self, channel: &C, items: Vec<Item<C::Told>>) -> Delivered {
        let mut delivered = Delivered::default();
        let mut pieces = vec![Piece { items, again: 0 }];
        while let Some(piece) = pieces.pop() {
            let halves = self.persist(channel, piece, &mut delivered).await;
            pieces.extend(halves.into_iter().flatten());
        }
        delivered
    }

    /// Makes one call, and makes it again with the records whose fate is open. The halves of what is to be sent in halves, the
    /// first half last.
    async fn persist<C: Channel>(
        &self,
        channel: &C,
        mut piece: Piece<C::Told>,
        delivered: &mut Delivered,
    ) -> Option<[Piece<C::Told>; 2]> {
        let mut began = None;
        loop {
            self.pace.slot().await;
            let now = self.clock.now();
            piece.items.retain(|item| item.in_time(now));
            if piece.items.is_empty() || !self.deadline.open() {
                return None;
            }
            let began = *began.get_or_insert_with(Instant::now);
            let Reading {
                answers,
                fault,
                throttled,
            } = channel.call(&piece.items).await;
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
            if let Some(asked) = throttled {
                // Whether or not this record is tried again: the others wait as long.
                self.pace.hold(asked.min(self.deadline.left()));
            }
            let wait = self.wait(piece.again, began, throttled.unwrap_or_default());
            let Some(wait) = wait.filter(|_| !open.is_empty()) else {
                delivered.faults.extend(fault);
                return None;
            };
            if throttled.is_some() {
                self.pace.hold(wait);
            }
            tokio::time::sleep(wait).await;
            piece = Piece {
                items: open,
                again: piece.again.saturating_add(1),
            };
        }
    }

    /// How long to wait before the next try, if there is to be one: doubling from 250 ms, with jitter, and no less than the
    /// marketplace has asked for.
    fn wait(&self, again: usize, began: Instant, asked: Duration) -> Option<Duration> {
        let left = SPAN.saturating_sub(began.elapsed()).min(self.deadline.left());
        ExponentialBuilder::default()
            .with_min_delay(Duration::from_millis(250))
            .with_max_delay(Duration::from_secs(8))
            .with_max_times(AGAIN_MAX)
            .with_jitter()
            .build()
            .nth(again)
            .map(|wait| wait.max(asked))
            .filter(|wait| *wait < left)
    }
}

fn halves<T>(mut items: Vec<Item<T>>, again: usize) -> [Piece<T>; 2] {
    let second = items.split_off(items.len().div_ceil(2));
    [Piece { items: second, again }, Piece { items, again }]
}

/// Cuts records into batches where the next one would be one too many, or its bytes would. A record too large for any call goes
/// alone, and the service says so.
pub(crate) fn cut<T>(
    items: Vec<Item<T>>,
    records_max: usize,
    bytes_max: usize,
    size: impl Fn(&T) -> usize,
) -> Vec<Vec<Item<T>>> {
    let mut batches: Vec<Vec<Item<T>>> = Vec::new();
    let mut bytes = 0_usize;
    for item in items {
        let size = size(&item.told);
        bytes = bytes.saturating_add(size);
        match batches.last_mut() {
            Some(batch) if batch.len() < records_max && bytes < bytes_max => batch.push(item),
            _ => {
                bytes = size;
                batches.push(vec![item]);
            }
        }
    }
    batches
}

/// What several answers of one reply make of each record: only one that speaks of it once, and as itself, is its answer.
pub(crate) fn only(said: Vec<(Answer, Next)>) -> (Answer, Next) {
    let mut said = said;
    match (said.pop(), said.is_empty()) {
        (Some(only), true) => only,
        (Some(_), false) => unknown("the answer speaks of this record more than once".to_owned()),
        (None, _) => unknown("the answer does not speak of this record".to_owned()),
    }
}

/// A receipt, if it is one that can be kept.
pub(crate) fn receipt(id: &str) -> Option<Receipt> {
    let usable = !id.is_empty() && id.len() <= RECEIPT_MAX && id.chars().all(|c| c.is_ascii_graphic());
    usable.then(|| Receipt { id: id.to_owned() })
}

pub(crate) fn later(reason: String) -> Answer {
    Answer::Refused(Refusal::Later(reason))
}

pub(crate) fn never(reason: String) -> Answer {
    Answer::Refused(Refusal::Never(reason))
}

pub(crate) fn unknown(reason: String) -> (Answer, Next) {
    (Answer::Unknown(reason), Next::Again)
}
