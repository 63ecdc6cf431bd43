use super::scripted::{Metronome, last_page, ok, page};
use crate::Aggregation;

#[tokio::test(start_paused = true)]
async fn metrics_are_listed_with_the_archived_ones_over_all_pages() {
    let metronome = Metronome::replying([
        page(
            r#"{"id":"m1","name":"API calls","aggregation_type":"SUM","aggregation_key":"n","group_keys":[["region"],["a","b"]]}"#,
            "next",
        ),
        last_page(
            r#"{"id":"m2","name":"Seats","sql":"SELECT 1 AS value","archived_at":"2026-11-01T00:00:00Z"}"#,
        ),
    ]);
    let metrics = metronome.client().billable_metrics().await.unwrap();
    assert_eq!(metrics[0].aggregation, Some(Aggregation::Sum));
    assert_eq!(
        metrics[0].group_keys,
        [vec!["region".to_owned()], vec!["a".to_owned(), "b".to_owned()]]
    );
    assert!(!metrics[0].sql && metrics[0].archived_at.is_none());
    assert!(metrics[1].sql && metrics[1].archived_at.is_some() && metrics[1].aggregation.is_none());
    assert_eq!(
        metronome.lines(),
        [
            "GET /v1/billable-metrics?limit=100&include_archived=true",
            "GET /v1/billable-metrics?limit=100&include_archived=true&next_page=next"
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn an_aggregation_is_known_in_any_case_and_a_new_one_is_not_an_error() {
    let cases = [
        ("count", Aggregation::Count),
        ("Max", Aggregation::Max),
        ("UNIQUE", Aggregation::Unique),
        ("latest", Aggregation::Latest),
        ("P99", Aggregation::Other("P99".to_owned())),
    ];
    for (name, aggregation) in cases {
        let metronome = Metronome::replying([ok(format!(
            r#"{{"data":{{"id":"m","name":"n","aggregation_type":"{name}","sql":null}}}}"#
        ))]);
        let metric = metronome.client().billable_metric("m").await.unwrap();
        assert_eq!(metric.aggregation, Some(aggregation));
        assert!(!metric.sql);
        assert_eq!(metronome.lines(), ["GET /v1/billable-metrics/m"]);
    }
}

#[test]
fn only_counts_and_sums_add_up() {
    assert!(Aggregation::Count.is_additive() && Aggregation::Sum.is_additive());
    for aggregation in [
        Aggregation::Max,
        Aggregation::Unique,
        Aggregation::Latest,
        Aggregation::Other("SUMISH".to_owned()),
    ] {
        assert!(!aggregation.is_additive(), "{aggregation:?}");
    }
}
