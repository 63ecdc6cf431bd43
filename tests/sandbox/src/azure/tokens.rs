//! Access tokens: given out by Entra, and looked up by the service that they open.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use chrono::{DateTime, TimeDelta, Utc};
use uuid::Uuid;

/// How long a token opens anything (<https://learn.microsoft.com/en-us/entra/identity-platform/access-tokens>, 2026-11-20:
/// 60 to 90 minutes by default; the shortest is taken).
const LIFETIME: TimeDelta = TimeDelta::hours(1);

/// An application registered in a tenant. Both are GUIDs, compared without regard to case.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Application {
    tenant: String,
    client_id: String,
}

impl Application {
    /// The application `client_id` of `tenant`.
    #[must_use]
    pub fn new(tenant: &str, client_id: &str) -> Self {
        Self {
            tenant: tenant.to_ascii_lowercase(),
            client_id: client_id.to_ascii_lowercase(),
        }
    }

    pub(super) fn tenant(&self) -> &str {
        &self.tenant
    }
}

/// All tokens of the world. Clones share them.
#[derive(Clone, Debug, Default)]
pub struct Tokens(Arc<Mutex<Issued>>);

#[derive(Debug, Default)]
struct Issued {
    valid: BTreeMap<String, Token>,
    count: u64,
}

#[derive(Debug)]
struct Token {
    application: Application,
    expires_at: DateTime<Utc>,
}

impl Tokens {
    /// A new token for `application`: text that says nothing, the same in every run.
    pub(super) fn issue(&self, application: &Application, now: DateTime<Utc>) -> String {
        let mut issued = self.lock();
        issued.count += 1;
        let id = Uuid::new_v5(
            &Uuid::NAMESPACE_OID,
            format!("{application:?} {}", issued.count).as_bytes(),
        );
        let text = format!("sandbox.{:09}.{}", issued.count, id.simple());
        let token = Token {
            application: application.clone(),
            expires_at: now + LIFETIME,
        };
        issued.valid.insert(text.clone(), token);
        text
    }

    /// Whose token it is, unless it has expired or been revoked, or was never given out.
    pub(super) fn holder(&self, text: &str, now: DateTime<Utc>) -> Option<Application> {
        let issued = self.lock();
        let token = issued.valid.get(text)?;
        (now < token.expires_at).then(|| token.application.clone())
    }

    pub(super) fn revoke_all(&self) {
        self.lock().valid.clear();
    }

    fn lock(&self) -> MutexGuard<'_, Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
