//! How often a request is tried again, and when it is not.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use chrono::DateTime;
use http::header::{DATE, HeaderMap, RETRY_AFTER};

use crate::Deadline;

/// One request is tried at most this often in one invocation.
const TRIES: usize = 5;

/// All tries of one request and the waits between them begin within this time.
const SPAN: Duration = Duration::from_secs(60);

/// A longer wait is read as this one: no invocation lasts as long.
const WAIT_MAX: Duration = Duration::from_secs(24 * 60 * 60);

/// What an error says of another try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Again {
    /// It will not help.
    Never,
    /// It may, after a wait.
    Soon,
    /// The service named the wait (`Retry-After`).
    After(Duration),
}

/// An error that knows whether another try may help.
pub trait Retryable {
    /// What it says of another try.
    fn again(&self) -> Again;
}

/// Tries `request` until it is answered, will not be, or time is up: five tries within 60 s, with jitter between, a wait that
/// the service named honoured if it fits, and none begun in the last 30 s of the invocation.
///
/// # Errors
/// The last try's own.
pub async fn persist<T, E, F>(deadline: Deadline, request: impl FnMut() -> F) -> Result<T, E>
where
    E: Retryable,
    F: Future<Output = Result<T, E>>,
{
    let span = SPAN.min(deadline.left());
    let began = tokio::time::Instant::now();
    request
        .retry(
            ExponentialBuilder::default()
                .with_min_delay(Duration::from_millis(250))
                .with_max_delay(Duration::from_secs(8))
                .with_max_times(TRIES - 1)
                .with_jitter(),
        )
        .when(|error| error.again() != Again::Never)
        .adjust(|error, wait| {
            let wait = match error.again() {
                Again::After(named) => wait.map(|backoff| backoff.max(named)),
                Again::Soon | Again::Never => wait,
            };
            wait.filter(|wait| began.elapsed() + *wait < span)
        })
        .await
}

/// How long the answer asks to wait: seconds, or the time of day at which to come back (RFC 9110, 10.2.3), which is measured on
/// the answer's own `Date`, so that a clock that is off does not matter.
#[must_use]
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name| headers.get(name)?.to_str().ok().map(str::trim);
    let named = text(RETRY_AFTER)?;
    let wait = if let Ok(seconds) = named.parse() {
        Duration::from_secs(seconds)
    } else {
        let moment = |date| DateTime::parse_from_rfc2822(date).ok();
        (moment(named)? - moment(text(DATE)?)?)
            .to_std()
            .unwrap_or_default()
    };
    Some(wait.min(WAIT_MAX))
}
