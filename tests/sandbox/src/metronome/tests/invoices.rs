use super::super::{CorrectionRecord, CreditType, ExternalInvoice};
use super::*;

impl World {
    fn shown(&self, invoice: Uuid) -> Value {
        self.listed(&format!("{}/{invoice}", self.invoices_at()))
    }

    /// The total of an invoice as it is written.
    fn written(&self, invoice: Uuid) -> String {
        let (status, text) = self.get(&format!("{}/{invoice}", self.invoices_at()));
        assert_eq!(status, 200, "{text}");
        let (_, total) = text.rsplit_once("\"total\":").unwrap();
        total.trim_end_matches('}').to_owned()
    }
}

#[test]
fn a_set_invoice_is_shown_whole() {
    let world = World::new();
    let invoice = world.set(world.november().of(1_250));
    let usd = json!({ "id": "2714e483-4ff1-48e4-9e25-ac732e8f24f2", "name": "USD (cents)" });
    let product = world.shown(invoice)["line_items"][0]["product_id"].clone();
    assert!(Uuid::try_parse(product.as_str().unwrap()).is_ok());
    assert_eq!(
        world.shown(invoice),
        json!({ "id": invoice, "customer_id": world.customer, "type": "USAGE", "status": "DRAFT",
            "credit_type": usd, "start_timestamp": "2026-11-01T00:00:00+00:00",
            "end_timestamp": "2026-12-01T00:00:00+00:00", "total": 1250, "line_items": [{
                "name": "Item 1", "type": "usage", "product_id": product,
                "product_type": "UsageProductListItem", "credit_type": usd, "quantity": 1250, "unit_price": 1,
                "total": 1250, "starting_at": "2026-11-01T00:00:00+00:00",
                "ending_before": "2026-12-01T00:00:00+00:00" }] })
    );
    assert_eq!(world.listed(&world.invoices_at()), json!([world.shown(invoice)]));
}

#[test]
fn totals_keep_all_their_digits() {
    let world = World::new();
    let invoice = world.set(world.november());
    for total in [
        "0",
        "0.333333333333333333333333333333333333",
        "1000000000000",
        "1000000000000.000000000001",
        "-17.5",
    ] {
        let exact: BigDecimal = total.parse().unwrap();
        world.metronome.set_total(invoice, exact).unwrap();
        assert_eq!(world.written(invoice), total);
    }
}

#[test]
fn a_total_is_made_of_as_many_lines_as_the_scenario_says() {
    let world = World::new();
    let mut new = world.november();
    new.total = "1000.05".parse().unwrap();
    new.line_items = 7;
    let invoice = world.set(new);
    let lines = world.shown(invoice)["line_items"].clone();
    let totals: Vec<String> = lines
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line["total"].to_string())
        .collect();
    assert_eq!(totals, ["142", "142", "142", "142", "142", "142", "148.05"]);
    assert_eq!(world.written(invoice), "1000.05");
}

#[test]
fn an_invoice_without_lines_comes_to_nothing() {
    let world = World::new();
    let mut new = world.november();
    new.line_items = 0;
    let invoice = world.set(new);
    assert_eq!(world.shown(invoice)["line_items"], json!([]));
    assert_eq!(world.written(invoice), "0");
    world.metronome.set_total(invoice, 3).unwrap();
    assert_eq!(world.shown(invoice)["line_items"].as_array().unwrap().len(), 1);
    assert_eq!(world.written(invoice), "3");
}

#[test]
fn a_total_moves_until_the_invoice_is_finalized() {
    let world = World::new();
    let invoice = world.set(world.november());
    world.metronome.set_total(invoice, 5).unwrap();
    world.clock.set(at("2026-12-02T00:00:00Z"));
    assert_eq!(world.metronome.set_total(invoice, 6).unwrap_err().status, 400);
    assert_eq!(world.written(invoice), "5");
}

#[test]
fn amounts_come_in_any_unit_and_say_which() {
    let world = World::new();
    let mut euros = world.november().of(7);
    euros.credit_type = CreditType::named("EUR");
    let euros = world.set(euros);
    let dollars = world.set(world.november().of(8));
    let eur = world.shown(euros)["credit_type"].clone();
    assert_eq!(eur["name"], "EUR");
    assert_eq!(world.shown(euros)["line_items"][0]["credit_type"], eur);
    let of = |id: &str| world.found(&format!("credit_type_id={id}"));
    assert_eq!(of(eur["id"].as_str().unwrap()), [euros]);
    assert_eq!(of("2714e483-4ff1-48e4-9e25-ac732e8f24f2"), [dollars]);
    assert_eq!(of("gold").len(), 0);
}

#[test]
fn what_a_postpaid_commit_covers_is_listed_and_owed_all_the_same() {
    let world = World::new();
    let mut new = world.november().of(900);
    new.postpaid = Some(400.into());
    let invoice = world.set(new);
    let lines = world.shown(invoice)["line_items"].clone();
    assert_eq!(lines[1]["type"], "applied_commit_or_credit");
    assert_eq!(lines[1]["applied_commit_or_credit"]["type"], "POSTPAID");
    assert_eq!(
        (&lines[0]["total"], &lines[1]["total"]),
        (&json!(900), &json!(-400))
    );
    assert_eq!(world.written(invoice), "900");
}

