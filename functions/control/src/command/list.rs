//! `list`

use chrono::SecondsFormat;
use platform::Connection;
use serde_json::{Value, json};

use super::{Deps, Failure, Said};

/// Every stored connection, in the order of their ids.
///
/// # Errors
/// The table's own. A connection that cannot be read is told beside the others.
pub async fn list(world: &Deps) -> Result<Said, Failure> {
    let mut said = Said::default();
    let mut listed = Vec::new();
    for connection in world.store.connections().await?.list {
        match connection {
            Ok(connection) => {
                said.words.push_str(&words(&connection.value));
                listed.push(document(&connection.value));
            }
            Err(corrupt) => said.wrong.push(corrupt.to_string()),
        }
    }
    if listed.is_empty() && said.wrong.is_empty() {
        said.words
            .push_str("no connection is stored: `meterbridge apply FILE` stores one\n");
    }
    said.json = json!({"connections": listed, "unreadable": said.wrong});
    Ok(said)
}

fn mode(connection: &Connection) -> Option<&'static str> {
    connection.billing_mode.map(|_| "quantity")
}

fn words(connection: &Connection) -> String {
    let mode = mode(connection).unwrap_or("not metered");
    let scheduled = if connection.auto_report {
        "scheduled"
    } else {
        "not scheduled"
    };
    let at = connection.applied_at.to_rfc3339_opts(SecondsFormat::Secs, true);
    format!(
        "{}  {mode}, {scheduled}, {} buyers, applied {at}\n",
        connection.id,
        connection.buyers.len()
    )
}

fn document(connection: &Connection) -> Value {
    json!({
        "connection": connection.id,
        "billing_mode": mode(connection),
        "auto_report": connection.auto_report,
        "buyers": connection.buyers.len(),
        "applied_at": connection.applied_at,
    })
}
