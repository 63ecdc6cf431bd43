use super::*;

#[test]
fn a_customer_is_shown_whole() {
    let world = World::new();
    let shown = world.listed(&format!("/v1/customers/{}", world.customer));
    assert_eq!(
        shown,
        json!({ "id": world.customer, "external_id": "acct-1", "ingest_aliases": ["acct-1"], "name": "Acme",
            "customer_config": { "salesforce_account_id": null }, "custom_fields": {},
            "created_at": "2026-11-20T13:30:00Z", "updated_at": "2026-11-20T13:30:00Z", "archived_at": null })
    );
    assert_eq!(world.listed("/v1/customers"), json!([shown]));
    assert_eq!(
        world.get("/v1/customers/00000000-0000-4000-8000-000000000000").0,
        404
    );
    assert_eq!(world.get("/v1/customers/acct-1").0, 400);
}

#[test]
fn a_new_customer_has_its_name_cut_at_160_characters_and_answers_200() {
    let world = World::new();
    let body =
        json!({ "name": "ü".repeat(200), "ingest_aliases": ["x"], "custom_fields": { "tier": "gold" } });
    let made = world.ok("/v1/customers", &body)["data"].clone();
    assert_eq!(made["name"].as_str().unwrap().chars().count(), 160);
    assert_eq!(made["external_id"], "x");
    let shown = world.listed(&format!("/v1/customers/{}", made["id"].as_str().unwrap()));
    assert_eq!(shown["custom_fields"], json!({ "tier": "gold" }));
    for bad in [
        json!({}),
        json!({ "name": "N", "ingest_aliases": [""] }),
        json!({ "name": "N", "ingest_aliases": ["x".repeat(129)] }),
        json!({ "name": "N", "ingest_aliases": (0..2_001).map(|n| n.to_string()).collect::<Vec<_>>() }),
        json!({ "name": "N", "custom_fields": { "k": "x".repeat(201) } }),
    ] {
        world.refused(400, "/v1/customers", &bad);
    }
}

#[test]
fn an_alias_has_one_holder_even_an_archived_one() {
    let world = World::new();
    world.refused(
        409,
        "/v1/customers",
        &json!({ "name": "N", "ingest_aliases": ["acct-1"] }),
    );
    world.refused(
        409,
        "/v1/customers",
        &json!({ "name": "N", "external_id": world.customer }),
    );
    let other = world.metronome.create_customer("Other", &[]).unwrap();
    let target = format!("/v1/customers/{other}/setIngestAliases");
    world.refused(409, &target, &json!({ "ingest_aliases": ["new", "acct-1"] }));
    assert_eq!(
        world.listed(&format!("/v1/customers/{other}"))["ingest_aliases"],
        json!([])
    );
    world.ok("/v1/customers/archive", &json!({ "id": world.customer }));
    world.refused(409, &target, &json!({ "ingest_aliases": ["acct-1"] }));
    let own = format!("/v1/customers/{}/setIngestAliases", world.customer);
    world.refused(400, &own, &json!({ "ingest_aliases": [] }));
}

#[test]
fn an_alias_that_was_given_up_may_be_taken() {
    let world = World::new();
    world
        .metronome
        .set_ingest_aliases(world.customer, &["acct-1", "b"])
        .unwrap();
    world
        .metronome
        .set_ingest_aliases(world.customer, &["b"])
        .unwrap();
    world.metronome.create_customer("Other", &["acct-1"]).unwrap();
    assert!(world.metronome.create_customer("Third", &["b"]).is_err());
}

#[test]
fn archived_customers_are_listed_only_on_request() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &["acct-2"]).unwrap();
    assert_eq!(
        world.ok("/v1/customers/archive", &json!({ "id": other })),
        json!({ "data": { "id": other } })
    );
    world.refused(400, "/v1/customers/archive", &json!({ "id": other }));
    world.refused(
        404,
        "/v1/customers/archive",
        &json!({ "id": "00000000-0000-4000-8000-000000000000" }),
    );
    let ids = |rows: Value| {
        rows.as_array()
            .unwrap()
            .iter()
            .map(|row| row["id"].clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids(world.listed("/v1/customers")), [json!(world.customer)]);
    assert_eq!(
        ids(world.listed("/v1/customers?only_archived=true")),
        [json!(other)]
    );
    assert_eq!(
        world.listed(&format!("/v1/customers/{other}"))["archived_at"],
        "2026-11-20T13:30:00Z"
    );
}