#[test]
fn what_is_said_of_an_invoice_is_shown_and_nothing_else() {
    let world = World::new();
    let plain = world.set(world.november());
    let mut new = world.november().of(-5);
    new.billable = Some(false);
    new.correction_record = Some(CorrectionRecord {
        reason: "PRICING".to_owned(),
        memo: "Wrong price".to_owned(),
        corrected_invoice_id: plain,
    });
    new.external_invoice = Some(ExternalInvoice {
        billing_provider_type: "stripe".to_owned(),
        invoice_id: "in_1".to_owned(),
        external_status: "PAID".to_owned(),
    });
    let labelled = world.shown(world.set(new));
    assert_eq!(labelled["billable_status"], "unbillable");
    assert_eq!(labelled["created_at"], "2026-11-20T13:30:00+00:00");
    assert_eq!(
        labelled["correction_record"]["corrected_invoice_id"],
        json!(plain)
    );
    assert_eq!(
        labelled["external_invoice"],
        json!({ "billing_provider_type": "stripe", "invoice_id": "in_1", "external_status": "PAID" })
    );
    for field in [
        "billable_status",
        "created_at",
        "correction_record",
        "external_invoice",
        "constituent_invoices",
        "payer",
        "regenerated_from_invoice_id",
        "issued_at",
        "contract_id",
    ] {
        assert_eq!(world.shown(plain).get(field), None, "{field}");
    }
}

#[test]
fn a_consolidated_invoice_names_its_parts_and_they_name_its_payer() {
    let world = World::new();
    let contract = || {
        let new = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
        world.metronome.create_contract(new).unwrap()
    };
    let (payer, own) = (contract(), contract());
    let part = world.set(world.november().under(own).of(3));
    let mut whole = world.november().under(payer).of(3);
    whole.kind = InvoiceType::UsageConsolidated;
    assert_eq!(
        world.metronome.set_invoice(whole.clone()).unwrap_err().status,
        400,
        "it is made of nothing"
    );
    whole.constituents = vec![part];
    let whole = world.set(whole);
    assert_eq!(
        world.shown(whole)["constituent_invoices"],
        json!([{ "contract_id": own, "invoice_id": part, "customer_id": world.customer }])
    );
    assert_eq!(
        world.shown(part)["payer"],
        json!({ "contract_id": payer, "customer_id": world.customer })
    );
    assert_eq!(world.found("type=USAGE_CONSOLIDATED"), [whole]);
    assert_eq!(world.metronome.invoice_total_of(world.customer, &[], &[]), 3);
}

#[test]
fn an_invoice_that_cannot_be_is_refused() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &[]).unwrap();
    let others = NewContract::new(other, at("2026-11-01T00:00:00Z"));
    let others = world.metronome.create_contract(others).unwrap();
    let mut dateless = NewInvoice::scheduled(world.customer, at("2026-11-20T00:00:00Z"));
    dateless.issued_at = None;
    let mut timeless = world.november();
    timeless.period = None;
    let half_past = NewInvoice::usage(
        world.customer,
        at("2026-11-01T00:30:00Z"),
        at("2026-12-01T00:00:00Z"),
    );
    let backwards = NewInvoice::usage(
        world.customer,
        at("2026-12-01T00:00:00Z"),
        at("2026-11-01T00:00:00Z"),
    );
    for new in [dateless, timeless, half_past, backwards] {
        assert_eq!(world.metronome.set_invoice(new).unwrap_err().status, 400);
    }
    for new in [
        world.november().under(others),
        world.november().under(Uuid::nil()),
    ] {
        assert_eq!(world.metronome.set_invoice(new).unwrap_err().status, 404);
    }
    assert!(world.metronome.invoices_of(world.customer).is_empty());
}

#[test]
fn an_invoice_is_found_under_its_own_customer_only() {
    let world = World::new();
    let invoice = world.set(world.november());
    let other = world.metronome.create_customer("Other", &[]).unwrap();
    let unknown = Uuid::nil();
    for (customer, invoice) in [(other, invoice), (unknown, invoice), (world.customer, unknown)] {
        assert_eq!(
            world
                .get(&format!("/v1/customers/{customer}/invoices/{invoice}"))
                .0,
            404
        );
    }
    assert_eq!(world.get(&format!("/v1/customers/{unknown}/invoices")).0, 404);
    assert_eq!(world.get("/v1/customers/acct-1/invoices").0, 400);
    assert_eq!(world.get(&format!("{}/first", world.invoices_at())).0, 400);
}

#[test]
fn what_is_owed_leaves_out_what_nobody_pays() {
    let world = World::new();
    let owed = || world.metronome.invoice_total_of(world.customer, &[], &[]);
    let base = world.set(world.november().of(1_000));
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-21T00:00:00Z")).of(50);
    world.set(charge);
    assert_eq!(owed(), 1_000, "a charge that is not due yet");
    let mut euros = world.november().of(7);
    euros.credit_type = CreditType::named("EUR");
    world.set(euros);
    let mut unbillable = world.november().of(7);
    unbillable.billable = Some(false);
    world.set(unbillable);
    let mut void = world.november().of(7);
    void.status = InvoiceStatus::Void;
    world.set(void);
    let mut credit = world.november();
    credit.total = "-0.5".parse().unwrap();
    world.set(credit);
    assert_eq!(owed().to_plain_string(), "999.5");
    world.clock.set(at("2026-11-21T00:00:00Z"));
    assert_eq!(owed().to_plain_string(), "1049.5");
    let of = |kind| world.metronome.invoice_total_of(world.customer, &[], &[kind]);
    assert_eq!(of(InvoiceType::Scheduled), 50);
    assert!(world.metronome.invoices_of(world.customer).contains(&base));
}
