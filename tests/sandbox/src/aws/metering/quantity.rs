//! A record's quantity and how it is split: whole numbers or decimal strings, never both.

use std::collections::BTreeSet;

use rust_decimal::Decimal;

use super::wire::{Number, Tag, UsageAllocation, UsageRecord};
use crate::aws::Refusal;

/// How a quantity is split by tag sets, in an order of its own. Empty when it is not split.
pub(super) type Allocations = Vec<(BTreeSet<Tag>, Decimal)>;

/// The most allocations of one record, and the most tags of one allocation.
const MAX_ALLOCATIONS: usize = 2500;
const MAX_TAGS: usize = 5;

/// The quantity of `record` (0 when it names none), and its split, which adds up to it.
pub(super) fn of(record: &UsageRecord) -> Result<(Decimal, Allocations), Refusal> {
    let quantity = amount(record.quantity, record.quantity_as_decimal.as_deref())?;
    let Some(parts) = &record.usage_allocations else {
        return Ok((quantity.unwrap_or_default(), Vec::new()));
    };
    if !(1..=MAX_ALLOCATIONS).contains(&parts.len()) {
        return Err(Refusal::validation(
            "usageAllocations: must have length between 1 and 2500",
        ));
    }
    let decimal = record.quantity_as_decimal.is_some();
    let mut allocations = parts
        .iter()
        .map(|part| allocation(part, decimal))
        .collect::<Result<Allocations, _>>()?;
    allocations.sort();
    if allocations
        .windows(2)
        .any(|pair| matches!(pair, [(one, _), (other, _)] if one == other))
    {
        return Err(unbalanced("two allocations have the same tags"));
    }
    let sum: Decimal = allocations.iter().map(|(_, part)| part).sum();
    if sum != quantity.unwrap_or_default() {
        return Err(unbalanced("the allocations do not add up to the quantity"));
    }
    Ok((sum, allocations))
}

fn allocation(part: &UsageAllocation, decimal: bool) -> Result<(BTreeSet<Tag>, Decimal), Refusal> {
    let text = part.allocated_usage_quantity_as_decimal.as_deref();
    let amount = amount(part.allocated_usage_quantity, text)?;
    let amount = amount.ok_or_else(|| Refusal::validation("an allocation needs a quantity"))?;
    if decimal != text.is_some() {
        return Err(unbalanced("the allocations are not of the quantity's kind"));
    }
    let tags = part.tags.as_deref().unwrap_or_default();
    if part.tags.is_some() && !(1..=MAX_TAGS).contains(&tags.len()) {
        return Err(Refusal::client(
            "InvalidTagException",
            "an allocation has 1 to 5 tags",
        ));
    }
    if let Some(tag) = tags
        .iter()
        .find(|tag| !is_tag_text(&tag.key, 100) || !is_tag_text(&tag.value, 256))
    {
        return Err(Refusal::client(
            "InvalidTagException",
            format!("the tag {} is not valid", tag.key),
        ));
    }
    Ok((tags.iter().cloned().collect(), amount))
}

/// One or the other way to write an amount.
fn amount(count: Option<Number>, text: Option<&str>) -> Result<Option<Decimal>, Refusal> {
    match (count, text) {
        (None, None) => Ok(None),
        (Some(_), Some(_)) => Err(Refusal::validation(
            "a whole number and a decimal exclude each other",
        )),
        (Some(count), None) => count
            .as_count()
            .map(Some)
            .ok_or_else(|| Refusal::validation("quantity: must be a whole number from 0 to 2147483647")),
        (None, Some(text)) => decimal(text)
            .map(Some)
            .ok_or_else(|| Refusal::validation("quantityAsDecimal: must satisfy its pattern")),
    }
}

/// Reads `^(0|[1-9][0-9]{0,9})(\.[0-9]{1,6})?$`.
fn decimal(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text
        .split_once('.')
        .map_or((text, None), |(whole, part)| (whole, Some(part)));
    let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let whole_fits =
        (1..=10).contains(&whole.len()) && digits(whole) && (whole == "0" || !whole.starts_with('0'));
    let fraction_fits = fraction.is_none_or(|part| (1..=6).contains(&part.len()) && digits(part));
    (whole_fits && fraction_fits)
        .then(|| Decimal::from_str_exact(text).ok())
        .flatten()
}

/// Reads `^[a-zA-Z0-9+ -=._:\/@]+$`, in which ` -=` is the range from the space to the equals sign.
fn is_tag_text(text: &str, longest: usize) -> bool {
    let fits = |c: char| c.is_ascii_alphanumeric() || (' '..='=').contains(&c) || "._:/@".contains(c);
    (1..=longest).contains(&text.len()) && text.chars().all(fits)
}

fn unbalanced(message: &str) -> Refusal {
    Refusal::client("InvalidUsageAllocationsException", message)
}
