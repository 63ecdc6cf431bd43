//! Books, records, resolutions, releases.

use billing::{
    Accumulation, Attempt, Block, Book, Entry, Fraction, HoldNote, Hour, InFlight, Month, Outcome, Receipt,
    Record, Stream, StreamKey, Target,
};
use rust_decimal::Decimal;
use store::{Change, Standing};

use super::world::{Local, at, book, file, identity, meter};

fn hour(text: &str) -> Hour {
    Hour::floor(at(text))
}

fn record(timestamp: &str, quantity: u32) -> Record {
    Record::new(&identity("p"), meter(), at(timestamp), quantity.into())
}

fn entry(record: &Record, outcome: Outcome, settled: &str) -> Entry {
    let receipt = (outcome == Outcome::Delivered).then(|| Receipt {
        id: "=receipt".to_owned(),
    });
    let reason = (outcome != Outcome::Delivered).then(|| "its answer was lost".to_owned());
    Entry {
        record: record.clone(),
        outcome,
        reason,
        receipt,
        by: "run-1".to_owned(),
        at: at(settled),
    }
}

fn fraction(units: u32) -> Fraction {
    Decimal::from(units).into()
}

/// One record delivered (5), one parked (7), one in flight (2), 1 owed.
async fn settled(local: &Local) -> [Record; 3] {
    local.apply(&file("acme", "p")).await.unwrap();
    let records = [
        record("2026-11-20T10:59:59Z", 5),
        record("2026-11-20T11:59:59Z", 7),
        record("2026-11-20T12:59:59Z", 2),
    ];
    let mut book = book("p", 1);
    let meter = book.meters.get_mut(&meter()).unwrap();
    (meter.grown, meter.delivered, meter.parked) = (fraction(15), fraction(5), fraction(7));
    let attempt = Attempt {
        id: "run-1".to_owned(),
        since: at("2026-11-20T13:05:00Z"),
        closed: false,
    };
    book.in_flight.push(InFlight {
        record: records[2].clone(),
        attempts: vec![attempt],
    });
    let entries = [
        entry(&records[0], Outcome::Delivered, "2026-11-20T11:05:02Z"),
        entry(&records[1], Outcome::Parked, "2026-11-20T12:05:02Z"),
    ];
    let now = at("2026-11-20T13:05:00Z");
    let change = Change {
        entries: &entries,
        register: Some(Standing::Open),
        ..Change::new(&book, None, "run-1", now, "acme", "globex")
    };
    local.world.store.write(&change).await.unwrap();
    records
}

async fn stored(local: &Local) -> Book {
    local
        .world
        .store
        .book(&identity("p"))
        .await
        .unwrap()
        .unwrap()
        .value
}

#[tokio::test]
async fn records_are_shown_once_each_with_what_became_of_them_last() {
    let local = Local::new("records").await;
    let [delivered, parked, flying] = settled(&local).await;
    let said = local.run("records acme --csv").await.unwrap();
    let expected = format!(
        "record,buyer,marketplace,dimension,hour,quantity,outcome,receipt,delivered_at\n\
         {},globex,aws,api_calls,2026-11-20T10:00:00Z,5,delivered,'=receipt,2026-11-20T11:05:02Z\n\
         {},globex,aws,api_calls,2026-11-20T11:00:00Z,7,parked,,\n\
         {},globex,aws,api_calls,2026-11-20T12:00:00Z,2,in_flight,,\n",
        delivered.id, parked.id, flying.id
    );
    assert_eq!(said.words, expected);
    let json = local.run("records acme --json").await.unwrap().json;
    assert_eq!(json["records"][0]["receipt"], "=receipt");
    assert_eq!(json["records"][1]["reason"], "its answer was lost");
    assert_eq!(json["records"][2]["delivered_at"], serde_json::Value::Null);
}

