use std::time::Duration;

use platform::Deadline;
use platform::connection::AwsAccess;

use super::scripted::*;
use crate::{Aws, Sent};

async fn send_at(service: &Service, now: &str, timestamp: &str) -> Sent {
    let deadline = Deadline::after(Duration::from_secs(900));
    let sink = Aws::new(
        &service.sdk_config().await,
        &AwsAccess::default(),
        deadline,
        clock_from(at(now)),
    );
    sink.send(vec![outgoing_at("us-east-1", None, licence(1), "d0", timestamp)])
        .await
}

#[tokio::test(start_paused = true)]
async fn only_what_the_window_takes_is_sent() {
    let cases = [
        ("2026-11-21T13:59:58Z", "2026-11-20T13:59:59Z", "A"),
        ("2026-11-21T13:59:59Z", "2026-11-20T13:59:59Z", ""),
        ("2026-11-20T13:59:58Z", "2026-11-20T13:59:59Z", ""),
        ("2026-12-01T05:59:59Z", "2026-11-30T23:59:59Z", "A"),
        ("2026-12-01T06:00:00Z", "2026-11-30T23:59:59Z", ""),
        ("2026-12-01T02:00:00Z", "2026-11-30T01:59:59Z", ""),
    ];
    for (now, timestamp, letters) in cases {
        let service = Service::steps([]);
        let sent = send_at(&service, now, timestamp).await;
        assert_eq!(only(&sent), letters, "{timestamp} at {now}");
        assert_eq!((service.calls().len(), sent.faults.len()), (letters.len(), 0));
    }
}

#[tokio::test(start_paused = true)]
async fn a_window_that_closes_between_two_tries_ends_them() {
    let service = Service::new(|_| Step::Silence);
    let sent = send_at(&service, "2026-11-21T13:59:50Z", "2026-11-20T13:59:59Z").await;
    assert_eq!(only(&sent), "U", "the one request that was made is told");
    assert_eq!(service.calls().len(), 1);
}
