use std::collections::{BTreeMap, BTreeSet};

use billing::{AwsBuyer, AwsIdentity, Destination, Identity};
use platform::Connection;
use platform::connection::{
    Accumulate, AwsAccess, BillingMode, Buyer, BuyerCustomer, Conversion, Entitlement, MetronomeAccount,
    Whitelist,
};

use super::{WHOLE, at, read};

fn destination(buyer: AwsBuyer, region: &str, product: Option<&str>) -> Destination {
    let identity = Identity::Aws(AwsIdentity {
        buyer,
        region: region.to_owned(),
    });
    Destination {
        product: product.map(str::to_owned),
        ..Destination::of(identity)
    }
}

fn customer(id: &str) -> BuyerCustomer {
    BuyerCustomer {
        id: id.to_owned(),
        since: None,
    }
}

fn entitlement(starts: &str, ends: Option<&str>, destination: Destination) -> Entitlement {
    Entitlement {
        key: at(starts),
        starts_at: at(starts),
        ends_at: ends.map(at),
        included: BTreeMap::new(),
        destination,
    }
}

fn conversions() -> Vec<Conversion> {
    let calls = Conversion {
        from: "m-calls".to_owned(),
        group: BTreeMap::from([("region".to_owned(), "us-west-1".to_owned())]),
        marketplace: Some("aws".to_owned()),
        to: "api_calls".to_owned(),
        factor: "1/1000".parse().unwrap(),
        accumulate: None,
        carry: false,
        hold_above: Some("1000000.5".parse().unwrap()),
    };
    let seats = Conversion {
        from: "m-seats".to_owned(),
        group: BTreeMap::new(),
        marketplace: None,
        to: "seats".to_owned(),
        factor: "5/2".parse().unwrap(),
        accumulate: Some(Accumulate::Hours),
        carry: true,
        hold_above: None,
    };
    vec![calls, seats]
}

fn buyers() -> Vec<Buyer> {
    let account_id = || "123456789012".to_owned();
    let code = || "code".to_owned();
    let license = AwsBuyer::License {
        account_id: account_id(),
        license_arn: "arn:aws:license-manager::123456789012:license:l-1".to_owned(),
    };
    let account = AwsBuyer::Account {
        product_code: code(),
        account_id: account_id(),
    };
    let legacy = AwsBuyer::Customer {
        product_code: code(),
        customer_identifier: "cust".to_owned(),
    };
    let mut first = entitlement(
        "2026-11-01T00:00:00Z",
        Some("2027-11-01T00:00:00Z"),
        destination(license, "us-east-1", Some("prod-1")),
    );
    first.included = BTreeMap::from([("api_calls".to_owned(), "1000000".parse().unwrap())]);
    let renewal = entitlement(
        "2027-11-01T00:00:00Z",
        None,
        destination(account, "eu-west-1", None),
    );
    let only = entitlement(
        "2026-11-15T00:00:00Z",
        None,
        destination(legacy, "us-gov-west-1", None),
    );
    vec![
        Buyer {
            id: "globex".to_owned(),
            customers: vec![customer("c-1"), customer("c-2")],
            contracts: Vec::new(),
            contracts_since: None,
            entitlements: vec![first, renewal],
        },
        Buyer {
            id: "initech".to_owned(),
            customers: vec![customer("c-3")],
            contracts: Vec::new(),
            contracts_since: None,
            entitlements: vec![only],
        },
    ]
}

#[test]
fn a_whole_file_says_exactly_this() {
    let declaration = read(WHOLE).unwrap();
    let expected = Connection {
        openings: Vec::new(),
        id: "acme".to_owned(),
        secret: "meterbridge/acme".to_owned(),
        billing_mode: Some(BillingMode::Quantity),
        mode_since: None,
        scheduled: false,
        auto_report: false,
        open_days: 34,
        metronome: MetronomeAccount {
            base_url: "https://api.metronome.com".to_owned(),
            requests_per_second: 3,
        },
        whitelist: Whitelist {
            metrics: Some(vec!["m-calls".to_owned(), "m-seats".to_owned()]),
            ..Whitelist::default()
        },
        conversions: conversions(),
        buyers: buyers(),
        aws: AwsAccess {
            role_arn: Some("arn:aws:iam::123456789012:role/meter".to_owned()),
            external_id: Some("ext-1".to_owned()),
        },
        endpoints: Default::default(),
        begun_at: at("2026-11-20T13:30:00Z"),
        applied_at: at("2026-11-20T13:30:00Z"),
        file: WHOLE.to_owned(),
    };
    assert_eq!(declaration.connection, expected);
    assert_eq!(declaration.from_start, BTreeSet::from(["globex".to_owned()]));
}

#[test]
fn two_lines_are_a_file_and_the_rest_has_defaults() {
    let connection = read("id = \"a\"\nsecret = \"meterbridge/a\"\n")
        .unwrap()
        .connection;
    assert_eq!(connection.billing_mode, None);
    assert!(connection.auto_report);
    assert_eq!(connection.open_days, 2);
    assert_eq!(connection.metronome.base_url, "https://api.metronome.com");
    assert_eq!(connection.metronome.requests_per_second, 8);
    assert_eq!(connection.whitelist, Whitelist::default());
    assert_eq!(connection.aws, AwsAccess::default());
}

#[test]
fn a_conversion_without_a_factor_is_one_to_one() {
    let text = "id = \"a\"\nsecret = \"meterbridge/a\"\n[[conversion]]\nfrom = \"m\"\nto = \"d\"\n";
    assert_eq!(
        read(text).unwrap().connection.conversions[0].factor.to_string(),
        "1"
    );
}

#[test]
fn windows_line_ends_change_nothing() {
    let crlf = read(&WHOLE.replace('\n', "\r\n")).unwrap().connection;
    assert_eq!(crlf.buyers, buyers());
}
