use super::*;

#[test]
fn the_profile_is_the_folder_that_the_executable_is_in() {
    for (executable, profile) in [
        ("/w/target/debug/sandbox", "dev"),
        ("/w/target/debug/deps/it-0123", "dev"),
        ("/w/target/debug/examples/x", "dev"),
        ("/w/target/release/deps/it-0123", "release"),
        ("/w/target/x86_64-unknown-linux-gnu/release/sandbox", "release"),
        ("/w/target/lean/sandbox", "lean"),
    ] {
        assert_eq!(profile_of(Path::new(executable)), profile, "{executable}");
    }
}

#[test]
fn only_binaries_are_taken_from_cargos_messages() {
    let messages = br#"{"reason":"compiler-artifact","target":{"name":"store","kind":["lib"]},"executable":null}
{"reason":"compiler-artifact","target":{"name":"it","kind":["test"]},"executable":"/w/target/debug/deps/it-1"}
{"reason":"build-script-executed","package_id":"x"}
{"reason":"compiler-artifact","target":{"name":"webhook","kind":["bin"]},"executable":"/w/target/debug/webhook"}
{"reason":"build-finished","success":true}
"#;
    assert_eq!(
        executables(messages),
        [("webhook".to_owned(), PathBuf::from("/w/target/debug/webhook"))]
    );
}

#[test]
fn a_package_that_is_not_there_is_an_error() {
    let error = build(&[("no-such-package", "no-such-function")]).unwrap_err();
    assert!(error.to_string().contains("no-such-function"), "{error}");
}
