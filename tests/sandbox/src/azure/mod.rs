//! Microsoft's services, as far as the world needs them: Entra's token endpoint and the commercial marketplace's metering.
//!
//! Where Microsoft's documents contradict each other or are silent, the stricter reading is taken, or a switch chooses.

pub mod entra;
pub mod metering;
mod tokens;

pub use entra::Entra;
pub use metering::Azure;
pub use tokens::{Application, Tokens};
