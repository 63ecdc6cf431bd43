//! Where tokens go: over TLS or to this machine, and nowhere that an answer points to.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode};
use metering::Deps;
use platform::config::Environment;
use platform::{FaultKind, Transport};
use sandbox::faults::{Fault, Rule, When};
use sandbox::{Fate, Service, serve};

use super::{FIRST, shop, tamper, told};
use crate::scene::{Scene, TABLE};
use crate::tally::ends;

/// A service of a test's own, which notes what reaches it.
struct Answering {
    with: Response<Bytes>,
    reached: Mutex<Vec<String>>,
}

impl Answering {
    fn with(status: StatusCode, location: Option<&str>) -> Arc<Self> {
        let mut with = Response::new(Bytes::from_static(b"{}"));
        *with.status_mut() = status;
        if let Some(location) = location {
            with.headers_mut()
                .insert("location", HeaderValue::from_str(location).unwrap());
        }
        Arc::new(Self {
            with,
            reached: Mutex::default(),
        })
    }

    fn reached(&self) -> Vec<String> {
        self.reached.lock().unwrap().clone()
    }
}

impl Service for Answering {
    fn name(&self) -> &'static str {
        "metronome"
    }

    fn call(&self, request: &Request<Bytes>) -> Fate {
        self.reached
            .lock()
            .unwrap()
            .push(format!("{} {:?}", request.uri(), request.headers()));
        Fate::Reply(self.with.clone())
    }
}

#[tokio::test(start_paused = true)]
async fn a_base_url_that_is_neither_https_nor_loopback_gets_no_token() {
    for address in [
        "http://api.metronome.com",
        "http://127.0.0.1.example.com",
        "http://localhost.example.com:9000",
        "ftp://127.0.0.1",
        "https://user:word@api.metronome.com",
        "api.metronome.com",
        "//api.metronome.com",
        "https://api.metronome.com/?to=",
        "https://api.metronome.com#",
        "",
    ] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        let shop = shop(&scene).await;
        let file = shop.file().replace("https://api.metronome.com", address);
        let mistakes = control::file::read(&file, scene.world.clock.now())
            .err()
            .map(|mistakes| mistakes.to_string());
        assert!(
            mistakes.as_ref().is_some_and(|words| words.contains("base_url")),
            "{address}: {mistakes:?}"
        );

        tamper(&scene, |connection| {
            connection.metronome.base_url = address.to_owned()
        })
        .await;
        let summary = scene.run(FIRST).await.unwrap();
        assert_eq!(ends(&summary), Some(FaultKind::Misconfigured), "{address}");
        assert!(told(&Ok(summary)).contains("connection acme: Metronome's base_url"));
        assert_eq!(scene.world.requests()["metronome"], 0, "{address}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_aws_endpoint_that_is_neither_https_nor_loopback_gets_no_request() {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    shop(&scene).await;
    let environment = Environment {
        table: TABLE.to_owned(),
    };
    let sdk = scene
        .deps
        .sdk
        .to_builder()
        .endpoint_url("http://dynamodb.example.com")
        .build();
    let deps = Deps::with(
        scene.deps.transport.clone(),
        scene.deps.clock.clone(),
        &environment,
        sdk,
    );
    let seen = scene.world.faults.seen();
    let fault = metering::run(&deps, &scene.order(FIRST)).await.unwrap_err();
    assert_eq!(fault.kind, FaultKind::StoreUnavailable);
    assert!(fault.message.contains("neither https nor loopback"), "{fault}");
    assert_eq!(scene.world.faults.seen(), seen);
}

/// Over real sockets, where a client could follow: the runtime's clock is the machine's.
#[tokio::test]
async fn a_redirect_is_an_error_and_the_token_is_sent_nowhere_else() {
    for status in [301, 302, 303, 307, 308] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        let elsewhere = Answering::with(StatusCode::OK, None);
        let there = serve::serve(elsewhere.clone()).await.unwrap();
        let location = format!("{}/v1/billable-metrics", there.url);
        let redirecting = Answering::with(StatusCode::from_u16(status).unwrap(), Some(&location));
        let here = serve::serve(redirecting.clone()).await.unwrap();
        tamper(&scene, |connection| {
            connection.metronome.base_url.clone_from(&here.url)
        })
        .await;
        let deps = Deps {
            transport: Transport::network().unwrap(),
            ..scene.deps.clone()
        };
        let summary = metering::run(&deps, &scene.order(FIRST)).await.unwrap();
        assert_eq!(ends(&summary), Some(FaultKind::SourceUnavailable), "{status}");
        let told = told(&Ok(summary));
        assert!(
            told.contains(&format!("({status}: a redirect is not followed")),
            "{told}"
        );
        assert_eq!(
            (redirecting.reached().len(), elsewhere.reached()),
            (1, Vec::new()),
            "{status}"
        );
    }
}

/// A redirected call may have been acted on before: its records stay in flight or owed, and are never called delivered.
#[tokio::test(start_paused = true)]
async fn a_redirect_of_the_marketplace_is_not_followed_and_delivers_nothing() {
    for status in [301, 302, 307, 308] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        let mut fault = Fault::status(
            StatusCode::from_u16(status).unwrap(),
            "application/x-amz-json-1.1",
            "{}",
        );
        if let Fault::Answer(answer) = &mut fault {
            answer.headers_mut().insert(
                "location",
                HeaderValue::from_static("https://metering.evil.example/"),
            );
        }
        scene
            .world
            .faults
            .add(Rule::new("redirected", When::Always, fault).on_operation("BatchMeterUsage"));
        let summary = scene.run(FIRST).await.unwrap();
        let outcomes: Vec<_> = summary.connections[0]
            .buyers
            .iter()
            .flat_map(|buyer| &buyer.records)
            .map(|record| record.outcome)
            .collect();
        assert!(
            outcomes
                .iter()
                .all(|outcome| ["in_flight", "returned"].contains(outcome)),
            "{status}: {outcomes:?}"
        );
        let calls = summary.connections[0].requests["aws"];
        assert_eq!(
            calls,
            scene.world.faults.given()["redirected"],
            "{status}: no other call was made"
        );
        scene.world.faults.clear();
        scene.hour("2026-11-20T16:00:00Z").await;
        assert_eq!(scene.billed()["api_calls"], 3.into());
    }
}

#[tokio::test(start_paused = true)]
async fn a_secret_outside_our_own_is_not_read() {
    for name in [
        "prod/db",
        "meterbridge",
        "meterbridge/",
        "/meterbridge/acme",
        "xmeterbridge/acme",
        "Meterbridge/acme",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:",
        "arn:aws:s3:::meterbridge/acme",
    ] {
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        let shop = shop(&scene).await;
        let file = shop.file().replace("meterbridge/acme", name);
        let mistakes = control::file::read(&file, scene.world.clock.now())
            .err()
            .map(|mistakes| mistakes.to_string());
        assert!(mistakes.is_some_and(|words| words.contains("secret")), "{name}");

        tamper(&scene, |connection| connection.secret = name.to_owned()).await;
        let asked = scene.world.secrets.counts();
        let summary = scene.run(FIRST).await.unwrap();
        assert_eq!(ends(&summary), Some(FaultKind::Misconfigured), "{name}");
        assert!(
            told(&Ok(summary)).contains("does not begin with `meterbridge/`"),
            "{name}"
        );
        assert_eq!(scene.world.secrets.counts(), asked, "{name}");
    }
}
