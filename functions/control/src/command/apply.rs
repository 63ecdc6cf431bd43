//! `apply FILE [--dry-run]`

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use chrono::DateTime;
use platform::{Connection, Fault};
use serde_json::json;
use store::{Connections, WriteError};

use super::{Deps, Failure, Said, TRIES};
use crate::cli::Apply;
use crate::diff::{Change, diff};
use crate::file::{self, Declaration, Mistake, Mistakes};
use crate::fixing::fix;
use crate::{exclusive, file::SIZE_MAX, opening};

pub(super) async fn run(
    args: &Apply,
    open: impl AsyncFnOnce() -> Result<Deps, Fault>,
) -> Result<Said, Failure> {
    let text = text(&args.file)?;
    let wrong = |mistakes| Failure::File {
        file: args.file.display().to_string(),
        mistakes,
    };
    // Mistakes need no table: the file is judged before the world is opened.
    file::read(&text, DateTime::UNIX_EPOCH).map_err(wrong)?;
    let world = open().await?;
    let declaration = file::read(&text, world.clock.now()).map_err(wrong)?;
    apply(&world, &declaration, args.dry_run).await
}

fn text(path: &Path) -> Result<String, Failure> {
    let unread = |error| Failure::Words(format!("{} could not be read: {error}", path.display()));
    let mut bytes = Vec::new();
    let limit = u64::try_from(SIZE_MAX).unwrap_or(u64::MAX).saturating_add(1);
    File::open(path)
        .and_then(|file| file.take(limit).read_to_end(&mut bytes))
        .map_err(unread)?;
    String::from_utf8(bytes).map_err(|error| {
        let valid = error.as_bytes().iter().take(error.utf8_error().valid_up_to());
        let line = valid.filter(|byte| **byte == b'\n').count() + 1;
        let message = "not UTF-8: save the file as UTF-8".to_owned();
        Failure::File {
            file: path.display().to_string(),
            mistakes: Mistakes(vec![Mistake { line, message }]),
        }
    })
}

/// Fixes, checks across all connections, compares, and unless it is a dry run stores, against the very connections that were
/// checked.
///
/// # Errors
/// Where it would bill twice, where a stored connection cannot be read, or the table's own.
pub async fn apply(world: &Deps, declaration: &Declaration, dry_run: bool) -> Result<Said, Failure> {
    for _ in 0..TRIES {
        let connections = world.store.connections().await?;
        let guard = connections.guard;
        let all = readable(connections)?;
        let stored = all.iter().find(|one| one.id == declaration.connection.id);
        let mut connection = settled(fix(declaration.clone(), stored), stored);
        exclusive::check(&connection, &all).map_err(|twice| {
            let lines: Vec<_> = twice.iter().map(ToString::to_string).collect();
            Failure::Words(lines.join("\n"))
        })?;
        opening::fix(world, &mut connection).await?;
        let changes = diff(stored, &connection);
        if dry_run || stored == Some(&connection) {
            return Ok(said(&connection, &changes, dry_run, false));
        }
        match world.store.put_connection(&connection, guard).await {
            Ok(_) => return Ok(said(&connection, &changes, dry_run, true)),
            Err(WriteError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Words(
        "other connections keep changing meanwhile: nothing was stored, apply again".to_owned(),
    ))
}

/// A connection that cannot be read may hold anything: nothing is known to be billed once beside it.
fn readable(connections: Connections) -> Result<Vec<Connection>, Failure> {
    let unread = |corrupt| {
        Failure::Words(format!(
            "{corrupt}. Nothing was stored, for what it bills is not known: restore it, or delete it and apply it again"
        ))
    };
    connections
        .list
        .into_iter()
        .map(|one| one.map(|one| one.value).map_err(unread))
        .collect()
}

/// What is the same as stored was applied when that was.
fn settled(mut connection: Connection, stored: Option<&Connection>) -> Connection {
    let Some(stored) = stored else { return connection };
    let now = std::mem::replace(&mut connection.applied_at, stored.applied_at);
    let file = std::mem::replace(&mut connection.file, stored.file.clone());
    if connection != *stored {
        connection.applied_at = now;
    }
    connection.file = file;
    connection
}

fn said(connection: &Connection, changes: &[Change], dry_run: bool, stored: bool) -> Said {
    let mut words: String = changes.iter().map(|change| format!("{change}\n")).collect();
    let end = match (dry_run, stored) {
        (true, _) => "dry run: nothing was stored",
        (false, true) => "stored",
        (false, false) => "nothing to change",
    };
    words.push_str(&format!("{}: {end}\n", connection.id));
    Said::new(
        words,
        json!({"connection": connection.id, "dry_run": dry_run, "stored": stored, "changes": changes}),
    )
}
