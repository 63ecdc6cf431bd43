//! Reading contracts: `POST /v2/contracts/list` and `/get`, and the older `POST /v1/contracts/list`.
//!
//! Ledgers and balances are not simulated, and refused rather than left out. A refusal of version 2 has a code, and the
//! document knows two: that the customer or that the contract was not found. A body that names neither is refused with the
//! first.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::account::Account;
use super::billing::Configuration;
use super::contracts::{Contract, Credit};
use super::cursor::{Asked, Ranked, Turn};
use super::mischief::{Mischief, Spoiler};
use super::periods::month_of;
use super::reply::{self, Answer, Refusal, data};
use super::request::{self, present};
use super::routes::Operation;

/// Contracts of a page, and where the request does not say. (metronome-sdk 4.12; before that there was one page.)
const MOST_CONTRACTS: usize = 20;

const CUSTOMER_NOT_FOUND: &str = "CustomerNotFound";
const CONTRACT_NOT_FOUND: &str = "ContractNotFound";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    customer_id: String,
    #[serde(default, deserialize_with = "present")]
    starting_at: Option<String>,
    #[serde(default, deserialize_with = "present")]
    covering_date: Option<String>,
    #[serde(default)]
    include_archived: bool,
    #[serde(default)]
    include_ledgers: bool,
    #[serde(default)]
    include_balance: bool,
    #[serde(default, deserialize_with = "present")]
    cursor: Option<String>,
    #[serde(default, deserialize_with = "present")]
    limit: Option<usize>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct One {
    customer_id: String,
    contract_id: String,
    #[serde(default)]
    include_ledgers: bool,
    #[serde(default)]
    include_balance: bool,
}

/// A page whose cursor is left out with the last one, as it was before there were pages.
#[derive(Serialize)]
struct Listed {
    data: Vec<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cursor: Option<String>,
}

/// `POST /v2/contracts/list`, in the order in which they begin.
pub(super) fn list(
    account: &Account,
    body: &[u8],
    now: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    listed(account, body, spoiler, Operation::ListContracts, |contract| {
        v2(account, contract, now)
    })
    .map_err(|refusal| coded(refusal, CUSTOMER_NOT_FOUND))
}

/// `POST /v1/contracts/list`: the same contracts in another form, and an unknown customer is a 404.
pub(super) fn list_v1(
    account: &Account,
    body: &[u8],
    now: DateTime<Utc>,
    spoiler: &mut Spoiler,
) -> Result<(Answer, Mischief), Refusal> {
    listed(account, body, spoiler, Operation::ListContractsV1, |contract| {
        v1(account, contract, now)
    })
}

/// `POST /v2/contracts/get`, archived ones too. There is no history here to ask with `as_of_date`.
pub(super) fn get(account: &Account, body: &[u8], now: DateTime<Utc>) -> Result<Answer, Refusal> {
    let contract = || {
        let wanted: One = request::body(body)?;
        let customer = request::id("customer_id", &wanted.customer_id)?;
        let contract = request::id("contract_id", &wanted.contract_id)?;
        no_money(wanted.include_ledgers, wanted.include_balance)?;
        account.customers.get(customer)?;
        Ok((customer, contract))
    };
    let (customer, contract) = contract().map_err(|refusal| coded(refusal, CUSTOMER_NOT_FOUND))?;
    let contract = account.contracts.get_of(customer, contract);
    let contract = contract.map_err(|refusal| coded(refusal, CONTRACT_NOT_FOUND))?;
    data(&v2(account, contract, now))
}

/// Version 2 refuses with 400 and a code, whatever it is.
fn coded(refusal: Refusal, code: &'static str) -> Refusal {
    Refusal::bad(refusal.message).coded(code)
}

fn no_money(ledgers: bool, balance: bool) -> Result<(), Refusal> {
    if ledgers || balance {
        return Err(Refusal::bad(
            "this sandbox shows no ledgers and balances of contracts",
        ));
    }
    Ok(())
}

fn listed(
    account: &Account,
    body: &[u8],
    spoiler: &mut Spoiler,
    operation: Operation,
    show: impl Fn(&Contract) -> Value,
) -> Result<(Answer, Mischief), Refusal> {
    let wanted: Wanted = request::body(body)?;
    let customer = request::id("customer_id", &wanted.customer_id)?;
    let date =
        |name, text: &Option<String>| text.as_deref().map(|text| request::time(name, text)).transpose();
    let (starting, covering) = (
        date("starting_at", &wanted.starting_at)?,
        date("covering_date", &wanted.covering_date)?,
    );
    if starting.is_some() && covering.is_some() {
        return Err(Refusal::bad("starting_at and covering_date exclude each other"));
    }
    no_money(wanted.include_ledgers, wanted.include_balance)?;
    let limit = wanted.limit.unwrap_or(MOST_CONTRACTS);
    if limit == 0 || limit > MOST_CONTRACTS {
        return Err(Refusal::bad(format!(
            "limit must be an integer from 1 to {MOST_CONTRACTS}"
        )));
    }
    account.customers.get(customer)?;
    let asked = Asked::by((operation, customer, starting, covering, wanted.include_archived));
    let mischief = spoiler.turn(operation, Some(customer));
    let turn = Turn {
        asked: &asked,
        cursor: wanted.cursor.as_deref(),
        falling: false,
        limit,
        repeat: mischief.repeat_pages,
    };
    let fits = |contract: &Contract| {
        (wanted.include_archived || contract.archived_at.is_none())
            && starting.is_none_or(|date| contract.starting_at >= date)
            && covering.is_none_or(|date| contract.covers(date))
    };
    let fitting = account
        .contracts
        .of(customer)
        .filter(|(_, contract)| fits(contract));
    let mut rows: Vec<Ranked<&Contract, 3>> = fitting
        .map(|(place, contract)| {
            let start = u64::try_from(contract.starting_at.timestamp()).unwrap_or_default();
            ([start, place as u64, 0], contract)
        })
        .collect();
    rows.sort_unstable_by_key(|(rank, _)| *rank);
    let (page, cursor) = turn.page(&rows, |_, _| true)?;
    let data = page.iter().map(|(_, contract)| show(contract)).collect();
    Ok((reply::json(&Listed { data, cursor })?, mischief))
}

