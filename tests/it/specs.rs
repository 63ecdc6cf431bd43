//! The services' own documents as judges of what our code sends and what the local world answers.
//!
//! The documents are the services', and not ours to give away: they lie in a folder `shared/specs` beside the checkout, or
//! where `METERBRIDGE_SPECS` says. Where they are not, these tests say so and pass; the judges' own tests need none.

mod findings;
mod metering;
mod metronome;
mod model;
mod open_api;
mod schema;
mod tests;
mod witness;

use std::path::{Path, PathBuf};

use serde_json::Value;

/// A document of the folder, where there is a folder; then the document must be in it.
fn document(name: &str) -> Option<Value> {
    let folder = folder()?;
    let text = std::fs::read_to_string(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    Some(serde_json::from_str(&text).unwrap())
}

/// The folder, which must be there if somebody has said where.
#[expect(
    clippy::disallowed_methods,
    reason = "where the documents are is told to the test, not to the product"
)]
fn folder() -> Option<PathBuf> {
    if let Ok(said) = std::env::var("METERBRIDGE_SPECS") {
        let folder = PathBuf::from(said);
        assert!(
            folder.is_dir(),
            "METERBRIDGE_SPECS: {} is no folder",
            folder.display()
        );
        return Some(folder);
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let folder = root.join("../shared/specs");
    if !folder.is_dir() {
        println!(
            "nothing is checked: the services' documents are not beside the checkout, and METERBRIDGE_SPECS is not set"
        );
        return None;
    }
    Some(folder)
}
