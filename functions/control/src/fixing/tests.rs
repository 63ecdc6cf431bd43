use super::*;

const FIRST: &str = "2026-11-20T13:30:00Z";
const LATER: &str = "2026-11-25T09:00:01Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn hour(text: &str) -> Hour {
    Hour::floor(at(text))
}

fn apply(text: &str, now: &str, stored: Option<&Connection>) -> Connection {
    let text = format!("id = \"acme\"\nsecret = \"meterbridge/acme\"\n{text}");
    fix(crate::file::read(&text, at(now)).unwrap(), stored)
}

fn buyer(id: &str, customer: &str, more: &str) -> String {
    format!(
        "[[buyer]]\nid = \"{id}\"\ncustomer_id = \"{customer}\"\n{more}\nstarts_at = 2026-11-01T00:00:00Z\n\
         aws = {{ product_code = \"{id}\", account_id = \"123456789012\", region = \"us-east-1\" }}\n"
    )
}

fn since(connection: &Connection) -> Vec<Option<Hour>> {
    connection
        .buyers
        .iter()
        .flat_map(|buyer| &buyer.customers)
        .map(|customer| customer.since)
        .collect()
}

#[test]
fn a_new_customer_counts_from_the_first_full_hour_after_the_apply_unless_from_the_start() {
    let now = apply(&buyer("globex", "c-1", ""), FIRST, None);
    assert_eq!(since(&now), [Some(hour("2026-11-20T14:00:00Z"))]);
    let start = apply(&buyer("globex", "c-1", "bill_from = \"start\""), FIRST, None);
    assert_eq!(since(&start), [None]);
    let sharp = apply(&buyer("globex", "c-1", ""), "2026-11-20T14:00:00Z", None);
    assert_eq!(since(&sharp), [Some(hour("2026-11-20T14:00:00Z"))]);
    let just_after = apply(&buyer("globex", "c-1", ""), "2026-11-20T14:00:00.001Z", None);
    assert_eq!(since(&just_after), [Some(hour("2026-11-20T15:00:00Z"))]);
}

#[test]
fn a_known_customer_keeps_its_hour_however_often_it_is_applied_and_whoever_buys() {
    let first = apply(&buyer("globex", "c-1", ""), FIRST, None);
    let again = apply(&buyer("globex", "c-1", ""), LATER, Some(&first));
    assert_eq!(since(&again), since(&first));
    let moved = apply(&buyer("initech", "c-1", ""), LATER, Some(&first));
    assert_eq!(since(&moved), since(&first));
    let more = apply(
        &(buyer("globex", "c-1", "") + &buyer("initech", "c-2", "")),
        LATER,
        Some(&first),
    );
    assert_eq!(
        since(&more),
        [
            Some(hour("2026-11-20T14:00:00Z")),
            Some(hour("2026-11-25T10:00:00Z"))
        ]
    );
}

#[test]
fn only_bill_from_start_takes_an_hour_away_and_bill_from_now_gives_none_back() {
    let first = apply(&buyer("globex", "c-1", ""), FIRST, None);
    let start = apply(
        &buyer("globex", "c-1", "bill_from = \"start\""),
        LATER,
        Some(&first),
    );
    assert_eq!(since(&start), [None]);
    let now = apply(
        &buyer("globex", "c-1", "bill_from = \"now\""),
        LATER,
        Some(&start),
    );
    assert_eq!(since(&now), [None]);
}

fn listed(metrics: &str, now: &str, stored: Option<&Connection>) -> Connection {
    apply(&format!("[whitelist]\nmetrics = [{metrics}]\n"), now, stored)
}

#[test]
fn a_metric_put_back_on_the_whitelist_counts_from_the_next_hour_and_the_others_as_before() {
    let both = listed("\"a\", \"b\"", FIRST, None);
    let one = listed("\"a\"", FIRST, Some(&both));
    assert_eq!(one.whitelist.admits("b"), None);
    let back = listed("\"a\", \"b\"", LATER, Some(&one));
    assert_eq!(back.whitelist.admits("a"), Some(None));
    assert_eq!(
        back.whitelist.admits("b"),
        Some(Some(hour("2026-11-25T10:00:00Z")))
    );
    let again = listed("\"a\", \"b\"", "2026-12-01T00:00:00Z", Some(&back));
    assert_eq!(again.whitelist, back.whitelist);
}

