//! JSON over HTTP, as the marketplaces without an SDK of ours take it: one request, one answer, and what an answer that did not
//! come says of the records.

use std::time::Duration;

use billing::Answer;
use bytes::Bytes;
use http::Response;
use platform::{FaultKind, Request, Transport, TransportError};

use crate::delivery::{Next, Reading, later};
use crate::words::words;

/// After this long a call's fate is unknown. The services answer within a second or two; a call begun at the last moment leaves
/// a third of [`platform::clock::RESERVE`] to write down what was learned.
pub(crate) const CALL_TIMEOUT: Duration = Duration::from_secs(20);

/// Makes one request.
pub(crate) async fn ask(
    transport: &Transport,
    service: &'static str,
    request: http::Request<Bytes>,
) -> Result<Response<Bytes>, TransportError> {
    let request = Request {
        timeout: CALL_TIMEOUT,
        ..Request::new(service, request)
    };
    transport.send(request).await
}

/// No answer to a call that carried so many records: only a connection that never came about proves that nothing was taken.
pub(crate) fn unanswered(marketplace: &str, records: usize, error: &TransportError) -> Reading {
    let said = words(&error.to_string());
    let answer = match error {
        TransportError::NotSent(_) => later(said.clone()),
        TransportError::Lost(_) | TransportError::TooLarge(_) => Answer::Unknown(said.clone()),
    };
    Reading::same(records, answer, Next::Again).because(
        FaultKind::DestinationUnavailable,
        format!("{marketplace}: {said}"),
    )
}
