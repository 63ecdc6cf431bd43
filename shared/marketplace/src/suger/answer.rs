//! Reading one reply: what it says of the one group of the call.

use std::time::Duration;

use billing::Answer;
use bytes::Bytes;
use http::Response;
use platform::FaultKind;
use platform::retry::retry_after;
use serde::Deserialize;

use super::group::Group;
use crate::delivery::{Next, Reading, later, never, receipt, unknown};
use crate::words::words;

/// `MeteringUsageRecordGroup`, of which we read what tells whose it is and how it stands. Its quantities are those after Suger's
/// own conversion of dimensions, so they prove nothing; its id, made of ours, does.
#[derive(Deserialize)]
struct Echo {
    id: Option<String>,
    #[serde(rename = "organizationID")]
    organization_id: Option<String>,
    #[serde(rename = "entitlementID")]
    entitlement_id: Option<String>,
    status: Option<String>,
}

/// Reads the reply to a call of `group`. Suger documents 200, 400, 409 and 500; the others are read as HTTP means them.
pub(super) fn read(group: &Group, response: &Response<Bytes>) -> Reading {
    let one = |answer, next| Reading::same(1, answer, next);
    match response.status().as_u16() {
        200..=299 => {
            let (answer, next) = taken(group, response.body());
            one(answer, next)
        }
        400 => {
            let mend = "check the dimension, and what the entitlement's product meters";
            one(never(format!("{}: {mend}", said(response))), Next::Done)
        }
        // What is said of a key may quote it, so it is not repeated.
        status @ (401 | 403) => one(later(format!("HTTP {status}: access refused")), Next::Done).because(
            FaultKind::Unauthorized,
            format!("Suger: HTTP {status}: check the API key, and what it may do"),
        ),
        404 => one(later(said(response)), Next::Done).because(
            FaultKind::Misconfigured,
            format!(
                "Suger: {}: check entitlement {} of organization {}",
                said(response),
                group.entitlement_id,
                group.organization_id
            ),
        ),
        409 => {
            let stored = Some(group.quantity);
            one(Answer::Duplicate { stored }, Next::Done)
        }
        429 => {
            let reading = one(later(format!("throttled: {}", said(response))), Next::Again);
            Reading {
                throttled: Some(retry_after(response.headers()).unwrap_or(Duration::ZERO)),
                ..reading.because(
                    FaultKind::DestinationUnavailable,
                    format!("Suger: {}", said(response)),
                )
            }
        }
        402..=499 if response.status().as_u16() != 408 => one(later(said(response)), Next::Done)
            .because(FaultKind::Misconfigured, format!("Suger: {}", said(response))),
        _ => one(Answer::Unknown(said(response)), Next::Again).because(
            FaultKind::DestinationUnavailable,
            format!("Suger: {}", said(response)),
        ),
    }
}

/// HTTP 200 takes nothing by itself: the reply must be this group, in a status that leads to the buyer's bill (all six are in the
/// API reference, "list usageRecordGroups", read 2026-11-20).
fn taken(group: &Group, body: &[u8]) -> (Answer, Next) {
    let Ok(echo) = serde_json::from_slice::<Echo>(body) else {
        return unknown("the answer is no usage record group".to_owned());
    };
    let same = |told: &Option<String>, ours: &String| told.as_ref().is_none_or(|told| told == ours);
    let ours = echo.id.as_ref() == Some(&group.id)
        && same(&echo.organization_id, &group.organization_id)
        && same(&echo.entitlement_id, &group.entitlement_id);
    let Some(receipt) = receipt(&group.id).filter(|_| ours) else {
        return unknown("the answer speaks of another group".to_owned());
    };
    match echo.status.as_deref() {
        Some("CREATED" | "REPORT_PENDING" | "REPORTED") => (Answer::Accepted(receipt), Next::Done),
        Some(status @ ("INVALID" | "REPORT_FAILED" | "DELETED")) => {
            let reason = format!("{status}: Suger holds the group and does not bill it: see to it there");
            (never(reason), Next::Done)
        }
        Some(other) => unknown(format!("a status we do not know: {}", words(other))),
        None => unknown("a group without a status".to_owned()),
    }
}

/// A refusal by its status and words: Suger answers with a JSON string.
fn said(response: &Response<Bytes>) -> String {
    let text = String::from_utf8_lossy(response.body());
    let text = serde_json::from_str::<String>(&text).unwrap_or_else(|_| text.into_owned());
    words(&format!("HTTP {}: {text}", response.status().as_u16()))
}
