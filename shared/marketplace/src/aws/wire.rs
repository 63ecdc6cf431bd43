//! `QuantityAsDecimal` on the wire. The SDK's own `UsageRecord` does not have it (aws-sdk-marketplacemetering 1.124.0), so it is
//! written into the body before that is signed, and looked up in the body of the reply.

use std::sync::{Arc, OnceLock};

use aws_sdk_marketplacemetering::config::interceptors::{
    AfterDeserializationInterceptorContextRef, BeforeTransmitInterceptorContextMut,
};
use aws_sdk_marketplacemetering::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_marketplacemetering::error::BoxError;
use platform::TransportError;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::quantity::Quantity;

/// What the SDK does not read of a reply: the decimal of each echo, in the order in which the SDK lists the echoes.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Decimals {
    results: Option<Vec<Judged>>,
    unprocessed_records: Option<Vec<Echo>>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Judged {
    usage_record: Option<Echo>,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Echo {
    quantity_as_decimal: Option<Value>,
}

impl Decimals {
    pub(super) fn of_results(&self) -> impl Iterator<Item = Option<&Value>> {
        let results = self.results.iter().flatten();
        results.map(|result| result.usage_record.as_ref()?.quantity_as_decimal.as_ref())
    }

    pub(super) fn of_unprocessed(&self) -> impl Iterator<Item = Option<&Value>> {
        let records = self.unprocessed_records.iter().flatten();
        records.map(|record| record.quantity_as_decimal.as_ref())
    }
}

/// Carries one call's decimals past the SDK.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    /// Of each record of the call, in its order.
    sent: Arc<[Option<String>]>,
    told: Arc<OnceLock<Decimals>>,
}

impl Wire {
    /// For one call of these quantities.
    pub(super) fn new(quantities: impl Iterator<Item = Quantity>) -> Self {
        Self {
            sent: quantities.map(Quantity::decimal).collect(),
            told: Arc::default(),
        }
    }

    /// What the reply told; nothing of any echo, unless a reply came and could be read.
    pub(super) fn told(&self) -> Decimals {
        self.told.get().cloned().unwrap_or_default()
    }
}

impl Intercept for Wire {
    fn name(&self) -> &'static str {
        "QuantityAsDecimal"
    }

    fn modify_before_signing(
        &self,
        context: &mut BeforeTransmitInterceptorContextMut<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        if self.sent.iter().all(Option::is_none) {
            return Ok(());
        }
        let request = context.request_mut();
        let body = written(request.body().bytes().unwrap_or_default(), &self.sent)
            .map_err(|reason| TransportError::NotSent(format!("QuantityAsDecimal: {reason}")))?;
        request
            .headers_mut()
            .insert("content-length", body.len().to_string());
        *request.body_mut() = body.into();
        Ok(())
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        if let Ok(told) = serde_json::from_slice(body) {
            self.told.get_or_init(|| told);
        }
        Ok(())
    }
}

/// The body with the decimals of its records, each in the place of the integer.
fn written(body: &[u8], decimals: &[Option<String>]) -> Result<Vec<u8>, String> {
    let mut call: Map<String, Value> = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    let records = call.get_mut("UsageRecords").and_then(Value::as_array_mut);
    let records = records
        .filter(|records| records.len() == decimals.len())
        .ok_or("the body does not hold the records of the call")?;
    for (record, decimal) in records.iter_mut().zip(decimals) {
        if let Some(decimal) = decimal {
            let record = record.as_object_mut().ok_or("a record is no object")?;
            record.remove("Quantity");
            record.insert("QuantityAsDecimal".to_owned(), decimal.clone().into());
        }
    }
    serde_json::to_vec(&call).map_err(|error| error.to_string())
}

#[cfg(test)]
mod tests {
    use aws_sdk_marketplacemetering::Client;
    use aws_sdk_marketplacemetering::config::{Credentials, Region, SharedCredentialsProvider};
    use bytes::Bytes;
    use futures::future::BoxFuture;
    use platform::transport::Carrier;
    use platform::{Clock, Request, Transport};

    use super::*;

    #[derive(Clone)]
    struct Nowhere;

    impl Carrier for Nowhere {
        fn carry(&self, _: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
            panic!("a request left")
        }
    }

    #[tokio::test]
    async fn a_call_whose_decimals_cannot_be_written_is_known_not_to_be_sent() {
        let now = "2026-11-20T14:05:00Z".parse().unwrap();
        let config = platform::aws::load(&Transport::over(Nowhere), &Clock::of(move || now))
            .await
            .into_builder()
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "a", "s", None, None, "test",
            )))
            .build();
        let call = Client::new(&config)
            .batch_meter_usage()
            .set_usage_records(Some(Vec::new()));
        let wire = Wire::new(std::iter::once(Quantity::Decimal("1.5".parse().unwrap())));
        let error = call.customize().interceptor(wire).send().await.unwrap_err();
        let Some(TransportError::NotSent(reason)) = platform::aws::transport_error(&error) else {
            panic!("{error:?}")
        };
        assert!(reason.contains("does not hold the records"), "{reason}");
    }

    #[test]
    fn a_body_that_does_not_hold_the_calls_records_is_not_touched() {
        let decimals = [Some("1.5".to_owned())];
        for body in [
            "",
            "[]",
            "{}",
            r#"{"UsageRecords":[]}"#,
            r#"{"UsageRecords":[{},{}]}"#,
            r#"{"UsageRecords":[7]}"#,
        ] {
            assert!(written(body.as_bytes(), &decimals).is_err(), "{body}");
        }
        let written = written(br#"{"UsageRecords":[{"Quantity":0}]}"#, &decimals).unwrap();
        assert_eq!(written, br#"{"UsageRecords":[{"QuantityAsDecimal":"1.5"}]}"#);
    }
}
