//! `release METER | STREAM`

use std::collections::BTreeMap;
use std::fmt;

use billing::{AmountKey, Book, HoldNote, Identity, MeterKey, StreamKey, Target};
use rust_decimal::Decimal;
use serde_json::json;
use store::{Change, Standing, WriteError};

use super::{Deps, Failure, Said, TRIES, visit};
use crate::cli::Release;

/// A meter's or stream's name in full: `release` takes it, or what follows the `#` where that is one only.
pub(super) fn name(book: &Book, key: &impl fmt::Display) -> String {
    format!("{}#{key}", book.destination.identity)
}

/// What a name may mean within a book.
#[derive(Clone, Debug)]
enum Named {
    Meter(MeterKey),
    Stream(StreamKey),
    Amount(AmountKey),
}

/// Where it was found, and whose that is.
#[derive(Clone, Debug)]
struct Place {
    identity: Identity,
    connection: String,
    buyer: String,
    named: Named,
    full: String,
}

/// Unblocks a meter, or lets a stream's growth pass its limit up to the reading that was noted when it was last held.
///
/// # Errors
/// Where no book holds what is named, several do, or it is neither blocked nor held above its limit; the table's own.
pub async fn release(world: &Deps, args: &Release) -> Result<Said, Failure> {
    let mut places = places(world, args).await?;
    let place = match (places.len(), places.pop()) {
        (1, Some(place)) => place,
        (0, _) | (_, None) => {
            return Err(Failure::Words(format!(
                "no book holds a meter or stream `{}`: `meterbridge books CONNECTION` names them",
                args.name
            )));
        }
        (_, Some(last)) => {
            let names: Vec<_> = places.into_iter().chain([last]).map(|place| place.full).collect();
            return Err(Failure::Words(format!(
                "`{}` is the name of several: give one in full\n{}",
                args.name,
                names.join("\n")
            )));
        }
    };
    write(world, &place).await
}

/// Everything of that name, once for each book.
async fn places(world: &Deps, args: &Release) -> Result<Vec<Place>, Failure> {
    let mut places = BTreeMap::new();
    for connection in connections(world, args).await? {
        let stored = world
            .store
            .connection(&connection)
            .await
            .ok()
            .flatten()
            .map(|one| one.value);
        // A book that cannot be read holds nothing that could be released; `books` tells of it.
        let (visits, _) = visit::books(&world.store, &connection, stored.as_ref()).await?;
        for visit in visits {
            let Some(Ok(book)) = visit.book else { continue };
            for (full, named) in matches(&book.value, &args.name) {
                let (identity, buyer) = (visit.identity.clone(), visit.buyer.clone());
                let connection = connection.clone();
                places.insert(
                    full.clone(),
                    Place {
                        identity,
                        connection,
                        buyer,
                        named,
                        full,
                    },
                );
            }
        }
    }
    Ok(places.into_values().collect())
}

async fn connections(world: &Deps, args: &Release) -> Result<Vec<String>, Failure> {
    if let Some(only) = &args.connection {
        return Ok(vec![only.clone()]);
    }
    let all = world.store.connections().await?.list;
    Ok(all.into_iter().flatten().map(|one| one.value.id).collect())
}

fn matches(book: &Book, wanted: &str) -> Vec<(String, Named)> {
    let meters = book
        .meters
        .keys()
        .map(|key| (key.to_string(), Named::Meter(key.clone())));
    let streams = book
        .streams
        .keys()
        .map(|key| (key.to_string(), Named::Stream(key.clone())));
    let amounts = book
        .amounts
        .keys()
        .map(|key| (key.to_string(), Named::Amount(key.clone())));
    meters
        .chain(streams)
        .chain(amounts)
        .map(|(bare, named)| (format!("{}#{bare}", book.destination.identity), bare, named))
        .filter(|(full, bare, _)| full == wanted || bare == wanted)
        .map(|(full, _, named)| (full, named))
        .collect()
}

async fn write(world: &Deps, place: &Place) -> Result<Said, Failure> {
    for again in 0..TRIES {
        let Some(mut book) = world.store.book(&place.identity).await? else {
            break;
        };
        let words = change(&mut book.value, &place.named)
            .map_err(|reason| Failure::Words(format!("{}: {reason}", place.full)))?;
        let at = world.clock.now();
        let writer = format!("release/{}/{again}", at.timestamp_micros());
        let change = Change {
            register: Some(Standing::Open),
            ..Change::new(
                &book.value,
                Some(book.version),
                &writer,
                at,
                &place.connection,
                &place.buyer,
            )
        };
        match world.store.write(&change).await {
            Ok(_) => {
                return Ok(Said::new(
                    format!("{}: {words}\n", platform::text::printable(&place.full)),
                    json!({"released": place.full, "connection": place.connection, "buyer": place.buyer}),
                ));
            }
            Err(WriteError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Words(format!(
        "the book of {} keeps changing: nothing was released, try again",
        place.full
    )))
}

/// The one thing that a release changes, and in words what follows.
fn change(book: &mut Book, named: &Named) -> Result<String, String> {
    match named {
        Named::Meter(key) => {
            let meter = book.meters.get_mut(key).ok_or("it is not there any more")?;
            let block = meter.blocked.take().ok_or("it is not blocked")?;
            Ok(format!("released; it was blocked since {}", block.since))
        }
        Named::Stream(key) => {
            let stream = book.streams.get_mut(key).ok_or("it is not there any more")?;
            let held = stream.held.as_ref().ok_or("it is not held")?;
            let passed = stream
                .released_to
                .map_or(stream.mark, |released| released.max(stream.mark));
            let reading = above(held, stream.target.as_ref(), passed)?;
            stream.released_to = Some(reading);
            Ok(format!("released up to the reading {}", reading.normalize()))
        }
        Named::Amount(key) => {
            let amount = book.amounts.get_mut(key).ok_or("it is not there any more")?;
            if !amount.waiting.is_empty() {
                let corrections = std::mem::take(&mut amount.waiting);
                let named = corrections.iter().cloned().collect::<Vec<_>>().join(", ");
                amount.passed.extend(corrections);
                return Ok(format!("released; from now on these corrections count: {named}"));
            }
            let mark = amount.mark();
            let held = amount.held.as_ref().ok_or("it is not held")?;
            let passed = amount.released_to.map_or(mark, |released| released.max(mark));
            let reading = above(held, amount.target.as_ref(), passed)?;
            amount.released_to = Some(reading);
            Ok(format!("released up to the total ${}", reading.normalize()))
        }
    }
}

/// The reading that is held above its limit. A release lets growth pass that and nothing else: what is held for another reason
/// wants that mended.
fn above(held: &HoldNote, target: Option<&Target>, passed: Decimal) -> Result<Decimal, String> {
    let limit = target.and_then(|target| target.hold_above);
    let grown = held.reading.checked_sub(passed);
    if limit.zip(grown).is_some_and(|(limit, grown)| grown > limit) {
        Ok(held.reading)
    } else {
        Err(format!("it is held, but not above its limit: {}", held.reason))
    }
}
