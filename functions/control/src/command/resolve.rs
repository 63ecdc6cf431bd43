//! `resolve RECORD… | --filter KEY=VALUE… --accepted | --not-accepted [--to DIMENSION] | --write-off --reason "…"`

use std::collections::BTreeSet;
use std::str::FromStr;

use billing::{Entry, Resolution};
use serde_json::{Value, json};
use store::{AuditEntry, Change, Standing, WriteError};

use super::{Deps, Failure, Said, TRIES};
use crate::cli::Resolve;

/// What a parked record must have.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    key: Key,
    value: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    Connection,
    Buyer,
    Marketplace,
    Dimension,
    Hour,
}

impl FromStr for Filter {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (key, value) = text.split_once('=').ok_or("it wants KEY=VALUE")?;
        let key = match key {
            "connection" => Key::Connection,
            "buyer" => Key::Buyer,
            "marketplace" => Key::Marketplace,
            "dimension" => Key::Dimension,
            "hour" => Key::Hour,
            _ => {
                return Err(format!(
                    "`{key}` is none of connection, buyer, marketplace, dimension, hour"
                ));
            }
        };
        Ok(Self {
            key,
            value: value.to_owned(),
        })
    }
}

impl Filter {
    fn admits(&self, parked: &AuditEntry) -> bool {
        let record = &parked.entry.record;
        match self.key {
            Key::Connection => parked.connection == self.value,
            Key::Buyer => parked.buyer == self.value,
            Key::Marketplace => parked.identity.marketplace() == self.value,
            Key::Dimension => record.meter.dimension == self.value,
            Key::Hour => record.hour().to_string() == self.value,
        }
    }
}

/// Books a person's judgement of parked records, one after another, each whole or not at all.
///
/// # Errors
/// Where the filter meets nothing, and the table's own while the records are looked up. What is wrong with one record does not
/// keep the others from being resolved.
pub async fn resolve(world: &Deps, args: &Resolve) -> Result<Said, Failure> {
    let resolution = if args.accepted {
        Resolution::Accepted
    } else if args.not_accepted {
        Resolution::NotAccepted { to: args.to.clone() }
    } else {
        Resolution::WriteOff
    };
    let mut said = Said::default();
    let ids = if args.filter.is_empty() {
        args.records.iter().cloned().collect()
    } else {
        filtered(world, &args.filter, &mut said.wrong).await?
    };
    if ids.is_empty() {
        return Err(Failure::Words("no parked record meets the filter".to_owned()));
    }
    let mut resolved: Vec<Value> = Vec::new();
    for id in ids {
        match one(world, &id, &resolution, &args.reason).await {
            Ok(entry) => {
                said.words.push_str(&words(&entry));
                resolved.push(document(&entry));
            }
            Err(failure) => said.wrong.push(failure.to_string()),
        }
    }
    said.json = json!({"resolved": resolved, "failed": said.wrong});
    Ok(said)
}

async fn filtered(
    world: &Deps,
    filters: &[Filter],
    wrong: &mut Vec<String>,
) -> Result<BTreeSet<String>, Failure> {
    let named = filters
        .iter()
        .filter(|filter| filter.key == Key::Connection)
        .map(|filter| filter.value.clone());
    let mut connections: BTreeSet<String> = named.collect();
    if connections.is_empty() {
        for connection in world.store.connections().await?.list {
            match connection {
                Ok(connection) => drop(connections.insert(connection.value.id)),
                Err(corrupt) => wrong.push(corrupt.to_string()),
            }
        }
    }
    let mut ids = BTreeSet::new();
    for connection in connections {
        for parked in world.store.parked(&connection).await? {
            match parked {
                Ok(parked) if filters.iter().all(|filter| filter.admits(&parked)) => {
                    ids.insert(parked.entry.record.id);
                }
                Ok(_) => {}
                Err(corrupt) => wrong.push(corrupt.to_string()),
            }
        }
    }
    Ok(ids)
}

async fn one(world: &Deps, id: &str, resolution: &Resolution, reason: &str) -> Result<Entry, Failure> {
    for again in 0..TRIES {
        let Some(parked) = world.store.parked_record(id).await? else {
            return Err(Failure::Words(format!(
                "the record {id} is not parked (any more): `meterbridge records` shows it"
            )));
        };
        let Some(mut book) = world.store.book(&parked.identity).await? else {
            return Err(Failure::Words(format!(
                "the record {id} has no book: {} is gone",
                parked.identity
            )));
        };
        let at = world.clock.now();
        let by = format!("resolve/{id}/{}/{again}", at.timestamp_micros());
        let entry = billing::resolve(&mut book.value, &parked.entry, resolution, reason, &by, at)
            .map_err(|error| Failure::Words(format!("the record {id}: {error}")))?;
        let (entries, resolved) = ([entry.clone()], [parked.clone()]);
        let change = Change {
            entries: &entries,
            resolved: &resolved,
            // What is owed again must be visited, whatever the configuration names now.
            register: Some(Standing::Open),
            ..Change::new(
                &book.value,
                Some(book.version),
                &by,
                at,
                &parked.connection,
                &parked.buyer,
            )
        };
        match world.store.write(&change).await {
            Ok(_) => return Ok(entry),
            Err(WriteError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Words(format!(
        "the book of the record {id} keeps changing: it is still parked, try again"
    )))
}

fn words(entry: &Entry) -> String {
    let record = &entry.record;
    format!(
        "{}  {} {} of {}: {}\n",
        platform::text::printable(&record.id),
        record.quantity,
        platform::text::printable(&record.meter.dimension),
        record.hour(),
        entry.outcome.word()
    )
}

fn document(entry: &Entry) -> Value {
    json!({
        "record": entry.record.id,
        "dimension": entry.record.meter.dimension,
        "hour": entry.record.hour().to_string(),
        "quantity": entry.record.quantity.to_string(),
        "outcome": entry.outcome.word(),
    })
}
