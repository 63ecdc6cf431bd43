use super::*;

/// A contract of November at 2.5 cents a unit, with calls at a third of a cent.
struct Rated {
    world: World,
    contract: Uuid,
    calls: Uuid,
}

impl Rated {
    fn new() -> Self {
        let world = World::new();
        let calls = world
            .metronome
            .create_metric(NewMetric::count("Calls").on("call"))
            .unwrap();
        let contract = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
        let price = |text: &str| text.parse::<BigDecimal>().unwrap();
        let contract = contract
            .charging(world.metric, price("2.5"))
            .charging(calls, price("0.333"));
        let contract = world.metronome.create_contract(contract).unwrap();
        Self {
            world,
            contract,
            calls,
        }
    }

    fn call(&self, id: &str, time: &str) {
        let event = Event::new(id, "acct-1", "call", at(time));
        self.world.metronome.ingest(event).unwrap();
    }

    fn grant(&self, cents: i64, from: &str) -> Uuid {
        self.world
            .metronome
            .grant_credit(self.contract, cents, at(from))
            .unwrap()
    }

    fn invoices(&self) -> Value {
        let target = format!("/v1/customers/{}/invoices", self.world.customer);
        self.world.listed(&target)
    }

    /// The lines of the first invoice: type, quantity, total.
    fn lines(&self) -> Vec<String> {
        lines(&self.invoices()[0])
    }
}

fn lines(invoice: &Value) -> Vec<String> {
    let lines = invoice["line_items"].as_array().unwrap().iter();
    lines
        .map(|line| {
            let kind = line["type"].as_str().unwrap();
            format!("{kind} {} {}", line["quantity"], line["total"])
        })
        .collect()
}

#[test]
fn a_total_is_usage_by_price_to_the_last_digit() {
    let rated = Rated::new();
    rated.world.used("a", "2026-11-19T12:00:00Z", "3");
    rated.world.used("b", "2026-11-20T12:00:00Z", "0.0001");
    rated.call("c", "2026-11-20T12:00:00Z");
    let invoice = &rated.invoices()[0];
    assert_eq!(invoice["total"].to_string(), "7.83325");
    assert_eq!(invoice["contract_id"], json!(rated.contract));
    assert_eq!(rated.lines(), ["usage 3.0001 7.50025", "usage 1 0.333"]);
    let line = &invoice["line_items"][0];
    assert_eq!(
        (&line["name"], &line["unit_price"], &line["product_type"]),
        (&json!("Units"), &json!(2.5), &json!("UsageProductListItem"))
    );
    assert_ne!(line["product_id"], invoice["line_items"][1]["product_id"]);
}

#[test]
fn only_usage_of_the_period_and_of_rated_metrics_counts() {
    let rated = Rated::new();
    rated.world.used("before", "2026-10-31T23:59:59Z", "1");
    rated.world.used("first", "2026-11-01T00:00:00Z", "2");
    assert_eq!(rated.lines(), ["usage 2 5", "usage 0 0"]);
    let other = NewContract::new(rated.world.customer, at("2026-11-01T00:00:00Z")).charging(rated.calls, 1);
    rated.world.metronome.create_contract(other).unwrap();
    assert_eq!(lines(&rated.invoices()[1]), ["usage 0 0"]);
}

#[test]
fn a_credit_pays_for_usage_in_lines_of_its_own() {
    let rated = Rated::new();
    rated.world.used("a", "2026-11-19T12:00:00Z", "10");
    let credit = rated.grant(10, "2026-11-01T00:00:00Z");
    assert_eq!(
        rated.lines(),
        [
            "usage 4 10",
            "applied_commit_or_credit null -10",
            "usage 6 15",
            "usage 0 0"
        ]
    );
    let invoice = &rated.invoices()[0];
    assert_eq!(invoice["total"], 15);
    for line in 0..2 {
        let line = &invoice["line_items"][line];
        assert_eq!(line["commit_id"], json!(credit));
        assert_eq!(line["commit_type"], "PrepaidCommit");
        assert_eq!(
            line["applied_commit_or_credit"],
            json!({ "id": credit, "type": "CREDIT" })
        );
    }
    assert_eq!(invoice["line_items"][2].get("commit_id"), None);
}

