use super::*;

fn used_everywhere() -> World {
    let world = World::new();
    for (id, hour, region, size) in [
        ("a", 1, "eu", "s"),
        ("b", 2, "eu", "l"),
        ("c", 3, "us", "s"),
        ("d", 4, "eu", "s"),
    ] {
        let event = use_of(id, &format!("2026-11-20T0{hour}:00:00Z"), "1").with("region", region);
        world.metronome.ingest(event.with("size", size)).unwrap();
    }
    world.used("e", "2026-11-20T05:00:00Z", "10");
    world
}

impl World {
    fn groups(&self, more: Value) -> Value {
        let mut query = json!({ "customer_id": self.customer, "billable_metric_id": self.metric,
            "window_size": "day", "starting_on": "2026-11-20T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z" });
        for (name, value) in more.as_object().unwrap() {
            query[name] = value.clone();
        }
        query
    }
}

#[test]
fn without_a_key_there_is_one_row_a_window() {
    let world = used_everywhere();
    let answer = world.ok("/v1/usage/groups", &world.groups(json!({})));
    let row = json!({ "starting_on": "2026-11-20T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z",
        "group_key": null, "group_value": null, "value": 14 });
    assert_eq!(answer, json!({ "data": [row], "next_page": null }));
    let hours = world.walk(
        Method::POST,
        "/v1/usage/groups",
        &world.groups(json!({ "window_size": "HOUR" })),
    );
    assert_eq!(hours[0][0]["value"], Value::Null);
}

#[test]
fn a_simple_key_names_its_group_in_the_old_way_too_and_events_without_it_have_none() {
    let world = used_everywhere();
    let rows = world.ok(
        "/v1/usage/groups",
        &world.groups(json!({ "group_key": ["region"] })),
    )["data"]
        .clone();
    let said = |row: &Value| json!([row["group_key"], row["group_value"], row["group"], row["value"]]);
    let rows: Vec<Value> = rows.as_array().unwrap().iter().map(said).collect();
    assert_eq!(
        rows,
        [
            json!(["region", null, {}, 10]),
            json!(["region", "eu", { "region": "eu" }, 3]),
            json!(["region", "us", { "region": "us" }, 1])
        ]
    );
    let old = world.groups(json!({ "group_by": { "key": "region", "values": ["us"] } }));
    let rows = world.ok("/v1/usage/groups", &old)["data"].clone();
    assert_eq!(rows.as_array().unwrap().len(), 1);
    assert_eq!(rows[0]["group_value"], "us");
}

#[test]
fn a_compound_key_is_given_whole_and_filtered_by_its_own_keys() {
    let world = used_everywhere();
    let filters = json!({ "region": ["eu"], "size": [] });
    let query = world.groups(json!({ "group_key": ["region", "size"], "group_filters": filters }));
    let rows = world.ok("/v1/usage/groups", &query)["data"].clone();
    assert_eq!(rows[0]["group"], json!({ "region": "eu", "size": "l" }));
    assert_eq!(
        (&rows[0]["group_key"], &rows[0]["value"]),
        (&Value::Null, &json!(1))
    );
    assert_eq!(rows[1]["value"], 2);
    assert_eq!(rows.as_array().unwrap().len(), 2);
    let refused = |more| world.refused(400, "/v1/usage/groups", &world.groups(more));
    refused(json!({ "group_key": ["size"] }));
    refused(json!({ "group_key": ["region", "team"] }));
    refused(json!({ "group_key": ["region", "size", "team"] }));
    refused(json!({ "group_key": [] }));
    refused(json!({ "group_key": ["region"], "group_filters": { "size": ["s"] } }));
    refused(json!({ "group_filters": { "region": ["eu"] } }));
    refused(json!({ "group_key": ["region"], "group_by": { "key": "region" } }));
    let many: Value = (0..201).map(|n| json!(n.to_string())).collect();
    refused(json!({ "group_key": ["region"], "group_filters": { "region": many } }));
}

#[test]
fn the_range_is_given_by_midnights_or_by_a_contract_that_nobody_has() {
    let world = used_everywhere();
    let refused = |more| world.refused(400, "/v1/usage/groups", &world.groups(more));
    refused(json!({ "starting_on": "2026-11-20T01:00:00Z" }));
    refused(json!({ "ending_before": "2026-11-20T00:00:00Z" }));
    assert!(refused(json!({ "current_period": true })).contains("excludes"));
    let bare =
        json!({ "customer_id": world.customer, "billable_metric_id": world.metric, "window_size": "day" });
    world.refused(400, "/v1/usage/groups", &bare);
    let mut current = bare;
    current["current_period"] = json!(true);
    assert!(
        world
            .refused(400, "/v1/usage/groups", &current)
            .contains("no contract")
    );
    let unknown = "00000000-0000-4000-8000-000000000000";
    world.refused(
        404,
        "/v1/usage/groups",
        &world.groups(json!({ "customer_id": unknown })),
    );
}

#[test]
fn pages_hold_1_to_100_rows_and_all_see_what_the_first_one_saw() {
    let world = used_everywhere();
    let query = world.groups(json!({ "group_key": ["region"] }));
    for limit in ["0", "101", "ten", ""] {
        world.refused(400, &format!("/v1/usage/groups?limit={limit}"), &query);
    }
    let first = world.ok("/v1/usage/groups?limit=1", &query);
    world
        .metronome
        .ingest(use_of("z", "2026-11-20T01:00:00Z", "1").with("region", "asia"))
        .unwrap();
    let target = format!(
        "/v1/usage/groups?limit=2&next_page={}",
        encode(first["next_page"].as_str().unwrap())
    );
    let rest = world.ok(&target, &query);
    assert_eq!(rest["data"][0]["group_value"], "eu");
    assert_eq!(rest["data"][1]["group_value"], "us");
    assert_eq!(rest["next_page"], Value::Null);
    assert_eq!(
        world.walk(Method::POST, "/v1/usage/groups?limit=1", &query).len(),
        4
    );
}

#[test]
fn a_compound_page_holds_100_rows_by_default() {
    let world = World::new();
    for n in 0..101 {
        let event = use_of(&format!("t{n}"), "2026-11-20T01:00:00Z", "1").with("region", n.to_string());
        world.metronome.ingest(event).unwrap();
    }
    let compound = world.groups(json!({ "group_key": ["region", "size"] }));
    let pages = world.walk(Method::POST, "/v1/usage/groups", &compound);
    assert_eq!(
        pages
            .iter()
            .map(|page| page.as_array().unwrap().len())
            .collect::<Vec<_>>(),
        [100, 1]
    );
    let simple = world.groups(json!({ "group_key": ["region"] }));
    assert_eq!(world.walk(Method::POST, "/v1/usage/groups", &simple).len(), 5);
}
