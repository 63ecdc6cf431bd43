use std::time::Duration;

use platform::connection::AwsAccess;
use platform::{Deadline, FaultKind};
use serde_json::json;

use super::scripted::*;
use crate::{Aws, Sent};

fn role() -> AwsAccess {
    AwsAccess {
        role_arn: Some("arn:aws:iam::123456789012:role/metering".to_owned()),
        external_id: Some("ext-1".to_owned()),
    }
}

fn deadline() -> Deadline {
    Deadline::after(Duration::from_secs(900))
}

fn quiet(sent: &Sent) {
    let said = format!("{sent:?}");
    assert!(
        !said.contains(SECRET) && !said.contains(TOKEN) && !said.contains("ASSUMEDSECRET"),
        "{said}"
    );
}

#[tokio::test(start_paused = true)]
async fn refused_access_is_named_and_not_tried_again() {
    for code in [
        "AccessDeniedException",
        "UnrecognizedClientException",
        "ExpiredTokenException",
        "InvalidSignatureException",
    ] {
        let service = Service::new(move |_| exception(400, code));
        let sent = service.send(records(25)).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "L"),
            "{code}: owed again"
        );
        assert_eq!(service.calls().len(), 1, "{code}");
        assert_eq!(
            (sent.faults.len(), sent.faults[0].kind),
            (1, FaultKind::Unauthorized),
            "{code}"
        );
        assert!(sent.faults[0].message.contains(code));
    }
}

#[tokio::test(start_paused = true)]
async fn a_forbidden_call_is_refused_access_whatever_it_is_called() {
    let service = Service::new(|_| exception(403, "NotForYouException"));
    let sent = service.send(records(2)).await;
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert_eq!(service.calls().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_message_that_quotes_the_request_is_not_repeated() {
    let service = Service::new(|_| {
        let said = format!("the canonical string should have been\nx-amz-security-token:{TOKEN}");
        Step::Answer(
            403,
            json!({"__type": "InvalidSignatureException", "message": said}).to_string(),
        )
    });
    let sent = service.send(records(1)).await;
    quiet(&sent);
    assert!(sent.faults[0].message.contains("InvalidSignatureException"));
}

#[tokio::test(start_paused = true)]
async fn without_credentials_nothing_is_sent_and_everything_is_owed_again() {
    let service = Service::steps([]);
    let mut config = service.sdk_config().await.into_builder();
    config.set_credentials_provider(None);
    let sink = Aws::new(&config.build(), &AwsAccess::default(), deadline(), clock());
    let sent = sink.send(records(30)).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "L")
    );
    assert_eq!(
        (sent.faults.len(), sent.faults[0].kind),
        (1, FaultKind::Unauthorized)
    );
    assert_eq!(service.calls().len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_role_is_assumed_once_an_invocation_and_signs_every_call() {
    let service = Service::new(|call| {
        if call.host.starts_with("sts.") {
            return Step::Answer(200, assumed());
        }
        taken(call)
    });
    let sink = Aws::new(&service.sdk_config().await, &role(), deadline(), clock());
    let mut outgoing = records(30);
    outgoing.push(outgoing_at(
        "eu-west-1",
        None,
        licence(99),
        "eu",
        "2026-11-20T13:59:59Z",
    ));
    for _ in 0..2 {
        let sent = sink.send(outgoing.clone()).await;
        assert!(
            sent.learned
                .iter()
                .all(|learned| letters(&learned.answers) == "A"),
            "{sent:?}"
        );
    }
    let (sts, metering): (Vec<_>, Vec<_>) = service
        .calls()
        .into_iter()
        .partition(|call| call.host.starts_with("sts."));
    assert_eq!((sts.len(), metering.len()), (1, 6));
    for part in [
        "Action=AssumeRole",
        "RoleSessionName=meterbridge",
        "ExternalId=ext-1",
        "role%2Fmetering",
    ] {
        assert!(sts[0].text.contains(part), "{}", sts[0].text);
    }
    assert!(
        metering
            .iter()
            .all(|call| call.authorization.contains("Credential=ASIAASSUMED/"))
    );
    assert!(
        metering
            .iter()
            .any(|call| call.authorization.contains("/eu-west-1/aws-marketplace/"))
    );
}

fn assumed() -> String {
    "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
     <AccessKeyId>ASIAASSUMED</AccessKeyId><SecretAccessKey>ASSUMEDSECRET</SecretAccessKey>\
     <SessionToken>assumed-session</SessionToken><Expiration>2026-11-20T15:05:00Z</Expiration>\
     </Credentials></AssumeRoleResult></AssumeRoleResponse>"
        .to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_role_that_may_not_be_assumed_is_named() {
    let service = Service::new(|_| {
        let error = "<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>User: \
                     arn:aws:iam::1:user/u is not authorized to perform: sts:AssumeRole</Message></Error></ErrorResponse>";
        Step::Answer(403, error.to_owned())
    });
    let sink = Aws::new(&service.sdk_config().await, &role(), deadline(), clock());
    let sent = sink.send(records(2)).await;
    assert!(
        sent.learned
            .iter()
            .all(|learned| letters(&learned.answers) == "L")
    );
    let fault = &sent.faults[0];
    assert_eq!((sent.faults.len(), fault.kind), (1, FaultKind::Unauthorized));
    assert!(
        fault.message.contains("role/metering") && fault.message.contains("not authorized"),
        "{fault}"
    );
    assert!(service.calls().iter().all(|call| call.host.starts_with("sts.")));
    quiet(&sent);
}

#[tokio::test(start_paused = true)]
async fn an_sts_that_is_away_means_not_sent_and_not_unknown() {
    for step in [Step::Lost, Step::Silence, Step::NotSent] {
        let service = Service::new(move |_| step.clone());
        let sink = Aws::new(&service.sdk_config().await, &role(), deadline(), clock());
        let sent = sink.send(records(1)).await;
        assert_eq!(only(&sent), "L");
        assert_eq!(sent.faults[0].kind, FaultKind::Unauthorized);
    }
}

#[tokio::test(start_paused = true)]
async fn a_sink_shows_nothing_of_its_credentials() {
    let service = Service::steps([]);
    let sink = service.sink().await;
    let sent = sink.send(records(1)).await;
    quiet(&sent);
    assert_eq!(format!("{sink:?}"), "Aws");
}
