//! What Metronome might do to its readers on a bad day, by request.

use std::collections::BTreeMap;

use chrono::TimeDelta;
use serde::Serialize;
use serde_json::value::RawValue;
use uuid::Uuid;

use super::cursor::shuffled;
use super::reply::{Answer, Refusal, json};
use super::routes::Operation;

/// Ways in which answers are spoiled. The default spoils nothing. Only 200 answers with a JSON body are touched.
#[derive(Clone, Debug, Default)]
pub struct Mischief {
    /// Only these operations; empty: all.
    pub operations: Vec<Operation>,
    /// Only answers about this customer: its usage pages, its lists of invoices and contracts, its own reads.
    pub customer: Option<Uuid>,
    /// Only the next so many answers.
    pub times: Option<u32>,
    /// The order of rows, and of the pages of a usage walk that begins now, is drawn from this seed.
    pub shuffle: Option<u64>,
    /// Each page of a list or usage walk comes twice.
    pub repeat_pages: bool,
    /// Each usage row comes a second time with another value, each invoice with another total.
    pub two_values: bool,
    /// Usage, and with it the total of a rated draft, is what it was so long ago: a reading that is too low.
    pub stale_by: Option<TimeDelta>,
    /// Objects have a field that nobody knows.
    pub unknown_fields: bool,
    /// Metrics have an aggregation type, customers a billable status, and invoices a status that nobody knows.
    pub unknown_enums: bool,
    /// The body is broken.
    pub body: Option<BrokenBody>,
}

/// How a body is broken; its status stays 200.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BrokenBody {
    /// A page of HTML.
    NotJson,
    /// The first half only.
    CutOff,
    /// JSON of another shape.
    OtherShape,
}

/// Decides which answers are spoiled, and spoils them.
#[derive(Default)]
pub(super) struct Spoiler {
    pub(super) mischief: Mischief,
}

impl Spoiler {
    /// What is to be done to the answer of `operation` about `customer`.
    pub(super) fn turn(&mut self, operation: Operation, customer: Option<Uuid>) -> Mischief {
        let set = &mut self.mischief;
        let aimed = (set.operations.is_empty() || set.operations.contains(&operation))
            && (set.customer.is_none() || set.customer == customer)
            && set.times != Some(0);
        if !aimed {
            return Mischief::default();
        }
        set.times = set.times.map(|times| times - 1);
        set.clone()
    }

    /// The seed that orders the pages of a walk that begins now.
    pub(super) fn page_order(&self, operation: Operation) -> Option<u64> {
        let aimed = self.mischief.operations.is_empty() || self.mischief.operations.contains(&operation);
        self.mischief.shuffle.filter(|_| aimed)
    }
}

type Fields = BTreeMap<String, Box<RawValue>>;

impl Mischief {
    /// Spoils an answer as far as that can be done to its text; numbers keep their digits.
    pub(super) fn spoil(&self, answer: Answer) -> Result<Answer, Refusal> {
        let Answer::Json(mut body) = answer else {
            return Ok(answer);
        };
        if self.touches_rows()
            && let Ok(mut fields) = serde_json::from_str::<Fields>(&body)
        {
            self.spoil_fields(&mut fields)?;
            if let Answer::Json(spoiled) = json(&fields)? {
                body = spoiled;
            }
        }
        Ok(Answer::Json(match self.body {
            None => body,
            Some(BrokenBody::NotJson) => "<html><body>Bad gateway</body></html>".to_owned(),
            Some(BrokenBody::CutOff) => body.chars().take(body.chars().count() / 2).collect(),
            Some(BrokenBody::OtherShape) => r#"{"result":[{"amount":"7"}],"cursor":0}"#.to_owned(),
        }))
    }

    fn touches_rows(&self) -> bool {
        self.shuffle.is_some() || self.two_values || self.unknown_fields || self.unknown_enums
    }

    fn spoil_fields(&self, fields: &mut Fields) -> Result<(), Refusal> {
        let data = fields
            .get("data")
            .map(|data| data.get().to_owned())
            .unwrap_or_default();
        if let Ok(rows) = serde_json::from_str::<Vec<Fields>>(&data) {
            fields.insert("data".to_owned(), raw(&self.spoil_rows(rows)?)?);
        } else if let Ok(mut one) = serde_json::from_str::<Fields>(&data) {
            self.spoil_row(&mut one)?;
            fields.insert("data".to_owned(), raw(&one)?);
        }
        if self.unknown_fields {
            fields.insert("x_estimate".to_owned(), literal(r#"{"rows":[null,1e300]}"#)?);
        }
        Ok(())
    }

    fn spoil_rows(&self, mut rows: Vec<Fields>) -> Result<Vec<Fields>, Refusal> {
        if self.two_values {
            let mut others = rows.clone();
            others.retain(|row| amount_of(row).is_some());
            for row in &mut others {
                other_value(row)?;
            }
            rows.extend(others);
        }
        for row in &mut rows {
            self.spoil_row(row)?;
        }
        Ok(match self.shuffle {
            None => rows,
            Some(seed) => shuffled(rows.len(), seed)
                .into_iter()
                .filter_map(|index| rows.get(index).cloned())
                .collect(),
        })
    }

    fn spoil_row(&self, row: &mut Fields) -> Result<(), Refusal> {
        if self.unknown_fields {
            row.insert(
                "x_confidence".to_owned(),
                literal(r#"{"level":"HIGH","value":0.5}"#)?,
            );
        }
        if self.unknown_enums && row.contains_key("aggregation_type") {
            row.insert("aggregation_type".to_owned(), literal(r#""PERCENTILE""#)?);
        }
        if self.unknown_enums && row.contains_key("line_items") {
            row.insert("status".to_owned(), literal(r#""DRAFT_INCOMPLETE""#)?);
        }
        if self.unknown_enums && row.contains_key("customer_config") {
            row.insert(
                "current_billable_status".to_owned(),
                literal(r#"{"value":"paused"}"#)?,
            );
        }
        Ok(())
    }
}

/// The field that a row has its number in: usage its value, an invoice its total.
fn amount_of(row: &Fields) -> Option<&'static str> {
    ["value", "total"]
        .into_iter()
        .find(|name| row.contains_key(*name))
}

/// Gives a row another number: a digit more in front, or 1 for `null`.
fn other_value(row: &mut Fields) -> Result<(), Refusal> {
    let Some((name, value)) = amount_of(row).and_then(|name| Some((name, row.get(name)?.get()))) else {
        return Ok(());
    };
    let other = match value.strip_prefix('-') {
        _ if value == "null" => "1".to_owned(),
        Some(digits) => format!("-1{digits}"),
        None => format!("1{value}"),
    };
    row.insert(name.to_owned(), literal(&other)?);
    Ok(())
}

fn raw<T: Serialize + ?Sized>(value: &T) -> Result<Box<RawValue>, Refusal> {
    serde_json::value::to_raw_value(value).map_err(Refusal::internal)
}

fn literal(text: &str) -> Result<Box<RawValue>, Refusal> {
    RawValue::from_string(text.to_owned()).map_err(Refusal::internal)
}
