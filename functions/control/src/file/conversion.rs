//! `[[conversion]]`.

use billing::Fraction;
use platform::connection::{Accumulate, Conversion};
use rust_decimal::Decimal;

use super::marketplace::MARKETPLACES;
use super::mistake::At;
use super::section::{Section, Shape};
use super::text;

pub(super) const CONVERSION: Shape = Shape {
    name: "[[conversion]]",
    keys: &[
        "from",
        "group",
        "marketplace",
        "to",
        "divide",
        "multiply",
        "accumulate",
        "carry",
        "hold_above",
    ],
    required: &["from", "to"],
};

/// Reads one `[[conversion]]`.
pub(super) fn read(section: &Section<'_>) -> Option<At<Conversion>> {
    let from = section.checked("from", text::id);
    let group = section.group("group").unwrap_or_default();
    let words = MARKETPLACES.map(|word| (word, word));
    let marketplace = section.word("marketplace", &words).map(str::to_owned);
    let to = section.checked("to", text::dimension);
    let factor = factor(section);
    let accumulate = section.word(
        "accumulate",
        &[("hours", Accumulate::Hours), ("period", Accumulate::Period)],
    );
    let carry = section.flag("carry").unwrap_or(false);
    if carry && accumulate != Some(Accumulate::Hours) {
        let line = section.line_of("carry");
        section.notes.add_if_whole(
            line,
            "`carry` goes with `accumulate = \"hours\"`: add that, or take it out",
        );
    }
    let hold_above = section.decimal("hold_above");
    let (from, to, factor) = (from?, to?, factor?);
    let is = Conversion {
        from,
        group,
        marketplace,
        to,
        factor,
        accumulate,
        carry,
        hold_above,
    };
    Some(At {
        line: section.line,
        is,
    })
}

fn factor(section: &Section<'_>) -> Option<Fraction> {
    let (multiply, divide) = (section.decimal("multiply"), section.decimal("divide"));
    match (section.has("multiply"), section.has("divide")) {
        (true, true) => {
            let line = section.line_of("multiply").max(section.line_of("divide"));
            section.notes.add(line, "both `multiply` and `divide`: keep one");
            None
        }
        (true, false) => multiply.map(Fraction::from),
        (false, true) => divide.map(Fraction::from).and_then(|by| by.inverse()),
        (false, false) => Some(Decimal::ONE.into()),
    }
}
