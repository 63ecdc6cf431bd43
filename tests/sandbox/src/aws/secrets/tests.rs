use chrono::TimeDelta;
use serde_json::{Value, json};

use super::*;
use crate::aws::requests as wire;

const REGION: &str = "us-east-1";

fn secrets() -> Secrets {
    Secrets::new(Clock::at("2026-11-20T14:00:00Z".parse().unwrap()), REGION)
}

fn call(secrets: &Secrets, operation: &str, body: &Value) -> Result<Value, String> {
    let target = format!("secretsmanager.{operation}");
    let request = wire::json("secretsmanager", REGION, "1.1", &target, &body.to_string());
    wire::outcome(secrets, &request).map_err(|(_, kind)| kind)
}

fn value(secrets: &Secrets, id: &str) -> Result<String, String> {
    let answer = call(secrets, "GetSecretValue", &json!({"SecretId": id}))?;
    Ok(answer["SecretString"].as_str().unwrap().to_owned())
}

#[test]
fn a_secret_is_found_by_its_name_its_arn_and_its_arn_without_the_suffix() {
    let secrets = secrets();
    secrets.put("meterbridge/acme", "{}");
    let arn = call(
        &secrets,
        "DescribeSecret",
        &json!({"SecretId": "meterbridge/acme"}),
    )
    .unwrap();
    let arn = arn["ARN"].as_str().unwrap();
    for id in ["meterbridge/acme", arn, &arn[..arn.len() - 7]] {
        assert_eq!(value(&secrets, id).unwrap(), "{}", "{id}");
    }
    assert_eq!(
        value(&secrets, "meterbridge/other").unwrap_err(),
        "ResourceNotFoundException"
    );
    assert_eq!(secrets.counts()["GetSecretValue"], 4);
}

#[test]
fn a_secret_is_there_in_its_own_region_only() {
    let secrets = secrets();
    secrets.put("meterbridge/acme", "{}");
    let body = r#"{"SecretId":"meterbridge/acme"}"#;
    let elsewhere = wire::json(
        "secretsmanager",
        "eu-west-1",
        "1.1",
        "secretsmanager.GetSecretValue",
        body,
    );
    assert_eq!(
        wire::outcome(&secrets, &elsewhere).unwrap_err().1,
        "ResourceNotFoundException"
    );
    let unscoped = wire::json("dynamodb", REGION, "1.1", "secretsmanager.GetSecretValue", body);
    assert_eq!(
        wire::outcome(&secrets, &unscoped).unwrap_err().1,
        "InvalidSignatureException"
    );
}

#[test]
fn a_new_value_is_current_and_the_one_before_is_previous() {
    let secrets = secrets();
    let token = "11111111-2222-3333-4444-555555555555";
    let created = json!({"Name": "meterbridge/acme", "SecretString": "one", "ClientRequestToken": token});
    assert_eq!(
        call(&secrets, "CreateSecret", &created).unwrap()["VersionId"],
        token
    );
    call(
        &secrets,
        "PutSecretValue",
        &json!({"SecretId": "meterbridge/acme", "SecretString": "two"}),
    )
    .unwrap();
    assert_eq!(value(&secrets, "meterbridge/acme").unwrap(), "two");
    let previous = json!({"SecretId": "meterbridge/acme", "VersionStage": "AWSPREVIOUS"});
    assert_eq!(
        call(&secrets, "GetSecretValue", &previous).unwrap()["SecretString"],
        "one"
    );
    let first = json!({"SecretId": "meterbridge/acme", "VersionId": token});
    assert_eq!(
        call(&secrets, "GetSecretValue", &first).unwrap()["VersionStages"],
        json!(["AWSPREVIOUS"])
    );
    let unknown = json!({"SecretId": "meterbridge/acme", "VersionId": "none"});
    assert_eq!(
        call(&secrets, "GetSecretValue", &unknown).unwrap_err(),
        "ResourceNotFoundException"
    );
}

#[test]
fn a_name_is_taken_once_but_the_same_request_may_come_again() {
    let secrets = secrets();
    let create = |value: &str, token: &str| {
        let body = json!({"Name": "meterbridge/acme", "SecretString": value, "ClientRequestToken": token});
        call(&secrets, "CreateSecret", &body)
    };
    create("one", "a").unwrap();
    create("one", "a").unwrap();
    assert_eq!(create("two", "a").unwrap_err(), "ResourceExistsException");
    assert_eq!(create("two", "b").unwrap_err(), "ResourceExistsException");
    assert_eq!(value(&secrets, "meterbridge/acme").unwrap(), "one");
}

#[test]
fn a_deleted_secret_waits_for_its_recovery_unless_it_is_forced() {
    let secrets = secrets();
    secrets.put("kept", "1");
    secrets.put("gone", "2");
    let answer = call(&secrets, "DeleteSecret", &json!({"SecretId": "kept"})).unwrap();
    let deletion = secrets.clock.now() + TimeDelta::days(30);
    assert_eq!(answer["DeletionDate"], json!(deletion.timestamp()));
    assert_eq!(value(&secrets, "kept").unwrap_err(), "InvalidRequestException");

    let forced = json!({"SecretId": "gone", "ForceDeleteWithoutRecovery": true});
    call(&secrets, "DeleteSecret", &forced).unwrap();
    assert_eq!(value(&secrets, "gone").unwrap_err(), "ResourceNotFoundException");
    call(&secrets, "DeleteSecret", &forced).unwrap();
    let both = json!({"SecretId": "kept", "ForceDeleteWithoutRecovery": true, "RecoveryWindowInDays": 7});
    assert_eq!(
        call(&secrets, "DeleteSecret", &both).unwrap_err(),
        "InvalidParameterException"
    );
}

#[test]
fn a_value_has_one_form_and_some_bytes() {
    let secrets = secrets();
    for (value, refusal) in [
        (
            json!({"SecretString": "x", "SecretBinary": "eA=="}),
            "InvalidParameterException",
        ),
        (json!({"SecretString": ""}), "ValidationException"),
        (json!({"SecretString": "x".repeat(65_537)}), "ValidationException"),
    ] {
        let mut body = value;
        body["Name"] = json!("acme");
        assert_eq!(call(&secrets, "CreateSecret", &body).unwrap_err(), refusal);
    }
}
