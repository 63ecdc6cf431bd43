//! Page cursors: opaque, and good only for the request that they came from.

use std::fmt::Debug;

use sha2::{Digest, Sha256};

use super::reply::Refusal;

/// What a cursor belongs to: everything the request asks for but its page.
#[derive(Clone, Debug)]
pub(super) struct Asked(String);

impl Asked {
    pub(super) fn by(request: impl Debug) -> Self {
        Self(format!("{request:?}"))
    }

    /// A cursor that holds `position`. It has characters that a query string must encode, as base64 would.
    pub(super) fn cursor<const N: usize>(&self, position: [u64; N]) -> String {
        let position = position.map(|number| format!("{number:x}")).join("/");
        format!("{}+{position}=", self.seal(&position))
    }

    /// The position in a cursor that [`Self::cursor`] made for the same request.
    pub(super) fn position<const N: usize>(&self, cursor: &str) -> Result<[u64; N], Refusal> {
        let read = || {
            let (seal, position) = cursor.strip_suffix('=')?.split_once('+')?;
            let numbers: Option<Vec<u64>> = position
                .split('/')
                .map(|number| u64::from_str_radix(number, 16).ok())
                .collect();
            (seal == self.seal(position)).then_some(numbers?.try_into().ok()?)
        };
        read().ok_or_else(|| Refusal::bad("the cursor is not one of this request"))
    }

    fn seal(&self, position: &str) -> String {
        let digest = Sha256::digest(format!("{} {position}", self.0));
        digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
    }
}

/// The numbers below `count` in an order that `seed` decides.
pub(super) fn shuffled(count: usize, seed: u64) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_cached_key(|index| Sha256::digest(format!("{seed} {index}")).to_vec());
    order
}

/// A row with its rank: what its walk is ordered by. The last number is for the cursor's own use and 0 in every row.
pub(super) type Ranked<T, const N: usize> = ([u64; N], T);

/// How a walk over ranked rows turns a page. A cursor holds the rank of the next row: a row whose rank changes between two
/// pages may be on both, or on neither.
pub(super) struct Turn<'a> {
    pub(super) asked: &'a Asked,
    pub(super) cursor: Option<&'a str>,
    /// The rows fall instead of rising.
    pub(super) falling: bool,
    pub(super) limit: usize,
    /// The page comes again before the next one does.
    pub(super) repeat: bool,
}

impl Turn<'_> {
    /// The rows of one page, all of them `together` with the first, and the cursor to the next.
    pub(super) fn page<'r, T, const N: usize>(
        &self,
        rows: &'r [Ranked<T, N>],
        together: impl Fn(&T, &T) -> bool,
    ) -> Result<(&'r [Ranked<T, N>], Option<String>), Refusal> {
        let mut start: Option<[u64; N]> = self.cursor.map(|text| self.asked.position(text)).transpose()?;
        let mark = start.as_mut().and_then(|start| start.last_mut());
        let again = mark.is_some_and(|mark| std::mem::take(mark) == 1);
        let from = start.map_or(0, |start| {
            rows.partition_point(|(rank, _)| {
                if self.falling {
                    *rank > start
                } else {
                    *rank < start
                }
            })
        });
        let rest = rows.get(from..).unwrap_or_default();
        let Some((first, leader)) = rest.first() else {
            return Ok((rest, None));
        };
        let fitting = rest
            .iter()
            .take(self.limit)
            .take_while(|(_, row)| together(leader, row));
        let (page, later) = rest.split_at_checked(fitting.count()).unwrap_or_default();
        if self.repeat && !again {
            let mut same = *first;
            if let Some(mark) = same.last_mut() {
                *mark = 1;
            }
            return Ok((page, Some(self.asked.cursor(same))));
        }
        Ok((page, later.first().map(|(next, _)| self.asked.cursor(*next))))
    }
}
