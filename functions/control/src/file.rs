//! The connection file: TOML in, a [`Declaration`] out, or everything that is wrong with it, each mistake with its line.

mod agreement;
mod aws;
mod buyer;
mod conversion;
mod marketplace;
mod mistake;
mod section;
#[cfg(test)]
mod tests;
mod text;
mod unsupported;

use std::collections::BTreeSet;

use chrono::{DateTime, Utc};
use platform::Connection;
use platform::connection::{BillingMode, Buyer, BuyerCustomer, MetronomeAccount, Whitelist};
use toml::de::DeTable;

use mistake::{At, Notes};
pub use mistake::{Mistake, Mistakes};
use section::{Section, Shape};

/// A larger file is not read: a thousand buyers fit several times over.
pub const SIZE_MAX: usize = 1 << 20;

const FILE: Shape = Shape {
    name: "the file",
    keys: &[
        "id",
        "secret",
        "billing_mode",
        "auto_report",
        "open_days",
        "metronome",
        "whitelist",
        "conversion",
        "buyer",
        "aws",
        "invoices",
        "endpoints",
    ],
    required: &["id", "secret"],
};

const METRONOME: Shape = Shape {
    name: "[metronome]",
    keys: &["base_url", "requests_per_second"],
    required: &[],
};

const WHITELIST: Shape = Shape {
    name: "[whitelist]",
    keys: &["metrics"],
    required: &["metrics"],
};

/// What can be metered.
const MODES: [BillingMode; 3] = [
    BillingMode::Quantity,
    BillingMode::AmountHourly,
    BillingMode::AmountDaily,
];

/// Metronome's production address.
const BASE_URL: &str = "https://api.metronome.com";

/// The budget of a token that nothing else uses: Metronome allows about 10 a second.
const REQUESTS_PER_SECOND: u32 = 8;

/// How long a month takes late usage, in days, unless the file says otherwise.
const OPEN_DAYS: u32 = 2;

/// Metronome takes events back to 34 days, so no month need stay open longer (its ingest API reference, read 2026-11-20).
const OPEN_DAYS_MAX: u32 = 34;

/// What a file states, before `apply` fixes hours and keys by what is stored ([`crate::fixing`]).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Declaration {
    /// As stated: every entitlement's key is its own `starts_at`, and no hour is fixed.
    pub connection: Connection,
    /// The buyers with `bill_from = "start"`.
    pub from_start: BTreeSet<String>,
}

/// Reads a file's text as of `now`.
///
/// # Errors
/// All mistakes at once.
pub fn read(text: &str, now: DateTime<Utc>) -> Result<Declaration, Mistakes> {
    if text.len() > SIZE_MAX {
        let message = format!("the file has {} bytes: at most {SIZE_MAX}", text.len());
        return Err(Mistakes(vec![Mistake { line: 1, message }]));
    }
    let (table, errors) = DeTable::parse_recoverable(text);
    let notes = Notes::new(text, &errors);
    let declaration = declaration(&Section::new(&notes, table.get_ref(), 1, &FILE), text, now);
    match (notes.mistakes(), declaration) {
        (Some(mistakes), _) => Err(mistakes),
        (None, Some(declaration)) => Ok(declaration),
        (None, None) => {
            // Whatever could not be read was noted; should that ever fail, the file must still not pass.
            Err(Mistakes(vec![Mistake {
                line: 1,
                message: "the file could not be read".to_owned(),
            }]))
        }
    }
}

