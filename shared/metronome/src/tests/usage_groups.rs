use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::scripted::{Metronome, last_page, page};
use super::usage::day;
use crate::{Error, GroupedQuery, Window};

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn query() -> GroupedQuery {
    GroupedQuery {
        customer_id: "c".to_owned(),
        billable_metric_id: "m".to_owned(),
        from: day("2026-11-01"),
        until: day("2026-11-02"),
        window: Window::Day,
        group_key: words(&["region", "team"]),
        filters: BTreeMap::from([("team".to_owned(), words(&["ui"]))]),
    }
}

#[tokio::test(start_paused = true)]
async fn a_compound_key_is_read_whole_over_all_pages() {
    let row = |region: &str, value: &str| {
        format!(
            r#"{{"starting_on":"2026-11-01T00:00:00Z","ending_before":"2026-11-02T00:00:00Z","group_key":null,
                "group_value":null,"group":{{"region":{region},"team":"ui"}},"value":{value}}}"#
        )
    };
    let metronome = Metronome::replying([
        page(&row(r#""eu""#, "0.5"), "p2"),
        last_page(&row("null", "null")),
    ]);
    let rows = metronome.client().usage_groups(&query()).await.unwrap();
    assert_eq!(rows[0].group["region"].as_deref(), Some("eu"));
    assert_eq!(rows[0].value.unwrap().to_string(), "0.5");
    assert_eq!(rows[0].end - rows[0].start, chrono::TimeDelta::days(1));
    assert_eq!((rows[1].group["region"].as_deref(), rows[1].value), (None, None));
    assert_eq!(
        metronome.lines(),
        [
            "POST /v1/usage/groups?limit=100",
            "POST /v1/usage/groups?limit=100&next_page=p2"
        ]
    );
    assert_eq!(
        serde_json::from_str::<Value>(&metronome.asked()[1].body).unwrap(),
        json!({"customer_id": "c", "billable_metric_id": "m", "window_size": "DAY", "starting_on": "2026-11-01T00:00:00Z",
               "ending_before": "2026-11-02T00:00:00Z", "group_key": ["region", "team"], "group_filters": {"team": ["ui"]}})
    );
}

#[tokio::test(start_paused = true)]
async fn a_query_by_group_that_metronome_would_refuse_is_not_sent() {
    let client = Metronome::replying([]).client();
    let filters = |key: &str, values: usize| BTreeMap::from([(key.to_owned(), vec!["v".to_owned(); values])]);
    let cases = [
        GroupedQuery {
            group_key: Vec::new(),
            filters: BTreeMap::new(),
            ..query()
        },
        GroupedQuery {
            filters: filters("zone", 1),
            ..query()
        },
        GroupedQuery {
            filters: filters("team", 0),
            ..query()
        },
        GroupedQuery {
            filters: filters("team", 201),
            ..query()
        },
        GroupedQuery {
            until: day("2026-11-01"),
            ..query()
        },
        GroupedQuery {
            customer_id: "a/b".to_owned(),
            ..query()
        },
    ];
    for case in cases {
        assert!(
            matches!(client.usage_groups(&case).await, Err(Error::Invalid(_))),
            "{case:?}"
        );
    }
}
