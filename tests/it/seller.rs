//! A seller on several marketplaces at once, by one connection: a buyer on each of them, billed by quantity or by amounts. Two
//! sellers may stand in one scene, each with buyers of its own.

use std::fmt::Write as _;

use metering::RunSummary;
use sandbox::metronome::NewInvoice;

use crate::market::{self, DIMENSIONS, Market};
use crate::scene::{Scene, at};

/// The event types of the metrics, which flow into [`DIMENSIONS`]: calls one by one, tokens by the three.
const METRICS: [&str; 2] = ["calls", "tokens"];

/// What is billed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Quantity,
    AmountHourly,
}

/// The seller, and its buyers as Metronome knows them.
pub(crate) struct Seller {
    mode: Mode,
    /// The buyers' marketplaces and customers; a buyer's number is its marketplace's own.
    buyers: Vec<(Market, String)>,
    /// In the amount modes, the draft of each.
    invoices: Vec<String>,
}

impl Seller {
    /// On these marketplaces, its connection applied. `line` may say more about a buyer's destination.
    pub(crate) async fn on(scene: &Scene, markets: &[Market], mode: Mode) -> Self {
        Self::with(scene, markets, mode, |line| line).await
    }

    /// The same, with the destinations' lines in the connection file changed so.
    pub(crate) async fn with(
        scene: &Scene,
        markets: &[Market],
        mode: Mode,
        line: impl Fn(String) -> String,
    ) -> Self {
        let (name, first) = match mode {
            Mode::Quantity => ("quantity", 0),
            Mode::AmountHourly => ("amount_hourly", 100),
        };
        let mut file =
            format!("id = \"acme-{name}\"\nsecret = \"meterbridge/acme\"\nbilling_mode = \"{name}\"\n");
        file += "[metronome]\nbase_url = \"https://api.metronome.com\"\n";
        file += &mode.conversions(scene);
        let mut seller = Self {
            mode,
            buyers: Vec::new(),
            invoices: Vec::new(),
        };
        scene
            .world
            .secrets
            .put("meterbridge/acme", &market::secret().to_string());
        for (number, market) in (first..).zip(markets) {
            market.open(&scene.world);
            market.subscribe(&scene.world, number);
            let customer = scene.customer(&format!("{name} {number}"));
            write!(
                file,
                "[[buyer]]\nid = \"{}-{number:03}\"\ncustomer_id = \"{customer}\"\nbill_from = \"start\"\n\
                 starts_at = 2026-11-01T00:00:00Z\n{}\n",
                market.word(),
                line(market.line(number))
            )
            .unwrap();
            if mode == Mode::AmountHourly {
                seller.invoices.push(draft(scene, &customer));
            }
            seller.buyers.push((*market, customer));
        }
        scene.apply(&file).await;
        seller
    }

    /// Usage, or growth of the invoices: of each buyer a little more than of the one before it, so that nothing adds up by
    /// chance.
    pub(crate) fn uses(&self, scene: &Scene, when: &str) {
        for (index, (_, customer)) in self.buyers.iter().enumerate() {
            match self.mode {
                Mode::Quantity => {
                    scene.usage(customer, "calls", when, &format!("{}.5", 7 + index));
                    scene.usage(customer, "tokens", when, &format!("{}", 100 + index));
                }
                Mode::AmountHourly => {
                    // Cents, half a dollar among them.
                    let (world, invoice) = (&scene.world, self.invoices[index].parse().unwrap());
                    let so_far = world
                        .metronome
                        .invoice_total_of(customer.parse().unwrap(), &[], &[]);
                    let grown = so_far
                        + sandbox::metronome::BigDecimal::from(1_250 + 100 * u64::try_from(index).unwrap());
                    world.metronome.set_total(invoice, grown).unwrap();
                }
            }
        }
    }

    /// The hourly run of its mode.
    pub(crate) async fn hour(&self, scene: &Scene, hour: &str) -> RunSummary {
        match self.mode {
            Mode::Quantity => scene.hour(hour).await,
            Mode::AmountHourly => scene.invoices(hour).await,
        }
    }
}

impl Mode {
    fn conversions(self, scene: &Scene) -> String {
        let [calls, tokens] = DIMENSIONS;
        match self {
            Self::Quantity => {
                let [from_calls, from_tokens] = METRICS.map(|name| scene.sum(name));
                format!(
                    "[[conversion]]\nfrom = \"{from_calls}\"\nto = \"{calls}\"\n\
                     [[conversion]]\nfrom = \"{from_tokens}\"\nto = \"{tokens}\"\ndivide = \"3\"\n"
                )
            }
            Self::AmountHourly => format!("[[conversion]]\nfrom = \"metronome\"\nto = \"{tokens}\"\n"),
        }
    }
}

/// A draft of November's usage.
fn draft(scene: &Scene, customer: &str) -> String {
    let (from, until) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let invoice = NewInvoice::usage(customer.parse().unwrap(), from, until);
    scene.world.metronome.set_invoice(invoice).unwrap().to_string()
}
