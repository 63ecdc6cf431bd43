//! A call that was not taken: what its failure says of every record in it.
//!
//! An exception answers the call, and nothing in the call was processed (`BatchMeterUsage`, API reference, "Errors", read
//! 2026-11-20): the records are refused, not unknown. The one exception is the service's own failure, which says nothing.

use std::time::Duration;

use aws_sdk_marketplacemetering::config::http::HttpResponse;
use aws_sdk_marketplacemetering::error::SdkError;
use aws_sdk_marketplacemetering::operation::batch_meter_usage::BatchMeterUsageError;
use billing::Answer;
use platform::{FaultKind, TransportError, aws};

use super::answer::{causes, exception_words};
use super::named;
use crate::delivery::{Next, Reading, later, never};
use crate::words::words;

/// What an exception is about.
enum About {
    /// Too many calls.
    Pace,
    /// One record of the call; it may be taken at another hour.
    Hour,
    /// One record of the call, and what to do about it.
    Record(&'static str),
    /// The product, or the region, and what to do about it.
    Product(&'static str),
    /// Who calls.
    Access,
    /// The service itself.
    Service,
    /// Nobody has told us.
    Unheard,
}

/// Reads the failure of a call that carried so many records.
pub(super) fn whole(
    region: &str,
    records: usize,
    error: &SdkError<BatchMeterUsageError, HttpResponse>,
) -> Reading {
    match error {
        SdkError::ServiceError(answered) => {
            let exception = answered.err().meta();
            let about = about(
                exception.code().unwrap_or_default(),
                answered.raw().status().as_u16(),
            );
            refused(region, records, &about, exception_words(exception))
        }
        SdkError::ResponseError(unreadable) if unreadable.raw().status().as_u16() == 429 => {
            refused(region, records, &About::Pace, "HTTP 429".to_owned())
        }
        SdkError::ResponseError(unreadable) => {
            let said = format!("HTTP {}: {}", unreadable.raw().status().as_u16(), causes(error));
            refused(region, records, &About::Service, words(&said))
        }
        SdkError::ConstructionFailure(_) => {
            let said = words(&format!("not sent: {}", causes(error)));
            Reading::same(records, later(said.clone()), Next::Done)
                .because(FaultKind::Misconfigured, named(region, &said))
        }
        _ => unanswered(region, records, error),
    }
}

/// Only a connection that never came about proves that nothing was taken.
fn unanswered(region: &str, records: usize, error: &SdkError<BatchMeterUsageError, HttpResponse>) -> Reading {
    let own = aws::transport_error(error);
    let said = words(&own.as_ref().map_or_else(|| causes(error), ToString::to_string));
    let answer = match own {
        Some(TransportError::NotSent(_)) => later(said.clone()),
        _ => Answer::Unknown(said.clone()),
    };
    Reading::same(records, answer, Next::Again)
        .because(FaultKind::DestinationUnavailable, named(region, &said))
}

fn about(code: &str, status: u16) -> About {
    match code {
        _ if status >= 500 || status == 408 => About::Service,
        "InternalServiceErrorException" => About::Service,
        "ThrottlingException"
        | "Throttling"
        | "ThrottledException"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "TooManyRequestsException"
        | "RequestLimitExceeded" => About::Pace,
        "TimestampOutOfBoundsException" => About::Hour,
        "InvalidUsageDimensionException" => {
            About::Record("name the dimension as the product's listing does, to the letter")
        }
        "InvalidLicenseException" => {
            About::Record("check the licence ARN, the account it belongs to, and when the licence is active")
        }
        "InvalidCustomerIdentifierException" => {
            About::Record("check the buyer's customer identifier or account")
        }
        "InvalidTagException" | "InvalidUsageAllocationsException" => {
            About::Record("check the product's listing: no tags or allocations were sent")
        }
        "ValidationException" | "SerializationException" => About::Record(
            "check the buyer's identifiers and the dimension: one is not of the form that AWS takes",
        ),
        "InvalidProductCodeException" => About::Product("check the product code, and whose it is"),
        "DisabledApiException" => About::Product(
            "have AWS Marketplace enable metering for the product in this region, or name another region",
        ),
        "AccessDeniedException"
        | "AccessDenied"
        | "UnrecognizedClientException"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "SignatureDoesNotMatch"
        | "IncompleteSignature"
        | "IncompleteSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidAccessKeyId"
        | "RequestExpired"
        | "RequestTimeTooSkewed"
        | "OptInRequired"
        | "NotAuthorized"
        | "UnauthorizedException" => About::Access,
        _ if status == 401 || status == 403 => About::Access,
        _ if status == 429 => About::Pace,
        _ => About::Unheard,
    }
}

fn refused(region: &str, records: usize, about: &About, said: String) -> Reading {
    match about {
        About::Hour | About::Record(_) | About::Unheard if records > 1 => Reading::same(
            records,
            later(format!("{said} (one of {records} records may be at fault)")),
            Next::Halve,
        ),
        About::Hour => Reading::same(records, later(said), Next::Done),
        About::Record(mend) => Reading::same(records, never(format!("{said}: {mend}")), Next::Done),
        About::Unheard => Reading::same(records, later(said.clone()), Next::Done)
            .because(FaultKind::Misconfigured, named(region, &said)),
        About::Product(mend) => Reading::same(records, never(format!("{said}: {mend}")), Next::Done)
            .because(FaultKind::Misconfigured, named(region, &said)),
        About::Access => Reading::same(records, later(said.clone()), Next::Done)
            .because(FaultKind::Unauthorized, named(region, &said)),
        About::Pace => {
            let reading = Reading::same(records, later(format!("throttled: {said}")), Next::Again);
            Reading {
                throttled: Some(Duration::ZERO),
                ..reading.because(FaultKind::DestinationUnavailable, named(region, &said))
            }
        }
        About::Service => {
            let reading = Reading::same(records, Answer::Unknown(said.clone()), Next::Again);
            reading.because(FaultKind::DestinationUnavailable, named(region, &said))
        }
    }
}
