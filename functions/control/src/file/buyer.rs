//! `[[buyer]]` and `[[buyer.entitlement]]`, in the long and the short form.

use platform::connection::Entitlement;

use super::marketplace;
use super::mistake::At;
use super::section::{Section, Shape};
use super::text;

pub(super) const BUYER: Shape = Shape {
    name: "[[buyer]]",
    keys: &[
        "id",
        "customer_id",
        "customer_ids",
        "bill_from",
        "entitlement",
        "starts_at",
        "ends_at",
        "included",
        "contracts",
        "aws",
        "azure",
        "gcp",
        "suger",
    ],
    required: &["id"],
};

const ENTITLEMENT: Shape = Shape {
    name: "[[buyer.entitlement]]",
    keys: &["starts_at", "ends_at", "included", "aws", "azure", "gcp", "suger"],
    required: &[],
};

/// A buyer as stated, each part of it that could be read.
pub(super) struct Stated {
    pub(super) line: usize,
    /// Empty where it could not be read.
    pub(super) id: String,
    pub(super) customers: Vec<At<String>>,
    /// Only these contracts of theirs.
    pub(super) contracts: Vec<At<String>>,
    /// `bill_from = "start"`.
    pub(super) from_start: bool,
    /// By `starts_at`.
    pub(super) entitlements: Vec<At<Entitlement>>,
}

/// Reads one `[[buyer]]`.
pub(super) fn read(section: &Section<'_>) -> Stated {
    let id = section.checked("id", text::id).unwrap_or_default();
    let from_start = section
        .word("bill_from", &[("start", true), ("now", false)])
        .unwrap_or(false);
    let mut entitlements = entitlements(section);
    entitlements.sort_by_key(|entitlement| entitlement.is.starts_at);
    Stated {
        line: section.line,
        id,
        customers: customers(section),
        contracts: section.texts("contracts", text::id),
        from_start,
        entitlements,
    }
}

fn customers(section: &Section<'_>) -> Vec<At<String>> {
    match (section.has("customer_id"), section.has("customer_ids")) {
        (true, true) => {
            let line = section.line_of("customer_id");
            section
                .notes
                .add(line, "`customer_id` beside `customer_ids`: put it into the list");
            Vec::new()
        }
        (true, false) => {
            let line = section.line_of("customer_id");
            section
                .checked("customer_id", text::id)
                .map(|is| At { line, is })
                .into_iter()
                .collect()
        }
        (false, true) => section.texts("customer_ids", text::id),
        (false, false) => {
            section.notes.add_if_whole(
                section.line,
                "[[buyer]] lacks `customer_ids` (or `customer_id`): add it",
            );
            Vec::new()
        }
    }
}

fn entitlements(section: &Section<'_>) -> Vec<At<Entitlement>> {
    if !section.has("entitlement") {
        return entitlement(section).into_iter().collect();
    }
    for key in ENTITLEMENT.keys.iter().filter(|key| section.has(key)) {
        let message = format!("`{key}` beside [[buyer.entitlement]]: it belongs into one of those");
        section.notes.add(section.line_of(key), message);
    }
    section
        .sections("entitlement", &ENTITLEMENT)
        .iter()
        .filter_map(entitlement)
        .collect()
}

fn entitlement(section: &Section<'_>) -> Option<At<Entitlement>> {
    if !section.has("starts_at") {
        let message = format!("{} lacks `starts_at`: add it", section.name);
        section.notes.add_if_whole(section.line, message);
    }
    let (starts_at, ends_at) = (section.timestamp("starts_at"), section.timestamp("ends_at"));
    let included = section.quantities("included");
    let destination = marketplace::destination(section);
    if section.has("ends_at") && ends_at.is_none() {
        return None;
    }
    let (starts_at, ends_at) = (starts_at?.is, ends_at);
    if let Some(end) = ends_at.as_ref().filter(|end| end.is <= starts_at) {
        section.notes.add(
            end.line,
            "`ends_at` is not after `starts_at`: an entitlement ends after it begins",
        );
        return None;
    }
    let ends_at = ends_at.map(|end| end.is);
    let is = Entitlement {
        key: starts_at,
        starts_at,
        ends_at,
        included,
        destination: destination?,
    };
    Some(At {
        line: section.line,
        is,
    })
}
