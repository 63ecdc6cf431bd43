//! What the configuration wants of a book.

use std::collections::{BTreeMap, BTreeSet};

use chrono::{DateTime, Utc};
use rust_decimal::Decimal;

use crate::{
    Accumulation, AmountSource, Counter, Destination, Fraction, Group, Hour, Month, Opening, Share, Span,
    Stream, StreamKey, Target,
};

/// What the configuration says of one entitlement of the book's identity.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Its key: the first `starts_at` applied.
    pub key: DateTime<Utc>,
    /// The buyer, for summaries.
    pub buyer: String,
    /// The first hour that is its own.
    pub from: Hour,
    /// When it ends.
    pub ends_at: Option<DateTime<Utc>>,
    /// Free quantities by dimension.
    pub included: BTreeMap<String, Fraction>,
}

/// One counter, or group of its rows, that the configuration wants counted for one entitlement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The entitlement's key.
    pub entitlement: DateTime<Utc>,
    /// The Metronome customer.
    pub customer: String,
    /// The billable metric.
    pub metric: String,
    /// Only these rows of it.
    pub group: Group,
    /// How its readings add up.
    pub accumulation: Accumulation,
    /// The hours that count, over all months.
    pub span: Span,
    /// `Period` only: the part of the reading before `span.from`, where `apply` has fixed it.
    pub opening: Option<Decimal>,
    /// Where its growth goes; none where no conversion leads anywhere.
    pub target: Option<Target>,
}

/// All that the configuration wants of one book.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The connection: it ends the spans that it began and no longer wants.
    pub connection: String,
    /// The Metronome account, as [`Counter`] names it.
    pub account: String,
    /// Where the records go.
    pub destination: Destination,
    /// The identity's entitlements.
    pub terms: Vec<Terms>,
    /// What is counted for them.
    pub sources: Vec<Source>,
    /// The amounts that are counted for them.
    pub amounts: Vec<AmountSource>,
    /// The shares of amounts that any of the connection's books is to count from now on.
    pub followed: BTreeSet<Share>,
    /// From which hour a change of configuration holds: the first boundary after it was applied.
    pub effective: Hour,
    /// How long a month takes late usage after its end.
    pub open_days: u32,
    /// Connections that are no more, but have left spans open in this book: those end where they were last claimed to.
    pub gone: BTreeSet<String>,
}

impl Wanted {
    /// A stream's counter.
    #[must_use]
    pub fn counter(&self, customer: &str, metric: &str) -> Counter {
        Counter {
            account: self.account.clone(),
            customer: customer.to_owned(),
            metric: metric.to_owned(),
        }
    }

    /// Whether a stream that is not wanted is this configuration's to end: it began it, or counts the same counter now.
    pub(crate) fn ends(&self, key: &StreamKey, stream: &Stream) -> bool {
        stream.connection == self.connection
            || self.gone.contains(&stream.connection)
            || self
                .sources
                .iter()
                .any(|source| source.customer == key.customer && source.metric == key.metric)
    }

    /// Where a stream that is not wanted any more ends: where the change holds from. Where it gives way to one value for the period,
    /// which is told by whole days only, it reads on to that day's end.
    pub(crate) fn over(&self, key: &StreamKey) -> Hour {
        let mut sources = self.sources.iter();
        let period = sources.any(|source| {
            source.accumulation == Accumulation::Period
                && source.customer == key.customer
                && source.metric == key.metric
        });
        if period && key.accumulation != Accumulation::Period {
            self.effective.next_midnight()
        } else {
            self.effective
        }
    }

    pub(crate) fn source(&self, key: &StreamKey) -> Option<&Source> {
        self.sources.iter().find(|source| source.counts(key))
    }

    /// Whether a source goes on with a stream's span. One of which nothing was claimed begins anew where the source does now;
    /// and what lies between a deleted connection's last claim and the beginning that this one wants is nobody's.
    pub(crate) fn goes_on(&self, source: &Source, key: &StreamKey, stream: &Stream) -> bool {
        match stream.claimed {
            None => source.span.from <= key.from && key.from < source.span.until,
            Some(claimed) => source.span.from <= claimed || !self.gone.contains(&stream.connection),
        }
    }
}

impl Source {
    /// The stream of this source that holds `hour`, as far as a name for it is wanted.
    pub(crate) fn key_at(&self, hour: Hour) -> StreamKey {
        let month = hour.previous().month();
        self.key(month, month.first().max(self.span.from))
    }

    /// The stream of this source in a month.
    pub(crate) fn key(&self, month: Month, from: Hour) -> StreamKey {
        StreamKey {
            month,
            entitlement: self.entitlement,
            customer: self.customer.clone(),
            metric: self.metric.clone(),
            group: self.group.clone(),
            accumulation: self.accumulation,
            from,
        }
    }

    /// What of a period's reading is not the span's own. Whoever has counted it into the span's first day reads on to that
    /// day's end, and this span goes on from there; where nobody has, it is what `apply` has fixed, or what lies before the day.
    pub(crate) fn opening(&self, key: &StreamKey, counted: Option<Hour>) -> Option<Opening> {
        if key.accumulation != Accumulation::Period || key.from == key.month.first() {
            return None;
        }
        let day = key.from.midnight();
        let read_on = counted.map(Hour::next_midnight).filter(|end| *end > day);
        match (read_on, self.opening) {
            (Some(end), _) => Some(Opening::Before(end)),
            (None, Some(fixed)) if key.from == self.span.from => Some(Opening::Fixed(fixed)),
            (None, _) => (day > key.month.first()).then_some(Opening::Before(day)),
        }
    }

    pub(crate) fn counts(&self, key: &StreamKey) -> bool {
        self.entitlement == key.entitlement
            && self.accumulation == key.accumulation
            && self.customer == key.customer
            && self.metric == key.metric
            && self.group == key.group
    }
}
