//! The rules of a report: those that refuse it whole, and those that each operation keeps for itself.
//!
//! <https://cloud.google.com/service-infrastructure/docs/service-control/reference/rest/v1/services/report> and
//! <https://cloud.google.com/marketplace/docs/partners/integrated-saas/configure-usage-reports> (2026-11-20)

use std::collections::BTreeSet;

use chrono::{DateTime, TimeDelta, Utc};

use super::Straddling;
use super::catalog::{Consumer, ManagedService, Standing};
use super::labels;
use super::pacific::Month;
use super::usage::{self, Metered, Usage};
use super::wire::{Labels, MetricValue, MetricValueSet, Operation, Timestamp};
use crate::gcp::Code;
use crate::gcp::refusal::Refusal;

/// The most resources of one operation.
const MAX_RESOURCES: usize = 100;

/// Why one operation is not recorded.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub code: i32,
    pub message: String,
}

impl Fault {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code: code.number(),
            message: message.into(),
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }
}

/// What refuses the request that `operation` came in, whatever the others in it are.
pub(super) fn well_formed(operation: &Operation) -> Result<(), Refusal> {
    // Without an id no error could be told of it.
    if operation.operation_id.as_deref().is_none_or(str::is_empty) {
        return Err(Refusal::invalid("an operation has no operation_id"));
    }
    let mut seen = BTreeSet::new();
    for set in operation.metric_value_sets.iter().flatten() {
        for value in set.metric_values.iter().flatten() {
            if value.kinds() > 1 {
                return Err(Refusal::invalid("a metric value has more than one value"));
            }
            let labels = merged(operation.labels.as_ref(), value.labels.as_ref());
            if !seen.insert((set.metric_name.as_deref(), labels)) {
                let message = "an operation has two values of one metric with the same labels";
                return Err(Refusal::invalid(message));
            }
        }
    }
    Ok(())
}

/// The rules of one operation, as they stand at one moment in one service.
pub(super) struct Rules<'a> {
    pub service_name: &'a str,
    pub service: &'a ManagedService,
    pub now: DateTime<Utc>,
    pub straddling: Straddling,
}

impl Rules<'_> {
    /// What `operation` reports, or why it is not recorded.
    pub(super) fn usage(&self, operation: &Operation) -> Result<Usage, Fault> {
        let operation_name = required("operation_name", operation.operation_name.as_deref())?;
        let consumer_id = required("consumer_id", operation.consumer_id.as_deref())?;
        let start_time = time("start_time", operation.start_time)?;
        let end_time = time("end_time", operation.end_time)?;
        if operation
            .resources
            .as_ref()
            .is_some_and(|all| all.len() > MAX_RESOURCES)
        {
            return Err(Fault::invalid("an operation has more than 100 resources"));
        }
        let consumer = self.consumer(consumer_id)?;
        self.window(consumer, start_time, end_time)?;
        let user_labels = operation.user_labels.clone().unwrap_or_default();
        labels::verify(&user_labels)?;

        let mut values = Vec::new();
        for set in operation.metric_value_sets.iter().flatten() {
            for metered in self.metered(operation, set, (start_time, end_time))? {
                self.window(consumer, metered.start_time, metered.end_time)?;
                values.push(metered);
            }
        }
        if values.is_empty() {
            return Err(Fault::invalid("an operation reports no value"));
        }
        Ok(Usage {
            operation_id: operation.operation_id.clone().unwrap_or_default(),
            operation_name: operation_name.to_owned(),
            consumer_id: consumer_id.to_owned(),
            start_time,
            end_time,
            user_labels,
            values,
        })
    }

    fn consumer(&self, id: &str) -> Result<&Consumer, Fault> {
        let absent = |message| Fault::new(Code::NotFound, message);
        let consumer = self
            .service
            .consumers
            .get(id)
            .ok_or_else(|| absent(format!("consumer '{id}' is not found")))?;
        if consumer.standing != Standing::Active {
            return Err(absent(format!("consumer '{id}' is not active")));
        }
        if consumer.is_closed(self.now) {
            return Err(absent(format!(
                "consumer '{id}' was cancelled more than an hour ago"
            )));
        }
        Ok(consumer)
    }

    /// That usage of this time can be taken now.
    fn window(&self, consumer: &Consumer, start: DateTime<Utc>, end: DateTime<Utc>) -> Result<(), Fault> {
        if end < start {
            return Err(Fault::invalid("end_time is before start_time"));
        }
        if end > self.now {
            return Err(Fault::invalid("end_time is in the future"));
        }
        if start < consumer.activated_at {
            return Err(Fault::invalid("start_time is before the activation"));
        }
        if !consumer.is_before_cancellation(start) {
            return Err(Fault::invalid("start_time is not before the cancellation"));
        }
        if self.straddling == Straddling::Refused {
            if !consumer.is_before_cancellation(end) {
                return Err(Fault::invalid("end_time is not before the cancellation"));
            }
            if Month::of(start) != Month::of(last_instant(start, end)) {
                return Err(Fault::invalid("the window is of two months of Pacific time"));
            }
        }
        Ok(())
    }

    fn metered(
        &self,
        operation: &Operation,
        set: &MetricValueSet,
        (start, end): (DateTime<Utc>, DateTime<Utc>),
    ) -> Result<Vec<Metered>, Fault> {
        let metric = required("metric_name", set.metric_name.as_deref())?;
        let of_service = metric
            .strip_prefix(self.service_name)
            .is_some_and(|rest| rest.starts_with('/'));
        if !of_service {
            let message = format!("metric '{metric}' is not named {}/…", self.service_name);
            return Err(Fault::invalid(message));
        }
        let defined = self
            .service
            .metrics
            .get(metric)
            .ok_or_else(|| Fault::new(Code::NotFound, format!("metric '{metric}' is not defined")))?;
        let metered = |sent: &MetricValue| {
            let start_time = sent.start_time.map_or(start, |time| time.0);
            let end_time = sent.end_time.map_or(end, |time| time.0);
            if start_time < start || end < end_time {
                return Err(Fault::invalid("a value's time is not within its operation's"));
            }
            Ok(Metered {
                metric: metric.to_owned(),
                labels: merged(operation.labels.as_ref(), sent.labels.as_ref()),
                start_time,
                end_time,
                value: usage::value(sent, defined)?,
            })
        };
        set.metric_values.iter().flatten().map(metered).collect()
    }
}

/// The last instant of a window, which is half open; an empty one has its start.
pub(super) fn last_instant(start: DateTime<Utc>, end: DateTime<Utc>) -> DateTime<Utc> {
    start.max(end - TimeDelta::nanoseconds(1))
}

/// The operation's labels, with the value's own over them.
fn merged(operation: Option<&Labels>, value: Option<&Labels>) -> Labels {
    let both = operation.into_iter().chain(value).flatten();
    both.map(|(key, value)| (key.clone(), value.clone())).collect()
}

fn required<'a>(field: &str, value: Option<&'a str>) -> Result<&'a str, Fault> {
    value
        .filter(|text| !text.is_empty())
        .ok_or_else(|| Fault::invalid(format!("{field} is required")))
}

fn time(field: &str, value: Option<Timestamp>) -> Result<DateTime<Utc>, Fault> {
    value
        .map(|time| time.0)
        .ok_or_else(|| Fault::invalid(format!("{field} is required")))
}
