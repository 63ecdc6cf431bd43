use super::*;

const AWS: &str = "aws_marketplace";
const DIRECT: &str = "direct_to_billing_provider";

impl World {
    /// A contract of Acme's from a time on.
    fn contract(&self, from: &str) -> Uuid {
        let contract = NewContract::new(self.customer, at(from));
        self.metronome.create_contract(contract).unwrap()
    }

    fn aws(&self) -> Uuid {
        let configuration = json!({ "aws_customer_id": "cust-1", "aws_product_code": "prod-1" });
        self.metronome
            .add_billing_configuration(self.customer, AWS, DIRECT, configuration)
            .unwrap()
    }

    fn got(&self, contract: Uuid) -> Value {
        let body = json!({ "customer_id": self.customer, "contract_id": contract });
        self.ok("/v2/contracts/get", &body)["data"].clone()
    }

    /// The ids that a list answers.
    fn contracts(&self, with: &Value) -> Vec<Uuid> {
        let mut body = json!({ "customer_id": self.customer });
        let more = with.as_object().unwrap().clone();
        body.as_object_mut().unwrap().extend(more);
        ids(&self.ok("/v2/contracts/list", &body)["data"])
    }
}

#[test]
fn a_contract_is_shown_whole() {
    let world = World::new();
    let contract = world.contract("2026-11-05T00:00:00Z");
    assert_eq!(
        world.got(contract),
        json!({ "id": contract, "customer_id": world.customer, "starting_at": "2026-11-05T00:00:00Z",
            "commits": [], "credits": [], "overrides": [], "scheduled_charges": [], "transitions": [],
            "usage_filter": [], "custom_fields": {}, "has_more": { "commits": false, "credits": false },
            "usage_statement_schedule":
                { "frequency": "MONTHLY", "billing_anchor_date": "2026-11-01T00:00:00Z" },
            "created_at": "2026-11-20T13:30:00Z", "created_by": "API" })
    );
}

#[test]
fn a_contract_begins_and_ends_on_the_hour_and_ends_after_it_begins() {
    let world = World::new();
    for (start, end) in [
        ("2026-11-05T00:30:00Z", None),
        ("2026-11-05T00:00:00Z", Some("2026-11-06T00:00:01Z")),
        ("2026-11-05T00:00:00Z", Some("2026-11-05T00:00:00Z")),
    ] {
        let mut contract = NewContract::new(world.customer, at(start));
        contract.ending_before = end.map(at);
        assert_eq!(world.metronome.create_contract(contract).unwrap_err().status, 400);
    }
    assert_eq!(world.contracts(&json!({})), [] as [Uuid; 0]);
}

#[test]
fn a_rate_is_of_a_count_or_a_sum_once_and_not_below_nothing() {
    let world = World::new();
    let most = NewMetric::of("Most", Aggregation::Max, "n").on("use");
    let most = world.metronome.create_metric(most).unwrap();
    let contract = || NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
    for contract in [
        contract().charging(most, 1),
        contract().charging(world.metric, -1),
        contract().charging(world.metric, 1).charging(world.metric, 2),
    ] {
        assert_eq!(world.metronome.create_contract(contract).unwrap_err().status, 400);
    }
    let unknown = contract().charging(Uuid::nil(), 1);
    assert_eq!(world.metronome.create_contract(unknown).unwrap_err().status, 404);
}

#[test]
fn contracts_are_listed_as_they_begin_and_by_the_dates_they_cover() {
    let world = World::new();
    let later = world.contract("2026-12-01T00:00:00Z");
    let first = world.contract("2026-10-01T00:00:00Z");
    let second = world.contract("2026-11-01T00:00:00Z");
    world
        .metronome
        .end_contract(first, Some(at("2026-11-01T00:00:00Z")))
        .unwrap();
    assert_eq!(world.contracts(&json!({})), [first, second, later]);
    let on = |date: &str| world.contracts(&json!({ "covering_date": date }));
    assert_eq!(on("2026-10-31T23:59:59Z"), [first]);
    assert_eq!(on("2026-11-01T00:00:00Z"), [second]);
    let from = world.contracts(&json!({ "starting_at": "2026-11-01T00:00:00Z" }));
    assert_eq!(from, [second, later]);
    let both = json!({ "customer_id": world.customer, "starting_at": "2026-11-01T00:00:00Z",
        "covering_date": "2026-11-01T00:00:00Z" });
    world.refused(400, "/v2/contracts/list", &both);
}

