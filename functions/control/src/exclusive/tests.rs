use super::*;

fn connection(id: &str, text: &str) -> Connection {
    let text = format!("id = \"{id}\"\nsecret = \"meterbridge/{id}\"\n{text}");
    crate::file::read(&text, "2026-11-20T13:30:00Z".parse().unwrap())
        .unwrap()
        .connection
}

/// A connection with one buyer: its customer, its product code, its term.
fn metered(id: &str, customer: &str, code: &str, from: &str, until: &str) -> Connection {
    connection(id, &text(customer, code, from, until))
}

fn text(customer: &str, code: &str, from: &str, until: &str) -> String {
    format!(
        "billing_mode = \"quantity\"\n[[conversion]]\nfrom = \"m-1\"\nto = \"d\"\n\
         [[buyer]]\nid = \"b\"\ncustomer_id = \"{customer}\"\nstarts_at = {from}T00:00:00Z\nends_at = {until}T00:00:00Z\n\
         aws = {{ product_code = \"{code}\", account_id = \"123456789012\", region = \"us-east-1\" }}\n"
    )
}

fn said(one: &Connection, other: &Connection) -> Vec<String> {
    let found = check(one, std::slice::from_ref(other)).err().unwrap_or_default();
    found.iter().map(ToString::to_string).collect()
}

#[test]
fn two_buyers_on_one_identity_at_one_time_are_refused_by_name() {
    let one = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    let two = metered("two", "c-2", "p", "2027-10-31", "2028-11-01");
    assert_eq!(
        said(&one, &two),
        [
            "the buyer b of the connection one and the buyer b of the connection two share the identity \
             aws/us-east-1/p/account/123456789012 at the same time: it would be billed twice. End the one where the other begins"
        ]
    );
    let after = metered("two", "c-2", "p", "2027-11-01", "2028-11-01");
    assert_eq!(said(&one, &after), [""; 0]);
}

#[test]
fn two_buyers_of_one_customer_and_metric_at_one_time_are_refused_by_name() {
    let one = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    let two = metered("two", "c-1", "q", "2027-10-31", "2028-11-01");
    assert_eq!(
        said(&one, &two),
        [
            "the buyer b of the connection one and the buyer b of the connection two share the customer c-1 with the metric \
             m-1 at the same time: it would be billed twice. End the one where the other begins"
        ]
    );
    assert_eq!(
        said(&one, &metered("two", "c-1", "q", "2027-11-01", "2028-11-01")),
        [""; 0]
    );
}

#[test]
fn a_customer_may_be_billed_for_different_metrics_or_not_at_all() {
    let one = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    let text = text("c-1", "q", "2026-11-01", "2027-11-01");
    let apart = [
        text.replace("m-1", "m-2"),
        text.replace(
            "[[conversion]]",
            "[whitelist]\nmetrics = [\"m-2\"]\n[[conversion]]",
        ),
        text.replace("billing_mode = \"quantity\"\n", ""),
    ];
    for text in apart {
        assert_eq!(said(&one, &connection("two", &text)), [""; 0], "{text}");
    }
}

#[test]
fn a_customer_is_the_same_at_whatever_address_its_metronome_is_reached() {
    let one = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    let text = text("c-1", "q", "2026-11-01", "2027-11-01");
    let text = text.replace(
        "[[conversion]]",
        "[metronome]\nbase_url = \"https://proxy.example.com\"\n[[conversion]]",
    );
    assert_eq!(said(&one, &connection("two", &text)).len(), 1);
}

#[test]
fn a_connection_is_not_held_against_what_is_stored_of_itself() {
    let one = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    assert_eq!(said(&one, &one), [""; 0]);
}

/// A connection of the amount modes, whose buyer names these contracts.
fn invoiced(id: &str, contracts: &str) -> Connection {
    let text = text("c-1", id, "2026-11-01", "2027-11-01")
        .replace("billing_mode = \"quantity\"", "billing_mode = \"amount_hourly\"")
        .replace("from = \"m-1\"", "from = \"metronome\"")
        .replace("customer_id", &format!("{contracts}\ncustomer_id"));
    connection(id, &text)
}

#[test]
fn invoices_are_shared_unless_both_name_contracts_and_no_one_in_common() {
    let shares = |one: &str, two: &str| said(&invoiced("one", one), &invoiced("two", two)).len();
    assert_eq!(shares("", ""), 1);
    assert_eq!(shares("contracts = [\"k-1\"]", ""), 1);
    assert_eq!(
        shares("contracts = [\"k-1\", \"k-2\"]", "contracts = [\"k-2\"]"),
        1
    );
    assert_eq!(shares("contracts = [\"k-1\"]", "contracts = [\"k-2\"]"), 0);
}

#[test]
fn a_customer_is_not_billed_by_its_usage_here_and_by_its_invoices_there() {
    let usage = metered("one", "c-1", "p", "2026-11-01", "2027-11-01");
    let said = said(&usage, &invoiced("two", ""));
    assert!(
        said[0].contains("usage that both bill, the one by metrics and the other by invoices"),
        "{said:?}"
    );
}
