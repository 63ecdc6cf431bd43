//! Bodies larger or deeper than their bound.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::{HeaderValue, Request, Response, StatusCode};
use metering::Deps;
use platform::transport::BODY_LIMIT;
use platform::{FaultKind, Transport};
use sandbox::faults::{Fault, Rule, When};
use sandbox::{Fate, Service, serve};

use super::{FIRST, SECOND, shop, tamper, told};
use crate::scene::Scene;
use crate::tally::ends;

/// Answers everything with a body that is packed.
struct Packed {
    body: Bytes,
    asked: AtomicU64,
}

impl Packed {
    /// A JSON document of spaces that unpacks to so many bytes.
    fn of(unpacked: usize) -> Arc<Self> {
        let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
        gzip.write_all(br#"{"data":[],"next_page":null"#).unwrap();
        for _ in 0..unpacked / 1_000_000 {
            gzip.write_all(&[b' '; 1_000_000]).unwrap();
        }
        gzip.write_all(b"}").unwrap();
        let body = gzip.finish().unwrap().into();
        Arc::new(Self {
            body,
            asked: AtomicU64::new(0),
        })
    }
}

impl Service for Packed {
    fn name(&self) -> &'static str {
        "metronome"
    }

    fn call(&self, _: &Request<Bytes>) -> Fate {
        self.asked.fetch_add(1, Ordering::SeqCst);
        let mut answer = Response::new(self.body.clone());
        answer
            .headers_mut()
            .insert("content-encoding", HeaderValue::from_static("gzip"));
        Fate::Reply(answer)
    }
}

/// Over real sockets, where bodies are unpacked.
#[tokio::test]
async fn a_body_that_unpacks_to_more_than_its_bound_is_not_read_to_its_end() {
    let bomb = Packed::of(100_000_000);
    assert!(
        bomb.body.len() < BODY_LIMIT,
        "{} bytes on the wire",
        bomb.body.len()
    );
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    shop(&scene).await;
    let served = serve::serve(bomb.clone()).await.unwrap();
    tamper(&scene, |connection| {
        connection.metronome.base_url.clone_from(&served.url)
    })
    .await;
    let deps = Deps {
        transport: Transport::network().unwrap(),
        ..scene.deps.clone()
    };
    let summary = metering::run(&deps, &scene.order(FIRST)).await.unwrap();
    assert_eq!(ends(&summary), Some(FaultKind::SourceUnavailable));
    let told = told(&Ok(summary));
    assert!(
        told.contains(&format!("larger than {BODY_LIMIT} bytes")),
        "{told}"
    );
    assert_eq!(bomb.asked.load(Ordering::SeqCst), 1, "it is not asked for again");
}

/// The same within the bound is an answer like any other.
#[tokio::test]
async fn a_packed_body_within_its_bound_is_read() {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    shop(&scene).await;
    let served = serve::serve(Packed::of(4_000_000)).await.unwrap();
    tamper(&scene, |connection| {
        connection.metronome.base_url.clone_from(&served.url)
    })
    .await;
    let deps = Deps {
        transport: Transport::network().unwrap(),
        ..scene.deps.clone()
    };
    let summary = metering::run(&deps, &scene.order(FIRST)).await.unwrap();
    // An account without metrics and customers: that is what it says, and it is said.
    assert_eq!(
        ends(&summary),
        Some(FaultKind::Misconfigured),
        "{}",
        told(&Ok(summary))
    );
}

#[tokio::test(start_paused = true)]
async fn json_of_a_hundred_thousand_levels_from_aws_costs_no_stack() {
    let (open, shut) = ("[".repeat(100_000), "]".repeat(100_000));
    for body in [
        open.clone(),
        format!(r#"{{"Results":{open}{shut}}}"#),
        format!(r#"{{"Results":[],"x":{open}{shut}}}"#),
        r#"{"x":"#.repeat(100_000),
    ] {
        let deep = |content_type| Fault::status(StatusCode::OK, content_type, &body);
        let scene = Scene::at("2026-11-20T14:30:00Z").await;
        shop(&scene).await;
        let fault = deep("application/x-amz-json-1.1");
        scene
            .world
            .faults
            .add(Rule::new("deep", When::Always, fault).on_operation("BatchMeterUsage"));
        let summary = scene.run(FIRST).await.unwrap();
        assert!(ends(&summary).is_some());
        scene.world.faults.clear();
        let fault = deep("application/x-amz-json-1.0");
        scene
            .world
            .faults
            .add(Rule::new("deep", When::Always, fault).on_operation("GetSecretValue"));
        scene.hour(SECOND).await;
        assert_eq!(
            scene.billed()["api_calls"],
            3.into(),
            "and what was in flight is delivered"
        );
        scene.world.faults.clear();
        let fault = deep("application/x-amz-json-1.0");
        scene
            .world
            .faults
            .add(Rule::new("deep", When::Always, fault).on_operation("Query"));
        let run = scene.run(SECOND).await;
        assert!(run.is_err() || ends(&run.unwrap()).is_some() || body.contains("Results"));
    }
}
