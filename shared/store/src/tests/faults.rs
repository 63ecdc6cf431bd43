//! The wire is cut, the table is busy, missing, forbidden.

use billing::Outcome;
use platform::FaultKind;

use super::world::{Fault, World, at, book, change, entries, identity};
use crate::{Change, Standing, StoreError, WriteError};

/// What DynamoDB says of a transaction that met another one.
fn conflict(items: usize) -> Fault {
    let reasons = vec![r#"{"Code":"TransactionConflict"}"#; items].join(",");
    Fault::Instead(
        400,
        format!(r#"{{"__type":"TransactionCanceledException","CancellationReasons":[{reasons}]}}"#),
    )
}

fn says(kind: &str) -> Fault {
    Fault::Instead(
        400,
        format!(r#"{{"__type":"com.amazonaws.dynamodb.v20120810#{kind}","message":"no"}}"#),
    )
}

#[tokio::test]
async fn a_write_whose_answer_was_lost_is_sent_again_and_recognised_as_landed() {
    let world = World::new().await;
    let (book, settled) = (book(1), entries(3, Outcome::Delivered));
    world.fault("PutItem", Fault::After, 1);
    assert_eq!(world.store.write(&change(&book, None, "a")).await, Ok(1));
    world.fault("TransactWriteItems", Fault::After, 1);
    assert_eq!(
        world
            .store
            .write(&Change {
                entries: &settled,
                ..change(&book, Some(1), "b")
            })
            .await,
        Ok(2)
    );
    assert_eq!(
        world.sent(),
        ["PutItem", "PutItem", "TransactWriteItems", "TransactWriteItems"]
    );
    assert_eq!(state(&world).await, (Some(2), 3));
}

#[tokio::test]
async fn a_transaction_that_landed_is_recognised_by_its_digest_where_no_token_helps() {
    let world = World::new().await;
    let (book, settled) = (book(1), entries(3, Outcome::Parked));
    let Fault::Instead(status, body) = conflict(10) else {
        unreachable!()
    };
    world.fault("TransactWriteItems", Fault::Untruthfully(status, body), 1);
    assert_eq!(
        world
            .store
            .write(&Change {
                entries: &settled,
                ..change(&book, None, "a")
            })
            .await,
        Ok(1)
    );
    assert_eq!(world.sent().len(), 2);
    assert_eq!(state(&world).await, (Some(1), 3));
}

#[tokio::test]
async fn a_write_that_another_has_followed_is_a_conflict_though_it_had_landed() {
    let world = World::new().await;
    let (ours, theirs) = (book(1), super::world::long(1, 9));
    world.store.write(&change(&ours, None, "a")).await.unwrap();
    world.store.write(&change(&theirs, Some(1), "b")).await.unwrap();
    assert!(matches!(
        world.store.write(&change(&ours, None, "a")).await,
        Err(WriteError::Conflict(_))
    ));
}

#[tokio::test]
async fn cut_off_at_any_request_of_a_settle_all_of_it_is_written_or_nothing() {
    for (fault, landed) in [(Fault::Before, false), (Fault::After, true)] {
        let world = World::new().await;
        let (book, settled) = (book(1), entries(9, Outcome::Parked));
        world.store.write(&change(&book, None, "a")).await.unwrap();
        world.sent();
        // As many as the SDK tries.
        world.fault("TransactWriteItems", fault, 3);
        let settle = Change {
            entries: &settled,
            register: Some(Standing::Open),
            ..change(&book, Some(1), "b")
        };
        let answer = world.store.write(&settle).await;
        assert!(
            matches!(&answer, Err(WriteError::Unavailable(fault)) if fault.kind == FaultKind::StoreUnavailable)
        );
        assert_eq!(world.sent(), ["TransactWriteItems"; 3]);
        assert_eq!(
            state(&world).await,
            if landed { (Some(2), 9) } else { (Some(1), 0) }
        );
        assert_eq!(
            world.store.parked("acme").await.unwrap().len(),
            if landed { 9 } else { 0 }
        );
        // The next run says the same again, and it is there once.
        assert_eq!(world.store.write(&settle).await, Ok(2));
        assert_eq!(state(&world).await, (Some(2), 9));
    }
}

#[tokio::test]
async fn a_buyer_that_grew_costs_one_write_to_claim_and_one_to_settle() {
    let world = World::new().await;
    let (book, settled) = (book(1), entries(26, Outcome::Delivered));
    world.store.write(&change(&book, None, "a-1")).await.unwrap();
    world
        .store
        .write(&Change {
            entries: &settled,
            ..change(&book, Some(1), "a-2")
        })
        .await
        .unwrap();
    assert_eq!(world.sent(), ["PutItem", "TransactWriteItems"]);
}

#[tokio::test(start_paused = true)]
async fn a_busy_table_is_asked_five_times_and_no_more() {
    let world = World::void().await;
    let (book, settled) = (book(1), entries(1, Outcome::Delivered));
    let settle = Change {
        entries: &settled,
        ..change(&book, None, "a")
    };
    world.fault("TransactWriteItems", conflict(2), 5);
    let answer = world.store.write(&settle).await;
    assert!(
        matches!(&answer, Err(WriteError::Unavailable(fault)) if fault.message.contains("TransactionConflict"))
    );
    assert_eq!(world.sent().len(), 5);
    world.fault("TransactWriteItems", conflict(2), 4);
    world.fault("TransactWriteItems", Fault::Instead(200, "{}".to_owned()), 1);
    assert_eq!(world.store.write(&settle).await, Ok(1));
}

#[tokio::test]
async fn keys_left_unprocessed_are_asked_for_again_until_nothing_comes_any_more() {
    let world = World::new().await;
    let books: Vec<_> = (0..3).map(book).collect();
    for book in &books {
        world.store.write(&change(book, None, "a")).await.unwrap();
    }
    let identities: Vec<_> = (0..3).map(identity).collect();
    let left = identities
        .iter()
        .map(|one| format!(r#"{{"pk":{{"S":"book#{one}"}},"sk":{{"S":"book"}}}}"#));
    let left = left.collect::<Vec<_>>().join(",");
    let throttled =
        format!(r#"{{"Responses":{{}},"UnprocessedKeys":{{"meterbridge":{{"Keys":[{left}]}}}}}}"#);
    world.fault("BatchGetItem", Fault::Instead(200, throttled.clone()), 4);
    assert_eq!(world.store.books_many(&identities).await.unwrap().len(), 3);
    world.fault("BatchGetItem", Fault::Instead(200, throttled), 5);
    let answer = world.store.books_many(&identities).await;
    assert!(matches!(&answer, Err(StoreError::Unavailable(fault)) if fault.message.contains("throttled")));
}

#[tokio::test(start_paused = true)]
async fn what_keeps_the_table_away_is_said_by_kind_and_with_what_to_do() {
    let world = World::void().await;
    let cases = [
        (
            "ResourceNotFoundException",
            FaultKind::Misconfigured,
            "meterbridge table create",
        ),
        ("AccessDeniedException", FaultKind::Unauthorized, "credentials"),
        ("ValidationException", FaultKind::Misconfigured, "`pk` and `sk`"),
        (
            "ItemCollectionSizeLimitExceededException",
            FaultKind::StoreUnavailable,
            "did not answer",
        ),
    ];
    for (code, kind, words) in cases {
        world.fault("GetItem", says(code), 1);
        let Err(StoreError::Unavailable(fault)) = world.store.book(&identity(1)).await else {
            panic!("{code}")
        };
        assert!(fault.kind == kind && fault.message.contains(words), "{fault}");
    }
    let Err(StoreError::Unavailable(fault)) = world.store.book(&identity(1)).await else {
        panic!("cut")
    };
    assert!(
        fault.kind == FaultKind::StoreUnavailable && fault.message.contains("the wire was cut"),
        "{fault}"
    );
}

/// The book's version, and the length of the audit trail.
async fn state(world: &World) -> (Option<u64>, usize) {
    let book = world.store.book(&identity(1)).await.unwrap();
    let (from, to) = (at("2026-11-01T00:00:00Z"), at("2026-12-01T00:00:00Z"));
    let trail = world.store.records(&identity(1), from, to).await.unwrap();
    (book.map(|book| book.version), trail.len())
}
