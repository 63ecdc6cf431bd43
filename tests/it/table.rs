//! The table as it is, past the code under test and past every fault: for comparing, searching and spoiling.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::scene::{Scene, TABLE};

/// A page holds 1 MB; no scene holds a hundred.
const PAGES_MAX: usize = 100;

impl Scene {
    /// Every item, by `pk` and `sk`, in DynamoDB's JSON.
    pub(crate) fn items(&self) -> BTreeMap<(String, String), Value> {
        let mut all = BTreeMap::new();
        let mut after = Value::Null;
        for _ in 0..PAGES_MAX {
            let mut ask = json!({"TableName": TABLE});
            if !after.is_null() {
                ask["ExclusiveStartKey"] = after;
            }
            let ask = serde_json::from_value(ask).unwrap();
            let page = serde_json::to_value(self.world.dynamodb.database().scan(ask).unwrap()).unwrap();
            for item in page["Items"].as_array().unwrap() {
                let key = |name: &str| item[name]["S"].as_str().unwrap().to_owned();
                all.insert((key("pk"), key("sk")), item.clone());
            }
            after = page["LastEvaluatedKey"].clone();
            if after.is_null() {
                return all;
            }
        }
        panic!("the table is larger than any scene's");
    }

    /// Puts an item in place, whatever was there.
    pub(crate) fn put_item(&self, item: &Value) {
        let put = serde_json::from_value(json!({"TableName": TABLE, "Item": item})).unwrap();
        self.world.dynamodb.database().put_item(put).unwrap();
    }

    /// Replaces the body of the one item whose `pk` begins so, and answers what it was.
    pub(crate) fn spoil(&self, pk: &str, body: &str) -> Value {
        let mut found = self
            .items()
            .into_iter()
            .filter(|((key, sk), _)| format!("{key} / {sk}").starts_with(pk));
        let (_, item) = found.next().unwrap();
        assert!(found.next().is_none(), "{pk} is not one item");
        let mut spoilt = item.clone();
        spoilt["body"] = json!({"S": body});
        self.put_item(&spoilt);
        item
    }
}
