//! One table of the file, read key by key: unknown and missing keys and wrong types are noted as they are met.

use billing::Fraction;
use chrono::{DateTime, Utc};
use rust_decimal::Decimal;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::mistake::{At, Notes};
use super::{text, unsupported};

/// A kind of table: its name in mistakes and its keys.
pub(super) struct Shape {
    pub(super) name: &'static str,
    pub(super) keys: &'static [&'static str],
    pub(super) required: &'static [&'static str],
}

/// A table of the file.
#[derive(Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) notes: &'a Notes,
    pub(super) line: usize,
    pub(super) name: &'static str,
    table: &'a DeTable<'a>,
}

impl<'a> Section<'a> {
    /// Notes every key that the shape does not have, and every one that it wants and the table lacks.
    pub(super) fn new(notes: &'a Notes, table: &'a DeTable<'a>, line: usize, shape: &Shape) -> Self {
        let name = shape.name;
        for key in table.keys() {
            let (line, key) = (notes.line(key.span().start), key.get_ref());
            if unsupported::key(name, key) {
                notes.add(
                    line,
                    format!("`{key}` is not supported by this version: take it out"),
                );
            } else if !shape.keys.contains(&key.as_ref()) {
                let hint = nearest(key, shape.keys).map_or_else(
                    || "take it out".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                );
                notes.add(line, format!("`{key}` is not a key of {name}: {hint}"));
            }
        }
        for key in shape.required.iter().filter(|key| !table.contains_key(**key)) {
            notes.add_if_whole(line, format!("{name} lacks `{key}`: add it"));
        }
        Self {
            notes,
            line,
            name,
            table,
        }
    }

    fn get(&self, key: &str) -> Option<(usize, &'a DeValue<'a>)> {
        let (key, value) = self.table.get_key_value(key)?;
        Some((self.notes.line(key.span().start), value.get_ref()))
    }

    fn wrong(&self, line: usize, key: &str, value: &DeValue<'_>, wanted: &str) {
        self.notes.add(
            line,
            format!("`{key}` is {}: it wants {wanted}", described(value)),
        );
    }

    /// Whether the key is there, right or wrong.
    pub(super) fn has(&self, key: &str) -> bool {
        self.table.contains_key(key)
    }

    /// The line of a key, or of the table where there is none.
    pub(super) fn line_of(&self, key: &str) -> usize {
        self.get(key).map_or(self.line, |(line, _)| line)
    }

