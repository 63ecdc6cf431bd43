//! `aws = {…}` of an entitlement, in its three forms, and `[aws]`.

use billing::{AwsBuyer, AwsIdentity, Destination, Identity};
use platform::connection::AwsAccess;

use super::section::{Section, Shape};
use super::text;

pub(super) const IDENTITY: Shape = Shape {
    name: "aws = {…}",
    keys: &[
        "product",
        "account_id",
        "license_arn",
        "product_code",
        "customer_identifier",
        "region",
        "decimals",
    ],
    required: &["region"],
};

pub(super) const ACCESS: Shape = Shape {
    name: "[aws]",
    keys: &["role_arn", "external_id"],
    required: &[],
};

/// The two forms, for a mistake that must name both.
const FORMS: &str = "account_id + license_arn + region (and product), or product_code + region with account_id or customer_identifier";

/// Reads the identity of an entitlement (AWS API reference of `BatchMeterUsage` and `UsageRecord`, read 2026-11-20).
pub(super) fn destination(section: &Section<'_>) -> Option<Destination> {
    let given = [
        "product",
        "account_id",
        "license_arn",
        "product_code",
        "customer_identifier",
    ]
    .map(|key| section.has(key));
    let read = |key, check| section.checked(key, check);
    let product = read("product", text::label);
    let (account_id, license_arn) = (read("account_id", account), read("license_arn", license));
    let (product_code, customer) = (
        read("product_code", code),
        read("customer_identifier", text::label),
    );
    let region = read("region", region);
    let buyer = match given {
        [_, true, true, false, false] => AwsBuyer::License {
            account_id: account_id?,
            license_arn: license_arn?,
        },
        [false, true, false, true, false] => AwsBuyer::Account {
            product_code: product_code?,
            account_id: account_id?,
        },
        [false, false, false, true, true] => AwsBuyer::Customer {
            product_code: product_code?,
            customer_identifier: customer?,
        },
        _ => {
            section
                .notes
                .add_if_whole(section.line, format!("{}: one form only, {FORMS}", section.name));
            return None;
        }
    };
    let identity = Identity::Aws(AwsIdentity {
        buyer,
        region: region?,
    });
    Some(Destination {
        product,
        decimals: section.flag("decimals").unwrap_or(false),
        ..Destination::of(identity)
    })
}

/// Reads `[aws]`.
pub(super) fn access(section: &Section<'_>) -> AwsAccess {
    if section.has("external_id") && !section.has("role_arn") {
        section.notes.add_if_whole(
            section.line_of("external_id"),
            "`external_id` is given with a role: add `role_arn`, or take it out",
        );
    }
    AwsAccess {
        role_arn: section.checked("role_arn", role),
        external_id: section.checked("external_id", external_id),
    }
}

/// AWS account ids have twelve digits (AWS Account Management reference, read 2026-11-20).
fn account(text: &str) -> Result<(), String> {
    if text.len() == 12 && text.bytes().all(|b| b.is_ascii_digit()) {
        Ok(())
    } else {
        Err(format!("\"{text}\" is not an AWS account id: it wants 12 digits"))
    }
}

fn license(text: &str) -> Result<(), String> {
    let wrong = || {
        format!("\"{text}\" is not a licence ARN, such as arn:aws:license-manager::123456789012:license:l-…")
    };
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next().ok_or_else(wrong);
    let (arn, partition) = (part()?, part()?);
    let (service, region, owner) = (part()?, part()?, part()?);
    let resource = part()?;
    let rest = partition.strip_prefix("aws").ok_or_else(wrong)?;
    let of = |text: &str, max: usize, also: &str| {
        text.len() <= max
            && text
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || also.contains(c))
    };
    let begun = |text: &str| text.starts_with(|c: char| c.is_ascii_alphanumeric());
    let fits = arn == "arn"
        && rest.chars().all(|c| c.is_ascii_alphabetic() || c == '-')
        && (begun(service) && of(service, 63, "_/.-"))
        && of(region, 63, "_/.-")
        && of(owner, 63, "_/.-")
        && (begun(resource) && of(resource, 1024, ":_/+=,@.-"));
    if fits { Ok(()) } else { Err(wrong()) }
}

fn code(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "-/=:_.@".contains(c);
    if (1..=255).contains(&text.len()) && text.chars().all(fits) {
        Ok(())
    } else {
        Err(format!("\"{text}\" is not a product code"))
    }
}

fn region(text: &str) -> Result<(), String> {
    let parts: Vec<_> = text.split('-').collect();
    let fits = match parts.as_slice() {
        [area, middle @ .., number] => {
            let letters = |part: &&str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase());
            (2..=4).contains(&area.len())
                && letters(area)
                && !middle.is_empty()
                && middle.iter().all(letters)
                && (1..=2).contains(&number.len())
                && number.bytes().all(|b| b.is_ascii_digit())
        }
        _ => false,
    };
    if fits {
        Ok(())
    } else {
        Err(format!("\"{text}\" is not an AWS region, such as us-east-1"))
    }
}

fn role(text: &str) -> Result<(), String> {
    let mut parts = text.splitn(6, ':');
    let mut part = || parts.next().unwrap_or_default();
    let (arn, partition, service, region, owner, name) = (part(), part(), part(), part(), part(), part());
    let fits = (arn, service, region) == ("arn", "iam", "")
        && partition.starts_with("aws")
        && account(owner).is_ok()
        && name
            .strip_prefix("role/")
            .is_some_and(|name| text::label(name).is_ok());
    if fits {
        Ok(())
    } else {
        Err(format!(
            "\"{text}\" is not a role ARN, such as arn:aws:iam::123456789012:role/…"
        ))
    }
}

/// AWS STS API reference of `AssumeRole`, read 2026-11-20.
fn external_id(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || "_+=,.@:/-".contains(c);
    if (2..=1224).contains(&text.len()) && text.chars().all(fits) {
        Ok(())
    } else {
        Err("it wants 2 to 1224 letters, digits and _+=,.@:/-".to_owned())
    }
}
