//! The checker sees what it is there to see: each law, broken on purpose, is named.

use billing::{Book, Entry, Fraction, Outcome, Record};
use rust_decimal::Decimal;
use store::Change;

use super::Laws;
use super::shelf::Shelf;
use crate::company::Company;
use crate::scene::Scene;

/// One buyer, billed for one hour.
async fn billed() -> (Scene, Company, Laws) {
    let scene = Scene::at("2026-11-20T14:30:00Z").await;
    let company = Company::in_scene(&scene, 1).await;
    let mut laws = Laws::over(&scene).await;
    company.uses(&scene, "2026-11-20T14:10:00Z");
    scene.hour("2026-11-20T15:00:00Z").await;
    laws.settled(&scene, "2026-11-20T15:00:00Z");
    (scene, company, laws)
}

/// Changes the only book behind the runs' back; what leaves the flight is written to the trail.
async fn tamper(scene: &Scene, change: impl Fn(&mut Book) -> Vec<Entry>) {
    let identity = Shelf::of(scene).books.into_keys().next().unwrap();
    let read = scene.deps.store.book(&identity).await.unwrap().unwrap();
    let mut book = read.value;
    let entries = change(&mut book);
    let now = scene.world.clock.now();
    let mut write = Change::new(&book, Some(read.version), "tamper", now, "acme", "buyer-0000");
    write.entries = &entries;
    scene.deps.store.write(&write).await.unwrap();
}

fn entry(book: &Book, outcome: Outcome, at: &str) -> Entry {
    let meter = book.meters.keys().next().unwrap().clone();
    let timestamp = crate::scene::at(at);
    Entry {
        record: Record::new(&book.destination.identity, meter, timestamp, Decimal::from(7)),
        outcome,
        reason: None,
        receipt: None,
        by: "tamper".to_owned(),
        at: timestamp,
    }
}

fn named(broken: &[String], law: &str) -> bool {
    broken.iter().any(|words| words.starts_with(law))
}

#[tokio::test(start_paused = true)]
async fn a_mark_that_moved_back_is_seen() {
    let (scene, _, mut laws) = billed().await;
    tamper(&scene, |book| {
        book.streams
            .values_mut()
            .for_each(|stream| stream.mark -= Decimal::ONE);
        Vec::new()
    })
    .await;
    assert!(named(&laws.broken(&scene), "monotone"));
}

#[tokio::test(start_paused = true)]
async fn a_mark_beyond_the_usage_is_seen() {
    let (scene, _, mut laws) = billed().await;
    tamper(&scene, |book| {
        book.streams
            .values_mut()
            .for_each(|stream| stream.mark += Decimal::ONE);
        Vec::new()
    })
    .await;
    assert!(named(&laws.broken(&scene), "never over"));
}

#[tokio::test(start_paused = true)]
async fn a_delivery_that_the_marketplace_does_not_hold_is_seen() {
    let (scene, _, mut laws) = billed().await;
    tamper(&scene, |book| {
        vec![entry(book, Outcome::Delivered, "2026-11-20T11:59:59Z")]
    })
    .await;
    assert!(named(&laws.broken(&scene), "once"));
}

#[tokio::test(start_paused = true)]
async fn a_record_that_is_held_and_owed_again_is_seen() {
    let (scene, _, mut laws) = billed().await;
    // The record of 7 calls at 14:59:59 is at the marketplace; the book, balanced in itself, takes it back.
    tamper(&scene, |book| {
        let meter = book.meters.values_mut().next().unwrap();
        meter.delivered = Fraction::zero();
        meter.owed += &Decimal::from(7).into();
        let mut entry = entry(book, Outcome::Returned, "2026-11-20T14:59:59Z");
        entry.at = crate::scene::at("2026-11-20T15:05:00Z");
        vec![entry]
    })
    .await;
    let broken = laws.broken(&scene);
    assert!(
        named(&broken, "once") && named(&broken, "conservation"),
        "{broken:?}"
    );
}

#[tokio::test(start_paused = true)]
#[should_panic(expected = "nothing lost")]
async fn usage_that_nobody_claimed_is_seen() {
    let (scene, company, mut laws) = billed().await;
    scene.usage(&company.customers[0], "calls", "2026-11-20T14:59:00Z", "1");
    laws.settled(&scene, "2026-11-20T15:00:00Z");
}
