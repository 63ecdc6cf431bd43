//! Logs: one JSON object a line, so that no name from outside can forge a line. Never a body, never a token.

use tracing_subscriber::EnvFilter;

use crate::config::variable;

/// Starts logging to standard error, filtered by `METERBRIDGE_LOG` (default `info`, with the libraries at `warn`). Starting it
/// twice changes nothing.
pub fn start() {
    let filter = variable("METERBRIDGE_LOG")
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new("warn,quantity_metering=info,metering=info,control=info"));
    let started = tracing_subscriber::fmt()
        .json()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .try_init();
    // A second start finds the first one's subscriber in place, which is what was wanted.
    drop(started);
}

/// As [`start`] where `METERBRIDGE_LOG` is set, else nothing is logged: for a tool that speaks to a person.
pub fn start_if_asked() {
    if variable("METERBRIDGE_LOG").is_some() {
        start();
    }
}
