//! What a single group must be like. Nothing is stored of one that is refused.

use super::*;

/// The status that refuses a group, and is not that of a group before it.
fn refused(world: &World, group: &Value) -> u16 {
    let status = world.send(group).unwrap_err();
    assert_eq!(world.suger.groups().len(), 0);
    status
}

fn this() -> Value {
    group(ID, 7)
}

#[test]
fn a_body_is_json_of_the_documents_shape() {
    let world = World::new();
    for body in ["", "{", "[]", "7", "null", r#"{"records": 7}"#, r#"{"id": 7}"#] {
        assert_eq!(world.ask("POST", GROUP, body), Err(400), "{body}");
    }
}

#[test]
fn a_content_type_is_json() {
    let world = World::new();
    let mut request = signed("POST", GROUP);
    let headers = request.headers_mut().unwrap();
    headers.insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(world.reply(request, &this().to_string()).status(), 400);
}

#[test]
fn a_body_has_a_bound() {
    let world = World::new();
    let body = |length: usize| {
        let text = this().to_string();
        format!("{text}{}", " ".repeat(length - text.len()))
    };
    assert_eq!(world.ask("POST", GROUP, &body(1_000_001)), Err(413));
    assert!(world.ask("POST", GROUP, &body(1_000_000)).is_ok());
}

#[test]
fn an_unknown_entitlement_is_not_found() {
    let world = World::new();
    let group = with(this(), "entitlementID", json!("ent-9"));
    let path = "/org/acme/entitlement/ent-9/usageRecordGroup";
    assert_eq!(world.ask("POST", path, &group.to_string()), Err(404));
}

#[test]
fn an_entitlement_that_is_not_active_takes_no_usage() {
    let world = World::new();
    let statuses = [
        EntitlementStatus::PendingStart,
        EntitlementStatus::PendingCancel,
        EntitlementStatus::Cancelled,
        EntitlementStatus::Suspended,
        EntitlementStatus::Deleted,
    ];
    for status in statuses {
        world.suger.set_status("acme", "ent-1", status);
        assert_eq!(refused(&world, &this()), 400, "{status:?}");
    }
    world.suger.set_status("acme", "ent-1", EntitlementStatus::Active);
    assert!(world.send(&this()).is_ok());
}

#[test]
fn a_retry_after_the_end_is_a_duplicate_or_by_a_switch_a_refusal() {
    let world = World::new();
    world.send(&this()).unwrap();
    world
        .suger
        .set_status("acme", "ent-1", EntitlementStatus::Cancelled);
    assert_eq!(world.send(&this()), Err(409));
    world.suger.switch(|switches| switches.rules_before_id = true);
    assert_eq!(world.send(&this()), Err(400));
    assert_eq!(world.suger.duplicates(), [ID]);
    assert_eq!(world.total(), number("7"));

    world.suger.set_status("acme", "ent-1", EntitlementStatus::Active);
    assert_eq!(world.send(&this()), Err(409));
}

#[test]
fn the_body_names_the_organization_and_the_entitlement_of_the_path() {
    let world = World::new();
    for member in ["organizationID", "entitlementID"] {
        assert_eq!(refused(&world, &without(this(), member)), 400);
    }
    assert_eq!(
        refused(&world, &with(this(), "organizationID", json!("zeta"))),
        400
    );
    assert_eq!(
        refused(&world, &with(this(), "entitlementID", json!("ent-2"))),
        400
    );
}

#[test]
fn an_id_is_a_uuid_of_at_most_36_characters() {
    let world = World::new();
    for id in ["", "invoice-7", "{0c4a9e7e-58f2-5c5e-9b36-5f4e2d1c0b0a}"] {
        assert_eq!(refused(&world, &with(this(), "id", json!(id))), 400, "{id}");
    }
    assert!(world.send(&this()).is_ok());
}

#[test]
fn an_id_may_be_written_as_the_tutorial_writes_it() {
    let world = World::new();
    world.send(&with(without(this(), "id"), "ID", json!(ID))).unwrap();
    assert_eq!(world.send(&this()), Err(409));
}

#[test]
fn an_unknown_dimension_is_refused() {
    let world = World::new();
    let records = json!({"api_calls": 1, "nothing": 1});
    assert_eq!(refused(&world, &with(this(), "records", records)), 400);
}

#[test]
fn an_unknown_dimension_makes_the_group_invalid_and_unbilled_by_a_switch() {
    let world = World::new();
    world
        .suger
        .switch(|switches| switches.unknown_dimension = UnknownDimension::Invalid);
    let records = json!({"api_calls": 1, "nothing": 1});
    let answer = world.send(&with(this(), "records", records)).unwrap();
    assert_eq!(answer["status"], "INVALID");
    assert_eq!(world.suger.totals(), BTreeMap::new());
    world.clock.set(at("2026-11-20T15:00:00Z"));
    assert_eq!(world.suger.reports().len(), 0);
    assert_eq!(world.suger.groups()[0].status, Status::Invalid);
}

#[test]
fn a_dimension_goes_by_its_key_or_its_name() {
    let world = World::new();
    let records = json!({"api_calls": 1, "API calls": 2});
    let answer = world.send(&with(this(), "records", records.clone())).unwrap();
    assert_eq!(answer["records"], json!({"api_calls": 3}));
    assert_eq!(answer["metaInfo"]["originRecords"], records);
    assert_eq!(world.total(), number("3"));
}

