use serde_json::{Value, json};

use super::invoices::time;
use super::scripted::{Metronome, ok, refusal};
use crate::{Contract, Error};

/// A contract as it is sent, with `more` fields.
fn contract(id: &str, more: Value) -> Value {
    let mut contract = json!({"id": id, "customer_id": "c1", "starting_at": "2026-01-01T00:00:00+00:00", "commits": [],
        "overrides": [], "transitions": [], "scheduled_charges": [], "usage_filter": [{"group_key": "g"}],
        "created_at": "2025-12-01T00:00:00Z", "created_by": "someone", "total_contract_value": 1.5, "new": {"deep": [1]}});
    let fields = contract.as_object_mut().unwrap();
    fields.extend(more.as_object().unwrap().clone());
    contract
}

fn configuration(provider: &str) -> Value {
    json!({"id": format!("{provider}-1"), "customer_id": "c1", "billing_provider": provider, "archived_at": null,
           "delivery_method": "direct_to_billing_provider", "configuration": {"key": [1]}})
}

fn segment(configuration: &Value, at: &str, until: Option<&str>) -> Value {
    json!({"billing_provider_configuration": configuration, "effective_at": at, "effective_until": until})
}

async fn read(more: Value) -> Contract {
    let body = json!({"data": [contract("k1", more)]});
    let metronome = Metronome::replying([ok(body.to_string())]);
    metronome.client().contracts("c1").await.unwrap().remove(0)
}

