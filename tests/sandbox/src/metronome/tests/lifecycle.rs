use super::*;

impl World {
    /// A contract that charges 2 cents a unit, from a time on.
    fn charging(&self, from: &str) -> Uuid {
        let contract = NewContract::new(self.customer, at(from)).charging(self.metric, 2);
        self.metronome.create_contract(contract).unwrap()
    }

    /// Every invoice: id, status, first and last day, total.
    fn book(&self) -> Vec<(Uuid, String, String, String, String)> {
        let rows = self.listed(&format!("/v1/customers/{}/invoices?limit=100", self.customer));
        let text = |row: &Value, field: &str| row[field].as_str().unwrap_or("-").chars().take(13).collect();
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| {
                let id = row["id"].as_str().unwrap().parse().unwrap();
                let (start, end) = (text(row, "start_timestamp"), text(row, "end_timestamp"));
                (id, text(row, "status"), start, end, row["total"].to_string())
            })
            .collect()
    }

    /// The same without the ids, a word each.
    fn told(&self) -> Vec<String> {
        let book = self.book().into_iter();
        book.map(|(_, status, start, end, total)| format!("{status} {start} {end} {total}"))
            .collect()
    }

    fn status(&self, invoice: Uuid) -> String {
        let book = self.book().into_iter();
        let mut found = book
            .filter(|(id, ..)| *id == invoice)
            .map(|(_, status, ..)| status);
        found.next().unwrap()
    }
}

#[test]
fn a_contract_has_a_draft_from_the_start_of_each_month_and_of_its_own() {
    let world = World::new();
    world.charging("2026-11-20T14:00:00Z");
    assert_eq!(world.told(), [] as [&str; 0]);
    world.clock.set(at("2026-11-20T14:00:00Z"));
    assert_eq!(world.told(), ["DRAFT 2026-11-20T14 2026-12-01T00 0"]);
    world.clock.set(at("2026-11-30T23:59:59Z"));
    assert_eq!(world.told().len(), 1);
    world.clock.set(at("2026-12-01T00:00:00Z"));
    assert_eq!(
        world.told(),
        [
            "DRAFT 2026-11-20T14 2026-12-01T00 0",
            "DRAFT 2026-12-01T00 2027-01-01T00 0"
        ]
    );
}

#[test]
fn a_contract_without_rates_has_no_invoices_of_its_own() {
    let world = World::new();
    let contract = NewContract::new(world.customer, at("2026-10-01T00:00:00Z"));
    world.metronome.create_contract(contract).unwrap();
    assert_eq!(world.told(), [] as [&str; 0]);
}

#[test]
fn a_draft_moves_for_a_day_after_its_period_and_then_no_more() {
    let world = World::new();
    world.charging("2026-11-01T00:00:00Z");
    world.used("a", "2026-11-20T12:00:00Z", "5");
    assert_eq!(world.told(), ["DRAFT 2026-11-01T00 2026-12-01T00 10"]);
    world.clock.set(at("2026-12-01T23:59:59Z"));
    world.used("b", "2026-11-30T12:00:00Z", "1");
    assert_eq!(world.told()[0], "DRAFT 2026-11-01T00 2026-12-01T00 12");
    world.clock.set(at("2026-12-02T00:00:00Z"));
    world.used("c", "2026-11-30T12:00:00Z", "100");
    assert_eq!(world.told()[0], "FINALIZED 2026-11-01T00 2026-12-01T00 12");
}

#[test]
fn a_finalized_total_is_of_the_events_that_were_seen_then_however_late_it_is_asked_for() {
    let world = World::new();
    world.charging("2026-11-01T00:00:00Z");
    world.metronome.set_visibility_delay(TimeDelta::minutes(10));
    world.used("a", "2026-11-20T12:00:00Z", "1");
    world.clock.set(at("2026-12-01T23:50:00Z"));
    world.used("b", "2026-11-30T12:00:00Z", "10");
    world.clock.set(at("2026-12-01T23:51:00Z"));
    world.used("c", "2026-11-30T12:00:00Z", "100");
    world.clock.set(at("2026-12-20T00:00:00Z"));
    world.used("d", "2026-11-30T12:00:00Z", "1000");
    assert_eq!(world.told()[0], "FINALIZED 2026-11-01T00 2026-12-01T00 22");
    world.metronome.set_ingest_aliases(world.customer, &[]).unwrap();
    assert_eq!(world.told()[0], "FINALIZED 2026-11-01T00 2026-12-01T00 22");
}

