//! Logs: one JSON object a line, so that no name from outside can forge a line. Never a body, never a token.

use tracing::{Level, Metadata, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::variable;

/// The crates that are heard below INFO. No other is, whatever the filter asks for: the AWS SDK logs whole answers there, and
/// one of them holds the secrets.
const OURS: [&str; 8] = [
    "billing",
    "control",
    "marketplace",
    "metering",
    "metronome",
    "platform",
    "quantity_metering",
    "store",
];

/// Starts logging to standard error, filtered by `METERBRIDGE_LOG` (default `info`, with the libraries at `warn`). Starting it
/// twice changes nothing.
pub fn start() {
    let filter = variable("METERBRIDGE_LOG")
        .and_then(|filter| EnvFilter::try_new(filter).ok())
        .unwrap_or_else(|| EnvFilter::new("warn,quantity_metering=info,metering=info,control=info"));
    let started = log(filter, std::io::stderr).try_init();
    // A second start finds the first one's subscriber in place, which is what was wanted.
    drop(started);
}

/// The log itself, filtered and written to somewhere.
pub fn log<W>(filter: EnvFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'w> MakeWriter<'w> + Send + Sync + 'static,
{
    let lines = tracing_subscriber::fmt().json().with_env_filter(filter);
    lines.with_writer(writer).finish().with(filter_fn(may_be_heard))
}

fn may_be_heard(event: &Metadata<'_>) -> bool {
    let of = event.target().split("::").next().unwrap_or_default();
    *event.level() <= Level::INFO || OURS.contains(&of)
}

/// As [`start`] where `METERBRIDGE_LOG` is set, else nothing is logged: for a tool that speaks to a person.
pub fn start_if_asked() {
    if variable("METERBRIDGE_LOG").is_some() {
        start();
    }
}
