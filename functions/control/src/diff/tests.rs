use super::*;

const BEFORE: &str = r#"id = "acme"
secret = "meterbridge/acme"
billing_mode = "quantity"
[whitelist]
metrics = ["calls", "seats"]
[[conversion]]
from = "calls"
to = "api_calls"
[[conversion]]
from = "seats"
to = "seats"
accumulate = "hours"
[[buyer]]
id = "globex"
customer_ids = ["c-1", "c-2"]
starts_at = 2026-11-01T00:00:00Z
aws = { product_code = "p", account_id = "123456789012", region = "us-east-1" }
[[buyer]]
id = "initech"
customer_id = "c-3"
starts_at = 2026-11-01T00:00:00Z
aws = { product_code = "q", account_id = "123456789012", region = "us-east-1" }
"#;

fn connection(text: &str, now: &str, stored: Option<&Connection>) -> Connection {
    let declaration = crate::file::read(text, now.parse().unwrap());
    crate::fixing::fix(
        declaration.unwrap_or_else(|mistakes| panic!("{mistakes}")),
        stored,
    )
}

fn before() -> Connection {
    connection(BEFORE, "2026-11-20T13:30:00Z", None)
}

fn lines(text: &str) -> Vec<String> {
    let before = before();
    let after = connection(text, "2026-11-25T09:30:00Z", Some(&before));
    diff(Some(&before), &after)
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn the_same_file_changes_nothing() {
    assert_eq!(lines(BEFORE), [""; 0]);
    assert_eq!(lines(&format!("# a comment\n{BEFORE}")), [""; 0]);
}

#[test]
fn a_first_apply_says_what_begins_and_when() {
    let said: Vec<_> = diff(None, &before()).iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            "+ connection acme",
            "+ conversion of calls to api_calls",
            "+ conversion of seats to seats, an hour without an event counts nothing",
            "+ buyer globex",
            "+ customer c-1 of buyer globex: it counts from 2026-11-20T14:00:00Z",
            "+ customer c-2 of buyer globex: it counts from 2026-11-20T14:00:00Z",
            "+ entitlement of buyer globex from 2026-11-01T00:00:00Z on aws/us-east-1/p/account/123456789012 until further notice",
            "+ buyer initech",
            "+ customer c-3 of buyer initech: it counts from 2026-11-20T14:00:00Z",
            "+ entitlement of buyer initech from 2026-11-01T00:00:00Z on aws/us-east-1/q/account/123456789012 until further notice",
        ]
    );
}

#[test]
fn every_setting_that_changes_is_a_line() {
    let text = BEFORE
        .replace("billing_mode = \"quantity\"\n", "auto_report = false\nopen_days = 5\n")
        .replace("meterbridge/acme", "meterbridge/other")
        .replace("[whitelist]", "[metronome]\nbase_url = \"http://127.0.0.1:1\"\nrequests_per_second = 2\n[aws]\nrole_arn = \"arn:aws:iam::123456789012:role/r\"\nexternal_id = \"ext\"\n[whitelist]");
    assert_eq!(
        lines(&text),
        [
            "~ secret meterbridge/acme → meterbridge/other",
            "~ billing_mode quantity → none: nothing is metered",
            "~ auto_report true → false",
            "~ open_days 2 → 5",
            "~ metronome.base_url https://api.metronome.com → http://127.0.0.1:1",
            "~ metronome.requests_per_second 8 → 2",
            "~ aws.role_arn the function's own → arn:aws:iam::123456789012:role/r",
            "~ aws.external_id none → ext",
        ]
    );
}

#[test]
fn a_conversion_says_what_becomes_of_growth_and_from_when() {
    let text = BEFORE
        .replace(
            "to = \"api_calls\"",
            "to = \"api_calls\"\ndivide = \"1000\"\nhold_above = \"50.0\"",
        )
        .replace("accumulate = \"hours\"", "accumulate = \"period\"");
    assert_eq!(
        lines(&text),
        [
            "~ conversion of calls: factor 1 → 1/1000 for growth claimed from now on, hold_above none → 50",
            "~ conversion of seats: accumulate hours → period from 2026-11-25T10:00:00Z",
        ]
    );
    let other = BEFORE.replace(
        "from = \"calls\"",
        "from = \"calls\"\ngroup = { region = \"eu\" }\nmarketplace = \"aws\"",
    );
    assert_eq!(
        lines(&other),
        [
            "- conversion of calls to api_calls: its usage is held",
            "+ conversion of calls region=eu on aws to api_calls",
        ]
    );
}

#[test]
fn a_whitelist_says_from_when_a_metric_counts() {
    let text = BEFORE.replace("[\"calls\", \"seats\"]", "[\"calls\", \"disks\"]");
    assert_eq!(
        lines(&text),
        [
            "- whitelisted metric seats: it is billed no more",
            "+ whitelisted metric disks: it counts from 2026-11-25T10:00:00Z",
        ]
    );
    let gone = BEFORE.replace("[whitelist]\nmetrics = [\"calls\", \"seats\"]\n", "");
    assert_eq!(
        lines(&gone),
        ["- whitelist: every other metric counts from 2026-11-25T10:00:00Z"]
    );
    let open = connection(&gone, "2026-11-20T13:30:00Z", None);
    let listed = connection(BEFORE, "2026-11-25T09:30:00Z", Some(&open));
    let said: Vec<_> = diff(Some(&open), &listed)
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(said, ["+ whitelist: no metric counts any more but calls, seats"]);
}

#[test]
fn buyers_customers_and_entitlements_come_and_go_by_name() {
    let gone = BEFORE.split("[[buyer]]\nid = \"initech\"").next().unwrap();
    let text = gone
        .replace("[\"c-1\", \"c-2\"]", "[\"c-1\", \"c-9\"]\nbill_from = \"start\"")
        .replace("starts_at = 2026-11-01T00:00:00Z", "starts_at = 2026-11-02T00:00:00Z\nends_at = 2027-11-01T00:00:00Z\nincluded = { api_calls = \"10\" }");
    assert_eq!(
        lines(&text),
        [
            "- buyer initech: what it owes is still delivered",
            "- customer c-2 of buyer globex",
            "~ customer c-1 of buyer globex: it counts from the start, not from 2026-11-20T14:00:00Z",
            "+ customer c-9 of buyer globex: it counts from the start",
            "~ entitlement of buyer globex from 2026-11-02T00:00:00Z on aws/us-east-1/p/account/123456789012: \
             starts_at 2026-11-01T00:00:00Z → 2026-11-02T00:00:00Z, ends_at further notice → 2027-11-01T00:00:00Z, \
             included nothing → 10 api_calls",
        ]
    );
    let moved = BEFORE.replace(
        "product_code = \"p\", account_id = \"123456789012\", region = \"us-east-1\"",
        "product_code = \"p\", account_id = \"123456789012\", region = \"eu-west-1\"",
    );
    assert_eq!(
        lines(&moved),
        [
            "- entitlement of buyer globex from 2026-11-01T00:00:00Z on aws/us-east-1/p/account/123456789012 until further notice",
            "+ entitlement of buyer globex from 2026-11-01T00:00:00Z on aws/eu-west-1/p/account/123456789012 until further notice",
        ]
    );
}
