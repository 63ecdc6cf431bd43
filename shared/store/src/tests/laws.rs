//! What every write keeps.

use billing::{Counter, Fraction, Meter, MeterKey, Outcome, Owner};

use super::world::{World, at, book, change, entries, entry, identity, long, now};
use crate::item::Key;
use crate::{Change, PARKED_MAX, Standing, WriteError};

#[tokio::test]
async fn a_book_is_read_back_as_it_was_written_and_each_write_moves_its_version_by_one() {
    let world = World::new().await;
    assert_eq!(world.store.book(&identity(1)).await, Ok(None));
    let (first, second) = (book(1), long(1, 9));
    assert_eq!(world.store.write(&change(&first, None, "a")).await, Ok(1));
    assert_eq!(world.store.write(&change(&second, Some(1), "b")).await, Ok(2));
    let read = world.store.book(&identity(1)).await.unwrap().unwrap();
    assert_eq!((read.value, read.version), (second, 2));
}

#[tokio::test]
async fn of_two_writes_on_one_version_the_second_conflicts_and_changes_nothing() {
    let world = World::new().await;
    let (ours, theirs) = (book(1), long(1, 9));
    let settled = entries(1, Outcome::Delivered);
    world.store.write(&change(&ours, None, "a")).await.unwrap();
    let answers = [
        world.store.write(&change(&theirs, None, "b")).await,
        world
            .store
            .write(&Change {
                entries: &settled,
                ..change(&theirs, Some(7), "b")
            })
            .await,
        // The same words of another writer are another write.
        world.store.write(&change(&ours, None, "b")).await,
    ];
    for answer in answers {
        assert!(
            matches!(&answer, Err(WriteError::Conflict(key)) if key.contains("book#aws")),
            "{answer:?}"
        );
    }
    assert_eq!(world.store.book(&identity(1)).await.unwrap().unwrap().value, ours);
    assert_eq!(trail(&world).await, 0);
}

