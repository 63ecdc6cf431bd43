//! Connection files of the amount modes, put together from the parts that a test is about.

use crate::scene::ACCOUNT;

/// A connection file that turns dollars into the dimension `spend`.
#[derive(Clone)]
pub(super) struct File {
    head: Vec<String>,
    conversion: Vec<String>,
    buyers: Vec<Buyer>,
}

/// A buyer of it.
#[derive(Clone)]
pub(super) struct Buyer {
    lines: Vec<String>,
    entitlements: Vec<String>,
}

impl File {
    /// A connection in a mode.
    pub(super) fn of(id: &str, mode: &str) -> Self {
        let head = [
            format!("id = {id:?}"),
            "secret = \"meterbridge/acme\"".to_owned(),
            format!("billing_mode = {mode:?}"),
        ];
        Self {
            head: head.to_vec(),
            conversion: vec!["from = \"metronome\"".to_owned(), "to = \"spend\"".to_owned()],
            buyers: Vec::new(),
        }
    }

    /// `acme`, every hour.
    pub(super) fn hourly() -> Self {
        Self::of("acme", "amount_hourly")
    }

    /// A line of the file's own.
    pub(super) fn with(mut self, line: &str) -> Self {
        self.head.push(line.to_owned());
        self
    }

    /// A line of its conversion.
    pub(super) fn converting(mut self, line: &str) -> Self {
        self.conversion.push(line.to_owned());
        self
    }

    pub(super) fn buyer(mut self, buyer: Buyer) -> Self {
        self.buyers.push(buyer);
        self
    }

    pub(super) fn text(&self) -> String {
        let conversion = format!("[[conversion]]\n{}", self.conversion.join("\n"));
        let tables = [self.head.join("\n"), conversion]
            .into_iter()
            .chain(self.buyers.iter().map(Buyer::text));
        tables.collect::<Vec<_>>().join("\n\n")
    }
}

impl Buyer {
    /// A buyer with its Metronome customers, counted from the start.
    pub(super) fn new(id: &str, customers: &[&str]) -> Self {
        Self::counted(id, customers, "start")
    }

    /// A buyer counted from the apply on.
    pub(super) fn from_now(id: &str, customers: &[&str]) -> Self {
        Self::counted(id, customers, "now")
    }

    fn counted(id: &str, customers: &[&str], from: &str) -> Self {
        Self {
            lines: vec![
                format!("id = {id:?}"),
                format!("customer_ids = {customers:?}"),
                format!("bill_from = {from:?}"),
            ],
            entitlements: Vec::new(),
        }
    }

    /// Only these contracts.
    pub(super) fn contracts(mut self, contracts: &[&str]) -> Self {
        self.lines.push(format!("contracts = {contracts:?}"));
        self
    }

    /// An entitlement by a licence of `prod-1`, metered to the cent; with whatever else there is to say of it, a line each.
    pub(super) fn licensed(self, arn: &str, starts_at: &str, more: &[&str]) -> Self {
        self.entitled(arn, ", decimals = true", starts_at, more)
    }

    /// The same, metered in whole units.
    pub(super) fn in_whole_units(self, arn: &str, starts_at: &str, more: &[&str]) -> Self {
        self.entitled(arn, "", starts_at, more)
    }

    fn entitled(mut self, arn: &str, places: &str, starts_at: &str, more: &[&str]) -> Self {
        self.entitlements.push(format!(
            "[[buyer.entitlement]]\nstarts_at = {starts_at}\n{}\naws = {{ product = \"prod-1\", \
             account_id = \"{ACCOUNT}\", license_arn = {arn:?}, region = \"us-east-1\"{places} }}",
            more.join("\n")
        ));
        self
    }

    fn text(&self) -> String {
        format!(
            "[[buyer]]\n{}\n\n{}",
            self.lines.join("\n"),
            self.entitlements.join("\n\n")
        )
    }
}