#[test]
fn without_its_whitelist_every_metric_counts_and_those_left_out_before_from_the_next_hour() {
    let listed_once = listed("\"a\"", FIRST, None);
    let open = apply("", LATER, Some(&listed_once));
    let next = Some(Some(hour("2026-11-25T10:00:00Z")));
    assert_eq!(open.whitelist.admits("b"), next);
    assert!(
        open.whitelist.admits("a").unwrap().unwrap() < hour("2000-01-01T00:00:00Z"),
        "from the start, as before"
    );
    assert_eq!(
        apply("", "2026-12-01T00:00:00Z", Some(&open)).whitelist,
        open.whitelist
    );
    let closed = listed("\"a\", \"b\"", "2026-12-01T00:00:00Z", Some(&open));
    assert_eq!(closed.whitelist.admits("a"), Some(None));
    assert_eq!(closed.whitelist.admits("b"), next);
    assert_eq!(closed.whitelist.admits("c"), None);
}

#[test]
fn a_first_whitelist_leaves_its_metrics_as_they_are() {
    let open = apply("", FIRST, None);
    assert_eq!(
        listed("\"a\"", LATER, Some(&open)).whitelist.admits("a"),
        Some(None)
    );
}

fn terms(terms: &[(&str, &str)]) -> String {
    let head = "[[buyer]]\nid = \"globex\"\ncustomer_id = \"c-1\"\n".to_owned();
    terms.iter().fold(head, |text, (from, until)| {
        let until = if until.is_empty() {
            String::new()
        } else {
            format!("ends_at = {until}T00:00:00Z\n")
        };
        text + &format!(
            "[[buyer.entitlement]]\nstarts_at = {from}T00:00:00Z\n{until}\
             aws = {{ product_code = \"p\", account_id = \"123456789012\", region = \"us-east-1\" }}\n"
        )
    })
}

/// The keys, by the order of the terms.
fn keys_of(connection: &Connection) -> Vec<String> {
    let entitlements = connection.buyers.iter().flat_map(|buyer| &buyer.entitlements);
    entitlements
        .map(|one| one.key.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
        .collect()
}

#[test]
fn an_entitlement_whose_start_is_corrected_keeps_its_key() {
    let first = apply(&terms(&[("2026-11-01", "")]), FIRST, None);
    let moved = apply(&terms(&[("2026-11-10", "")]), FIRST, Some(&first));
    assert_eq!(keys_of(&moved), ["2026-11-01T00:00:00Z"]);
    let again = apply(&terms(&[("2026-10-01", "")]), FIRST, Some(&moved));
    assert_eq!(keys_of(&again), ["2026-11-01T00:00:00Z"]);
}

#[test]
fn a_renewal_has_a_key_of_its_own_though_the_end_moved() {
    let first = apply(&terms(&[("2026-11-01", "")]), FIRST, None);
    let renewed = apply(
        &terms(&[("2026-11-01", "2027-11-01"), ("2027-11-01", "")]),
        FIRST,
        Some(&first),
    );
    assert_eq!(
        keys_of(&renewed),
        ["2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"]
    );
    let shorter = apply(
        &terms(&[("2026-11-01", "2027-06-01"), ("2027-06-01", "")]),
        FIRST,
        Some(&renewed),
    );
    assert_eq!(
        keys_of(&shorter),
        ["2026-11-01T00:00:00Z", "2027-11-01T00:00:00Z"]
    );
}

#[test]
fn no_two_entitlements_of_an_identity_have_one_key() {
    let first = apply(&terms(&[("2026-11-01", "")]), FIRST, None);
    let moved = apply(&terms(&[("2026-12-01", "")]), FIRST, Some(&first));
    let before = apply(
        &terms(&[("2026-11-01", "2026-12-01"), ("2026-12-01", "")]),
        FIRST,
        Some(&moved),
    );
    assert_eq!(keys_of(&before), ["2026-11-01T00:00:01Z", "2026-11-01T00:00:00Z"]);
}

#[test]
fn another_identity_has_its_own_keys() {
    let first = apply(&terms(&[("2026-11-01", "")]), FIRST, None);
    let text = terms(&[("2026-11-10", "")]).replace("us-east-1", "eu-west-1");
    assert_eq!(
        keys_of(&apply(&text, FIRST, Some(&first))),
        ["2026-11-10T00:00:00Z"]
    );
}
