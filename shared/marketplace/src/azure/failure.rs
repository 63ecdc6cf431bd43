//! Why something was not taken, in Microsoft's words.

use bytes::Bytes;
use http::Response;
use serde::Deserialize;

use super::event::Told;
use super::json::readable;
use crate::words::words;

/// The body of a refusal, and the `error` of an event in a call that was answered.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Failure {
    #[serde(deserialize_with = "readable")]
    code: Option<String>,
    #[serde(deserialize_with = "readable")]
    message: Option<String>,
    #[serde(deserialize_with = "readable")]
    details: Option<Vec<Detail>>,
    #[serde(deserialize_with = "readable")]
    additional_info: Option<Info>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Detail {
    #[serde(deserialize_with = "readable")]
    target: Option<String>,
    #[serde(deserialize_with = "readable")]
    message: Option<String>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Info {
    #[serde(deserialize_with = "readable")]
    accepted_message: Option<Told>,
}

impl Failure {
    /// The body of a refusal, if it is one of Microsoft's own.
    pub(super) fn of(response: &Response<Bytes>) -> Option<Self> {
        let failure: Self = serde_json::from_slice(response.body()).ok()?;
        failure.code.is_some().then_some(failure)
    }

    /// Microsoft's word for it.
    pub(super) fn code(&self) -> String {
        words(self.code.as_deref().unwrap_or_default())
    }

    /// What each detail is about, and says; without details the message.
    pub(super) fn words(&self) -> String {
        let details = self.details.as_deref().unwrap_or_default();
        let told: Vec<String> = details.iter().filter_map(Detail::words).collect();
        if told.is_empty() {
            words(self.message.as_deref().unwrap_or_default())
        } else {
            words(&told.join("; "))
        }
    }

    /// The event that Microsoft holds already, where this is a conflict.
    pub(super) fn held(&self) -> Option<&Told> {
        self.additional_info.as_ref()?.accepted_message.as_ref()
    }
}

impl Detail {
    fn words(&self) -> Option<String> {
        let message = self.message.as_deref()?;
        let target = self.target.as_deref().unwrap_or("request");
        Some(format!("{target}: {message}"))
    }
}
