//! The money core, pure: from what Metronome has counted to what a marketplace is told, without a clock, a network or a
//! database. [`plan()`] turns (book, readings, configuration, hour) into (book, records); [`settle()`] turns (book, answers) into
//! a book. Everything else here is what those two speak of.
//!
//! The laws (conservation, never over, once, monotone, nothing lost, isolation) are stated as properties in this crate's
//! tests; conservation is besides checked on every book before it is written ([`Book::check`]).

pub mod amounts;
pub mod book;
pub mod conversion;
pub mod fraction;
mod grow;
pub mod held;
pub mod hour;
pub mod identity;
pub mod owner;
mod place;
pub mod plan;
pub mod record;
pub mod resolve;
pub mod rules;
pub mod settle;
pub mod span;
pub mod stream;
pub mod text;
pub mod wanted;
mod weigh;

pub use amounts::{
    Amount, AmountKey, AmountNote, AmountReading, AmountSource, AmountToRead, Closed, HeldAmount, Share,
};
pub use book::{Block, Book, Entitlement, Meter, MeterKey};
pub use conversion::{Accumulation, Group, Target};
pub use fraction::Fraction;
pub use held::{Held, Hold};
pub use hour::{Hour, Month, Span};
pub use identity::{AwsBuyer, AwsIdentity, Destination, GcpValue, Identity};
pub use owner::{Counter, Owner};
pub use plan::{Plan, Readings, Run, ToRead, place_owed, plan, to_read};
pub use record::{Answer, Attempt, Entry, InFlight, Outcome, Receipt, Record, Refusal};
pub use resolve::{Resolution, resolve};
pub use rules::{MonthEnd, Rules, Unanswered, Unit};
pub use settle::{Found, Learned, expire, found, note_attempt, settle, to_read_back};
pub use stream::{Base, HoldNote, Opening, Reading, Stream, StreamKey};
pub use wanted::{Source, Terms, Wanted};
pub use weigh::weigh;
