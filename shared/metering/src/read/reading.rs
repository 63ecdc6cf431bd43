//! A stream's reading: which parts it rests on, and what they come to (the design's "Readings").

use billing::{Accumulation, Base, Hour, Reading, Span, ToRead};
use rust_decimal::Decimal;

use super::rows::{Part, Rows};

/// How a stream is read in this run.
#[derive(Clone, Debug)]
pub(crate) struct Recipe {
    stream: ToRead,
    /// The last midnight not after the reading's end: where its base ends.
    midnight: Hour,
    /// The stored base serves.
    kept: Option<Base>,
}

/// What stands so far of a sum of hours.
struct Sum {
    value: Decimal,
    /// The last hour's value, where it is carried.
    last: Option<Decimal>,
    /// Hours before the first event, where it is carried.
    lead: Decimal,
}

impl Recipe {
    pub(crate) fn new(stream: &ToRead) -> Self {
        let midnight = stream.through.midnight();
        let kept = stream
            .base
            .clone()
            .filter(|base| base.end == midnight && !stream.fresh);
        Self {
            stream: stream.clone(),
            midnight,
            kept,
        }
    }

    /// What must be read.
    pub(crate) fn parts(&self) -> Vec<Part> {
        if self.stream.key.accumulation == Accumulation::Period {
            return self.whole().into_iter().chain(self.before()).collect();
        }
        [self.head(), self.body(), self.tail()]
            .into_iter()
            .flatten()
            .collect()
    }

    /// What the parts come to.
    ///
    /// # Errors
    /// Why the stream cannot be read in this run.
    pub(crate) fn reading(
        &self,
        rows: impl Fn(&Part) -> Result<Rows, String> + Copy,
    ) -> Result<Reading, String> {
        let through = self.stream.through;
        if self.stream.key.accumulation == Accumulation::Period {
            if self.stream.opening.is_some_and(|midnight| through < midnight) {
                return Err("a period is told by whole days: it counts from the next midnight on".to_owned());
            }
            let value = self
                .whole()
                .map(|part| rows(&part))
                .transpose()?
                .unwrap_or_default();
            let opening = self.before().map(|part| rows(&part)).transpose()?;
            return Ok(Reading {
                through,
                value: value.into_values().next(),
                base: None,
                fresh: true,
                opening: opening.map(|rows| rows.into_values().next().unwrap_or_default()),
                carried: None,
            });
        }
        let from = self.stream.key.from;
        let base = match &self.kept {
            Some(base) => Some(base.clone()),
            None if self.midnight > from => Some(self.base(&rows)?),
            None => None,
        };
        let rest = Span {
            from: from.max(self.midnight),
            until: through,
        };
        let tail = self
            .tail()
            .map(|part| rows(&part))
            .transpose()?
            .unwrap_or_default();
        let start = match &base {
            Some(base) => Sum {
                value: base.value,
                last: base.last,
                lead: base.lead,
            },
            None => self.start(&tail),
        };
        let sum = self.sum(start, &tail, rest)?;
        Ok(Reading {
            through,
            value: Some(sum.value),
            base,
            fresh: self.kept.is_none(),
            opening: None,
            carried: self.carried().then_some((sum.last, sum.lead)),
        })
    }

    /// The base, read afresh.
    fn base(&self, rows: &impl Fn(&Part) -> Result<Rows, String>) -> Result<Base, String> {
        let from = self.stream.key.from;
        let head = self
            .head()
            .map(|part| rows(&part))
            .transpose()?
            .unwrap_or_default();
        let until = if self.additive() {
            from.next_midnight().min(self.midnight)
        } else {
            self.midnight
        };
        let mut sum = self.sum(self.start(&head), &head, Span { from, until })?;
        if let Some(part) = self.body() {
            for amount in rows(&part)?.into_values() {
                sum.value = add(sum.value, amount)?;
            }
        }
        Ok(Base {
            end: self.midnight,
            value: sum.value,
            last: sum.last,
            lead: sum.lead,
        })
    }

    /// Nothing yet; for a LATEST metric that is carried, with the last value of the same day before the span.
    fn start(&self, rows: &Rows) -> Sum {
        let before = rows
            .range(..self.stream.key.from)
            .next_back()
            .map(|(_, value)| *value);
        Sum {
            value: Decimal::ZERO,
            last: before.filter(|_| self.carried()),
            lead: Decimal::ZERO,
        }
    }

    /// Adds the hours of `span` to what stands so far, carrying the last value over hours without an event where asked to.
    fn sum(&self, mut sum: Sum, rows: &Rows, span: Span) -> Result<Sum, String> {
        if !self.carried() {
            for (_, amount) in rows.iter().filter(|(hour, _)| span.holds(**hour)) {
                sum.value = add(sum.value, *amount)?;
            }
            return Ok(sum);
        }
        let mut hour = span.from;
        // At most the hours of a month.
        while hour < span.until {
            sum.last = rows.get(&hour).copied().or(sum.last);
            match sum.last {
                Some(last) => sum.value = add(sum.value, last)?,
                None => sum.lead = add(sum.lead, Decimal::ONE)?,
            }
            hour = hour.next();
        }
        Ok(sum)
    }

    /// Hours of the base: for what adds up, those of a first day that the span cuts; else all of them.
    fn head(&self) -> Option<Part> {
        let from = self.stream.key.from;
        let wanted = self.kept.is_none() && self.midnight > from;
        if self.additive() {
            let cut = from != from.midnight();
            (wanted && cut).then(|| self.part(true, from.midnight(), from.next_midnight()))
        } else {
            wanted.then(|| self.part(true, from.midnight(), self.midnight))
        }
    }

    /// The whole days of the base, as one value.
    fn body(&self) -> Option<Part> {
        let first = self.stream.key.from.next_midnight();
        (self.additive() && self.kept.is_none() && first < self.midnight)
            .then(|| self.part(false, first, self.midnight))
    }

    /// The hours after the base.
    fn tail(&self) -> Option<Part> {
        let through = self.stream.through;
        (through > self.midnight).then(|| self.part(true, self.midnight, through.next_midnight()))
    }

    /// The period as one value, the hour in progress included, as far as the stream goes.
    fn whole(&self) -> Option<Part> {
        let first = self.stream.key.month.first();
        let until = self
            .stream
            .through
            .next()
            .next_midnight()
            .min(self.stream.until.next_midnight());
        (first < until).then(|| self.part(false, first, until))
    }

    /// The period's part before the span.
    fn before(&self) -> Option<Part> {
        let until = self.stream.opening?;
        Some(self.part(false, self.stream.key.month.first(), until))
    }

    fn part(&self, hourly: bool, from: Hour, until: Hour) -> Part {
        let key = &self.stream.key;
        Part {
            hourly,
            from,
            until,
            customer: key.customer.clone(),
            metric: key.metric.clone(),
            group: key.group.clone(),
        }
    }

    fn additive(&self) -> bool {
        self.stream.key.accumulation == Accumulation::Sum
    }

    fn carried(&self) -> bool {
        self.stream.key.accumulation == Accumulation::HoursCarried
    }
}

/// A sum with all its digits.
///
/// # Errors
/// Where an exact decimal cannot hold it.
pub(crate) fn add(sum: Decimal, amount: Decimal) -> Result<Decimal, String> {
    let total = sum
        .checked_add(amount)
        .ok_or("its usage is larger than an exact decimal holds")?;
    // An addition that had to drop digits would not take the amount out again.
    if total.checked_sub(amount) == Some(sum) {
        Ok(total)
    } else {
        Err("its usage has more digits than an exact decimal holds".to_owned())
    }
}
