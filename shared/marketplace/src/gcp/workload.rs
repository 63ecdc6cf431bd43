//! A workload identity: AWS credentials prove to Google who we are, by a request to AWS that we sign and Google makes
//! (<https://cloud.google.com/iam/docs/workload-identity-federation-with-other-clouds>; token exchange, RFC 8693; read
//! 2026-11-20).

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_marketplacemetering::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
use aws_sigv4::sign::v4::SigningParams;
use aws_smithy_runtime_api::client::identity::Identity;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use http::Uri;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use platform::{Fault, FaultKind};
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize};

use super::credentials::address;
use super::token::{Bearer, SCOPE, form};
use super::{misconfigured, named};
use crate::words::words;

const GRANT: &str = "urn:ietf:params:oauth:grant-type:token-exchange";

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";

/// The only kind of subject token that is made here.
const SIGNED_REQUEST: &str = "urn:ietf:params:aws:token-type:aws4_request";

/// The only version of Google's AWS environment that there is.
const ENVIRONMENT: &str = "aws1";

/// The scope that lets a token stand in for a service account: no narrower one holds for the exchange.
const PLATFORM_SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Credentials that take longer than this are not to be had: STS answers within a second or two.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// What Google's configuration file holds, as far as it is used.
#[derive(Deserialize)]
pub(super) struct Configuration {
    audience: String,
    subject_token_type: String,
    token_url: String,
    service_account_impersonation_url: Option<String>,
    credential_source: Source,
}

#[derive(Deserialize)]
struct Source {
    environment_id: String,
    regional_cred_verification_url: String,
}

/// A workload identity, and the AWS credentials that prove it.
pub(super) struct Workload {
    configuration: Configuration,
    aws: Option<SharedCredentialsProvider>,
    region: Option<String>,
}

impl Workload {
    /// # Errors
    /// [`FaultKind::Misconfigured`] where the configuration is not for AWS, or an address may not receive tokens.
    pub(super) fn new(configuration: Configuration, sdk_config: &SdkConfig) -> Result<Self, Fault> {
        let source = &configuration.credential_source;
        if configuration.subject_token_type != SIGNED_REQUEST || source.environment_id != ENVIRONMENT {
            return Err(misconfigured(&format!(
                "the secret's `gcp`: of workload identities, only AWS's can be proven ({SIGNED_REQUEST}, {ENVIRONMENT})"
            )));
        }
        address("token_url", &configuration.token_url)?;
        if let Some(url) = &configuration.service_account_impersonation_url {
            address("service_account_impersonation_url", url)?;
        }
        Ok(Self {
            aws: sdk_config.credentials_provider(),
            region: sdk_config.region().map(ToString::to_string),
            configuration,
        })
    }

    /// The request for a token of the federation.
    ///
    /// # Errors
    /// [`FaultKind::Unauthorized`] without AWS credentials within `left`; [`FaultKind::Misconfigured`] without a region.
    pub(super) async fn exchange(
        &self,
        now: DateTime<Utc>,
        left: Duration,
    ) -> Result<http::Request<Bytes>, Fault> {
        let Configuration {
            audience, token_url, ..
        } = &self.configuration;
        let subject = self.subject(&self.credentials(left).await?, now)?;
        let scope = match &self.configuration.service_account_impersonation_url {
            Some(_) => PLATFORM_SCOPE,
            None => SCOPE,
        };
        let fields = [
            ("grant_type", GRANT),
            ("audience", audience),
            ("scope", scope),
            ("requested_token_type", ACCESS_TOKEN),
            ("subject_token", subject.expose_secret()),
            ("subject_token_type", SIGNED_REQUEST),
        ];
        form(token_url, &fields)
    }

    /// The request for the service account's own token, if the federation's is to be traded for one.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] where no request can be made of the address.
    pub(super) fn impersonation(&self, federated: &Bearer) -> Result<Option<http::Request<Bytes>>, Fault> {
        let Some(url) = &self.configuration.service_account_impersonation_url else {
            return Ok(None);
        };
        let body = format!(r#"{{"scope":["{SCOPE}"],"lifetime":"3600s"}}"#);
        http::Request::post(url)
            .header(AUTHORIZATION, federated.header.clone())
            .header(CONTENT_TYPE, "application/json")
            .body(Bytes::from(body))
            .map(Some)
            .map_err(|error| misconfigured(&format!("service_account_impersonation_url: {error}")))
    }

    async fn credentials(&self, left: Duration) -> Result<Credentials, Fault> {
        let missing = |why: &str| {
            let why = words(&format!(
                "no AWS credentials to prove the workload identity by: {why}"
            ));
            Fault::new(FaultKind::Unauthorized, named(&why))
        };
        let provider = self.aws.as_ref().ok_or_else(|| missing("none are configured"))?;
        match tokio::time::timeout(LOAD_TIMEOUT.min(left), provider.provide_credentials()).await {
            Ok(loaded) => loaded.map_err(|error| missing(&error.to_string())),
            Err(_) => Err(missing("nobody issued any in time")),
        }
    }

    /// The signed request, as Google wants it told: JSON, percent-encoded.
    fn subject(&self, credentials: &Credentials, now: DateTime<Utc>) -> Result<SecretString, Fault> {
        let region = self.region.as_deref().ok_or_else(|| {
            misconfigured("no AWS region to prove the workload identity in: set AWS_REGION")
        })?;
        let source = &self.configuration.credential_source;
        let url = source.regional_cred_verification_url.replace("{region}", region);
        let uri: Option<Uri> = url.parse().ok();
        let host = uri
            .as_ref()
            .and_then(Uri::authority)
            .map(|authority| authority.as_str());
        let host = host.ok_or_else(|| unsignable("its regional_cred_verification_url is not a URL"))?;
        let told = [
            (HOST.as_str(), host),
            // Whom the proof is for: nobody else can use it.
            (
                "x-goog-cloud-target-resource",
                self.configuration.audience.as_str(),
            ),
        ];
        let request = SignableRequest::new("POST", &url, told.into_iter(), SignableBody::Bytes(b""))
            .map_err(|_| unsignable("the request to AWS cannot be signed"))?;
        let identity: Identity = credentials.clone().into();
        let params = SigningParams::builder()
            .identity(&identity)
            .region(region)
            .name("sts")
            .time(now.into())
            .settings(SigningSettings::default())
            .build()
            .map_err(|_| unsignable("the request to AWS cannot be signed"))?;
        let signed =
            sign(request, &params.into()).map_err(|_| unsignable("the request to AWS cannot be signed"))?;
        let (instructions, _) = signed.into_parts();
        let headers = told.into_iter().chain(instructions.headers());
        let subject = Subject {
            url: &url,
            method: "POST",
            headers: headers.map(|(key, value)| Told { key, value }).collect(),
        };
        let json =
            serde_json::to_string(&subject).map_err(|_| unsignable("the request to AWS cannot be told"))?;
        Ok(percent_encoded(&json).into())
    }
}

/// As in a URL: a form's encoding, but for the space.
fn percent_encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes())
        .collect::<String>()
        .replace('+', "%20")
}

fn unsignable(why: &str) -> Fault {
    misconfigured(&format!("the secret's `gcp`: {why}"))
}

#[derive(Serialize)]
struct Subject<'a> {
    url: &'a str,
    method: &'static str,
    headers: Vec<Told<'a>>,
}

#[derive(Serialize)]
struct Told<'a> {
    key: &'a str,
    value: &'a str,
}
