//! Reading one reply: what it says of each record of the call.

use aws_sdk_marketplacemetering::config::http::HttpResponse;
use aws_sdk_marketplacemetering::error::{ErrorMetadata, SdkError};
use aws_sdk_marketplacemetering::operation::batch_meter_usage::{
    BatchMeterUsageError, BatchMeterUsageOutput,
};
use aws_sdk_marketplacemetering::types::{UsageRecord, UsageRecordResult, UsageRecordResultStatus};
use billing::Answer;
use serde_json::Value;

use super::batch::Usage;
use super::refusal;
use super::wire::Decimals;
use crate::delivery::{Item, Next, Reading, later, only, receipt, unknown};
use crate::words::words;

/// The longest chain of causes that is told.
const CAUSES_MAX: usize = 8;

/// A reply of the service's, or the SDK's word that there is none.
pub(super) type Reply = Result<BatchMeterUsageOutput, SdkError<BatchMeterUsageError, HttpResponse>>;

/// Reads a reply to a call of `items`; `decimals` is what the SDK left out of it.
pub(super) fn read(region: &str, items: &[Item<Usage>], reply: Reply, decimals: &Decimals) -> Reading {
    match reply {
        Ok(output) => Reading {
            answers: each(items, &output, decimals),
            fault: None,
            throttled: None,
        },
        Err(error) => refusal::whole(region, items.len(), &error),
    }
}

/// HTTP 200 takes nothing by itself: each record must be spoken of, once, as itself. Results are found by content, not by
/// position.
fn each(items: &[Item<Usage>], output: &BatchMeterUsageOutput, decimals: &Decimals) -> Vec<(Answer, Next)> {
    let mut said: Vec<Vec<(Answer, Next)>> = items.iter().map(|_| Vec::new()).collect();
    let mut note = |echo: Option<&UsageRecord>, decimal: Option<&Value>, word: (Answer, Next)| {
        let mut ours = false;
        for (item, said) in items.iter().zip(&mut said) {
            if echo.is_some_and(|echo| speaks_of(&item.told, echo, decimal)) {
                said.push(word.clone());
                ours = true;
            }
        }
        if !ours {
            tracing::warn!("AWS Marketplace answered for a record that this call did not hold");
        }
    };
    for (result, decimal) in output.results().iter().zip(decimals.of_results()) {
        note(result.usage_record(), decimal, judged(result));
    }
    for (record, decimal) in output.unprocessed_records().iter().zip(decimals.of_unprocessed()) {
        note(
            Some(record),
            decimal,
            (
                later("unprocessed: AWS Marketplace returned it unread".to_owned()),
                Next::Again,
            ),
        );
    }
    said.into_iter().map(only).collect()
}

/// Whether an echoed record is the one we sent: buyer, dimension, second, and quantity where it is told. The service may add
/// fields of its own, and cuts timestamps to milliseconds.
fn speaks_of(sent: &Usage, echo: &UsageRecord, decimal: Option<&Value>) -> bool {
    let record = &sent.record;
    let buyer = [
        (
            Some(record.customer_identifier()),
            Some(echo.customer_identifier()),
        ),
        (record.customer_aws_account_id(), echo.customer_aws_account_id()),
        (record.license_arn(), echo.license_arn()),
    ];
    buyer
        .iter()
        .all(|(sent, echo)| sent.is_none_or(str::is_empty) || sent == echo)
        && record.dimension() == echo.dimension()
        && record.timestamp().secs() == echo.timestamp().secs()
        && sent.quantity.told(decimal, echo.quantity())
}

fn judged(result: &UsageRecordResult) -> (Answer, Next) {
    match result.status() {
        Some(UsageRecordResultStatus::Success) => match result.metering_record_id() {
            None => unknown("Success without a receipt".to_owned()),
            Some(id) => receipt(id).map_or_else(
                || unknown("Success without a receipt".to_owned()),
                |receipt| (Answer::Accepted(receipt), Next::Done),
            ),
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
