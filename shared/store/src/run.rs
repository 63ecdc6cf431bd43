//! Runs: what each said of itself, for `status`; forgotten after 90 days.

use chrono::{DateTime, SecondsFormat, TimeDelta, Utc};
use serde_json::Value;

use crate::item::{Found, Item, Key};
use crate::read::Range;
use crate::{Corrupt, Store, StoreError, WriteError};

/// A quarter's worth of looking back.
const KEPT: TimeDelta = TimeDelta::days(90);

/// One job's run over one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Run {
    /// The connection.
    pub connection: String,
    /// The job: `quantity-metering`.
    pub job: String,
    /// The event's time.
    pub at: DateTime<Utc>,
    /// When the invocation began.
    pub started: DateTime<Utc>,
    /// What it said. An item's worth, [`crate::ITEM_MAX`], and no more.
    pub summary: Value,
}

impl Store {
    /// Keeps a run.
    ///
    /// # Errors
    /// [`WriteError::Conflict`] where another began at the very instant; the others as [`WriteError`] says.
    pub async fn put_run(&self, run: &Run) -> Result<(), WriteError> {
        let (at, started) = (stamp(run.at), stamp(run.started));
        let key = Key::new(partition(&run.connection), format!("{}#{at}#{started}", run.job));
        let item = Item::new(key)
            .number("version", 1)
            .body(&run.summary)?
            .text("at", at)
            .text("started", started)
            .number(
                "expires_at",
                run.started.timestamp().saturating_add(KEPT.num_seconds()),
            );
        self.commit(item, None, Vec::new()).await
    }

    /// The last runs of a job over a connection, the latest hour first.
    ///
    /// # Errors
    /// The table's own.
    pub async fn last_runs(
        &self,
        connection: &str,
        job: &str,
        count: u16,
    ) -> Result<Vec<Result<Run, Corrupt>>, StoreError> {
        let newest = Range::Newest(&format!("{job}#"), count.into());
        let found = self.query(&partition(connection), newest).await?;
        Ok(found.iter().map(|item| run(item, connection, job)).collect())
    }
}

fn run(item: &Found, connection: &str, job: &str) -> Result<Run, Corrupt> {
    let time = |name: &str| {
        let text = item.text(name).and_then(|text| text.parse().ok());
        text.ok_or_else(|| Corrupt::new(&item.key(), format!("it has no time `{name}`")))
    };
    Ok(Run {
        connection: connection.to_owned(),
        job: job.to_owned(),
        at: time("at")?,
        started: time("started")?,
        summary: item.body()?,
    })
}

fn partition(connection: &str) -> String {
    format!("run#{connection}")
}

fn stamp(at: DateTime<Utc>) -> String {
    at.to_rfc3339_opts(SecondsFormat::Nanos, true)
}
