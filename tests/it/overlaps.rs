//! Two invocations at work at once, on slow and lossy roads, and one that stands still while the next hour's goes by: the laws
//! hold after each, and the bill is in the end the one of runs in good order.

use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use platform::TransportError;
use platform::transport::{Carrier, Request};
use rust_decimal::Decimal;
use sandbox::World;
use sandbox::aws::metering::IdenticalRetry;
use sandbox::faults::{Fault, Rule, When, draw};
use tokio::sync::Notify;

use crate::company::Company;
use crate::laws::{Laws, parked};
use crate::scene::{IntoWorld, Scene, at, reach};

const FIRST: &str = "2026-11-20T15:00:00Z";
const SECOND: &str = "2026-11-20T16:00:00Z";
const THIRD: &str = "2026-11-20T17:00:00Z";
const FRESH: &str = "2026-11-20T18:00:00Z";

/// Both of AWS's documented answers to a record that it already holds.
const READINGS: [IdenticalRetry; 2] = [IdenticalRetry::Success, IdenticalRetry::DuplicateRecord];

/// A slow way into the world: each request takes its time there and its answer back, and some are lost on either.
struct Road {
    world: World,
    seed: u64,
    seen: AtomicU64,
    /// So many of a hundred are lost on the way there, and as many on the way back.
    lost: u64,
}

impl Carrier for Road {
    /// A request goes on to the other side when its caller has given up on it: that is the one that bills twice.
    fn carry(&self, request: Request) -> BoxFuture<'static, Result<http::Response<Bytes>, TransportError>> {
        let number = self.seen.fetch_add(1, Ordering::SeqCst);
        let drawn = |what: u64| draw(self.seed, 8 * number + what);
        // A moment as a rule; one in thirty takes up to a minute, beyond every timeout.
        let time = |what| {
            let most = if drawn(what) % 30 == 0 { 60_000 } else { 60 };
            Duration::from_millis(drawn(what + 1) % most)
        };
        let (there, back) = (time(0), time(2));
        let (dropped, unheard) = (drawn(4) % 100 < self.lost, drawn(5) % 100 < self.lost);
        let into = IntoWorld(self.world.clone());
        let trip = tokio::spawn(async move {
            tokio::time::sleep(there).await;
            if dropped {
                return Err(TransportError::Lost("on the way there".to_owned()));
            }
            let answer = into.carry(request).await;
            tokio::time::sleep(back).await;
            if unheard {
                Err(TransportError::Lost("on the way back".to_owned()))
            } else {
                answer
            }
        });
        Box::pin(async move { trip.await.unwrap() })
    }
}

/// Five buyers with usage before the first hour's run.
async fn stage(reading: IdenticalRetry) -> (Scene, Company, Laws) {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    scene
        .world
        .metering
        .switch(|switches| switches.identical_retry = reading);
    let company = Company::in_scene(&scene, 5).await;
    company.uses(&scene, "2026-11-18T09:00:00Z");
    company.uses(&scene, "2026-11-20T14:10:00Z");
    let laws = Laws::over(&scene).await;
    (scene, company, laws)
}

/// Usage of the second hour, and one late event.
fn second_usage(scene: &Scene, company: &Company) {
    scene.world.clock.set(at("2026-11-20T15:40:00Z"));
    company.uses(scene, "2026-11-20T15:20:00Z");
    scene.usage(&company.customers[1], "calls", "2026-11-20T13:15:00Z", "2.25");
}

/// What is billed when runs follow each other in good order.
async fn in_order() -> BTreeMap<String, Decimal> {
    let (scene, company, mut laws) = stage(IdenticalRetry::Success).await;
    scene.hour(FIRST).await;
    second_usage(&scene, &company);
    ends(&scene, &mut laws, &[SECOND, THIRD, FRESH]).await
}

/// The runs to the end of the story, undisturbed. What is billed then.
async fn ends(scene: &Scene, laws: &mut Laws, hours: &[&str]) -> BTreeMap<String, Decimal> {
    for hour in hours {
        scene.hour(hour).await;
        laws.check(scene);
    }
    laws.settled(scene, FRESH);
    assert_eq!(parked(scene), 0, "nothing waits for a person");
    scene.billed()
}

/// Two invocations of one hour at once, each on a road of its own, until the last of their requests has arrived.
async fn both(scene: &Scene, hour: &str, seed: u64, lost: u64) {
    scene.comes(hour);
    let road = |seed| Road {
        world: scene.world.clone(),
        seed,
        seen: AtomicU64::new(0),
        lost,
    };
    let (one, other) = (
        reach(&scene.world, road(seed)).await,
        reach(&scene.world, road(!seed)).await,
    );
    let (first, second) = (scene.order(hour), scene.order(hour));
    // On a lossy road a run may well fail; what it leaves is what counts.
    drop(tokio::join!(
        metering::run(&one, &first),
        metering::run(&other, &second)
    ));
    tokio::time::sleep(Duration::from_secs(120)).await;
}

