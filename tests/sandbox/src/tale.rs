//! What `cargo sandbox run` plays: a month of usage, then the hourly function over a stretch of hours, with a crash, a lost
//! answer and late usage in it; and what came of it, judged by what Metronome and the marketplace hold.

pub mod cast;
pub mod ledger;
mod seat;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, DurationRound as _, TimeDelta, Timelike as _, Utc};
use serde_json::json;

use crate::faults::{Fault, Rule, When};
use crate::lambda::{Function, Outcome};
use crate::stage::{Stage, TOKEN};
use crate::{Clock, World};
use cast::{Cast, Mode};
use ledger::Ledger;

/// How much is played.
#[derive(Clone, Copy, Debug)]
pub struct Length {
    /// Days of usage before the first run, at most 30.
    pub days: i64,
    /// Hourly runs: at most 20, within the marketplace's 24 h window, since the function goes by the system's clock.
    pub hours: i64,
}

/// What `cargo sandbox run` plays.
pub const MONTH: Length = Length { days: 30, hours: 10 };

/// An invocation's time.
const DEADLINE: Duration = Duration::from_secs(120);

/// One invocation, as it went.
#[derive(Debug)]
pub struct Played {
    /// The hour boundary of its event.
    pub at: DateTime<Utc>,
    /// What happened beside the run itself.
    pub event: Option<&'static str>,
    /// How it ended.
    pub outcome: Outcome,
    /// Requests that it made.
    pub requests: u64,
}

/// The tale, told.
#[derive(Debug)]
pub struct Told {
    /// The invocations.
    pub played: Vec<Played>,
    /// What Metronome shows and the marketplace holds.
    pub ledger: Ledger,
}

/// A stage on which everybody is known and the connection is applied, at the end of the days before the stretch.
///
/// # Errors
/// When the stage cannot be set, or `meterbridge` refuses.
pub async fn prepare(length: Length) -> io::Result<(Stage, Cast, Clock)> {
    let system = Clock::of_the_system();
    let now = system
        .now()
        .duration_trunc(TimeDelta::hours(1))
        .map_err(io::Error::other)?;
    let first = now - TimeDelta::hours(length.hours);
    let source = Clock::at(first - TimeDelta::days(length.days));
    let world = World::on(source.clone(), system).map_err(io::Error::other)?;
    let cast = Cast::enter(&world, source.now()).map_err(io::Error::other)?;
    let secret = seat::open(&world, &cast.dimensions()).map_err(io::Error::other)?;
    while source.now() < first {
        cast.use_hour(&world, source.now())?;
        source.advance(TimeDelta::hours(1));
    }
    let stage = Stage::set(world).await?;
    let secret = format!(
        r#"{{"metronome_token": "{TOKEN}", {}}}"#,
        secret(&stage.google_token_uri)
    );
    stage.world.metronome.add_token(TOKEN);
    stage.world.secrets.put("meterbridge/sandbox", &secret);
    stage.meterbridge(&["table", "create"]).await?;
    for mode in Mode::ALL {
        let name = format!("meterbridge-{}-{}.toml", mode.connection(), std::process::id());
        let file = std::env::temp_dir().join(name);
        std::fs::write(&file, cast.connection_file(mode, &stage.connection_head()))?;
        let applied = stage.meterbridge(&["apply", &file.to_string_lossy()]).await;
        std::fs::remove_file(&file)?;
        applied?;
    }
    Ok((stage, cast, source))
}

/// Plays the stretch of hours. `strike` is told the turn, from 0, and the function, before it is invoked, and says what it let go
/// wrong.
///
/// # Errors
/// When the stage breaks. What the function makes of it is told, not an error.
pub async fn play(
    stage: &Stage,
    cast: &Cast,
    source: &Clock,
    length: Length,
    strike: impl Fn(i64, &Function) -> io::Result<Option<&'static str>>,
) -> io::Result<Told> {
    let function = stage.function("quantity-metering").await?;
    let invoices = stage.function("invoice-metering").await?;
    let mut played = Vec::new();
    let mut ledger = Ledger::default();
    for turn in 0..length.hours {
        cast.use_hour(&stage.world, source.now())?;
        source.advance(TimeDelta::hours(1));
        stage.world.clock.set(Clock::of_the_system().now());
        let event = strike(turn, &function)?;
        let seen = stage.world.faults.seen();
        let at = source.now();
        let outcome = function.invoke(&scheduled(at, json!({})), DEADLINE).await?;
        stage.world.faults.clear();
        let requests = stage.world.faults.seen() - seen;
        // A day's amounts are due at midnight; the last of them here, so that the tale ends with all of it billed.
        let due = at.hour() == 0 || turn + 1 == length.hours;
        let cadences = ["hourly", "daily"]
            .into_iter()
            .filter(|cadence| due || *cadence == "hourly");
        for cadence in cadences {
            let ended = invoices
                .invoke(&scheduled(at, json!({ "cadence": cadence })), DEADLINE)
                .await?;
            ledger.ended(&ended);
        }
        ledger.look(&stage.world, cast, at);
        played.push(Played {
            at,
            event,
            outcome,
            requests,
        });
    }
    ledger.close(stage, cast).await?;
    Ok(Told { played, ledger })
}

/// A scheduled event.
fn scheduled(at: DateTime<Utc>, detail: serde_json::Value) -> serde_json::Value {
    json!({"source": "aws.scheduler", "detail-type": "Scheduled Event", "time": at, "detail": detail})
}

/// What goes wrong in `cargo sandbox run`: a crash, lost answers, and usage that comes late.
///
/// # Errors
/// When Metronome refuses the late usage.
pub fn mishaps(
    stage: &Stage,
    cast: &Cast,
    source: &Clock,
    turn: i64,
    function: &Function,
) -> io::Result<Option<&'static str>> {
    let rule = |name, fault| Rule::new(name, When::First(1), fault).on_operation("BatchMeterUsage");
    Ok(match turn {
        2 => {
            stage
                .world
                .faults
                .add(rule("crash", Fault::StrikeAfter(kill(function))));
            Some("killed after AWS took its records")
        }
        4 => {
            stage.world.faults.add(rule("lost answer", Fault::LostAfter));
            Some("AWS's answer was lost")
        }
        5 => {
            let lost = Rule::new("lost answer", When::First(1), Fault::LostAfter).on_service("azure");
            stage.world.faults.add(lost);
            Some("Azure's answer was lost")
        }
        6 => {
            cast.use_late(&stage.world, source.now() - TimeDelta::hours(4))?;
            Some("usage of three hours ago came in")
        }
        _ => None,
    })
}

/// Kills the function's process at once. That it is dead shows in the outcome of its invocation.
pub fn kill(function: &Function) -> Arc<dyn Fn() + Send + Sync> {
    let killer = function.killer();
    Arc::new(move || drop(killer.kill()))
}
