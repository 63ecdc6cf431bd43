//! A child process that can be killed at any moment, and is always reaped.

use std::io;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::{ChildStderr, ChildStdout};
use tokio::task::JoinHandle;

use super::log::Log;

/// How often a process is asked whether it is still there.
const GLANCE: Duration = Duration::from_millis(2);

/// How long the last output of a dead process is waited for: longer only if a child of its own holds the pipe.
const DRAIN: Duration = Duration::from_secs(1);

/// A child process. Clones are the same one; the last of them to go kills it.
#[derive(Clone, Debug)]
pub(super) struct Process(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    child: Mutex<Child>,
    readers: Mutex<Vec<JoinHandle<()>>>,
}

impl Process {
    /// Starts `binary` with exactly `env`, its output going to `log`.
    pub(super) fn start(binary: &Path, env: &[(String, String)], log: &Log) -> io::Result<Self> {
        let mut child = Command::new(binary)
            .env_clear()
            .envs(env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        // From here on the child is killed and reaped whatever fails.
        let process = Self(Arc::new(Inner {
            child: Mutex::new(child),
            readers: Mutex::default(),
        }));
        if let Some(stdout) = stdout {
            process.capture(ChildStdout::from_std(stdout)?, log);
        }
        if let Some(stderr) = stderr {
            process.capture(ChildStderr::from_std(stderr)?, log);
        }
        Ok(process)
    }

    /// Kills it and reaps it; says whether it was alive.
    pub(super) fn kill(&self) -> io::Result<bool> {
        self.0.kill()
    }

    /// How it ended, if it has.
    pub(super) fn exit_status(&self) -> io::Result<Option<ExitStatus>> {
        self.0.lock().try_wait()
    }

    /// Waits for its end. The caller bounds this.
    pub(super) async fn exited(&self) -> io::Result<ExitStatus> {
        loop {
            if let Some(status) = self.exit_status()? {
                return Ok(status);
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Waits until all that a dead process has written is in its log.
    pub(super) async fn drain(&self) {
        let readers = std::mem::take(&mut *self.0.readers.lock().unwrap_or_else(PoisonError::into_inner));
        for mut reader in readers {
            if tokio::time::timeout(DRAIN, &mut reader).await.is_err() {
                reader.abort();
            }
        }
    }

    fn capture(&self, mut pipe: impl AsyncRead + Unpin + Send + 'static, log: &Log) {
        let log = log.clone();
        let reader = tokio::spawn(async move {
            let mut buffer = vec![0; 16 * 1024];
            while let Ok(length @ 1..) = pipe.read(&mut buffer).await {
                log.write(buffer.get(..length).unwrap_or_default());
            }
        });
        self.0
            .readers
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(reader);
    }
}

impl Inner {
    fn kill(&self) -> io::Result<bool> {
        let mut child = self.lock();
        if child.try_wait()?.is_some() {
            return Ok(false);
        }
        child.kill()?;
        child.wait()?;
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, Child> {
        self.child.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        for reader in self.readers.get_mut().unwrap_or_else(PoisonError::into_inner) {
            reader.abort();
        }
        // Nothing is left to tell an error to.
        drop(self.kill());
    }
}