#[test]
fn customers_are_filtered_by_alias_and_by_comma_joined_ids() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &["acct,2"]).unwrap();
    assert_eq!(
        world.listed("/v1/customers?ingest_alias=acct%2C2")[0]["id"],
        json!(other)
    );
    assert_eq!(world.listed("/v1/customers?ingest_alias=nobody"), json!([]));
    let both = format!("/v1/customers?customer_ids={other},{}", world.customer);
    assert_eq!(world.listed(&both).as_array().unwrap().len(), 2);
    let repeated = format!(
        "/v1/customers?customer_ids={other}&customer_ids={}",
        world.customer
    );
    assert_eq!(world.get(&repeated).0, 400);
    let many = vec![other.to_string(); 101].join(",");
    assert_eq!(world.get(&format!("/v1/customers?customer_ids={many}")).0, 400);
    assert_eq!(world.get("/v1/customers?only_archived=maybe").0, 400);
    assert_eq!(world.get("/v1/customers?page=2").0, 400);
}

#[test]
fn lists_come_in_pages_of_1_to_100() {
    let world = World::new();
    for n in 0..60 {
        world.metronome.create_customer(&format!("C{n}"), &[]).unwrap();
        world
            .metronome
            .create_metric(NewMetric::count(&format!("M{n}")))
            .unwrap();
    }
    for path in ["/v1/customers", "/v1/billable-metrics"] {
        for limit in ["0", "101", "-1"] {
            assert_eq!(world.get(&format!("{path}?limit={limit}")).0, 400);
        }
        let sizes = |target: &str| {
            let pages = world.walk(Method::GET, target, &Value::Null);
            pages
                .iter()
                .map(|page| page.as_array().unwrap().len())
                .collect::<Vec<_>>()
        };
        assert_eq!(sizes(path), [25, 25, 11]);
        assert_eq!(sizes(&format!("{path}?limit=100")), [61]);
        assert_eq!(sizes(&format!("{path}?limit=61")), [61]);
    }
    let page: Value = serde_json::from_str(&world.get("/v1/customers").1).unwrap();
    let cursor = encode(page["next_page"].as_str().unwrap());
    assert_eq!(
        world
            .get(&format!("/v1/customers?only_archived=true&next_page={cursor}"))
            .0,
        400
    );
}

#[test]
fn a_metric_is_defined_once_and_shown_in_capitals() {
    let world = World::new();
    let body = json!({ "name": "CPU Hours", "aggregation_type": "sum", "aggregation_key": "cpu_hours",
        "event_type_filter": { "in_values": ["cpu_usage"] },
        "property_filters": [{ "name": "cpu_hours", "exists": true }, { "name": "region", "in_values": ["EU", "NA"] }],
        "group_keys": [["region"], ["region", "machine_type"]] });
    let id = world.ok("/v1/billable-metrics/create", &body)["data"]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let mut shown = world.listed(&format!("/v1/billable-metrics/{id}"));
    assert_eq!(shown["aggregation_type"], "SUM");
    shown["aggregation_type"] = json!("sum");
    let mut whole = body;
    whole["id"] = json!(id);
    whole["custom_fields"] = json!({});
    assert_eq!(shown, whole);
    assert_eq!(
        world
            .get("/v1/billable-metrics/00000000-0000-4000-8000-000000000000")
            .0,
        404
    );
}

#[test]
fn a_metric_that_breaks_a_rule_is_refused() {
    let world = World::new();
    let n = json!([{ "name": "n", "exists": true }]);
    for bad in [
        json!({ "name": "M" }),
        json!({ "name": "M", "aggregation_type": "MEDIAN", "aggregation_key": "n", "property_filters": n }),
        json!({ "name": "M", "aggregation_type": "SUM" }),
        json!({ "name": "M", "aggregation_type": "SUM", "aggregation_key": "n" }),
        json!({ "name": "M", "aggregation_type": "COUNT", "aggregation_key": "n", "property_filters": n }),
        json!({ "name": "M", "aggregation_type": "COUNT", "event_type_filter": { "in_values": [] } }),
        json!({ "name": "M", "aggregation_type": "COUNT", "property_filters": [{ "name": "n", "not_in_values": [] }] }),
        json!({ "name": "M", "aggregation_type": "COUNT", "group_keys": [[]] }),
        json!({ "name": "M", "aggregation_type": "COUNT", "group_keys": ["region"] }),
        json!({ "name": "M", "sql": "select 1 as value" }),
    ] {
        world.refused(400, "/v1/billable-metrics/create", &bad);
    }
}

#[test]
fn archived_metrics_are_listed_only_on_request() {
    let world = World::new();
    let archived = world.ok("/v1/billable-metrics/archive", &json!({ "id": world.metric }));
    assert_eq!(archived, json!({ "data": { "id": world.metric } }));
    assert_eq!(world.listed("/v1/billable-metrics"), json!([]));
    let rows = world.listed("/v1/billable-metrics?include_archived=true");
    assert_eq!(rows[0]["archived_at"], "2026-11-20T13:30:00Z");
    world.refused(
        404,
        "/v1/billable-metrics/archive",
        &json!({ "id": world.customer }),
    );
}

#[test]
fn ids_are_the_same_in_every_run() {
    let (one, two) = (World::new(), World::new());
    assert_eq!((one.customer, one.metric), (two.customer, two.metric));
    assert_ne!(one.customer, one.metric);
}