    /// A text.
    pub(super) fn text(&self, key: &str) -> Option<At<&'a str>> {
        let (line, value) = self.get(key)?;
        let Some(is) = value.as_str() else {
            self.wrong(line, key, value, "a text in quotes");
            return None;
        };
        Some(At { line, is })
    }

    /// A text that a check lets pass.
    pub(super) fn checked(&self, key: &str, check: fn(&str) -> Result<(), String>) -> Option<String> {
        let text = self.text(key)?;
        self.admit(&text, key, check)
    }

    fn admit(&self, text: &At<&str>, key: &str, check: fn(&str) -> Result<(), String>) -> Option<String> {
        match check(text.is) {
            Ok(()) => Some(text.is.to_owned()),
            Err(reason) => {
                self.notes.add(text.line, format!("`{key}`: {reason}"));
                None
            }
        }
    }

    /// One of a few words.
    pub(super) fn word<T: Copy>(&self, key: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.text(key)?;
        let found = words.iter().find(|(word, _)| *word == text.is);
        if found.is_none() {
            let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let words = words.join(" or ");
            self.notes
                .add(text.line, format!("`{key}` is \"{}\": it wants {words}", text.is));
        }
        found.map(|(_, value)| *value)
    }

    /// A table of a few words by free names.
    pub(super) fn words<T: Copy>(
        &self,
        key: &str,
        words: &[(&str, T)],
    ) -> std::collections::BTreeMap<String, T> {
        let mut found = std::collections::BTreeMap::new();
        let entries = self
            .entries(key, "a table, such as { api_calls = \"int64\" }")
            .unwrap_or_default();
        for (line, name, value) in entries {
            if let Err(reason) = text::dimension(name) {
                self.notes.add(line, format!("`{key}.{name}`: {reason}"));
            }
            let word = value
                .as_str()
                .and_then(|text| words.iter().find(|(word, _)| *word == text));
            match word {
                Some((_, is)) => drop(found.insert(name.to_owned(), *is)),
                None => {
                    let words: Vec<_> = words.iter().map(|(word, _)| format!("\"{word}\"")).collect();
                    self.wrong(line, &format!("{key}.{name}"), value, &words.join(" or "));
                }
            }
        }
        found
    }

    /// true or false.
    pub(super) fn flag(&self, key: &str) -> Option<bool> {
        let (line, value) = self.get(key)?;
        let flag = value.as_bool();
        if flag.is_none() {
            self.wrong(line, key, value, "true or false");
        }
        flag
    }

    /// A whole number of a range.
    pub(super) fn integer(&self, key: &str, range: std::ops::RangeInclusive<u32>) -> Option<u32> {
        let (line, value) = self.get(key)?;
        let number = value
            .as_integer()
            .and_then(|number| u32::from_str_radix(number.as_str(), number.radix()).ok())
            .filter(|number| range.contains(number));
        if number.is_none() {
            let wanted = format!("a whole number from {} to {}", range.start(), range.end());
            self.wrong(line, key, value, &wanted);
        }
        number
    }

    /// A point in time.
    pub(super) fn timestamp(&self, key: &str) -> Option<At<DateTime<Utc>>> {
        let (line, value) = self.get(key)?;
        let wanted = "a UTC timestamp without quotes, such as 2026-11-01T00:00:00Z";
        let Some(stated) = value.as_datetime().map(ToString::to_string) else {
            self.wrong(line, key, value, wanted);
            return None;
        };
        match DateTime::parse_from_rfc3339(&stated) {
            Ok(at) if at.timestamp_subsec_nanos() == 0 => Some(At {
                line,
                is: at.with_timezone(&Utc),
            }),
            Ok(_) => {
                self.notes
                    .add(line, format!("`{key}` is {stated}: it wants whole seconds"));
                None
            }
            Err(_) => {
                self.notes
                    .add(line, format!("`{key}` is {stated}: it wants {wanted}"));
                None
            }
        }
    }

    /// An exact decimal above zero.
    pub(super) fn decimal(&self, key: &str) -> Option<Decimal> {
        let (line, value) = self.get(key)?;
        match decimal_of(value) {
            Ok(decimal) => Some(decimal),
            Err(reason) => {
                self.notes.add(line, format!("`{key}` {reason}"));
                None
            }
        }
    }

    /// A list of texts that a check lets pass, none twice.
    pub(super) fn texts(&self, key: &str, check: fn(&str) -> Result<(), String>) -> Vec<At<String>> {
        let Some((line, value)) = self.get(key) else {
            return Vec::new();
        };
        let Some(array) = value.as_array() else {
            self.wrong(line, key, value, "a list of texts, such as [\"…\"]");
            return Vec::new();
        };
        if array.is_empty() {
            self.notes.add(
                line,
                format!("`{key}` is empty: name at least one, or leave it out"),
            );
        }
        let mut texts: Vec<At<String>> = Vec::new();
        for value in array.iter() {
            let line = self.notes.line(value.span().start);
            let Some(is) = value.get_ref().as_str() else {
                self.wrong(line, key, value.get_ref(), "nothing but texts in quotes");
                continue;
            };
            if texts.iter().any(|known| known.is == is) {
                self.notes.add(line, format!("`{key}` names \"{is}\" twice"));
            } else if let Some(is) = self.admit(&At { line, is }, key, check) {
                texts.push(At { line, is });
            }
        }
        texts
    }

    /// A table of texts by free names.
    pub(super) fn group(&self, key: &str) -> Option<billing::Group> {
        let entries = self.entries(key, "a table of texts, such as { region = \"us-west-1\" }")?;
        let mut group = billing::Group::new();
        for (line, name, value) in entries {
            match value.as_str() {
                None => self.wrong(line, &format!("{key}.{name}"), value, "a text in quotes"),
                Some(value) => match text::label(value).and(text::label(name)) {
                    Ok(()) => drop(group.insert(name.to_owned(), value.to_owned())),
                    Err(reason) => self.notes.add(line, format!("`{key}.{name}`: {reason}")),
                },
            }
        }
        Some(group)
    }

    /// A table of exact decimals above zero by the names of dimensions.
    pub(super) fn quantities(&self, key: &str) -> std::collections::BTreeMap<String, Fraction> {
        let mut quantities = std::collections::BTreeMap::new();
        for (line, name, value) in self
            .entries(key, "a table, such as { api_calls = \"1000\" }")
            .unwrap_or_default()
        {
            if let Err(reason) = text::dimension(name) {
                self.notes.add(line, format!("`{key}.{name}`: {reason}"));
            }
            match decimal_of(value) {
                Ok(quantity) => drop(quantities.insert(name.to_owned(), quantity.into())),
                Err(reason) => self.notes.add(line, format!("`{key}.{name}` {reason}")),
            }
        }
        quantities
    }

    fn entries(&self, key: &str, wanted: &str) -> Option<Vec<(usize, &'a str, &'a DeValue<'a>)>> {
        let (line, value) = self.get(key)?;
        let Some(table) = value.as_table() else {
            self.wrong(line, key, value, wanted);
            return None;
        };
        if table.is_empty() {
            self.notes.add(line, format!("`{key}` is empty: leave it out"));
        }
        Some(
            table
                .iter()
                .map(|(name, value)| {
                    (
                        self.notes.line(name.span().start),
                        name.get_ref().as_ref(),
                        value.get_ref(),
                    )
                })
                .collect(),
        )
    }

    /// A table in this one.
    pub(super) fn section(&self, key: &str, shape: &Shape) -> Option<Self> {
        let (line, value) = self.get(key)?;
        let Some(table) = value.as_table() else {
            self.wrong(line, key, value, &format!("a table, {}", shape.name));
            return None;
        };
        Some(Self::new(self.notes, table, line, shape))
    }

    /// The tables of a list in this one.
    pub(super) fn sections(&self, key: &str, shape: &Shape) -> Vec<Self> {
        let Some((line, value)) = self.get(key) else {
            return Vec::new();
        };
        let tables = value
            .as_array()
            .map(|array| array.iter().map(table_of).collect::<Option<Vec<_>>>());
        let Some(Some(tables)) = tables else {
            self.wrong(
                line,
                key,
                value,
                &format!("tables, each begun with {}", shape.name),
            );
            return Vec::new();
        };
        tables
            .into_iter()
            .map(|(offset, table)| Self::new(self.notes, table, self.notes.line(offset), shape))
            .collect()
    }
}

