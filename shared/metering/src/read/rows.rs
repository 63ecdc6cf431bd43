//! Rows of usage, as a reading wants them: keyed, never added up twice, and void where Metronome contradicts itself.

use std::collections::BTreeMap;

use billing::{Group, Hour};
use chrono::TimeDelta;
use metronome::{GroupedRow, UsageRow, Window};
use rust_decimal::Decimal;

/// What one request, or one of its pages, is about: the rows of a customer and metric (or of one group of it) in whole days.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Part {
    /// By the hour, or as one value.
    pub(crate) hourly: bool,
    /// A midnight.
    pub(crate) from: Hour,
    /// A later midnight.
    pub(crate) until: Hour,
    pub(crate) customer: String,
    pub(crate) metric: String,
    pub(crate) group: Group,
}

/// The rows of a part, by the hour at which each starts. A missing row and `null` both mean that no event matched.
pub(crate) type Rows = BTreeMap<Hour, Decimal>;

/// Collects a part's rows. The same row seen twice counts once; seen with two values it voids the part.
pub(crate) struct Collector<'a> {
    part: &'a Part,
    seen: BTreeMap<Hour, Option<Decimal>>,
    void: Option<String>,
}

impl<'a> Collector<'a> {
    pub(crate) fn new(part: &'a Part) -> Self {
        Self {
            part,
            seen: BTreeMap::new(),
            void: None,
        }
    }

    /// Takes a row of `/v1/usage`; rows of other customers, metrics and groups are passed over.
    pub(crate) fn usage(&mut self, row: &UsageRow) {
        if row.customer_id != self.part.customer || row.billable_metric_id != self.part.metric {
            return;
        }
        let value = match self.part.group.values().next() {
            None => row.value,
            Some(wanted) => match row.groups.as_ref().and_then(|groups| groups.get(wanted)) {
                Some(value) => *value,
                None => return,
            },
        };
        self.row(row.start, row.end, value);
    }

    /// Takes a row of `/v1/usage/groups`.
    pub(crate) fn grouped(&mut self, row: &GroupedRow) {
        let ours = self.part.group.iter().all(|(key, wanted)| {
            row.group
                .get(key)
                .is_some_and(|value| value.as_deref() == Some(wanted.as_str()))
        });
        if ours {
            self.row(row.start, row.end, row.value);
        }
    }

    fn row(
        &mut self,
        start: chrono::DateTime<chrono::Utc>,
        end: chrono::DateTime<chrono::Utc>,
        value: Option<Decimal>,
    ) {
        let hour = Hour::floor(start);
        let inside =
            start == hour.start() && start >= self.part.from.start() && end <= self.part.until.start();
        let shape = !self.part.hourly || end.signed_duration_since(start) == TimeDelta::hours(1);
        let whole = self.part.hourly || start == self.part.from.start();
        if !(inside && shape && whole) {
            self.void = Some(format!(
                "Metronome gave a row from {start} to {end}, which was not asked for"
            ));
            return;
        }
        if let Some(other) = self.seen.insert(hour, value)
            && other != value
        {
            self.void = Some(format!("Metronome gave two values for the hour {hour}"));
        }
    }

    /// The rows, or why they cannot be used.
    pub(crate) fn finish(self) -> Result<Rows, String> {
        match self.void {
            Some(reason) => Err(reason),
            None => Ok(self
                .seen
                .into_iter()
                .filter_map(|(hour, value)| value.map(|value| (hour, value)))
                .collect()),
        }
    }
}

impl Part {
    pub(crate) fn window(&self) -> Window {
        if self.hourly { Window::Hour } else { Window::None }
    }
}
