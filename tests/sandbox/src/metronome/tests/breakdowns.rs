use super::super::Mischief;
use super::*;

impl World {
    fn breakdowns(&self, query: &str) -> String {
        format!("/v1/customers/{}/invoices/breakdowns?{query}", self.customer)
    }

    /// The rows of all pages: first hour of the window, total.
    fn rows(&self, query: &str) -> Vec<String> {
        let pages = self.walk(Method::GET, &self.breakdowns(query), &Value::Null);
        pages.iter().flat_map(rows).collect()
    }

    fn rated(&self) -> Uuid {
        let contract = NewContract::new(self.customer, at("2026-11-01T00:00:00Z")).charging(self.metric, 2);
        self.metronome.create_contract(contract).unwrap()
    }
}

fn rows(page: &Value) -> Vec<String> {
    let rows = page.as_array().unwrap().iter();
    rows.map(|row| {
        let start = row["breakdown_start_timestamp"].as_str().unwrap();
        format!("{} {}", start.chars().take(13).collect::<String>(), row["total"])
    })
    .collect()
}

const TODAY: &str = "starting_on=2026-11-20T00:00:00Z&ending_before=2026-11-21T00:00:00Z";

#[test]
fn a_breakdown_is_the_invoice_with_the_lines_of_a_window() {
    let world = World::new();
    world.rated();
    world.used("a", "2026-11-20T12:10:00Z", "3");
    let page = world.listed(&world.breakdowns(&format!("{TODAY}&window_size=HOUR&limit=1&sort=date_desc")));
    assert_eq!(rows(&page), ["2026-11-20T13 0"], "the hour that runs");
    let row = world.listed(&world.breakdowns(TODAY))[0].clone();
    let invoice = world.metronome.invoices_of(world.customer)[0];
    assert_eq!(row["id"], json!(invoice));
    assert_eq!(row["start_timestamp"], "2026-11-01T00:00:00+00:00");
    assert_eq!(row["end_timestamp"], "2026-12-01T00:00:00+00:00");
    assert_eq!(row["breakdown_start_timestamp"], "2026-11-20T00:00:00+00:00");
    assert_eq!(row["breakdown_end_timestamp"], "2026-11-21T00:00:00+00:00");
    assert_eq!((&row["total"], &row["status"]), (&json!(6), &json!("DRAFT")));
    assert_eq!(row["line_items"][0]["quantity"], 3);
    assert_eq!(row["line_items"][0]["starting_at"], "2026-11-20T00:00:00+00:00");
}

#[test]
fn windows_lie_wholly_in_the_range_and_have_begun() {
    let world = World::new();
    world.rated();
    let hours =
        world.rows("window_size=hour&starting_on=2026-11-20T10:30:00Z&ending_before=2026-11-20T23:00:00Z");
    assert_eq!(hours, ["2026-11-20T11 0", "2026-11-20T12 0", "2026-11-20T13 0"]);
    let hours =
        world.rows("window_size=HOUR&starting_on=2026-11-20T11:00:00Z&ending_before=2026-11-20T12:59:59Z");
    assert_eq!(hours, ["2026-11-20T11 0"]);
    let days = world.rows("starting_on=2026-11-18T00:00:01Z&ending_before=2026-11-20T23:00:00Z");
    assert_eq!(days, ["2026-11-19T00 0"], "days are the default");
}

#[test]
fn days_and_hours_add_up_to_the_invoice() {
    let world = World::new();
    let contract = world.rated();
    for (id, time, n) in [
        ("a", "2026-11-01T00:00:00Z", "1"),
        ("b", "2026-11-18T23:59:59Z", "0.25"),
        ("c", "2026-11-19T00:00:00Z", "40"),
        ("d", "2026-11-20T13:00:00Z", "7"),
    ] {
        world.used(id, time, n);
    }
    world
        .metronome
        .grant_credit(contract, 50, at("2026-11-18T00:00:00Z"))
        .unwrap();
    let month =
        "starting_on=2026-11-01T00:00:00Z&ending_before=2026-12-01T00:00:00Z&skip_zero_qty_line_items=true";
    let days = world.rows(month);
    assert_eq!(
        days,
        [
            "2026-11-01T00 2",
            "2026-11-18T00 0",
            "2026-11-19T00 30.5",
            "2026-11-20T00 14"
        ]
    );
    let hours = world.rows(&format!("{month}&window_size=HOUR"));
    assert_eq!(
        hours,
        [
            "2026-11-01T00 2",
            "2026-11-18T23 0",
            "2026-11-19T00 30.5",
            "2026-11-20T13 14"
        ]
    );
    let total = world.listed(&format!("/v1/customers/{}/invoices", world.customer));
    assert_eq!(total[0]["total"].to_string(), "46.5");
}

