use std::time::Duration;

use chrono::NaiveDate;
use platform::{Fault, FaultKind};
use serde_json::{Value, json};

use super::scripted::*;
use crate::azure::{Asked, Held};

fn asked_on(day: &str) -> Asked {
    Asked {
        resource_id: resource(0),
        dimension: "tokens".to_owned(),
        day: day.parse().unwrap(),
    }
}

fn asked() -> Asked {
    asked_on("2026-11-19")
}

fn row(plan: &str, status: &str, quantity: &str, count: u32) -> Value {
    json!({
        "usageDate": "2026-11-19T00:00:00Z",
        "usageResourceId": resource(0),
        "dimension": "tokens",
        "planId": plan,
        "planName": "",
        "offerId": "mycooloffer",
        "offerType": "SaaS",
        "reconStatus": status,
        "submittedQuantity": serde_json::from_str::<Value>(quantity).unwrap(),
        "processedQuantity": 0.0,
        "submittedCount": count,
    })
}

fn changed(field: &str, value: Value) -> Value {
    let mut row = row("silver", "Accepted", "17.0", 17);
    row[field] = value;
    row
}

fn holding(rows: &[Value]) -> Microsoft {
    let rows = json!(rows);
    Microsoft::new(move |_| answer(200, &rows))
}

async fn held(rows: &[Value]) -> (Option<Held>, Vec<Fault>) {
    let (found, faults) = holding(rows).sink().holds(&[asked()]).await;
    assert_eq!(
        found.len(),
        usize::from(faults.is_empty()),
        "told, or why it is not"
    );
    (found.get(&asked()).copied(), faults)
}

fn of(quantity: &str, count: u32) -> Option<Held> {
    Some(Held {
        quantity: quantity.parse().unwrap(),
        count: count.into(),
    })
}

#[tokio::test(start_paused = true)]
async fn the_rows_of_all_plans_are_added_up_and_no_others() {
    let rows = [
        row("silver", "Submitted", "0.1", 3),
        row("gold", "Accepted", "0.2", 1),
        changed("dimension", json!("emails")),
        changed("usageResourceId", json!(resource(1))),
        changed("usageDate", json!("2026-11-20T00:00:00Z")),
        changed("usageDate", json!("2026-11-18T00:00:00")),
    ];
    assert_eq!(held(&rows).await.0, of("0.3", 4));
}

#[tokio::test(start_paused = true)]
async fn a_day_that_shows_nothing_of_it_holds_nothing() {
    assert_eq!(held(&[]).await.0, of("0", 0));
    assert_eq!(held(&[changed("dimension", json!("emails"))]).await.0, of("0", 0));
}

#[tokio::test(start_paused = true)]
async fn a_sum_of_doubles_is_told_in_the_places_that_were_sent() {
    let rows = [row("silver", "Accepted", "0.30000000000000004", 2)];
    assert_eq!(held(&rows).await.0, of("0.3", 2));
}