#[test]
fn a_quantity_that_a_credit_pays_for_is_rounded_and_no_amount_is() {
    let rated = Rated::new();
    (0..9).for_each(|n| rated.call(&n.to_string(), "2026-11-19T12:00:00Z"));
    rated.grant(1, "2026-11-01T00:00:00Z");
    let (_, text) = rated
        .world
        .get(&format!("/v1/customers/{}/invoices", rated.world.customer));
    for line in [
        r#""quantity":3.003003003003003003,"unit_price":0.333,"total":1,"#,
        r#""quantity":5.996996996996996997,"unit_price":0.333,"total":1.997,"#,
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[test]
fn a_credit_pays_in_the_order_of_the_hours_from_its_own_on() {
    let rated = Rated::new();
    rated.world.used("before", "2026-11-18T12:00:00Z", "100");
    rated.call("call", "2026-11-19T12:00:00Z");
    rated.world.used("after", "2026-11-20T12:00:00Z", "100");
    rated.grant(1, "2026-11-19T12:00:00Z");
    assert_eq!(
        rated.lines(),
        [
            "usage 0.2668 0.667",
            "applied_commit_or_credit null -0.667",
            "usage 199.7332 499.333",
            "usage 1 0.333",
            "applied_commit_or_credit null -0.333"
        ]
    );
    assert_eq!(rated.invoices()[0]["total"].to_string(), "499.333");
}

#[test]
fn what_one_invoice_has_drawn_the_next_does_not_find() {
    let rated = Rated::new();
    rated.world.used("a", "2026-11-19T12:00:00Z", "4");
    rated.grant(15, "2026-11-01T00:00:00Z");
    rated.world.clock.set(at("2026-12-01T12:00:00Z"));
    rated.world.used("b", "2026-12-01T10:00:00Z", "4");
    let totals = || {
        let rows = rated.invoices();
        let rows = rows.as_array().unwrap().iter();
        rows.map(|row| row["total"].to_string()).collect::<Vec<_>>()
    };
    assert_eq!(totals(), ["0", "5"]);
    rated.world.clock.set(at("2026-12-02T00:00:00Z"));
    assert_eq!(totals(), ["0", "5"]);
    let november = rated.world.metronome.invoices_of(rated.world.customer)[0];
    rated.world.metronome.void_invoice(november).unwrap();
    assert_eq!(totals(), ["0", "0"], "what a void one drew is there again");
    rated.world.metronome.regenerate_invoice(november).unwrap();
    assert_eq!(totals(), ["0", "0", "5"], "the void one, the new one, December");
}

#[test]
fn a_credit_granted_late_rates_drafts_again_and_nothing_finalized() {
    let rated = Rated::new();
    rated.world.used("a", "2026-11-19T12:00:00Z", "4");
    rated.world.clock.set(at("2026-12-02T12:00:00Z"));
    rated.world.used("b", "2026-12-01T10:00:00Z", "4");
    rated.grant(3, "2026-11-01T00:00:00Z");
    assert_eq!(rated.invoices()[0]["total"], 10);
    assert_eq!(rated.invoices()[1]["total"], 7);
}

#[test]
fn negative_usage_draws_no_credit_and_lowers_the_total() {
    let rated = Rated::new();
    rated.world.used("a", "2026-11-19T12:00:00Z", "4");
    rated.world.used("b", "2026-11-19T13:00:00Z", "-6");
    rated.grant(100, "2026-11-01T00:00:00Z");
    assert_eq!(rated.invoices()[0]["total"], -15);
    assert_eq!(
        rated.lines()[..3],
        ["usage 4 10", "applied_commit_or_credit null -10", "usage -6 -15"]
    );
}

#[test]
fn a_credit_is_of_something_and_from_an_hour() {
    let rated = Rated::new();
    let grant = |contract, cents: i64, from: &str| {
        let refused = rated.world.metronome.grant_credit(contract, cents, at(from));
        refused.unwrap_err().status.as_u16()
    };
    assert_eq!(grant(rated.contract, 0, "2026-11-01T00:00:00Z"), 400);
    assert_eq!(grant(rated.contract, 1, "2026-11-01T00:30:00Z"), 400);
    assert_eq!(grant(Uuid::nil(), 1, "2026-11-01T00:00:00Z"), 404);
    let credit = rated.grant(1, "2026-11-01T00:00:00Z");
    let body = json!({ "customer_id": rated.world.customer, "contract_id": rated.contract });
    let shown = rated.world.ok("/v2/contracts/get", &body);
    assert_eq!(shown["data"]["credits"][0]["id"], json!(credit));
    assert_eq!(shown["data"]["credits"][0]["type"], "CREDIT");
}

#[test]
fn the_rated_total_of_a_set_invoice_cannot_be_set() {
    let rated = Rated::new();
    let invoice = rated.world.metronome.invoices_of(rated.world.customer)[0];
    assert_eq!(
        rated.world.metronome.set_total(invoice, 1).unwrap_err().status,
        400
    );
}

#[test]
fn what_is_owed_knows_events_that_readers_do_not_see_yet() {
    let rated = Rated::new();
    rated.world.metronome.set_visibility_delay(hours(1));
    rated.world.used("a", "2026-11-19T12:00:00Z", "4");
    assert_eq!(rated.invoices()[0]["total"], 0);
    let owed = rated
        .world
        .metronome
        .invoice_total_of(rated.world.customer, &[rated.contract], &[]);
    assert_eq!(owed, 10);
    let elsewhere = rated
        .world
        .metronome
        .invoice_total_of(rated.world.customer, &[Uuid::nil()], &[]);
    assert_eq!(elsewhere, 0);
}
