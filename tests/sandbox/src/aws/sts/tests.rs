use super::*;
use crate::aws::requests as wire;

const ROLE: &str = "arn:aws:iam::123456789012:role/meter";

fn assume(sts: &Sts, fields: &[(&str, &str)]) -> (u16, String) {
    let mut form = form_urlencoded::Serializer::new(String::new());
    form.extend_pairs([
        ("Action", "AssumeRole"),
        ("Version", "2011-06-15"),
        ("RoleSessionName", "a&b"),
    ]);
    form.extend_pairs(fields);
    let request = wire::signed("sts", "us-east-1")
        .body(Bytes::from(form.finish()))
        .unwrap();
    let reply = wire::reply(sts, &request);
    (
        reply.status().as_u16(),
        String::from_utf8(reply.body().to_vec()).unwrap(),
    )
}

fn sts() -> Sts {
    let sts = Sts::new(Clock::at("2026-11-20T14:00:00Z".parse().unwrap()));
    sts.add_role(ROLE, Some("secret word"));
    sts
}

#[test]
fn a_role_is_assumed_with_its_external_id() {
    let sts = sts();
    let (status, body) = assume(&sts, &[("RoleArn", ROLE), ("ExternalId", "secret word")]);
    assert_eq!(status, 200);
    assert!(
        body.contains("<AccessKeyId>ASIASANDBOX000000001</AccessKeyId>"),
        "{body}"
    );
    assert!(
        body.contains("<Expiration>2026-11-20T15:00:00Z</Expiration>"),
        "{body}"
    );
    assert!(
        body.contains("<Arn>arn:aws:sts::123456789012:assumed-role/meter/a&amp;b</Arn>"),
        "{body}"
    );
    assert_eq!(sts.access_keys(), ["ASIASANDBOX000000001"]);
}

#[test]
fn a_role_is_not_assumed_without_its_external_id() {
    let sts = sts();
    for fields in [
        &[("RoleArn", ROLE)][..],
        &[("RoleArn", ROLE), ("ExternalId", "guess")],
        &[("RoleArn", "other")],
    ] {
        let (status, body) = assume(&sts, fields);
        assert_eq!(status, 403);
        assert!(body.contains("<Code>AccessDenied</Code>"), "{body}");
    }
    assert_eq!(sts.access_keys(), [""; 0]);
}

#[test]
fn a_session_lasts_between_a_quarter_of_an_hour_and_twelve() {
    let sts = sts();
    let lasting = |seconds: &str| {
        assume(
            &sts,
            &[
                ("RoleArn", ROLE),
                ("ExternalId", "secret word"),
                ("DurationSeconds", seconds),
            ],
        )
    };
    assert!(
        lasting("900")
            .1
            .contains("<Expiration>2026-11-20T14:15:00Z</Expiration>")
    );
    for wrong in ["899", "43201", "x"] {
        assert_eq!(lasting(wrong).0, 400);
    }
}