#[tokio::test(start_paused = true)]
async fn what_was_taken_counts_however_it_was_reconciled_and_tests_do_not() {
    for (status, expected) in [
        ("Submitted", of("5", 1)),
        ("Accepted", of("5", 1)),
        ("Mismatch", of("5", 1)),
        ("TestHeaders", of("0", 0)),
        ("DryRun", of("0", 0)),
    ] {
        assert_eq!(
            held(&[row("silver", status, "5.0", 1)]).await.0,
            expected,
            "{status}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_not_certain_is_left_out_and_named() {
    for (uncertain, why) in [
        (row("silver", "Rejected", "5.0", 1), "Rejected"),
        (row("silver", "Archived", "5.0", 1), "Archived"),
        (changed("reconStatus", Value::Null), "a status we do not know"),
        (changed("submittedQuantity", Value::Null), "no numbers"),
        (changed("submittedQuantity", json!("17")), "no numbers"),
        (changed("submittedCount", Value::Null), "no numbers"),
        (changed("usageDate", json!("11/19/2026")), "cannot be read"),
        (changed("usageResourceId", Value::Null), "cannot be read"),
        (changed("dimension", json!(7)), "cannot be read"),
    ] {
        let (held, faults) = held(&[row("gold", "Accepted", "1.0", 1), uncertain]).await;
        assert_eq!((held, faults.len()), (None, 1), "{why}");
        assert_eq!(faults[0].kind, FaultKind::Incomplete);
        let said = &faults[0].message;
        assert!(
            said.contains(why) && said.contains("tokens") && said.contains("2026-11-19"),
            "{said}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_uncertain_of_one_voids_nothing_of_another() {
    let service = holding(&[
        row("silver", "Rejected", "5.0", 1),
        changed("dimension", json!("emails")),
    ]);
    let emails = Asked {
        dimension: "emails".to_owned(),
        ..asked()
    };
    let (found, faults) = service.sink().holds(&[asked(), emails.clone()]).await;
    assert_eq!(
        (found.get(&emails).copied(), found.len(), faults.len()),
        (of("17", 17), 1, 1)
    );
}

#[tokio::test(start_paused = true)]
async fn guids_are_found_in_either_case() {
    let row = changed("usageResourceId", json!(resource(0).to_uppercase()));
    assert_eq!(held(&[row]).await.0, of("17", 17));
}

#[tokio::test(start_paused = true)]
async fn each_day_is_asked_for_once_with_the_day_after_as_its_end() {
    let service = holding(&[]);
    let other = Asked {
        dimension: "emails".to_owned(),
        ..asked()
    };
    let (found, faults) = service
        .sink()
        .holds(&[asked(), other, asked_on("2026-11-30")])
        .await;
    assert_eq!((found.len(), faults.len()), (3, 0));
    let lines: Vec<String> = service.calls().iter().map(|call| call.line.clone()).collect();
    let line = |start: &str, end: &str| {
        format!(
            "GET https://marketplace.test/api/usageEvents?api-version=2018-08-31\
             &usageStartDate={start}T00%3A00%3A00Z&UsageEndDate={end}T00%3A00%3A00Z"
        )
    };
    assert_eq!(
        lines,
        [line("2026-11-19", "2026-11-20"), line("2026-11-30", "2026-12-01")]
    );
    assert!(
        service
            .calls()
            .iter()
            .all(|call| call.authorization == "Bearer token-1")
    );
    assert_eq!(service.logins().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn no_more_than_seven_days_are_read_the_oldest_first() {
    let service = holding(&[]);
    let first: NaiveDate = "2026-11-01".parse().unwrap();
    let asked: Vec<Asked> = first
        .iter_days()
        .take(9)
        .map(|day| Asked { day, ..asked() })
        .collect();
    let (found, faults) = service.sink().holds(&asked).await;
    assert_eq!((service.calls().len(), faults.len()), (7, 0));
    assert!(asked[..7].iter().eq(found.keys()));
}

#[tokio::test(start_paused = true)]
async fn a_day_that_cannot_be_read_is_left_out_after_five_tries_and_the_others_are_told() {
    for step in [
        Step::Lost,
        Step::NotSent,
        Step::TooLarge,
        Step::Answer(500, None, String::new()),
        Step::Answer(429, Some("1"), String::new()),
        Step::Answer(200, None, "{\"value\": []}".to_owned()),
        Step::Answer(200, None, "[1]".to_owned()),
    ] {
        let service = Microsoft::new({
            let step = step.clone();
            move |call| match call.line.contains("usageStartDate=2026-11-19") {
                true => step.clone(),
                false => answer(200, &json!([])),
            }
        });
        let (found, faults) = service.sink().holds(&[asked(), asked_on("2026-11-18")]).await;
        assert!(found.keys().eq([&asked_on("2026-11-18")]), "{step:?}");
        assert_eq!((faults.len(), service.calls().len()), (1, 6), "{step:?}");
        assert_eq!(faults[0].kind, FaultKind::DestinationUnavailable);
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_refused_is_not_asked_again() {
    let service = Microsoft::new(|_| answer(400, &bad_argument("usageStartDate", "no")));
    let (found, faults) = service.sink().holds(&[asked()]).await;
    assert_eq!((found.len(), service.calls().len()), (0, 1));
    assert_eq!(faults[0].kind, FaultKind::Misconfigured);
}

#[tokio::test(start_paused = true)]
async fn a_refused_token_is_renewed_once_for_all_days() {
    let service = Microsoft::new(|call| match call.authorization.as_str() {
        "Bearer token-1" => answer(403, &Value::Null),
        _ => answer(200, &json!([])),
    });
    let (found, faults) = service.sink().holds(&[asked(), asked_on("2026-11-18")]).await;
    assert_eq!((found.len(), faults.len(), service.logins().len()), (2, 0, 2));

    let never = Microsoft::new(|_| answer(403, &Value::Null));
    let (found, faults) = never.sink().holds(&[asked(), asked_on("2026-11-18")]).await;
    assert_eq!((found.len(), faults.len(), never.logins().len()), (0, 1, 2));
    assert_eq!(faults[0].kind, FaultKind::Unauthorized);
}

#[tokio::test(start_paused = true)]
async fn without_credentials_or_time_nothing_is_asked() {
    let service = holding(&[]);
    let missing = Fault::new(FaultKind::Misconfigured, "no `azure`");
    let sink = service.sink_with(Err(missing.clone()), Duration::from_secs(900));
    let (found, faults) = sink.holds(&[asked()]).await;
    assert_eq!((found.len(), faults), (0, vec![missing]));
    let late = service.sink_with(Ok(&secret()), Duration::from_secs(30));
    let (found, _) = late.holds(&[asked()]).await;
    assert_eq!((found.len(), service.calls().len()), (0, 0));
}