fn table_of<'a>(value: &'a Spanned<DeValue<'a>>) -> Option<(usize, &'a DeTable<'a>)> {
    value
        .get_ref()
        .as_table()
        .map(|table| (value.span().start, table))
}

/// Exact decimals are texts: TOML's own numbers are binary floats in most tools that touch the file.
fn decimal_of(value: &DeValue<'_>) -> Result<Decimal, String> {
    match value.as_str() {
        Some(text) => text::positive(text),
        None => Err(format!(
            "is {}: it wants an exact decimal in quotes, such as \"0.001\"",
            described(value)
        )),
    }
}

fn described(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) => format!("the text \"{text}\""),
        DeValue::Integer(number) => format!("the number {}", number.as_str()),
        DeValue::Float(number) => format!("the number {}", number.as_str()),
        DeValue::Boolean(flag) => flag.to_string(),
        DeValue::Datetime(at) => format!("the time {at}"),
        DeValue::Array(_) => "a list".to_owned(),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

/// The key that was probably meant: at most a third of its letters away.
fn nearest<'k>(key: &str, keys: &[&'k str]) -> Option<&'k str> {
    keys.iter()
        .map(|known| (strsim::damerau_levenshtein(key, known), *known))
        .filter(|(distance, known)| distance * 3 <= known.len().max(key.len()))
        .min()
        .map(|(_, known)| known)
}
