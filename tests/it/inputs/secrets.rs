//! A secret that is missing, or is not what it should be, and a token that is refused.

use platform::FaultKind;

use super::Pair;

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_what_it_should_be_is_named_and_not_quoted() {
    for (what, stored) in [
        ("not JSON", "tok_bare_77aa"),
        ("cut off", r#"{"metronome_token": "tok_bare_77aa""#),
        ("a JSON array", r#"["tok_bare_77aa"]"#),
        ("a JSON text", r#""tok_bare_77aa""#),
        ("a token that is a number", r#"{"metronome_token": 77}"#),
        ("without a token", r#"{"metronome_tokens": "tok_bare_77aa"}"#),
        ("an empty token", r#"{"metronome_token": ""}"#),
        (
            "a token of two lines",
            r#"{"metronome_token": "tok_bare_77aa\nx-evil: 1"}"#,
        ),
    ] {
        let pair = Pair::metered().await;
        pair.scene.world.secrets.put("meterbridge/acme", stored);
        let words: &[&str] = if what.contains("empty") || what.contains("lines") {
            &["token"]
        } else {
            &["`meterbridge/acme`", "metronome_token"]
        };
        let summary = pair.fails(FaultKind::Misconfigured, words).await;
        let told = format!("{summary:?}");
        assert!(!told.contains("tok_bare_77aa"), "{what}: {told}");
        let secret = format!(r#"{{"metronome_token": "{}"}}"#, pair.acme.token());
        pair.scene.world.secrets.put("meterbridge/acme", &secret);
        pair.recovers().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_that_is_not_there_is_named() {
    let pair = Pair::metered().await;
    pair.scene
        .apply(&pair.acme.file().replace("meterbridge/acme", "meterbridge/gone"))
        .await;
    pair.fails(FaultKind::Misconfigured, &["`meterbridge/gone`", "create it"])
        .await;
    pair.scene.apply(&pair.acme.file()).await;
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_that_is_refused_is_laid_to_the_secret() {
    let pair = Pair::metered().await;
    pair.scene.world.metronome.revoke_token(&pair.acme.token());
    pair.fails(
        FaultKind::Unauthorized,
        &["refused the token (401", "/v1/billable-metrics", "secret"],
    )
    .await;
    pair.scene.world.metronome.add_token(&pair.acme.token());
    pair.recovers().await;
}

#[tokio::test(start_paused = true)]
async fn a_token_without_a_permission_is_laid_to_the_secret() {
    for path in ["/v1/billable-metrics", "/v1/customers"] {
        let pair = Pair::metered().await;
        pair.answers_acme(path, 403, r#"{"message":"the token lacks read access"}"#);
        pair.fails(
            FaultKind::Unauthorized,
            &["refused the token (403: the token lacks read access)", path],
        )
        .await;
        pair.recovers().await;
    }
}

/// By then there is a claim to be made, of nothing.
#[tokio::test(start_paused = true)]
async fn a_token_that_may_not_read_usage_bills_nothing_and_moves_no_mark() {
    let pair = Pair::metered().await;
    pair.answers_acme("/v1/usage", 403, r#"{"message":"the token lacks read access"}"#);
    let before = pair.books();
    let summary = pair.scene.hour(super::SECOND).await;
    super::named(
        &summary,
        FaultKind::Unauthorized,
        &["(403: the token lacks read access)", "/v1/usage"],
    );
    assert_eq!(pair.books(), before);
    pair.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
        .await;
    pair.recovers().await;
}
