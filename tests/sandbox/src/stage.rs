//! The world on loopback sockets, and the product's own binaries pointed at it: what `cargo sandbox` plays on.

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::serve::{Served, serve};
use crate::world::REGION;
use crate::{World, binaries, lambda};

/// The operator's tool and the functions, each package with its binary.
const BINARIES: [(&str, &str); 3] = [
    ("control", "meterbridge"),
    ("quantity-metering", "quantity-metering"),
    ("invoice-metering", "invoice-metering"),
];

/// The table of the stage.
pub const TABLE: &str = "meterbridge-sandbox";

/// Metronome's token of the stage.
pub const TOKEN: &str = "sandbox-metronome-token";

/// A running stage; dropping it closes its ports.
pub struct Stage {
    /// The simulators.
    pub world: World,
    /// Where Metronome listens.
    pub metronome: String,
    /// What a process needs in its environment to find the world: names and values, nothing secret beyond this machine.
    pub env: Vec<(String, String)>,
    /// Where Google's tokens are to be had.
    pub google_token_uri: String,
    /// Each service's address, by its name.
    addresses: BTreeMap<&'static str, String>,
    meterbridge: PathBuf,
    functions: BTreeMap<&'static str, PathBuf>,
    _served: Vec<Served>,
}

impl Stage {
    /// Serves the world and builds the binaries.
    ///
    /// # Errors
    /// When a port cannot be had, or a build fails.
    pub async fn set(world: World) -> io::Result<Self> {
        let [control, functions @ ..] = BINARIES;
        let mut built = binaries::build(&BINARIES)?.into_iter();
        let meterbridge = built
            .next()
            .ok_or_else(|| io::Error::other(format!("cargo built no {}", control.1)))?;
        let functions = functions.iter().map(|(_, name)| *name).zip(built).collect();
        let (mut served, mut addresses) = (Vec::new(), BTreeMap::new());
        for service in world.services() {
            let name = service.name();
            let one = serve(service).await?;
            addresses.insert(name, one.url.clone());
            served.push(one);
        }
        let address = |name| {
            addresses
                .get(name)
                .cloned()
                .ok_or_else(|| io::Error::other(format!("{name} is not served")))
        };
        let google_token_uri = format!("{}/token", address("gcp_login")?);
        world.google.serve_at(&google_token_uri);
        let (metering, secrets) = (&address("aws")?, &address("secretsmanager")?);
        let (sts, dynamodb) = (&address("sts")?, &address("dynamodb")?);
        let env = [
            ("METERBRIDGE_TABLE", TABLE),
            ("AWS_REGION", REGION),
            ("AWS_ACCESS_KEY_ID", "AKIASANDBOX"),
            ("AWS_SECRET_ACCESS_KEY", "sandbox"),
            ("AWS_ENDPOINT_URL_DYNAMODB", dynamodb),
            ("AWS_ENDPOINT_URL_SECRETS_MANAGER", secrets),
            ("AWS_ENDPOINT_URL_MARKETPLACE_METERING", metering),
            ("AWS_ENDPOINT_URL_STS", sts),
        ];
        Ok(Self {
            metronome: address("metronome")?,
            google_token_uri,
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            addresses,
            meterbridge,
            functions,
            world,
            _served: served,
        })
    }

    /// A function's binary under a Runtime API.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn function(&self, name: &str) -> io::Result<lambda::Function> {
        let binary = self.functions.get(name);
        let binary = binary.ok_or_else(|| io::Error::other(format!("there is no function {name}")))?;
        lambda::Function::start(binary, &self.env).await
    }

    /// What a connection file says of where the world is.
    #[must_use]
    pub fn connection_head(&self) -> String {
        let address = |name| self.addresses.get(name).map_or("", String::as_str);
        format!(
            "[metronome]\nbase_url = \"{}\"\nrequests_per_second = 50\n\n[endpoints]\nazure = \"{}/api\"\nazure_login = \"{}\"\ngcp = \"{}\"\nsuger = \"{}\"\n",
            self.metronome,
            address("azure"),
            address("azure_login"),
            address("gcp"),
            address("suger")
        )
    }

    /// Runs `meterbridge` and answers its JSON.
    ///
    /// # Errors
    /// In its own words, when it does not end well.
    pub async fn meterbridge(&self, args: &[&str]) -> io::Result<Value> {
        let run = Command::new(&self.meterbridge)
            .args(args)
            .arg("--json")
            .env_clear()
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .kill_on_drop(true)
            .output();
        let Output {
            status,
            stdout,
            stderr,
        } = run.await?;
        if !status.success() {
            let words = String::from_utf8_lossy(&stderr);
            return Err(io::Error::other(format!(
                "meterbridge {}: {words}",
                args.join(" ")
            )));
        }
        serde_json::from_slice(&stdout).map_err(io::Error::other)
    }
}