#[test]
fn contracts_come_in_pages_of_twenty_and_the_last_has_no_cursor() {
    let world = World::new();
    let made: Vec<Uuid> = (0..23).map(|_| world.contract("2026-11-01T00:00:00Z")).collect();
    for (limit, sizes) in [(None, vec![20, 3]), (Some(10), vec![10, 10, 3])] {
        let mut body = json!({ "customer_id": world.customer });
        if let Some(limit) = limit {
            body["limit"] = json!(limit);
        }
        let mut seen = Vec::new();
        for size in &sizes {
            let page = world.ok("/v2/contracts/list", &body);
            assert_eq!(ids(&page["data"]).len(), *size);
            seen.extend(ids(&page["data"]));
            body["cursor"] = page["cursor"].clone();
        }
        assert_eq!(body["cursor"], Value::Null);
        assert_eq!(seen, made);
    }
    for limit in [0, 21] {
        let body = json!({ "customer_id": world.customer, "limit": limit });
        world.refused(400, "/v2/contracts/list", &body);
    }
}

#[test]
fn archived_contracts_are_listed_only_on_request() {
    let world = World::new();
    let contract = world.contract("2026-11-01T00:00:00Z");
    world.metronome.archive_contract(contract, false).unwrap();
    assert_eq!(world.contracts(&json!({})), [] as [Uuid; 0]);
    assert_eq!(world.contracts(&json!({ "include_archived": true })), [contract]);
    assert_eq!(world.got(contract)["archived_at"], "2026-11-20T13:30:00Z");
    assert!(world.metronome.archive_contract(contract, false).is_err());
}

#[test]
fn version_2_refuses_with_400_and_a_code() {
    let world = World::new();
    let other = world.metronome.create_customer("Other", &[]).unwrap();
    let contract = world.contract("2026-11-01T00:00:00Z");
    let code = |target: &str, body: Value| {
        let (status, text) = world.post(target, &body);
        assert_eq!(status, 400, "{text}");
        let answer: Value = serde_json::from_str(&text).unwrap();
        assert!(answer["message"].is_string());
        answer["code"].clone()
    };
    let unknown = Uuid::nil();
    assert_eq!(
        code("/v2/contracts/list", json!({ "customer_id": unknown })),
        "CustomerNotFound"
    );
    assert_eq!(
        code("/v2/contracts/list", json!({ "colour": "red" })),
        "CustomerNotFound"
    );
    let get = |customer: Uuid, contract: Uuid| {
        code(
            "/v2/contracts/get",
            json!({ "customer_id": customer, "contract_id": contract }),
        )
    };
    assert_eq!(get(unknown, contract), "CustomerNotFound");
    assert_eq!(get(world.customer, unknown), "ContractNotFound");
    assert_eq!(get(other, contract), "ContractNotFound");
    world.refused(404, "/v1/contracts/list", &json!({ "customer_id": unknown }));
}

#[test]
fn the_older_list_shows_how_a_contract_began_and_how_it_stands() {
    let world = World::new();
    let contract = world.contract("2026-11-01T00:00:00Z");
    let end = json!({ "customer_id": world.customer, "contract_id": contract,
        "ending_before": "2026-12-05T00:00:00Z" });
    assert_eq!(
        world.ok("/v1/contracts/updateEndDate", &end),
        json!({ "data": { "id": contract } })
    );
    let listed = world.ok("/v1/contracts/list", &json!({ "customer_id": world.customer }));
    let shown = &listed["data"][0];
    assert_eq!(shown["initial"].get("ending_before"), None);
    assert_eq!(shown["current"]["ending_before"], "2026-12-05T00:00:00Z");
    assert_eq!(shown["amendments"], json!([]));
}

