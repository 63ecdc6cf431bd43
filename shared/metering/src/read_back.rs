//! Reading back: where a record's answer was lost and its window has closed, a marketplace that tells what it holds is asked.
//! Microsoft's does, by day, resource and dimension.

use std::collections::{BTreeMap, BTreeSet};

use billing::{Found, Identity, Outcome, Record, weigh};
use chrono::{DateTime, Days, NaiveDate, NaiveTime, Utc};
use marketplace::azure::Asked;
use platform::Fault;
use rust_decimal::Decimal;

use crate::books::Volume;
use crate::run::Conduct;

/// One dimension's records of one day.
type Day = (String, NaiveDate);

/// What is known of a day.
#[derive(Debug, Default)]
struct Known {
    /// The sum of what was delivered.
    delivered: Decimal,
    /// Records that wait for a person.
    parked: Vec<Decimal>,
}

impl Conduct<'_> {
    /// What the marketplace holds of a book's records whose fate nobody else can tell.
    pub(crate) async fn read_back(&self, volume: &Volume) -> Vec<(String, Found)> {
        let rules = marketplace::rules(&volume.book.destination);
        let lost = billing::to_read_back(&volume.book, &rules, self.deps.clock.now());
        let Identity::Azure { resource_id } = volume.identity() else {
            return Vec::new();
        };
        let mut days: BTreeMap<Day, Vec<&Record>> = BTreeMap::new();
        for record in &lost {
            days.entry(day(record)).or_default().push(record);
        }
        // A day of which something else is still under way is asked for later: its sum is not yet known.
        let waits: BTreeSet<Day> = volume
            .book
            .in_flight
            .iter()
            .filter(|flight| !lost.contains(&flight.record))
            .map(|flight| day(&flight.record))
            .collect();
        days.retain(|day, _| !waits.contains(day));
        if days.is_empty() {
            return Vec::new();
        }
        let known = match self.known(volume.identity(), &days).await {
            Ok(known) => known,
            Err(fault) => {
                self.fault(fault.of(format!("buyer {}", volume.buyer)));
                return Vec::new();
            }
        };
        let asked = |(dimension, day): &Day| Asked {
            resource_id: resource_id.clone(),
            dimension: dimension.clone(),
            day: *day,
        };
        let (held, faults) = self
            .sinks
            .azure
            .holds(&days.keys().map(asked).collect::<Vec<_>>())
            .await;
        faults.into_iter().for_each(|fault| self.fault(fault));
        let mut found = Vec::new();
        for (day, records) in &days {
            let Some(held) = held.get(&asked(day)) else {
                continue;
            };
            let nothing = Known::default();
            let known = known.get(day).unwrap_or(&nothing);
            let quantities: Vec<Decimal> = records.iter().map(|record| record.quantity).collect();
            let judged = weigh(held.quantity, known.delivered, &quantities, &known.parked);
            found.extend(records.iter().map(|record| record.id.clone()).zip(judged));
        }
        found
    }

    /// What the audit trail says of these days.
    async fn known(
        &self,
        identity: &Identity,
        days: &BTreeMap<Day, Vec<&Record>>,
    ) -> Result<BTreeMap<Day, Known>, Fault> {
        let dates: BTreeSet<NaiveDate> = days.keys().map(|(_, date)| *date).collect();
        let mut known: BTreeMap<Day, Known> = BTreeMap::new();
        for date in dates {
            let (from, to) = (midnight(date), midnight(date) + Days::new(1));
            let entries = self
                .deps
                .store
                .records(identity, from, to)
                .await
                .map_err(Fault::from)?;
            // The last word on each record is what became of it.
            let mut last: BTreeMap<String, (Record, Outcome)> = BTreeMap::new();
            for entry in entries {
                let entry = entry.map_err(Fault::from)?.entry;
                last.insert(entry.record.id.clone(), (entry.record, entry.outcome));
            }
            for (record, outcome) in last.into_values() {
                let known = known.entry(day(&record)).or_default();
                match outcome {
                    Outcome::Delivered | Outcome::DeliveredUnproven => known.delivered += record.quantity,
                    Outcome::Parked => known.parked.push(record.quantity),
                    Outcome::Returned | Outcome::WrittenOff => {}
                }
            }
        }
        Ok(known)
    }
}

fn day(record: &Record) -> Day {
    (record.meter.dimension.clone(), record.timestamp.date_naive())
}

fn midnight(date: NaiveDate) -> DateTime<Utc> {
    date.and_time(NaiveTime::MIN).and_utc()
}