fn ids(contracts: &[Contract]) -> Vec<&str> {
    contracts.iter().map(|contract| contract.id.as_str()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_list_that_comes_whole_is_read_in_one_request() {
    for end in [json!({}), json!({"cursor": null})] {
        let mut body = json!({"data": [contract("k1", json!({})), contract("k2", json!({}))]});
        body.as_object_mut()
            .unwrap()
            .extend(end.as_object().unwrap().clone());
        let metronome = Metronome::replying([ok(body.to_string())]);
        let contracts = metronome.client().contracts("c1").await.unwrap();
        assert_eq!(ids(&contracts), ["k1", "k2"]);
        assert_eq!(metronome.lines(), ["POST /v2/contracts/list"]);
        assert_eq!(
            serde_json::from_str::<Value>(&metronome.asked()[0].body).unwrap(),
            json!({"customer_id": "c1", "include_archived": false})
        );
        assert_eq!(metronome.asked()[0].headers["content-type"], "application/json");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_in_parts_is_followed_by_the_cursor_in_the_body() {
    let part = |id: &str, cursor: Value| {
        ok(json!({"data": [contract(id, json!({}))], "cursor": cursor}).to_string())
    };
    let metronome = Metronome::replying([
        part("k1", json!("p2\"+")),
        ok(r#"{"data":[],"cursor":"p3"}"#),
        part("k3", Value::Null),
    ]);
    let contracts = metronome.client().contracts("c1").await.unwrap();
    assert_eq!(ids(&contracts), ["k1", "k3"]);
    let sent: Vec<Value> = metronome
        .asked()
        .iter()
        .map(|asked| serde_json::from_str(&asked.body).unwrap())
        .collect();
    assert_eq!(
        sent,
        [
            json!({"customer_id": "c1", "include_archived": false}),
            json!({"customer_id": "c1", "include_archived": false, "cursor": "p2\"+"}),
            json!({"customer_id": "c1", "include_archived": false, "cursor": "p3"}),
        ]
    );
    assert_eq!(metronome.lines(), ["POST /v2/contracts/list"; 3]);
}

#[tokio::test(start_paused = true)]
async fn a_server_that_knows_no_cursor_in_the_body_is_not_asked_for_ever() {
    for cursor in ["p2", ""] {
        let body = json!({"data": [contract("k1", json!({}))], "cursor": cursor}).to_string();
        let metronome = Metronome::answering(move |_, _| ok(body.clone()));
        let answer = metronome.client().contracts("c1").await;
        assert!(
            matches!(&answer, Err(Error::Unreadable { call, reason })
                if call == "POST /v2/contracts/list (customer c1)" && reason.contains("already read")),
            "{answer:?}"
        );
        assert!(metronome.asked().len() <= 2);
    }
}

#[tokio::test(start_paused = true)]
async fn a_contract_is_read_with_its_time_and_without_a_provider_where_it_has_none() {
    let bare = read(json!({})).await;
    assert_eq!((bare.id.as_str(), bare.customer_id.as_str()), ("k1", "c1"));
    assert_eq!(bare.starting_at, time("2026-01-01T00:00:00Z"));
    assert_eq!((bare.ending_before, bare.archived_at), (None, None));
    assert_eq!(bare.billing_providers, []);
    let null = json!({"ending_before": null, "archived_at": null, "customer_billing_provider_configuration": null,
                      "billing_provider_configuration_schedule": null});
    assert_eq!(read(null).await, bare);
    let over =
        read(json!({"ending_before": "2027-01-01T00:00:00Z", "archived_at": "2026-06-01T00:00:00Z"})).await;
    assert_eq!(over.ending_before, Some(time("2027-01-01T00:00:00Z")));
    assert_eq!(over.archived_at, Some(time("2026-06-01T00:00:00Z")));
}

#[tokio::test(start_paused = true)]
async fn a_marketplace_without_times_is_billed_at_any_time_and_other_providers_are_none() {
    let now = time("2026-11-20T00:00:00Z");
    for (provider, marketplace) in [
        ("aws_marketplace", true),
        ("azure_marketplace", true),
        ("gcp_marketplace", true),
        ("AWS_MARKETPLACE", true),
        ("stripe", false),
        ("something_new", false),
    ] {
        let contract =
            read(json!({"customer_billing_provider_configuration": configuration(provider)})).await;
        assert_eq!(contract.billing_providers[0].provider, provider);
        assert_eq!(
            contract.bills_to_marketplace(now),
            marketplace.then_some(provider)
        );
        // As it was documented until July 2026, without the rest of the configuration.
        let older = json!({"id": "b1", "billing_provider": provider, "delivery_method": "aws_sqs"});
        let contract = read(json!({"customer_billing_provider_configuration": older})).await;
        assert_eq!(
            contract.bills_to_marketplace(now),
            marketplace.then_some(provider)
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_segment_of_the_schedule_bills_from_its_beginning_until_before_its_end() {
    let (aws, stripe) = (configuration("aws_marketplace"), configuration("stripe"));
    let contract = read(json!({
        // The one in force now, which the schedule times.
        "customer_billing_provider_configuration": aws,
        "billing_provider_configuration_schedule": [
            segment(&stripe, "2026-01-01T00:00:00Z", Some("2026-03-01T00:00:00Z")),
            segment(&aws, "2026-03-01T00:00:00Z", Some("2026-12-01T00:00:00Z")),
            segment(&Value::Null, "2026-12-01T00:00:00Z", None),
        ],
    }))
    .await;
    let providers: Vec<&str> = contract
        .billing_providers
        .iter()
        .map(|billing| billing.provider.as_str())
        .collect();
    assert_eq!(providers, ["stripe", "aws_marketplace"]);
    for (at, marketplace) in [
        ("2026-02-28T23:59:59Z", None),
        ("2026-03-01T00:00:00Z", Some("aws_marketplace")),
        ("2026-11-30T23:59:59Z", Some("aws_marketplace")),
        ("2026-12-01T00:00:00Z", None),
    ] {
        assert_eq!(contract.bills_to_marketplace(time(at)), marketplace, "{at}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_bound_that_is_not_told_does_not_bind() {
    let aws = configuration("aws_marketplace");
    let open =
        read(json!({"billing_provider_configuration_schedule": [{"billing_provider_configuration": aws}]}))
            .await;
    for at in ["1970-01-01T00:00:00Z", "2026-11-20T00:00:00Z"] {
        assert_eq!(open.bills_to_marketplace(time(at)), Some("aws_marketplace"));
    }
    let aside = read(json!({
        "customer_billing_provider_configuration": aws,
        "billing_provider_configuration_schedule":
            [segment(&configuration("stripe"), "2026-01-01T00:00:00Z", None)],
    }))
    .await;
    assert_eq!(
        aside.bills_to_marketplace(time("2026-11-20T00:00:00Z")),
        Some("aws_marketplace"),
        "the schedule says nothing of this configuration"
    );
    let nameless = json!({"billing_provider": "gcp_marketplace", "delivery_method": "tackle"});
    let unnamed = read(json!({
        "customer_billing_provider_configuration": nameless,
        "billing_provider_configuration_schedule":
            [segment(&nameless, "2026-12-01T00:00:00Z", None)],
    }))
    .await;
    assert_eq!(
        unnamed.bills_to_marketplace(time("2026-11-20T00:00:00Z")),
        Some("gcp_marketplace"),
        "without ids nobody knows them for the same"
    );
}

#[tokio::test(start_paused = true)]
async fn an_archived_configuration_bills_no_more_once_it_was_archived() {
    let mut archived = configuration("azure_marketplace");
    archived["archived_at"] = json!("2026-06-01T00:00:00Z");
    for contract in [
        json!({"customer_billing_provider_configuration": archived}),
        json!({"billing_provider_configuration_schedule": [segment(&archived, "2026-01-01T00:00:00Z", None)]}),
    ] {
        let contract = read(contract).await;
        assert_eq!(
            contract.bills_to_marketplace(time("2026-05-31T23:59:59Z")),
            Some("azure_marketplace")
        );
        assert_eq!(contract.bills_to_marketplace(time("2026-06-01T00:00:00Z")), None);
    }
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_cannot_be_told_makes_the_answer_unusable() {
    for (field, value) in [
        ("customer_billing_provider_configuration", json!({"id": "b1"})),
        (
            "customer_billing_provider_configuration",
            json!({"billing_provider": 1}),
        ),
        (
            "billing_provider_configuration_schedule",
            json!([{"effective_at": "soon"}]),
        ),
        ("billing_provider_configuration_schedule", json!({})),
        ("starting_at", json!(null)),
    ] {
        let mut wrong = contract("k1", json!({}));
        wrong[field] = value;
        let metronome = Metronome::replying([ok(json!({ "data": [wrong] }).to_string())]);
        let answer = metronome.client().contracts("c1").await;
        assert!(
            matches!(&answer, Err(Error::Unreadable { call, .. }) if call == "POST /v2/contracts/list (customer c1)"),
            "{field}: {answer:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_not_there_is_named_and_one_that_cannot_be_is_not_asked_for() {
    let metronome = Metronome::replying([refusal(400, "no such customer")]);
    let error = metronome.client().contracts("c1").await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { call, status: 400, .. } if call.contains("(customer c1)")),
        "{error:?}"
    );
    let client = Metronome::replying([]).client();
    assert!(matches!(client.contracts("a b").await, Err(Error::Invalid(_))));
}
