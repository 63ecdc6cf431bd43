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
        read().ok_or_else(|| Refusal::bad("next_page is not a cursor of this request"))
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
