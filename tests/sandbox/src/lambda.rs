//! AWS Lambda, as far as a function can tell: its real binary under a Runtime API.
//!
//! <https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>

mod api;
mod log;
mod process;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use chrono::{DateTime, TimeDelta, Utc};
use serde_json::Value;
use tokio::task::JoinSet;

use api::{Answer, Api};
use log::Log;
use process::Process;

/// How an invocation ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The function answered.
    Response(Value),
    /// The function, or its start, ended in an error that it reported.
    Error {
        /// `errorType`.
        error_type: String,
        /// `errorMessage`.
        error_message: String,
    },
    /// Its process ended without an answer: by itself, or killed.
    Crashed(ExitStatus),
    /// It did not answer before its deadline, and was killed.
    TimedOut,
}

/// A function: a binary, its environment, and at most one process of it.
///
/// As on Lambda, a process serves one invocation after another; after a crash or a timeout the next invocation starts a new
/// one. Dropping the function kills its process and reaps it.
#[derive(Debug)]
pub struct Function {
    name: String,
    binary: PathBuf,
    env: Vec<(String, String)>,
    log: Log,
    clock_offset: Mutex<TimeDelta>,
    running: tokio::sync::Mutex<Option<Running>>,
    invocations: Mutex<u64>,
    killer: Killer,
    strikes: Mutex<JoinSet<()>>,
}

#[derive(Debug)]
struct Running {
    api: Api,
    process: Process,
}

/// Kills a function's process. Clones kill the same.
#[derive(Clone, Debug, Default)]
pub struct Killer(Arc<Mutex<Option<Process>>>);

impl Killer {
    /// Kills the process with `SIGKILL`, if there is one; it is gone and reaped when this returns. Says whether it was alive.
    ///
    /// # Errors
    ///
    /// When the system refuses.
    pub fn kill(&self) -> io::Result<bool> {
        let process = self.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        process.map_or(Ok(false), |process| process.kill())
    }

    fn aim(&self, process: Process) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(process);
    }
}

impl Function {
    /// Starts `binary` with exactly the environment `env`, besides what Lambda itself sets. `env` may override the latter.
    ///
    /// # Errors
    ///
    /// When the binary cannot be started or no port can be had.
    pub async fn start(binary: &Path, env: &[(String, String)]) -> io::Result<Self> {
        let name = binary
            .file_stem()
            .unwrap_or(binary.as_os_str())
            .to_string_lossy()
            .into_owned();
        let function = Self {
            name,
            binary: binary.to_owned(),
            env: env.to_vec(),
            log: Log::default(),
            clock_offset: Mutex::default(),
            running: tokio::sync::Mutex::new(None),
            invocations: Mutex::default(),
            killer: Killer::default(),
            strikes: Mutex::default(),
        };
        *function.running.lock().await = Some(function.launch().await?);
        Ok(function)
    }

