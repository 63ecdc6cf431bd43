use super::invoices::{row, time};
use super::scripted::{Metronome, last_page, page, refusal};
use crate::{BreakdownWindow, BreakdownsQuery, Error};

fn query() -> BreakdownsQuery {
    BreakdownsQuery {
        customer_id: "c1".to_owned(),
        starting_on: time("2026-11-01T00:00:00Z"),
        ending_before: time("2026-11-02T06:00:00Z"),
        window: BreakdownWindow::Hour,
    }
}

fn breakdown(id: &str, total: &str, start: &str, end: &str) -> String {
    let window = format!(r#","breakdown_start_timestamp":"{start}","breakdown_end_timestamp":"{end}""#);
    row(id, total, &window)
}

#[tokio::test(start_paused = true)]
async fn one_invoice_is_read_in_all_its_windows_over_all_pages() {
    let metronome = Metronome::replying([
        page(
            &breakdown(
                "i1",
                "0.000000000000000001",
                "2026-11-01T23:00:00Z",
                "2026-11-02T00:00:00+00:00",
            ),
            "next day",
        ),
        page("", "on"),
        last_page(&breakdown(
            "i1",
            "-2.5",
            "2026-11-02T00:00:00Z",
            "2026-11-02T01:00:00Z",
        )),
    ]);
    let rows = metronome.client().invoice_breakdowns(&query()).await.unwrap();
    let read: Vec<(&str, String)> = rows
        .iter()
        .map(|row| (row.invoice.id.as_str(), row.invoice.total.to_string()))
        .collect();
    assert_eq!(
        read,
        [
            ("i1", "0.000000000000000001".to_owned()),
            ("i1", "-2.5".to_owned())
        ]
    );
    assert_eq!(
        (rows[0].start, rows[0].end),
        (time("2026-11-01T23:00:00Z"), time("2026-11-02T00:00:00Z"))
    );
    assert_eq!(rows[1].start, rows[0].end);
    let first = "GET /v1/customers/c1/invoices/breakdowns?limit=100&sort=date_asc&skip_zero_qty_line_items=true\
                 &window_size=HOUR&starting_on=2026-11-01T00%3A00%3A00Z&ending_before=2026-11-02T06%3A00%3A00Z";
    assert_eq!(
        metronome.lines(),
        [
            first.to_owned(),
            format!("{first}&next_page=next+day"),
            format!("{first}&next_page=on")
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn days_are_asked_for_as_days() {
    let metronome = Metronome::replying([last_page("")]);
    let days = BreakdownsQuery {
        ending_before: time("2027-01-01T00:00:00Z"),
        window: BreakdownWindow::Day,
        ..query()
    };
    assert_eq!(metronome.client().invoice_breakdowns(&days).await.unwrap(), []);
    assert!(
        metronome.lines()[0].contains("&window_size=DAY&"),
        "{:?}",
        metronome.lines()
    );
}

#[tokio::test(start_paused = true)]
async fn a_row_without_its_window_is_no_breakdown() {
    let whole = breakdown("i1", "1", "2026-11-01T00:00:00Z", "2026-11-01T01:00:00Z");
    for (field, other) in [
        ("breakdown_start_timestamp", "another"),
        ("breakdown_end_timestamp", "another"),
        ("\"2026-11-01T01:00:00Z\"", "null"),
        ("\"total\"", "\"another\""),
    ] {
        let metronome = Metronome::replying([last_page(&whole.replace(field, other))]);
        let error = metronome.client().invoice_breakdowns(&query()).await.unwrap_err();
        let Error::Unreadable { call, reason } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(call, "GET /v1/customers/c1/invoices/breakdowns (customer c1)");
        assert!(reason.contains("missing field"), "{reason}");
    }
}

#[tokio::test(start_paused = true)]
async fn bounds_that_would_cut_a_window_off_in_silence_are_not_sent() {
    let client = Metronome::replying([]).client();
    let between = |window, starting_on: &str, ending_before: &str| BreakdownsQuery {
        window,
        starting_on: time(starting_on),
        ending_before: time(ending_before),
        ..query()
    };
    let (hour, day) = (BreakdownWindow::Hour, BreakdownWindow::Day);
    let cases = [
        between(hour, "2026-11-01T00:00:00Z", "2026-11-01T00:00:00Z"),
        between(hour, "2026-11-01T02:00:00Z", "2026-11-01T01:00:00Z"),
        between(hour, "2026-11-01T00:00:01Z", "2026-11-01T02:00:00Z"),
        between(hour, "2026-11-01T00:00:00Z", "2026-11-01T02:00:00.001Z"),
        between(day, "2026-11-01T01:00:00Z", "2026-11-03T00:00:00Z"),
        between(day, "2026-11-01T00:00:00Z", "2026-11-03T23:00:00Z"),
        BreakdownsQuery {
            customer_id: "a/b".to_owned(),
            ..query()
        },
    ];
    for case in cases {
        assert!(
            matches!(client.invoice_breakdowns(&case).await, Err(Error::Invalid(_))),
            "{case:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_not_there_is_refused_by_name() {
    let metronome = Metronome::replying([refusal(404, "Not found")]);
    let error = metronome.client().invoice_breakdowns(&query()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { call, status: 404, .. } if call.contains("(customer c1)")),
        "{error:?}"
    );
}