fn declaration(file: &Section<'_>, text: &str, now: DateTime<Utc>) -> Option<Declaration> {
    let id = file.checked("id", text::id);
    let secret = file.checked("secret", text::secret);
    let conversions: Vec<_> = file
        .sections("conversion", &conversion::CONVERSION)
        .iter()
        .filter_map(conversion::read)
        .collect();
    let buyers: Vec<_> = file
        .sections("buyer", &buyer::BUYER)
        .iter()
        .map(buyer::read)
        .collect();
    let mode = file.word("billing_mode", &MODES.map(|mode| (mode.word(), mode)));
    let amount = mode.is_some_and(BillingMode::is_amount);
    let scheduled = scheduled(file, amount);
    agreement::mode(file.notes, amount, &conversions, &buyers);
    agreement::conversions(file.notes, &conversions);
    agreement::buyers(file.notes, &buyers);
    let from_start = buyers
        .iter()
        .filter(|buyer| buyer.from_start)
        .map(|buyer| buyer.id.clone())
        .collect();
    let connection = Connection {
        billing_mode: mode,
        mode_since: None,
        scheduled,
        auto_report: file.flag("auto_report").unwrap_or(true),
        open_days: file.integer("open_days", 0..=OPEN_DAYS_MAX).unwrap_or(OPEN_DAYS),
        metronome: metronome(file),
        whitelist: whitelist(file),
        aws: file
            .section("aws", &aws::ACCESS)
            .map(|access| aws::access(&access))
            .unwrap_or_default(),
        conversions: conversions.into_iter().map(|conversion| conversion.is).collect(),
        buyers: buyers.into_iter().map(stated).collect(),
        endpoints: file
            .section("endpoints", &marketplace::ENDPOINTS)
            .map(|section| marketplace::endpoints(&section))
            .unwrap_or_default(),
        openings: Vec::new(),
        begun_at: now,
        applied_at: now,
        file: text.to_owned(),
        // Last, so that a file without them is read to its end.
        id: id?,
        secret: secret?,
    };
    Some(Declaration {
        connection,
        from_start,
    })
}

/// `invoices`: usage invoices always, scheduled ones where they are named.
fn scheduled(file: &Section<'_>, amount: bool) -> bool {
    if !file.has("invoices") {
        return false;
    }
    let line = file.line_of("invoices");
    if !amount {
        file.notes
            .add_if_whole(line, "`invoices` is of the amount modes: take it out");
    }
    let known = |text: &str| match text {
        "usage" | "scheduled" => Ok(()),
        _ => Err(format!(
            "\"{text}\" is no kind of invoice: it wants \"usage\" or \"scheduled\""
        )),
    };
    let kinds = file.texts("invoices", known);
    let names = |kind: &str| kinds.iter().any(|named| named.is == kind);
    if !names("usage") && names("scheduled") {
        file.notes.add(
            line,
            "`invoices` lacks \"usage\": scheduled ones are billed beside those",
        );
    }
    names("scheduled")
}

fn metronome(file: &Section<'_>) -> MetronomeAccount {
    let section = file.section("metronome", &METRONOME);
    let stated = section.and_then(|section| section.checked("base_url", text::base_url));
    MetronomeAccount {
        base_url: text::one_spelling(stated.as_deref().unwrap_or(BASE_URL)),
        requests_per_second: section
            .and_then(|section| section.integer("requests_per_second", 1..=100))
            .unwrap_or(REQUESTS_PER_SECOND),
    }
}

fn whitelist(file: &Section<'_>) -> Whitelist {
    let metrics = file
        .section("whitelist", &WHITELIST)
        .map(|section| section.texts("metrics", text::id));
    let metrics = metrics.map(|metrics| metrics.into_iter().map(|metric| metric.is).collect());
    Whitelist {
        metrics,
        ..Whitelist::default()
    }
}

fn stated(buyer: buyer::Stated) -> Buyer {
    let customer = |At { is: id, .. }: At<String>| BuyerCustomer { id, since: None };
    Buyer {
        id: buyer.id,
        customers: buyer.customers.into_iter().map(customer).collect(),
        contracts: buyer.contracts.into_iter().map(|contract| contract.is).collect(),
        contracts_since: None,
        entitlements: buyer
            .entitlements
            .into_iter()
            .map(|entitlement| entitlement.is)
            .collect(),
    }
}
