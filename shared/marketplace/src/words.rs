//! Texts that came from outside, as an answer or a fault may repeat them.

use platform::text;

/// The longest text of a service's that is kept.
const WORDS_MAX: usize = 300;

/// A text that came from outside: printable, and bounded.
pub(crate) fn words(said: &str) -> String {
    let shown = text::printable(&said.chars().take(WORDS_MAX).collect::<String>());
    if shown.chars().count() < WORDS_MAX {
        shown
    } else {
        shown.chars().take(WORDS_MAX).chain(['…']).collect()
    }
}
