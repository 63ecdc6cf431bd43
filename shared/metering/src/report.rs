//! What a connection's run has to say, noted as it goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::PoisonError;

use billing::{Fraction, Outcome, Record};
use chrono::{DateTime, Utc};
use platform::Fault;
use platform::text::printable;

use crate::books::Volume;
use crate::run::Conduct;
use crate::summary::{BuyerSummary, HeldSummary, NoteSummary, RecordSummary, fault_of};

/// What a connection's run has to say.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) buyers: BTreeMap<String, BuyerSummary>,
    pub(crate) faults: Vec<Fault>,
    pub(crate) failed: bool,
}

impl Conduct<'_> {
    fn with(&self, note: impl FnOnce(&mut Report)) {
        note(&mut self.report.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Notes a failure beside which the rest goes on.
    pub(crate) fn fault(&self, fault: Fault) {
        // Names from the table stand in the words.
        let fault = Fault::new(fault.kind, printable(&fault.message));
        tracing::warn!(connection = self.connection.id, kind = %fault.kind, reason = fault.message, "failed");
        self.with(|report| {
            if !report.faults.contains(&fault) {
                report.faults.push(fault);
            }
        });
    }

    /// Notes a failure after which nothing could be metered.
    pub(crate) fn failed(&self, fault: Fault) {
        self.fault(fault);
        self.with(|report| report.failed = true);
    }

    /// Notes what became of a record; `None`: it is still in flight.
    pub(crate) fn record(
        &self,
        volume: &Volume,
        record: &Record,
        outcome: Option<Outcome>,
        reason: Option<String>,
    ) {
        let marketplace = volume.identity().marketplace();
        let word = outcome.map_or("in_flight", Outcome::word);
        let summary = RecordSummary::new(marketplace, record, word, reason.clone());
        let buyer = volume.buyer_of(record);
        let what = format!(
            "buyer {buyer}: record {} ({} {} at {})",
            record.id,
            record.quantity,
            record.meter.dimension,
            record.hour()
        );
        if let Some(fault) = fault_of(outcome, &what) {
            let reason = reason.map_or_else(String::new, |reason| format!(" ({reason})"));
            self.fault(Fault::new(fault.kind, format!("{}{reason}", fault.message)));
        }
        self.buyer(&buyer, |summaries| summaries.records.push(summary));
    }

    pub(crate) fn planned(&self, volume: &Volume, record: &Record) {
        let summary = RecordSummary::new(volume.identity().marketplace(), record, "planned", None);
        self.buyer(&volume.buyer_of(record), |summaries| {
            summaries.records.push(summary)
        });
    }

    pub(crate) fn held(&self, buyer: &str, held: HeldSummary) {
        self.buyer(buyer, |summary| summary.held.push(held));
    }

    pub(crate) fn noted(&self, buyer: &str, note: NoteSummary) {
        self.buyer(buyer, |summary| summary.notes.push(note));
    }

    pub(crate) fn owed(&self, volume: &Volume) {
        for (key, meter) in &volume.book.meters {
            let entitlement = volume.book.entitlements.get(&key.entitlement);
            let buyer = entitlement.map_or(&volume.buyer, |entitlement| &entitlement.buyer);
            self.buyer(buyer, |summary| {
                let owed = summary
                    .owed
                    .entry(key.dimension.clone())
                    .or_insert_with(Fraction::zero);
                *owed += &meter.owed;
            });
        }
    }

    fn buyer(&self, id: &str, note: impl FnOnce(&mut BuyerSummary)) {
        self.with(|report| {
            let summary = report
                .buyers
                .entry(id.to_owned())
                .or_insert_with(|| BuyerSummary {
                    buyer: id.to_owned(),
                    ..BuyerSummary::default()
                });
            note(summary);
        });
    }

    /// Keeps what the run said, for `status`. A run that was done and could not be noted is still done.
    pub(crate) async fn keep(&self, started: DateTime<Utc>) {
        let summary = self
            .report
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .outline();
        let run = store::Run {
            connection: self.connection.id.clone(),
            job: self.order.job.to_owned(),
            at: self.order.at,
            started,
            summary,
        };
        if let Err(error) = self.deps.store.put_run(&run).await {
            self.fault(error.into());
        }
    }
}

impl Report {
    /// What `status` wants of a run, whatever its size: counts, what failed, and what waits.
    fn outline(&self) -> serde_json::Value {
        let mut outcomes: BTreeMap<&str, usize> = BTreeMap::new();
        for record in self.buyers.values().flat_map(|buyer| &buyer.records) {
            *outcomes.entry(record.outcome).or_default() += 1;
        }
        let held: Vec<_> = self.buyers.values().flat_map(|buyer| &buyer.held).collect();
        let notes: Vec<_> = self.buyers.values().flat_map(|buyer| &buyer.notes).collect();
        // The first hundred name what waits; the number says how many more there are.
        serde_json::json!({
            "failed": self.failed,
            "error": words(&self.faults).map(|words| words.chars().take(4000).collect::<String>()),
            "records": outcomes,
            "held_count": held.len(),
            "held": held.into_iter().take(100).collect::<Vec<_>>(),
            "notes": notes.into_iter().take(100).collect::<Vec<_>>(),
        })
    }
}

/// What failed, each once.
pub(crate) fn words(faults: &[Fault]) -> Option<String> {
    let words: BTreeSet<&str> = faults.iter().map(|fault| fault.message.as_str()).collect();
    (!words.is_empty()).then(|| words.into_iter().collect::<Vec<_>>().join("; "))
}
