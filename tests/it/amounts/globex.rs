//! Globex: a customer of Metronome with invoices, and a licence at the marketplace.

use billing::{Amount, Book, Fraction};
use chrono::{SecondsFormat, TimeDelta};
use clap::Parser as _;
use control::cli::Cli;
use control::command::{Failure, Said};
use metering::RunSummary;
use rust_decimal::Decimal;
use sandbox::metronome::{InvoiceStatus, NewContract, NewInvoice};

use super::file::{Buyer, File};
use crate::scene::{ACCOUNT, Scene, at};

/// The month that most tests are in.
pub(super) const NOVEMBER: (&str, &str) = ("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z");
pub(super) const OCTOBER: (&str, &str) = ("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z");
/// Its beginning.
pub(super) const START: &str = NOVEMBER.0;

pub(super) struct Globex {
    pub(super) scene: Scene,
    pub(super) customer: String,
    pub(super) arn: String,
}

impl Globex {
    /// Before there is any invoice, and nothing is applied.
    pub(super) async fn at(now: &str) -> Self {
        let scene = Scene::at(now).await;
        let customer = scene.customer("Globex");
        let arn = scene.license("globex", &["spend"]);
        Self { scene, customer, arn }
    }

    /// In the afternoon of the 20th of November, counted from the month's start, with a draft of so many cents.
    pub(super) async fn with_draft(cents: &str) -> (Self, String) {
        let globex = Self::at("2026-11-20T13:30:00Z").await;
        let draft = globex.draft(NOVEMBER, cents);
        globex.apply(&globex.file()).await;
        (globex, draft)
    }

    /// The buyer `globex`, by its licence.
    pub(super) fn buyer(&self, starts_at: &str, more: &[&str]) -> Buyer {
        Buyer::new("globex", &[&self.customer]).licensed(&self.arn, starts_at, more)
    }

    /// Metered every hour, from November on.
    pub(super) fn file(&self) -> File {
        File::hourly().buyer(self.buyer(START, &[]))
    }

    /// The same, from October on.
    pub(super) fn file_from_october(&self) -> File {
        File::hourly().buyer(self.buyer(OCTOBER.0, &[]))
    }

    pub(super) async fn apply(&self, file: &File) {
        self.scene.apply(&file.text()).await;
    }

    /// What the marketplace bills, and that the books say the same.
    pub(super) async fn bills(&self) -> Decimal {
        let billed = self.scene.billed().get("spend").copied().unwrap_or_default();
        let mut delivered = Fraction::zero();
        for book in self.scene.all_books().await {
            let meters = book.meters.iter().filter(|(key, _)| key.dimension == "spend");
            meters.for_each(|(_, meter)| delivered += &meter.delivered);
        }
        assert_eq!(delivered, Fraction::from(billed));
        billed.normalize()
    }
}

/// Invoices, in whole months unless said otherwise.
impl Globex {
    /// A draft of usage.
    pub(super) fn draft(&self, period: (&str, &str), cents: &str) -> String {
        self.scene.draft(&self.customer, period, cents)
    }

    /// A finalized invoice of usage.
    pub(super) fn finalized(&self, period: (&str, &str), cents: &str) -> String {
        let invoice = self.scene.invoice(&self.customer, period, cents);
        self.scene.sets(NewInvoice {
            status: InvoiceStatus::Finalized,
            ..invoice
        })
    }

    /// A contract that charges so many cents for a call.
    pub(super) fn contract(&self, starting_at: &str, metric: &str, cents: u64) -> String {
        self.scene.contract(&self.customer, starting_at, metric, cents)
    }
}

impl Scene {
    /// A draft of usage of a customer's.
    pub(super) fn draft(&self, customer: &str, period: (&str, &str), cents: &str) -> String {
        self.sets(self.invoice(customer, period, cents))
    }

    /// The same, to be changed before it is set.
    pub(super) fn invoice(&self, customer: &str, (from, until): (&str, &str), cents: &str) -> NewInvoice {
        let invoice = NewInvoice::usage(customer.parse().unwrap(), at(from), at(until));
        NewInvoice {
            total: cents.parse().unwrap(),
            ..invoice
        }
    }

    pub(super) fn sets(&self, invoice: NewInvoice) -> String {
        self.world.metronome.set_invoice(invoice).unwrap().to_string()
    }

    /// What a draft comes to from now on, in cents.
    pub(super) fn comes_to(&self, invoice: &str, cents: &str) {
        let scale = self.invoice("00000000-0000-0000-0000-000000000000", NOVEMBER, cents);
        self.world
            .metronome
            .set_total(invoice.parse().unwrap(), scale.total)
            .unwrap();
    }

