//! A table of the test's own, and a wire on which answers get lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{Credentials, Region};
use aws_sdk_dynamodb::types::AttributeValue;
use aws_sdk_dynamodb::{Client, config};
use billing::{AwsBuyer, AwsIdentity, Book, Destination, Entry, Identity, MeterKey, Outcome, Record};
use bytes::Bytes;
use chrono::{DateTime, TimeDelta, Utc};
use futures::future::BoxFuture;
use platform::transport::Carrier;
use platform::{Clock, Request, Transport, TransportError};

use crate::item::Key;
use crate::{Change, Store};

/// What befalls a request, by the operation that it asks for.
#[derive(Clone, Debug)]
pub(super) enum Fault {
    /// It does not arrive.
    Before,
    /// It takes effect, and its answer is lost.
    After,
    /// It is answered so instead.
    Instead(u16, String),
    /// It takes effect, and is answered so.
    Untruthfully(u16, String),
}

#[derive(Clone, Default)]
pub(super) struct Wire {
    /// None: nobody is there but the faults.
    network: Option<Transport>,
    faults: Arc<Mutex<VecDeque<(&'static str, Fault)>>>,
    sent: Arc<Mutex<Vec<String>>>,
}

impl Wire {
    fn next(&self, operation: &str) -> Option<Fault> {
        let mut faults = self.faults.lock().unwrap();
        let index = faults.iter().position(|(wanted, _)| *wanted == operation)?;
        faults.remove(index).map(|(_, fault)| fault)
    }
}

impl Carrier for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let target = request
            .http
            .headers()
            .get("x-amz-target")
            .unwrap()
            .to_str()
            .unwrap();
        let operation = target.rsplit('.').next().unwrap().to_owned();
        self.sent.lock().unwrap().push(operation.clone());
        let (fault, network) = (self.next(&operation), self.network.clone());
        Box::pin(async move {
            let lost = || TransportError::Lost("the wire was cut".to_owned());
            let said = |status, body: String| {
                Ok(http::Response::builder()
                    .status(status)
                    .body(body.into())
                    .unwrap())
            };
            match fault {
                Some(Fault::Before) => return Err(lost()),
                Some(Fault::Instead(status, body)) => return said(status, body),
                _ => {}
            }
            let answer = network.ok_or_else(lost)?.send(request).await?;
            match fault {
                Some(Fault::After) => Err(lost()),
                Some(Fault::Untruthfully(status, body)) => said(status, body),
                _ => Ok(answer),
            }
        })
    }
}

pub(super) struct World {
    pub(super) store: Store,
    wire: Wire,
}

impl World {
    /// An empty table.
    pub(super) async fn new() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            std::future::pending(),
        ));
        let wire = Wire {
            network: Some(Transport::network().unwrap()),
            ..Wire::default()
        };
        let world = Self {
            store: store(&wire, &address).await,
            wire,
        };
        world.store.create_table().await.unwrap();
        world.sent();
        world
    }

    /// A world in which only faults answer; without sockets, so that time may be paused.
    pub(super) async fn void() -> Self {
        let wire = Wire::default();
        Self {
            store: store(&wire, "http://127.0.0.1:1").await,
            wire,
        }
    }

    /// What befalls the next requests of an operation.
    pub(super) fn fault(&self, operation: &'static str, fault: Fault, times: usize) {
        let faults = std::iter::repeat_n((operation, fault), times);
        self.wire.faults.lock().unwrap().extend(faults);
    }

    /// The operations asked for since the last time.
    pub(super) fn sent(&self) -> Vec<String> {
        std::mem::take(&mut self.wire.sent.lock().unwrap())
    }

    /// Somebody's hand in the table.
    pub(super) async fn scribble(&self, key: &Key, body: &str) {
        let (client, table) = (&self.store.client, &self.store.table);
        let request = client
            .update_item()
            .table_name(table)
            .set_key(Some(key.attributes()));
        let body = AttributeValue::S(body.to_owned());
        let request = request
            .update_expression("SET body = :body")
            .expression_attribute_values(":body", body);
        request.send().await.unwrap();
    }
}

async fn store(wire: &Wire, address: &str) -> Store {
    let (transport, clock) = (Transport::over(wire.clone()), Clock::system());
    let shared = platform::aws::load(&transport, &clock).await;
    let config = config::Builder::from(&shared)
        .endpoint_url(address)
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .build();
    Store::new(Client::from_conf(config), "meterbridge")
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn now() -> DateTime<Utc> {
    at("2026-11-20T14:05:00Z")
}

pub(super) fn identity(number: usize) -> Identity {
    let buyer = AwsBuyer::Account {
        product_code: "prod".to_owned(),
        account_id: format!("{number:012}"),
    };
    Identity::Aws(AwsIdentity {
        buyer,
        region: "us-east-1".to_owned(),
    })
}

pub(super) fn book(number: usize) -> Book {
    Book::new(Destination::of(identity(number)))
}

/// A book of about so many bytes.
pub(super) fn long(number: usize, bytes: usize) -> Book {
    let mut book = book(number);
    book.used.insert("d".repeat(bytes), [].into());
    book
}

/// What became of the record of the hour so many hours after the month's start.
pub(super) fn entry(hour: usize, outcome: Outcome) -> Entry {
    let start = at("2026-11-01T00:59:59Z");
    let meter = MeterKey {
        entitlement: at("2026-11-01T00:00:00Z"),
        dimension: "api_calls".to_owned(),
    };
    let timestamp = start + TimeDelta::hours(i64::try_from(hour).unwrap());
    let record = Record::new(&identity(1), meter, timestamp, 7.into());
    Entry {
        record,
        outcome,
        reason: None,
        receipt: None,
        by: "run-1".to_owned(),
        at: now(),
    }
}

pub(super) fn entries(count: usize, outcome: Outcome) -> Vec<Entry> {
    (0..count).map(|hour| entry(hour, outcome)).collect()
}

pub(super) fn change<'a>(book: &'a Book, expected: Option<u64>, writer: &'a str) -> Change<'a> {
    Change::new(book, expected, writer, now(), "acme", "globex")
}
