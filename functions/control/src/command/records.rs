//! `records CONNECTION [--buyer B] [--from T] [--to T] [--csv]`

use std::collections::BTreeMap;

use billing::{Identity, Outcome, Record};
use chrono::{DateTime, SecondsFormat, Utc};
use platform::text::{cell, printable};
use serde_json::{Value, json};
use store::AuditEntry;

use super::visit::{Named, Visit};
use super::{Deps, Failure, Said, visit};
use crate::cli::Records;

/// The columns of the CSV.
const COLUMNS: [&str; 9] = [
    "record",
    "buyer",
    "marketplace",
    "dimension",
    "hour",
    "quantity",
    "outcome",
    "receipt",
    "delivered_at",
];

/// A record as it stands: what became of it last.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Row {
    record: Record,
    buyer: String,
    identity: Identity,
    outcome: &'static str,
    reason: Option<String>,
    receipt: Option<String>,
    delivered_at: Option<DateTime<Utc>>,
    /// When that became of it.
    at: DateTime<Utc>,
}

/// Every record of a connection, a deleted one's too, once, with what became of it last: from the audit trail, and from the
/// books what is in flight.
///
/// # Errors
/// Where nothing of that name is stored, and the table's own. What cannot be read is told beside the rest.
pub async fn records(world: &Deps, args: &Records) -> Result<Said, Failure> {
    let id = &args.connection;
    let connection = world.store.connection(id).await?.map(|one| one.value);
    // The books before the trail: what is settled in between is then seen as settled.
    let (visits, corrupt) = visit::books(&world.store, id, connection.as_ref()).await?;
    if connection.is_none() && visits.is_empty() && corrupt.is_empty() {
        return Err(Failure::Words(format!(
            "no connection `{id}` is stored, and no record of it"
        )));
    }
    let mut said = Said {
        wrong: corrupt.iter().map(ToString::to_string).collect(),
        ..Said::default()
    };
    let mut rows: BTreeMap<String, Row> = BTreeMap::new();
    for visit in &visits {
        flying(visit, &mut rows, &mut said.wrong);
    }
    let named: Named = visits
        .into_iter()
        .map(|visit| (visit.identity, (visit.buyer, visit.standing)))
        .collect();
    for identity in named.into_keys() {
        let (from, to) = (
            args.from.unwrap_or(DateTime::UNIX_EPOCH),
            args.to.unwrap_or_else(last),
        );
        for entry in world.store.records(&identity, from, to).await? {
            match entry {
                Ok(entry) if entry.connection == *id => settled(entry, &mut rows),
                Ok(_) => {}
                Err(corrupt) => said.wrong.push(corrupt.to_string()),
            }
        }
    }
    let mut rows: Vec<_> = rows.into_values().filter(|row| wanted(row, args)).collect();
    rows.sort_by(|one, other| order(one).cmp(&order(other)));
    said.words = if args.csv {
        csv(&rows)?
    } else {
        rows.iter().map(words).collect()
    };
    said.json = json!({"connection": id, "records": rows.iter().map(document).collect::<Vec<_>>()});
    Ok(said)
}

/// The end of the years that have four digits, as a record's key has.
fn last() -> DateTime<Utc> {
    const END_OF_9999: i64 = 253_402_300_799;
    DateTime::from_timestamp(END_OF_9999, 0).unwrap_or(DateTime::<Utc>::MAX_UTC)
}

fn order(row: &Row) -> (DateTime<Utc>, &str, &Identity, &str, &str) {
    (
        row.record.timestamp,
        &row.buyer,
        &row.identity,
        &row.record.meter.dimension,
        &row.record.id,
    )
}

fn wanted(row: &Row, args: &Records) -> bool {
    let at = row.record.timestamp;
    args.buyer.as_ref().is_none_or(|buyer| row.buyer == *buyer)
        && args.from.is_none_or(|from| at >= from)
        && args.to.is_none_or(|to| at < to)
}

