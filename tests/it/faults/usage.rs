//! The usage itself: fractions, too much of it, too late, twice, in too many dimensions, or for more buyers than a page holds.

use rust_decimal::Decimal;
use sandbox::metronome::Event;

use super::{FIRST, FRESH, Matrix, SECOND, THIRD, counted, outcomes};
use crate::scene::{TABLE, at};
use crate::shop::Shop;
use crate::tally::ends;

#[tokio::test(start_paused = true)]
async fn tenths_of_a_unit_add_up_and_are_billed_unit_by_unit() {
    let mut matrix = Matrix::of(20, &["api_calls"]).await;
    for hour in 0..8_u32 {
        for buyer in 0..20 {
            // A fifth in each of the hours that are over: after five of them, a unit.
            for minute in [10, 20] {
                let when = format!("2026-11-20T{:02}:{minute}:00Z", 7 + hour);
                matrix.shop.uses(&matrix.scene, buyer, "api_calls", &when, "0.1");
            }
        }
    }
    // The clock of the scene stands at 14:30, and the runs of the morning have not been: one makes up for them.
    matrix.hour(FIRST).await;
    matrix
        .states(
            "0.1 at a time, 16 times, 20 buyers",
            "32 owed, 20 billed, 12 left for the next record",
        )
        .await;

    for (hour, owed, billed) in [(15, 36, 20), (16, 40, 40), (17, 44, 40)] {
        matrix
            .scene
            .world
            .clock
            .set(at(&format!("2026-11-20T{hour}:40:00Z")));
        for buyer in 0..20 {
            for minute in [10, 20] {
                let when = format!("2026-11-20T{hour}:{minute}:00Z");
                matrix.shop.uses(&matrix.scene, buyer, "api_calls", &when, "0.1");
            }
        }
        assert_eq!(
            ends(&matrix.hour(&format!("2026-11-20T{}:00:00Z", hour + 1)).await),
            None
        );
        let left = match owed - billed {
            0 => String::new(),
            left => format!(", {left} left for the next record"),
        };
        matrix
            .states(
                &format!("0.1 at a time, at {}:00", hour + 1),
                &format!("{owed} owed, {billed} billed{left}"),
            )
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_second_run_of_the_same_hour_bills_nothing_more() {
    let mut matrix = Matrix::used(60, &["api_calls", "seats"]).await;
    assert_eq!(outcomes(&matrix.hour(FIRST).await), counted("delivered", 120));
    matrix
        .states("first run of an hour", "1830 owed, 1830 billed")
        .await;
    matrix.scene.world.clock.set(at("2026-11-20T15:05:00Z"));
    let before = matrix.scene.world.metering.counts();
    let summary = matrix.hour(FIRST).await;
    assert_eq!((ends(&summary), outcomes(&summary)), (None, vec![]));
    assert_eq!(matrix.scene.world.metering.counts(), before, "nothing is sent");
    matrix
        .states("second run of the same hour", "1830 owed, 1830 billed")
        .await;
}

/// The hour is used, so what is late goes into the free one before it.
#[tokio::test(start_paused = true)]
async fn usage_that_comes_between_two_runs_of_the_same_hour_is_billed_by_the_second() {
    let mut matrix = Matrix::used(50, &["api_calls"]).await;
    matrix.hour(FIRST).await;
    matrix.scene.world.clock.set(at("2026-11-20T15:05:00Z"));
    for buyer in 0..50 {
        matrix
            .shop
            .uses(&matrix.scene, buyer, "api_calls", "2026-11-20T14:45:00Z", "5");
    }
    let summary = matrix.ends(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 50))
    );
    matrix
        .states(
            "50 late rows of 5, second run of the same hour",
            "1525 owed, 1525 billed",
        )
        .await;
    let hours = |hour: &str| {
        matrix
            .scene
            .world
            .metering
            .records()
            .iter()
            .filter(|record| record.hour == at(hour))
            .count()
    };
    assert_eq!(
        (hours("2026-11-20T14:00:00Z"), hours("2026-11-20T13:00:00Z")),
        (50, 50)
    );
}

#[tokio::test(start_paused = true)]
async fn late_usage_is_billed_whatever_hour_or_day_it_is_of() {
    let mut matrix = Matrix::used(50, &["api_calls"]).await;
    matrix.hour(FIRST).await;
    matrix.scene.world.clock.set(at("2026-11-20T15:40:00Z"));
    for buyer in 0..50 {
        let when = if buyer % 2 == 0 {
            "2026-11-20T13:05:00Z"
        } else {
            "2026-11-17T23:59:59Z"
        };
        matrix.shop.uses(&matrix.scene, buyer, "api_calls", when, "5");
    }
    matrix.hour(SECOND).await;
    matrix
        .states(
            "50 late rows of 5: those of today",
            "1525 owed, 1400 billed, 125 not read yet",
        )
        .await;
    matrix.hour(THIRD).await;
    assert_eq!(ends(&matrix.ends(FRESH).await), None);
    matrix
        .states(
            "50 late rows of 5: and those of the base",
            "1525 owed, 1525 billed",
        )
        .await;
}

#[tokio::test(start_paused = true)]
async fn thirty_dimensions_of_one_buyer_are_billed_in_one_run() {
    let names: Vec<String> = (0..30).map(|index| format!("dimension_{index:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut matrix = Matrix::of(1, &names).await;
    for (index, name) in names.iter().enumerate() {
        matrix.shop.uses(
            &matrix.scene,
            0,
            name,
            "2026-11-20T14:10:00Z",
            &(100 + index).to_string(),
        );
    }
    let summary = matrix.ends(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 30))
    );
    assert_eq!(
        matrix.scene.world.metering.counts().batch_meter_usage,
        2,
        "25 a call"
    );
    for (index, name) in names.iter().enumerate() {
        let figures = format!("{0} owed, {0} billed", 100 + index);
        matrix
            .scene
            .states("30 dimensions of one buyer", name, &figures)
            .await;
    }
}