/// `ContractV2`. The three fields of the configuration in charge are those of the document; the schedule, newer than it,
/// is shown where one was made.
fn v2(account: &Account, contract: &Contract, now: DateTime<Utc>) -> Value {
    let mut shown = terms(contract, contract.ending_before);
    shown.insert("id".to_owned(), json!(contract.id));
    shown.insert("customer_id".to_owned(), json!(contract.customer));
    shown.insert("usage_filter".to_owned(), json!([]));
    shown.insert("custom_fields".to_owned(), json!({}));
    shown.insert(
        "has_more".to_owned(),
        json!({ "commits": false, "credits": false }),
    );
    let credits: Vec<Value> = contract.credits.iter().map(credit).collect();
    shown.insert("credits".to_owned(), json!(credits));
    if let Some(time) = contract.archived_at {
        shown.insert("archived_at".to_owned(), json!(time));
    }
    if let Some(one) = in_charge(account, contract, now) {
        let fields = json!({ "id": one.id, "billing_provider": one.billing_provider, "delivery_method": one.delivery_method });
        shown.insert("customer_billing_provider_configuration".to_owned(), fields);
    }
    if contract.billing.len() > 1 {
        shown.insert(
            "billing_provider_configuration_schedule".to_owned(),
            schedule(account, contract),
        );
    }
    Value::Object(shown)
}

/// `Contract`, the form of version 1.
fn v1(account: &Account, contract: &Contract, now: DateTime<Utc>) -> Value {
    let mut shown = Map::new();
    shown.insert("id".to_owned(), json!(contract.id));
    shown.insert("customer_id".to_owned(), json!(contract.customer));
    shown.insert("amendments".to_owned(), json!([]));
    shown.insert("custom_fields".to_owned(), json!({}));
    let initial = terms(contract, contract.first_end);
    let current = terms(contract, contract.ending_before);
    shown.insert("initial".to_owned(), Value::Object(initial));
    shown.insert("current".to_owned(), Value::Object(current));
    if let Some(time) = contract.archived_at {
        shown.insert("archived_at".to_owned(), json!(time));
    }
    if let Some(one) = in_charge(account, contract, now) {
        let fields = json!({
            "id": one.id, "billing_provider": one.billing_provider, "delivery_method": one.delivery_method,
            "configuration": one.configuration, "archived_at": one.archived_at,
        });
        shown.insert("customer_billing_provider_configuration".to_owned(), fields);
    }
    Value::Object(shown)
}

/// What both versions say of a contract. Statements are monthly, from the first.
fn terms(contract: &Contract, end: Option<DateTime<Utc>>) -> Map<String, Value> {
    let mut terms = Map::new();
    if let Some(name) = &contract.name {
        terms.insert("name".to_owned(), json!(name));
    }
    terms.insert("starting_at".to_owned(), json!(contract.starting_at));
    if let Some(end) = end {
        terms.insert("ending_before".to_owned(), json!(end));
    }
    for list in ["commits", "overrides", "scheduled_charges", "transitions"] {
        terms.insert(list.to_owned(), json!([]));
    }
    terms.insert("created_at".to_owned(), json!(contract.created_at));
    terms.insert("created_by".to_owned(), json!("API"));
    let monthly = json!({ "frequency": "MONTHLY", "billing_anchor_date": month_of(contract.starting_at) });
    terms.insert("usage_statement_schedule".to_owned(), monthly);
    terms
}

fn credit(credit: &Credit) -> Value {
    json!({
        "id": credit.id, "type": "CREDIT", "name": "Credit", "created_at": credit.created_at,
        "product": { "id": credit.product, "name": "Credit" },
    })
}

/// The configuration of the segment in effect: the last that has begun, before the contract begins its first.
fn in_charge<'a>(account: &'a Account, contract: &Contract, now: DateTime<Utc>) -> Option<&'a Configuration> {
    let begun = contract
        .billing
        .iter()
        .rfind(|segment| segment.effective_at <= now);
    let segment = begun.or(contract.billing.first())?;
    account.configurations.get(segment.configuration?).ok()
}

fn schedule(account: &Account, contract: &Contract) -> Value {
    let ends = contract
        .billing
        .iter()
        .skip(1)
        .map(|segment| Some(segment.effective_at))
        .chain([None]);
    let segments = contract.billing.iter().zip(ends).map(|(segment, end)| {
        let configuration = segment.configuration.and_then(|id| account.configurations.get(id).ok());
        json!({ "effective_at": segment.effective_at, "effective_until": end, "billing_provider_configuration": configuration })
    });
    segments.collect()
}
