//! What an apply changes, line by line in words, with what it means for billing.

mod buyers;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::fmt;

use billing::{Counter, Fraction, Hour};
use platform::Connection;
use platform::connection::{Accumulate, AwsAccess, BillingMode, Conversion, Opening, Whitelist};
use platform::text::printable;
use serde::Serialize;

/// One line of a difference.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case", tag = "change", content = "what")]
pub enum Change {
    /// New.
    Added(String),
    /// Gone.
    Removed(String),
    /// Another value.
    Changed(String),
}

impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, what) = match self {
            Self::Added(what) => ('+', what),
            Self::Removed(what) => ('-', what),
            Self::Changed(what) => ('~', what),
        };
        write!(f, "{sign} {}", printable(what))
    }
}

/// The changes from what is stored to what is applied, in the order of the file: settings, conversions, buyers.
#[must_use]
pub fn diff(stored: Option<&Connection>, applied: &Connection) -> Vec<Change> {
    let Some(stored) = stored else {
        let mut changes = vec![Change::Added(format!("connection {}", applied.id))];
        changes.extend(
            applied
                .conversions
                .iter()
                .map(|one| Change::Added(conversion(one))),
        );
        changes.extend(buyers::diff(&[], &applied.buyers));
        changes.extend(openings(&[], &applied.openings));
        return changes;
    };
    let mut changes = settings(stored, applied);
    changes.extend(whitelist(&stored.whitelist, &applied.whitelist));
    changes.extend(conversions(
        &stored.conversions,
        &applied.conversions,
        Hour::ceil(applied.applied_at),
    ));
    changes.extend(buyers::diff(&stored.buyers, &applied.buyers));
    changes.extend(openings(&stored.openings, &applied.openings));
    changes
}

/// What of a period is not billed.
fn openings(stored: &[Opening], applied: &[Opening]) -> Vec<Change> {
    let new = applied.iter().filter(|opening| !stored.contains(opening));
    new.filter(|opening| !opening.value.is_zero())
        .map(|Opening { customer, metric, since, value, .. }| {
            let (contract, value) = (metric.strip_prefix(Counter::AMOUNTS), value.normalize());
            Change::Added(match contract.map(|rest| rest.strip_prefix('/')) {
                None => format!(
                    "{customer}: of {metric} the {value} that Metronome has counted of the month before {since} are not billed"
                ),
                Some(None) => format!("{customer}: of its invoices the ${value} before {since} are not billed"),
                Some(Some(contract)) => format!(
                    "{customer}: of the invoices of its contract {contract} the ${value} before {since} are not billed"
                ),
            })
        })
        .collect()
}

