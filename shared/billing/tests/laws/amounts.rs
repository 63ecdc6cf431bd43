//! Amounts: one counter over all of a buyer's invoices, whatever becomes of any one of them.

use std::collections::{BTreeMap, BTreeSet};

use billing::amounts::to_read;
use billing::{
    AmountKey, AmountNote, AmountReading, AmountSource, Book, Counter, Hold, Hour, Identity, Owner, Plan,
    Readings, Run, Share, Target, Terms, Wanted, plan,
};
use proptest::prelude::*;
use rust_decimal::Decimal;

use crate::world::{ACCOUNT, at, aws, dec, frac, hour, licence, terms, wanted};

fn share(customer: &str) -> Share {
    Share {
        customer: customer.to_owned(),
        contract: None,
    }
}

/// Dollars at a cent a unit.
fn cents() -> Option<Target> {
    Some(Target {
        dimension: "cents".to_owned(),
        factor: frac("100"),
        hold_above: None,
    })
}

fn source(terms: &Terms, customers: &[&str]) -> AmountSource {
    AmountSource {
        entitlement: terms.key,
        shares: customers.iter().map(|one| (share(one), terms.from)).collect(),
        scheduled: false,
        until: terms.ends_at.map_or(Hour::NEVER, Hour::ceil),
        fixed: BTreeMap::new(),
        target: cents(),
    }
}

fn amounts(identity: &Identity, terms: &Terms, customers: &[&str]) -> Wanted {
    let source = source(terms, customers);
    let live = source.shares.keys().cloned().collect();
    Wanted {
        amounts: vec![source],
        followed: live,
        ..wanted(identity, std::slice::from_ref(terms), &[])
    }
}

/// Books and owners of a world in which every run reads what it is told.
struct Ledger {
    books: BTreeMap<Identity, Book>,
    owners: BTreeMap<Counter, Owner>,
    sent: Vec<(Identity, String, Decimal)>,
}

impl Ledger {
    fn new() -> Self {
        Self {
            books: BTreeMap::new(),
            owners: BTreeMap::new(),
            sent: Vec::new(),
        }
    }

    /// A run at `time` of one book, which reads these totals by customer and finds nothing before the span.
    fn run(&mut self, wanted: &Wanted, time: &str, totals: &[(&str, &str)]) -> Plan {
        self.run_before(wanted, time, totals, &[])
    }

    fn run_before(
        &mut self,
        wanted: &Wanted,
        time: &str,
        totals: &[(&str, &str)],
        before: &[(&str, &str)],
    ) -> Plan {
        let parts = |of: &[(&str, &str)]| -> BTreeMap<Share, Decimal> {
            of.iter()
                .map(|(customer, amount)| (share(customer), dec(amount)))
                .collect()
        };
        let (totals, before) = (parts(totals), parts(before));
        self.reads(wanted, time, |_| {
            Ok(AmountReading {
                totals: totals.clone(),
                before: before.clone(),
                ..AmountReading::default()
            })
        })
    }

    fn reads(
        &mut self,
        wanted: &Wanted,
        time: &str,
        read: impl Fn(&AmountKey) -> Result<AmountReading, String>,
    ) -> Plan {
        let run = Run {
            at: at(time),
            now: at(time),
            attempt: format!("run {time}"),
        };
        let identity = wanted.destination.identity.clone();
        let book = self.books.remove(&identity);
        let book = book.unwrap_or_else(|| Book::new(wanted.destination.clone()));
        let asked = to_read(&book, &self.owners, wanted, &run);
        let amounts = asked.iter().map(|one| {
            let reading = read(&one.key).map(|mut reading| {
                reading.totals.retain(|share, _| one.shares.contains(share));
                for share in one.before.keys() {
                    reading.before.entry(share.clone()).or_default();
                }
                reading
            });
            (one.key.clone(), reading)
        });
        let readings = Readings {
            amounts: amounts.collect(),
            ..Readings::default()
        };
        let planned = plan(&book, &self.owners, wanted, &readings, &aws(), &run);
        assert_eq!(planned.book.check(), Ok(()), "conservation");
        self.owners.extend(planned.owners.clone());
        self.sent.extend(
            planned
                .records
                .iter()
                .map(|record| (identity.clone(), record.hour().to_string(), record.quantity)),
        );
        // Everything is delivered before the next run.
        let mut book = planned.book.clone();
        for flight in std::mem::take(&mut book.in_flight) {
            let meter = book.meters.get_mut(&flight.record.meter).unwrap();
            meter.delivered += &flight.record.quantity.into();
        }
        self.books.insert(identity, book);
        planned
    }

    fn billed(&self) -> Decimal {
        self.sent.iter().map(|(_, _, quantity)| quantity).sum()
    }

