//! JSON Schema, as far as it is common to the judges, and what OpenAPI 3.0 makes of it.

use jsonschema::Validator;
use serde_json::{Map, Value, json};

/// References and nestings that a schema may have under one another; one that is recursive has no end.
const DEPTH_MAX: usize = 64;

/// Keywords of OpenAPI 3.0 that say nothing of a value.
const ANNOTATIONS: [&str; 9] = [
    "default",
    "deprecated",
    "description",
    "example",
    "externalDocs",
    "nullable",
    "readOnly",
    "title",
    "writeOnly",
];

/// Keywords that mean the same in JSON Schema 2020-12, and hold no schema.
const PLAIN: [&str; 13] = [
    "enum",
    "format",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "pattern",
    "required",
    "type",
    "uniqueItems",
];

/// A validator of a JSON Schema 2020-12 that knows every format named in it.
pub(super) fn compile(schema: &Value) -> Validator {
    let options = jsonschema::draft202012::options().should_validate_formats(true);
    options
        .should_ignore_unknown_formats(false)
        .build(schema)
        .unwrap()
}

/// Where a body is not as its schema has it.
pub(super) fn errors_in(validator: &Validator, body: &[u8]) -> Vec<String> {
    match serde_json::from_slice(body) {
        Ok(value) => errors(validator, &value),
        Err(error) => vec![format!("not JSON: {error}")],
    }
}

/// Where a value is not as its schema has it.
pub(super) fn errors(validator: &Validator, value: &Value) -> Vec<String> {
    let said = validator.iter_errors(value);
    said.map(|error| format!("{error} (at \"{}\")", error.instance_path()))
        .collect()
}

/// What a local reference means; anything else means itself.
pub(super) fn resolved<'d>(document: &'d Value, mut value: &'d Value) -> &'d Value {
    for _ in 0..DEPTH_MAX {
        let Some(reference) = value.get("$ref") else {
            return value;
        };
        let pointer = reference.as_str().and_then(|text| text.strip_prefix('#'));
        value = pointer
            .and_then(|pointer| document.pointer(pointer))
            .unwrap_or_else(|| panic!("{reference} leads nowhere"));
    }
    panic!("a reference leads to itself")
}

/// An OpenAPI 3.0 schema as JSON Schema, its references put in place. An object has the properties that are named and no
/// others, unless its schema speaks of others: what is not documented would otherwise go unseen.
pub(super) fn of_open_api(document: &Value, schema: &Value) -> Value {
    Translation { document }.whole(schema, 0)
}

struct Translation<'d> {
    document: &'d Value,
}

impl Translation<'_> {
    /// A schema that stands alone.
    fn whole(&self, schema: &Value, depth: usize) -> Value {
        let mut whole = self.part(schema, depth);
        let target = resolved(self.document, schema);
        let composed = ["allOf", "anyOf", "oneOf"]
            .iter()
            .any(|keyword| target.get(*keyword).is_some());
        if (composed || target.get("properties").is_some()) && target.get("additionalProperties").is_none() {
            whole["unevaluatedProperties"] = json!(false);
        }
        if [schema, target]
            .iter()
            .any(|schema| schema.get("nullable") == Some(&json!(true)))
        {
            whole = json!({"anyOf": [whole, {"type": "null"}]});
        }
        whole
    }

    /// A schema that may be one of several that together describe an object, so that it speaks for its own properties only.
    fn part(&self, schema: &Value, depth: usize) -> Value {
        assert!(depth < DEPTH_MAX, "a schema has no end");
        let schema = resolved(self.document, schema).as_object().unwrap();
        let mut part = Map::new();
        for (keyword, value) in schema {
            let translated = match keyword.as_str() {
                "items" => self.whole(value, depth + 1),
                "additionalProperties" if value.is_object() => self.whole(value, depth + 1),
                "additionalProperties" => value.clone(),
                "properties" => {
                    let properties = value.as_object().unwrap().iter();
                    properties
                        .map(|(name, schema)| (name.clone(), self.whole(schema, depth + 1)))
                        .collect()
                }
                "allOf" | "anyOf" | "oneOf" => value
                    .as_array()
                    .unwrap()
                    .iter()
                    .map(|schema| self.part(schema, depth + 1))
                    .collect(),
                plain if PLAIN.contains(&plain) => value.clone(),
                said if ANNOTATIONS.contains(&said) || said.starts_with("x-") => continue,
                other => panic!("the document uses {other}, which this judge does not know"),
            };
            part.insert(keyword.clone(), translated);
        }
        Value::Object(part)
    }
}
