use chrono::{DateTime, Utc};
use platform::{Fault, FaultKind};

use super::scripted::{Metronome, last_page, page, refusal};
use crate::{Correction, Error, Invoice, InvoiceBreakdown, InvoiceKind, InvoiceStatus, InvoicesQuery};

const USD: &str = "2714e483-4ff1-48e4-9e25-ac732e8f24f2";

pub(super) fn time(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn query() -> InvoicesQuery {
    InvoicesQuery {
        customer_id: "c1".to_owned(),
        starting_on: None,
    }
}

/// The shortest invoice that the documents allow, but for what `more` adds, each field after its comma.
pub(super) fn row(id: &str, total: &str, more: &str) -> String {
    format!(
        r#"{{"id":"{id}","customer_id":"c1","status":"DRAFT","type":"USAGE","total":{total},"line_items":[],
            "credit_type":{{"id":"{USD}","name":"USD (cents)"}}{more}}}"#
    )
}

async fn read(row: String) -> Result<Vec<Invoice>, Error> {
    let metronome = Metronome::replying([last_page(&row)]);
    metronome.client().invoices(&query()).await
}

async fn invoice(more: &str) -> Invoice {
    read(row("i1", "1", more)).await.unwrap().remove(0)
}

#[tokio::test(start_paused = true)]
async fn all_pages_are_read_in_a_stated_order_and_nothing_else_is_filtered() {
    let metronome = Metronome::replying([page(&row("i1", "1", ""), "p2"), last_page(&row("i2", "2", ""))]);
    let invoices = metronome.client().invoices(&query()).await.unwrap();
    let ids: Vec<&str> = invoices.iter().map(|invoice| invoice.id.as_str()).collect();
    assert_eq!(ids, ["i1", "i2"]);
    let first = "GET /v1/customers/c1/invoices?limit=100&sort=date_asc&skip_zero_qty_line_items=true";
    assert_eq!(
        metronome.lines(),
        [first.to_owned(), format!("{first}&next_page=p2")]
    );
}

