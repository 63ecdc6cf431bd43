use std::collections::BTreeSet;
use std::time::Duration;

use chrono::NaiveDate;
use rust_decimal::Decimal;
use serde_json::{Value, json};

use super::scripted::{Metronome, last_page, page};
use crate::{Error, Group, MetricFilter, Metrics, UsageQuery, Window};

pub(super) fn day(text: &str) -> NaiveDate {
    text.parse().unwrap()
}

pub(super) fn query(customers: usize) -> UsageQuery {
    UsageQuery {
        from: day("2026-11-01"),
        until: day("2026-11-21"),
        window: Window::Hour,
        customers: (0..customers).map(|number| format!("c{number:04}")).collect(),
        metrics: Metrics::All,
    }
}

pub(super) fn row(customer: &str, value: &str) -> String {
    format!(
        r#"{{"customer_id":"{customer}","billable_metric_id":"m","billable_metric_name":"API calls","start_timestamp":
            "2026-11-19T00:00:00+00:00","end_timestamp":"2026-11-19T01:00:00Z","value":{value}}}"#
    )
}

fn body(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

#[tokio::test(start_paused = true)]
async fn bounds_are_utc_midnights_and_no_limit_is_sent() {
    let metronome = Metronome::replying([page(&row("c0000", "1"), "p2"), last_page(&row("c0001", "2"))]);
    let rows = metronome.client().usage(&query(2)).await.unwrap();
    assert_eq!(rows.len(), 2);
    assert_eq!(
        metronome.lines(),
        ["POST /v1/usage", "POST /v1/usage?next_page=p2"]
    );
    for asked in metronome.asked() {
        assert_eq!(
            body(&asked.body),
            json!({"window_size": "HOUR", "starting_on": "2026-11-01T00:00:00Z", "ending_before": "2026-11-21T00:00:00Z",
                   "customer_ids": ["c0000", "c0001"]})
        );
        assert_eq!(asked.headers["content-type"], "application/json");
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_and_groups_are_asked_for_by_name() {
    let metronome = Metronome::replying([last_page("")]);
    let group = |values: Option<&[&str]>| Group {
        key: "gpu".to_owned(),
        values: values.map(|values| values.iter().map(|value| (*value).to_owned()).collect()),
    };
    let filter = |id: &str, group| MetricFilter {
        id: id.to_owned(),
        group,
    };
    let query = UsageQuery {
        window: Window::None,
        metrics: Metrics::Only(vec![
            filter("m1", None),
            filter("m2", Some(group(None))),
            filter("m3", Some(group(Some(&["h200", "b, 2"])))),
        ]),
        ..query(1)
    };
    metronome.client().usage(&query).await.unwrap();
    let sent = body(&metronome.asked()[0].body);
    assert_eq!(sent["window_size"], "NONE");
    assert_eq!(
        sent["billable_metrics"],
        json!([{"id": "m1"}, {"id": "m2", "group_by": {"key": "gpu"}},
               {"id": "m3", "group_by": {"key": "gpu", "values": ["h200", "b, 2"]}}])
    );
}

#[tokio::test(start_paused = true)]
async fn a_value_keeps_every_digit_and_null_is_not_zero() {
    let grouped = row("c3", "3").replace(
        "}",
        r#","groups":{"h200":0.1234567890123456789,"b200":null,"":0}}"#,
    );
    let rows = [
        row("c1", "1234567890123456.78"),
        row("c2", "null"),
        row("c4", "0"),
        grouped,
    ];
    let metronome = Metronome::replying([last_page(&rows.join(","))]);
    let rows = metronome.client().usage(&query(1)).await.unwrap();
    let exact = |text: &str| Some(Decimal::from_str_exact(text).unwrap());
    assert_eq!(rows[0].value, exact("1234567890123456.78"));
    assert_eq!(rows[0].groups, None);
    assert_eq!(rows[0].start.to_rfc3339(), "2026-11-19T00:00:00+00:00");
    assert_eq!(rows[0].end - rows[0].start, chrono::TimeDelta::hours(1));
    assert_eq!(rows[1].value, None);
    assert_eq!(rows[2].value, exact("0"));
    let groups = rows[3].groups.as_ref().unwrap();
    assert_eq!(
        (groups["h200"], groups["b200"], groups[""]),
        (exact("0.1234567890123456789"), None, exact("0"))
    );
}

#[tokio::test(start_paused = true)]
async fn rows_are_handed_over_as_they_came_repeated_ones_too() {
    let twice = format!("{},{}", row("c1", "5"), row("c1", "5"));
    let metronome = Metronome::replying([page(&twice, "p2"), last_page(&row("c1", "6"))]);
    let rows = metronome.client().usage(&query(1)).await.unwrap();
    let values: Vec<String> = rows.iter().map(|row| row.value.unwrap().to_string()).collect();
    assert_eq!(values, ["5", "5", "6"]);
}

#[tokio::test(start_paused = true)]
async fn customers_are_asked_for_a_hundred_at_a_time_eight_lists_side_by_side_at_one_pace() {
    // Two pages a chunk, each answered after 5 s: far slower than the limiter, so only the lanes bound what is under way.
    let metronome = Metronome::answering(|_, request| {
        let customers = body(std::str::from_utf8(request.body()).unwrap())["customer_ids"].clone();
        let first = customers[0].as_str().unwrap().to_owned();
        assert!(customers.as_array().unwrap().len() <= 100);
        let reply = match request.uri().query() {
            None => page(&row(&first, "1"), "p2"),
            Some(_) => last_page(&row(&first, "2")),
        };
        reply.after(Duration::from_secs(5))
    });
    let rows = metronome.client().usage(&query(1950)).await.unwrap();
    assert_eq!(rows.len(), 40);
    assert_eq!(metronome.most_in_flight(), 8);
    let customers: Vec<&str> = rows.iter().map(|row| row.customer_id.as_str()).collect();
    assert!(
        customers.is_sorted(),
        "chunk by chunk, however they were answered"
    );
    assert_eq!(customers.iter().collect::<BTreeSet<_>>().len(), 20);
    let asked = metronome.asked();
    for (index, first) in asked.iter().enumerate() {
        let within = asked[index..]
            .iter()
            .filter(|other| other.at - first.at <= Duration::from_secs(1))
            .count();
        assert!(within <= 8, "{within} requests in a second");
    }
}

#[tokio::test(start_paused = true)]
async fn an_empty_filter_is_nothing_and_not_everything() {
    let client = Metronome::replying([]).client();
    assert_eq!(client.usage(&query(0)).await.unwrap(), []);
    let no_metric = UsageQuery {
        metrics: Metrics::Only(Vec::new()),
        ..query(1)
    };
    assert_eq!(client.usage(&no_metric).await.unwrap(), []);
}

#[tokio::test(start_paused = true)]
async fn a_query_that_metronome_would_refuse_is_not_sent() {
    let client = Metronome::replying([]).client();
    let grouped = |values: usize| {
        let group = Group {
            key: "k".to_owned(),
            values: Some(vec!["v".to_owned(); values]),
        };
        Metrics::Only(vec![MetricFilter {
            id: "m".to_owned(),
            group: Some(group),
        }])
    };
    let cases = [
        UsageQuery {
            until: day("2026-11-01"),
            ..query(1)
        },
        UsageQuery {
            until: day("2026-10-31"),
            ..query(1)
        },
        UsageQuery {
            customers: vec!["a b".to_owned()],
            ..query(1)
        },
        UsageQuery {
            metrics: grouped(0),
            ..query(1)
        },
        UsageQuery {
            metrics: grouped(201),
            ..query(1)
        },
    ];
    for case in cases {
        assert!(
            matches!(client.usage(&case).await, Err(Error::Invalid(_))),
            "{case:?}"
        );
    }
}
