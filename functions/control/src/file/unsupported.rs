//! What the connection file has a place for and this version does not do yet: refused by name, never passed over in silence.

/// Keys, as (section, key).
const KEYS: &[(&str, &str)] = &[
    ("the file", "vantage"),
    ("the file", "solvimon"),
    ("[aws]", "landing_page"),
    ("[endpoints]", "vantage"),
];

/// Whether a section's key is one of them.
pub(super) fn key(section: &str, key: &str) -> bool {
    KEYS.contains(&(section, key))
}
