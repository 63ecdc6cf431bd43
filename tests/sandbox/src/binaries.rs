//! The functions' own binaries, built by the cargo that built this.

#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde::Deserialize;

/// The workspace, as it was when this was compiled: the simulators are never installed elsewhere.
const MANIFEST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");

#[derive(Deserialize)]
struct Message {
    reason: String,
    target: Option<Target>,
    executable: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    kind: Vec<String>,
}

/// Builds these binaries, each named by its package and itself, and returns where they are, in that order.
///
/// They are built in the profile that the running executable was built in. What the compiler has to say goes to standard
/// error. The build takes as long as it takes: how long is not known, and cargo itself bounds its waits.
///
/// # Errors
///
/// When cargo cannot be run, the build fails, or a package has no binary of its name.
pub fn build(binaries: &[(&str, &str)]) -> io::Result<Vec<PathBuf>> {
    let mut cargo = Command::new(env!("CARGO"));
    cargo.args([
        "build",
        "--quiet",
        "--message-format=json-render-diagnostics",
        "--manifest-path",
        MANIFEST,
    ]);
    cargo.args(["--profile", profile_of(&std::env::current_exe()?)]);
    for (package, name) in binaries {
        cargo.args(["--package", package, "--bin", name]);
    }
    let output = cargo.stdin(Stdio::null()).stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!(
            "cargo build of {binaries:?} failed: {}",
            output.status
        )));
    }
    let executables = executables(&output.stdout);
    binaries
        .iter()
        .map(|(_, name)| {
            let found = executables.iter().find(|(built, _)| built == name);
            found
                .map(|(_, path)| path.clone())
                .ok_or_else(|| io::Error::other(format!("cargo built no {name}")))
        })
        .collect()
}

/// The binaries that cargo's messages name.
fn executables(messages: &[u8]) -> Vec<(String, PathBuf)> {
    let of_message = |line: &[u8]| {
        let Message {
            reason,
            target,
            executable,
        } = serde_json::from_slice(line).ok()?;
        let target = target.filter(|target| target.kind.iter().any(|kind| kind == "bin"))?;
        (reason == "compiler-artifact").then_some((target.name, executable?))
    };
    messages
        .split(|byte| *byte == b'\n')
        .filter_map(of_message)
        .collect()
}

/// The profile whose folder `executable` is in: `target/<profile>/x`, or `target/<profile>/deps/x` for a test.
fn profile_of(executable: &Path) -> &str {
    let folder = executable
        .ancestors()
        .skip(1)
        .filter_map(|folder| folder.file_name()?.to_str())
        .find(|name| !matches!(*name, "deps" | "examples"));
    match folder {
        None | Some("debug") => "dev",
        Some(profile) => profile,
    }
}
