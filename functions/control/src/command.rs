//! The commands, one file each: what is done with the store, and what is said of it.

pub mod apply;
pub mod books;
pub mod delete;
pub mod list;
pub mod records;
pub mod release;
pub mod resolve;
pub mod run;
pub mod show;
pub mod table;
#[cfg(test)]
mod tests;
mod visit;

use std::io::Write as _;
use std::process::ExitCode;

use metering::Deps;
use platform::Fault;
use platform::text::printable;
use serde_json::{Value, json};
use store::{StoreError, WriteError};
use thiserror::Error;

use crate::cli::{Cli, Command, Table};
use crate::file::Mistakes;

/// So often is a conditional write tried against what somebody else wrote meanwhile: each loss means that another made
/// progress, and a run writes a book only a few times.
pub(crate) const TRIES: u32 = 8;

/// What a command has to say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Said {
    /// For a person; with its line ends.
    pub words: String,
    /// For a program.
    pub json: Value,
    /// What went wrong beside that; the command ends with status 1 if anything did.
    pub wrong: Vec<String>,
}

impl Said {
    fn new(words: impl Into<String>, json: Value) -> Self {
        Self {
            words: words.into(),
            json,
            wrong: Vec::new(),
        }
    }
}

/// Why a command did nothing.
#[derive(Debug, Error)]
pub enum Failure {
    /// The connection file is wrong.
    #[error("{file}: nothing was stored\n{mistakes}")]
    File {
        /// Its path.
        file: String,
        /// What is wrong.
        mistakes: Mistakes,
    },
    /// In words.
    #[error("{0}")]
    Words(String),
    /// The table or another service.
    #[error(transparent)]
    Fault(#[from] Fault),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

impl From<WriteError> for Failure {
    fn from(error: WriteError) -> Self {
        Self::Fault(error.into())
    }
}

impl Failure {
    fn json(&self) -> Value {
        match self {
            Self::File { file, mistakes } => json!({"error": "mistakes", "file": file, "mistakes": mistakes}),
            Self::Words(words) => json!({"error": words}),
            Self::Fault(fault) => json!({"error": fault.message, "kind": fault.kind.to_string()}),
        }
    }
}

/// Does what the command line says, in the world that `open` opens, if it is needed.
///
/// # Errors
/// In words.
pub async fn run(
    command: &Command,
    open: impl AsyncFnOnce() -> Result<Deps, Fault>,
) -> Result<Said, Failure> {
    match command {
        Command::Apply(args) => apply::run(args, open).await,
        Command::List => list::list(&open().await?).await,
        Command::Show { connection } => show::show(&open().await?, connection).await,
        Command::Delete(args) => delete::delete(&open().await?, args).await,
        Command::Run(args) => run::run(&open().await?, args).await,
        Command::Books { connection, buyer } => {
            books::books(&open().await?, connection, buyer.as_deref()).await
        }
        Command::Records(args) => records::records(&open().await?, args).await,
        Command::Resolve(args) => resolve::resolve(&open().await?, args).await,
        Command::Release(args) => release::release(&open().await?, args).await,
        Command::Table(Table::Create) => table::create(&open().await?).await,
    }
}

/// Runs the command line to its exit status: the answer on standard output, what is wrong on standard error.
pub async fn execute(cli: &Cli, open: impl AsyncFnOnce() -> Result<Deps, Fault>) -> ExitCode {
    let (said, failed) = match run(&cli.command, open).await {
        Ok(said) => {
            let failed = !said.wrong.is_empty();
            (said, failed)
        }
        Err(failure) => {
            let wrong = failure.to_string().lines().map(str::to_owned).collect();
            (
                Said {
                    words: String::new(),
                    json: failure.json(),
                    wrong,
                },
                true,
            )
        }
    };
    let answer = if cli.json {
        format!("{:#}\n", said.json)
    } else {
        said.words
    };
    let wrong: String = said
        .wrong
        .iter()
        .map(|line| format!("{}\n", printable(line)))
        .collect();
    let told = std::io::stdout().write_all(answer.as_bytes());
    let told = told.and_then(|()| std::io::stderr().write_all(wrong.as_bytes()));
    // Nobody reads any more (a closed pipe): there is nobody to tell.
    if failed || told.is_err() {
        ExitCode::from(1)
    } else {
        ExitCode::SUCCESS
    }
}