/// Whatever comes in, cut, negative, and paid for by credits of several dates.
#[test]
fn hours_add_up_to_the_invoices_whatever_happens() {
    let world = World::new();
    let contract = world.rated();
    let mut seed: i64 = 7;
    let mut draw = |below: i64| {
        seed = (seed * 1_103_515_245 + 12_345) % 2_147_483_648;
        seed / 65_536 % below
    };
    for id in 0..200 {
        let time = format!("2026-11-{:02}T{:02}:{:02}:00Z", 1 + draw(19), draw(24), draw(60));
        world.used(&id.to_string(), &time, &(draw(50) - 10).to_string());
        if id % 50 == 0 {
            let from = at(&format!("2026-11-{:02}T{:02}:00:00Z", 1 + draw(19), draw(24)));
            world
                .metronome
                .grant_credit(contract, 1 + draw(900), from)
                .unwrap();
        }
    }
    world
        .metronome
        .recut(contract, at("2026-11-09T17:00:00Z"))
        .unwrap();
    let totals = |target: &str| -> i64 {
        let pages = world.walk(Method::GET, target, &Value::Null);
        let rows = pages.iter().flat_map(|page| page.as_array().unwrap());
        rows.map(|row| row["total"].as_i64().unwrap()).sum()
    };
    let invoices = totals(&world.invoices_at());
    assert!(invoices > 0);
    let month = "starting_on=2026-11-01T00:00:00Z&ending_before=2026-12-01T00:00:00Z&limit=100";
    for size in ["HOUR", "DAY"] {
        let windows = totals(&world.breakdowns(&format!("{month}&window_size={size}")));
        assert_eq!(windows, invoices, "{size}");
    }
    assert_eq!(
        world.metronome.invoice_total_of(world.customer, &[], &[]),
        invoices
    );
}

#[test]
fn an_answer_reaches_over_24_hours_or_35_days_and_100_rows() {
    let world = World::new();
    world.rated();
    world
        .metronome
        .create_contract(
            NewContract::new(world.customer, at("2026-09-01T00:00:00Z")).charging(world.metric, 1),
        )
        .unwrap();
    let sizes = |query: &str| -> Vec<usize> {
        let target = world.breakdowns(&format!(
            "starting_on=2026-10-01T00:00:00Z&ending_before=2026-11-19T00:00:00Z&{query}"
        ));
        let pages = world.walk(Method::GET, &target, &Value::Null);
        pages.iter().map(|page| page.as_array().unwrap().len()).collect()
    };
    assert_eq!(sizes("window_size=DAY&limit=100"), [31 + 4 * 2, 14 * 2]);
    assert_eq!(sizes("window_size=DAY&limit=30"), [30, 30, 7]);
    let hourly = sizes("window_size=HOUR&limit=100");
    assert_eq!(hourly.len(), 49);
    assert_eq!((hourly[0], hourly[48]), (24, 48));
}

#[test]
fn a_finalized_invoice_stands_and_its_breakdowns_move_on() {
    let world = World::new();
    world.rated();
    world.used("a", "2026-11-20T12:00:00Z", "3");
    world.clock.set(at("2026-12-03T00:00:00Z"));
    world.used("late", "2026-11-20T12:00:00Z", "1");
    let rows = world.rows(&format!("{TODAY}&status=FINALIZED"));
    assert_eq!(rows, ["2026-11-20T00 8"]);
    let invoices = world.listed(&format!("/v1/customers/{}/invoices", world.customer));
    assert_eq!(invoices[0]["total"], 6);
}

