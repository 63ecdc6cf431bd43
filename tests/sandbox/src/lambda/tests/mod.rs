use std::os::unix::process::ExitStatusExt;
use std::time::Instant;

use serde_json::json;

use super::*;

const SOON: Duration = Duration::from_secs(10);

async fn function(start: &str) -> Function {
    let script = Path::new(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/lambda/tests/function.sh"
    ));
    Function::start(script, &[("START".to_owned(), start.to_owned())])
        .await
        .unwrap()
}

async fn invoke(function: &Function, what: &str) -> Outcome {
    function.invoke(&json!({"do": what}), SOON).await.unwrap()
}

fn served(outcome: &Outcome) -> u64 {
    match outcome {
        Outcome::Response(value) => value["served"].as_u64().unwrap(),
        other => panic!("no response: {other:?}"),
    }
}

fn error(error_type: &str, error_message: &str) -> Outcome {
    Outcome::Error {
        error_type: error_type.to_owned(),
        error_message: error_message.to_owned(),
    }
}

#[tokio::test]
async fn one_process_answers_one_event_after_another() {
    let function = function("").await;
    let first = invoke(&function, "answer").await;
    assert_eq!(served(&first), 1);
    let Outcome::Response(value) = invoke(&function, "answer").await else {
        panic!("no response")
    };
    assert_eq!(
        (&value["served"], &value["event"]),
        (&json!(2), &json!({"do": "answer"}))
    );
}

#[tokio::test]
async fn an_error_is_reported_with_its_type_and_the_process_goes_on() {
    let function = function("").await;
    assert_eq!(invoke(&function, "fail").await, error("Parked", "one record"));
    assert_eq!(served(&invoke(&function, "answer").await), 2);
    assert!(matches!(
        invoke(&function, "garbage").await,
        Outcome::Error { error_type, .. } if error_type == "Runtime.InvalidResponse"
    ));
}

#[tokio::test]
async fn an_answer_to_another_request_is_refused() {
    assert_eq!(
        invoke(&function("").await, "stray").await,
        Outcome::Response(json!({"status": 400}))
    );
}

#[tokio::test]
async fn a_process_that_ends_has_crashed_and_the_next_event_starts_another() {
    let function = function("").await;
    let Outcome::Crashed(exit) = invoke(&function, "exit").await else {
        panic!("no crash")
    };
    assert_eq!(exit.code(), Some(7));
    assert_eq!(served(&invoke(&function, "answer").await), 1);
}

#[tokio::test]
async fn a_start_that_fails_says_why_or_leaves_its_exit_status() {
    assert_eq!(
        invoke(&function("broken").await, "answer").await,
        error("Misconfigured", "no table")
    );
    let dead = function("dead").await;
    let Outcome::Crashed(exit) = invoke(&dead, "answer").await else {
        panic!("no crash")
    };
    assert_eq!(exit.code(), Some(3));
    assert!(dead.output().contains("cannot go on"));
}

#[tokio::test]
async fn a_process_past_its_deadline_is_killed() {
    let function = function("").await;
    let start = Instant::now();
    let hang = function
        .invoke(&json!({"do": "hang"}), Duration::from_millis(300))
        .await
        .unwrap();
    assert_eq!(hang, Outcome::TimedOut);
    assert!(start.elapsed() < SOON);
    assert!(!function.killer().kill().unwrap());
    assert_eq!(served(&invoke(&function, "answer").await), 1);
}

#[tokio::test]
async fn a_process_is_killed_at_a_chosen_moment_and_is_gone_when_kill_returns() {
    let function = function("").await;
    assert_eq!(served(&invoke(&function, "answer").await), 1);
    let (strike, moment) = tokio::sync::oneshot::channel::<()>();
    function.kill_when(async move { drop(moment.await) });
    let strikes = async {
        while !function.output().contains("hang") {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        strike.send(()).unwrap();
    };
    let (outcome, ()) = tokio::join!(invoke(&function, "hang"), strikes);
    let Outcome::Crashed(exit) = outcome else {
        panic!("no crash")
    };
    assert_eq!(exit.signal(), Some(9));

    assert_eq!(served(&invoke(&function, "answer").await), 1);
    assert!(function.killer().kill().unwrap());
    assert!(!function.killer().kill().unwrap());
}

#[tokio::test]
async fn the_deadline_is_told_on_the_functions_own_clock() {
    let function = function("").await;
    function.set_clock_offset(TimeDelta::days(400));
    let before = function.now();
    let Outcome::Response(value) = invoke(&function, "answer").await else {
        panic!("no response")
    };
    let told = DateTime::from_timestamp_millis(value["deadline"].as_i64().unwrap()).unwrap();
    assert!(
        told >= before + SOON - TimeDelta::milliseconds(1) && told <= function.now() + SOON,
        "{told}"
    );
}

#[tokio::test]
async fn what_it_writes_is_kept_to_the_end_over_all_its_processes() {
    let function = function("").await;
    invoke(&function, "answer").await;
    invoke(&function, "exit").await;
    invoke(&function, "answer").await;
    let output = function.stop().await.unwrap();
    assert_eq!(output.matches("event 1: {\"do\":\"answer\"}").count(), 2);
    assert_eq!(output.matches("event 2: {\"do\":\"exit\"}").count(), 1);
}

#[tokio::test]
async fn a_dropped_function_leaves_no_process() {
    let function = function("").await;
    let killer = function.killer();
    drop(function);
    assert!(!killer.kill().unwrap());
}
