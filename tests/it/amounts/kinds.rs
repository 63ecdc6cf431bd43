//! Which invoices count: the currency, the type, corrections, those that are no debt.

use sandbox::metronome::{CorrectionRecord, CreditType, InvoiceStatus, InvoiceType, NewInvoice};

use super::globex::{Globex, NOVEMBER, OCTOBER};
use super::{dollars, fine, held, quiet, records};
use crate::scene::at;

/// Cents and units look alike: what is not US dollars is told under its own name, and never billed.
#[tokio::test(start_paused = true)]
async fn another_currency_and_a_custom_unit_are_held_and_named_and_never_reported_as_dollars() {
    let (globex, _) = Globex::with_draft("1250").await;
    for (unit, total) in [("EUR (cents)", "77700"), ("GPU credits", "88.5")] {
        let invoice = globex.scene.invoice(&globex.customer, NOVEMBER, total);
        globex.scene.sets(NewInvoice {
            credit_type: CreditType::named(unit),
            ..invoice
        });
    }
    for hour in ["2026-11-20T14:00:00Z", "2026-11-20T15:00:00Z"] {
        let summary = globex.scene.invoices(hour).await;
        fine(&summary);
        assert_eq!(
            held(&summary),
            [
                "77700 in EUR (cents), not in US dollars: it is never reported as dollars",
                "88.5 in GPU credits, not in US dollars: it is never reported as dollars",
            ]
        );
    }
    assert_eq!(globex.bills().await, dollars("12.5"));
}

#[tokio::test(start_paused = true)]
async fn a_correction_is_held_until_it_is_released_and_then_counts() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let october = globex.finalized(OCTOBER, "20000");
    globex.apply(&globex.file_from_october()).await;
    let correction = NewInvoice {
        status: InvoiceStatus::Finalized,
        correction_record: Some(CorrectionRecord {
            reason: "price".to_owned(),
            memo: "the old price list".to_owned(),
            corrected_invoice_id: october.parse().unwrap(),
        }),
        ..globex.scene.invoice(&globex.customer, OCTOBER, "350")
    };
    let correction = globex.scene.sets(correction);

    let first = globex.scene.invoices("2026-11-20T14:00:00Z").await;
    fine(&first);
    let waits = [format!(
        "3.5 the invoice {correction} corrects another: `meterbridge release` lets it count"
    )];
    assert_eq!(held(&first), waits);
    assert_eq!(globex.bills().await, dollars("200"));
    assert_eq!(held(&globex.scene.invoices("2026-11-20T15:00:00Z").await), waits);
    let books = globex.scene.commands(&["books", "acme"]).await;
    let line = format!("held: the invoice {correction} corrects another");
    assert!(books.words.contains(&line), "{}", books.words);
    assert_eq!(
        books.json["books"][0]["amounts"][0]["corrections"][0],
        correction.as_str()
    );

    let stream = books.json["books"][0]["amounts"][0]["stream"].as_str().unwrap();
    let released = globex.scene.commands(&["release", stream]).await;
    assert!(released.words.contains(&correction), "{}", released.words);
    let counted = globex.scene.invoices("2026-11-20T16:00:00Z").await;
    assert_eq!(records(&counted), ["2026-11-20T15:00:00Z 3.5 delivered"]);
    assert_eq!(held(&counted), Vec::<String>::new());
    quiet(&globex.scene.invoices("2026-11-20T17:00:00Z").await);
    // And it stays counted when it is settled long ago.
    let long = globex
        .scene
        .invoices_every(24, "2026-11-21T00:00:00Z", "2027-01-20T00:00:00Z")
        .await;
    long.iter().for_each(quiet);
    assert!(globex.scene.amount().await.closed.is_some());
    assert_eq!(globex.bills().await, dollars("203.5"));
}

/// A correction that takes money back is for a person too.
#[tokio::test(start_paused = true)]
async fn a_correction_downwards_is_held_and_released_it_suspends() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let october = globex.finalized(OCTOBER, "20000");
    let draft = globex.draft(NOVEMBER, "0");
    globex.apply(&globex.file_from_october()).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    globex.scene.sets(NewInvoice {
        status: InvoiceStatus::Finalized,
        correction_record: Some(CorrectionRecord {
            reason: "price".to_owned(),
            memo: String::new(),
            corrected_invoice_id: october.parse().unwrap(),
        }),
        ..globex.scene.invoice(&globex.customer, OCTOBER, "-1000")
    });
    globex.scene.comes_to(&draft, "400");
    let first = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    assert_eq!(records(&first), ["2026-11-20T14:00:00Z 4 delivered"]);
    assert!(held(&first)[0].starts_with("-10 "), "{:?}", held(&first));
    let books = globex.scene.commands(&["books", "acme"]).await;
    let stream = books.json["books"][0]["amounts"][0]["stream"].as_str().unwrap();
    globex.scene.commands(&["release", stream]).await;
    globex.scene.comes_to(&draft, "1300");
    quiet(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    globex.scene.comes_to(&draft, "1500");
    let passed = globex.scene.invoices("2026-11-20T17:00:00Z").await;
    assert_eq!(records(&passed), ["2026-11-20T16:00:00Z 1 delivered"]);
    assert_eq!(globex.bills().await, dollars("205"));
}

