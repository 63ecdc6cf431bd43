//! Which streams of amounts a book counts: the configuration held against the book and the counters' owners.

use std::collections::{BTreeMap, BTreeSet};

use rust_decimal::Decimal;

use super::{Amount, AmountKey, AmountSource, AmountToRead, Beginning, Share, USD};
use crate::plan::Run;
use crate::span::{self, Opened};
use crate::wanted::Wanted;
use crate::{Book, Counter, Hour, Owner};

impl Wanted {
    fn amount(&self, key: &AmountKey, amount: &Amount) -> Option<&AmountSource> {
        self.amounts.iter().find(|source| source.counts(key, amount))
    }

    /// Whether a stream that is not wanted is this configuration's to end.
    fn ends_amount(&self, amount: &Amount) -> bool {
        amount.connection == self.connection
            || self.gone.contains(&amount.connection)
            || self.amounts.iter().any(|source| source.meets(amount))
    }
}

impl AmountSource {
    pub(crate) fn counts(&self, key: &AmountKey, amount: &Amount) -> bool {
        self.entitlement == key.entitlement
            && self.scheduled == amount.scheduled
            && self.shares.keys().eq(amount.shares.keys())
    }

    /// The stream as it would begin, as far as a name for it is wanted.
    pub(crate) fn key_at(&self) -> AmountKey {
        AmountKey {
            entitlement: self.entitlement,
            currency: USD.to_owned(),
            from: self.shares.values().min().copied().unwrap_or(self.until),
        }
    }

    fn meets(&self, amount: &Amount) -> bool {
        self.shares.keys().any(|share| amount.shares.contains_key(share))
    }
}

/// The streams of amounts to read for this book.
#[must_use]
pub fn to_read(
    book: &Book,
    owners: &BTreeMap<Counter, Owner>,
    wanted: &Wanted,
    run: &Run,
) -> Vec<AmountToRead> {
    let opened = span::open(book, owners, wanted, run, usize::MAX);
    let read = opened.book.amounts.iter().map(|(key, amount)| {
        let through = run.closed(&opened.book, key.entitlement).min(amount.until);
        let unknown = amount.shares.iter().filter(|(_, begins)| begins.before.is_none());
        AmountToRead {
            key: key.clone(),
            shares: amount.shares.keys().cloned().collect(),
            scheduled: amount.scheduled,
            through,
            cut: amount.ended,
            before: unknown
                .map(|(share, begins)| (share.clone(), begins.since))
                .collect(),
            closed: amount.closed.clone(),
            fresh: amount.ended || run.hour().of_day() == 0,
            passed: amount.passed.clone(),
        }
    });
    read.filter(|read| read.cut || read.through > read.key.from)
        .collect()
}

impl Opened {
    /// Follows the configuration on every stream of amounts: one that is still wanted takes its end and its conversion from there,
    /// one that is not is ended at the hour from which the change holds. What a deleted connection has left is handed on as it was
    /// claimed, for nobody reads it any more; what was never claimed is given up.
    pub(crate) fn end_amounts(&mut self, wanted: &Wanted, run: &Run) {
        for (key, mut amount) in std::mem::take(&mut self.book.amounts) {
            let claimed = amount.claimed.unwrap_or(key.from);
            // What lies between a deleted connection's last claim and the beginning that this one wants is nobody's.
            let gone = wanted.gone.contains(&amount.connection);
            let goes_on =
                |source: &&AmountSource| !gone || source.shares.values().all(|since| *since <= claimed);
            if let Some(source) = wanted.amount(&key, &amount).filter(goes_on) {
                amount.target.clone_from(&source.target);
                amount.connection.clone_from(&wanted.connection);
                if !amount.ended {
                    amount.until = source.until.max(claimed);
                    amount.ended = amount.until <= run.closed(&self.book, key.entitlement);
                }
            } else if wanted.ends_amount(&amount) && !amount.ended {
                if gone || amount.claimed.is_none() {
                    amount.until = amount.until.min(claimed);
                    if self.give_up(wanted, &amount) {
                        continue;
                    }
                } else {
                    amount.until = amount.until.min(wanted.effective.max(claimed));
                    amount.ended = true;
                }
            }
            self.book.amounts.insert(key, amount);
        }
    }

    /// Gives a stream's shares up to whoever counts them next. Answers whether this claim has room for it.
    pub(crate) fn give_up(&mut self, wanted: &Wanted, amount: &Amount) -> bool {
        let shares = amount.shares.keys();
        let counters: BTreeMap<Counter, &Share> = shares
            .map(|share| (share.counter(&wanted.account), share))
            .collect();
        // All of them in one claim, or none: what is counted half here and half there would be billed twice.
        if !self.may_change_all(counters.keys()) {
            return false;
        }
        let identity = self.book.destination.identity.clone();
        for (counter, share) in counters {
            let owner = self.owners.entry(counter).or_default();
            if owner.book.as_ref().is_some_and(|book| *book != identity) {
                continue;
            }
            owner.book = None;
            // Of one that was never read nothing is known: it begins anew where this one has begun.
            let begun = amount
                .shares
                .get(share)
                .is_some_and(|begins| begins.before.is_some());
            if let Some(mark) = amount.marks.get(share).filter(|_| begun) {
                owner.counted(amount.until);
                owner.amount = Some(*mark);
                owner.scheduled = amount.scheduled;
            }
        }
        true
    }

