//! `show CONNECTION`

use std::fmt::Write as _;

use chrono::SecondsFormat;
use platform::Connection;
use platform::text::printable;
use serde_json::json;

use super::{Deps, Failure, Said};

/// The file as it was applied, led by the hours that `apply` fixed, as comments: what is printed can be applied again.
///
/// # Errors
/// Where there is no such connection, and the table's own.
pub async fn show(world: &Deps, id: &str) -> Result<Said, Failure> {
    let Some(connection) = world.store.connection(id).await? else {
        return Err(Failure::Words(format!("no connection `{id}` is stored")));
    };
    let connection = connection.value;
    let mut words = fixed(&connection);
    for line in connection.file.lines() {
        words.push_str(&line.split('\t').map(printable).collect::<Vec<_>>().join("\t"));
        words.push('\n');
    }
    Ok(Said::new(words, json!(connection)))
}

fn fixed(connection: &Connection) -> String {
    let mut words = String::new();
    // Writing to a string cannot fail.
    let mut line = |text: String| writeln!(words, "# {text}").unwrap_or(());
    line(format!(
        "applied at {}",
        connection.applied_at.to_rfc3339_opts(SecondsFormat::Secs, true)
    ));
    for buyer in &connection.buyers {
        for customer in &buyer.customers {
            if let Some(since) = customer.since {
                line(format!(
                    "buyer {}: customer {} counts from {since}",
                    buyer.id, customer.id
                ));
            }
        }
    }
    for (metric, since) in &connection.whitelist.since {
        line(format!("metric {metric} counts from {since}"));
    }
    if let Some(since) = connection.whitelist.others_since {
        line(format!("every other metric counts from {since}"));
    }
    words
}
