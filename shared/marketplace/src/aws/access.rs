//! As whom records are sent.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_config::sts::AssumeRoleProvider;
use aws_sdk_marketplacemetering::config::{Credentials, ProvideCredentials as _, SharedCredentialsProvider};
use platform::connection::AwsAccess;
use platform::{Fault, FaultKind};
use tokio::sync::OnceCell;

use super::answer::causes;
use crate::words::words;

/// The name under which an assumed role's calls stand in CloudTrail.
const SESSION: &str = "meterbridge";

/// Credentials that take longer than this are not to be had: STS answers within a second or two.
const LOAD_TIMEOUT: Duration = Duration::from_secs(30);

/// Loads the invocation's credentials, once: they outlive it, whoever issues them (an assumed role's last an hour).
pub(super) struct Access {
    sdk_config: SdkConfig,
    role: AwsAccess,
    credentials: OnceCell<Credentials>,
}

impl Access {
    pub(super) fn new(sdk_config: &SdkConfig, role: &AwsAccess) -> Self {
        Self {
            sdk_config: sdk_config.clone(),
            role: role.clone(),
            credentials: OnceCell::new(),
        }
    }

    /// The credentials, within what is left of the invocation; or why there are none, which quotes no secret.
    pub(super) async fn credentials(&self, left: Duration) -> Result<Credentials, Fault> {
        let load = self.credentials.get_or_try_init(|| self.load());
        match tokio::time::timeout(LOAD_TIMEOUT.min(left), load).await {
            Ok(loaded) => loaded.cloned(),
            Err(_) => Err(self.missing("nobody issued any in time")),
        }
    }

    async fn load(&self) -> Result<Credentials, Fault> {
        let provider = match &self.role.role_arn {
            Some(role) => {
                let mut builder = AssumeRoleProvider::builder(role)
                    .configure(&self.sdk_config)
                    .session_name(SESSION);
                if let Some(external_id) = &self.role.external_id {
                    builder = builder.external_id(external_id);
                }
                SharedCredentialsProvider::new(builder.build().await)
            }
            None => self
                .sdk_config
                .credentials_provider()
                .ok_or_else(|| self.missing("none are configured"))?,
        };
        provider
            .provide_credentials()
            .await
            .map_err(|error| self.missing(&causes(&error)))
    }

    fn missing(&self, why: &str) -> Fault {
        let whose = self
            .role
            .role_arn
            .as_deref()
            .map_or_else(String::new, |role| format!(" for the role {role}"));
        let why = words(why);
        Fault::new(
            FaultKind::Unauthorized,
            format!("AWS Marketplace: no AWS credentials{whose}: {why}"),
        )
    }
}
