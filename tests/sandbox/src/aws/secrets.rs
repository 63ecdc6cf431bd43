//! AWS Secrets Manager, one region of it: create, get, put, describe, delete.
//!
//! <https://docs.aws.amazon.com/secretsmanager/latest/apireference/Welcome.html>

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use http::Request;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::json::{self, Protocol};
use super::{Refusal, Scope};
use crate::{Clock, Fate, Service};

const PROTOCOL: Protocol = Protocol {
    target: "secretsmanager",
    namespace: "com.amazonaws.secretsmanager",
};

const CURRENT: &str = "AWSCURRENT";
const PREVIOUS: &str = "AWSPREVIOUS";

/// The most bytes of a secret's value.
const MAX_VALUE: usize = 65_536;

/// The service.
#[derive(Debug)]
pub struct Secrets {
    clock: Clock,
    region: String,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    secrets: BTreeMap<String, Secret>,
    counts: BTreeMap<String, u64>,
    calls: u64,
}

#[derive(Debug)]
struct Secret {
    arn: String,
    created_at: DateTime<Utc>,
    changed_at: DateTime<Utc>,
    deletion: Option<DateTime<Utc>>,
    versions: Vec<Version>,
}

#[derive(Debug)]
struct Version {
    id: String,
    value: SecretValue,
    stages: Vec<&'static str>,
    created_at: DateTime<Utc>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum SecretValue {
    String(String),
    /// Base64, as it is on the wire.
    Binary(String),
}

/// The members of all the operations.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    name: Option<String>,
    secret_id: Option<String>,
    secret_string: Option<String>,
    secret_binary: Option<String>,
    client_request_token: Option<String>,
    version_id: Option<String>,
    version_stage: Option<String>,
    force_delete_without_recovery: Option<bool>,
    recovery_window_in_days: Option<u16>,
}

impl Secrets {
    /// The secrets of `region`, none yet.
    #[must_use]
    pub fn new(clock: Clock, region: &str) -> Self {
        Self {
            clock,
            region: region.to_owned(),
            state: Mutex::default(),
        }
    }

    /// Sets a secret's value, as `CreateSecret` or `PutSecretValue` would.
    pub fn put(&self, name: &str, value: &str) {
        let mut state = self.lock();
        let value = SecretValue::String(value.to_owned());
        let (now, region) = (self.clock.now(), self.region.as_str());
        let secret = state
            .secrets
            .entry(name.to_owned())
            .or_insert_with(|| Secret::new(region, name, now));
        let id = version_id(name, secret.versions.len());
        secret.put(id, value, now);
    }

    /// Calls by operation, refused ones included.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.lock().counts.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &Request<Bytes>) -> Result<Vec<u8>, Refusal> {
        let operation = PROTOCOL.operation(request)?;
        *state.counts.entry(operation.to_owned()).or_default() += 1;
        let scope = Scope::of(request, "secretsmanager")?;
        let input: Input = json::read(request)?;
        if operation == "CreateSecret" {
            return json::write(&self.create(state, input)?);
        }
        let id = input.secret_id.as_deref().filter(|id| !id.is_empty());
        let id = id.ok_or_else(|| Refusal::validation("secretId: must not be null"))?;
        let found = state.find(id).filter(|_| scope.region == self.region);
        let now = self.clock.now();
        let answer = match (operation, found) {
            ("DeleteSecret", None) if input.force_delete_without_recovery == Some(true) => {
                // AWS answers so, for the deletion may have been done by an earlier try.
                json!({"Name": id, "DeletionDate": now.timestamp()})
            }
            ("GetSecretValue" | "PutSecretValue" | "DescribeSecret" | "DeleteSecret", None) => {
                return Err(not_found("Secrets Manager can't find the specified secret."));
            }
            ("GetSecretValue", Some(name)) => state.open(&name)?.get(&name, &input)?,
            ("PutSecretValue", Some(name)) => {
                let id = input.client_request_token.clone();
                let value = value_of(input)?.ok_or_else(|| Refusal::validation("a value is required"))?;
                let secret = state.open(&name)?;
                let id = id.unwrap_or_else(|| version_id(&name, secret.versions.len()));
                secret.put_once(&name, id, value, now)?
            }
            ("DescribeSecret", Some(name)) => state.secret(&name)?.describe(&name),
            ("DeleteSecret", Some(name)) => state.delete(&name, &input, now)?,
            (other, _) => return Err(Refusal::client("UnknownOperationException", other)),
        };
        json::write(&answer)
    }

    fn create(&self, state: &mut State, input: Input) -> Result<Value, Refusal> {
        let name = input.name.clone().filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| Refusal::validation("name: must not be null"))?;
        if !name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/_+=.@-".contains(c))
            || name.len() > 512
        {
            return Err(Refusal::validation(
                "name: must contain only letters, digits and /_+=.@-",
            ));
        }
        let id = input
            .client_request_token
            .clone()
            .unwrap_or_else(|| version_id(&name, 0));
        let value = value_of(input)?;
        let now = self.clock.now();
        if let Some(secret) = state.secrets.get_mut(&name) {
            if secret.deletion.is_some() {
                return Err(marked_for_deletion());
            }
            // The same request again is answered as the first time.
            return match value {
                Some(value) if secret.versions.iter().any(|version| version.id == id) => {
                    secret.put_once(&name, id, value, now)
                }
                _ => Err(exists(&format!(
                    "The operation failed because the secret {name} already exists."
                ))),
            };
        }
        let mut secret = Secret::new(&self.region, &name, now);
        if let Some(value) = value {
            secret.put(id.clone(), value, now);
        }
        let answer = json!({"ARN": secret.arn, "Name": name, "VersionId": id});
        state.secrets.insert(name, secret);
        Ok(answer)
    }
}