    pub(super) fn voids(&self, invoice: &str) {
        self.world
            .metronome
            .void_invoice(invoice.parse().unwrap())
            .unwrap();
    }

    /// Made anew as it was, or as usage and rates are now.
    pub(super) fn regenerates(&self, invoice: &str) -> String {
        let made = self.world.metronome.regenerate_invoice(invoice.parse().unwrap());
        made.unwrap().to_string()
    }

    /// Made anew, to come to so many cents.
    pub(super) fn regenerates_to(&self, invoice: &str, cents: u64) -> String {
        let made = self
            .world
            .metronome
            .regenerate_invoice_of(invoice.parse().unwrap(), cents);
        made.unwrap().to_string()
    }

    /// A contract of a customer's that charges so many cents for each unit of a metric.
    pub(super) fn contract(&self, customer: &str, starting_at: &str, metric: &str, cents: u64) -> String {
        let contract = NewContract::new(customer.parse().unwrap(), at(starting_at));
        let contract = contract.charging(metric.parse().unwrap(), cents);
        self.world
            .metronome
            .create_contract(contract)
            .unwrap()
            .to_string()
    }

    /// The contracts of a customer that are not archived.
    pub(super) async fn contracts_of(&self, customer: &str) -> Vec<String> {
        let deadline = platform::Deadline::after(std::time::Duration::from_secs(60));
        let address = "https://api.metronome.com";
        let token = crate::scene::TOKEN.to_owned().into();
        let client =
            metronome::Client::new(self.deps.transport.clone(), address, token, 8, deadline).unwrap();
        let contracts = client.contracts(customer).await.unwrap();
        contracts.into_iter().map(|contract| contract.id).collect()
    }

    /// Invoice metering at every so many hours from `first` to `last`.
    pub(super) async fn invoices_every(&self, step: i64, first: &str, last: &str) -> Vec<RunSummary> {
        let (mut hour, last) = (at(first), at(last));
        let mut summaries = Vec::new();
        while hour <= last {
            let text = hour.to_rfc3339_opts(SecondsFormat::Secs, true);
            summaries.push(self.invoices(&text).await);
            hour += TimeDelta::hours(step);
        }
        summaries
    }

    /// Applies a connection file, or says why not.
    pub(super) async fn tries(&self, file: &File) -> Result<Said, Failure> {
        let declaration = control::file::read(&file.text(), self.world.clock.now()).unwrap();
        control::command::apply::apply(&self.deps, &declaration, false).await
    }

    /// An operator's command line.
    pub(super) async fn commands(&self, line: &[&str]) -> Said {
        let cli = Cli::try_parse_from(["meterbridge"].iter().chain(line)).unwrap();
        control::command::run(&cli.command, async || Ok(self.deps.clone()))
            .await
            .unwrap()
    }

    /// The books that any connection of the tests has written, each adding up.
    pub(super) async fn all_books(&self) -> Vec<Book> {
        let mut identities = std::collections::BTreeSet::new();
        for connection in ["acme", "other"] {
            for registration in self.deps.store.registrations(connection).await.unwrap() {
                identities.insert(registration.unwrap().identity);
            }
        }
        let mut books = Vec::new();
        for identity in identities {
            let book = self.deps.store.book(&identity).await.unwrap().unwrap().value;
            assert_eq!(book.check(), Ok(()), "{identity}");
            books.push(book);
        }
        books
    }

    /// The only stream of amounts.
    pub(super) async fn amount(&self) -> Amount {
        let books = self.all_books().await;
        let mut amounts = books.into_iter().flat_map(|book| book.amounts.into_values());
        let amount = amounts.next().unwrap();
        assert_eq!(amounts.next(), None);
        amount
    }

    /// The bill line by line: licence, hour and quantity, in the order of the hours.
    pub(super) fn lines(&self) -> Vec<String> {
        let mut records = self.world.metering.records();
        records.sort_by_key(|record| record.hour);
        let line = |record: &sandbox::aws::metering::Stored| {
            let hour = record.hour.format("%m-%d %Hh");
            format!("{hour} {}", record.quantity.normalize())
        };
        records.iter().map(line).collect()
    }

    /// What the marketplace bills under one licence.
    pub(super) fn billed_under(&self, arn: &str) -> Decimal {
        let identity = sandbox::aws::metering::Identity::license(ACCOUNT, arn);
        self.world.metering.billed(&identity, "spend").normalize()
    }
}
