//! Claim: a plan becomes facts by one conditional write.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering;

use billing::{
    AmountKey, AmountNote, Counter, Fraction, Hold, Owner, Plan, Readings, Record, Wanted, book::SIZE_MAX,
};
use platform::{Fault, FaultKind};
use store::{Change, Standing, WriteError};

use crate::books::{CONFLICTS_MAX, Volume};
use crate::meter::{Owners, plain};
use crate::run::Conduct;
use crate::summary::{HeldSummary, NoteSummary};

/// Claims of one book in one run: spans of 40 counters each begin or end at once, and no book has more than a few hundred.
const CLAIMS_MAX: usize = 16;

impl Conduct<'_> {
    /// Plans a book and claims what comes of it, anew on a book that somebody else has changed meanwhile, and once more where
    /// one write could not hold it all.
    pub(crate) async fn claim(
        &self,
        volume: &mut Volume,
        wanted: &Wanted,
        mut owners: Owners,
        readings: &Readings,
    ) -> Vec<Record> {
        let mut claimed = Vec::new();
        if self.order.dry_run {
            self.rehearse(volume, wanted, plain(&owners), readings);
            return claimed;
        }
        let (mut conflicts, mut claims) = (0, 0);
        loop {
            let rules = marketplace::rules(&volume.book.destination);
            let plan = billing::plan(
                &volume.book,
                &plain(&owners),
                wanted,
                readings,
                &rules,
                &self.moment(),
            );
            if let Some(fault) = full(volume, &plan) {
                self.hold_all(volume, readings);
                self.fault(fault);
                return claimed;
            }
            match self.write(volume, wanted, &plan, &owners).await {
                Ok(more) => {
                    claimed.extend(plan.records.iter().cloned());
                    plan.entries.iter().for_each(|entry| {
                        self.record(volume, &entry.record, Some(entry.outcome), entry.reason.clone());
                    });
                    let handed_on = plan
                        .owners
                        .iter()
                        .any(|(counter, owner)| counter.is_amounts() && owner.book.is_none());
                    self.handed_on.fetch_or(handed_on, Ordering::Relaxed);
                    claims += 1;
                    let last = !more || claims == CLAIMS_MAX;
                    self.say(volume, &plan, last);
                    if last {
                        return claimed;
                    }
                }
                Err(WriteError::Conflict(_)) if conflicts < CONFLICTS_MAX => conflicts += 1,
                Err(error) => {
                    self.fault(Fault::from(error).of(format!("buyer {}", volume.buyer)));
                    return claimed;
                }
            }
            let again = async {
                self.reread(volume).await?;
                self.owners(&owners.keys().cloned().collect()).await
            };
            match again.await {
                Ok(read) => owners = read,
                Err(fault) => {
                    self.fault(fault.of(format!("buyer {}", volume.buyer)));
                    return claimed;
                }
            }
        }
    }

    /// Claims records for what a book owes, where its streams cannot be read: what was refused before does not wait for Metronome.
    pub(crate) async fn claim_owed(&self, volume: &mut Volume) -> Vec<Record> {
        let rules = marketplace::rules(&volume.book.destination);
        for _ in 0..CONFLICTS_MAX {
            let plan = billing::place_owed(&volume.book, &rules, &self.moment());
            if plan.records.is_empty() || self.order.dry_run {
                return Vec::new();
            }
            let writer = self.writer();
            let change = Change::new(
                &plan.book,
                volume.version,
                &writer,
                self.deps.clock.now(),
                &self.connection.id,
                &volume.buyer,
            );
            match self.deps.store.write(&change).await {
                Ok(version) => {
                    volume.book = plan.book;
                    volume.version = Some(version);
                    return plan.records;
                }
                Err(WriteError::Conflict(_)) => {
                    if let Err(fault) = self.reread(volume).await {
                        self.fault(fault.of(format!("buyer {}", volume.buyer)));
                        return Vec::new();
                    }
                }
                Err(error) => {
                    self.fault(Fault::from(error).of(format!("buyer {}", volume.buyer)));
                    return Vec::new();
                }
            }
        }
        Vec::new()
    }

    /// What [`Self::claim`] would claim, without a trace.
    fn rehearse(
        &self,
        volume: &Volume,
        wanted: &Wanted,
        mut owners: BTreeMap<Counter, Owner>,
        readings: &Readings,
    ) {
        let rules = marketplace::rules(&volume.book.destination);
        let mut book = volume.book.clone();
        for left in (0..CLAIMS_MAX).rev() {
            let plan = billing::plan(&book, &owners, wanted, readings, &rules, &self.moment());
            let last = !plan.more || left == 0;
            self.say(volume, &plan, last);
            plan.records
                .iter()
                .for_each(|record| self.planned(volume, record));
            if last {
                return;
            }
            owners.extend(plan.owners);
            book = plan.book;
        }
    }

    /// Writes a plan, if it changes anything. Answers whether there is more to claim.
    async fn write(
        &self,
        volume: &mut Volume,
        wanted: &Wanted,
        plan: &Plan,
        owners: &Owners,
    ) -> Result<bool, WriteError> {
        let standing = standing(wanted, plan);
        let changed = plan.book != volume.book || !plan.owners.is_empty();
        let registers = volume.standing != Some(standing) && (volume.version.is_some() || changed);
        if !changed && !registers {
            return Ok(false);
        }
        let expected: Vec<_> = plan
            .owners
            .iter()
            .map(|(counter, owner)| {
                (
                    counter.clone(),
                    owner.clone(),
                    owners
                        .get(counter)
                        .map(|(_, version)| *version)
                        .filter(|version| *version > 0),
                )
            })
            .collect();
        let writer = self.writer();
        let now = self.deps.clock.now();
        let mut change = Change::new(
            &plan.book,
            volume.version,
            &writer,
            now,
            &self.connection.id,
            &volume.buyer,
        );
        change.entries = &plan.entries;
        change.owners = &expected;
        change.register = registers.then_some(standing);
        let version = self.deps.store.write(&change).await?;
        volume.book = plan.book.clone();
        volume.version = Some(version);
        volume.standing = Some(standing);
        Ok(plan.more)
    }

    /// Says what waits. Before the last claim that is only what lapsed with it: the rest waits still, and is said then.
    fn say(&self, volume: &Volume, plan: &Plan, last: bool) {
        let said = |held: &&billing::Held| last || matches!(held.hold, Hold::Lapsed(_) | Hold::GivenUp(_));
        for held in plan.held.iter().filter(said) {
            let entitlement = plan.book.entitlements.get(&held.stream.entitlement);
            let buyer = entitlement.map_or(&volume.buyer, |entitlement| &entitlement.buyer);
            self.held(buyer, held.into());
        }
        let buyer = |key: &AmountKey| {
            let entitlement = plan.book.entitlements.get(&key.entitlement);
            entitlement.map_or(&volume.buyer, |entitlement| &entitlement.buyer)
        };
        let said = |held: &&billing::HeldAmount| last || matches!(held.hold, Hold::Lapsed(_));
        for held in plan.held_amounts.iter().filter(said) {
            self.held(buyer(&held.stream), held.into());
        }
        // A late amount is said with the claim that placed it; what is suspended, once.
        let said = |note: &AmountNote| last || matches!(note, AmountNote::Late { .. });
        for (stream, note) in plan.notes.iter().filter(|(_, note)| said(note)) {
            self.noted(buyer(stream), NoteSummary::new(stream, note));
        }
    }

    fn hold_all(&self, volume: &Volume, readings: &Readings) {
        let streams = readings.streams.keys().map(ToString::to_string);
        for stream in streams.chain(readings.amounts.keys().map(ToString::to_string)) {
            let held = HeldSummary {
                stream,
                growth: None,
                reason: Hold::Full.to_string(),
            };
            self.held(&volume.buyer, held);
        }
    }
}

/// Whether the next runs visit the book: as long as the configuration names it, or something in it may still move.
fn standing(wanted: &Wanted, plan: &Plan) -> Standing {
    let book = &plan.book;
    let owes = book.meters.values().any(|meter| meter.owed >= Fraction::one());
    if wanted.terms.is_empty()
        && book.streams.is_empty()
        && book.amounts.is_empty()
        && book.in_flight.is_empty()
        && !owes
    {
        Standing::Drained
    } else {
        Standing::Open
    }
}

/// A book that would grow beyond what can always be settled.
fn full(volume: &Volume, plan: &Plan) -> Option<Fault> {
    let size = |book: &billing::Book| serde_json::to_string(book).map_or(usize::MAX, |text| text.len());
    let after = size(&plan.book);
    (after > SIZE_MAX && after > size(&volume.book)).then(|| {
        Fault::new(
            FaultKind::Misconfigured,
            format!(
                "buyer {}: the book {} is near DynamoDB's item limit ({after} bytes): it claims nothing more, and its usage waits in Metronome",
                volume.buyer,
                volume.identity()
            ),
        )
    })
}
