use super::scripted::{Metronome, last_page, page};
use crate::call::Call;
use crate::pages::Room;
use crate::usage::UsageRow;
use crate::{Customer, Error};

fn reason<T: std::fmt::Debug>(answer: Result<T, Error>) -> String {
    let Err(Error::Unreadable { call, reason }) = answer else {
        panic!("{answer:?}")
    };
    assert!(call.contains("/v1/"), "{call}");
    reason
}

#[tokio::test(start_paused = true)]
async fn a_cursor_that_comes_again_is_an_error_and_not_a_loop() {
    let circle = ["p2", "p3", "p2"].map(|next| page("", next));
    let metronome = Metronome::replying(circle);
    assert!(reason(metronome.client().all_customers().await).contains("already read"));
    let empty = Metronome::replying([page("", "")]);
    assert!(reason(empty.client().all_customers().await).contains("already read"));
}

#[tokio::test(start_paused = true)]
async fn an_empty_page_in_the_middle_does_not_end_a_list() {
    let metronome = Metronome::replying([page("", "p2"), last_page(r#"{"id":"a","name":"A"}"#)]);
    assert_eq!(metronome.client().all_customers().await.unwrap().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_ends_with_the_invocation() {
    let metronome = Metronome::answering(|number, _| page("", &format!("p{number}")));
    let answer = metronome.client().all_customers().await;
    assert!(matches!(answer, Err(Error::OutOfTime { .. })), "{answer:?}");
    let asked = metronome.asked().len();
    assert!((6_000..7_200).contains(&asked), "{asked} pages in 870 s");
}

#[tokio::test(start_paused = true)]
async fn a_list_without_end_ends_where_there_is_time_without_end() {
    let metronome = Metronome::answering(|number, _| page("", &format!("p{number}")));
    let day = platform::Deadline::after(std::time::Duration::from_secs(86_400));
    assert!(reason(metronome.client_until(day).all_customers().await).contains("more than 10000 pages"));
    assert_eq!(metronome.asked().len(), 10_000);
}

#[tokio::test(start_paused = true)]
async fn all_pages_of_one_read_share_one_bound() {
    let metronome = Metronome::answering(|number, _| page("", &format!("p{number}")));
    let client = metronome.client();
    let room = Room::of(100);
    let read = client
        .pages::<crate::customers::CustomerDetail, Customer>(&Call::get("/v1/customers"), &room)
        .await;
    assert!(reason(read).contains("larger than one read"));
    assert_eq!(metronome.asked().len(), 4, "29 bytes a page");
}

#[test]
fn a_row_takes_no_more_memory_than_its_text() {
    // Two UUIDs beside the row itself, against the shortest text that Metronome sends for it.
    let memory = size_of::<UsageRow>() + 2 * 36;
    let text = super::usage::row("7b0f2c3e-1f0a-4a52-9d6f-2a1f6c9f0001", "1").len() + 35;
    assert!(memory <= text, "{memory} bytes for {text}");
}
