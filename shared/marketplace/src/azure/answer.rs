//! Reading what Microsoft says of each event.
//!
//! Statuses: API reference, "Metered billing batch usage event", read 2026-11-20.

use billing::Answer;
use platform::{Exact, FaultKind};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::event::{Event, Told};
use super::failure::Failure;
use super::json::readable;
use super::named;
use crate::delivery::{Item, Next, Reading, later, never, only, receipt, unknown};
use crate::words::words;

/// What HTTP 200 says.
pub(super) struct Answered {
    pub(super) reading: Reading,
    /// Some event was refused for who sent it.
    pub(super) not_authorized: bool,
}

/// What a call's answer says of one event.
struct Said {
    told: Told,
    failure: Failure,
}

impl Said {
    fn read(result: &RawValue) -> Option<Self> {
        #[derive(Default, Deserialize)]
        #[serde(default)]
        struct Refused {
            #[serde(deserialize_with = "readable")]
            error: Option<Failure>,
        }
        let told = serde_json::from_str(result.get()).ok()?;
        let refused: Refused = serde_json::from_str(result.get()).ok()?;
        Some(Self {
            told,
            failure: refused.error.unwrap_or_default(),
        })
    }

    fn status(&self) -> &str {
        self.told.status.as_deref().unwrap_or_default()
    }

    /// What it makes of the event that it speaks of.
    fn judged(&self, event: &Event) -> (Answer, Next) {
        let status = self.status();
        let said = match self.failure.words() {
            nothing if nothing.is_empty() => words(status),
            said => format!("{}: {said}", words(status)),
        };
        match status {
            "Accepted" => accepted(&self.told),
            "Duplicate" => conflict(event, &self.failure),
            // Too old, or not begun yet by Microsoft's clock. A subscription may come back, and an application be put right: the
            // quantity waits.
            "Expired" | "ResourceNotFound" | "ResourceNotActive" | "ResourceNotAuthorized" => {
                (later(said), Next::Done)
            }
            "InvalidDimension" | "InvalidQuantity" | "BadArgument" => (never(said), Next::Done),
            "Error" => unknown(said),
            "" => unknown("a result without a status".to_owned()),
            _ => unknown(format!("a status we do not know: {said}")),
        }
    }
}

/// HTTP 200 takes nothing by itself: each event must be spoken of, once, as itself. Results are found by content, not by
/// position.
pub(super) fn read(items: &[Item<Event>], body: &[u8]) -> Answered {
    #[derive(Deserialize)]
    struct Body<'a> {
        #[serde(borrow)]
        result: Vec<&'a RawValue>,
    }
    let Ok(Body { result }) = serde_json::from_slice(body) else {
        let said = "HTTP 200 without a list of results";
        let (answer, next) = unknown(said.to_owned());
        return Answered {
            reading: Reading::same(items.len(), answer, next)
                .because(FaultKind::DestinationUnavailable, named(said)),
            not_authorized: false,
        };
    };
    let results = result.len();
    let said: Vec<Said> = result.into_iter().filter_map(Said::read).collect();
    let (mut answers, mut ours, mut not_authorized) = (Vec::new(), 0, false);
    for Item { told: event, .. } in items {
        let of_it: Vec<&Said> = said.iter().filter(|said| said.told.speaks_of(event)).collect();
        ours += of_it.len();
        not_authorized |= of_it.iter().any(|said| said.status() == "ResourceNotAuthorized");
        answers.push(only(of_it.iter().map(|said| said.judged(event)).collect()));
    }
    if ours < results {
        tracing::warn!("Microsoft's marketplace answered for an event that this call did not hold");
    }
    Answered {
        reading: Reading {
            answers,
            fault: None,
            throttled: None,
        },
        not_authorized,
    }
}

/// Accepted with a receipt, and with our quantity: it was compared where it is told.
fn accepted(told: &Told) -> (Answer, Next) {
    let receipt = told.usage_event_id.as_deref().and_then(receipt);
    match (receipt, told.quantity) {
        (Some(receipt), Some(_)) => (Answer::Accepted(receipt), Next::Done),
        (None, _) => unknown("Accepted without a receipt".to_owned()),
        (_, None) => unknown("Accepted without a quantity".to_owned()),
    }
}

/// What a conflict says of an event: Microsoft holds one of its resource, dimension and hour already, and shows it. If the one
/// that it shows is none of these, nobody can tell what it holds until it is read back.
pub(super) fn conflict(event: &Event, failure: &Failure) -> (Answer, Next) {
    let answer = match failure.held() {
        Some(held) if !held.may_keep_out(event) => {
            Answer::Unknown("Duplicate, but of another resource, dimension or hour".to_owned())
        }
        held => Answer::Duplicate {
            stored: held
                .and_then(|held| held.quantity)
                .map(|Exact(stored)| event.quantity_meant(stored)),
        },
    };
    (answer, Next::Done)
}