#[test]
fn void_invoices_and_scheduled_ones_have_no_breakdowns() {
    let world = World::new();
    let mut void = world.november().of(5);
    void.status = InvoiceStatus::Void;
    world.metronome.set_invoice(void).unwrap();
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-20T12:00:00Z")).of(5);
    world.metronome.set_invoice(charge).unwrap();
    assert_eq!(world.rows(TODAY), [] as [&str; 0]);
    assert_eq!(
        world.get(&world.breakdowns(&format!("{TODAY}&status=VOID"))).0,
        400
    );
}

#[test]
fn a_set_total_falls_into_the_hour_that_it_was_set_in() {
    let world = World::new();
    let invoice = world.set(world.november().of(5));
    let skip = format!("{TODAY}&window_size=HOUR&skip_zero_qty_line_items=true");
    assert_eq!(world.rows(&skip), ["2026-11-20T13 5"]);
    world.clock.set(at("2026-11-20T15:10:00Z"));
    world.metronome.set_total(invoice, 8).unwrap();
    assert_eq!(world.rows(&skip), ["2026-11-20T13 5", "2026-11-20T15 3"]);
    let past = NewInvoice::usage(
        world.customer,
        at("2026-11-19T00:00:00Z"),
        at("2026-11-19T06:00:00Z"),
    );
    world.metronome.set_invoice(past.of(9)).unwrap();
    let yesterday = "starting_on=2026-11-19T00:00:00Z&ending_before=2026-11-20T00:00:00Z&window_size=HOUR";
    let rows = world.rows(&format!("{yesterday}&skip_zero_qty_line_items=true"));
    assert_eq!(rows, ["2026-11-19T05 9"]);
}

#[test]
fn the_scenario_may_say_what_fell_into_which_hour() {
    let world = World::new();
    let invoice = world.set(world.november().of(5));
    let amount = |text: &str| text.parse::<BigDecimal>().unwrap();
    let hour = |text: &str| at(&format!("2026-11-20T{text}:00Z"));
    let amounts = [(hour("02:00"), amount("1.5")), (hour("03:00"), amount("-0.5"))];
    world.metronome.set_hourly(invoice, amounts.into()).unwrap();
    let rows = world.rows(&format!("{TODAY}&window_size=HOUR&skip_zero_qty_line_items=true"));
    assert_eq!(rows, ["2026-11-20T02 1.5", "2026-11-20T03 -0.5"]);
    assert_eq!(world.rows(TODAY), ["2026-11-20T00 1"]);
    for wrong in [hour("02:30"), at("2026-12-01T00:00:00Z")] {
        let refused = world.metronome.set_hourly(invoice, [(wrong, amount("1"))].into());
        assert_eq!(refused.unwrap_err().status, 400);
    }
}

#[test]
fn a_range_is_required_and_has_a_length() {
    let world = World::new();
    for query in [
        "starting_on=2026-11-20T00:00:00Z",
        "ending_before=2026-11-20T00:00:00Z",
        "starting_on=2026-11-20T00:00:00Z&ending_before=2026-11-20T00:00:00Z",
        "starting_on=2026-11-20T00:00:00Z&ending_before=2026-11-21T00:00:00Z&window_size=NONE",
        "starting_on=2026-11-20T00:00:00Z&ending_before=2026-11-21T00:00:00Z&type=USAGE",
    ] {
        assert_eq!(world.get(&world.breakdowns(query)).0, 400, "{query}");
    }
    let unknown = format!("/v1/customers/{}/invoices/breakdowns?{TODAY}", Uuid::nil());
    assert_eq!(world.get(&unknown).0, 404);
}

#[test]
fn a_stale_reading_is_of_what_was_seen_earlier() {
    let world = World::new();
    world.rated();
    world.used("a", "2026-11-20T12:00:00Z", "1");
    world.clock.advance(hours(1));
    world.used("b", "2026-11-20T12:00:00Z", "2");
    world.metronome.set_mischief(Mischief {
        stale_by: Some(TimeDelta::minutes(30)),
        times: Some(2),
        ..Mischief::default()
    });
    let total = || world.listed(&format!("/v1/customers/{}/invoices", world.customer))[0]["total"].clone();
    assert_eq!(world.rows(TODAY), ["2026-11-20T00 2"]);
    assert_eq!(total(), 2);
    assert_eq!(total(), 6);
}
