//! What processes write, kept for tests to read.

use std::sync::{Arc, Mutex, PoisonError};

/// The most that is kept: more than any test writes, and a bound for a process that does not stop.
const MAX_KEPT: usize = 16 * 1024 * 1024;

/// The beginning of everything written. Clones share it.
#[derive(Clone, Debug, Default)]
pub(super) struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    pub(super) fn write(&self, bytes: &[u8]) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let room = MAX_KEPT.saturating_sub(kept.len());
        kept.extend(bytes.iter().take(room));
    }

    pub(super) fn text(&self) -> String {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&kept).into_owned()
    }
}
