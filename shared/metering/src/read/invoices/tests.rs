use super::*;

use billing::AmountKey;
use metronome::{Correction, CreditType};

const USD: &str = "2714e483-4ff1-48e4-9e25-ac732e8f24f2";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hour(text: &str) -> Hour {
    Hour::floor(at(text))
}

fn dec(text: &str) -> Decimal {
    Decimal::from_str_exact(text).unwrap()
}

fn share(customer: &str, contract: Option<&str>) -> Share {
    Share {
        customer: customer.to_owned(),
        contract: contract.map(str::to_owned),
    }
}

/// A draft of November of the customer `c1`, under the contract `k1`, of so many cents.
fn november(id: &str, cents: &str) -> Invoice {
    Invoice {
        id: id.to_owned(),
        customer_id: "c1".to_owned(),
        status: InvoiceStatus::Draft,
        kind: InvoiceKind::Usage,
        credit_type: CreditType {
            id: USD.to_owned(),
            name: "USD (cents)".to_owned(),
        },
        total: dec(cents),
        start: Some(at("2026-11-01T00:00:00Z")),
        end: Some(at("2026-12-01T00:00:00Z")),
        issued_at: None,
        contract_id: Some("k1".to_owned()),
        billable: true,
        regenerated_from: None,
        corrects: None,
        constituents: Vec::new(),
        external_provider: None,
    }
}

fn month(id: &str, from: &str, until: &str, cents: &str) -> Invoice {
    Invoice {
        status: InvoiceStatus::Finalized,
        start: Some(at(from)),
        end: Some(at(until)),
        ..november(id, cents)
    }
}

fn asked() -> AmountToRead {
    AmountToRead {
        key: AmountKey {
            entitlement: at("2026-11-01T00:00:00Z"),
            currency: "USD".to_owned(),
            from: hour("2026-11-01T00:00:00Z"),
        },
        shares: [share("c1", None)].into(),
        scheduled: false,
        through: hour("2026-11-20T10:00:00Z"),
        cut: false,
        before: BTreeMap::new(),
        closed: None,
        fresh: true,
        passed: BTreeSet::new(),
    }
}

fn read_at(
    asked: &AmountToRead,
    invoices: &[Invoice],
    whole: bool,
    now: &str,
) -> Result<AmountReading, String> {
    let listing = Listing {
        invoices: once(invoices.iter())?,
        whole,
        parts: &BTreeMap::new(),
    };
    reading(asked, &listing, hour(now))
}

fn read(invoices: &[Invoice]) -> AmountReading {
    read_at(&asked(), invoices, true, "2026-11-20T10:00:00Z").unwrap()
}

fn total(reading: &AmountReading) -> String {
    reading.totals.values().sum::<Decimal>().normalize().to_string()
}

#[test]
fn totals_are_cents_and_keep_every_digit() {
    let reading = read(&[november("i-1", "1000000000000"), november("i-2", "0.125")]);
    assert_eq!(total(&reading), "10000000000.00125");
    let never = read_at(
        &asked(),
        &[november("i-1", "7.000000000000000000000000001")],
        true,
        "2026-11-20T10:00:00Z",
    );
    assert!(never.unwrap_err().contains("more digits"));
}

#[test]
fn void_and_unbillable_invoices_never_count() {
    let void = Invoice {
        status: InvoiceStatus::Void,
        ..november("i-1", "500")
    };
    let unbillable = Invoice {
        billable: false,
        ..november("i-2", "300")
    };
    assert_eq!(total(&read(&[void, unbillable, november("i-3", "100")])), "1");
}

#[test]
fn an_invoice_generated_anew_stands_for_the_one_that_it_replaces_in_either_order() {
    let old = Invoice {
        status: InvoiceStatus::Finalized,
        ..november("i-1", "500")
    };
    let new = Invoice {
        regenerated_from: Some("i-1".to_owned()),
        ..november("i-2", "450")
    };
    assert_eq!(total(&read(&[old.clone(), new.clone()])), "4.5");
    assert_eq!(total(&read(&[new, old])), "4.5");
}