#[test]
fn a_contract_shows_who_bills_it() {
    let world = World::new();
    let mut contract = NewContract::new(world.customer, at("2026-11-01T00:00:00Z"));
    contract.billing_provider = Some(AWS.to_owned());
    assert_eq!(
        world
            .metronome
            .create_contract(contract.clone())
            .unwrap_err()
            .status,
        400,
        "no configuration of that provider"
    );
    let configuration = world.aws();
    let billed = world.metronome.create_contract(contract.clone()).unwrap();
    let in_charge = json!({ "id": configuration, "billing_provider": AWS, "delivery_method": DIRECT });
    assert_eq!(
        world.got(billed)["customer_billing_provider_configuration"],
        in_charge
    );
    assert_eq!(
        world.got(billed).get("billing_provider_configuration_schedule"),
        None
    );
    let unbilled = world.contract("2026-11-01T00:00:00Z");
    assert_eq!(
        world.got(unbilled).get("customer_billing_provider_configuration"),
        None
    );
    world.aws();
    assert_eq!(
        world.metronome.create_contract(contract).unwrap_err().status,
        400,
        "two configurations of that provider"
    );
}

#[test]
fn a_change_of_the_billing_provider_takes_effect_at_its_time() {
    let world = World::new();
    let contract = world.contract("2026-11-01T00:00:00Z");
    let aws = world.aws();
    world
        .metronome
        .schedule_billing_provider(contract, at("2026-12-01T00:00:00Z"), Some(aws))
        .unwrap();
    assert_eq!(
        world.got(contract).get("customer_billing_provider_configuration"),
        None
    );
    let schedule = world.got(contract)["billing_provider_configuration_schedule"].clone();
    assert_eq!(schedule[0]["billing_provider_configuration"], Value::Null);
    assert_eq!(schedule[0]["effective_at"], "2026-11-01T00:00:00Z");
    assert_eq!(schedule[0]["effective_until"], "2026-12-01T00:00:00Z");
    assert_eq!(schedule[1]["billing_provider_configuration"]["id"], json!(aws));
    assert_eq!(schedule[1]["effective_until"], Value::Null);
    world.clock.set(at("2026-12-01T00:00:00Z"));
    assert_eq!(
        world.got(contract)["customer_billing_provider_configuration"]["id"],
        json!(aws)
    );
    let before = world
        .metronome
        .schedule_billing_provider(contract, at("2026-12-01T00:00:00Z"), None);
    assert_eq!(before.unwrap_err().status, 400);
}

#[test]
fn billing_configurations_are_shown_whole_and_archived_ones_on_request() {
    let world = World::new();
    let aws = world.aws();
    let target = "/v1/getCustomerBillingProviderConfigurations";
    let asked = json!({ "customer_id": world.customer });
    let rows = world.ok(target, &asked)["data"].clone();
    let method = rows[0]["delivery_method_id"].clone();
    assert!(Uuid::try_parse(method.as_str().unwrap()).is_ok());
    assert_eq!(
        rows,
        json!([{ "id": aws, "customer_id": world.customer, "billing_provider": AWS,
            "configuration": { "aws_customer_id": "cust-1", "aws_product_code": "prod-1" },
            "delivery_method": DIRECT, "delivery_method_id": method, "delivery_method_configuration": {},
            "archived_at": null }])
    );
    world.metronome.archive_billing_configuration(aws).unwrap();
    assert_eq!(world.ok(target, &asked)["data"], json!([]));
    let all = json!({ "customer_id": world.customer, "include_archived": true });
    assert_eq!(
        world.ok(target, &all)["data"][0]["archived_at"],
        "2026-11-20T13:30:00Z"
    );
    world.refused(404, target, &json!({ "customer_id": Uuid::nil() }));
    world.refused(400, target, &json!({ "customer": world.customer }));
    for (provider, method) in [("paypal", DIRECT), (AWS, "fax")] {
        let refused = world
            .metronome
            .add_billing_configuration(world.customer, provider, method, json!({}));
        assert_eq!(refused.unwrap_err().status, 400);
    }
}
