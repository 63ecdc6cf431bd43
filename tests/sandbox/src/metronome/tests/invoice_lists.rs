use super::super::Mischief;
use super::*;

/// October finalized, November running, a charge of 5 November, December's to come.
fn year(world: &World) -> [Uuid; 4] {
    let month = |from: &str, until: &str| NewInvoice::usage(world.customer, at(from), at(until));
    let december = world.set(month("2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"));
    let november = world.set(month("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z"));
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-05T00:00:00Z")).of(100);
    let charge = world.set(charge);
    let october = world.set(month("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z"));
    [october, charge, november, december]
}

#[test]
fn invoices_are_sorted_by_their_date_the_oldest_first_unless_asked() {
    let world = World::new();
    let [october, charge, november, december] = year(&world);
    let rising = [october, charge, november, december];
    let falling = [december, november, charge, october];
    assert_eq!(world.found("limit=100"), rising);
    assert_eq!(world.found("sort=date_asc"), rising);
    assert_eq!(world.found("sort=date_desc"), falling);
    for (order, wanted) in [("date_asc", rising), ("date_desc", falling)] {
        let target = format!("{}?limit=1&sort={order}", world.invoices_at());
        let pages = world.walk(Method::GET, &target, &Value::Null);
        assert_eq!(pages.iter().flat_map(ids).collect::<Vec<_>>(), wanted);
    }
}

#[test]
fn a_list_is_narrowed_by_status_type_contract_and_period() {
    let world = World::new();
    let [october, charge, november, december] = year(&world);
    assert_eq!(world.found("status=DRAFT"), [november, december]);
    assert_eq!(world.found("status=finalized"), [october, charge]);
    assert!(world.found("status=VOID").is_empty());
    assert_eq!(world.found("type=SCHEDULED"), [charge]);
    assert_eq!(
        world.found("starting_on=2026-11-01T00:00:00Z"),
        [november, december]
    );
    assert_eq!(
        world.found("ending_before=2026-12-01T00:00:01Z"),
        [october, november]
    );
    assert_eq!(
        world.found("ending_before=2026-12-01T00:00:00Z"),
        [october],
        "a period that ends just then does not end before"
    );
    let contract = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
    let contract = world.metronome.create_contract(contract).unwrap();
    let under = world.set(world.november().under(contract));
    assert_eq!(world.found(&format!("contract_id={contract}")), [under]);
    assert!(world.found(&format!("contract_id={}", Uuid::nil())).is_empty());
}

#[test]
fn query_values_that_mean_nothing_are_refused() {
    let world = World::new();
    for query in [
        "limit=0",
        "limit=101",
        "status=PAID",
        "type=CREDIT",
        "sort=date",
        "starting_on=2026-11-01",
        "contract_id=c-1",
        "skip_zero_qty_line_items=yes",
        "next_page=2",
        "window_size=DAY",
    ] {
        let (status, text) = world.get(&format!("{}?{query}", world.invoices_at()));
        assert_eq!(status, 400, "{query}");
        assert!(!message(&text).is_empty());
    }
}

#[test]
fn lines_without_quantity_are_left_out_on_request_and_the_total_stays() {
    let world = World::new();
    let mut new = world.november().of(2);
    new.line_items = 3;
    let invoice = world.set(new);
    let one = format!("{}/{invoice}", world.invoices_at());
    assert_eq!(world.listed(&one)["line_items"].as_array().unwrap().len(), 3);
    let rows = world.listed(&format!("{}?skip_zero_qty_line_items=true", world.invoices_at()));
    assert_eq!(rows[0]["line_items"].as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["total"], 2);
    let one = format!("{one}?skip_zero_qty_line_items=true");
    assert_eq!(world.listed(&one), rows[0]);
}

#[test]
fn a_draft_whose_date_moves_between_two_pages_is_on_both() {
    let world = World::new();
    let [october, charge, november, december] = year(&world);
    let target = format!("{}?limit=3", world.invoices_at());
    let (_, text) = world.get(&target);
    let first: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(ids(&first["data"]), [october, charge, november]);
    world.metronome.set_total(november, 9).unwrap();
    world
        .metronome
        .move_issue_date(november, at("2027-02-01T00:00:00Z"))
        .unwrap();
    let cursor = encode(first["next_page"].as_str().unwrap());
    let second = world.listed(&format!("{target}&next_page={cursor}"));
    assert_eq!(ids(&second), [december, november]);
    assert_eq!(
        (&first["data"][2]["total"], &second[1]["total"]),
        (&json!(0), &json!(9))
    );
}

#[test]
fn pages_of_invoices_can_come_twice_and_invoices_with_two_totals() {
    let world = World::new();
    let [october, charge, ..] = year(&world);
    world.metronome.set_mischief(Mischief {
        repeat_pages: true,
        ..Mischief::default()
    });
    let target = format!("{}?limit=3", world.invoices_at());
    let pages = world.walk(Method::GET, &target, &Value::Null);
    let sizes: Vec<usize> = pages.iter().map(|page| page.as_array().unwrap().len()).collect();
    assert_eq!(sizes, [3, 3, 1, 1]);
    world.metronome.set_mischief(Mischief {
        two_values: true,
        ..Mischief::default()
    });
    let rows = world.listed(&format!("{}?status=FINALIZED", world.invoices_at()));
    let totals: Vec<_> = rows.as_array().unwrap().iter().map(|row| &row["total"]).collect();
    assert_eq!(ids(&rows), [october, charge, october, charge]);
    assert_eq!(totals, [&json!(0), &json!(100), &json!(10), &json!(1100)]);
}
