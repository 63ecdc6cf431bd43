//! Where an entitlement's records go: `aws`, `azure`, `gcp` or `suger`, and `[endpoints]`.

use std::collections::BTreeMap;

use billing::{Destination, GcpValue, Identity};
use platform::connection::Endpoints;

use super::aws;
use super::section::{Section, Shape};
use super::text;

/// The keys of which an entitlement has exactly one.
pub(super) const MARKETPLACES: [&str; 4] = ["aws", "azure", "gcp", "suger"];

const AZURE: Shape = Shape {
    name: "azure = {…}",
    keys: &["resource_id", "plan_id"],
    required: &["resource_id", "plan_id"],
};

const GCP: Shape = Shape {
    name: "gcp = {…}",
    keys: &["usage_reporting_id", "service_name", "metrics", "unknown"],
    required: &["usage_reporting_id", "service_name"],
};

const SUGER: Shape = Shape {
    name: "suger = {…}",
    keys: &["organization_id", "entitlement_id"],
    required: &["organization_id", "entitlement_id"],
};

pub(super) const ENDPOINTS: Shape = Shape {
    name: "[endpoints]",
    keys: &["azure", "azure_login", "gcp", "suger"],
    required: &[],
};

/// Reads an entitlement's marketplace.
pub(super) fn destination(section: &Section<'_>) -> Option<Destination> {
    let named: Vec<&str> = MARKETPLACES.into_iter().filter(|key| section.has(key)).collect();
    match named.as_slice() {
        [] => {
            let message = format!(
                "{} lacks its marketplace: add `aws`, `azure`, `gcp` or `suger`",
                section.name
            );
            section.notes.add_if_whole(section.line, message);
            None
        }
        [one, other, ..] => {
            let message = format!("`{other}` beside `{one}`: an entitlement is of one marketplace");
            section.notes.add(section.line_of(other), message);
            None
        }
        ["aws"] => aws::destination(&section.section("aws", &aws::IDENTITY)?),
        ["azure"] => azure(&section.section("azure", &AZURE)?),
        ["gcp"] => gcp(&section.section("gcp", &GCP)?),
        [_] => suger(&section.section("suger", &SUGER)?),
    }
}

fn azure(section: &Section<'_>) -> Option<Destination> {
    let resource_id = section.checked("resource_id", guid);
    let plan_id = section.checked("plan_id", text::label);
    let identity = Identity::Azure {
        // One resource has one spelling, or it would have two books.
        resource_id: resource_id?.to_ascii_lowercase(),
    };
    Some(Destination {
        plan_id: Some(plan_id?),
        ..Destination::of(identity)
    })
}

fn gcp(section: &Section<'_>) -> Option<Destination> {
    let usage_reporting_id = section.checked("usage_reporting_id", text::label);
    let service_name = section.checked("service_name", service);
    let types = [
        ("int64", GcpValue::Int64),
        ("double", GcpValue::Double),
        ("money", GcpValue::Money),
    ];
    let metrics: BTreeMap<String, GcpValue> = section.words("metrics", &types);
    let park = section.word("unknown", &[("resend", false), ("park", true)]);
    let identity = Identity::Gcp {
        service_name: service_name?,
        usage_reporting_id: usage_reporting_id?,
    };
    Some(Destination {
        metrics,
        park_unknown: park.unwrap_or(false),
        ..Destination::of(identity)
    })
}

fn suger(section: &Section<'_>) -> Option<Destination> {
    let organization_id = section.checked("organization_id", text::id);
    let entitlement_id = section.checked("entitlement_id", text::id);
    Some(Destination::of(Identity::Suger {
        organization_id: organization_id?,
        entitlement_id: entitlement_id?,
    }))
}

/// Reads `[endpoints]`.
pub(super) fn endpoints(section: &Section<'_>) -> Endpoints {
    let read = |key| {
        section
            .checked(key, text::base_url)
            .map(|url| text::one_spelling(&url))
    };
    let public = Endpoints::default();
    Endpoints {
        azure: read("azure").unwrap_or(public.azure),
        azure_login: read("azure_login").unwrap_or(public.azure_login),
        gcp: read("gcp").unwrap_or(public.gcp),
        suger: read("suger").unwrap_or(public.suger),
    }
}

/// A SaaS subscription's id (Microsoft's metering API, read 2026-11-20).
fn guid(text: &str) -> Result<(), String> {
    let parts: Vec<usize> = text.split('-').map(str::len).collect();
    if parts == [8, 4, 4, 4, 12] && text.chars().all(|c| c == '-' || c.is_ascii_hexdigit()) {
        Ok(())
    } else {
        Err(format!(
            "\"{text}\" is not a resource id: it wants a GUID, such as 7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001"
        ))
    }
}

/// A service's name stands in a path, and is a host's name by its form (Service Control, read 2026-11-20).
fn service(text: &str) -> Result<(), String> {
    let part = |part: &str| {
        !part.is_empty()
            && part
                .chars()
                .all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-')
    };
    if text.len() <= 255 && text.contains('.') && text.split('.').all(part) {
        Ok(())
    } else {
        Err(format!(
            "\"{text}\" is not a service name, such as example.gcpmarketplace.example.com"
        ))
    }
}