fn settings(stored: &Connection, applied: &Connection) -> Vec<Change> {
    let mode = |connection: &Connection| {
        connection
            .billing_mode
            .map_or("none: nothing is metered", BillingMode::word)
            .to_owned()
    };
    let access = |aws: &AwsAccess| {
        aws.role_arn
            .clone()
            .unwrap_or_else(|| "the function's own".to_owned())
    };
    let external = |aws: &AwsAccess| aws.external_id.clone().unwrap_or_else(|| "none".to_owned());
    [
        changed("secret", &stored.secret, &applied.secret),
        changed("billing_mode", &mode(stored), &mode(applied)),
        changed("invoices", &kinds(stored), &kinds(applied)),
        changed("auto_report", &stored.auto_report, &applied.auto_report),
        changed("open_days", &stored.open_days, &applied.open_days),
        changed(
            "metronome.base_url",
            &stored.metronome.base_url,
            &applied.metronome.base_url,
        ),
        changed(
            "metronome.requests_per_second",
            &stored.metronome.requests_per_second,
            &applied.metronome.requests_per_second,
        ),
        changed("aws.role_arn", &access(&stored.aws), &access(&applied.aws)),
        changed("aws.external_id", &external(&stored.aws), &external(&applied.aws)),
        changed(
            "endpoints.azure",
            &stored.endpoints.azure,
            &applied.endpoints.azure,
        ),
        changed(
            "endpoints.azure_login",
            &stored.endpoints.azure_login,
            &applied.endpoints.azure_login,
        ),
        changed("endpoints.gcp", &stored.endpoints.gcp, &applied.endpoints.gcp),
        changed(
            "endpoints.suger",
            &stored.endpoints.suger,
            &applied.endpoints.suger,
        ),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Which invoices count, in words.
fn kinds(connection: &Connection) -> &'static str {
    if connection.scheduled {
        "usage and scheduled"
    } else {
        "usage"
    }
}

fn changed<T: PartialEq + fmt::Display>(what: &str, before: &T, after: &T) -> Option<Change> {
    (before != after).then(|| Change::Changed(format!("{what} {before} → {after}")))
}

fn whitelist(stored: &Whitelist, applied: &Whitelist) -> Vec<Change> {
    let listed = |whitelist: &Whitelist| whitelist.metrics.clone().unwrap_or_default();
    match (&stored.metrics, &applied.metrics) {
        (None, None) => return Vec::new(),
        (Some(_), None) => {
            let from = since(applied.others_since);
            return vec![Change::Removed(format!(
                "whitelist: every other metric counts {from}"
            ))];
        }
        (None, Some(metrics)) => {
            let metrics = metrics.join(", ");
            return vec![Change::Added(format!(
                "whitelist: no metric counts any more but {metrics}"
            ))];
        }
        (Some(_), Some(_)) => {}
    }
    let (before, after) = (listed(stored), listed(applied));
    let gone = before.iter().filter(|metric| !after.contains(metric));
    let new = after.iter().filter(|metric| !before.contains(metric));
    gone.map(|metric| Change::Removed(format!("whitelisted metric {metric}: it is billed no more")))
        .chain(new.map(|metric| {
            let from = since(applied.admits(metric).flatten());
            Change::Added(format!("whitelisted metric {metric}: it counts {from}"))
        }))
        .collect()
}

/// From when something counts, in words.
fn since(hour: Option<Hour>) -> String {
    hour.map_or_else(|| "from the start".to_owned(), |hour| format!("from {hour}"))
}

fn conversions(stored: &[Conversion], applied: &[Conversion], hour: Hour) -> Vec<Change> {
    let key = |one: &Conversion| (one.from.clone(), one.group.clone(), one.marketplace.clone());
    let before: BTreeMap<_, _> = stored.iter().map(|one| (key(one), one)).collect();
    let after: BTreeMap<_, _> = applied.iter().map(|one| (key(one), one)).collect();
    let gone = stored
        .iter()
        .filter(|one| !after.contains_key(&key(one)))
        .map(|one| Change::Removed(format!("{}: its usage is held", conversion(one))));
    let rest = applied.iter().filter_map(|one| match before.get(&key(one)) {
        None => Some(Change::Added(conversion(one))),
        Some(known) => altered(known, one, hour).map(Change::Changed),
    });
    gone.chain(rest).collect()
}

fn altered(before: &Conversion, after: &Conversion, hour: Hour) -> Option<String> {
    let text = |value: Option<String>| value.unwrap_or_else(|| "none".to_owned());
    let limit = |one: &Conversion| text(one.hold_above.map(|limit| limit.normalize().to_string()));
    let mut parts = Vec::new();
    let mut part = |what: &str, before: String, after: String, meaning: &str| {
        if before != after {
            parts.push(format!("{what} {before} → {after}{meaning}"));
        }
    };
    part(
        "to",
        before.to.clone(),
        after.to.clone(),
        " for growth claimed from now on",
    );
    part(
        "factor",
        before.factor.to_string(),
        after.factor.to_string(),
        " for growth claimed from now on",
    );
    let meaning = format!(" from {hour}");
    part("accumulate", accumulation(before), accumulation(after), &meaning);
    part("hold_above", limit(before), limit(after), "");
    (!parts.is_empty()).then(|| format!("{}: {}", rows(before), parts.join(", ")))
}

fn accumulation(one: &Conversion) -> String {
    match (one.accumulate, one.carry) {
        (None, _) => "none",
        (Some(Accumulate::Hours), false) => "hours",
        (Some(Accumulate::Hours), true) => "hours, carried",
        (Some(Accumulate::Period), _) => "period",
    }
    .to_owned()
}

/// The rows that a conversion is about.
fn rows(one: &Conversion) -> String {
    let group = one
        .group
        .iter()
        .map(|(key, value)| format!(" {key}={value}"))
        .collect::<String>();
    let only = one
        .marketplace
        .as_ref()
        .map(|only| format!(" on {only}"))
        .unwrap_or_default();
    format!("conversion of {}{group}{only}", one.from)
}

fn conversion(one: &Conversion) -> String {
    let factor = if one.factor == Fraction::from(rust_decimal::Decimal::ONE) {
        String::new()
    } else {
        format!(", factor {}", one.factor)
    };
    let hours = match (one.accumulate, one.carry) {
        (Some(Accumulate::Hours), false) => ", an hour without an event counts nothing",
        _ => "",
    };
    format!("{} to {}{factor}{hours}", rows(one), one.to)
}
