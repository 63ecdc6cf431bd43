//! A service account for tests, with a key pair that is public on purpose and opens nothing.

use serde_json::json;

/// Its e-mail, which is its name.
pub const EMAIL: &str = "meter@sandbox-project.iam.gserviceaccount.com";

/// The id of its key, as in `private_key_id` and in a token's `kid`.
pub const KEY_ID: &str = "5a4db0c5a4db0c5a4db0c5a4db0c5a4db0c5a4d0";

/// The key's public half, in PEM.
pub const PUBLIC_KEY: &str = include_str!("fixtures/opens_nothing.public.pem");

const PRIVATE_KEY: &str = include_str!("fixtures/opens_nothing.private.pem");

/// The account's key file, in the form in which Google gives it out, for a token endpoint at `token_uri`.
///
/// <https://cloud.google.com/iam/docs/keys-create-delete> (2026-11-20)
#[must_use]
pub fn service_account_json(token_uri: &str) -> String {
    let begins = PRIVATE_KEY.find("-----BEGIN").unwrap_or_default();
    let private_key = PRIVATE_KEY.get(begins..).unwrap_or_default();
    json!({
        "type": "service_account",
        "project_id": "sandbox-project",
        "private_key_id": KEY_ID,
        "private_key": private_key,
        "client_email": EMAIL,
        "client_id": "100000000000000000001",
        "auth_uri": "https://accounts.google.com/o/oauth2/auth",
        "token_uri": token_uri,
        "auth_provider_x509_cert_url": "https://www.googleapis.com/oauth2/v1/certs",
        "client_x509_cert_url": format!("https://www.googleapis.com/robot/v1/metadata/x509/{}", EMAIL.replace('@', "%40")),
        "universe_domain": "googleapis.com",
    })
    .to_string()
}
