//! What the judges say of all exchanges together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use super::witness::Exchange;

/// Characters of a body that a finding repeats: enough to know it by.
const SHOWN_MAX: usize = 400;

/// What a judge says of one exchange.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// The operation that it is. None: the document has no such operation.
    pub(super) operation: Option<String>,
    /// What came of it: the status, and where the document tells more than one of a kind apart, which.
    pub(super) outcome: String,
    /// Where the request is not as the document has it.
    pub(super) request: Vec<String>,
    /// Where the answer is not.
    pub(super) answer: Vec<String>,
}

/// How often something was seen.
#[derive(Debug, Default)]
pub(super) struct Count {
    pub(super) all: usize,
    /// By requests of our own.
    pub(super) ours: usize,
}

/// The verdicts, counted by operation and outcome.
#[derive(Debug, Default)]
pub(super) struct Findings {
    pub(super) counts: BTreeMap<String, BTreeMap<String, Count>>,
    pub(super) broken: Vec<String>,
}

impl Findings {
    /// Adds an exchange. An answer must always be as the document has it, and so must a request of our own. A stranger's
    /// request may be anything, but one that the document forbids must be refused.
    pub(super) fn add(&mut self, exchange: &Exchange, verdict: Verdict) {
        let request = &exchange.request;
        let Some(operation) = verdict.operation else {
            let what = format!(
                "{} {}: the document has no such operation",
                request.method(),
                request.uri()
            );
            self.broken.push(what);
            return;
        };
        let taken = exchange
            .answer
            .as_ref()
            .is_some_and(|answer| answer.status().is_success());
        let place = format!("{operation}, {}", verdict.outcome);
        let mut say = |what: &str, body: &[u8], why: &str| {
            self.broken
                .push(format!("{place}: {what}: {why}\n    {}", shown(body)));
        };
        for why in &verdict.request {
            if exchange.ours {
                say("our request", request.body(), why);
            } else if taken {
                say("a stranger's request was taken", request.body(), why);
            }
        }
        let answer = exchange.answer.as_ref().map(|answer| answer.body().as_ref());
        for why in &verdict.answer {
            say("the answer", answer.unwrap_or_default(), why);
        }
        let count = self
            .counts
            .entry(operation)
            .or_default()
            .entry(verdict.outcome)
            .or_default();
        count.all += 1;
        count.ours += usize::from(exchange.ours);
    }

    /// The operations that our own code asked for.
    pub(super) fn ours(&self) -> Vec<&str> {
        let asked = self
            .counts
            .iter()
            .filter(|(_, counts)| counts.values().any(|count| count.ours > 0));
        asked.map(|(operation, _)| operation.as_str()).collect()
    }

    /// Everything that was seen and, of what the document has, what was not.
    pub(super) fn report(&self, document: &str, all: &BTreeSet<String>) -> String {
        let exchanges: usize = self
            .counts
            .values()
            .flat_map(BTreeMap::values)
            .map(|count| count.all)
            .sum();
        let mut report = format!(
            "{document}: {exchanges} exchanges of {} operations",
            self.counts.len()
        );
        for (operation, counts) in &self.counts {
            let counts = counts
                .iter()
                .map(|(outcome, Count { all, ours })| format!("{outcome} ×{all} ({ours} ours)"));
            let counts: Vec<String> = counts.collect();
            write!(report, "\n  {operation}: {}", counts.join(", ")).unwrap();
        }
        let never = all
            .iter()
            .filter(|operation| !self.counts.contains_key(*operation));
        let never: Vec<&str> = never.map(String::as_str).collect();
        write!(
            report,
            "\n  never exercised ({}): {}",
            never.len(),
            never.join(", ")
        )
        .unwrap();
        report
    }
}

/// The beginning of a body.
fn shown(body: &[u8]) -> String {
    String::from_utf8_lossy(body).chars().take(SHOWN_MAX).collect()
}
