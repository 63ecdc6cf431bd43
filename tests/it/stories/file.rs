//! Connection files, put together from the parts that a story is about.

use crate::scene::ACCOUNT;

/// A connection file of `acme`, its buyers counted from the start unless they say otherwise.
#[derive(Clone)]
pub(super) struct File {
    head: Vec<String>,
    tables: Vec<String>,
}

/// A buyer of a connection file.
#[derive(Clone)]
pub(super) struct Buyer {
    lines: Vec<String>,
    entitlements: Vec<String>,
}

impl File {
    pub(super) fn new() -> Self {
        Self::of("acme")
    }

    /// Another connection than `acme`, to the same Metronome.
    pub(super) fn of(id: &str) -> Self {
        let head = [
            &format!("id = {id:?}"),
            "secret = \"meterbridge/acme\"",
            "billing_mode = \"quantity\"",
        ];
        Self {
            head: head.map(str::to_owned).to_vec(),
            tables: Vec::new(),
        }
    }

    /// A line of the file's own.
    pub(super) fn with(mut self, line: &str) -> Self {
        self.head.push(line.to_owned());
        self
    }

    pub(super) fn whitelist(self, metrics: &[&str]) -> Self {
        self.table(format!("[whitelist]\nmetrics = {metrics:?}"))
    }

    /// A metric, the dimension that it is billed in, and whatever else there is to say of that, a line each.
    pub(super) fn converts(self, metric: &str, dimension: &str, more: &[&str]) -> Self {
        self.table(format!(
            "[[conversion]]\nfrom = {metric:?}\nto = {dimension:?}\n{}",
            more.join("\n")
        ))
    }

    pub(super) fn buyer(self, buyer: &Buyer) -> Self {
        self.table(buyer.text())
    }

    fn table(mut self, table: String) -> Self {
        self.tables.push(table);
        self
    }

    pub(super) fn text(&self) -> String {
        format!("{}\n\n{}\n", self.head.join("\n"), self.tables.join("\n\n"))
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

    /// An entitlement by a licence of `prod-1` in us-east-1, with a beginning and whatever else there is to say of it.
    pub(super) fn licensed(self, arn: &str, starts_at: &str, more: &[&str]) -> Self {
        self.licensed_in("us-east-1", arn, starts_at, more)
    }

    pub(super) fn licensed_in(self, region: &str, arn: &str, starts_at: &str, more: &[&str]) -> Self {
        let who = format!(
            "product = \"prod-1\", account_id = \"{ACCOUNT}\", license_arn = {arn:?}, region = {region:?}"
        );
        self.entitled(&who, starts_at, more)
    }

    /// An entitlement by `prod-1` as a product code, and the buyer's account.
    pub(super) fn of_product(self, starts_at: &str, more: &[&str]) -> Self {
        let who = format!("product_code = \"prod-1\", account_id = \"{ACCOUNT}\", region = \"us-east-1\"");
        self.entitled(&who, starts_at, more)
    }

    fn entitled(mut self, who: &str, starts_at: &str, more: &[&str]) -> Self {
        let more = more.join("\n");
        self.entitlements.push(format!(
            "[[buyer.entitlement]]\nstarts_at = {starts_at}\n{more}\naws = {{ {who} }}"
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