#[test]
fn a_constituent_of_a_consolidated_invoice_does_not_count_beside_it() {
    let whole = Invoice {
        kind: InvoiceKind::UsageConsolidated,
        constituents: vec!["i-1".to_owned(), "i-2".to_owned()],
        ..november("i-9", "900")
    };
    let parts = [november("i-1", "400"), november("i-2", "500")];
    assert_eq!(
        total(&read(&[parts[0].clone(), whole.clone(), parts[1].clone()])),
        "9"
    );
    // Void, it counts no more, and they do.
    let void = Invoice {
        status: InvoiceStatus::Void,
        ..whole
    };
    assert_eq!(total(&read(&[parts[0].clone(), void, parts[1].clone()])), "9");
}

#[test]
fn scheduled_invoices_count_only_where_asked_for_and_once_finalized() {
    let commit = Invoice {
        kind: InvoiceKind::Scheduled,
        start: None,
        end: None,
        issued_at: Some(at("2026-11-05T00:00:00Z")),
        ..november("i-1", "1000")
    };
    let finalized = Invoice {
        status: InvoiceStatus::Finalized,
        ..commit.clone()
    };
    assert_eq!(total(&read(std::slice::from_ref(&finalized))), "0");
    let asked = AmountToRead {
        scheduled: true,
        ..asked()
    };
    let read = |invoice: &Invoice| {
        total(
            &read_at(
                &asked,
                std::slice::from_ref(invoice),
                true,
                "2026-11-20T10:00:00Z",
            )
            .unwrap(),
        )
    };
    assert_eq!(
        (read(&finalized), read(&commit)),
        ("10".to_owned(), "0".to_owned())
    );
}

#[test]
fn other_currencies_corrections_and_unknown_types_are_told_apart() {
    let euro = Invoice {
        credit_type: CreditType {
            id: "c-eur".to_owned(),
            name: "EUR".to_owned(),
        },
        ..november("i-1", "70")
    };
    let correction = Invoice {
        corrects: Some(Correction {
            invoice_id: Some("i-0".to_owned()),
        }),
        ..november("i-2", "200")
    };
    let odd = Invoice {
        kind: InvoiceKind::Other("REFUND".to_owned()),
        ..november("i-3", "30")
    };
    let invoices = [euro, correction.clone(), odd, november("i-4", "100")];
    let reading = read(&invoices);
    assert_eq!(total(&reading), "1");
    assert_eq!(reading.foreign, BTreeMap::from([("EUR".to_owned(), dec("70"))]));
    assert_eq!(
        reading.corrections,
        BTreeMap::from([("i-2".to_owned(), dec("2"))])
    );
    assert_eq!(
        reading.unknown,
        BTreeMap::from([("i-3".to_owned(), ("REFUND".to_owned(), dec("0.3")))])
    );
    let passed = AmountToRead {
        passed: ["i-2".to_owned()].into(),
        ..asked()
    };
    let reading = read_at(&passed, &[correction], true, "2026-11-20T10:00:00Z").unwrap();
    assert_eq!(total(&reading), "2");
}

#[test]
fn an_invoice_seen_twice_counts_once_and_with_two_contents_voids_the_reading() {
    let same = november("i-1", "500");
    assert_eq!(total(&read(&[same.clone(), same.clone()])), "5");
    let moved = november("i-1", "501");
    let void = read_at(&asked(), &[same, moved], true, "2026-11-20T10:00:00Z");
    assert_eq!(
        void.unwrap_err(),
        "Metronome gave the invoice i-1 twice, with two contents"
    );
}

#[test]
fn a_period_that_has_not_begun_does_not_count_yet() {
    let december = Invoice {
        start: Some(at("2026-12-01T00:00:00Z")),
        end: Some(at("2027-01-01T00:00:00Z")),
        ..november("i-2", "5")
    };
    assert_eq!(total(&read(&[november("i-1", "100"), december])), "1");
}

#[test]
fn only_the_contracts_asked_for_count() {
    let other = Invoice {
        contract_id: Some("k2".to_owned()),
        ..november("i-2", "300")
    };
    let asked = AmountToRead {
        shares: [share("c1", Some("k2"))].into(),
        ..asked()
    };
    let reading = read_at(
        &asked,
        &[november("i-1", "100"), other],
        true,
        "2026-11-20T10:00:00Z",
    )
    .unwrap();
    assert_eq!(total(&reading), "3");
}

