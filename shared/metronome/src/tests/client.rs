use std::time::Duration;

use http::header::AUTHORIZATION;
use platform::{Deadline, FaultKind, Transport};

use super::scripted::{Metronome, TOKEN, last_page};
use crate::Client;

fn client(base_url: &str, token: &str) -> Result<Client, platform::Fault> {
    let nobody = Transport::over(Metronome::replying([]));
    let deadline = Deadline::after(Duration::from_secs(900));
    Client::new(nobody, base_url, token.to_owned().into(), 8, deadline)
}

#[tokio::test(start_paused = true)]
async fn the_token_travels_in_a_header_that_nothing_prints() {
    let metronome = Metronome::replying([last_page("")]);
    let client = metronome.client();
    client.billable_metrics().await.unwrap();
    let header = &metronome.asked()[0].headers[AUTHORIZATION];
    assert_eq!(header.to_str().unwrap(), format!("Bearer {TOKEN}"));
    assert!(header.is_sensitive());
    assert!(!format!("{client:?}").contains(TOKEN));
    assert!(!format!("{:?}", metronome.asked()).contains(TOKEN));
}

#[tokio::test(start_paused = true)]
async fn a_token_goes_nowhere_but_over_https_or_to_this_machine() {
    for base_url in [
        "https://api.metronome.com",
        "https://proxy.example/metronome/",
        "http://127.0.0.1:9000",
    ] {
        assert!(client(base_url, TOKEN).is_ok(), "{base_url}");
    }
    for base_url in [
        "http://api.metronome.com",
        "https://u:p@api.metronome.com",
        "https://api.metronome.com/?a=b",
        "nowhere",
    ] {
        let fault = client(base_url, TOKEN).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Misconfigured, "{base_url}");
        assert!(fault.message.contains("base_url"), "{fault}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_token_that_no_header_can_carry_is_refused_unshown() {
    for token in ["", "tok_1\n", "tok 1", "tök"] {
        let fault = client("https://api.metronome.com", token).unwrap_err();
        assert_eq!(fault.kind, FaultKind::Misconfigured);
        assert!(token.is_empty() || !fault.message.contains(token), "{fault}");
    }
}
