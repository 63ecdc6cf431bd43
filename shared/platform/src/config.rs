//! The environment, read once. Nothing secret is ever in it.

use crate::{Fault, FaultKind};

/// What a function or the command line takes from its environment, beside what the AWS SDK reads itself.
#[derive(Clone, Debug)]
pub struct Environment {
    /// The DynamoDB table. Read from `METERBRIDGE_TABLE`.
    pub table: String,
}

impl Environment {
    /// Reads it from the process.
    ///
    /// # Errors
    /// [`FaultKind::Misconfigured`] names each variable that is missing.
    pub fn load() -> Result<Self, Fault> {
        Self::from(variable)
    }

    /// Reads it from `lookup`.
    ///
    /// # Errors
    /// As [`Environment::load`].
    pub fn from(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, Fault> {
        let table = lookup("METERBRIDGE_TABLE").filter(|name| !name.is_empty()).ok_or_else(|| {
            Fault::new(
                FaultKind::Misconfigured,
                "METERBRIDGE_TABLE is not set: set it to the name of the DynamoDB table (`meterbridge table create` makes one)",
            )
        })?;
        Ok(Self { table })
    }
}

/// One variable of the process's environment.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place where the environment enters"
)]
pub(crate) fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}
