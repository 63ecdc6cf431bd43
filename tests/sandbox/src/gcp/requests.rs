//! Requests as a client of Google makes them, for the tests of these services.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{RSA_PKCS1_SHA256, RsaKeyPair};
use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::base64;
use super::login::test_account;
use crate::{Fate, Service};

/// An assertion of the test account, signed with its own key.
pub(super) fn assertion(header: &Value, claims: &Value) -> String {
    let key_file: Value = serde_json::from_str(&test_account::service_account_json("unused")).unwrap();
    let pem = key_file["private_key"].as_str().unwrap();
    let key = RsaKeyPair::from_pkcs8(&base64::pem(pem, "PRIVATE KEY").unwrap()).unwrap();
    let signed = format!(
        "{}.{}",
        encoded(header.to_string().as_bytes()),
        encoded(claims.to_string().as_bytes())
    );
    let mut signature = vec![0; key.public_modulus_len()];
    key.sign(
        &RSA_PKCS1_SHA256,
        &SystemRandom::new(),
        signed.as_bytes(),
        &mut signature,
    )
    .unwrap();
    format!("{signed}.{}", encoded(&signature))
}

/// The header and the claims that Google's documents describe, made at `now` (seconds since 1970).
pub(super) fn claims(now: i64) -> (Value, Value) {
    let header = json!({"alg": "RS256", "typ": "JWT", "kid": test_account::KEY_ID});
    let claims = json!({
        "iss": test_account::EMAIL, "scope": "https://www.googleapis.com/auth/servicecontrol",
        "aud": super::login::TOKEN_URI, "iat": now, "exp": now + 3600,
    });
    (header, claims)
}

/// A form.
pub(super) fn form(path: &str, fields: &[(&str, &str)]) -> Request<Bytes> {
    let body = form_urlencoded::Serializer::new(String::new())
        .extend_pairs(fields)
        .finish();
    Request::post(path)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(Bytes::from(body))
        .unwrap()
}

/// A JSON body, and a bearer token unless that is empty.
pub(super) fn json(path: &str, token: &str, body: &str) -> Request<Bytes> {
    let request = Request::post(path).header("content-type", "application/json");
    let request = if token.is_empty() {
        request
    } else {
        request.header("authorization", format!("Bearer {token}"))
    };
    request.body(Bytes::copy_from_slice(body.as_bytes())).unwrap()
}

/// The reply of a service that does reply.
pub(super) fn reply(service: &impl Service, request: &Request<Bytes>) -> Response<Bytes> {
    match service.call(request) {
        Fate::Reply(reply) => reply,
        other => panic!("no reply: {other:?}"),
    }
}

/// The status and the JSON body.
pub(super) fn call(service: &impl Service, request: &Request<Bytes>) -> (u16, Value) {
    let reply = reply(service, request);
    assert_eq!(reply.headers()["content-type"], "application/json; charset=UTF-8");
    (
        reply.status().as_u16(),
        serde_json::from_slice(reply.body()).unwrap(),
    )
}

fn encoded(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let digits = |three: &[u8]| {
        let bits = (0..3).fold(0_usize, |bits, place| {
            bits << 8 | usize::from(*three.get(place).unwrap_or(&0))
        });
        let digit = |place| char::from(ALPHABET[bits >> (18 - 6 * place) & 63]);
        (0..=three.len()).map(digit).collect::<String>()
    };
    bytes.chunks(3).map(digits).collect()
}
