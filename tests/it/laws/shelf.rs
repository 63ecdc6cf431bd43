//! The table's books and audit trail, read from the engine itself: no request is made, so no fault strikes and none is counted.

use std::collections::BTreeMap;

use billing::{Book, Entry, Identity};
use serde_json::{Value, json};
use store::AuditEntry;

use crate::scene::{Scene, TABLE};

/// A page holds 1 MB; no scene holds a hundred.
const PAGES_MAX: usize = 100;

/// A record's id, and what became of it, in turn.
pub(crate) type Trail = BTreeMap<String, Vec<Entry>>;

/// What stands in the table about money.
#[derive(Debug, Default)]
pub(crate) struct Shelf {
    pub(crate) books: BTreeMap<Identity, Book>,
    pub(crate) trails: BTreeMap<Identity, Trail>,
}

impl Shelf {
    pub(crate) fn of(scene: &Scene) -> Self {
        let mut shelf = Self::default();
        for item in items(scene) {
            let body = || item["body"]["S"].as_str().unwrap();
            let key = item["pk"]["S"].as_str().unwrap();
            if key.starts_with("book#") {
                let book: Book = serde_json::from_str(body()).unwrap();
                shelf.books.insert(book.destination.identity.clone(), book);
            } else if key.starts_with("records#") {
                let AuditEntry { identity, entry, .. } = serde_json::from_str(body()).unwrap();
                let trail = shelf.trails.entry(identity).or_default();
                trail.entry(entry.record.id.clone()).or_default().push(entry);
            }
        }
        let entries = shelf.trails.values_mut().flat_map(BTreeMap::values_mut);
        entries.for_each(|entries| entries.sort_by_key(|entry| entry.at));
        shelf
    }
}

/// All items, as the engine writes them in JSON.
fn items(scene: &Scene) -> Vec<Value> {
    let mut all = Vec::new();
    let mut after = Value::Null;
    for _ in 0..PAGES_MAX {
        let mut ask = json!({"TableName": TABLE});
        if !after.is_null() {
            ask["ExclusiveStartKey"] = after;
        }
        let page = scene
            .world
            .dynamodb
            .database()
            .scan(serde_json::from_value(ask).unwrap())
            .unwrap();
        let mut page = serde_json::to_value(page).unwrap();
        if let Value::Array(items) = page["Items"].take() {
            all.extend(items);
        }
        after = page["LastEvaluatedKey"].take();
        if after.is_null() {
            return all;
        }
    }
    panic!("the table is larger than any scene's");
}
