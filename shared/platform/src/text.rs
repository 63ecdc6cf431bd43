//! Names that came from outside, on their way to a terminal, a log line or a spreadsheet.

/// The text with control and direction-changing characters shown as escapes, so that a name can neither move a cursor nor
/// forge a line.
#[must_use]
pub fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control()
            || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
        {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
    }
    shown
}

/// The text as a spreadsheet cell that is never run as a formula: one that would be is led by an apostrophe (OWASP, "CSV
/// Injection", read 2026-11-21).
#[must_use]
pub fn cell(text: &str) -> String {
    let shown = printable(text);
    if shown.starts_with(['=', '+', '-', '@']) || text.starts_with(['\t', '\r']) {
        format!("'{shown}")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_move_the_cursor_or_forge_a_line() {
        assert_eq!(
            printable("a\u{1b}[2Jb\nok\u{202e}"),
            "a\\u{1b}[2Jb\\u{a}ok\\u{202e}"
        );
        assert_eq!(printable("Zürich ≥ 5"), "Zürich ≥ 5");
    }

    #[test]
    fn a_cell_is_never_a_formula() {
        for formula in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"] {
            assert!(cell(formula).starts_with('\''), "{formula}");
        }
        assert_eq!(cell("api_calls"), "api_calls");
    }
}