    /// Says how far the function's clock is ahead of the system's, for its deadlines: where `env` shifts its time.
    pub fn set_clock_offset(&self, offset: TimeDelta) {
        *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner) = offset;
    }

    /// Invokes the function, after any invocation that is under way. The deadline counts from when its turn comes, and
    /// covers the start of a process.
    ///
    /// # Errors
    ///
    /// When a new process is needed and cannot be started.
    pub async fn invoke(&self, event: &Value, deadline: Duration) -> io::Result<Outcome> {
        let mut slot = self.running.lock().await;
        let running = match slot.take() {
            Some(running) if running.process.exit_status()?.is_none() => running,
            _ => self.launch().await?,
        };
        let (request_id, deadline_at) = (self.next_request_id(), self.now() + deadline);
        let answer = running
            .api
            .offer(request_id, self.arn(), event.to_string(), deadline_at);

        let outcome = tokio::select! {
            biased;
            Some(answer) = answer => outcome_of(answer),
            exit = running.process.exited() => running.api.last_word().map_or(Outcome::Crashed(exit?), outcome_of),
            () = tokio::time::sleep(deadline) => {
                running.process.kill()?;
                Outcome::TimedOut
            }
        };
        if running.process.exit_status()?.is_some() {
            running.process.drain().await;
        } else {
            *slot = Some(running);
        }
        Ok(outcome)
    }

    /// What kills its process, whichever it is at that moment.
    #[must_use]
    pub fn killer(&self) -> Killer {
        self.killer.clone()
    }

    /// Kills its process when `moment` has come.
    pub fn kill_when(&self, moment: impl Future<Output = ()> + Send + 'static) {
        let killer = self.killer();
        self.strikes
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .spawn(async move {
                moment.await;
                // That it was dead already, or cannot be killed, shows in the outcome.
                drop(killer.kill());
            });
    }

    /// What its processes have written so far, on standard output and error; the end is all there once a process is dead.
    #[must_use]
    pub fn output(&self) -> String {
        self.log.text()
    }

    /// Kills its process, and returns everything that it and those before it have written.
    ///
    /// # Errors
    ///
    /// When the system refuses to kill it.
    pub async fn stop(self) -> io::Result<String> {
        if let Some(running) = self.running.lock().await.take() {
            running.process.kill()?;
            running.process.drain().await;
        }
        Ok(self.log.text())
    }

    async fn launch(&self) -> io::Result<Running> {
        let api = Api::start().await?;
        let mut env = vec![
            ("AWS_LAMBDA_RUNTIME_API".to_owned(), api.address()),
            ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), self.name.clone()),
            ("AWS_LAMBDA_FUNCTION_VERSION".to_owned(), "$LATEST".to_owned()),
            ("AWS_LAMBDA_FUNCTION_MEMORY_SIZE".to_owned(), "256".to_owned()),
            (
                "AWS_LAMBDA_LOG_GROUP_NAME".to_owned(),
                format!("/aws/lambda/{}", self.name),
            ),
            ("AWS_LAMBDA_LOG_STREAM_NAME".to_owned(), "sandbox".to_owned()),
            (
                "AWS_LAMBDA_INITIALIZATION_TYPE".to_owned(),
                "on-demand".to_owned(),
            ),
            ("_HANDLER".to_owned(), "bootstrap".to_owned()),
        ];
        env.extend(self.env.iter().cloned());
        let process = Process::start(&self.binary, &env, &self.log)?;
        self.killer.aim(process.clone());
        Ok(Running { api, process })
    }

    fn arn(&self) -> String {
        format!("arn:aws:lambda:us-east-1:123456789012:function:{}", self.name)
    }

    fn next_request_id(&self) -> String {
        let mut invocations = self.invocations.lock().unwrap_or_else(PoisonError::into_inner);
        *invocations += 1;
        let text = format!("{}/{invocations}", self.name);
        uuid::Uuid::new_v5(&uuid::Uuid::NAMESPACE_OID, text.as_bytes()).to_string()
    }

    #[expect(
        clippy::disallowed_methods,
        reason = "the function's own process reads the system's clock, so this must too"
    )]
    fn now(&self) -> DateTime<Utc> {
        let offset = *self.clock_offset.lock().unwrap_or_else(PoisonError::into_inner);
        DateTime::<Utc>::from(SystemTime::now()) + offset
    }
}

impl Drop for Function {
    fn drop(&mut self) {
        // Nothing is left to tell an error to.
        drop(self.killer.kill());
    }
}

fn outcome_of(answer: Answer) -> Outcome {
    match answer {
        Answer::Response(body) => match serde_json::from_slice(&body) {
            Ok(value) => Outcome::Response(value),
            Err(error) => Outcome::Error {
                error_type: "Runtime.InvalidResponse".to_owned(),
                error_message: error.to_string(),
            },
        },
        Answer::Error {
            error_type,
            error_message,
        } => Outcome::Error {
            error_type,
            error_message,
        },
    }
}
