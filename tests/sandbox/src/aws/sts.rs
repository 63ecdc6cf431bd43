//! AWS Security Token Service: `AssumeRole`, in the query protocol.
//!
//! <https://docs.aws.amazon.com/STS/latest/APIReference/API_AssumeRole.html>

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use chrono::{SecondsFormat, TimeDelta};
use http::{Request, Response, StatusCode};
use uuid::Uuid;

use super::{Refusal, Scope};
use crate::{Clock, Fate, Service};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// How long credentials last when the caller does not say, and the least and most that it may say, in seconds.
const DEFAULT_DURATION: i64 = 3600;
const DURATIONS: std::ops::RangeInclusive<i64> = 900..=43_200;

/// The service.
#[derive(Debug)]
pub struct Sts {
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// A role, and the external id that its trust policy asks for.
    roles: BTreeMap<String, Option<String>>,
    access_keys: Vec<String>,
    calls: u64,
}

impl Sts {
    /// Without a role that could be assumed.
    #[must_use]
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            state: Mutex::default(),
        }
    }

    /// Lets everybody assume a role who names its external id, if it has one.
    pub fn add_role(&self, arn: &str, external_id: Option<&str>) {
        self.lock()
            .roles
            .insert(arn.to_owned(), external_id.map(str::to_owned));
    }

    /// The access keys given out, in order. They are `ASIASANDBOX` and a number of nine digits, from 1.
    pub fn access_keys(&self) -> Vec<String> {
        self.lock().access_keys.clone()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, state: &mut State, request: &Request<Bytes>) -> Result<String, Refusal> {
        Scope::of(request, "sts")?;
        let form: BTreeMap<_, _> = form_urlencoded::parse(request.body()).collect();
        let field = |name: &str| {
            form.get(name)
                .map(|value| value.as_ref())
                .filter(|value| !value.is_empty())
        };
        if (field("Action"), field("Version")) != (Some("AssumeRole"), Some("2011-06-15")) {
            return Err(Refusal::client(
                "InvalidAction",
                "Could not find operation for this version",
            ));
        }
        let required = |name: &str| {
            field(name).ok_or_else(|| Refusal::client("ValidationError", format!("{name}: must not be null")))
        };
        let (role, session) = (required("RoleArn")?, required("RoleSessionName")?);
        let duration = match field("DurationSeconds").map(str::parse::<i64>) {
            None => DEFAULT_DURATION,
            Some(Ok(seconds)) if DURATIONS.contains(&seconds) => seconds,
            Some(_) => {
                return Err(Refusal::client(
                    "ValidationError",
                    "DurationSeconds is out of its range",
                ));
            }
        };
        let trusted = state.roles.get(role).is_some_and(|wanted| {
            wanted
                .as_deref()
                .is_none_or(|external_id| field("ExternalId") == Some(external_id))
        });
        if !trusted {
            let message = format!("User is not authorized to perform: sts:AssumeRole on resource: {role}");
            return Err(Refusal {
                status: StatusCode::FORBIDDEN,
                kind: "AccessDenied",
                message,
            });
        }
        let access_key = format!("ASIASANDBOX{:09}", state.access_keys.len() + 1);
        let secret = Uuid::new_v5(&Uuid::NAMESPACE_OID, access_key.as_bytes()).simple();
        let expires_at = self.clock.now() + TimeDelta::seconds(duration);
        let expiration = expires_at.to_rfc3339_opts(SecondsFormat::Secs, true);
        let assumed = escape(&format!(
            "{}/{session}",
            role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/")
        ));
        let session = escape(session);
        let answer = format!(
            "<AssumeRoleResponse xmlns=\"{NAMESPACE}\"><AssumeRoleResult><AssumedRoleUser>\
             <AssumedRoleId>AROASANDBOX:{session}</AssumedRoleId><Arn>{assumed}</Arn></AssumedRoleUser><Credentials>\
             <AccessKeyId>{access_key}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
             <SessionToken>session-{secret}</SessionToken><Expiration>{expiration}</Expiration>\
             </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        );
        state.access_keys.push(access_key);
        Ok(answer)
    }
}

impl Service for Sts {
    fn name(&self) -> &'static str {
        "sts"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        let mut state = self.lock();
        state.calls += 1;
        let (status, body) = match self.answer(&mut state, request) {
            Ok(body) => (StatusCode::OK, body),
            Err(Refusal {
                status,
                kind,
                message,
            }) => {
                let body = format!(
                    "<ErrorResponse xmlns=\"{NAMESPACE}\"><Error><Type>Sender</Type><Code>{kind}</Code>\
                     <Message>{}</Message></Error><RequestId>{}</RequestId></ErrorResponse>",
                    escape(&message),
                    state.calls
                );
                (status, body)
            }
        };
        let mut reply = Response::new(Bytes::from(body));
        *reply.status_mut() = status;
        reply
            .headers_mut()
            .insert("content-type", http::HeaderValue::from_static("text/xml"));
        Fate::Reply(reply)
    }
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
}
