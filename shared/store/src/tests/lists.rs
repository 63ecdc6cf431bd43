//! Lists longer than a page, connections under their guard, runs.

use std::collections::BTreeSet;

use billing::{Destination, Outcome};
use chrono::TimeDelta;
use platform::Connection;
use platform::connection::{AwsAccess, Buyer, BuyerCustomer, Entitlement, MetronomeAccount, Whitelist};

use super::world::{World, at, book, change, entries, entry, identity, long, now};
use crate::item::Key;
use crate::{Change, Run, Standing, WriteError};

fn connection(id: &str, buyers: usize) -> Connection {
    let buyer = |number: usize| Buyer {
        id: format!("buyer-{number}"),
        customers: vec![BuyerCustomer {
            id: format!("{number:08}-4b1c-4a3e-9d7e-1f2e3d4c5b6a"),
            since: None,
        }],
        contracts: Vec::new(),
        contracts_since: None,
        entitlements: vec![Entitlement {
            key: now(),
            starts_at: now(),
            ends_at: None,
            included: [].into(),
            destination: Destination::of(identity(number)),
        }],
    };
    Connection {
        id: id.to_owned(),
        secret: "meterbridge/acme".to_owned(),
        billing_mode: None,
        mode_since: None,
        scheduled: false,
        auto_report: true,
        open_days: 2,
        metronome: MetronomeAccount {
            base_url: "https://api.metronome.com".to_owned(),
            requests_per_second: 8,
        },
        whitelist: Whitelist::default(),
        conversions: Vec::new(),
        buyers: (0..buyers).map(buyer).collect(),
        openings: Vec::new(),
        aws: AwsAccess::default(),
        endpoints: Default::default(),
        begun_at: now(),
        applied_at: now(),
        file: "id = \"acme\"\n".to_owned(),
    }
}

#[tokio::test]
async fn more_books_than_a_batch_or_an_answer_holds_are_all_read() {
    let world = World::new().await;
    // 9 MB in all: more than one answer of a table holds, and more than the transport reads at once.
    for number in 0..30 {
        let book = long(number, 300_000);
        let open = Some(Standing::Open);
        world
            .store
            .write(&Change {
                register: open,
                ..change(&book, None, "a")
            })
            .await
            .unwrap();
    }
    let all: Vec<_> = (0..130).map(identity).collect();
    let books = world.store.books_many(&all).await.unwrap();
    assert_eq!(
        books.keys().cloned().collect::<BTreeSet<_>>(),
        (0..30).map(identity).collect()
    );
    assert!(
        books
            .values()
            .all(|book| book.as_ref().unwrap().value.used.len() == 1)
    );
    assert_eq!(world.store.registrations("acme").await.unwrap().len(), 30);
}

#[tokio::test]
async fn an_audit_trail_of_more_than_a_page_is_listed_whole_and_by_time() {
    let world = World::new().await;
    let book = book(1);
    let mut all = entries(720, Outcome::Delivered);
    all.iter_mut()
        .for_each(|entry| entry.reason = Some("r".repeat(2_000)));
    for (version, slice) in (0..).zip(all.chunks(99)) {
        let expected = (version > 0).then_some(version);
        world
            .store
            .write(&Change {
                entries: slice,
                ..change(&book, expected, "a")
            })
            .await
            .unwrap();
    }
    world.sent();
    let list = async |from: &str, to: &str| -> Vec<_> {
        let found = world.store.records(&identity(1), at(from), at(to)).await.unwrap();
        found.into_iter().map(|entry| entry.unwrap().entry).collect()
    };
    assert_eq!(list("2026-11-01T00:00:00Z", "2026-12-01T00:00:00Z").await, all);
    assert_eq!(world.sent(), ["Query", "Query"]);
    assert_eq!(
        list("2026-11-02T00:00:00Z", "2026-11-03T00:00:00Z").await,
        all[24..48]
    );
    // The end is exclusive, the beginning is not.
    assert_eq!(
        list("2026-11-01T00:59:59Z", "2026-11-01T01:59:59Z").await,
        all[..1]
    );
    assert_eq!(list("2026-11-03T00:00:00Z", "2026-11-02T00:00:00Z").await, []);
}

#[tokio::test]
async fn a_record_settled_twice_has_both_entries_in_their_order() {
    let world = World::new().await;
    let book = book(1);
    let mut later = entry(0, Outcome::Delivered);
    later.at += TimeDelta::milliseconds(1);
    let both = [later.clone(), entry(0, Outcome::Returned)];
    world
        .store
        .write(&Change {
            entries: &both,
            ..change(&book, None, "a")
        })
        .await
        .unwrap();
    let found = world
        .store
        .records(&identity(1), at("2026-11-01T00:00:00Z"), now())
        .await
        .unwrap();
    let found: Vec<_> = found.into_iter().map(|entry| entry.unwrap().entry).collect();
    assert_eq!(found, [entry(0, Outcome::Returned), later]);
}

