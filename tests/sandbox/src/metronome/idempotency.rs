//! `Idempotency-Key`: an answer once given to a POST is given again
//! (<https://docs.metronome.com/api-reference/idempotency>).

use std::collections::HashMap;

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::{Request, StatusCode};
use sha2::{Digest, Sha256};

use super::reply::{Answer, Refusal};

/// How long an answer is kept: the documented least.
const KEPT: TimeDelta = TimeDelta::hours(24);

struct Kept {
    request: [u8; 32],
    since: DateTime<Utc>,
    outcome: Result<Answer, Refusal>,
}

/// The answers that were given under a key.
#[derive(Default)]
pub(super) struct Answers(HashMap<String, Kept>);

/// What two requests under one key must have in common.
pub(super) fn fingerprint(request: &Request<Bytes>) -> [u8; 32] {
    let target = request
        .uri()
        .path_and_query()
        .map_or("/", |target| target.as_str());
    Sha256::new()
        .chain_update(target)
        .chain_update([0])
        .chain_update(request.body())
        .finalize()
        .into()
}

impl Answers {
    /// The answer to give again; another request under the same key is refused with 409.
    pub(super) fn again(
        &self,
        key: &str,
        request: [u8; 32],
        now: DateTime<Utc>,
    ) -> Option<Result<Answer, Refusal>> {
        let kept = self.0.get(key).filter(|kept| now - kept.since < KEPT)?;
        if kept.request == request {
            return Some(kept.outcome.clone());
        }
        Some(Err(Refusal::conflict(
            "the idempotency key was used with other parameters",
        )))
    }

    /// Keeps an answer, errors too, but not that a request was malformed.
    pub(super) fn keep(
        &mut self,
        key: &str,
        request: [u8; 32],
        outcome: Result<Answer, Refusal>,
        now: DateTime<Utc>,
    ) {
        if outcome
            .as_ref()
            .is_err_and(|refusal| refusal.status == StatusCode::BAD_REQUEST)
        {
            return;
        }
        self.0.insert(
            key.to_owned(),
            Kept {
                request,
                since: now,
                outcome,
            },
        );
    }
}