#[test]
fn support_may_set_another_grace_period() {
    let world = World::new();
    world.charging("2026-11-01T00:00:00Z");
    world.metronome.set_grace_period(TimeDelta::hours(72));
    world.clock.set(at("2026-12-03T23:59:59Z"));
    assert!(world.told()[0].starts_with("DRAFT"));
    world.metronome.set_grace_period(TimeDelta::hours(71));
    assert!(world.told()[0].starts_with("FINALIZED"));
}

#[test]
fn a_usage_invoice_is_dated_at_the_end_of_its_period_once_it_is_finalized() {
    let world = World::new();
    let invoice = world.set(world.november());
    let issued = || {
        let target = format!("/v1/customers/{}/invoices/{invoice}", world.customer);
        world.listed(&target)["issued_at"].clone()
    };
    assert_eq!(issued(), Value::Null);
    world.clock.set(at("2026-12-02T00:00:00Z"));
    assert_eq!(issued(), "2026-12-01T00:00:00+00:00");
}

#[test]
fn a_scheduled_invoice_is_finalized_at_its_date_and_has_no_period() {
    let world = World::new();
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-20T15:00:00Z")).of(99);
    let invoice = world.set(charge);
    assert_eq!(world.told(), ["DRAFT - - 99"]);
    world.clock.set(at("2026-11-20T15:00:00Z"));
    assert_eq!(world.told(), ["FINALIZED - - 99"]);
    let shown = world.listed(&format!("/v1/customers/{}/invoices/{invoice}", world.customer));
    assert_eq!(shown["type"], "SCHEDULED");
    assert_eq!(shown["line_items"][0]["type"], "scheduled");
    assert_eq!(shown["issued_at"], "2026-11-20T15:00:00+00:00");
}

#[test]
fn the_date_of_a_draft_can_be_moved_up_to_the_end_of_its_contract() {
    let world = World::new();
    let mut contract = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
    contract.ending_before = Some(at("2026-12-01T00:00:00Z"));
    let contract = world.metronome.create_contract(contract).unwrap();
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-21T00:00:00Z"));
    let invoice = world.set(charge.under(contract));
    let target = "/v1/contracts/updateInvoiceIssueDate";
    let to = |date: &str| json!({ "invoice_id": invoice, "issue_date": date });
    world.refused(400, target, &to("2026-12-01T00:00:01Z"));
    assert_eq!(
        world.ok(target, &to("2026-11-25T00:00:00Z")),
        json!({ "data": { "id": invoice } })
    );
    world.clock.set(at("2026-11-24T23:59:59Z"));
    assert_eq!(world.status(invoice), "DRAFT");
    world.clock.set(at("2026-11-25T00:00:00Z"));
    assert_eq!(world.status(invoice), "FINALIZED");
    world.refused(400, target, &to("2026-11-26T00:00:00Z"));
    let unknown = json!({ "invoice_id": Uuid::nil(), "issue_date": "2026-11-26T00:00:00Z" });
    world.refused(404, target, &unknown);
}

#[test]
fn only_a_finalized_invoice_can_be_voided_and_once() {
    let world = World::new();
    let invoice = world.set(world.november().of(5));
    let call = json!({ "id": invoice });
    world.refused(400, "/v1/invoices/void", &call);
    world.clock.set(at("2026-12-02T00:00:00Z"));
    assert_eq!(
        world.ok("/v1/invoices/void", &call),
        json!({ "data": { "id": invoice } })
    );
    assert_eq!(
        world.told(),
        ["VOID 2026-11-01T00 2026-12-01T00 5"],
        "the total is still shown"
    );
    world.refused(400, "/v1/invoices/void", &call);
    world.refused(404, "/v1/invoices/void", &json!({ "id": Uuid::nil() }));
    world.refused(400, "/v1/invoices/void", &json!({ "id": "i-1" }));
}

#[test]
fn only_a_voided_invoice_can_be_made_anew_and_once_under_a_new_id() {
    let world = World::new();
    let mut new = world.november().of(5);
    new.status = InvoiceStatus::Finalized;
    new.period = Some((at("2026-10-01T00:00:00Z"), at("2026-11-01T00:00:00Z")));
    let old = world.set(new);
    let call = json!({ "id": old });
    world.refused(400, "/v1/invoices/regenerate", &call);
    world.metronome.void_invoice(old).unwrap();
    let made = world.ok("/v1/invoices/regenerate", &call)["data"]["id"].clone();
    assert_ne!(made, json!(old));
    let shown = world.listed(&format!(
        "/v1/customers/{}/invoices/{}",
        world.customer,
        made.as_str().unwrap()
    ));
    assert_eq!(shown["regenerated_from_invoice_id"], json!(old));
    assert_eq!(
        (&shown["status"], &shown["total"]),
        (&json!("FINALIZED"), &json!(5))
    );
    world.refused(400, "/v1/invoices/regenerate", &call);
    world.refused(404, "/v1/invoices/regenerate", &json!({ "id": Uuid::nil() }));
    assert_eq!(world.metronome.invoice_total_of(world.customer, &[], &[]), 5);
}

