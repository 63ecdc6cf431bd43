use super::scripted::{Metronome, last_page, page};
use crate::Error;

fn row(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","name":"Globex","external_id":"x","ingest_aliases":["g-1"],"custom_fields":{{}},"archived_at":null,
            "customer_config":{{"salesforce_account_id":null}},"added_by_metronome_later":{{"deep":[1]}}}}"#
    )
}

fn archived(id: &str) -> String {
    format!(
        r#"{{"id":"{id}","name":"Initech","ingest_aliases":[],"archived_at":"2026-10-01T00:00:00+00:00"}}"#
    )
}

fn ids(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("c{number:03}")).collect()
}

#[tokio::test(start_paused = true)]
async fn ids_are_joined_by_commas_a_hundred_a_request() {
    let metronome = Metronome::answering(|_, request| {
        let query = request.uri().query().unwrap_or_default().to_owned();
        let (_, list) = form_urlencoded::parse(query.as_bytes())
            .find(|(key, _)| key == "customer_ids")
            .unwrap();
        last_page(&list.split(',').map(row).collect::<Vec<_>>().join(","))
    });
    let customers = metronome.client().customers(&ids(201)).await.unwrap();
    assert_eq!((customers.found.len(), customers.missing.len()), (201, 0));
    let sizes: Vec<usize> = metronome
        .lines()
        .iter()
        .map(|line| line.split("%2C").count())
        .collect();
    assert_eq!(sizes, [100, 100, 1]);
    assert_eq!(
        metronome.lines()[2],
        "GET /v1/customers?limit=100&customer_ids=c200"
    );
}

#[tokio::test(start_paused = true)]
async fn an_archived_customer_is_found_and_one_that_never_was_is_reported_missing() {
    let metronome = Metronome::replying([last_page(&row("a")), last_page(&archived("b"))]);
    let asked = ["a", "b", "c"].map(str::to_owned);
    let customers = metronome.client().customers(&asked).await.unwrap();
    assert_eq!(customers.found[0].archived_at, None);
    assert_eq!(customers.found[0].ingest_aliases, ["g-1"]);
    assert_eq!(
        customers.found[1].archived_at.unwrap().to_rfc3339(),
        "2026-10-01T00:00:00+00:00"
    );
    assert_eq!(customers.missing, ["c"]);
    assert_eq!(
        metronome.lines(),
        [
            "GET /v1/customers?limit=100&customer_ids=a%2Cb%2Cc",
            "GET /v1/customers?limit=100&customer_ids=b%2Cc&only_archived=true"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_customer_asked_for_twice_is_read_once_and_nobody_is_read_for_none() {
    let metronome = Metronome::replying([last_page(&row("a"))]);
    let client = metronome.client();
    assert_eq!(client.customers(&[]).await.unwrap(), crate::Customers::default());
    let twice = ["a", "a"].map(str::to_owned);
    assert_eq!(client.customers(&twice).await.unwrap().found.len(), 1);
    assert_eq!(metronome.lines(), ["GET /v1/customers?limit=100&customer_ids=a"]);
}

#[tokio::test(start_paused = true)]
async fn all_pages_of_all_customers_are_read() {
    let metronome = Metronome::replying([page(&row("a"), "p&2=+ "), last_page(&row("b"))]);
    let customers = metronome.client().all_customers().await.unwrap();
    assert_eq!(
        customers
            .iter()
            .map(|customer| customer.id.as_str())
            .collect::<Vec<_>>(),
        ["a", "b"]
    );
    assert_eq!(
        metronome.lines()[1],
        "GET /v1/customers?limit=100&next_page=p%262%3D%2B+"
    );
}

#[tokio::test(start_paused = true)]
async fn one_customer_is_read_by_id_archived_or_not() {
    let body = format!(r#"{{"data":{}}}"#, archived("b"));
    let metronome = Metronome::replying([super::scripted::ok(body)]);
    assert!(
        metronome
            .client()
            .customer("b")
            .await
            .unwrap()
            .archived_at
            .is_some()
    );
    assert_eq!(metronome.lines(), ["GET /v1/customers/b"]);
}

#[tokio::test(start_paused = true)]
async fn what_is_no_id_reaches_neither_a_path_nor_a_list() {
    let client = Metronome::replying([]).client();
    for id in ["", "a,b", "../billable-metrics", "a?b", "a\u{1b}[2J"] {
        let Err(Error::Invalid(message)) = client.customer(id).await else {
            panic!("{id} was sent")
        };
        assert!(!message.contains('\u{1b}'), "{message}");
        assert!(
            matches!(client.customers(&[id.to_owned()]).await, Err(Error::Invalid(_))),
            "{id}"
        );
    }
}