    fn quantities(&self) -> Vec<String> {
        self.sent
            .iter()
            .map(|(_, _, quantity)| quantity.to_string())
            .collect()
    }
}

fn november(customers: &[&str]) -> (Identity, Terms, Wanted) {
    let (identity, terms) = (licence("l-1", "us-east-1"), terms("2026-11-01T00:00:00Z", None));
    let wanted = amounts(&identity, &terms, customers);
    (identity, terms, wanted)
}

#[test]
fn an_increase_makes_one_record_and_the_same_or_a_lower_total_makes_none() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    ledger.run(&wanted, "2026-11-20T10:00:00Z", &[("c1", "12.34")]);
    ledger.run(&wanted, "2026-11-20T11:00:00Z", &[("c1", "12.34")]);
    ledger.run(&wanted, "2026-11-20T12:00:00Z", &[("c1", "10")]);
    assert_eq!(ledger.quantities(), ["1234"]);
}

#[test]
fn a_credit_suspends_until_the_maximum_is_passed_and_says_how_much_that_is() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    ledger.run(&wanted, "2026-11-20T10:00:00Z", &[("c1", "100")]);
    let fallen = ledger.run(&wanted, "2026-11-20T11:00:00Z", &[("c1", "70")]);
    assert!(
        matches!(&fallen.notes[0].1, AmountNote::Suspended { to_pass, .. } if *to_pass == dec("30")),
        "{:?}",
        fallen.notes
    );
    ledger.run(&wanted, "2026-11-20T12:00:00Z", &[("c1", "99.99")]);
    let passed = ledger.run(&wanted, "2026-11-20T13:00:00Z", &[("c1", "100.05")]);
    assert_eq!(ledger.quantities(), ["10000", "5"]);
    assert_eq!(passed.notes, []);
}

#[test]
fn the_invoice_that_made_the_total_fall_is_named() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    let reading = |invoices: &[(&str, &str)]| {
        let invoices: BTreeMap<String, Decimal> = invoices
            .iter()
            .map(|(id, amount)| ((*id).to_owned(), dec(amount)))
            .collect();
        move |_: &AmountKey| {
            Ok(AmountReading {
                totals: [(share("c1"), invoices.values().sum())].into(),
                invoices: invoices.clone(),
                ..AmountReading::default()
            })
        }
    };
    ledger.reads(
        &wanted,
        "2026-11-20T10:00:00Z",
        reading(&[("i-1", "60"), ("i-2", "40")]),
    );
    let voided = ledger.reads(
        &wanted,
        "2026-11-20T11:00:00Z",
        reading(&[("i-1", "59"), ("i-3", "1")]),
    );
    let AmountNote::Suspended { cause, .. } = &voided.notes[0].1 else {
        panic!("{:?}", voided.notes)
    };
    assert_eq!(
        cause,
        "the invoice i-2 of $40 does not count any more: it was voided, replaced or merged"
    );
}

#[test]
fn what_lies_before_the_span_is_not_billed_and_is_read_once() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    ledger.run_before(
        &wanted,
        "2026-11-20T10:00:00Z",
        &[("c1", "500.25")],
        &[("c1", "400")],
    );
    let asked = to_read(
        ledger.books.values().next().unwrap(),
        &ledger.owners,
        &wanted,
        &Run {
            at: at("2026-11-20T11:00:00Z"),
            now: at("2026-11-20T11:00:00Z"),
            attempt: String::new(),
        },
    );
    assert_eq!(asked[0].before, BTreeMap::new());
    ledger.run(&wanted, "2026-11-20T11:00:00Z", &[("c1", "500.30")]);
    assert_eq!(ledger.quantities(), ["10025", "5"]);
}

#[test]
fn what_apply_fixed_before_the_span_is_never_undercut() {
    let (_, _, mut wanted) = november(&["c1"]);
    wanted.amounts[0].fixed = [(share("c1"), dec("410"))].into();
    let mut ledger = Ledger::new();
    ledger.run_before(
        &wanted,
        "2026-11-20T10:00:00Z",
        &[("c1", "412")],
        &[("c1", "400")],
    );
    assert_eq!(ledger.quantities(), ["200"]);
}

#[test]
fn a_renewal_under_another_licence_goes_on_from_what_was_claimed() {
    let old = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let new = terms("2026-11-20T10:00:00Z", None);
    let first = amounts(&licence("l-1", "us-east-1"), &old, &["c1"]);
    let second = amounts(&licence("l-2", "us-east-1"), &new, &["c1"]);
    let mut ledger = Ledger::new();
    ledger.run(&first, "2026-11-20T09:00:00Z", &[("c1", "90")]);
    // The new one waits for the old one to be read to its end.
    let waits = ledger.run(&second, "2026-11-20T11:00:00Z", &[("c1", "111")]);
    assert!(matches!(waits.held_amounts[0].hold, Hold::Elsewhere(_)));
    ledger.run(&first, "2026-11-20T11:00:00Z", &[("c1", "100")]);
    ledger.run(&second, "2026-11-20T11:00:00Z", &[("c1", "111")]);
    assert_eq!(ledger.quantities(), ["9000", "1000", "1100"]);
    assert_eq!(
        ledger.sent[2].1, "2026-11-20T10:00:00Z",
        "the new licence's own hour"
    );
}

