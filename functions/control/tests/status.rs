//! The binary as a script sees it: exit status, standard output, standard error.
#![expect(clippy::unwrap_used, reason = "a test's own helpers fail as the test does")]

use std::path::PathBuf;
use std::process::{Command, Output};

fn meterbridge(words: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_meterbridge"));
    command
        .args(words)
        .env_remove("METERBRIDGE_TABLE")
        .env_remove("METERBRIDGE_LOG")
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A connection file of the test's own.
fn file(name: &str, text: &str) -> PathBuf {
    let path = std::env::temp_dir().join(format!("meterbridge-status-{}-{name}.toml", std::process::id()));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn misuse_is_status_2_and_help_is_0() {
    for words in [
        &["nonsense"][..],
        &[],
        &["apply"],
        &["records", "acme", "--csv", "--json"],
    ] {
        assert_eq!(meterbridge(words).status.code(), Some(2), "{words:?}");
    }
    assert_eq!(meterbridge(&["--help"]).status.code(), Some(0));
    assert_eq!(meterbridge(&["--version"]).status.code(), Some(0));
}

#[test]
fn mistakes_are_status_1_each_on_its_line_of_standard_error() {
    let path = file("mistakes", "id = \"a b\"\nsecret = \"prod/db\"\nopen_day = 3\n");
    let answer = meterbridge(&["apply", path.to_str().unwrap()]);
    assert_eq!(answer.status.code(), Some(1));
    assert_eq!(text(&answer.stdout), "");
    let lines = text(&answer.stderr);
    let lines: Vec<_> = lines.lines().collect();
    assert_eq!(lines.len(), 4, "{lines:?}");
    assert!(lines[0].ends_with("nothing was stored"));
    assert_eq!(
        lines[3],
        "line 3: `open_day` is not a key of the file: did you mean `open_days`?"
    );
    let json = meterbridge(&["apply", path.to_str().unwrap(), "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&json.stdout).unwrap();
    assert_eq!(document["mistakes"][2]["line"], 3);
    std::fs::remove_file(path).unwrap();
}

#[test]
fn a_table_that_is_not_named_is_status_1_in_words() {
    let answer = meterbridge(&["list"]);
    assert_eq!(answer.status.code(), Some(1));
    assert!(
        text(&answer.stderr).starts_with("METERBRIDGE_TABLE is not set"),
        "{}",
        text(&answer.stderr)
    );
}
