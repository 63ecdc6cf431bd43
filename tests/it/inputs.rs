//! Bad input at run time: what is wrong is said in words that name the connection and the thing, the marks of what could not be
//! read stay as they were, and the other connection and the other buyers are done in the same run.

mod metronome;
mod runs;
mod secrets;
mod stored;

use http::{Request, StatusCode, header::AUTHORIZATION};
use metering::{RunSummary, Status};
use platform::FaultKind;
use sandbox::faults::{Fault, Rule, When};
use serde_json::Value;

use crate::laws::Laws;
use crate::scene::Scene;
use crate::shop::Shop;
use crate::tally::ends;

const FIRST: &str = "2026-11-20T15:00:00Z";
const SECOND: &str = "2026-11-20T16:00:00Z";
const FRESH: &str = "2026-11-20T18:00:00Z";

/// Two connections of the same Metronome and the same table: `acme`, which meets what is bad, and `zeta`, which does not. Each
/// has two buyers, the first of which uses 1 and the second 2, in every hour that is metered.
struct Pair {
    scene: Scene,
    acme: Shop,
    zeta: Shop,
}

impl Pair {
    /// After a first good run.
    async fn metered() -> Self {
        let pair = Self::with(|file| file).await;
        pair.uses("2026-11-20T14:10:00Z");
        let summary = pair.scene.hour(FIRST).await;
        assert_eq!(ends(&summary), None);
        pair.states("3 owed, 3 billed", "3 owed, 3 billed").await;
        pair.uses_before_second();
        pair
    }

    /// At 14:30, the connection file of `acme` written otherwise.
    async fn with(otherwise: impl FnOnce(String) -> String) -> Self {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        let acme = Shop::found(&scene, "acme", 2, &["api_calls"]);
        scene.apply(&otherwise(acme.file())).await;
        let zeta = Shop::open(&scene, "zeta", 2, &["seats"]).await;
        Self { scene, acme, zeta }
    }

    fn uses(&self, when: &str) {
        self.acme.all_use(&self.scene, when);
        self.zeta.all_use(&self.scene, when);
    }

    fn uses_before_second(&self) {
        self.scene
            .world
            .clock
            .set(crate::scene::at("2026-11-20T15:40:00Z"));
        self.uses("2026-11-20T15:10:00Z");
    }

    /// A request of `acme`'s to Metronome gets this answer.
    fn answers_acme(&self, path: &'static str, status: u16, body: &str) {
        let token = format!("Bearer {}", self.acme.token());
        let ours = move |_: &str, request: &Request<bytes::Bytes>| {
            request
                .headers()
                .get(AUTHORIZATION)
                .is_some_and(|sent| sent.as_bytes() == token.as_bytes())
        };
        let answer = Fault::status(StatusCode::from_u16(status).unwrap(), "application/json", body);
        self.scene
            .world
            .faults
            .add(Rule::new("answered", When::Always, answer).on_path(path).on(ours));
    }

    /// The owed and the billed figures of both.
    async fn states(&self, acme: &str, zeta: &str) {
        self.scene.states("acme", "api_calls", acme).await;
        self.scene.states("zeta", "seats", zeta).await;
    }

    /// The books of `acme`, whole: marks and all else.
    fn books(&self) -> Vec<Value> {
        let items = self.scene.items().into_iter();
        items
            .filter(|((pk, _), _)| pk.starts_with("book#") && pk.contains("l-acme-"))
            .map(|(_, item)| item)
            .collect()
    }

    /// Runs the second hour. It fails with this kind, for `acme` alone, in words that name it and each of these; nothing of
    /// `acme`'s books is touched, and `zeta` is done.
    async fn fails(&self, kind: FaultKind, words: &[&str]) -> RunSummary {
        let before = self.books();
        let summary = self.scene.hour(SECOND).await;
        assert_eq!(self.books(), before, "marks unchanged");
        named(&summary, kind, words);
        assert_eq!(status(&summary, "acme"), Status::Failed);
        self.states("6 owed, 3 billed, 3 not read yet", "6 owed, 6 billed")
            .await;
        summary
    }

    /// What was bad is mended: the next run makes up for it.
    async fn recovers(&self) {
        self.scene.world.faults.clear();
        let mut laws = Laws::over(&self.scene).await;
        let summary = self.scene.hour(FRESH).await;
        assert_eq!(ends(&summary), None);
        laws.settled(&self.scene, FRESH);
        self.states("6 owed, 6 billed", "6 owed, 6 billed").await;
    }
}

/// The run's failure is of this kind, names the connection and each of these words, and says nothing of `zeta`.
fn named(summary: &RunSummary, kind: FaultKind, words: &[&str]) {
    let fault = summary.failure().unwrap();
    println!("{}: {fault}", fault.kind);
    assert_eq!(fault.kind, kind, "{fault}");
    assert!(fault.message.contains("connection acme: "), "{fault}");
    assert!(!fault.message.contains("zeta"), "{fault}");
    for word in words {
        assert!(fault.message.contains(word), "{word} is not in: {fault}");
    }
    assert_eq!(status(summary, "zeta"), Status::Ok);
}

fn status(summary: &RunSummary, id: &str) -> Status {
    summary
        .connections
        .iter()
        .find(|connection| connection.connection == id)
        .unwrap()
        .status
}

/// Why a buyer's streams wait.
fn held(summary: &RunSummary, buyer: &str) -> Vec<String> {
    let buyers = summary
        .connections
        .iter()
        .flat_map(|connection| &connection.buyers);
    buyers
        .filter(|one| one.buyer == buyer)
        .flat_map(|one| &one.held)
        .map(|held| held.reason.clone())
        .collect()
}