#[test]
fn a_credit_outlives_a_renewal() {
    let old = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let new = terms("2026-11-20T10:00:00Z", None);
    let first = amounts(&licence("l-1", "us-east-1"), &old, &["c1"]);
    let second = amounts(&licence("l-2", "us-east-1"), &new, &["c1"]);
    let mut ledger = Ledger::new();
    ledger.run(&first, "2026-11-20T09:00:00Z", &[("c1", "90")]);
    ledger.run(&first, "2026-11-20T10:00:00Z", &[("c1", "40")]);
    ledger.run(&second, "2026-11-20T11:00:00Z", &[("c1", "80")]);
    ledger.run(&second, "2026-11-20T12:00:00Z", &[("c1", "91")]);
    assert_eq!(ledger.quantities(), ["9000", "100"]);
}

#[test]
fn a_customer_that_joins_brings_nothing_of_its_past_and_one_that_leaves_takes_its_part_along() {
    let (identity, terms, one) = november(&["c1"]);
    let mut two = amounts(&identity, &terms, &["c1", "c2"]);
    two.effective = hour("2026-11-20T11:00:00Z");
    let mut ledger = Ledger::new();
    ledger.run(&one, "2026-11-20T10:00:00Z", &[("c1", "10")]);
    // The old stream is read to its end, then the new one begins.
    ledger.run(&two, "2026-11-20T11:00:00Z", &[("c1", "11"), ("c2", "7")]);
    ledger.run_before(
        &two,
        "2026-11-20T12:00:00Z",
        &[("c1", "12"), ("c2", "9")],
        &[("c2", "7")],
    );
    assert_eq!(ledger.quantities(), ["1000", "100", "300"]);
    // c1 moves to another buyer.
    let other = licence("l-9", "us-east-1");
    let mut rest = amounts(&identity, &terms, &["c2"]);
    rest.effective = hour("2026-11-20T13:00:00Z");
    rest.followed.insert(share("c1"));
    let moved = amounts(&other, &terms, &["c1"]);
    ledger.run(&rest, "2026-11-20T13:00:00Z", &[("c1", "12"), ("c2", "9")]);
    ledger.run(&rest, "2026-11-20T14:00:00Z", &[("c2", "10")]);
    ledger.run(&moved, "2026-11-20T14:00:00Z", &[("c1", "15")]);
    assert_eq!(ledger.quantities(), ["1000", "100", "300", "100", "300"]);
}

#[test]
fn a_connection_deleted_and_applied_again_bills_nothing_again() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    ledger.run(&wanted, "2026-11-20T10:00:00Z", &[("c1", "10")]);
    let mut again = wanted.clone();
    again.connection = "acme again".to_owned();
    again.gone = BTreeSet::from(["acme".to_owned()]);
    ledger.run(&again, "2026-11-20T12:00:00Z", &[("c1", "12")]);
    ledger.run(&again, "2026-11-20T13:00:00Z", &[("c1", "13")]);
    assert_eq!(ledger.billed(), dec("1300"));
}

#[test]
fn late_changes_of_an_entitlement_that_nobody_follows_are_parked_within_the_open_days() {
    let over = terms("2026-11-01T00:00:00Z", Some("2026-11-20T10:00:00Z"));
    let mut wanted = amounts(&licence("l-1", "us-east-1"), &over, &["c1"]);
    wanted.followed.clear();
    let mut ledger = Ledger::new();
    ledger.run(&wanted, "2026-11-20T10:00:00Z", &[("c1", "10")]);
    let late = ledger.run(&wanted, "2026-11-22T09:00:00Z", &[("c1", "12")]);
    assert_eq!(late.entries[0].record.quantity, dec("200"));
    ledger.run(&wanted, "2026-11-22T10:00:00Z", &[("c1", "12")]);
    assert_eq!(
        ledger.books.values().next().unwrap().amounts.len(),
        0,
        "handed on"
    );
    let owner = ledger.owners.get(&share("c1").counter(ACCOUNT)).unwrap();
    assert_eq!((owner.amount, owner.book.clone()), (Some(dec("12")), None));
}

