//! The forms that texts of the file must have, each check saying in words what is wrong.

use rust_decimal::Decimal;

/// The longest id of ours, and of Metronome's (UUIDs, 36).
const ID_MAX: usize = 64;

/// The longest dimension (AWS API reference of `UsageRecord`, read 2026-11-20), and the longest label we keep of anything.
const LABEL_MAX: usize = 255;

/// An id: of a connection, a buyer, a customer or a metric. It becomes part of keys, paths and log lines.
pub(super) fn id(text: &str) -> Result<(), String> {
    let fits = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if text.is_empty() {
        Err("an id is not empty".to_owned())
    } else if text.len() > ID_MAX {
        Err(format!("the id has {} characters: at most {ID_MAX}", text.len()))
    } else if let Some(c) = text.chars().find(|c| !fits(*c)) {
        Err(format!(
            "the id \"{text}\" holds {c:?}: letters, digits, `.`, `_` and `-` only"
        ))
    } else {
        Ok(())
    }
}

/// A name of somebody else's: not empty, not long, no control characters.
pub(super) fn label(text: &str) -> Result<(), String> {
    if text.is_empty() {
        Err("it is empty: give it a value, or leave it out".to_owned())
    } else if text.len() > LABEL_MAX {
        Err(format!("it has {} bytes: at most {LABEL_MAX}", text.len()))
    } else if platform::text::printable(text) != text {
        Err("it holds control characters".to_owned())
    } else {
        Ok(())
    }
}

/// A marketplace's dimension.
pub(super) fn dimension(text: &str) -> Result<(), String> {
    label(text).map_err(|reason| format!("a dimension: {reason}"))
}

/// The name or ARN of a secret.
pub(super) fn secret(text: &str) -> Result<(), String> {
    label(text)?;
    if platform::secrets::allowed(text) {
        Ok(())
    } else {
        Err(format!(
            "the secret's name \"{text}\" does not begin with `{}`",
            platform::secrets::PREFIX
        ))
    }
}

/// The address that a token goes to.
pub(super) fn base_url(text: &str) -> Result<(), String> {
    label(text)?;
    if text.contains(['?', '#']) {
        return Err(format!("`{text}` has a query: give the address without it"));
    }
    platform::endpoint::check(text)
}

/// The one spelling of an address: a counter's owner is told by it, so two spellings would be two Metronome accounts.
pub(super) fn one_spelling(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").unwrap_or(("https", url));
    let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let (scheme, authority) = (scheme.to_ascii_lowercase(), authority.to_ascii_lowercase());
    let port = if scheme == "https" { ":443" } else { ":80" };
    let authority = authority.strip_suffix(port).unwrap_or(&authority);
    format!("{scheme}://{authority}{}", path.trim_end_matches('/'))
}

/// An exact decimal above zero.
pub(super) fn positive(text: &str) -> Result<Decimal, String> {
    let digits = |part: &str| !part.is_empty() && part.chars().all(|c| c.is_ascii_digit());
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let plain = match unsigned.split_once('.') {
        None => digits(unsigned),
        Some((whole, fraction)) => digits(whole) && digits(fraction),
    };
    if !plain {
        return Err(format!(
            "is \"{text}\": it wants an exact decimal, such as \"0.001\""
        ));
    }
    match Decimal::from_str_exact(text) {
        Err(_) => Err(format!(
            "is \"{text}\": more digits than an exact decimal of 28 holds"
        )),
        Ok(value) if value <= Decimal::ZERO => Err(format!("is \"{text}\": it wants to be above zero")),
        Ok(value) => Ok(value.normalize()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_address_has_one_spelling() {
        for url in [
            "https://API.metronome.com",
            "HTTPS://api.metronome.com:443/",
            "https://api.metronome.com",
        ] {
            assert_eq!(one_spelling(url), "https://api.metronome.com", "{url}");
        }
        assert_eq!(
            one_spelling("http://127.0.0.1:9000/v1/"),
            "http://127.0.0.1:9000/v1"
        );
    }

    #[test]
    fn a_decimal_is_digits_and_a_point_and_nothing_else() {
        assert_eq!(positive("1000.50").unwrap().to_string(), "1000.5");
        assert_eq!(positive("0.0000001").unwrap().to_string(), "0.0000001");
        for text in [
            "", ".", "1.", ".5", "1e3", "1_000", "+1", " 1", "1,5", "٣", "0", "0.0", "-1", "NaN",
        ] {
            assert!(positive(text).is_err(), "{text}");
        }
        assert!(
            positive("0.00000000000000000000000000001")
                .unwrap_err()
                .contains("more digits")
        );
    }
}
