//! The time that an entitlement runs.

use chrono::{DateTime, Utc};
use platform::connection::Entitlement;

/// From its start up to, not including, its end, if it has one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Term {
    /// When it begins.
    pub from: DateTime<Utc>,
    /// When it ends.
    pub until: Option<DateTime<Utc>>,
}

impl Term {
    /// That of an entitlement.
    #[must_use]
    pub fn of(entitlement: &Entitlement) -> Self {
        Self {
            from: entitlement.starts_at,
            until: entitlement.ends_at,
        }
    }

    /// Whether the two have an instant in common.
    #[must_use]
    pub fn overlaps(self, other: Self) -> bool {
        let begins_before_end = |one: Self, two: Self| two.until.is_none_or(|end| one.from < end);
        begins_before_end(self, other) && begins_before_end(other, self)
    }
}
