//! What is wrong with a connection file: all of it at once, each mistake with its line.

use std::cell::RefCell;
use std::fmt;

use platform::text::printable;
use serde::Serialize;

/// A file of nothing but mistakes is not printed to its end: the first of them are what gets mended first.
const MISTAKES_MAX: usize = 200;

/// One mistake.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Mistake {
    /// Where it is, counted from 1.
    pub line: usize,
    /// What is wrong, and what to do.
    pub message: String,
}

/// Everything that is wrong with a file, by line. Never empty.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct Mistakes(pub Vec<Mistake>);

impl fmt::Display for Mistakes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, mistake) in self.0.iter().take(MISTAKES_MAX).enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}line {}: {}", mistake.line, mistake.message)?;
        }
        match self.0.len().saturating_sub(MISTAKES_MAX) {
            0 => Ok(()),
            more => write!(f, "\nand {more} more"),
        }
    }
}

impl std::error::Error for Mistakes {}

/// A value, and the line that it stands on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At<T> {
    pub(super) line: usize,
    pub(super) is: T,
}

/// Gathers mistakes while a file is read.
pub(super) struct Notes {
    /// The offsets at which lines begin.
    begins: Vec<usize>,
    found: RefCell<Vec<Mistake>>,
    /// Lines that are not TOML. What else seems wrong there, or seems to be missing anywhere, may only follow from that.
    broken: Vec<usize>,
}

impl Notes {
    /// Of a file's text, and of what the TOML parser says of it.
    pub(super) fn new(text: &str, errors: &[toml::de::Error]) -> Self {
        let begins = std::iter::once(0)
            .chain(text.match_indices('\n').map(|(at, _)| at + 1))
            .collect();
        let mut notes = Self {
            begins,
            found: RefCell::default(),
            broken: Vec::new(),
        };
        for error in errors {
            let line = notes.line(error.span().map_or(0, |span| span.start));
            notes.add(line, format!("not TOML: {}", error.message().replace('\n', ", ")));
            notes.broken.push(line);
        }
        notes
    }

    /// The line of an offset.
    pub(super) fn line(&self, offset: usize) -> usize {
        self.begins.partition_point(|begin| *begin <= offset)
    }

    /// Notes a mistake.
    pub(super) fn add(&self, line: usize, message: impl AsRef<str>) {
        if !self.broken.contains(&line) {
            let message = printable(message.as_ref());
            self.found.borrow_mut().push(Mistake { line, message });
        }
    }

    /// Notes that something is missing, or that things do not go together.
    pub(super) fn add_if_whole(&self, line: usize, message: impl AsRef<str>) {
        if self.broken.is_empty() {
            self.add(line, message);
        }
    }

    /// All that was found, by line.
    pub(super) fn mistakes(self) -> Option<Mistakes> {
        let mut found = self.found.into_inner();
        found.sort();
        found.dedup();
        (!found.is_empty()).then_some(Mistakes(found))
    }
}