#[tokio::test]
async fn of_two_applies_at_once_the_second_must_look_again() {
    let world = World::new().await;
    let seen = world.store.connections().await.unwrap();
    assert_eq!((seen.guard, seen.list.len()), (None, 0));
    let guard = world
        .store
        .put_connection(&connection("acme", 1), seen.guard)
        .await
        .unwrap();
    // Of another connection, and no less a conflict: what it was validated against is no longer what is stored.
    let second = world
        .store
        .put_connection(&connection("beta", 1), seen.guard)
        .await;
    assert!(matches!(second, Err(WriteError::Conflict(_))), "{second:?}");
    assert_eq!(world.store.connection("beta").await, Ok(None));
    let guard = world
        .store
        .put_connection(&connection("beta", 1), Some(guard))
        .await
        .unwrap();

    assert!(world.store.delete_connection("gamma", Some(guard)).await.is_err());
    world.store.delete_connection("acme", Some(guard)).await.unwrap();
    let seen = world.store.connections().await.unwrap();
    let ids: Vec<_> = seen
        .list
        .iter()
        .map(|one| one.as_ref().unwrap().value.id.as_str())
        .collect();
    assert_eq!((seen.guard, ids), (Some(3), vec!["beta"]));
}

#[tokio::test]
async fn a_connection_of_thousands_of_buyers_is_stored_and_one_that_does_not_parse_keeps_no_other_away() {
    let world = World::new().await;
    let large = connection("large", 3_000);
    let first = world.store.put_connection(&large, None).await.unwrap();
    let second = world
        .store
        .put_connection(&connection("acme", 1), Some(first))
        .await
        .unwrap();
    assert_eq!(
        world.store.connection("large").await.unwrap().unwrap().value,
        large
    );
    world.scribble(&Key::connection("acme"), "{").await;
    let seen = world.store.connections().await.unwrap();
    assert_eq!(seen.guard, Some(second));
    assert!(
        seen.list[0]
            .as_ref()
            .is_err_and(|corrupt| corrupt.key.contains("acme"))
    );
    assert_eq!(seen.list[1].as_ref().unwrap().value, large);
}

#[tokio::test]
async fn a_book_that_is_drained_is_registered_as_such_by_the_write_that_drained_it() {
    let world = World::new().await;
    let book = book(1);
    for (expected, standing) in [(None, Standing::Open), (Some(1), Standing::Drained)] {
        world
            .store
            .write(&Change {
                register: Some(standing),
                ..change(&book, expected, "a")
            })
            .await
            .unwrap();
        let registered = world.store.registrations("acme").await.unwrap();
        let one = registered[0].as_ref().unwrap();
        assert_eq!(
            (&one.identity, one.buyer.as_str(), one.standing),
            (&identity(1), "globex", standing)
        );
    }
}

#[tokio::test]
async fn the_last_runs_of_a_job_come_newest_first_and_expire_after_90_days() {
    let world = World::new().await;
    let run = |job: &str, hour: i64| Run {
        connection: "acme".to_owned(),
        job: job.to_owned(),
        at: now() + TimeDelta::hours(hour),
        started: now() + TimeDelta::hours(hour),
        summary: serde_json::json!({ "job": job, "hour": hour }),
    };
    for hour in 0..5 {
        world
            .store
            .put_run(&run("quantity-metering", hour))
            .await
            .unwrap();
        world.store.put_run(&run("invoice-metering", hour)).await.unwrap();
    }
    let last = world
        .store
        .last_runs("acme", "quantity-metering", 2)
        .await
        .unwrap();
    assert_eq!(
        last,
        [Ok(run("quantity-metering", 4)), Ok(run("quantity-metering", 3))]
    );
    let (client, table) = (&world.store.client, &world.store.table);
    let items = client.scan().table_name(table).send().await.unwrap();
    let expires: BTreeSet<_> = items
        .items()
        .iter()
        .map(|item| item["expires_at"].as_n().unwrap().clone())
        .collect();
    assert!(
        expires.contains(&(now() + TimeDelta::days(90)).timestamp().to_string()),
        "{expires:?}"
    );
}

#[tokio::test]
async fn a_table_is_made_once_and_found_the_second_time() {
    let world = World::new().await;
    world.store.write(&change(&book(1), None, "a")).await.unwrap();
    world.store.create_table().await.unwrap();
    assert!(world.store.book(&identity(1)).await.unwrap().is_some());
    let ttl = world
        .store
        .client
        .describe_time_to_live()
        .table_name("meterbridge")
        .send()
        .await
        .unwrap();
    assert_eq!(
        ttl.time_to_live_description().unwrap().attribute_name(),
        Some("expires_at")
    );
}
