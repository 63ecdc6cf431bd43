//! Lists: page after page until the cursor is null.

use std::collections::HashSet;
use std::sync::atomic::{AtomicUsize, Ordering};

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::call::{Call, Cursor};
use crate::json::Object;
use crate::{Client, Error};

/// Pages of one list. At 8 requests a second the 15 minutes of a Lambda function end after 7,200; a list that goes on beyond
/// this one does not end.
const PAGES_MAX: usize = 10_000;

/// Bytes of all pages of one read together. Rows take about as much memory as their text (some 270 bytes a row, so this is
/// about a million rows), and a larger read would not fit a small function: ask for fewer customers, metrics or days at a time.
const READ_MAX: usize = 256 * 1024 * 1024;

/// The largest page that may be asked for where a size may be asked for at all
/// (<https://docs.metronome.com/api-reference/pagination>).
pub(crate) const PAGE_SIZE: &str = "100";

/// A page. Both fields are documented to be always there: a list without its cursor may have been cut off.
#[derive(Deserialize)]
struct Page<T> {
    data: Vec<Object<T>>,
    #[serde(deserialize_with = "Option::deserialize")]
    next_page: Option<String>,
}

/// A page of a list that once came whole, and does so still where it has no cursor.
#[derive(Deserialize)]
struct Part<T> {
    data: Vec<Object<T>>,
    cursor: Option<String>,
}

/// What one read may still take in, over all the lists that it is put together from.
pub(crate) struct Room(AtomicUsize);

impl Room {
    /// The usual room of one read.
    pub(crate) fn for_one_read() -> Self {
        Self::of(READ_MAX)
    }

    pub(crate) fn of(bytes: usize) -> Self {
        Self(AtomicUsize::new(bytes))
    }

    fn take(&self, bytes: usize) -> bool {
        self.0
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .is_ok()
    }
}

impl Client {
    /// All rows of a list, in the order in which they came.
    pub(crate) async fn pages<W, T>(&self, call: &Call, room: &Room) -> Result<Vec<T>, Error>
    where
        W: DeserializeOwned + Into<T>,
    {
        let mut rows = Vec::new();
        let mut seen = HashSet::new();
        let mut cursor: Option<String> = None;
        for _ in 0..PAGES_MAX {
            let body = self.ask(call, cursor.as_deref()).await?;
            if !room.take(body.len()) {
                return Err(self.unreadable(call, "all pages together are larger than one read may be"));
            }
            let (page, next) = self.page::<W>(call, &body)?;
            rows.extend(page.into_iter().map(|Object(row)| row.into()));
            let Some(next) = next else {
                return Ok(rows);
            };
            // An empty cursor, or one that was there before, would begin over and never end.
            if next.is_empty() || !seen.insert(next.clone()) {
                return Err(self.unreadable(call, "its cursor leads back to a page already read"));
            }
            cursor = Some(next);
        }
        Err(self.unreadable(call, &format!("it has more than {PAGES_MAX} pages")))
    }

    /// The rows of a page and the cursor of the next.
    fn page<W: DeserializeOwned>(
        &self,
        call: &Call,
        body: &[u8],
    ) -> Result<(Vec<Object<W>>, Option<String>), Error> {
        match call.cursor() {
            Cursor::Query => {
                let Page { data, next_page } = self.read(call, body)?;
                Ok((data, next_page))
            }
            Cursor::Body => {
                let Part { data, cursor } = self.read(call, body)?;
                Ok((data, cursor))
            }
        }
    }
}