#[tokio::test]
async fn records_are_narrowed_by_buyer_and_by_time() {
    let local = Local::new("narrowed").await;
    let [_, parked, _] = settled(&local).await;
    let count = async |line: &str| {
        local.run(line).await.unwrap().json["records"]
            .as_array()
            .unwrap()
            .len()
    };
    assert_eq!(count("records acme --buyer globex").await, 3);
    assert_eq!(count("records acme --buyer initech").await, 0);
    assert_eq!(count("records acme --to 2026-11-20T10:59:59Z").await, 0);
    let said = local
        .run("records acme --from 2026-11-20T11:00:00Z --to 2026-11-20T12:00:00Z")
        .await
        .unwrap();
    assert_eq!(said.json["records"][0]["record"], parked.id);
    assert_eq!(said.json["records"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_book_shows_that_all_that_has_grown_is_somewhere() {
    let local = Local::new("books").await;
    settled(&local).await;
    let said = local.run("books acme globex").await.unwrap();
    assert!(
        said.words
            .contains("grown 15, included 0, delivered 5, in flight 2, parked 7, owed 1, written off 0"),
        "{}",
        said.words
    );
    let meter = &said.json["books"][0]["meters"][0];
    assert_eq!(
        meter["meter"],
        "aws/us-east-1/p/account/123456789012#api_calls/2026-11-01T00:00:00Z"
    );
    assert_eq!((&meter["owed"], &meter["in_flight"]), (&"1".into(), &"2".into()));
    assert_eq!(
        local.run("books acme nobody").await.unwrap().json["books"],
        serde_json::json!([])
    );
}

#[tokio::test]
async fn a_parked_record_is_resolved_once_and_its_money_is_where_the_person_said() {
    for (found, outcome, accounts) in [
        ("--accepted", "delivered", (12, 0, 1, 0)),
        ("--not-accepted", "returned", (5, 0, 8, 0)),
        ("--write-off", "written_off", (5, 0, 1, 7)),
    ] {
        let local = Local::new(&format!("resolve{found}")).await;
        let [_, parked, _] = settled(&local).await;
        let line = format!("resolve {} {found} --reason seen", parked.id);
        let said = local.run(&line).await.unwrap();
        assert_eq!(said.wrong, [""; 0]);
        assert_eq!(said.json["resolved"][0]["outcome"], outcome);
        let book = stored(&local).await;
        let after = &book.meters[&meter()];
        let (delivered, parked_now, owed, written_off) = accounts;
        assert_eq!(
            (&after.delivered, &after.parked, &after.owed, &after.written_off),
            (
                &fraction(delivered),
                &fraction(parked_now),
                &fraction(owed),
                &fraction(written_off)
            ),
            "{found}"
        );
        let shown = local.run("records acme").await.unwrap().json;
        assert_eq!(shown["records"][1]["outcome"], outcome, "the last word stands");
        let again = local.run(&line).await.unwrap();
        assert_eq!(again.json["resolved"], serde_json::json!([]));
        assert!(
            again.wrong[0].contains("is not parked (any more)"),
            "{:?}",
            again.wrong
        );
    }
}

#[tokio::test]
async fn what_was_refused_in_one_dimension_is_owed_in_another() {
    let local = Local::new("to").await;
    let [_, parked, _] = settled(&local).await;
    local
        .run(&format!(
            "resolve {} --not-accepted --to calls_v2 --reason misspelt",
            parked.id
        ))
        .await
        .unwrap();
    let book = stored(&local).await;
    let other = book
        .meters
        .iter()
        .find(|(key, _)| key.dimension == "calls_v2")
        .unwrap()
        .1;
    assert_eq!((&other.grown, &other.owed), (&fraction(7), &fraction(7)));
    assert_eq!(book.check(), Ok(()));
}

#[tokio::test]
async fn a_filter_resolves_what_meets_all_of_it_and_nothing_else() {
    let local = Local::new("filter").await;
    let [_, parked, _] = settled(&local).await;
    for filter in [
        "buyer=initech",
        "hour=2026-11-20T10:00:00Z",
        "connection=other",
        "dimension=x",
        "marketplace=gcp",
    ] {
        let line = format!("resolve --filter buyer=globex --filter {filter} --accepted --reason seen");
        let none = local.run(&line).await.unwrap_err().to_string();
        assert_eq!(none, "no parked record meets the filter", "{filter}");
    }
    let all = "resolve --filter connection=acme --filter buyer=globex --filter marketplace=aws --filter dimension=api_calls --filter hour=2026-11-20T11:00:00Z --accepted --reason seen";
    assert_eq!(
        local.run(all).await.unwrap().json["resolved"][0]["record"],
        parked.id
    );
}

fn stream(local_hold: Option<Decimal>) -> (StreamKey, Stream) {
    let key = StreamKey {
        month: Month::of(at("2026-11-01T00:00:00Z")),
        entitlement: at("2026-11-01T00:00:00Z"),
        customer: "c-acme".to_owned(),
        metric: "calls".to_owned(),
        group: Default::default(),
        accumulation: Accumulation::Sum,
        from: hour("2026-11-01T00:00:00Z"),
    };
    let mut stream = Stream::new("acme", hour("2026-12-01T00:00:00Z"));
    stream.target = Some(Target {
        dimension: "api_calls".to_owned(),
        factor: fraction(1),
        hold_above: local_hold,
    });
    stream.held = Some(HoldNote {
        reason: "why".to_owned(),
        reading: 900.into(),
        since: hour("2026-11-20T13:00:00Z"),
    });
    (key, stream)
}

/// A book with a blocked meter and a held stream.
async fn stuck(local: &Local, limit: Option<Decimal>, code: &str) {
    let mut book = book(code, 3);
    let since = at("2026-11-20T13:05:00Z");
    book.meters.get_mut(&meter()).unwrap().blocked = Some(Block {
        reason: "no such\u{1b}[2J dimension".to_owned(),
        since,
    });
    let (key, stream) = stream(limit);
    book.streams.insert(key, stream);
    let change = Change {
        register: Some(Standing::Open),
        ..Change::new(&book, None, "run-1", since, "acme", "globex")
    };
    local.world.store.write(&change).await.unwrap();
}

#[tokio::test]
async fn a_blocked_meter_is_released_by_the_name_that_books_shows_and_by_its_short_one() {
    for full in [true, false] {
        let local = Local::new(if full { "release-full" } else { "release-short" }).await;
        local.apply(&file("acme", "p")).await.unwrap();
        stuck(&local, None, "p").await;
        let books = local.run("books acme").await.unwrap().json;
        assert_eq!(
            books["books"][0]["meters"][0]["blocked"]["reason"],
            "no such\u{1b}[2J dimension"
        );
        let name = books["books"][0]["meters"][0]["meter"]
            .as_str()
            .unwrap()
            .to_owned();
        let name = if full { name } else { meter().to_string() };
        local.run(&format!("release {name}")).await.unwrap();
        assert_eq!(stored(&local).await.meters[&meter()].blocked, None);
        let again = local
            .run(&format!("release {name}"))
            .await
            .unwrap_err()
            .to_string();
        assert!(again.ends_with("it is not blocked"), "{again}");
    }
}

#[tokio::test]
async fn a_marketplaces_words_cannot_move_the_cursor() {
    let local = Local::new("cursor").await;
    local.apply(&file("acme", "p")).await.unwrap();
    stuck(&local, None, "p").await;
    let words = local.run("books acme").await.unwrap().words;
    assert!(
        words.contains("no such\\u{1b}[2J dimension") && !words.contains('\u{1b}'),
        "{words}"
    );
}

#[tokio::test]
async fn a_stream_held_above_its_limit_is_let_pass_up_to_the_reading_noted() {
    let local = Local::new("stream").await;
    local.apply(&file("acme", "p")).await.unwrap();
    stuck(&local, Some(100.into()), "p").await;
    let (key, _) = stream(None);
    local.run(&format!("release {key}")).await.unwrap();
    assert_eq!(stored(&local).await.streams[&key].released_to, Some(900.into()));
}

#[tokio::test]
async fn a_stream_held_for_another_reason_wants_that_mended() {
    let local = Local::new("other-reason").await;
    local.apply(&file("acme", "p")).await.unwrap();
    stuck(&local, Some(900.into()), "p").await;
    let (key, _) = stream(None);
    let refused = local
        .run(&format!("release {key}"))
        .await
        .unwrap_err()
        .to_string();
    assert!(
        refused.ends_with("it is held, but not above its limit: why"),
        "{refused}"
    );
    assert_eq!(stored(&local).await.streams[&key].released_to, None);
}

#[tokio::test]
async fn a_name_that_several_books_have_must_be_given_in_full() {
    let local = Local::new("several").await;
    local.apply(&file("acme", "p")).await.unwrap();
    stuck(&local, None, "p").await;
    stuck(&local, None, "q").await;
    let refused = local
        .run(&format!("release {}", meter()))
        .await
        .unwrap_err()
        .to_string();
    assert_eq!(
        refused,
        "`api_calls/2026-11-01T00:00:00Z` is the name of several: give one in full\n\
         aws/us-east-1/p/account/123456789012#api_calls/2026-11-01T00:00:00Z\n\
         aws/us-east-1/q/account/123456789012#api_calls/2026-11-01T00:00:00Z"
    );
    let unknown = local.run("release nothing").await.unwrap_err().to_string();
    assert!(
        unknown.starts_with("no book holds a meter or stream `nothing`"),
        "{unknown}"
    );
}
