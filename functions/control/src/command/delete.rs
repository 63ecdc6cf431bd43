//! `delete CONNECTION [--force] [--keep-secret]`

use std::collections::BTreeSet;

use aws_sdk_secretsmanager::error::{DisplayErrorContext, ProvideErrorMetadata as _};
use platform::{Connection, secrets};
use serde_json::json;
use store::{Corrupt, Versioned, WriteError};

use super::{Deps, Failure, Said, TRIES, visit};
use crate::cli::Delete;

type Stored = Result<Versioned<Connection>, Corrupt>;

/// Deletes a connection, and its secret at once and for good unless it is kept or another connection names it. Books, owners,
/// parked records and the audit trail stay: applied again, the connection bills nothing twice.
///
/// # Errors
/// Where there is no such connection, or records are in flight that no run would settle any more, unless forced; the table's
/// own.
pub async fn delete(world: &Deps, args: &Delete) -> Result<Said, Failure> {
    let id = &args.connection;
    for _ in 0..TRIES {
        let connections = world.store.connections().await?;
        let guard = connections.guard;
        let (own, others): (Vec<_>, Vec<_>) = connections.list.into_iter().partition(|one| is(one, id));
        let Some(own) = own.into_iter().next() else {
            return Err(Failure::Words(format!("no connection `{id}` is stored")));
        };
        let connection = own.ok().map(|one| one.value);
        if !args.force {
            nothing_in_flight(world, id, connection.as_ref()).await?;
        }
        match world.store.delete_connection(id, guard).await {
            Ok(_) => return Ok(deleted(world, args, connection.as_ref(), &others).await),
            Err(WriteError::Conflict(_)) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Err(Failure::Words(
        "other connections keep changing meanwhile: nothing was deleted, try again".to_owned(),
    ))
}

/// One that cannot be read is known by its key, which ends in its id.
fn is(stored: &Stored, id: &str) -> bool {
    match stored {
        Ok(connection) => connection.value.id == id,
        Err(corrupt) => corrupt.key.contains(&format!("connection#{id}`")),
    }
}

async fn nothing_in_flight(world: &Deps, id: &str, connection: Option<&Connection>) -> Result<(), Failure> {
    let (visits, mut corrupt) = visit::books(&world.store, id, connection).await?;
    let mut flying = 0;
    for visit in visits {
        match visit.book {
            Some(Ok(book)) => flying += book.value.in_flight.len(),
            Some(Err(error)) => corrupt.push(error),
            None => {}
        }
    }
    if let Some(error) = corrupt.first() {
        return Err(Failure::Words(format!(
            "{error}. Nothing was deleted, for what is in flight is not known: restore it, or --force"
        )));
    }
    if flying > 0 {
        return Err(Failure::Words(format!(
            "{flying} records of `{id}` are in flight, and no run would settle them any more: wait for the next run, or --force"
        )));
    }
    Ok(())
}

async fn deleted(world: &Deps, args: &Delete, own: Option<&Connection>, others: &[Stored]) -> Said {
    let id = &args.connection;
    let fate = secret(world, args, own, others).await;
    let (deleted, words, wrong) = match fate {
        Ok((deleted, words)) => (deleted, format!("{id}: deleted; {words}\n"), Vec::new()),
        Err(reason) => (false, format!("{id}: deleted; its secret is not\n"), vec![reason]),
    };
    Said {
        words,
        json: json!({"connection": id, "deleted": true, "secret_deleted": deleted}),
        wrong,
    }
}

/// Whether the secret was deleted, and in words what became of it.
async fn secret(
    world: &Deps,
    args: &Delete,
    own: Option<&Connection>,
    others: &[Stored],
) -> Result<(bool, String), String> {
    if args.keep_secret {
        return Ok((false, "its secret is kept".to_owned()));
    }
    let Some(name) = own.map(|connection| &connection.secret) else {
        return Err("it could not be read, so its secret is not known: delete that by hand".to_owned());
    };
    let names = names(name);
    for other in others {
        match other {
            Err(corrupt) => {
                return Err(format!(
                    "{corrupt}; it may name the secret `{name}`, which is kept therefore"
                ));
            }
            Ok(other) if !names.is_disjoint(&self::names(&other.value.secret)) => {
                return Ok((
                    false,
                    format!("its secret is kept, for `{}` names it too", other.value.id),
                ));
            }
            Ok(_) => {}
        }
    }
    erase(world, name).await
}

async fn erase(world: &Deps, name: &str) -> Result<(bool, String), String> {
    if !secrets::allowed(name) {
        return Err(format!(
            "the secret's name `{name}` does not begin with `{}`",
            secrets::PREFIX
        ));
    }
    let request = world
        .secrets
        .delete_secret()
        .secret_id(name)
        .force_delete_without_recovery(true);
    match request.send().await {
        Ok(_) => Ok((true, format!("its secret {name} too"))),
        Err(error) if error.code() == Some("ResourceNotFoundException") => {
            Ok((false, format!("its secret {name} was not there")))
        }
        Err(error) => {
            let reason = error
                .code()
                .map_or_else(|| DisplayErrorContext(&error).to_string(), str::to_owned);
            Err(format!(
                "the secret `{name}` could not be deleted ({reason}): delete it by hand"
            ))
        }
    }
}

/// What a secret may be called: its name, or its name in its ARN with or without the six characters that AWS appends
/// (Secrets Manager user guide, "What's in a secret", read 2026-11-21).
fn names(secret: &str) -> BTreeSet<String> {
    let name = if secret.starts_with("arn:") {
        secret.rsplit(':').next().unwrap_or(secret)
    } else {
        secret
    };
    let mut names = BTreeSet::from([name.to_owned()]);
    if let Some((bare, suffix)) = name.rsplit_once('-')
        && secret.starts_with("arn:")
        && suffix.len() == 6
    {
        names.insert(bare.to_owned());
    }
    names
}

#[cfg(test)]
mod tests {
    use super::names;

    #[test]
    fn a_secret_is_the_same_by_name_and_by_arn() {
        let arn = "arn:aws:secretsmanager:us-east-1:123456789012:secret:meterbridge/acme-AbCdEf";
        assert!(!names("meterbridge/acme").is_disjoint(&names(arn)));
        assert!(names("meterbridge/acme").is_disjoint(&names("meterbridge/acme-prodab")));
    }
}