#[tokio::test(start_paused = true)]
async fn more_than_a_megabyte_of_books_is_read_to_the_end() {
    // A long name stands in a book once for each stream, meter, used hour and record.
    let names: Vec<String> = (0..4)
        .map(|index| format!("{index}{}", "d".repeat(254)))
        .collect();
    let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
    names.push("api_calls");
    let mut matrix = Matrix::used(160, &names).await;
    let summary = matrix.hour(FIRST).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 160 * 5))
    );
    let books = matrix
        .scene
        .items()
        .into_iter()
        .filter(|((pk, _), _)| pk.starts_with("book#"));
    let size: usize = books.map(|(_, item)| item.to_string().len()).sum();
    assert!(size > 1_000_000, "the books are {size} bytes");
    // Every one of them is found again: what follows is billed in full, and nothing a second time.
    matrix.scene.world.clock.set(at("2026-11-20T15:40:00Z"));
    for buyer in 0..160 {
        matrix
            .shop
            .uses(&matrix.scene, buyer, "api_calls", "2026-11-20T15:10:00Z", "1");
    }
    let summary = matrix.ends(SECOND).await;
    assert_eq!(
        (ends(&summary), outcomes(&summary)),
        (None, counted("delivered", 160))
    );
    matrix
        .states(&format!("{size} bytes of books"), "13040 owed, 13040 billed")
        .await;
    matrix
        .scene
        .states("the same, an hour before", names[3], "12880 owed, 12880 billed")
        .await;
}

/// A page of a query holds a megabyte, and the connections of a table may be more.
#[tokio::test(start_paused = true)]
async fn a_connection_behind_more_than_a_megabyte_of_others_is_metered() {
    let mut matrix = Matrix::of(1, &["seats"]).await;
    for id in ["b1", "b2", "b3", "b4", "b5"] {
        let metrics: Vec<String> = (0..4_000)
            .map(|index| format!("metric-{id}-{index:020}"))
            .collect();
        let file = Shop::found(&matrix.scene, id, 0, &[]).file();
        matrix
            .scene
            .apply(&format!("{file}\n[whitelist]\nmetrics = {metrics:?}\n"))
            .await;
    }
    let last = Shop::open(&matrix.scene, "zeta", 3, &["api_calls"]).await;
    last.all_use(&matrix.scene, "2026-11-20T14:10:00Z");
    let connections = matrix
        .scene
        .items()
        .into_iter()
        .filter(|((pk, _), _)| pk == "connections");
    let size: usize = connections.map(|(_, item)| item.to_string().len()).sum();
    assert!(size > 1_000_000, "{TABLE} holds {size} bytes of connections");
    matrix.laws = crate::laws::Laws::over(&matrix.scene).await;
    let summary = matrix.hour(FIRST).await;
    let zeta = summary
        .connections
        .iter()
        .find(|connection| connection.connection == "zeta")
        .unwrap();
    assert_eq!(zeta.error, None);
    matrix
        .states("the last connection of a megabyte", "6 owed, 6 billed")
        .await;
}

#[tokio::test(start_paused = true)]
async fn nanoseconds_are_kept_apart_and_a_transaction_counts_once_however_often_it_is_sent() {
    let mut matrix = Matrix::of(50, &["api_calls"]).await;
    for hour in [FIRST, SECOND] {
        for (buyer, customer) in matrix.shop.customers.iter().enumerate() {
            for (second, nanos) in [(10, 636_562_122_u32), (10, 636_562_123), (11, 0)] {
                let when = at(&format!("2026-11-20T14:10:{second}.{nanos:09}Z"));
                let transaction = format!("tx-{buyer}-{second}-{nanos}");
                let event = Event::new(&transaction, customer, "api_calls", when).with("units", "10");
                matrix.scene.world.metronome.ingest(event).unwrap();
            }
        }
        assert_eq!(ends(&matrix.hour(hour).await), None);
        matrix
            .states(
                "three nanosecond rows of 10, sent again an hour later",
                "1500 owed, 1500 billed",
            )
            .await;
    }
    assert_eq!(
        matrix.scene.world.metering.counts().billed,
        50,
        "one record each, in two hours"
    );
}

#[tokio::test(start_paused = true)]
async fn more_than_the_services_integer_goes_into_several_hours_and_nothing_is_cut_off() {
    let mut matrix = Matrix::of(2, &["api_calls"]).await;
    matrix.shop.uses(
        &matrix.scene,
        0,
        "api_calls",
        "2026-11-20T14:10:00Z",
        "5000000000",
    );
    matrix
        .shop
        .uses(&matrix.scene, 1, "api_calls", "2026-11-20T14:10:00Z", "1");
    assert_eq!(ends(&matrix.hour(FIRST).await), None);
    let record = Decimal::from(i32::MAX);
    matrix
        .states(
            "5 billion units, first hour",
            &format!(
                "5000000001 owed, {} billed, {} left for the next record",
                record + Decimal::ONE,
                Decimal::from(5_000_000_000_i64) - record,
            ),
        )
        .await;
    matrix.hour(SECOND).await;
    assert_eq!(ends(&matrix.ends(THIRD).await), None);
    matrix
        .states(
            "5 billion units, third hour",
            "5000000001 owed, 5000000001 billed",
        )
        .await;
}
