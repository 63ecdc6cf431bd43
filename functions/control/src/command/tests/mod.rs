//! The commands against a DynamoDB in the test's own process, and a Secrets Manager that notes what it is asked.

mod money;
mod stored;
mod world;