#[test]
fn a_set_invoice_may_come_to_something_else_when_it_is_made_anew() {
    let world = World::new();
    let mut new = world.november().of(5);
    new.status = InvoiceStatus::Finalized;
    let old = world.set(new);
    world.metronome.void_invoice(old).unwrap();
    let made = world.metronome.regenerate_invoice_of(old, 3).unwrap();
    assert_eq!(world.status(made), "DRAFT", "its period is not over");
    assert_eq!(world.metronome.invoice_total_of(world.customer, &[], &[]), 3);
}

#[test]
fn a_rated_invoice_is_made_anew_from_the_events_of_now() {
    let world = World::new();
    world.charging("2026-11-01T00:00:00Z");
    world.used("a", "2026-11-20T12:00:00Z", "5");
    world.clock.set(at("2026-12-03T00:00:00Z"));
    world.used("late", "2026-11-20T12:00:00Z", "1");
    let old = world.book()[0].0;
    world.metronome.void_invoice(old).unwrap();
    assert_eq!(
        world.metronome.regenerate_invoice_of(old, 1).unwrap_err().status,
        400
    );
    let made = world.metronome.regenerate_invoice(old).unwrap();
    world.used("later", "2026-11-20T12:00:00Z", "100");
    assert_eq!(
        world.told()[..2],
        [
            "VOID 2026-11-01T00 2026-12-01T00 10",
            "FINALIZED 2026-11-01T00 2026-12-01T00 12"
        ]
    );
    assert_eq!(world.book()[1].0, made);
    assert_eq!(world.metronome.invoice_total_of(world.customer, &[], &[]), 12);
}

#[test]
fn a_regeneration_sent_twice_under_its_key_makes_one_invoice() {
    let world = World::new();
    let mut new = world.november();
    new.status = InvoiceStatus::Finalized;
    let old = world.set(new);
    world.metronome.void_invoice(old).unwrap();
    let request = Request::post("/v1/invoices/regenerate")
        .header("authorization", format!("Bearer {TOKEN}"))
        .header("idempotency-key", "k-1")
        .body(Bytes::from(json!({ "id": old }).to_string()))
        .unwrap();
    let answers = [world.send(&request), world.send(&request)];
    assert_eq!(answers[0].status(), 200);
    assert_eq!(answers[0].body(), answers[1].body());
    assert_eq!(world.metronome.invoices_of(world.customer).len(), 2);
}

#[test]
fn an_edit_can_cut_a_running_draft_in_two() {
    let world = World::new();
    let contract = world.charging("2026-11-01T00:00:00Z");
    world.used("a", "2026-11-19T12:00:00Z", "1");
    world.used("b", "2026-11-20T12:00:00Z", "10");
    let before = world.book()[0].0;
    let second = world
        .metronome
        .recut(contract, at("2026-11-20T12:00:00Z"))
        .unwrap();
    assert_eq!(
        world.told(),
        [
            "DRAFT 2026-11-01T00 2026-11-20T12 2",
            "DRAFT 2026-11-20T12 2026-12-01T00 20"
        ]
    );
    assert_eq!([world.book()[0].0, world.book()[1].0], [before, second]);
    world.clock.set(at("2026-11-21T12:00:00Z"));
    assert_eq!(world.status(before), "FINALIZED");
    for at_hour in [
        "2026-11-20T12:00:00Z",
        "2026-11-20T12:30:00Z",
        "2026-12-01T00:00:00Z",
    ] {
        assert_eq!(
            world.metronome.recut(contract, at(at_hour)).unwrap_err().status,
            400
        );
    }
    world.clock.set(at("2026-12-01T00:00:00Z"));
    assert_eq!(world.told()[2], "DRAFT 2026-12-01T00 2027-01-01T00 0");
}

