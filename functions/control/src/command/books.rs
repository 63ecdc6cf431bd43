//! `books CONNECTION [BUYER]`

use std::fmt::Write as _;

use billing::{Amount, AmountKey, Book, Fraction, InFlight, Meter, MeterKey, Stream, StreamKey};
use platform::text::printable;
use serde_json::{Value, json};

use super::release::name;
use super::visit::Visit;
use super::{Deps, Failure, Said, visit};

/// What the books of a connection hold, a deleted one's too. Each meter and stream stands with the name that `release` takes.
///
/// # Errors
/// Where nothing of that name is stored, and the table's own. A book that cannot be read is told beside the others.
pub async fn books(world: &Deps, id: &str, buyer: Option<&str>) -> Result<Said, Failure> {
    let connection = world.store.connection(id).await?.map(|one| one.value);
    let (visits, corrupt) = visit::books(&world.store, id, connection.as_ref()).await?;
    if connection.is_none() && visits.is_empty() && corrupt.is_empty() {
        return Err(Failure::Words(format!(
            "no connection `{id}` is stored, and no book of it"
        )));
    }
    let mut said = Said {
        wrong: corrupt.iter().map(ToString::to_string).collect(),
        ..Said::default()
    };
    let mut documents = Vec::new();
    for visit in visits
        .into_iter()
        .filter(|visit| buyer.is_none_or(|buyer| visit.buyer == buyer))
    {
        match &visit.book {
            None => {
                let identity = printable(&visit.identity.to_string());
                said.words.push_str(&format!(
                    "{}  {identity}  nothing claimed yet\n",
                    printable(&visit.buyer)
                ));
                documents.push(document(&visit, None));
            }
            Some(Err(corrupt)) => said.wrong.push(corrupt.to_string()),
            Some(Ok(book)) => {
                said.words.push_str(&words(&visit.buyer, &book.value));
                documents.push(document(&visit, Some(&book.value)));
            }
        }
    }
    said.json = json!({"connection": id, "books": documents, "unreadable": said.wrong});
    Ok(said)
}

fn words(buyer: &str, book: &Book) -> String {
    let identity = book.destination.identity.to_string();
    let mut words = format!("{}  {}\n", printable(buyer), printable(&identity));
    // Writing to a string cannot fail.
    let mut line = |text: String| writeln!(words, "  {}", printable(&text)).unwrap_or(());
    for (key, meter) in &book.meters {
        line(format!("meter {}", name(book, key)));
        line(format!("  {}", account(meter, &book.flying(key))));
        if let Some(block) = &meter.blocked {
            line(format!("  blocked since {}: {}", block.since, block.reason));
        }
    }
    for (key, stream) in &book.streams {
        line(format!("stream {}", name(book, key)));
        line(format!(
            "  mark {}, until {}",
            stream.mark.normalize(),
            stream.until
        ));
        if let Some(held) = &stream.held {
            line(format!(
                "  held since {} at {}: {}",
                held.since,
                held.reading.normalize(),
                held.reason
            ));
        }
    }
    for (key, amount) in &book.amounts {
        line(format!("stream {}", name(book, key)));
        line(format!(
            "  mark ${}, until {}",
            amount.mark().normalize(),
            amount.until
        ));
        if let Some(short) = &amount.shortfall {
            let to_pass = amount.mark() - short.total;
            line(format!(
                "  suspended until ${} more: {}",
                to_pass.normalize(),
                short.cause
            ));
        }
        if let Some(held) = &amount.held {
            line(format!(
                "  held since {} at ${}: {}",
                held.since,
                held.reading.normalize(),
                held.reason
            ));
        }
        for invoice in &amount.waiting {
            line(format!("  held: the invoice {invoice} corrects another"));
        }
    }
    for flight in &book.in_flight {
        let record = &flight.record;
        line(format!(
            "in flight {}  {} {} in the hour {}, {} attempts",
            record.id,
            record.quantity,
            record.meter.dimension,
            record.hour(),
            flight.attempts.len()
        ));
    }
    words
}

/// Conservation, in one line: what has grown is all there.
fn account(meter: &Meter, flying: &Fraction) -> String {
    format!(
        "grown {}, included {}, delivered {}, in flight {flying}, parked {}, owed {}, written off {}",
        meter.grown, meter.included, meter.delivered, meter.parked, meter.owed, meter.written_off
    )
}

fn document(visit: &Visit, book: Option<&Book>) -> Value {
    let all = |of: fn(&Book) -> Vec<Value>| book.map(of).unwrap_or_default();
    json!({
        "identity": visit.identity.to_string(),
        "buyer": visit.buyer,
        "standing": visit.standing,
        "meters": all(|book| book.meters.iter().map(|(key, meter)| meter_document(book, key, meter)).collect()),
        "streams": all(|book| book.streams.iter().map(|(key, stream)| stream_document(book, key, stream)).collect()),
        "amounts": all(|book| book.amounts.iter().map(|(key, amount)| amount_document(book, key, amount)).collect()),
        "in_flight": all(|book| book.in_flight.iter().map(flight_document).collect()),
    })
}

fn meter_document(book: &Book, key: &MeterKey, meter: &Meter) -> Value {
    json!({
        "meter": name(book, key),
        "dimension": key.dimension,
        "entitlement": key.entitlement,
        "grown": meter.grown,
        "included": meter.included,
        "delivered": meter.delivered,
        "in_flight": book.flying(key),
        "parked": meter.parked,
        "owed": meter.owed,
        "written_off": meter.written_off,
        "blocked": meter.blocked,
    })
}

fn stream_document(book: &Book, key: &StreamKey, stream: &Stream) -> Value {
    let held = stream.held.as_ref().map(|held| {
        json!({"reason": held.reason, "reading": held.reading.normalize().to_string(), "since": held.since.to_string()})
    });
    json!({
        "stream": name(book, key),
        "connection": stream.connection,
        "customer": key.customer,
        "metric": key.metric,
        "group": key.group,
        "from": key.from.to_string(),
        "until": stream.until.to_string(),
        "mark": stream.mark.normalize().to_string(),
        "claimed": stream.claimed.map(|hour| hour.to_string()),
        "dimension": stream.target.as_ref().map(|target| &target.dimension),
        "held": held,
    })
}

fn amount_document(book: &Book, key: &AmountKey, amount: &Amount) -> Value {
    let shares: Vec<Value> = amount
        .marks
        .iter()
        .map(|(share, mark)| {
            json!({"customer": share.customer, "contract": share.contract, "mark": mark.normalize().to_string()})
        })
        .collect();
    let held = amount.held.as_ref().map(|held| {
        json!({"reason": held.reason, "reading": held.reading.normalize().to_string(), "since": held.since.to_string()})
    });
    let suspended = amount
        .shortfall
        .as_ref()
        .map(|short| json!({"total": short.total.normalize().to_string(), "cause": short.cause}));
    json!({
        "stream": name(book, key),
        "connection": amount.connection,
        "currency": key.currency,
        "from": key.from.to_string(),
        "until": amount.until.to_string(),
        "mark": amount.mark().normalize().to_string(),
        "shares": shares,
        "claimed": amount.claimed.map(|hour| hour.to_string()),
        "dimension": amount.target.as_ref().map(|target| &target.dimension),
        "held": held,
        "suspended": suspended,
        "corrections": amount.waiting,
    })
}

fn flight_document(flight: &InFlight) -> Value {
    let record = &flight.record;
    json!({
        "record": record.id,
        "dimension": record.meter.dimension,
        "hour": record.hour().to_string(),
        "quantity": record.quantity.to_string(),
        "attempts": flight.attempts.len(),
    })
}
