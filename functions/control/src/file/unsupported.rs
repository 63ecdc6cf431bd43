//! What the connection file has a place for and this version does not do yet: refused by name, never passed over in silence.

/// Keys, as (section, key).
const KEYS: &[(&str, &str)] = &[
    ("the file", "invoices"),
    ("the file", "vantage"),
    ("the file", "solvimon"),
    ("the file", "endpoints"),
    ("[aws]", "landing_page"),
    ("[[buyer]]", "contracts"),
    ("[[buyer]]", "azure"),
    ("[[buyer]]", "gcp"),
    ("[[buyer]]", "suger"),
    ("[[buyer.entitlement]]", "azure"),
    ("[[buyer.entitlement]]", "gcp"),
    ("[[buyer.entitlement]]", "suger"),
];

/// Values, as (key, value).
const VALUES: &[(&str, &str)] = &[
    ("billing_mode", "amount_hourly"),
    ("billing_mode", "amount_daily"),
    ("from", "metronome"),
    ("marketplace", "azure"),
    ("marketplace", "gcp"),
    ("marketplace", "suger"),
];

/// Whether a section's key is one of them.
pub(super) fn key(section: &str, key: &str) -> bool {
    KEYS.contains(&(section, key))
}

/// Whether a key's value is one of them.
pub(super) fn value(key: &str, value: &str) -> bool {
    VALUES.contains(&(key, value))
}