#[test]
fn a_contract_that_ends_cuts_its_draft_and_one_that_goes_on_lengthens_it() {
    let world = World::new();
    let contract = world.charging("2026-11-01T00:00:00Z");
    let end = |time: Option<&str>| world.metronome.end_contract(contract, time.map(at));
    end(Some("2026-11-25T00:00:00Z")).unwrap();
    assert_eq!(world.told(), ["DRAFT 2026-11-01T00 2026-11-25T00 0"]);
    world.clock.set(at("2026-11-25T12:00:00Z"));
    end(Some("2026-12-05T00:00:00Z")).unwrap();
    assert_eq!(world.told(), ["DRAFT 2026-11-01T00 2026-12-01T00 0"]);
    world.clock.set(at("2026-12-10T00:00:00Z"));
    assert_eq!(
        world.told(),
        [
            "FINALIZED 2026-11-01T00 2026-12-01T00 0",
            "FINALIZED 2026-12-01T00 2026-12-05T00 0"
        ]
    );
    end(None).unwrap();
    assert_eq!(world.told()[2], "DRAFT 2026-12-05T00 2027-01-01T00 0");
}

#[test]
fn an_end_in_the_past_leaves_finalized_invoices_and_voids_what_is_beyond() {
    let world = World::new();
    let contract = world.charging("2026-10-01T00:00:00Z");
    let charge = NewInvoice::scheduled(world.customer, at("2026-11-25T00:00:00Z"));
    world.set(charge.under(contract));
    let call = |allow: bool| {
        json!({ "customer_id": world.customer, "contract_id": contract,
            "ending_before": "2026-10-15T00:00:00Z", "allow_ending_before_finalized_invoice": allow })
    };
    world.refused(400, "/v1/contracts/updateEndDate", &call(false));
    world.ok("/v1/contracts/updateEndDate", &call(true));
    let book = world.book();
    let cut_off = book
        .iter()
        .find(|(_, status, ..)| status == "VOID")
        .map(|row| row.0);
    let refused = world.metronome.regenerate_invoice(cut_off.unwrap());
    assert_eq!(refused.unwrap_err().status, 400, "it has no period");
    let mut told = world.told();
    told.sort();
    assert_eq!(
        told,
        [
            "FINALIZED 2026-10-01T00 2026-11-01T00 0",
            "VOID - - 0",
            "VOID - - 0"
        ]
    );
}

#[test]
fn an_archived_contract_voids_its_drafts_and_on_request_the_rest() {
    for (void_invoices, october) in [(false, "FINALIZED"), (true, "VOID")] {
        let world = World::new();
        let contract = world.charging("2026-10-01T00:00:00Z");
        let other = world.set(world.november().of(1));
        let call =
            json!({ "customer_id": world.customer, "contract_id": contract, "void_invoices": void_invoices });
        assert_eq!(
            world.ok("/v1/contracts/archive", &call),
            json!({ "data": { "id": contract } })
        );
        world.refused(400, "/v1/contracts/archive", &call);
        assert_eq!(
            world.told()[..2],
            [
                format!("{october} 2026-10-01T00 2026-11-01T00 0"),
                "VOID 2026-11-01T00 2026-12-01T00 0".to_owned()
            ]
        );
        assert_eq!(world.status(other), "DRAFT", "it is under no contract");
        world.clock.set(at("2026-12-10T00:00:00Z"));
        assert_eq!(world.book().len(), 3, "no month begins any more");
        let void = world.book()[1].0;
        assert_eq!(world.metronome.regenerate_invoice(void).unwrap_err().status, 400);
    }
}

#[test]
fn an_archived_customer_has_archived_contracts_and_void_invoices() {
    let world = World::new();
    world.charging("2026-10-01T00:00:00Z");
    world.set(world.november().of(1));
    world.ok("/v1/customers/archive", &json!({ "id": world.customer }));
    assert!(world.told().iter().all(|told| told.starts_with("VOID")));
    let contracts = world.ok("/v2/contracts/list", &json!({ "customer_id": world.customer }));
    assert_eq!(contracts["data"], json!([]));
    let contract = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
    assert_eq!(world.metronome.create_contract(contract).unwrap_err().status, 400);
}

#[test]
fn ids_are_the_same_in_every_run_whenever_the_clock_is_asked() {
    let ids = |asked: bool| {
        let world = World::new();
        world.charging("2026-11-01T00:00:00Z");
        for day in [
            "2026-12-01T00:00:00Z",
            "2027-01-01T00:00:00Z",
            "2027-02-01T00:00:00Z",
        ] {
            world.clock.set(at(day));
            if asked {
                world.book();
            }
        }
        world.metronome.invoices_of(world.customer)
    };
    assert_eq!(ids(true), ids(false));
    assert_eq!(ids(true).len(), 4);
}
