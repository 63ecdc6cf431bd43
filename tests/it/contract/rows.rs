//! The marketplaces, and where they differ by their documents: a row for each reading that the documents allow.

use sandbox::World;
use sandbox::aws::metering::IdenticalRetry;
use sandbox::gcp::service_control::SameOperation;

use crate::market::Market;

/// A marketplace under one reading of its documents. Expectations say what becomes of the record of 7, and what the
/// marketplace holds then.
pub(super) struct Row {
    pub(super) name: &'static str,
    pub(super) market: Market,
    /// `unknown = "park"`.
    pub(super) park: bool,
    /// Chooses the reading.
    pub(super) reading: fn(&World),
    /// A request that did not arrive is made again.
    pub(super) dropped: &'static str,
    /// A record that was taken, its answer lost, is sent again.
    pub(super) again: &'static str,
    /// The same, as a person or a later run finds it at the end.
    pub(super) at_last: &'static str,
    /// A record that is held already is sent as if for the first time.
    pub(super) known: &'static str,
    /// Somebody else's record of 3 stands in the hour.
    pub(super) stranger: &'static str,
    /// The dimension is not one of the product's.
    pub(super) misspelt: &'static str,
    /// The buyer's subscription ended two hours before.
    pub(super) ended: &'static str,
}

/// What becomes of most records.
pub(super) const DELIVERED: &str = "delivered, holds 7";

/// Where nothing differs from it.
const SUGER: Row = Row {
    name: "Suger",
    market: Market::Suger,
    park: false,
    reading: |_| {},
    dropped: DELIVERED,
    again: DELIVERED,
    at_last: DELIVERED,
    known: DELIVERED,
    // Groups of one hour add up; the id alone tells them apart.
    stranger: "delivered, holds 3 + 7",
    misspelt: "parked, holds nothing",
    ended: "parked, holds nothing",
};

const AWS: Row = Row {
    name: "AWS, where an identical retry succeeds",
    market: Market::Aws,
    reading: |world| {
        world
            .metering
            .switch(|switches| switches.identical_retry = IdenticalRetry::Success)
    },
    stranger: "parked, holds 3",
    ended: "returned, holds nothing",
    ..SUGER
};

const GOOGLE: Row = Row {
    name: "Google, where an operation counts once",
    market: Market::Gcp,
    // Both are NOT_FOUND, which may pass.
    misspelt: "returned, holds nothing",
    ended: "returned, holds nothing",
    ..SUGER
};

pub(super) static ROWS: [Row; 7] = [
    AWS,
    Row {
        name: "AWS, where an identical retry is a duplicate",
        reading: |world| {
            world
                .metering
                .switch(|switches| switches.identical_retry = IdenticalRetry::DuplicateRecord);
        },
        again: "delivered_unproven, holds 7",
        at_last: "delivered_unproven, holds 7",
        known: "parked, holds 7",
        ..AWS
    },
    Row {
        name: "Azure",
        market: Market::Azure,
        reading: |_| {},
        // It tells the quantity that it holds.
        stranger: "parked, holds 3",
        ended: "returned, holds nothing",
        ..SUGER
    },
    GOOGLE,
    Row {
        name: "Google, where each operation adds up",
        reading: |world| {
            world
                .service_control
                .switch(|switches| switches.same_operation = SameOperation::Added);
        },
        again: "delivered, holds 7 + 7",
        at_last: "delivered, holds 7 + 7",
        known: "delivered, holds 7 + 7",
        ..GOOGLE
    },
    Row {
        name: "Google, where each operation adds up, under park",
        park: true,
        reading: |world| {
            world
                .service_control
                .switch(|switches| switches.same_operation = SameOperation::Added);
        },
        dropped: "in_flight, holds nothing",
        again: "in_flight, holds 7",
        at_last: "parked, holds 7",
        known: "delivered, holds 7 + 7",
        ..GOOGLE
    },
    SUGER,
];