    fn may_change_all<'c>(&mut self, mut counters: impl Iterator<Item = &'c Counter>) -> bool {
        counters.all(|counter| self.may_change(counter))
    }

    /// Begins the streams of amounts that the configuration wants and nobody counts.
    pub(crate) fn begin_amounts(&mut self, wanted: &Wanted, run: &Run) {
        for source in &wanted.amounts {
            let mut open = self.book.amounts.iter();
            if source.target.is_none()
                || open.any(|(key, amount)| source.counts(key, amount) && !amount.ended)
            {
                continue;
            }
            // Ours still, until it has been read to its end and handed on.
            if self.book.amounts.values().any(|amount| source.meets(amount)) {
                continue;
            }
            // Nothing of it is closed yet, or all of it was counted.
            let Some((shares, from)) = self.beginnings(wanted, source, run) else {
                continue;
            };
            match self.other_book(wanted, source) {
                Some(other) => self.amounts_elsewhere.push((source.clone(), other)),
                None => self.begin_amount(wanted, source, run, shares, from),
            }
        }
    }

    /// The book that counts a share of the source now, if it is not this one.
    fn other_book(&self, wanted: &Wanted, source: &AmountSource) -> Option<String> {
        let counters = source
            .shares
            .keys()
            .flat_map(|share| share.counters(&wanted.account));
        let identity = &self.book.destination.identity;
        let mut books = counters.filter_map(|counter| self.owners.get(&counter)?.book.as_ref());
        books.find(|book| *book != identity).map(ToString::to_string)
    }

    /// Where the shares of a source begin, and the stream with them, if there is anything to count.
    fn beginnings(
        &self,
        wanted: &Wanted,
        source: &AmountSource,
        run: &Run,
    ) -> Option<(BTreeMap<Share, Beginning>, Hour)> {
        let closed = run.closed(&self.book, source.entitlement);
        let shares: BTreeMap<Share, Beginning> = source
            .shares
            .iter()
            .map(|(share, since)| (share.clone(), self.beginning(wanted, source, share, *since)))
            .collect();
        let handed = shares.values().filter(|begins| begins.before.is_some());
        let from = handed.map(|begins| begins.since).max();
        let from = from.or_else(|| shares.values().map(|begins| begins.since).min())?;
        // One that ended before it was ever counted is counted for as long as its usage may come late.
        let late = source.until.plus(24 * (i64::from(wanted.open_days) + 1));
        (from < closed.min(source.until) && closed < late).then_some((shares, from))
    }

    fn begin_amount(
        &mut self,
        wanted: &Wanted,
        source: &AmountSource,
        run: &Run,
        shares: BTreeMap<Share, Beginning>,
        from: Hour,
    ) {
        let counters: BTreeSet<Counter> = shares
            .keys()
            .map(|share| share.counter(&wanted.account))
            .collect();
        if !self.may_change_all(counters.iter()) {
            return;
        }
        let identity = self.book.destination.identity.clone();
        for counter in counters {
            self.owners.entry(counter).or_default().book = Some(identity.clone());
        }
        // One that begins later than it was counted to is billed for nothing below that all the same.
        let known = shares.iter().filter_map(|(share, begins)| {
            let counted = || self.counted_to(wanted, source, share);
            Some((share.clone(), begins.before.or_else(counted)?))
        });
        let marks: BTreeMap<Share, Decimal> = known.collect();
        let key = AmountKey {
            entitlement: source.entitlement,
            currency: USD.to_owned(),
            from,
        };
        let amount = Amount {
            ended: source.until <= run.closed(&self.book, source.entitlement),
            ..Amount::new(&wanted.connection, source, shares, marks)
        };
        self.book.amounts.insert(key, amount);
    }

    /// Where a share's counting begins: where the one before has left it, with what that was claimed to; else at its own hour, and
    /// what lies before must be read.
    fn beginning(&self, wanted: &Wanted, source: &AmountSource, share: &Share, since: Hour) -> Beginning {
        let counters = share.counters(&wanted.account);
        let owners = counters.iter().filter_map(|counter| self.owners.get(counter));
        let Some(until) = owners.filter_map(|owner| owner.counted_until).max() else {
            return Beginning { since, before: None };
        };
        let own = self.owners.get(&share.counter(&wanted.account));
        let last = own.is_some_and(|owner| owner.counted_until == Some(until));
        Beginning {
            since: since.max(until),
            before: self
                .counted_to(wanted, source, share)
                .filter(|_| last && since <= until),
        }
    }

    /// To how many dollars a share was counted before, of the same kinds of invoices.
    fn counted_to(&self, wanted: &Wanted, source: &AmountSource, share: &Share) -> Option<Decimal> {
        let own = self.owners.get(&share.counter(&wanted.account));
        let alike = own.filter(|owner| owner.scheduled == source.scheduled);
        alike.and_then(|owner| owner.amount)
    }
}
