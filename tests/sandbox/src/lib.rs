//! The local world: strict, stateful simulators of everything Meterbridge talks to.
//!
//! A simulator is a [`Service`]: a plain function from a request to a reply over its own state. The same simulator is
//! reached over a socket ([`serve`]) or in process, so that a scenario can run on real binaries or on a paused clock.
//! Simulators implement the services' documented rules and know nothing of the code they judge.

pub mod aws;
pub mod azure;
pub mod binaries;
pub mod clock;
pub mod faults;
pub mod gcp;
pub mod lambda;
pub mod metronome;
pub mod serve;
pub mod service;
pub mod stage;
pub mod suger;
pub mod tale;
pub mod world;

pub use clock::Clock;
pub use service::{Fate, Service};
pub use world::World;
