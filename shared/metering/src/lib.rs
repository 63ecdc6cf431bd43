//! One metering run: for every connection, deliver what is in flight, then read, plan, claim, send, settle. The money's
//! decisions are `billing`'s; here is only who is asked, in what order, and what is done when an answer does not come.

mod adopt;
mod books;
mod claim;
mod deliver;
mod meter;
mod read;
mod read_back;
mod report;
mod run;
mod sinks;
mod source;
mod summary;
mod want;

pub use read::amounts::parts_before;
pub use run::{Deps, Order, run};
pub use summary::{
    BuyerSummary, ConnectionSummary, HeldSummary, NoteSummary, RecordSummary, RunSummary, Status,
};
