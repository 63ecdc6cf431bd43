//! Counts the requests that a piece of work makes, by service, whatever runs beside it.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;

/// Requests by service, as a run's summary prints them.
pub type Requests = BTreeMap<&'static str, u64>;

tokio::task_local! {
    static COUNTS: RefCell<Requests>;
}

/// Runs `work` and returns what it returned beside the requests that it made.
pub async fn counted<T>(work: impl Future<Output = T>) -> (T, Requests) {
    COUNTS
        .scope(RefCell::default(), async {
            let done = work.await;
            (done, COUNTS.with(|counts| counts.borrow().clone()))
        })
        .await
}

/// Notes one request. Outside any [`counted`] work there is nobody to tell.
pub(crate) fn count(service: &'static str) {
    COUNTS
        .try_with(|counts| *counts.borrow_mut().entry(service).or_default() += 1)
        .unwrap_or(());
}
