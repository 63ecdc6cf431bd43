//! What Metronome is asked, and what is made of it when it contradicts itself.

use std::sync::{Arc, Mutex};

use chrono::TimeDelta;
use sandbox::faults::{Fault, Rule, When};
use sandbox::metronome::{Mischief, Operation};
use serde_json::Value;

use super::spans::Calls;
use super::{fine, held, units};
use crate::scene::{Scene, at};

const START: &str = "2026-11-01T00:00:00Z";

/// The windows that Metronome is asked for, in turn.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Vec<String>>>);

impl Asked {
    fn of(scene: &Scene) -> Self {
        let asked = Self::default();
        let noted = asked.clone();
        let look = move |_: &str, request: &http::Request<bytes::Bytes>| {
            if request.uri().path() == "/v1/usage" {
                let body: Value = serde_json::from_slice(request.body()).unwrap();
                noted
                    .0
                    .lock()
                    .unwrap()
                    .push(body["window_size"].as_str().unwrap().to_owned());
            }
            false
        };
        scene
            .world
            .faults
            .add(Rule::new("look", When::Always, Fault::LostBefore).on(look));
        asked
    }

    fn since_last(&self) -> Vec<String> {
        let mut asked = std::mem::take(&mut *self.0.lock().unwrap());
        asked.sort();
        asked
    }
}

#[tokio::test(start_paused = true)]
async fn a_base_is_kept_and_read_seldom() {
    let calls = Calls::at("2026-11-20T00:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    calls.made("2026-11-18T10:00:00Z", "1");
    let asked = Asked::of(&calls.scene);
    let mut windows = Vec::new();
    for hour in 1..=25 {
        let end = at("2026-11-20T00:00:00Z") + TimeDelta::hours(hour);
        calls.made(&(end - TimeDelta::minutes(20)).to_rfc3339(), "10");
        fine(&calls.scene.hour(&end.to_rfc3339()).await);
        windows.push((hour, asked.since_last().join(" ")));
    }
    for (hour, asked) in windows {
        let expected = match hour {
            // The first reading, and every sixth hour of the clock.
            1 | 6 | 12 | 18 => "HOUR NONE",
            // At a midnight the base is all there is; it is kept for the hours after it.
            24 => "NONE",
            _ => "HOUR",
        };
        assert_eq!(asked, expected, "at hour {hour}");
    }
    assert_eq!(calls.bills().await, units("251"));
}

/// The run at 06:00 and that of the next midnight read a base that is hours old, and it is kept for six hours each time.
#[tokio::test(start_paused = true)]
async fn a_stale_base_bills_nothing_twice_and_heals_when_it_is_read_afresh() {
    let calls = Calls::at("2026-11-19T22:30:00Z").await;
    calls.apply(calls.globex(START, &[])).await;
    let mut behind = Vec::new();
    for hour in 0..40 {
        let end = at("2026-11-19T23:00:00Z") + TimeDelta::hours(hour);
        calls.scene.world.clock.set(end - TimeDelta::minutes(30));
        calls.made(&(end - TimeDelta::minutes(40)).to_rfc3339(), "10");
        let stale = [7, 25].contains(&hour).then(|| TimeDelta::hours(9));
        calls.scene.world.metronome.set_mischief(Mischief {
            operations: vec![Operation::Usage],
            stale_by: stale,
            ..Mischief::default()
        });
        fine(&calls.scene.hour(&end.to_rfc3339()).await);
        let (billed, used) = (calls.bills().await, units(&((hour + 1) * 10).to_string()));
        assert!(billed <= used, "never more than was used, at hour {hour}");
        behind.extend((billed < used).then_some(hour));
    }
    assert_eq!(behind, (7..=12).chain(25..=30).collect::<Vec<_>>());
    fine(&calls.scene.hour("2026-11-21T18:00:00Z").await);
    assert_eq!(calls.bills().await, units("400"));
}

#[tokio::test(start_paused = true)]
async fn a_repeated_page_bills_nothing_twice() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let second = calls.scene.customer("Globex Europe");
    let buyer = super::file::Buyer::new("globex", &[&calls.customer, &second]);
    calls.apply(buyer.licensed(&calls.arn, START, &[])).await;
    for customer in [&calls.customer, &second] {
        calls.scene.usage(customer, "calls", "2026-11-18T08:10:00Z", "30");
        calls.scene.usage(customer, "calls", "2026-11-20T08:10:00Z", "7");
    }
    calls.scene.world.metronome.set_mischief(Mischief {
        repeat_pages: true,
        shuffle: Some(7),
        ..Mischief::default()
    });
    fine(&calls.scene.hour("2026-11-20T09:00:00Z").await);
    assert_eq!(calls.bills().await, units("74"));
}

#[tokio::test(start_paused = true)]
async fn a_row_with_two_values_voids_the_reading_and_bills_nothing() {
    let calls = Calls::at("2026-11-20T08:30:00Z").await;
    let second = calls.scene.customer("Globex Europe");
    let buyer = super::file::Buyer::new("globex", &[&calls.customer, &second]);
    calls.apply(buyer.licensed(&calls.arn, START, &[])).await;
    calls.made("2026-11-20T08:10:00Z", "7");
    calls.scene.usage(&second, "calls", "2026-11-20T08:10:00Z", "50");
    calls.scene.world.metronome.set_mischief(Mischief {
        operations: vec![Operation::Usage],
        customer: Some(second.parse().unwrap()),
        two_values: true,
        ..Mischief::default()
    });
    let summary = calls.scene.hour("2026-11-20T09:00:00Z").await;
    assert!(
        held(&summary)[0].contains("two values for the hour"),
        "{:?}",
        held(&summary)
    );
    assert_eq!(
        calls.bills().await,
        units("7"),
        "the other customer's usage is billed"
    );
    calls.scene.world.metronome.set_mischief(Mischief::default());
    fine(&calls.scene.hour("2026-11-20T10:00:00Z").await);
    assert_eq!(calls.bills().await, units("57"));
}
