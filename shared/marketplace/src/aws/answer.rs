//! Reading one reply: what it says of each record of the call.

use aws_sdk_marketplacemetering::config::http::HttpResponse;
use aws_sdk_marketplacemetering::error::{ErrorMetadata, SdkError};
use aws_sdk_marketplacemetering::operation::batch_meter_usage::{
    BatchMeterUsageError, BatchMeterUsageOutput,
};
use aws_sdk_marketplacemetering::types::{UsageRecord, UsageRecordResult, UsageRecordResultStatus};
use billing::{Answer, Receipt, Refusal};
use platform::{Fault, text};

use super::batch::Item;
use super::refusal;

/// The longest text of AWS's that is kept.
const WORDS_MAX: usize = 300;

/// A longer receipt is none that we know: AWS's are UUIDs.
const RECEIPT_MAX: usize = 256;

/// The longest chain of causes that is told.
const CAUSES_MAX: usize = 8;

/// A reply of the service's, or the SDK's word that there is none.
pub(super) type Reply = Result<BatchMeterUsageOutput, SdkError<BatchMeterUsageError, HttpResponse>>;

/// What to do next about a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    /// Nothing in this invocation.
    Done,
    /// Send it again, unchanged.
    Again,
    /// Send it again with half of the others: one of them has poisoned the call.
    Halve,
}

/// What a reply says.
#[derive(Debug)]
pub(super) struct Reading {
    /// Of each record of the call, in its order.
    pub(super) answers: Vec<(Answer, Next)>,
    /// Of the call, unless another try mends it.
    pub(super) fault: Option<Fault>,
    /// Fewer calls are wanted.
    pub(super) throttled: bool,
}

/// Reads a reply to a call of `items`.
pub(super) fn read(region: &str, items: &[Item], reply: Reply) -> Reading {
    match reply {
        Ok(output) => Reading {
            answers: each(items, &output),
            fault: None,
            throttled: false,
        },
        Err(error) => refusal::whole(region, items.len(), &error),
    }
}

/// HTTP 200 takes nothing by itself: each record must be spoken of, once, as itself. Results are found by content, not by
/// position.
fn each(items: &[Item], output: &BatchMeterUsageOutput) -> Vec<(Answer, Next)> {
    let mut said: Vec<Vec<(Answer, Next)>> = items.iter().map(|_| Vec::new()).collect();
    let mut note = |echo: Option<&UsageRecord>, word: (Answer, Next)| {
        let mut ours = false;
        for (item, said) in items.iter().zip(&mut said) {
            if echo.is_some_and(|echo| speaks_of(&item.usage, echo)) {
                said.push(word.clone());
                ours = true;
            }
        }
        if !ours {
            tracing::warn!("AWS Marketplace answered for a record that this call did not hold");
        }
    };
    for result in output.results() {
        note(result.usage_record(), judged(result));
    }
    for record in output.unprocessed_records() {
        note(
            Some(record),
            (
                later("unprocessed: AWS Marketplace returned it unread".to_owned()),
                Next::Again,
            ),
        );
    }
    said.into_iter()
        .map(|mut said| match (said.pop(), said.is_empty()) {
            (Some(only), true) => only,
            (Some(_), false) => unknown("the answer speaks of this record more than once".to_owned()),
            (None, _) => unknown("the answer does not speak of this record".to_owned()),
        })
        .collect()
}

/// Whether an echoed record is the one we sent: buyer, dimension, second, and quantity where it is told. The service may add
/// fields of its own, and cuts timestamps to milliseconds.
fn speaks_of(sent: &UsageRecord, echo: &UsageRecord) -> bool {
    let buyer = [
        (Some(sent.customer_identifier()), Some(echo.customer_identifier())),
        (sent.customer_aws_account_id(), echo.customer_aws_account_id()),
        (sent.license_arn(), echo.license_arn()),
    ];
    buyer
        .iter()
        .all(|(sent, echo)| sent.is_none_or(str::is_empty) || sent == echo)
        && sent.dimension() == echo.dimension()
        && sent.timestamp().secs() == echo.timestamp().secs()
        && (echo.quantity().is_none() || sent.quantity() == echo.quantity())
}

fn judged(result: &UsageRecordResult) -> (Answer, Next) {
    match result.status() {
        Some(UsageRecordResultStatus::Success) => match result.metering_record_id() {
            Some(id) if usable(id) => (Answer::Accepted(Receipt { id: id.to_owned() }), Next::Done),
            _ => unknown("Success without a receipt".to_owned()),
        },
        Some(UsageRecordResultStatus::DuplicateRecord) => (Answer::Duplicate { stored: None }, Next::Done),
        Some(UsageRecordResultStatus::CustomerNotSubscribed) => {
            let reason = "CustomerNotSubscribed: no active agreement, or the buyer's account is suspended";
            (later(reason.to_owned()), Next::Done)
        }
        Some(other) => unknown(format!("a status we do not know: {}", words(other.as_str()))),
        None => unknown("a result without a status".to_owned()),
    }
}

fn usable(receipt: &str) -> bool {
    !receipt.is_empty() && receipt.len() <= RECEIPT_MAX && receipt.chars().all(|c| c.is_ascii_graphic())
}

pub(super) fn later(reason: String) -> Answer {
    Answer::Refused(Refusal::Later(reason))
}

fn unknown(reason: String) -> (Answer, Next) {
    (Answer::Unknown(reason), Next::Again)
}

/// A text that came from outside: printable, and bounded.
pub(super) fn words(said: &str) -> String {
    let shown = text::printable(&said.chars().take(WORDS_MAX).collect::<String>());
    if shown.chars().count() < WORDS_MAX {
        shown
    } else {
        shown.chars().take(WORDS_MAX).chain(['…']).collect()
    }
}

/// An error with its causes, in one line.
pub(super) fn causes(error: &(dyn std::error::Error + 'static)) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    let told = chain
        .take(CAUSES_MAX)
        .map(|error| match error.downcast_ref::<ErrorMetadata>() {
            Some(exception) => exception_words(exception),
            None => error.to_string(),
        });
    told.collect::<Vec<_>>().join(": ")
}

/// An exception by its code and message. Those about signatures are told without the message, for it may quote the request's
/// headers, and a session token stands in one.
pub(super) fn exception_words(exception: &ErrorMetadata) -> String {
    let code = exception.code().unwrap_or_default();
    let quotes = [
        "Signature",
        "AuthenticationToken",
        "ClientTokenId",
        "UnrecognizedClient",
        "AccessKey",
    ];
    match exception.message() {
        Some(message) if !quotes.iter().any(|part| code.contains(part)) => {
            words(&format!("{code}: {message}"))
        }
        _ => words(code),
    }
}