#[tokio::test(start_paused = true)]
async fn an_unbillable_invoice_never_counts() {
    let (globex, _) = Globex::with_draft("1250").await;
    globex.scene.sets(NewInvoice {
        billable: Some(false),
        ..globex.scene.invoice(&globex.customer, NOVEMBER, "99900")
    });
    globex.scene.sets(NewInvoice {
        billable: Some(true),
        ..globex.scene.invoice(&globex.customer, NOVEMBER, "100")
    });
    let summary = globex.scene.invoices("2026-11-20T14:00:00Z").await;
    fine(&summary);
    assert_eq!(held(&summary), Vec::<String>::new());
    assert_eq!(globex.bills().await, dollars("13.5"));
}

/// The parts are billed as they are drafted; put together, the whole is the same money. Voided, the parts count again.
#[tokio::test(start_paused = true)]
async fn a_consolidated_invoice_counts_and_its_constituents_do_not() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let calls = globex.scene.sum("calls");
    let contracts = ["2026-10-01T00:00:00Z"; 2].map(|start| globex.contract(start, &calls, 0));
    let parts = contracts.each_ref().map(|contract| {
        globex.scene.sets(NewInvoice {
            status: InvoiceStatus::Finalized,
            ..globex
                .scene
                .invoice(&globex.customer, OCTOBER, "5000")
                .under(contract.parse().unwrap())
        })
    });
    globex.apply(&globex.file_from_october()).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("100"));

    let whole = globex.scene.sets(NewInvoice {
        kind: InvoiceType::UsageConsolidated,
        status: InvoiceStatus::Finalized,
        constituents: parts.iter().map(|part| part.parse().unwrap()).collect(),
        ..globex
            .scene
            .invoice(&globex.customer, OCTOBER, "10025")
            .under(contracts[0].parse().unwrap())
    });
    let merged = globex.scene.invoices("2026-11-20T15:00:00Z").await;
    assert_eq!(records(&merged), ["2026-11-20T14:00:00Z 0.25 delivered"]);
    globex.scene.voids(&whole);
    quiet(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    assert_eq!(
        globex.scene.amount().await.shortfall.unwrap().total,
        dollars("100")
    );
    assert_eq!(globex.bills().await, dollars("100.25"));
}

/// A commit's purchase, say: it has no period, and its draft is no debt yet.
#[tokio::test(start_paused = true)]
async fn a_scheduled_invoice_counts_where_it_is_asked_for_once_it_is_finalized() {
    for (asked, billed) in [(false, "12.5"), (true, "512.5")] {
        let globex = Globex::at("2026-11-20T13:30:00Z").await;
        globex.draft(NOVEMBER, "1250");
        let file = globex.file();
        let file = if asked {
            file.with(r#"invoices = ["usage", "scheduled"]"#)
        } else {
            file
        };
        globex.apply(&file).await;
        let date = at("2026-11-20T15:30:00Z");
        globex
            .scene
            .sets(NewInvoice::scheduled(globex.customer.parse().unwrap(), date).of(50_000));
        fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
        fine(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
        assert_eq!(globex.bills().await, dollars("12.5"), "a draft");
        fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
        assert_eq!(globex.bills().await, dollars(billed));
        let rest = globex
            .scene
            .invoices_every(24, "2026-11-21T00:00:00Z", "2027-01-20T00:00:00Z")
            .await;
        rest.iter().for_each(quiet);
    }
}

/// It falls due later than it was said: until then it does not count.
#[tokio::test(start_paused = true)]
async fn a_scheduled_invoice_whose_date_is_moved_counts_at_its_new_date() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    globex
        .apply(&globex.file().with(r#"invoices = ["usage", "scheduled"]"#))
        .await;
    let date = at("2026-11-20T14:30:00Z");
    let invoice = globex
        .scene
        .sets(NewInvoice::scheduled(globex.customer.parse().unwrap(), date).of(50_000));
    let metronome = &globex.scene.world.metronome;
    metronome
        .move_issue_date(invoice.parse().unwrap(), at("2026-11-20T16:30:00Z"))
        .unwrap();
    quiet(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    quiet(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    fine(&globex.scene.invoices("2026-11-20T17:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("500"));
}

/// Asked for later, scheduled invoices count from then on: those that were issued before are not billed.
#[tokio::test(start_paused = true)]
async fn scheduled_invoices_taken_in_later_count_from_the_next_hour() {
    let globex = Globex::at("2026-11-20T13:30:00Z").await;
    let draft = globex.draft(NOVEMBER, "1250");
    let customer = globex.customer.parse().unwrap();
    let issued = at("2026-11-20T12:00:00Z");
    globex
        .scene
        .sets(NewInvoice::scheduled(customer, issued).of(50_000));
    globex.apply(&globex.file()).await;
    fine(&globex.scene.invoices("2026-11-20T14:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("12.5"));

    globex
        .apply(&globex.file().with(r#"invoices = ["usage", "scheduled"]"#))
        .await;
    fine(&globex.scene.invoices("2026-11-20T15:00:00Z").await);
    globex.scene.comes_to(&draft, "1350");
    let issued = at("2026-11-20T15:20:00Z");
    globex
        .scene
        .sets(NewInvoice::scheduled(customer, issued).of(7_000));
    fine(&globex.scene.invoices("2026-11-20T16:00:00Z").await);
    fine(&globex.scene.invoices("2026-11-20T17:00:00Z").await);
    assert_eq!(globex.bills().await, dollars("83.5"));
}