#[tokio::test(start_paused = true)]
async fn a_beginning_is_asked_for_in_utc_with_all_that_was_given() {
    for (given, sent) in [
        ("2026-11-01T00:00:00Z", "2026-11-01T00%3A00%3A00Z"),
        ("2026-11-01T02:30:00+02:00", "2026-11-01T00%3A30%3A00Z"),
        ("2026-11-01T00:00:00.5Z", "2026-11-01T00%3A00%3A00.500Z"),
    ] {
        let metronome = Metronome::replying([last_page("")]);
        let query = InvoicesQuery {
            starting_on: Some(time(given)),
            ..query()
        };
        assert_eq!(metronome.client().invoices(&query).await.unwrap(), []);
        assert!(
            metronome.lines()[0].ends_with(&format!("&starting_on={sent}")),
            "{:?}",
            metronome.lines()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_is_read_with_all_that_decides_about_it() {
    let more = r#","start_timestamp":"2026-11-01T00:00:00+00:00","end_timestamp":"2026-12-01T00:00:00Z",
        "issued_at":"2026-12-02T00:00:00Z","contract_id":"k1","billable_status":"unbillable",
        "regenerated_from_invoice_id":"i0","correction_record":{"reason":"r","memo":"m","corrected_invoice_id":"i9"},
        "constituent_invoices":[{"invoice_id":"i7","contract_id":"k7","customer_id":"c7"},
                                {"invoice_id":"i8","contract_id":"k8","customer_id":"c8"}],
        "external_invoice":{"billing_provider_type":"stripe","invoiced_total":1.5,"external_status":"PAID"},
        "reseller_royalty":{"fraction":"0.1"},"added_by_metronome_later":{"deep":[1]}"#;
    let invoice = invoice(more).await;
    assert_eq!((invoice.id.as_str(), invoice.customer_id.as_str()), ("i1", "c1"));
    assert_eq!(
        (&invoice.status, &invoice.kind),
        (&InvoiceStatus::Draft, &InvoiceKind::Usage)
    );
    assert_eq!(
        (
            invoice.credit_type.name.as_str(),
            invoice.credit_type.is_usd_cents()
        ),
        ("USD (cents)", true)
    );
    assert_eq!(invoice.start, Some(time("2026-11-01T00:00:00Z")));
    assert_eq!(invoice.end, Some(time("2026-12-01T00:00:00Z")));
    assert_eq!(invoice.issued_at, Some(time("2026-12-02T00:00:00Z")));
    assert_eq!(invoice.contract_id.as_deref(), Some("k1"));
    assert!(!invoice.billable);
    assert_eq!(invoice.regenerated_from.as_deref(), Some("i0"));
    let corrected = Some("i9".to_owned());
    assert_eq!(
        invoice.corrects,
        Some(Correction {
            invoice_id: corrected
        })
    );
    assert_eq!(invoice.constituents, ["i7", "i8"]);
    assert_eq!(invoice.external_provider.as_deref(), Some("stripe"));
}

#[tokio::test(start_paused = true)]
async fn what_may_be_left_out_may_be_null_too_and_means_the_same() {
    let left_out = invoice("").await;
    let null = invoice(
        r#","start_timestamp":null,"end_timestamp":null,"issued_at":null,"contract_id":null,"billable_status":null,
            "regenerated_from_invoice_id":null,"correction_record":null,"constituent_invoices":null,
            "external_invoice":null"#,
    )
    .await;
    assert_eq!(left_out, null);
    assert_eq!(
        (left_out.start, left_out.end, left_out.issued_at),
        (None, None, None)
    );
    assert_eq!((left_out.contract_id, left_out.regenerated_from), (None, None));
    assert_eq!((left_out.corrects, left_out.external_provider), (None, None));
    assert_eq!(left_out.constituents, [""; 0]);
    assert!(left_out.billable);
}

#[tokio::test(start_paused = true)]
async fn a_correction_is_one_even_where_it_does_not_tell_of_what() {
    for record in ["{}", r#"{"reason":"r","corrected_invoice_id":null}"#] {
        let invoice = invoice(&format!(r#","correction_record":{record}"#)).await;
        assert_eq!(
            invoice.corrects,
            Some(Correction { invoice_id: None }),
            "{record}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn only_unbillable_is_not_billable() {
    for (status, billable) in [
        ("billable", true),
        ("unbillable", false),
        ("UNBILLABLE", false),
        ("something_new", true),
    ] {
        let invoice = invoice(&format!(r#","billable_status":"{status}""#)).await;
        assert_eq!(invoice.billable, billable, "{status}");
    }
}

#[tokio::test(start_paused = true)]
async fn status_and_kind_are_known_in_any_case_and_new_ones_keep_their_words() {
    use InvoiceKind::{Scheduled, Usage, UsageConsolidated};
    use InvoiceStatus::{Draft, Finalized, Void};
    for (status, kind, known) in [
        ("DRAFT", "USAGE", (Draft, Usage)),
        ("Finalized", "usage_consolidated", (Finalized, UsageConsolidated)),
        ("void", "Scheduled", (Void, Scheduled)),
        (
            "DRAFT_INCOMPLETE",
            "Seat",
            (
                InvoiceStatus::Other("DRAFT_INCOMPLETE".to_owned()),
                InvoiceKind::Other("Seat".to_owned()),
            ),
        ),
    ] {
        let row = row("i1", "1", "")
            .replace(r#""DRAFT""#, &format!(r#""{status}""#))
            .replace(r#""USAGE""#, &format!(r#""{kind}""#));
        let invoice = read(row).await.unwrap().remove(0);
        assert_eq!((invoice.status, invoice.kind), known);
    }
}

#[tokio::test(start_paused = true)]
async fn only_one_credit_type_is_us_cents_whatever_the_others_are_called() {
    let other = row("i1", "1", "").replace(USD, "9d3c5c36-0000-4000-8000-000000000000");
    let invoice = read(other).await.unwrap().remove(0);
    assert_eq!(invoice.credit_type.name, "USD (cents)");
    assert!(!invoice.credit_type.is_usd_cents());
}

#[tokio::test(start_paused = true)]
async fn a_total_keeps_every_digit() {
    for (sent, read_as) in [
        ("1000000000000", "1000000000000"),
        ("1000000000000.0000000000000001", "1000000000000.0000000000000001"),
        ("0.30000000000000000004", "0.30000000000000000004"),
        ("-1234567890123456.78", "-1234567890123456.78"),
        ("1e12", "1000000000000"),
        ("0", "0"),
    ] {
        let invoice = read(row("i1", sent, "")).await.unwrap().remove(0);
        assert_eq!(invoice.total.to_string(), read_as, "{sent}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_total_that_is_no_exact_number_makes_the_answer_unusable() {
    let missing = row("i1", "1", "").replace(r#""total":1,"#, "");
    let cases = [
        (missing, "missing field `total`"),
        (row("i1", "null", ""), "`null` is not a JSON number"),
        (row("i1", "\"5\"", ""), "`\"5\"` is not a JSON number"),
        (row("i1", "{}", ""), "`{}` is not a JSON number"),
        (
            row("i1", "0.00000000000000000000000000001", ""),
            "does not fit an exact decimal",
        ),
        (row("i1", "1", r#","total":2"#), "duplicate field `total`"),
    ];
    for (row, told) in cases {
        let error = read(row).await.unwrap_err();
        let Error::Unreadable { call, reason } = &error else {
            panic!("{error:?}")
        };
        assert_eq!(call, "GET /v1/customers/c1/invoices (customer c1)");
        assert!(reason.contains(told), "{reason}");
        assert_eq!(Fault::from(error).kind, FaultKind::SourceUnavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn an_invoice_of_another_shape_is_not_half_read() {
    for (field, other) in [
        (r#""status":"DRAFT","#, ""),
        (r#""type":"USAGE""#, r#""type":null"#),
        (r#""id":"i1","#, ""),
        (r#""customer_id":"c1","#, ""),
        (r#""name":"USD (cents)""#, r#""name":null"#),
        (r#""line_items":[]"#, r#""start_timestamp":"yesterday""#),
        (r#""line_items":[]"#, r#""constituent_invoices":[{}]"#),
        (r#""line_items":[]"#, r#""correction_record":["i9"]"#),
    ] {
        let row = row("i1", "1", "").replace(field, other);
        assert!(
            matches!(read(row).await, Err(Error::Unreadable { .. })),
            "{field} as {other}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn thousands_of_lines_are_passed_over_in_one_page() {
    let line = format!(
        r#"{{"name":"GPU hours","type":"usage","product_id":"7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0003","product_type":
            "UsageProductListItem","credit_type":{{"id":"{USD}","name":"USD (cents)"}},"quantity":30,"unit_price":350.125,
            "total":10503.75,"commit_id":"7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0005","commit_type":"PrepaidCommit",
            "applied_commit_or_credit":{{"id":"7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0005","type":"PREPAID"}},"tier":null,
            "starting_at":"2026-11-01T00:00:00+00:00","ending_before":"2026-12-01T00:00:00+00:00","is_prorated":false,
            "pricing_group_values":{{"gpu":"h200","region":"eu-central-1"}},"presentation_group_values":{{"team":null}},
            "product_custom_fields":{{"sku":"GPU-H200"}},"product_tags":["compute","gpu"],"starts\u0041t":"\ud83d\ude00"}}"#
    );
    let lines = format!("[{}]", vec![line; 5_000].join(","));
    let row = |id: &str, total: &str, lines: &str| {
        row(id, total, "").replace(r#""line_items":[]"#, &format!(r#""line_items":{lines}"#))
    };
    let rows = format!(
        "{},{}",
        row("i1", "1000000000000", &lines),
        row("i2", "0.125", "[]")
    );
    assert!(rows.len() > 4_000_000, "{}", rows.len());
    let invoices = read(rows).await.unwrap();
    let totals: Vec<String> = invoices.iter().map(|invoice| invoice.total.to_string()).collect();
    assert_eq!(totals, ["1000000000000", "0.125"]);
    let deep = format!("{}{}", "[".repeat(1_000_000), "]".repeat(1_000_000));
    assert_eq!(read(row("i1", "1", &deep)).await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_customer_that_is_not_there_is_named_and_one_that_cannot_be_is_not_asked_for() {
    let metronome = Metronome::replying([refusal(404, "Customer not found")]);
    let error = metronome.client().invoices(&query()).await.unwrap_err();
    assert!(
        matches!(&error, Error::Refused { call, status: 404, .. } if call.contains("(customer c1)")),
        "{error:?}"
    );
    let client = Metronome::replying([]).client();
    for id in ["", "a/b", "a?b", "a,b"] {
        let query = InvoicesQuery {
            customer_id: id.to_owned(),
            ..query()
        };
        assert!(
            matches!(client.invoices(&query).await, Err(Error::Invalid(_))),
            "{id}"
        );
    }
}

#[test]
fn an_invoice_with_a_line_takes_no_more_memory_than_its_text() {
    // Four UUIDs and three words beside the row itself, against a breakdown with the shortest line that is documented.
    let uuid = "7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001";
    let memory = size_of::<InvoiceBreakdown>() + 4 * uuid.len() + "USD (cents)".len();
    let credit_type = format!(r#"{{"id":"{USD}","name":"USD (cents)"}}"#);
    let line = format!(r#"[{{"name":"A","type":"usage","total":1,"credit_type":{credit_type}}}]"#);
    let times = ["start", "end", "breakdown_start", "breakdown_end"]
        .map(|name| format!(r#","{name}_timestamp":"2026-11-01T00:00:00Z""#));
    let more = format!(r#","contract_id":"{uuid}"{}"#, times.concat());
    let text = row(uuid, "1", &more).replace("c1", uuid).replace("[]", &line);
    assert!(memory <= text.len(), "{memory} bytes for {}", text.len());
}