#[test]
fn long_settled_invoices_are_folded_and_the_rest_is_read_from_there() {
    let invoices = [
        month("i-1", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", "100"),
        month("i-2", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z", "200"),
        month("i-3", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "400"),
        november("i-4", "800"),
    ];
    let whole = read(&invoices);
    assert_eq!((total(&whole), whole.earlier), ("15".to_owned(), dec("7")));
    let closed = whole.closed.clone().unwrap();
    assert_eq!(closed.totals, BTreeMap::from([(share("c1", None), dec("3"))]));
    // A later reading lists from there on, and comes to the same.
    let asked = AmountToRead {
        closed: Some(closed.clone()),
        fresh: false,
        ..asked()
    };
    let listed: Vec<Invoice> = invoices
        .iter()
        .filter(|invoice| invoice.start >= Some(closed.before.start()))
        .cloned()
        .collect();
    assert_eq!(listed.len(), 2);
    let rest = read_at(&asked, &listed, false, "2026-11-20T11:00:00Z").unwrap();
    assert_eq!((total(&rest), rest.earlier), ("15".to_owned(), dec("7")));
    assert_eq!(rest.closed, whole.closed);
}

#[test]
fn what_is_kept_as_settled_is_not_counted_again_where_another_stream_had_it_listed() {
    let invoices = [
        month("i-1", "2026-07-01T00:00:00Z", "2026-08-01T00:00:00Z", "100"),
        november("i-4", "800"),
    ];
    let asked = AmountToRead {
        closed: read(&invoices).closed,
        fresh: false,
        ..asked()
    };
    let reading = read_at(&asked, &invoices, false, "2026-11-20T11:00:00Z").unwrap();
    assert_eq!(total(&reading), "9");
}

#[test]
fn nothing_is_folded_that_begins_after_a_period_that_still_moves() {
    let quarter = Invoice {
        start: Some(at("2026-07-01T00:00:00Z")),
        ..november("i-1", "50")
    };
    let before = month("i-0", "2026-06-01T00:00:00Z", "2026-07-01T00:00:00Z", "10");
    let inside = month("i-2", "2026-08-01T00:00:00Z", "2026-09-01T00:00:00Z", "20");
    let reading = read(&[quarter, before, inside]);
    let closed = reading.closed.unwrap();
    assert_eq!(closed.before, hour("2026-07-01T00:00:00Z"));
    assert_eq!(closed.totals, BTreeMap::from([(share("c1", None), dec("0.1"))]));
}

#[test]
fn an_invoice_that_an_hour_cuts_counts_on_either_side_of_it() {
    let cut = hour("2026-11-20T10:00:00Z");
    let parts = BTreeMap::from([(
        ("c1".to_owned(), cut),
        Parts::from([("i-1".to_owned(), dec("130"))]),
    )]);
    let invoices = [
        november("i-1", "200"),
        month("i-0", "2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z", "40"),
    ];
    let listing = Listing {
        invoices: once(invoices.iter()).unwrap(),
        whole: true,
        parts: &parts,
    };
    let ended = AmountToRead { cut: true, ..asked() };
    assert_eq!(
        total(&reading(&ended, &listing, cut).unwrap()),
        "1.7",
        "up to the hour"
    );
    let begun = AmountToRead {
        before: [(share("c1", None), cut)].into(),
        through: cut.next(),
        ..asked()
    };
    let reading = reading(&begun, &listing, cut.next()).unwrap();
    assert_eq!(total(&reading), "2.4");
    assert_eq!(reading.before, BTreeMap::from([(share("c1", None), dec("1.7"))]));
}

#[test]
fn an_invoice_that_is_cut_and_whose_hours_were_not_read_voids_the_reading() {
    let ended = AmountToRead { cut: true, ..asked() };
    let reading = read_at(&ended, &[november("i-1", "200")], true, "2026-11-20T10:00:00Z");
    assert_eq!(reading.unwrap_err(), "the hours of the invoice i-1 were not read");
}