#[tokio::test]
async fn a_claim_on_an_owner_that_changed_meanwhile_writes_nothing_at_all() {
    let world = World::new().await;
    let counter = |metric: &str| Counter {
        account: "https://api.metronome.com".to_owned(),
        customer: "c1".to_owned(),
        metric: metric.to_owned(),
    };
    let owner = Owner {
        book: Some(identity(1)),
        counted_until: None,
        ..Owner::default()
    };
    let (mine, yours) = (book(1), book(2));
    let begun = [(counter("m1"), owner.clone(), None)];
    let open = Some(Standing::Open);
    world
        .store
        .write(&Change {
            owners: &begun,
            register: open,
            ..change(&mine, None, "a")
        })
        .await
        .unwrap();
    let both = [
        (counter("m2"), Owner::default(), None),
        (counter("m1"), Owner::default(), None),
    ];
    let answer = world
        .store
        .write(&Change {
            owners: &both,
            ..change(&yours, None, "b")
        })
        .await;
    assert!(
        matches!(&answer, Err(WriteError::Conflict(key)) if key.contains("#c1#m1")),
        "{answer:?}"
    );
    assert_eq!(world.store.book(&identity(2)).await, Ok(None));
    let owners = world.store.owners(&[counter("m1"), counter("m2")]).await.unwrap();
    let read = owners.get(&counter("m1")).unwrap().clone().unwrap();
    assert_eq!((owners.len(), read.value, read.version), (1, owner, 1));
    let moved = [(counter("m1"), Owner::default(), Some(1))];
    world
        .store
        .write(&Change {
            owners: &moved,
            ..change(&yours, None, "c")
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_book_that_does_not_add_up_or_is_too_large_is_never_sent() {
    let world = World::new().await;
    let mut unbalanced = book(1);
    let key = MeterKey {
        entitlement: now(),
        dimension: "api_calls".to_owned(),
    };
    let meter = Meter {
        owed: Fraction::from(rust_decimal::Decimal::ONE),
        ..Meter::default()
    };
    unbalanced.meters.insert(key, meter);
    let answer = world.store.write(&change(&unbalanced, None, "a")).await;
    assert!(matches!(answer, Err(WriteError::Unbalanced(_))), "{answer:?}");
    let answer = world
        .store
        .write(&change(&long(1, crate::ITEM_MAX), None, "a"))
        .await;
    assert!(matches!(answer, Err(WriteError::TooLarge { .. })), "{answer:?}");
    assert_eq!(world.sent(), Vec::<String>::new());
    world
        .store
        .write(&change(&long(1, crate::ITEM_MAX - 1000), None, "a"))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_settle_takes_99_entries_or_33_parked_ones_and_not_one_more() {
    let world = World::new().await;
    let book = book(1);
    let over = [
        entries(100, Outcome::Delivered),
        entries(PARKED_MAX + 1, Outcome::Parked),
    ];
    for (over, actions) in over.iter().zip([101, 103]) {
        let settle = Change {
            entries: over,
            ..change(&book, None, "a")
        };
        assert_eq!(
            (settle.actions(), world.store.write(&settle).await),
            (actions, Err(WriteError::TooMany(actions)))
        );
    }
    assert_eq!(world.sent(), Vec::<String>::new());
    let full = entries(99, Outcome::Delivered);
    world
        .store
        .write(&Change {
            entries: &full,
            ..change(&book, None, "a")
        })
        .await
        .unwrap();
    let mut parked = entries(PARKED_MAX, Outcome::Parked);
    parked.iter_mut().for_each(|entry| entry.by = "run-2".to_owned());
    world
        .store
        .write(&Change {
            entries: &parked,
            ..change(&book, Some(1), "b")
        })
        .await
        .unwrap();
    assert_eq!(world.sent(), ["TransactWriteItems", "TransactWriteItems"]);
    assert_eq!(
        (trail(&world).await, parked_count(&world).await),
        (99 + PARKED_MAX, PARKED_MAX)
    );
}

#[tokio::test]
async fn an_entry_of_the_audit_trail_is_never_written_over() {
    let world = World::new().await;
    let book = book(1);
    let first = [entry(0, Outcome::Delivered)];
    world
        .store
        .write(&Change {
            entries: &first,
            ..change(&book, None, "a")
        })
        .await
        .unwrap();
    let again = [entry(0, Outcome::Returned)];
    let answer = world
        .store
        .write(&Change {
            entries: &again,
            ..change(&book, Some(1), "b")
        })
        .await;
    assert!(
        matches!(&answer, Err(WriteError::Exists(key)) if key.contains("records#aws")),
        "{answer:?}"
    );
    assert_eq!(world.store.book(&identity(1)).await.unwrap().unwrap().version, 1);
    let trail = world
        .store
        .records(&identity(1), now() - chrono::TimeDelta::days(30), now())
        .await
        .unwrap();
    assert_eq!(trail.len(), 1);
    assert_eq!(trail[0].as_ref().unwrap().entry, first[0]);
}

#[tokio::test]
async fn a_parked_record_is_found_by_its_id_and_its_connection_until_it_is_resolved() {
    let world = World::new().await;
    let book = book(1);
    let entries = [entry(0, Outcome::Parked), entry(1, Outcome::Delivered)];
    let id = &entries[0].record.id;
    world
        .store
        .write(&Change {
            entries: &entries,
            ..change(&book, None, "a")
        })
        .await
        .unwrap();
    let parked = world.store.parked_record(id).await.unwrap().unwrap();
    assert_eq!(
        (parked.entry.clone(), parked.connection.as_str()),
        (entries[0].clone(), "acme")
    );
    assert_eq!(world.store.parked("acme").await.unwrap(), [Ok(parked.clone())]);
    assert_eq!(world.store.parked_record(&entries[1].record.id).await, Ok(None));

    let mut judged = entry(0, Outcome::WrittenOff);
    (judged.by, judged.at) = ("operator".to_owned(), at("2026-11-21T09:00:00Z"));
    let (judged, parked) = ([judged], [parked]);
    let resolve = Change {
        entries: &judged,
        resolved: &parked,
        ..change(&book, Some(1), "b")
    };
    assert_eq!(resolve.actions(), 4);
    world.store.write(&resolve).await.unwrap();
    assert_eq!(
        (world.store.parked_record(id).await, parked_count(&world).await),
        (Ok(None), 0)
    );
    assert_eq!(trail(&world).await, 3);
    let twice = Change {
        entries: &[],
        resolved: &parked,
        ..change(&book, Some(2), "c")
    };
    assert!(matches!(
        world.store.write(&twice).await,
        Err(WriteError::Conflict(_))
    ));
}

#[tokio::test]
async fn a_body_that_does_not_parse_is_named_keeps_no_other_away_and_is_never_written_over() {
    let world = World::new().await;
    let (good, bad) = (book(1), book(2));
    world.store.write(&change(&good, None, "a")).await.unwrap();
    world.store.write(&change(&bad, None, "b")).await.unwrap();
    let key = Key::book(&identity(2));
    for body in ["{\"secret-ish\": ", "[]", "{\"secret-ish\": 1}"] {
        world.scribble(&key, body).await;
        let words = world.store.book(&identity(2)).await.unwrap_err().to_string();
        assert!(
            words.contains("book#aws/us-east-1/prod/account/000000000002") && !words.contains("secret"),
            "{words}"
        );
        let both = world.store.books_many(&[identity(1), identity(2)]).await.unwrap();
        assert!(both.get(&identity(1)).unwrap().is_ok() && both.get(&identity(2)).unwrap().is_err());
    }
    // Another's book under this key would bill another's usage.
    world.scribble(&key, &serde_json::to_string(&good).unwrap()).await;
    assert!(world.store.book(&identity(2)).await.is_err());
    let answer = world.store.write(&change(&bad, None, "c")).await;
    assert!(matches!(answer, Err(WriteError::Conflict(_))), "{answer:?}");
}

async fn trail(world: &World) -> usize {
    let (from, to) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    world.store.records(&identity(1), from, to).await.unwrap().len()
}

async fn parked_count(world: &World) -> usize {
    world.store.parked("acme").await.unwrap().len()
}