fn flying(visit: &Visit, rows: &mut BTreeMap<String, Row>, wrong: &mut Vec<String>) {
    let book = match &visit.book {
        None => return,
        Some(Err(corrupt)) => return wrong.push(corrupt.to_string()),
        Some(Ok(book)) => &book.value,
    };
    for flight in &book.in_flight {
        let record = flight.record.clone();
        let at = flight
            .attempts
            .first()
            .map_or(record.timestamp, |attempt| attempt.since);
        let row = Row {
            buyer: visit.buyer.clone(),
            identity: visit.identity.clone(),
            outcome: "in_flight",
            reason: None,
            receipt: None,
            delivered_at: None,
            at,
            record,
        };
        rows.insert(row.record.id.clone(), row);
    }
}

/// The last word on a record stands.
fn settled(entry: AuditEntry, rows: &mut BTreeMap<String, Row>) {
    let AuditEntry {
        identity,
        buyer,
        entry,
        ..
    } = entry;
    if rows
        .get(&entry.record.id)
        .is_some_and(|known| known.at > entry.at)
    {
        return;
    }
    let delivered = matches!(entry.outcome, Outcome::Delivered | Outcome::DeliveredUnproven);
    let row = Row {
        buyer,
        identity,
        outcome: entry.outcome.word(),
        reason: entry.reason,
        receipt: entry.receipt.map(|receipt| receipt.id),
        delivered_at: delivered.then_some(entry.at),
        at: entry.at,
        record: entry.record,
    };
    rows.insert(row.record.id.clone(), row);
}

fn cells(row: &Row) -> [String; 9] {
    let time = |at: DateTime<Utc>| at.to_rfc3339_opts(SecondsFormat::Secs, true);
    [
        row.record.id.clone(),
        row.buyer.clone(),
        row.identity.marketplace().to_owned(),
        row.record.meter.dimension.clone(),
        row.record.hour().to_string(),
        row.record.quantity.to_string(),
        row.outcome.to_owned(),
        row.receipt.clone().unwrap_or_default(),
        row.delivered_at.map(time).unwrap_or_default(),
    ]
}

fn csv(rows: &[Row]) -> Result<String, Failure> {
    let unwritten =
        |error: &dyn std::error::Error| Failure::Words(format!("the CSV could not be written: {error}"));
    let mut writer = csv::Writer::from_writer(Vec::new());
    writer.write_record(COLUMNS).map_err(|error| unwritten(&error))?;
    for row in rows {
        writer
            .write_record(cells(row).map(|text| cell(&text)))
            .map_err(|error| unwritten(&error))?;
    }
    let bytes = writer.into_inner().map_err(|error| unwritten(&error))?;
    String::from_utf8(bytes).map_err(|error| unwritten(&error))
}

fn words(row: &Row) -> String {
    let [
        record,
        buyer,
        marketplace,
        dimension,
        hour,
        quantity,
        outcome,
        receipt,
        _,
    ] = cells(row).map(|text| printable(&text));
    let more = [row.reason.as_deref().map(printable).unwrap_or_default(), receipt];
    let more: Vec<_> = more.into_iter().filter(|text| !text.is_empty()).collect();
    let more = if more.is_empty() {
        String::new()
    } else {
        format!(" ({})", more.join("; "))
    };
    format!("{record}  {hour}  {buyer}  {marketplace}  {dimension}  {quantity}  {outcome}{more}\n")
}

fn document(row: &Row) -> Value {
    let texts = COLUMNS.into_iter().zip(cells(row));
    let mut document: serde_json::Map<String, Value> = texts
        .map(|(column, text)| (column.to_owned(), json!(text)))
        .collect();
    document.insert("receipt".to_owned(), json!(row.receipt));
    document.insert("delivered_at".to_owned(), json!(row.delivered_at));
    document.insert("reason".to_owned(), json!(row.reason));
    Value::Object(document)
}