impl Service for Secrets {
    fn name(&self) -> &'static str {
        "secretsmanager"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        state.calls += 1;
        let result = self.answer(&mut state, request);
        Fate::Reply(PROTOCOL.reply(state.calls, result))
    }
}

impl State {
    /// The name of the secret that `id` means: a name, an ARN, or an ARN without its six random characters.
    fn find(&self, id: &str) -> Option<String> {
        let means = |(name, secret): &(&String, &Secret)| {
            name.as_str() == id
                || secret.arn == id
                || secret.arn.rsplit_once('-').is_some_and(|(arn, _)| arn == id)
        };
        self.secrets.iter().find(means).map(|(name, _)| name.clone())
    }

    fn secret(&mut self, name: &str) -> Result<&mut Secret, Refusal> {
        self.secrets
            .get_mut(name)
            .ok_or_else(|| not_found("Secrets Manager can't find the specified secret."))
    }

    /// One that is not about to be deleted.
    fn open(&mut self, name: &str) -> Result<&mut Secret, Refusal> {
        let secret = self.secret(name)?;
        if secret.deletion.is_some() {
            Err(marked_for_deletion())
        } else {
            Ok(secret)
        }
    }

    fn delete(&mut self, name: &str, input: &Input, now: DateTime<Utc>) -> Result<Value, Refusal> {
        let forced = input.force_delete_without_recovery == Some(true);
        if forced && input.recovery_window_in_days.is_some() {
            let message =
                "You can't use ForceDeleteWithoutRecovery in conjunction with RecoveryWindowInDays.";
            return Err(Refusal::client("InvalidParameterException", message));
        }
        let days = input.recovery_window_in_days.unwrap_or(30);
        if !(7..=30).contains(&days) {
            let message = "The RecoveryWindowInDays value must be between 7 and 30 days (inclusive).";
            return Err(Refusal::client("InvalidParameterException", message));
        }
        let at = if forced {
            now
        } else {
            now + TimeDelta::days(days.into())
        };
        let secret = self.open(name)?;
        secret.deletion = Some(at);
        let answer = json!({"ARN": secret.arn, "Name": name, "DeletionDate": at.timestamp()});
        if forced {
            self.secrets.remove(name);
        }
        Ok(answer)
    }
}

impl Secret {
    fn new(region: &str, name: &str, now: DateTime<Utc>) -> Self {
        let id = version_id(name, usize::MAX);
        let suffix: String = id.chars().filter(char::is_ascii_alphanumeric).take(6).collect();
        let arn = format!("arn:aws:secretsmanager:{region}:123456789012:secret:{name}-{suffix}");
        Self {
            arn,
            created_at: now,
            changed_at: now,
            deletion: None,
            versions: Vec::new(),
        }
    }

