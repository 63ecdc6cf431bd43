//! A valid file says exactly what it says; every mistake in one is named with its line.

mod mistakes;
mod whole;

use chrono::{DateTime, Utc};

use super::{Declaration, Mistakes};

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn read(text: &str) -> Result<Declaration, Mistakes> {
    super::read(text, at("2026-11-20T13:30:00Z"))
}

/// A whole file, one line after another, that tests spoil.
const WHOLE: &str = r#"id = "acme"
secret = "meterbridge/acme"
billing_mode = "quantity"
auto_report = false
open_days = 34

[metronome]
base_url = "https://API.metronome.com/"
requests_per_second = 3

[whitelist]
metrics = ["m-calls", "m-seats"]

[[conversion]]
from = "m-calls"
group = { region = "us-west-1" }
marketplace = "aws"
to = "api_calls"
divide = "1000"
hold_above = "1000000.5"

[[conversion]]
from = "m-seats"
to = "seats"
multiply = "2.5"
accumulate = "hours"
carry = true

[[buyer]]
id = "globex"
customer_ids = ["c-1", "c-2"]
bill_from = "start"

[[buyer.entitlement]]
starts_at = 2027-11-01T00:00:00Z
aws = { product_code = "code", account_id = "123456789012", region = "eu-west-1" }

[[buyer.entitlement]]
starts_at = 2026-11-01T01:00:00+01:00
ends_at = 2027-11-01T00:00:00Z
included = { api_calls = "1000000" }
aws = { product = "prod-1", account_id = "123456789012", license_arn = "arn:aws:license-manager::123456789012:license:l-1", region = "us-east-1" }

[[buyer]]
id = "initech"
customer_id = "c-3"
starts_at = 2026-11-15T00:00:00Z
aws = { product_code = "code", customer_identifier = "cust", region = "us-gov-west-1" }

[aws]
role_arn = "arn:aws:iam::123456789012:role/meter"
external_id = "ext-1"
"#;

/// The file with `part` replaced.
fn spoilt(part: &str, by: &str) -> String {
    assert_eq!(WHOLE.matches(part).count(), 1, "`{part}` stands once in the file");
    WHOLE.replace(part, by)
}