#[test]
fn a_quantity_is_a_number_that_is_not_negative() {
    let world = World::new();
    for quantity in [json!(-1), json!("7"), json!(null), json!(true), json!([7])] {
        let group = with(this(), "records", json!({"api_calls": quantity}));
        assert_eq!(refused(&world, &group), 400, "{quantity}");
    }
}

#[test]
fn a_group_without_a_quantity_above_zero_is_refused() {
    let world = World::new();
    assert_eq!(refused(&world, &group(ID, 0)), 400);
    assert_eq!(refused(&world, &with(this(), "records", json!({}))), 400);
    assert_eq!(refused(&world, &without(this(), "records")), 400);
    let some = json!({"api_calls": 0, "users": 1});
    assert!(world.send(&with(this(), "records", some)).is_ok());
}

fn send_number(world: &World, text: &str) -> Result<Value, u16> {
    let body = without(this(), "id").to_string();
    let body = body.replace(r#"{"api_calls":7}"#, &format!(r#"{{"api_calls":{text}}}"#));
    world.ask("POST", GROUP, &body)
}

#[test]
fn quantities_keep_all_their_digits() {
    let world = World::new();
    let tenths = ["0.1", "0.2", "9007199254740993", "0.000001", "1e-7", "2.50e2"];
    for text in tenths {
        send_number(&world, text).unwrap();
    }
    assert_eq!(world.total(), number("9007199254741243.3000011"));
    let reply = world.reply(signed("GET", GROUPS), "");
    let text = String::from_utf8(reply.body().to_vec()).unwrap();
    assert!(text.contains(r#""records":{"api_calls":9007199254740993}"#));
    assert!(text.contains(r#""records":{"api_calls":250}"#));
}

#[test]
fn a_number_of_endless_length_is_refused() {
    let world = World::new();
    for text in ["1e41", "1e-41", "1e999999999999", &"9".repeat(81)] {
        assert_eq!(send_number(&world, text), Err(400), "{text}");
    }
    assert!(send_number(&world, "1e40").is_ok());
}

#[test]
fn billable_records_of_one_key_add_up_and_are_echoed() {
    let world = World::new();
    let billable = json!([
        {"key": "api_calls", "properties": {"region": "east"}, "quantity": 2},
        {"key": "api_calls", "properties": {"region": "west"}, "quantity": 3},
    ]);
    let group = with(without(this(), "records"), "billableRecords", billable.clone());
    let answer = world.send(&group).unwrap();
    assert_eq!(answer["metaInfo"]["billableRecords"], billable);
    assert_eq!(answer["records"], json!({}));
    assert_eq!(world.total(), number("5"));
}

#[test]
fn a_billable_record_has_a_key_and_a_quantity() {
    let world = World::new();
    for record in [json!({"key": "api_calls"}), json!({"quantity": 1})] {
        let group = with(without(this(), "records"), "billableRecords", json!([record]));
        assert_eq!(refused(&world, &group), 400);
    }
}

#[test]
fn records_and_billable_records_exclude_each_other() {
    let world = World::new();
    let billable = json!([{"key": "api_calls", "quantity": 1}]);
    assert_eq!(refused(&world, &with(this(), "billableRecords", billable)), 400);
}

#[test]
fn what_is_read_only_or_not_simulated_is_refused() {
    let world = World::new();
    assert_eq!(
        refused(&world, &with(this(), "metaInfo", json!({"SkipValidation": true}))),
        400
    );
    assert_eq!(refused(&world, &with(this(), "usageAllocations", json!({}))), 400);
}

#[test]
fn a_timestamp_is_a_time_that_has_been() {
    let world = World::new();
    for timestamp in ["2026-11-20", "1795183200", "2026-11-20T14:05:01Z", ""] {
        assert_eq!(
            refused(&world, &with(this(), "timestamp", json!(timestamp))),
            400,
            "{timestamp}"
        );
    }
    let answer = world
        .send(&with(this(), "timestamp", json!("2026-11-20T15:05:00+01:00")))
        .unwrap();
    assert_eq!(answer["metaInfo"]["timestamp"], "2026-11-20T14:05:00Z");
}

#[test]
fn a_group_without_a_timestamp_is_of_now() {
    let world = World::new();
    world.send(&without(this(), "timestamp")).unwrap();
    assert_eq!(world.suger.groups()[0].timestamp, at("2026-11-20T14:05:00Z"));
}

#[test]
fn a_timestamp_has_no_age_but_by_a_switch() {
    let world = World::new();
    let old = |id: &str, timestamp: &str| with(group(id, 1), "timestamp", json!(timestamp));
    world.send(&old(ID, "2026-10-01T00:00:00Z")).unwrap();
    world
        .suger
        .switch(|switches| switches.oldest = Some(TimeDelta::hours(24)));
    assert_eq!(world.send(&old(OTHER_ID, "2026-11-19T14:04:59Z")), Err(400));
    assert!(world.send(&old(OTHER_ID, "2026-11-19T14:05:00Z")).is_ok());
}
