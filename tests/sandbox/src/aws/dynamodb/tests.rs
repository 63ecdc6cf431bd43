use serde_json::{Value, json};

use super::*;
use crate::aws::requests as wire;

fn call(db: &DynamoDb, operation: &str, body: &Value) -> Result<Value, String> {
    let target = format!("{TARGET}{operation}");
    let request = wire::json("dynamodb", "us-east-1", "1.0", &target, &body.to_string());
    wire::outcome(db, &request).map_err(|(_, kind)| kind)
}

/// A table with the two keys that the product's own has.
fn database() -> DynamoDb {
    let db = DynamoDb::new().unwrap();
    let table = json!({
        "TableName": "table", "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}, {"AttributeName": "sk", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    });
    let created = call(&db, "CreateTable", &table).unwrap();
    assert_eq!(created["TableDescription"]["TableName"], "table");
    let expiry = json!({"Enabled": true, "AttributeName": "expires_at"});
    call(
        &db,
        "UpdateTimeToLive",
        &json!({"TableName": "table", "TimeToLiveSpecification": expiry}),
    )
    .unwrap();
    db
}

fn item(sort: &str, version: &str) -> Value {
    json!({"pk": {"S": "book"}, "sk": {"S": sort}, "version": {"N": version}})
}

fn first_put(sort: &str) -> Value {
    json!({"TableName": "table", "Item": item(sort, "1"), "ConditionExpression": "attribute_not_exists(pk)"})
}

#[test]
fn an_item_is_written_on_a_condition_once() {
    let db = database();
    call(&db, "PutItem", &first_put("a")).unwrap();
    assert_eq!(
        call(&db, "PutItem", &first_put("a")).unwrap_err(),
        "ConditionalCheckFailedException"
    );
    let key =
        json!({"TableName": "table", "Key": {"pk": {"S": "book"}, "sk": {"S": "a"}}, "ConsistentRead": true});
    assert_eq!(call(&db, "GetItem", &key).unwrap()["Item"], item("a", "1"));

    let counts = db.counts();
    assert_eq!(
        (
            counts.requests["PutItem"],
            counts.writes(),
            counts.conditions_failed
        ),
        (2, 2, 1)
    );
    let length = u64::try_from(first_put("a").to_string().len()).unwrap();
    assert_eq!(counts.bytes_written, 2 * length);
}

#[test]
fn a_transaction_that_fails_writes_nothing_and_tells_why() {
    let db = database();
    call(&db, "PutItem", &first_put("a")).unwrap();
    let transaction = json!({"TransactItems": [{"Put": first_put("b")}, {"Put": first_put("a")}]});
    let target = format!("{TARGET}TransactWriteItems");
    let request = wire::json("dynamodb", "us-east-1", "1.0", &target, &transaction.to_string());
    let reply = wire::reply(&db, &request);
    let body: Value = serde_json::from_slice(reply.body()).unwrap();
    assert_eq!(reply.status(), 400);
    assert_eq!(body["CancellationReasons"][0]["Code"], "None");
    assert_eq!(body["CancellationReasons"][1]["Code"], "ConditionalCheckFailed");
    let all = json!({"TableName": "table", "KeyConditionExpression": "pk = :p", "ExpressionAttributeValues": {":p": {"S": "book"}}});
    assert_eq!(call(&db, "Query", &all).unwrap()["Count"], 1);
}

#[test]
fn what_cannot_be_carried_out_is_told_in_the_service_s_shapes() {
    let db = database();
    let missing = json!({"TableName": "none", "Key": {"pk": {"S": "x"}, "sk": {"S": "y"}}});
    assert_eq!(
        call(&db, "GetItem", &missing).unwrap_err(),
        "ResourceNotFoundException"
    );
    assert_eq!(
        call(
            &db,
            "PutItem",
            &json!({"TableName": "table", "Item": {"pk": {"N": "1"}}})
        )
        .unwrap_err(),
        "ValidationException"
    );
    assert_eq!(
        call(&db, "PutItem", &json!({"TableName": 7})).unwrap_err(),
        "SerializationException"
    );
    let unscoped = wire::json(
        "aws-marketplace",
        "us-east-1",
        "1.0",
        &format!("{TARGET}ListTables"),
        "{}",
    );
    assert_eq!(
        wire::outcome(&db, &unscoped).unwrap_err().1,
        "InvalidSignatureException"
    );
    let unknown = wire::json("dynamodb", "us-east-1", "1.0", "Other.ListTables", "{}");
    assert_eq!(
        wire::outcome(&db, &unknown).unwrap_err().1,
        "UnknownOperationException"
    );
}