    /// Makes `value` current, and what was current previous.
    fn put(&mut self, id: String, value: SecretValue, now: DateTime<Utc>) {
        for version in &mut self.versions {
            version.stages = if version.stages.contains(&CURRENT) {
                vec![PREVIOUS]
            } else {
                Vec::new()
            };
        }
        self.versions.push(Version {
            id,
            value,
            stages: vec![CURRENT],
            created_at: now,
        });
        self.changed_at = now;
    }

    /// The same, unless the version is there already with the same value.
    fn put_once(
        &mut self,
        name: &str,
        id: String,
        value: SecretValue,
        now: DateTime<Utc>,
    ) -> Result<Value, Refusal> {
        match self.versions.iter().find(|version| version.id == id) {
            Some(version) if version.value != value => {
                return Err(exists("a version of this ClientRequestToken has another value"));
            }
            Some(_) => {}
            None => self.put(id.clone(), value, now),
        }
        let stages = self
            .versions
            .iter()
            .find(|version| version.id == id)
            .map(|version| &version.stages);
        Ok(json!({"ARN": self.arn, "Name": name, "VersionId": id, "VersionStages": stages}))
    }

    fn get(&self, name: &str, input: &Input) -> Result<Value, Refusal> {
        let stage = match (&input.version_id, &input.version_stage) {
            (None, None) => Some(CURRENT),
            (_, stage) => stage.as_deref(),
        };
        let asked = |version: &&Version| {
            input.version_id.as_ref().is_none_or(|id| version.id == *id)
                && stage.is_none_or(|stage| version.stages.contains(&stage))
        };
        let version = self.versions.iter().find(asked).ok_or_else(|| {
            let label = stage.or(input.version_id.as_deref()).unwrap_or_default();
            not_found(&format!(
                "Secrets Manager can't find the specified secret value for staging label: {label}"
            ))
        })?;
        let (member, value) = match &version.value {
            SecretValue::String(value) => ("SecretString", value),
            SecretValue::Binary(value) => ("SecretBinary", value),
        };
        Ok(json!({
            "ARN": self.arn, "Name": name, "VersionId": version.id, "VersionStages": version.stages,
            "CreatedDate": version.created_at.timestamp(), member: value,
        }))
    }

    fn describe(&self, name: &str) -> Value {
        let stages: Map<String, Value> = self
            .versions
            .iter()
            .filter(|version| !version.stages.is_empty())
            .map(|version| (version.id.clone(), json!(version.stages)))
            .collect();
        let mut answer = json!({
            "ARN": self.arn, "Name": name, "CreatedDate": self.created_at.timestamp(),
            "LastChangedDate": self.changed_at.timestamp(), "VersionIdsToStages": stages,
        });
        if let (Some(at), Value::Object(members)) = (self.deletion, &mut answer) {
            members.insert("DeletedDate".to_owned(), json!(at.timestamp()));
        }
        answer
    }
}

fn value_of(input: Input) -> Result<Option<SecretValue>, Refusal> {
    let value = match (input.secret_string, input.secret_binary) {
        (Some(_), Some(_)) => {
            let message = "You can't specify both a binary secret value and a string secret value.";
            return Err(Refusal::client("InvalidParameterException", message));
        }
        (Some(text), None) => SecretValue::String(text),
        (None, Some(base64)) => SecretValue::Binary(base64),
        (None, None) => return Ok(None),
    };
    let (SecretValue::String(text) | SecretValue::Binary(text)) = &value;
    if text.is_empty() || text.len() > MAX_VALUE {
        return Err(Refusal::validation("a secret's value has 1 to 65536 bytes"));
    }
    Ok(Some(value))
}

fn version_id(name: &str, serial: usize) -> String {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{name}/{serial}").as_bytes()).to_string()
}

fn not_found(message: &str) -> Refusal {
    Refusal::client("ResourceNotFoundException", message)
}

fn exists(message: &str) -> Refusal {
    Refusal::client("ResourceExistsException", message)
}

fn marked_for_deletion() -> Refusal {
    let message = "You can't perform this operation on the secret because it was marked for deletion.";
    Refusal::client("InvalidRequestException", message)
}
