//! The world on loopback sockets, and the product's own binaries pointed at it: what `cargo sandbox` plays on.

use std::io;
use std::path::PathBuf;
use std::process::{Output, Stdio};

use serde_json::Value;
use tokio::process::Command;

use crate::serve::{Served, serve};
use crate::world::REGION;
use crate::{World, binaries, lambda};

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
    meterbridge: PathBuf,
    function: PathBuf,
    _served: Vec<Served>,
}

impl Stage {
    /// Serves the world and builds the binaries.
    ///
    /// # Errors
    /// When a port cannot be had, or a build fails.
    pub async fn set(world: World) -> io::Result<Self> {
        let built = binaries::build(&[
            ("control", "meterbridge"),
            ("quantity-metering", "quantity-metering"),
        ])?;
        let [meterbridge, function] = built.as_slice() else {
            return Err(io::Error::other("cargo built too little"));
        };
        let mut served = Vec::new();
        for service in world.services() {
            served.push(serve(service).await?);
        }
        let urls: Vec<String> = served.iter().map(|served| served.url.clone()).collect();
        let [metronome, metering, secrets, sts, dynamodb] = urls.as_slice() else {
            return Err(io::Error::other("a service is missing"));
        };
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
            metronome: metronome.clone(),
            env: env
                .iter()
                .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
                .collect(),
            meterbridge: meterbridge.clone(),
            function: function.clone(),
            world,
            _served: served,
        })
    }

    /// The hourly function's binary under a Runtime API.
    ///
    /// # Errors
    /// When it cannot be started.
    pub async fn function(&self) -> io::Result<lambda::Function> {
        lambda::Function::start(&self.function, &self.env).await
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
