//! The labels that a buyer sees usage under.
//!
//! <https://cloud.google.com/resource-manager/docs/labels-overview#requirements> (2026-11-20)

use super::rules::Fault;
use super::wire::Labels;

/// Keys of Marketplace's own, which reach the buyer's bill, and whose values are free.
const RESERVED: [&str; 2] = [
    "cloudmarketplace.googleapis.com/resource_name",
    "cloudmarketplace.googleapis.com/container_name",
];

const MOST: usize = 64;
const LONGEST: usize = 63;

/// That there are not too many, and each is written as Google's labels are.
pub(super) fn verify(labels: &Labels) -> Result<(), Fault> {
    if labels.len() > MOST {
        return Err(Fault::invalid("an operation has more than 64 user labels"));
    }
    for (key, value) in labels {
        if RESERVED.contains(&key.as_str()) {
            continue;
        }
        let begins = key.starts_with(|c: char| c.is_ascii_lowercase());
        if !begins || !is_label_text(key) || !is_label_text(value) {
            return Err(Fault::invalid(format!("the user label '{key}' is not valid")));
        }
    }
    Ok(())
}

fn is_label_text(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_' || c == '-';
    text.len() <= LONGEST && text.chars().all(fits)
}
