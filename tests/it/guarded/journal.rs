//! What is logged on this thread, kept for reading.

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use tracing::subscriber::DefaultGuard;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::MakeWriter;

/// Log lines, as the functions write them: one JSON object each.
#[derive(Clone, Default)]
pub(super) struct Journal(Arc<Mutex<Vec<u8>>>);

impl Journal {
    /// Keeps all that is logged on this thread while the guard is held: as much as an operator can ask for.
    pub(super) fn keep() -> (Self, DefaultGuard) {
        let journal = Self::default();
        let log = platform::telemetry::log(EnvFilter::new("trace"), journal.clone());
        (journal, tracing::subscriber::set_default(log))
    }

    pub(super) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Write for Journal {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Journal {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}
