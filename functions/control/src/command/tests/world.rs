use std::sync::{Arc, Mutex};

use aws_sdk_dynamodb::config::{Credentials, Region};
use billing::{AwsBuyer, AwsIdentity, Book, Destination, Identity, Meter, MeterKey};
use bytes::Bytes;
use chrono::{DateTime, Utc};
use clap::Parser as _;
use futures::future::BoxFuture;
use platform::transport::Carrier;
use platform::{Clock, Request, Transport, TransportError};

use crate::cli::Cli;
use metering::Deps;

use crate::command::{Failure, Said, run};

/// Carries DynamoDB's requests over a socket, and answers Secrets Manager's itself.
#[derive(Clone)]
struct Wire {
    network: Transport,
    secrets: Arc<Mutex<Vec<String>>>,
}

impl Carrier for Wire {
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        if request.service == "secretsmanager" {
            let body = String::from_utf8(request.http.into_body().to_vec()).unwrap();
            let missing = body.contains("missing");
            self.secrets.lock().unwrap().push(body);
            let (status, body) = if missing {
                (
                    400,
                    "{\"__type\":\"ResourceNotFoundException\",\"message\":\"no such secret\"}",
                )
            } else {
                (200, "{}")
            };
            let answer = http::Response::builder()
                .status(status)
                .body(Bytes::from_static(body.as_bytes()));
            return Box::pin(async move { Ok(answer.unwrap()) });
        }
        let network = self.network.clone();
        Box::pin(async move { network.send(request).await })
    }
}

/// A world of the test's own, at a moment of the test's choice.
pub(super) struct Local {
    pub(super) world: Deps,
    now: Arc<Mutex<DateTime<Utc>>>,
    secrets: Arc<Mutex<Vec<String>>>,
    folder: std::path::PathBuf,
}

impl Local {
    pub(super) async fn new(name: &str) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = format!("http://{}", listener.local_addr().unwrap());
        let database = dynoxide::Database::memory().unwrap();
        tokio::spawn(dynoxide::server::serve_with_shutdown(
            listener,
            database,
            std::future::pending(),
        ));
        let secrets = Arc::new(Mutex::new(Vec::new()));
        let wire = Wire {
            network: Transport::network().unwrap(),
            secrets: secrets.clone(),
        };
        let shared = platform::aws::load(&Transport::over(wire), &Clock::system()).await;
        let shared = shared
            .into_builder()
            .endpoint_url(address)
            .region(Region::new("us-east-1"))
            .credentials_provider(aws_sdk_dynamodb::config::SharedCredentialsProvider::new(
                Credentials::new("test", "test", None, None, "test"),
            ))
            .build();
        let now = Arc::new(Mutex::new(at("2026-11-20T13:30:00Z")));
        let clock = now.clone();
        let environment = platform::config::Environment {
            table: "meterbridge".to_owned(),
        };
        let world = Deps::with(
            Transport::network().unwrap(),
            Clock::of(move || *clock.lock().unwrap()),
            &environment,
            shared,
        );
        let folder = std::env::temp_dir().join(format!("meterbridge-control-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let local = Self {
            world,
            now,
            secrets,
            folder,
        };
        local.run("table create").await.unwrap();
        local
    }

    pub(super) fn at(&self, time: &str) {
        *self.now.lock().unwrap() = at(time);
    }

    /// Writes a connection file and answers its path.
    pub(super) fn file(&self, text: &str) -> String {
        let path = self.folder.join("connection.toml");
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    }

    /// Runs one command line, its words parted by spaces.
    pub(super) async fn run(&self, line: &str) -> Result<Said, Failure> {
        let words = std::iter::once("meterbridge").chain(line.split(' '));
        let cli = Cli::try_parse_from(words).unwrap_or_else(|error| panic!("{error}"));
        let world = self.world.clone();
        run(&cli.command, async move || Ok(world)).await
    }

    pub(super) async fn apply(&self, text: &str) -> Result<Said, Failure> {
        self.run(&format!("apply {}", self.file(text))).await
    }

    /// What Secrets Manager was asked.
    pub(super) fn asked(&self) -> Vec<String> {
        std::mem::take(&mut *self.secrets.lock().unwrap())
    }
}

impl Drop for Local {
    fn drop(&mut self) {
        std::fs::remove_dir_all(&self.folder).unwrap_or(());
    }
}

pub(super) fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

pub(super) fn file(id: &str, code: &str) -> String {
    format!(
        "id = \"{id}\"\nsecret = \"meterbridge/{id}\"\nbilling_mode = \"quantity\"\n\
         [[conversion]]\nfrom = \"calls\"\nto = \"api_calls\"\n\
         [[buyer]]\nid = \"globex\"\ncustomer_id = \"c-{id}\"\nstarts_at = 2026-11-01T00:00:00Z\n\
         aws = {{ product_code = \"{code}\", account_id = \"123456789012\", region = \"us-east-1\" }}\n"
    )
}

pub(super) fn identity(code: &str) -> Identity {
    let (product_code, account_id) = (code.to_owned(), "123456789012".to_owned());
    let buyer = AwsBuyer::Account {
        product_code,
        account_id,
    };
    Identity::Aws(AwsIdentity {
        buyer,
        region: "us-east-1".to_owned(),
    })
}

pub(super) fn meter() -> MeterKey {
    MeterKey {
        entitlement: at("2026-11-01T00:00:00Z"),
        dimension: "api_calls".to_owned(),
    }
}

/// A book whose one meter has grown by so much, all of it owed.
pub(super) fn book(code: &str, owed: u32) -> Book {
    let mut book = Book::new(Destination::of(identity(code)));
    let owed = billing::Fraction::from(rust_decimal::Decimal::from(owed));
    book.meters.insert(
        meter(),
        Meter {
            grown: owed.clone(),
            owed,
            ..Meter::default()
        },
    );
    book
}
