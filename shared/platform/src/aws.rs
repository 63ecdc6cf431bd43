//! The AWS SDK, put on our transport and our clock.

use std::time::SystemTime;

use aws_config::{BehaviorVersion, SdkConfig};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::TimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpClient, HttpConnector, HttpConnectorFuture, HttpConnectorSettings, SharedHttpConnector,
};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::{ConnectorError, SdkError};
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponents;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;

use crate::{Clock, Request, Transport, TransportError};

/// The SDK's configuration as every AWS tool finds it (environment, profile, role), its requests carried by `transport` and
/// its signatures dated by `clock`.
pub async fn load(transport: &Transport, clock: &Clock) -> SdkConfig {
    aws_config::defaults(BehaviorVersion::latest())
        .http_client(Carried {
            transport: transport.clone(),
        })
        .sleep_impl(TokioSleep::new())
        .time_source(Dated(clock.clone()))
        .load()
        .await
}

/// Why a request of the SDK's got no answer, if that is what the error says: the transport's own word on whether it was sent.
pub fn transport_error<E, R>(error: &SdkError<E, R>) -> Option<TransportError>
where
    E: std::error::Error + 'static,
    R: std::fmt::Debug + 'static,
{
    let mut cause: Option<&(dyn std::error::Error + 'static)> = match error {
        SdkError::DispatchFailure(failure) => failure.as_connector_error().map(|error| error as _),
        SdkError::TimeoutError(_) => return Some(TransportError::Lost("no answer in time".to_owned())),
        _ => None,
    };
    while let Some(error) = cause {
        if let Some(own) = error.downcast_ref::<TransportError>() {
            return Some(own.clone());
        }
        cause = error.source();
    }
    None
}

#[derive(Debug)]
struct Dated(Clock);

impl TimeSource for Dated {
    fn now(&self) -> SystemTime {
        self.0.now().into()
    }
}

#[derive(Clone, Debug)]
struct Carried {
    transport: Transport,
}

impl HttpClient for Carried {
    fn http_connector(&self, _: &HttpConnectorSettings, _: &RuntimeComponents) -> SharedHttpConnector {
        SharedHttpConnector::new(self.clone())
    }
}

impl HttpConnector for Carried {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = self.transport.clone();
        HttpConnectorFuture::new(async move {
            let request = outgoing(request).map_err(|reason| ConnectorError::user(reason.into()))?;
            match transport.send(request).await {
                Ok(answer) => incoming(answer).map_err(|error| ConnectorError::other(error.into(), None)),
                Err(error @ TransportError::NotSent(_)) => Err(ConnectorError::io(error.into())),
                Err(error @ TransportError::TooLarge(_)) => Err(ConnectorError::other(error.into(), None)),
                Err(error) => Err(ConnectorError::timeout(error.into())),
            }
        })
    }
}

fn outgoing(request: HttpRequest) -> Result<Request, String> {
    let request = request.try_into_http1x().map_err(|error| error.to_string())?;
    let (head, body) = request.into_parts();
    let body = body
        .bytes()
        .map(Bytes::copy_from_slice)
        .ok_or("a streamed request body is not carried")?;
    let service = service_of(head.uri.host().unwrap_or_default(), &head.headers);
    Ok(Request::new(service, http::Request::from_parts(head, body)))
}

fn incoming(answer: http::Response<Bytes>) -> Result<HttpResponse, String> {
    HttpResponse::try_from(answer.map(SdkBody::from)).map_err(|error| error.to_string())
}

/// Which service a request of the SDK's goes to, by what it says of itself: the address may be anybody's in a test.
fn service_of(host: &str, headers: &http::HeaderMap) -> &'static str {
    let target = headers
        .get("x-amz-target")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    match target.split('.').next().unwrap_or_default() {
        "AWSMPMeteringService" => "aws",
        "secretsmanager" => "secretsmanager",
        target if target.starts_with("DynamoDB") => "dynamodb",
        _ if host.starts_with("sts") => "sts",
        _ => "aws_identity",
    }
}
