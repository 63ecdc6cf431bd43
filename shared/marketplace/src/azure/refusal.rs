//! A call that was not answered with HTTP 200: what that says of every event in it.

use billing::Answer;
use bytes::Bytes;
use http::Response;
use platform::{FaultKind, retry};

use super::event::Event;
use super::failure::Failure;
use super::{answer, named};
use crate::delivery::{Item, Next, Reading, later, never};

/// Reads a refusal of the call, but for one of its token ([`token`]).
///
/// Nothing is taken by 400 (API reference, "Metered billing batch usage event", read 2026-11-20). 409 is documented for a call
/// of one event. What Microsoft has not documented as a refusal says nothing of what was taken.
pub(super) fn whole(items: &[Item<Event>], response: &Response<Bytes>) -> Reading {
    let status = response.status().as_u16();
    let failure = Failure::of(response);
    let said = match &failure {
        Some(failure) => format!("HTTP {status} {}: {}", failure.code(), failure.words()),
        None => format!("HTTP {status}"),
    };
    let records = items.len();
    match (status, items) {
        (409, [item]) => {
            let (answer, next) = answer::conflict(&item.told, &failure.unwrap_or_default());
            Reading::same(records, answer, next)
        }
        (409, _) => Reading::same(records, Answer::Unknown(said), Next::Halve),
        (400 | 413, [_, _, ..]) => {
            let said = format!("{said} (one of {records} records may be at fault)");
            Reading::same(records, later(said), Next::Halve)
        }
        (400, _) if failure.is_some() => Reading::same(records, never(said), Next::Done),
        (429, _) => {
            let reading = Reading::same(records, later(format!("throttled: {said}")), Next::Again);
            Reading {
                throttled: Some(retry::retry_after(response.headers()).unwrap_or_default()),
                ..reading.because(FaultKind::DestinationUnavailable, named(&said))
            }
        }
        (400..=407 | 410..=499, _) => Reading::same(records, later(said.clone()), Next::Done)
            .because(FaultKind::Misconfigured, named(&said)),
        _ => {
            let reading = Reading::same(records, Answer::Unknown(said.clone()), Next::Again);
            Reading {
                throttled: retry::retry_after(response.headers()),
                ..reading.because(FaultKind::DestinationUnavailable, named(&said))
            }
        }
    }
}

/// What a refused token is told by: 401, or 403, which Microsoft documents for a token that is missing, wrong or expired. Its
/// message is left out, for it may quote the token.
pub(super) fn token(response: &Response<Bytes>) -> String {
    let status = response.status().as_u16();
    let code = Failure::of(response).map_or_else(String::new, |failure| format!(" {}", failure.code()));
    format!(
        "HTTP {status}{code}: name this application, and its tenant, in the offer's technical configuration"
    )
}
