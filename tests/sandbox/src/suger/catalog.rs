//! What Suger knows before any usage arrives: organizations, who may speak for them, and their entitlements.

use std::collections::BTreeMap;

use bytes::Bytes;
use http::{Request, StatusCode, header};
use serde::Serialize;

use super::reply::Refusal;

/// The marketplace that an entitlement was bought in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Partner {
    /// AWS Marketplace.
    Aws,
    /// Microsoft's.
    Azure,
    /// Google Cloud's.
    Gcp,
}

impl Partner {
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Aws => "AWS",
            Self::Azure => "AZURE",
            Self::Gcp => "GCP",
        }
    }
}

/// How an entitlement stands. Usage is for active ones (<https://doc.suger.io/get-started/metering>, 2026-11-20), and
/// that is read strictly: an entitlement that waits for its end is not active.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntitlementStatus {
    /// It takes usage.
    Active,
    /// It waits for its start.
    PendingStart,
    /// It waits for its end.
    PendingCancel,
    /// It has ended.
    Cancelled,
    /// It is on hold.
    Suspended,
    /// It is gone.
    Deleted,
}

/// What a buyer has bought.
#[derive(Clone, Debug)]
pub struct Entitlement {
    /// Its id, of its organization.
    pub id: String,
    /// Where it was bought.
    pub partner: Partner,
    /// Who bought it.
    pub buyer: String,
    /// How it stands.
    pub status: EntitlementStatus,
    /// From each word that a dimension goes by to its key.
    dimensions: BTreeMap<String, String>,
}

impl Entitlement {
    /// An active entitlement with these dimension keys.
    #[must_use]
    pub fn new(id: &str, partner: Partner, buyer: &str, dimensions: &[&str]) -> Self {
        let same = |key: &&str| ((*key).to_owned(), (*key).to_owned());
        Self {
            id: id.to_owned(),
            partner,
            buyer: buyer.to_owned(),
            status: EntitlementStatus::Active,
            dimensions: dimensions.iter().map(same).collect(),
        }
    }

    /// Gives a dimension a name. Usage is taken under the name as under the key.
    #[must_use]
    pub fn named(mut self, key: &str, name: &str) -> Self {
        self.dimensions.insert(name.to_owned(), key.to_owned());
        self
    }

    /// The key of the dimension that goes by `word`.
    pub(super) fn dimension(&self, word: &str) -> Option<&str> {
        self.dimensions.get(word).map(String::as_str)
    }
}

/// Organizations by their ids, and the keys of their API clients.
#[derive(Debug, Default)]
pub(super) struct Catalog {
    entitlements: BTreeMap<String, BTreeMap<String, Entitlement>>,
    keys: BTreeMap<String, String>,
}

impl Catalog {
    pub(super) fn add_organization(&mut self, organization: &str, key: &str) {
        self.entitlements.entry(organization.to_owned()).or_default();
        self.keys.insert(key.to_owned(), organization.to_owned());
    }

    pub(super) fn revoke_key(&mut self, key: &str) {
        self.keys.remove(key);
    }

    pub(super) fn add_entitlement(&mut self, organization: &str, entitlement: Entitlement) {
        self.entitlements
            .entry(organization.to_owned())
            .or_default()
            .insert(entitlement.id.clone(), entitlement);
    }

    pub(super) fn set_status(&mut self, organization: &str, entitlement: &str, status: EntitlementStatus) {
        let of_organization = self.entitlements.get_mut(organization);
        if let Some(entitlement) = of_organization.and_then(|all| all.get_mut(entitlement)) {
            entitlement.status = status;
        }
    }

    pub(super) fn entitlement(&self, organization: &str, entitlement: &str) -> Option<&Entitlement> {
        self.entitlements.get(organization)?.get(entitlement)
    }

    /// The organization whose key the request carries: `Authorization: Key …`. Suger's older bearer tokens are not here.
    pub(super) fn caller(&self, request: &Request<Bytes>) -> Result<&str, Refusal> {
        let header = request.headers().get(header::AUTHORIZATION);
        header
            .and_then(|value| value.to_str().ok()?.strip_prefix("Key "))
            .and_then(|key| self.keys.get(key))
            .map(String::as_str)
            .ok_or_else(|| Refusal::new(StatusCode::UNAUTHORIZED, "the API key is missing or not valid"))
    }

    /// Whether `caller` may speak for `organization`: a key is one organization's.
    pub(super) fn admit(&self, caller: &str, organization: &str) -> Result<(), Refusal> {
        if !self.entitlements.contains_key(organization) {
            return Err(Refusal::not_found(format!("no organization {organization}")));
        }
        if caller != organization {
            let message = format!("the API key is not of the organization {organization}");
            return Err(Refusal::new(StatusCode::FORBIDDEN, message));
        }
        Ok(())
    }
}
