//! Lists of groups: filters, pages, and how they are spoiled.

use super::*;

/// Five groups without ids, of 1 to 5 calls.
fn five() -> World {
    let world = World::new();
    for quantity in 1..=5 {
        world.send(&without(group(ID, quantity), "id")).unwrap();
    }
    world
}

fn listed(world: &World, query: &str) -> Vec<i64> {
    calls(&world.get(&format!("{GROUPS}?{query}")).unwrap()["usageRecordGroups"])
}

fn next_offset(world: &World, query: &str) -> Value {
    world.get(&format!("{GROUPS}?{query}")).unwrap()["nextOffset"].clone()
}

#[test]
fn a_list_is_walked_by_offsets() {
    let world = five();
    assert_eq!(listed(&world, "limit=2"), [1, 2]);
    assert_eq!(next_offset(&world, "limit=2"), 2);
    assert_eq!(listed(&world, "limit=2&offset=2"), [3, 4]);
    assert_eq!(next_offset(&world, "limit=2&offset=2"), 4);
    assert_eq!(listed(&world, "limit=2&offset=4"), [5]);
    assert_eq!(listed(&world, "offset=9"), [] as [i64; 0]);
}

#[test]
fn the_last_page_has_no_next_offset_or_by_switches_zero_or_one_past_the_end() {
    let world = five();
    assert_eq!(next_offset(&world, "limit=3&offset=2"), Value::Null);
    world.suger.switch(|switches| switches.last_page = LastPage::Zero);
    assert_eq!(next_offset(&world, "limit=3&offset=2"), 0);
    world
        .suger
        .switch(|switches| switches.last_page = LastPage::Onward);
    assert_eq!(next_offset(&world, "limit=3&offset=2"), 5);
    assert_eq!(listed(&world, "limit=3&offset=5"), [] as [i64; 0]);
}

#[test]
fn a_page_has_at_most_a_thousand_groups() {
    let world = five();
    for query in ["limit=1001", "limit=0", "limit=-1", "limit=x", "offset=-1"] {
        assert_eq!(world.get(&format!("{GROUPS}?{query}")), Err(400), "{query}");
    }
    assert_eq!(listed(&world, "limit=1000").len(), 5);
    for _ in 0..10 {
        world.batch(&vec![item(1); 100]).unwrap();
    }
    assert_eq!(listed(&world, "").len(), 1000);
    assert_eq!(next_offset(&world, ""), 1000);
}

#[test]
fn a_list_is_of_one_owner_status_and_source() {
    let world = five();
    world
        .batch(&[with(item(6), "entitlementID", json!("ent-2"))])
        .unwrap();
    for query in ["entitlementId=ent-2", "buyerId=initech", "partner=GCP"] {
        assert_eq!(listed(&world, query), [6], "{query}");
    }
    let first = world.suger.groups()[0].id.clone();
    world.delete(&first).unwrap();
    assert_eq!(listed(&world, "status=DELETED"), [1]);
    assert_eq!(listed(&world, "status=CREATED&entitlementId=ent-1"), [2, 3, 4, 5]);
    assert_eq!(listed(&world, "status=REPORT_FAILED"), [] as [i64; 0]);
    assert_eq!(listed(&world, "source=METRONOME"), [] as [i64; 0]);
    assert_eq!(listed(&world, "source=API").len(), 6);
    assert_eq!(listed(&world, "source=").len(), 6);
}

#[test]
fn another_organizations_groups_are_not_shown() {
    let world = five();
    world.suger.add_organization("zeta", "another-key");
    let request = with_key(signed("GET", "/org/zeta/usageRecordGroup"), "another-key");
    let reply = world.reply(request, "");
    assert_eq!(reply.body(), r#"{"usageRecordGroups":[]}"#);
}

#[test]
fn a_list_takes_no_words_that_it_does_not_know() {
    let world = five();
    let queries = [
        "status=DONE",
        "partner=aws",
        "source=OTHER",
        "metaInfo=x",
        "productId=x",
        "limit=1&limit=2",
        "partner=AWS&entitlementId=ent-1",
        "buyerId=globex&entitlementId=ent-1",
    ];
    for query in queries {
        assert_eq!(world.get(&format!("{GROUPS}?{query}")), Err(400), "{query}");
    }
}

#[test]
fn a_list_goes_back_thirty_days_of_creation() {
    let world = five();
    world.clock.set(at("2026-12-20T23:59:59Z"));
    assert_eq!(listed(&world, "").len(), 5);
    world.clock.set(at("2026-12-21T00:00:00Z"));
    assert_eq!(listed(&world, "").len(), 0);
    assert_eq!(listed(&world, "endDate=2026-11-20").len(), 5);
    assert_eq!(listed(&world, "startDate=2026-11-20").len(), 5);
    assert_eq!(listed(&world, "startDate=2026-11-21").len(), 0);
    for query in [
        "startDate=2026-11-21&endDate=2026-11-20",
        "startDate=20.11.2026",
        "endDate=2026-1-2",
    ] {
        assert_eq!(world.get(&format!("{GROUPS}?{query}")), Err(400), "{query}");
    }
}

#[test]
fn a_page_comes_in_reverse_and_late_by_switches() {
    let world = five();
    world.suger.switch(|switches| {
        switches.out_of_order = true;
        switches.list_delay = TimeDelta::minutes(1);
    });
    assert_eq!(listed(&world, "limit=2"), [] as [i64; 0]);
    world.clock.advance(TimeDelta::minutes(1));
    assert_eq!(listed(&world, "limit=2"), [2, 1]);
    assert_eq!(listed(&world, "limit=2&offset=2"), [4, 3]);
}
