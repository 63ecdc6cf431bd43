//! Base64, read as strictly as JSON Web Tokens ask for (RFC 4648, RFC 7515).

const STANDARD: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
const URL_SAFE: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// What the parts of a token hold. Padding has no place there.
pub(super) fn url_safe(text: &str) -> Option<Vec<u8>> {
    decode(text, URL_SAFE)
}

/// The DER bytes of the first block of a PEM text with this label (RFC 7468). What stands around the block is not read.
pub(super) fn pem(text: &str, label: &str) -> Option<Vec<u8>> {
    let (_, after) = text.split_once(&format!("-----BEGIN {label}-----"))?;
    let (block, _) = after.split_once(&format!("-----END {label}-----"))?;
    let digits: String = block.split_ascii_whitespace().collect();
    decode(digits.trim_end_matches('='), STANDARD)
}

fn decode(text: &str, alphabet: &[u8; 64]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() * 3 / 4);
    // Bits read and not yet given out; fewer than eight between two digits.
    let (mut held, mut bits) = (0_u32, 0_u32);
    for digit in text.bytes() {
        let value = alphabet.iter().position(|letter| *letter == digit)?;
        held = (held << 6) | u32::try_from(value).ok()?;
        bits += 6;
        if bits >= 8 {
            bits -= 8;
            bytes.push(u8::try_from(held >> bits).ok()?);
            held &= (1 << bits) - 1;
        }
    }
    // What is left over is no whole digit, and zero: each text of bytes has one way to be written.
    (bits < 6 && held == 0).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_the_standard_are_read() {
        for (text, bytes) in [
            ("", ""),
            ("Zg", "f"),
            ("Zm8", "fo"),
            ("Zm9v", "foo"),
            ("Zm9vYg", "foob"),
            ("Zm9vYmE", "fooba"),
            ("Zm9vYmFy", "foobar"),
        ] {
            assert_eq!(url_safe(text).unwrap(), bytes.as_bytes());
        }
        assert_eq!(url_safe("-_8").unwrap(), [0xfb, 0xff]);
    }

    #[test]
    fn padding_another_alphabet_and_bits_left_over_are_not_read() {
        for text in ["Zg==", "+/8", "Zh", "Z", "Zm9vY", "Z g"] {
            assert_eq!(url_safe(text), None, "{text}");
        }
    }

    #[test]
    fn a_pem_block_is_found_by_its_label() {
        let text =
            "why\n-----BEGIN A KEY-----\nZm9v\nYg==\n-----END A KEY-----\n-----BEGIN B-----\n-----END B-----";
        assert_eq!(pem(text, "A KEY").unwrap(), b"foob");
        assert_eq!(pem(text, "B").unwrap(), b"");
        assert_eq!(pem(text, "C"), None);
    }
}
