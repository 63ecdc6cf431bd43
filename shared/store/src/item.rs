//! Items: their keys, the attributes that go in, and what comes out.

use std::collections::{BTreeMap, HashMap};
use std::fmt;

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use billing::{Counter, Identity};
use platform::text::printable;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};

use crate::{Corrupt, WriteError};

/// The largest item that is sent, in bytes: DynamoDB takes 400 KB, names included (developer guide, "Quotas", read
/// 2026-11-21), and counts them a little differently.
pub const ITEM_MAX: usize = 399 * 1024;

/// What was read, and the version that a write of it must name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Versioned<T> {
    /// What was read.
    pub value: T,
    /// 1 for the first write, one more for each.
    pub version: u64,
}

/// What a primary key names.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Key {
    pub(crate) pk: String,
    pub(crate) sk: String,
}

/// The partition of all connections.
pub(crate) const CONNECTIONS: &str = "connections";

impl Key {
    pub(crate) fn new(pk: impl Into<String>, sk: impl Into<String>) -> Self {
        Self {
            pk: pk.into(),
            sk: sk.into(),
        }
    }

    pub(crate) fn book(identity: &Identity) -> Self {
        Self::new(format!("book#{identity}"), "book")
    }

    pub(crate) fn registration(connection: &str, identity: &Identity) -> Self {
        Self::new(format!("connection#{connection}"), format!("book#{identity}"))
    }

    pub(crate) fn parked(record: &str) -> Self {
        Self::new(format!("parked#{record}"), "parked")
    }

    pub(crate) fn parked_of(connection: &str, record: &str) -> Self {
        Self::new(format!("connection#{connection}"), format!("parked#{record}"))
    }

    pub(crate) fn owner(counter: &Counter) -> Self {
        Self::new(format!("owner#{counter}"), "owner")
    }

    pub(crate) fn connection(id: &str) -> Self {
        Self::new(CONNECTIONS, format!("connection#{id}"))
    }

    /// Sorts before every connection, so that a query reads it first.
    pub(crate) fn guard() -> Self {
        Self::new(CONNECTIONS, "#version")
    }

    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        HashMap::from([
            ("pk".to_owned(), AttributeValue::S(self.pk.clone())),
            ("sk".to_owned(), AttributeValue::S(self.sk.clone())),
        ])
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{} / {}`", printable(&self.pk), printable(&self.sk))
    }
}

/// An item on its way in.
#[derive(Clone, Debug)]
pub(crate) struct Item {
    pub(crate) key: Key,
    attributes: BTreeMap<&'static str, AttributeValue>,
}

impl Item {
    pub(crate) fn new(key: Key) -> Self {
        Self {
            key,
            attributes: BTreeMap::new(),
        }
    }

    pub(crate) fn text(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.attributes.insert(name, AttributeValue::S(value.into()));
        self
    }

    pub(crate) fn number(mut self, name: &'static str, value: impl fmt::Display) -> Self {
        self.attributes.insert(name, AttributeValue::N(value.to_string()));
        self
    }

    pub(crate) fn bytes(mut self, name: &'static str, value: Vec<u8>) -> Self {
        self.attributes.insert(name, AttributeValue::B(Blob::new(value)));
        self
    }

    pub(crate) fn body(self, value: &impl Serialize) -> Result<Self, WriteError> {
        let body = self.json(value)?;
        Ok(self.text("body", body))
    }

    /// JSON of what shall be its body.
    pub(crate) fn json(&self, value: &impl Serialize) -> Result<String, WriteError> {
        serde_json::to_string(value).map_err(|error| WriteError::Unwritable {
            key: self.key.to_string(),
            reason: error.to_string(),
        })
    }

    /// DynamoDB's own measure: names and values, in bytes of UTF-8.
    pub(crate) fn size(&self) -> usize {
        let keys = "pksk".len() + self.key.pk.len() + self.key.sk.len();
        self.attributes.iter().fold(keys, |sum, (name, value)| {
            sum + name.len() + bytes_of(value).len()
        })
    }

    pub(crate) fn digest(&self, digest: &mut Sha256) {
        for part in [self.key.pk.as_bytes(), self.key.sk.as_bytes()] {
            framed(digest, part);
        }
        for (name, value) in &self.attributes {
            framed(digest, name.as_bytes());
            framed(digest, bytes_of(value));
        }
    }

    pub(crate) fn attributes(&self) -> HashMap<String, AttributeValue> {
        let mut all = self.key.attributes();
        all.extend(
            self.attributes
                .iter()
                .map(|(name, value)| ((*name).to_owned(), value.clone())),
        );
        all
    }
}

/// With its length, so that no two lists of parts digest alike.
pub(crate) fn framed(digest: &mut Sha256, part: &[u8]) {
    digest.update(part.len().to_be_bytes());
    digest.update(part);
}

fn bytes_of(value: &AttributeValue) -> &[u8] {
    match value {
        AttributeValue::S(text) | AttributeValue::N(text) => text.as_bytes(),
        AttributeValue::B(blob) => blob.as_ref(),
        _ => &[],
    }
}

/// An item on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Found(pub(crate) HashMap<String, AttributeValue>);

impl Found {
    pub(crate) fn key(&self) -> Key {
        Key::new(
            self.text("pk").unwrap_or_default(),
            self.text("sk").unwrap_or_default(),
        )
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name)?.as_s().ok().map(String::as_str)
    }

    pub(crate) fn bytes(&self, name: &str) -> Option<&[u8]> {
        self.0.get(name)?.as_b().ok().map(AsRef::as_ref)
    }

    pub(crate) fn body<T: DeserializeOwned>(&self) -> Result<T, Corrupt> {
        let body = self
            .text("body")
            .ok_or_else(|| Corrupt::new(&self.key(), "it has no text `body`"))?;
        self.parse(body)
    }

    /// The parser's own message may quote what it read, so only the place is told.
    pub(crate) fn parse<T: DeserializeOwned>(&self, text: &str) -> Result<T, Corrupt> {
        serde_json::from_str(text).map_err(|error| {
            let kind = if error.is_data() {
                "of another shape"
            } else {
                "not JSON"
            };
            let (line, column) = (error.line(), error.column());
            Corrupt::new(
                &self.key(),
                format!("its body is {kind} at line {line}, column {column}"),
            )
        })
    }

    pub(crate) fn version(&self) -> Result<u64, Corrupt> {
        self.0
            .get("version")
            .and_then(|value| value.as_n().ok())
            .and_then(|digits| digits.parse().ok())
            .ok_or_else(|| Corrupt::new(&self.key(), "it has no whole number `version`"))
    }

    pub(crate) fn versioned<T: DeserializeOwned>(&self) -> Result<Versioned<T>, Corrupt> {
        Ok(Versioned {
            value: self.body()?,
            version: self.version()?,
        })
    }
}