async fn two_at_once(seeds: std::ops::Range<u64>, lost: u64) {
    println!("two invocations at once, {lost} % of the requests and of the answers lost, seeds {seeds:?}");
    let billed = in_order().await;
    for (seed, reading) in seeds.flat_map(|seed| READINGS.map(|reading| (seed, reading))) {
        let (scene, company, mut laws) = stage(reading).await;
        fastrand::seed(seed);
        both(&scene, FIRST, seed, lost).await;
        laws.check(&scene);
        second_usage(&scene, &company);
        both(&scene, SECOND, seed + 1_000, lost).await;
        laws.check(&scene);
        assert_eq!(
            ends(&scene, &mut laws, &[THIRD, FRESH]).await,
            billed,
            "seed {seed}, {reading:?}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn two_invocations_of_an_hour_at_once_bill_it_once() {
    two_at_once(0..8, 0).await;
}

#[tokio::test(start_paused = true)]
async fn two_invocations_at_once_with_lost_answers_bill_once() {
    two_at_once(100..112, 12).await;
}

/// Runs the first hour until its so manyth request has had its effect, and holds it there while the next hour's run goes by.
/// Then it goes on: `late`, when its own time is over. False: it ended before it got so far.
async fn frozen(scene: &Scene, company: &Company, laws: &mut Laws, request: u64, late: bool) -> bool {
    let (seen, reached) = (AtomicU64::new(0), Arc::new(Notify::new()));
    let there = Arc::clone(&reached);
    let watch = Rule::new("watch", When::Always, Fault::LostBefore).on(move |_, _| {
        if seen.fetch_add(1, Ordering::SeqCst) + 1 == request {
            there.notify_one();
        }
        false
    });
    scene.world.faults.add(watch);
    scene.comes(FIRST);
    let mut standing = pin!(scene.run(FIRST));
    let ended = tokio::select! {
        biased;
        () = reached.notified() => false,
        _ = &mut standing => true,
    };
    scene.world.faults.clear();
    second_usage(scene, company);
    scene.hour(SECOND).await;
    laws.check(scene);
    if ended {
        return false;
    }
    if late {
        tokio::time::advance(Duration::from_secs(3600)).await;
    }
    drop(standing.await);
    laws.check(scene);
    true
}

/// Every request of a first hour's run is where it stands still once.
async fn frozen_everywhere(late: bool) {
    let billed = in_order().await;
    // No run of this story makes a thousand requests.
    for request in 1..1_000 {
        let reading = READINGS[usize::from(request % 2 == 0)];
        let (scene, company, mut laws) = stage(reading).await;
        let froze = frozen(&scene, &company, &mut laws, request, late).await;
        assert_eq!(
            ends(&scene, &mut laws, &[THIRD, FRESH]).await,
            billed,
            "request {request}, {reading:?}"
        );
        if !froze {
            println!(
                "stood still at each of {} requests while the next hour's run went by",
                request - 1
            );
            assert!(request > 30, "the run claims, sends and settles");
            return;
        }
    }
    panic!("the run does not end");
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_stands_still_at_any_request_for_an_hour_bills_nothing_twice() {
    frozen_everywhere(false).await;
}

#[tokio::test(start_paused = true)]
async fn an_invocation_that_wakes_after_its_deadline_bills_nothing_twice() {
    frozen_everywhere(true).await;
}

#[tokio::test(start_paused = true)]
async fn answers_an_hour_late_overlap_the_next_hours_run() {
    let billed = in_order().await;
    for reading in READINGS {
        let (scene, company, mut laws) = stage(reading).await;
        let late = Fault::Delay(Duration::from_secs(3600));
        scene
            .world
            .faults
            .add(Rule::new("late", When::Always, late).on_operation("BatchMeterUsage"));
        scene.comes(FIRST);
        let next = async {
            tokio::time::sleep(Duration::from_secs(30)).await;
            assert!(
                scene.world.faults.given().contains_key("late"),
                "the first is sending"
            );
            scene.world.faults.clear();
            second_usage(&scene, &company);
            scene.hour(SECOND).await
        };
        let (first, _) = tokio::join!(scene.run(FIRST), next);
        assert!(first.is_ok());
        laws.check(&scene);
        assert_eq!(
            ends(&scene, &mut laws, &[THIRD, FRESH]).await,
            billed,
            "{reading:?}"
        );
    }
}
