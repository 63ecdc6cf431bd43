use super::{WHOLE, read, spoilt};

/// Reads a table of two lines a case: `what is spoilt => by what` (`↵` stands for a line's end), and all that is said of it.
fn check(cases: &str) {
    let lines: Vec<_> = cases.lines().filter(|line| !line.is_empty()).collect();
    for case in lines.chunks(2) {
        let (part, by) = case[0].split_once(" =>").unwrap();
        let text = spoilt(&part.replace('↵', "\n"), &by.trim_start().replace('↵', "\n"));
        let said = read(&text).map_or_else(|mistakes| mistakes.to_string(), |_| "it passed".to_owned());
        assert_eq!(said, case[1].trim_start().replace('↵', "\n"), "{}", case[0]);
    }
}

#[test]
fn a_key_that_is_unknown_is_named_with_the_nearest_that_is_known() {
    check(
        r#"
divide = "1000" => divid = "1000"
    line 19: `divid` is not a key of [[conversion]]: did you mean `divide`?
open_days = 34 => opendays = 34
    line 5: `opendays` is not a key of the file: did you mean `open_days`?
external_id => extrenal_id
    line 52: `extrenal_id` is not a key of [aws]: did you mean `external_id`?
bill_from => xyz
    line 32: `xyz` is not a key of [[buyer]]: take it out
requests_per_second => request_per_second
    line 9: `request_per_second` is not a key of [metronome]: did you mean `requests_per_second`?
included = { => include = {
    line 41: `include` is not a key of [[buyer.entitlement]]: did you mean `included`?
product = "prod-1" => products = "prod-1"
    line 42: `products` is not a key of aws = {…}: did you mean `product`?
"#,
    );
}

#[test]
fn a_key_that_is_missing_is_named() {
    check(
        r#"
id = "acme"↵ =>
    line 1: the file lacks `id`: add it
secret = "meterbridge/acme"↵ =>
    line 1: the file lacks `secret`: add it
from = "m-calls"↵ =>
    line 14: [[conversion]] lacks `from`: add it
to = "seats"↵ =>
    line 22: [[conversion]] lacks `to`: add it
metrics = ["m-calls", "m-seats"]↵ =>
    line 11: [whitelist] lacks `metrics`: add it
customer_id = "c-3"↵ =>
    line 44: [[buyer]] lacks `customer_ids` (or `customer_id`): add it
id = "initech"↵ =>
    line 44: [[buyer]] lacks `id`: add it
starts_at = 2026-11-15T00:00:00Z↵ =>
    line 44: [[buyer]] lacks `starts_at`: add it
starts_at = 2027-11-01T00:00:00Z↵ =>
    line 34: [[buyer.entitlement]] lacks `starts_at`: add it
, region = "us-gov-west-1" =>
    line 48: aws = {…} lacks `region`: add it
"#,
    );
}

#[test]
fn a_value_of_another_type_is_named_with_what_is_wanted() {
    check(
        r#"
id = "acme" => id = 7
    line 1: `id` is the number 7: it wants a text in quotes
auto_report = false => auto_report = "no"
    line 4: `auto_report` is the text "no": it wants true or false
open_days = 34 => open_days = 35
    line 5: `open_days` is the number 35: it wants a whole number from 0 to 34
open_days = 34 => open_days = -1
    line 5: `open_days` is the number -1: it wants a whole number from 0 to 34
open_days = 34 => open_days = 2.5
    line 5: `open_days` is the number 2.5: it wants a whole number from 0 to 34
requests_per_second = 3 => requests_per_second = 0
    line 9: `requests_per_second` is the number 0: it wants a whole number from 1 to 100
requests_per_second = 3 => requests_per_second = 101
    line 9: `requests_per_second` is the number 101: it wants a whole number from 1 to 100
metrics = ["m-calls", "m-seats"] => metrics = "m-calls"
    line 12: `metrics` is the text "m-calls": it wants a list of texts, such as ["…"]
metrics = ["m-calls", "m-seats"] => metrics = ["m-calls",↵  4]
    line 13: `metrics` is the number 4: it wants nothing but texts in quotes
metrics = ["m-calls", "m-seats"] => metrics = []
    line 12: `metrics` is empty: name at least one, or leave it out
metrics = ["m-calls", "m-seats"] => metrics = ["m-seats", "m-seats"]
    line 12: `metrics` names "m-seats" twice
carry = true => carry = 1
    line 27: `carry` is the number 1: it wants true or false
group = { region = "us-west-1" } => group = "region"
    line 16: `group` is the text "region": it wants a table of texts, such as { region = "us-west-1" }
group = { region = "us-west-1" } => group = { region = 1 }
    line 16: `group.region` is the number 1: it wants a text in quotes
group = { region = "us-west-1" } => group = { region = "" }
    line 16: `group.region`: it is empty: give it a value, or leave it out
group = { region = "us-west-1" } => group = {}
    line 16: `group` is empty: leave it out
"#,
    );
    let scalar =
        read("id = \"a\"\nsecret = \"meterbridge/a\"\nbuyer = \"globex\"\nmetronome = 1\nconversion = [1]\n");
    let said = scalar.unwrap_err().to_string();
    assert_eq!(
        said,
        "line 3: `buyer` is the text \"globex\": it wants tables, each begun with [[buyer]]\n\
         line 4: `metronome` is the number 1: it wants a table, [metronome]\n\
         line 5: `conversion` is a list: it wants tables, each begun with [[conversion]]"
    );
}

#[test]
fn a_decimal_that_is_not_exact_or_not_above_zero_is_refused() {
    check(
        r#"
divide = "1000" => divide = 1000
    line 19: `divide` is the number 1000: it wants an exact decimal in quotes, such as "0.001"
divide = "1000" => divide = 0.1
    line 19: `divide` is the number 0.1: it wants an exact decimal in quotes, such as "0.001"
divide = "1000" => divide = "0"
    line 19: `divide` is "0": it wants to be above zero
divide = "1000" => divide = "-3"
    line 19: `divide` is "-3": it wants to be above zero
divide = "1000" => divide = "1e3"
    line 19: `divide` is "1e3": it wants an exact decimal, such as "0.001"
multiply = "2.5" => multiply = "0.0"
    line 25: `multiply` is "0.0": it wants to be above zero
multiply = "2.5" => multiply = "99999999999999999999999999999"
    line 25: `multiply` is "99999999999999999999999999999": more digits than an exact decimal of 28 holds
multiply = "2.5" => multiply = "2.5"↵divide = "2"
    line 26: both `multiply` and `divide`: keep one
hold_above = "1000000.5" => hold_above = "many"
    line 20: `hold_above` is "many": it wants an exact decimal, such as "0.001"
api_calls = "1000000" => api_calls = "0"
    line 41: `included.api_calls` is "0": it wants to be above zero
api_calls = "1000000" => api_calls = 5
    line 41: `included.api_calls` is the number 5: it wants an exact decimal in quotes, such as "0.001"
api_calls = "1000000" => "" = "5"
    line 41: `included.`: a dimension: it is empty: give it a value, or leave it out
"#,
    );
}

#[test]
fn a_time_is_in_utc_in_whole_seconds_and_ends_after_it_begins() {
    let wants = "it wants a UTC timestamp without quotes, such as 2026-11-01T00:00:00Z";
    let cases = [
        (
            "\"2026-11-15T00:00:00Z\"",
            format!("`starts_at` is the text \"2026-11-15T00:00:00Z\": {wants}"),
        ),
        ("2026-11-15", format!("`starts_at` is 2026-11-15: {wants}")),
        (
            "2026-11-15T00:00:00",
            format!("`starts_at` is 2026-11-15T00:00:00: {wants}"),
        ),
        (
            "2026-11-15T00:00:00.5Z",
            "`starts_at` is 2026-11-15T00:00:00.5Z: it wants whole seconds".to_owned(),
        ),
    ];
    for (time, message) in cases {
        let text = spoilt("starts_at = 2026-11-15T00:00:00Z", &format!("starts_at = {time}"));
        assert_eq!(
            read(&text).unwrap_err().to_string(),
            format!("line 47: {message}"),
            "{time}"
        );
    }
    for end in ["2026-11-01T00:00:00Z", "2026-10-01T00:00:00Z"] {
        let text = spoilt("ends_at = 2027-11-01T00:00:00Z", &format!("ends_at = {end}"));
        let said = read(&text).unwrap_err().to_string();
        assert_eq!(
            said,
            "line 40: `ends_at` is not after `starts_at`: an entitlement ends after it begins"
        );
    }
}

#[test]
fn a_word_that_is_none_of_the_words_is_refused() {
    check(
        r#"
billing_mode = "quantity" => billing_mode = "hourly"
    line 3: `billing_mode` is "hourly": it wants "quantity" or "amount_hourly" or "amount_daily"
marketplace = "aws" => marketplace = "AWS"
    line 17: `marketplace` is "AWS": it wants "aws" or "azure" or "gcp" or "suger"
bill_from = "start" => bill_from = "later"
    line 32: `bill_from` is "later": it wants "start" or "now"
accumulate = "hours"↵carry = true => accumulate = "days"
    line 26: `accumulate` is "days": it wants "hours" or "period"
accumulate = "hours"↵ =>
    line 26: `carry` goes with `accumulate = "hours"`: add that, or take it out
accumulate = "hours"↵ => accumulate = "period"↵
    line 27: `carry` goes with `accumulate = "hours"`: add that, or take it out
"#,
    );
}

#[test]
fn an_id_is_short_and_plain() {
    let long = "a".repeat(65);
    for (id, reason) in [
        ("", "an id is not empty".to_owned()),
        (
            "a b",
            "the id \"a b\" holds ' ': letters, digits, `.`, `_` and `-` only".to_owned(),
        ),
        (
            "a/b",
            "the id \"a/b\" holds '/': letters, digits, `.`, `_` and `-` only".to_owned(),
        ),
        (
            "é",
            "the id \"é\" holds 'é': letters, digits, `.`, `_` and `-` only".to_owned(),
        ),
        (long.as_str(), "the id has 65 characters: at most 64".to_owned()),
    ] {
        for (part, line, key) in [
            ("id = \"acme\"", 1, "id"),
            ("id = \"initech\"", 45, "id"),
            ("customer_id = \"c-3\"", 46, "customer_id"),
        ] {
            let text = spoilt(part, &format!("{key} = \"{id}\""));
            assert_eq!(
                read(&text).unwrap_err().to_string(),
                format!("line {line}: `{key}`: {reason}")
            );
        }
    }
    assert!(read(&spoilt("id = \"acme\"", &format!("id = \"{}\"", "a".repeat(64)))).is_ok());
}

#[test]
fn a_token_goes_only_where_it_may_and_comes_from_our_own_secrets() {
    check(
        r#"
secret = "meterbridge/acme" => secret = "prod/db"
    line 2: `secret`: the secret's name "prod/db" does not begin with `meterbridge/`
https://API.metronome.com/ => http://api.metronome.com
    line 8: `base_url`: `http://api.metronome.com` is neither https nor loopback, and would receive a token
https://API.metronome.com/ => https://user:pw@api.metronome.com
    line 8: `base_url`: a URL with a user name or password in it is refused
https://API.metronome.com/ => https://api.metronome.com/?x=1
    line 8: `base_url`: `https://api.metronome.com/?x=1` has a query: give the address without it
"#,
    );
    assert!(read(&spoilt("https://API.metronome.com/", "http://127.0.0.1:8080")).is_ok());
}

const FORMS: &str = "aws = {…}: one form only, account_id + license_arn + region (and product), or product_code + region with account_id or customer_identifier";

#[test]
fn an_identity_has_exactly_one_form() {
    let forms = [
        "account_id = \"123456789012\"",
        "product_code = \"code\"",
        "customer_identifier = \"cust\"",
        "product_code = \"code\", account_id = \"123456789012\", customer_identifier = \"cust\"",
        "product_code = \"code\", account_id = \"123456789012\", license_arn = \"arn:aws:license-manager::1:license:l\"",
        "product = \"prod\", product_code = \"code\", account_id = \"123456789012\"",
        "license_arn = \"arn:aws:license-manager::1:license:l\"",
    ];
    for form in forms {
        let text = spoilt("product_code = \"code\", customer_identifier = \"cust\"", form);
        assert_eq!(
            read(&text).unwrap_err().to_string(),
            format!("line 48: {FORMS}"),
            "{form}"
        );
    }
}

#[test]
fn each_part_of_an_identity_has_its_form() {
    check(
        r#"
product_code = "code", account_id = "123456789012" => product_code = "code", account_id = "12345"
    line 36: `account_id`: "12345" is not an AWS account id: it wants 12 digits
product_code = "code", account_id = "123456789012" => product_code = "c d", account_id = "123456789012"
    line 36: `product_code`: "c d" is not a product code
"arn:aws:license-manager::123456789012:license:l-1" => "l-1"
    line 42: `license_arn`: "l-1" is not a licence ARN, such as arn:aws:license-manager::123456789012:license:l-…
"arn:aws:license-manager::123456789012:license:l-1" => "arn:aws:license-manager::1:"
    line 42: `license_arn`: "arn:aws:license-manager::1:" is not a licence ARN, such as arn:aws:license-manager::123456789012:license:l-…
"us-gov-west-1" => "us-east"
    line 48: `region`: "us-east" is not an AWS region, such as us-east-1
"us-gov-west-1" => "US-EAST-1"
    line 48: `region`: "US-EAST-1" is not an AWS region, such as us-east-1
"us-gov-west-1" => "us.evil.com/-1"
    line 48: `region`: "us.evil.com/-1" is not an AWS region, such as us-east-1
arn:aws:iam::123456789012:role/meter => arn:aws:iam::1:role/meter
    line 51: `role_arn`: "arn:aws:iam::1:role/meter" is not a role ARN, such as arn:aws:iam::123456789012:role/…
role_arn = "arn:aws:iam::123456789012:role/meter"↵ =>
    line 51: `external_id` is given with a role: add `role_arn`, or take it out
external_id = "ext-1" => external_id = "e x"
    line 52: `external_id`: it wants 2 to 1224 letters, digits and _+=,.@:/-
"#,
    );
}

#[test]
fn what_would_be_billed_twice_is_refused() {
    check(
        r#"
from = "m-seats" => from = "m-calls"↵group = { region = "us-west-1" }
    line 22: the metric m-calls is converted for the same marketplace and group on line 14 already: its usage would be billed twice
from = "m-seats" => from = "m-calls"
    line 22: the metric m-calls is grouped otherwise on line 14: give all its conversions for a marketplace the same group keys, or some of its usage would be billed twice
id = "initech" => id = "globex"
    line 44: the buyer globex stands on line 29 already: give this one another id
customer_id = "c-3" => customer_id = "c-2"
    line 46: the customer c-2 belongs to the buyer globex (line 29) at the same time: its usage would be billed twice
starts_at = 2027-11-01T00:00:00Z => starts_at = 2027-10-31T23:59:59Z
    line 34: the entitlement overlaps that of line 38: end the one where the other begins
product_code = "code", customer_identifier = "cust", region = "us-gov-west-1" => product_code = "code", account_id = "123456789012", region = "eu-west-1"
    line 44: the buyers globex (line 34) and initech share the identity aws/eu-west-1/code/account/123456789012 at the same time: end the one where the other begins
customer_id = "c-3" => customer_id = "c-3"↵customer_ids = ["c-4"]
    line 46: `customer_id` beside `customer_ids`: put it into the list
bill_from = "start" => starts_at = 2026-11-01T00:00:00Z
    line 32: `starts_at` beside [[buyer.entitlement]]: it belongs into one of those
"#,
    );
}

#[test]
fn one_after_another_is_not_twice() {
    let moved = spoilt(
        "customer_id = \"c-3\"\nstarts_at = 2026-11-15T00:00:00Z",
        "customer_id = \"c-2\"\nstarts_at = 2028-11-01T00:00:00Z",
    );
    let ended = moved.replace(
        "starts_at = 2027-11-01T00:00:00Z",
        "starts_at = 2027-11-01T00:00:00Z\nends_at = 2028-11-01T00:00:00Z",
    );
    assert_eq!(read(&ended).err(), None);
}

#[test]
fn what_this_version_does_not_do_is_refused_by_name() {
    for key in ["vantage = {}", "solvimon = {}"] {
        let name = key.split(' ').next().unwrap();
        let said = read(&spoilt("open_days = 34", key)).unwrap_err().to_string();
        assert_eq!(
            said,
            format!("line 5: `{name}` is not supported by this version: take it out")
        );
    }
    check(
        r#"
external_id = "ext-1" => landing_page = "https://x"
    line 52: `landing_page` is not supported by this version: take it out
open_days = 34 => endpoints = { vantage = "https://x" }
    line 5: `vantage` is not supported by this version: take it out
"#,
    );
}

#[test]
fn an_entitlement_is_of_one_marketplace_each_part_in_its_form() {
    check(
        r#"
included = { api_calls = "1000000" } => azure = { resource_id = "7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001", plan_id = "gold" }
    line 41: `azure` beside `aws`: an entitlement is of one marketplace
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => # none
    line 34: [[buyer.entitlement]] lacks its marketplace: add `aws`, `azure`, `gcp` or `suger`
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => azure = { resource_id = "7b0f", plan_id = "gold" }
    line 36: `resource_id`: "7b0f" is not a resource id: it wants a GUID, such as 7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => azure = { resource_id = "7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001" }
    line 36: azure = {…} lacks `plan_id`: add it
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => gcp = { usage_reporting_id = "project_number:1", service_name = "Not A Host" }
    line 36: `service_name`: "Not A Host" is not a service name, such as example.gcpmarketplace.example.com
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => gcp = { usage_reporting_id = "project_number:1", service_name = "a.example.com", metrics = { api_calls = "float" }, unknown = "guess" }
    line 36: `metrics.api_calls` is the text "float": it wants "int64" or "double" or "money"↵line 36: `unknown` is "guess": it wants "resend" or "park"
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" } => suger = { organization_id = "o" }
    line 36: suger = {…} lacks `entitlement_id`: add it
"#,
    );
}

#[test]
fn what_is_of_one_billing_mode_is_refused_in_another() {
    check(
        r#"
open_days = 34 => invoices = ["usage"]
    line 5: `invoices` is of the amount modes: take it out
from = "m-calls" => from = "metronome"
    line 14: `from = "metronome"` is of the amount modes: name a billable metric
bill_from = "start" => contracts = ["k"]
    line 32: `contracts` is of the amount modes: take it out
"#,
    );
}

/// The least of a file in an amount mode, spoilt.
fn amounts(part: &str, by: &str) -> String {
    let text = r#"id = "acme"
secret = "meterbridge/acme"
billing_mode = "amount_daily"
invoices = ["usage", "scheduled"]
[[conversion]]
from = "metronome"
to = "cents"
multiply = "100"
[[buyer]]
id = "globex"
customer_ids = ["c-1"]
starts_at = 2026-11-01T00:00:00Z
suger = { organization_id = "o", entitlement_id = "e" }
"#;
    assert_eq!(text.matches(part).count(), 1, "`{part}` stands once in the file");
    read(&text.replace(part, by)).map_or_else(|mistakes| mistakes.to_string(), |_| "it passed".to_owned())
}

#[test]
fn an_amount_mode_has_one_source_and_knows_two_kinds_of_invoices() {
    assert_eq!(amounts("100", "100"), "it passed");
    assert_eq!(
        amounts("from = \"metronome\"", "from = \"m-1\""),
        "line 5: `from` is \"m-1\": in the amount modes the one source is \"metronome\", at $1 a unit"
    );
    assert_eq!(
        amounts("multiply = \"100\"", "accumulate = \"hours\""),
        "line 5: `group`, `accumulate` and `carry` are of metrics: take them out of the amount modes' conversion"
    );
    assert_eq!(
        amounts("\"usage\", ", ""),
        "line 4: `invoices` lacks \"usage\": scheduled ones are billed beside those"
    );
    assert_eq!(
        amounts("scheduled", "credit"),
        "line 4: `invoices`: \"credit\" is no kind of invoice: it wants \"usage\" or \"scheduled\""
    );
}

#[test]
fn a_buyer_has_no_more_customers_and_contracts_than_change_hands_at_once() {
    let customers: Vec<String> = (0..41).map(|number| format!("\"c-{number}\"")).collect();
    assert_eq!(
        amounts("\"c-1\"", &customers.join(", ")),
        "line 9: the buyer globex has 41 customers and contracts: at most 40, for they change hands together"
    );
}

#[test]
fn two_buyers_of_one_customer_name_different_contracts() {
    let buyer = |id: &str, contract: &str| {
        format!(
            "[[buyer]]\nid = \"{id}\"\ncustomer_id = \"c-1\"\n{contract}starts_at = 2026-11-01T00:00:00Z\nsuger = {{ organization_id = \"o\", entitlement_id = \"{id}\" }}\n"
        )
    };
    let said = |one: &str, two: &str| {
        let head = "id = \"acme\"\nsecret = \"meterbridge/acme\"\nbilling_mode = \"amount_daily\"\n";
        read(&format!("{head}{}{}", buyer("a", one), buyer("b", two)))
            .err()
            .map(|mistakes| mistakes.to_string())
    };
    let (first, second) = ("contracts = [\"k-1\"]\n", "contracts = [\"k-2\"]\n");
    assert_eq!(said(first, second), None);
    let twice =
        "the customer c-1 belongs to the buyer a (line 4) at the same time: its usage would be billed twice";
    assert_eq!(said(first, first), Some(format!("line 12: {twice}")));
    assert_eq!(said(first, ""), Some(format!("line 12: {twice}")));
}

#[test]
fn every_mistake_of_a_file_is_told_at_once_in_the_order_of_its_lines() {
    let text = WHOLE
        .replace("meterbridge/acme", "prod/db")
        .replace("open_days = 34", "open_days = 99")
        .replace("divide = \"1000\"", "divide = \"0\"")
        .replace("region = \"eu-west-1\"", "region = \"mars\"")
        .replace("customer_id = \"c-3\"", "customer_id = \"\"");
    let mistakes = read(&text).unwrap_err();
    let lines: Vec<_> = mistakes.0.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [2, 5, 19, 36, 46]);
    assert_eq!(mistakes.to_string().lines().count(), 5);
}

#[test]
fn what_is_not_toml_is_named_with_its_line_beside_the_other_mistakes() {
    let text = WHOLE
        .replace("id = \"acme\"", "id = acme")
        .replace("open_days = 34", "open_days = 99");
    let broken = text.replace("to = \"seats\"", "to \"seats\"");
    let mistakes = read(&broken).unwrap_err().0;
    let lines: Vec<_> = mistakes.iter().map(|mistake| mistake.line).collect();
    assert_eq!(lines, [1, 5, 24], "{mistakes:?}");
    assert!(mistakes[0].message.starts_with("not TOML: "), "{mistakes:?}");
    let twice = read(&spoilt("open_days = 34", "id = \"again\"")).unwrap_err().0;
    assert_eq!(twice.len(), 1);
    assert!(
        twice[0].line == 5 && twice[0].message.contains("duplicate key"),
        "{twice:?}"
    );
}

#[test]
fn a_file_that_is_too_large_or_nested_too_deep_is_refused() {
    let large = format!("# {}\n{WHOLE}", "x".repeat(super::super::SIZE_MAX));
    assert!(read(&large).unwrap_err().to_string().contains("at most 1048576"));
    let deep = format!(
        "id = {}1{}\nsecret = \"meterbridge/a\"",
        "[".repeat(10_000),
        "]".repeat(10_000)
    );
    assert!(
        read(&deep)
            .unwrap_err()
            .to_string()
            .contains("line 1: not TOML: ")
    );
}

#[test]
fn a_name_in_a_mistake_cannot_move_the_cursor() {
    let said = read(&spoilt("id = \"initech\"", "id = \"a\\u001b[2Jb\""))
        .unwrap_err()
        .to_string();
    assert!(!said.contains('\u{1b}'), "{said:?}");
}