#[test]
fn other_currencies_and_corrections_are_held_and_never_counted() {
    let (_, _, wanted) = november(&["c1"]);
    let mut ledger = Ledger::new();
    let held = ledger.reads(&wanted, "2026-11-20T10:00:00Z", |_| {
        Ok(AmountReading {
            totals: [(share("c1"), dec("5"))].into(),
            corrections: [("i-7".to_owned(), dec("3"))].into(),
            foreign: [("EUR".to_owned(), dec("99"))].into(),
            ..AmountReading::default()
        })
    });
    let holds: Vec<String> = held
        .held_amounts
        .iter()
        .map(|held| held.hold.to_string())
        .collect();
    assert_eq!(
        holds,
        [
            "in EUR, not in US dollars: it is never reported as dollars",
            "the invoice i-7 corrects another: `meterbridge release` lets it count",
        ]
    );
    assert_eq!(ledger.quantities(), ["500"]);
}

#[test]
fn growth_of_the_month_before_goes_into_its_own_month_while_that_is_taken() {
    let (_, _, wanted) = november(&["c1"]);
    let read = |total: &str, earlier: &str| {
        let (total, earlier) = (dec(total), dec(earlier));
        move |_: &AmountKey| {
            Ok(AmountReading {
                totals: [(share("c1"), total)].into(),
                earlier,
                ..AmountReading::default()
            })
        }
    };
    let mut ledger = Ledger::new();
    ledger.reads(&wanted, "2026-11-30T23:00:00Z", read("100", "0"));
    // At 02:00 on the 1st November has grown by 3 and December begun with 2.
    ledger.reads(&wanted, "2026-12-01T02:00:00Z", read("105", "103"));
    let hours: Vec<(String, String)> = ledger
        .sent
        .iter()
        .map(|(_, hour, quantity)| (hour.clone(), quantity.to_string()))
        .collect();
    assert_eq!(
        hours[1..],
        [
            ("2026-11-30T23:00:00Z".to_owned(), "300".to_owned()),
            ("2026-12-01T01:00:00Z".to_owned(), "200".to_owned()),
        ]
    );
    // After 06:00 AWS takes no more of November: it is said, and lands in December.
    let late = ledger.reads(&wanted, "2026-12-01T07:00:00Z", read("106", "104"));
    assert!(matches!(&late.notes[0].1, AmountNote::Late { amount } if *amount == dec("1")));
    assert_eq!(ledger.billed(), dec("10600"));
}

proptest! {
    /// Never over, and nothing lost: whatever the totals do, what is billed is their maximum, to the cent, and no hour twice.
    #[test]
    fn what_is_billed_is_the_largest_total_ever_read(
        totals in proptest::collection::vec((0_i64..5_000, proptest::bool::weighted(0.8)), 1..40),
    ) {
        let (_, _, wanted) = november(&["c1"]);
        let mut ledger = Ledger::new();
        let mut largest = 0;
        for (hours, (total, read)) in totals.iter().enumerate() {
            let time = hour("2026-11-10T00:00:00Z").plus(i64::try_from(hours).unwrap()).start().to_rfc3339();
            if *read {
                largest = largest.max(*total);
                ledger.run(&wanted, &time, &[("c1", &Decimal::new(*total, 2).to_string())]);
            } else {
                ledger.reads(&wanted, &time, |_| Err("Metronome is away".to_owned()));
            }
            prop_assert_eq!(ledger.billed(), Decimal::from(largest));
        }
        let hours: BTreeSet<_> = ledger.sent.iter().map(|(_, hour, _)| hour).collect();
        prop_assert_eq!(hours.len(), ledger.sent.len(), "once");
    }

    /// Whoever counts a customer, and whenever it moves, its growth is billed once: two buyers, renewals and moves.
    #[test]
    fn a_customer_that_moves_is_billed_once(
        steps in proptest::collection::vec((0_u8..2, 0_i64..300), 1..30),
    ) {
        let terms = terms("2026-11-01T00:00:00Z", None);
        let identities = [licence("l-1", "us-east-1"), licence("l-2", "us-east-1")];
        let mut ledger = Ledger::new();
        let mut total = 0;
        let mut last = None;
        for (step, (owner, growth)) in steps.iter().enumerate() {
            let time = hour("2026-11-10T00:00:00Z").plus(i64::try_from(step).unwrap());
            total += growth;
            let amount = Decimal::new(total, 2).to_string();
            let (one, other) = (usize::from(*owner), 1 - usize::from(*owner));
            let moved = last.replace(one).is_some_and(|last| last != one);
            let mut rest = amounts(&identities[other], &terms, &[]);
            rest.amounts.clear();
            rest.followed = [share("c1")].into();
            rest.effective = if moved { time } else { hour("2026-11-01T00:00:00Z") };
            let text = time.start().to_rfc3339();
            ledger.run(&rest, &text, &[("c1", &amount)]);
            ledger.run(&amounts(&identities[one], &terms, &["c1"]), &text, &[("c1", &amount)]);
            prop_assert_eq!(ledger.billed(), Decimal::from(total));
        }
    }
}
