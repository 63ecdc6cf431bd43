//! An OpenAPI 3.0 document as a judge of HTTP exchanges.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap};
use http::{Request, Response};
use jsonschema::Validator;
use serde_json::{Value, json};

use super::findings::Verdict;
use super::schema::{compile, errors, errors_in, of_open_api, resolved};
use super::witness::Exchange;

/// Refusals that a service may give to any call, whether or not the document lists them for it, in one form.
pub(super) struct General {
    pub(super) statuses: &'static [u16],
    /// Where in the document their form is.
    pub(super) schema: &'static str,
}

/// The judge.
pub(super) struct OpenApi {
    document: Value,
    general: General,
    validators: BTreeMap<String, Validator>,
}

/// An operation of the document, as a request's path names it.
struct Operation<'d> {
    name: String,
    description: &'d Value,
    parameters: Vec<&'d Value>,
    in_path: BTreeMap<&'d str, String>,
}

impl OpenApi {
    pub(super) fn new(document: Value, general: General) -> Self {
        Self {
            document,
            general,
            validators: BTreeMap::new(),
        }
    }

    /// Every operation that the document has.
    pub(super) fn operations(&self) -> BTreeSet<String> {
        let methods = ["delete", "get", "patch", "post", "put"];
        let paths = self.document["paths"].as_object().unwrap().iter();
        let all = paths.flat_map(|(path, item)| methods.into_iter().map(move |method| (path, method, item)));
        all.filter(|(_, method, item)| item.get(method).is_some())
            .map(|(path, method, _)| format!("{} {path}", method.to_uppercase()))
            .collect()
    }

    pub(super) fn judge(&mut self, exchange: &Exchange) -> Verdict {
        // Taken out, so that it can be read while validators are kept.
        let document = std::mem::take(&mut self.document);
        let verdict = match operation(&document, &exchange.request) {
            None => Verdict::default(),
            Some(operation) => {
                let (outcome, answer) = match &exchange.answer {
                    None => ("no answer".to_owned(), Vec::new()),
                    Some(answer) => (
                        answer.status().as_u16().to_string(),
                        self.answer(&document, &operation, answer),
                    ),
                };
                let request = self.request(&document, &operation, &exchange.request);
                Verdict {
                    operation: Some(operation.name),
                    outcome,
                    request,
                    answer,
                }
            }
        };
        self.document = document;
        verdict
    }

    fn request(&mut self, document: &Value, operation: &Operation, request: &Request<Bytes>) -> Vec<String> {
        let mut wrong = Vec::new();
        wrong.extend(authorized(document, request.headers()));
        wrong.extend(self.parameters(document, operation, request.uri().query().unwrap_or_default()));
        let content = operation
            .description
            .get("requestBody")
            .map(|body| &resolved(document, body)["content"]);
        wrong.extend(self.body(document, content, request.headers(), request.body()));
        wrong
    }

    fn parameters(&mut self, document: &Value, operation: &Operation, query: &str) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut given: Vec<(&str, String, String)> = Vec::new();
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            if given.iter().any(|(_, known, _)| *known == name) {
                wrong.push(format!("{name} is given twice"));
            }
            given.push(("query", name.into_owned(), value.into_owned()));
        }
        let in_path = operation.in_path.iter();
        given.extend(in_path.map(|(name, value)| ("path", (*name).to_owned(), value.clone())));
        let is = |parameter: &Value, place: &str, name: &str| {
            parameter["in"] == place && parameter["name"] == name
        };
        for parameter in &operation.parameters {
            let missing = !given.iter().any(|(place, name, _)| is(parameter, place, name));
            if missing && parameter["required"] == true {
                wrong.push(format!("{} is missing", parameter["name"]));
            }
        }
        for (place, name, text) in &given {
            match operation
                .parameters
                .iter()
                .find(|parameter| is(parameter, place, name))
            {
                None => wrong.push(format!("the {place} parameter {name} is not in the document")),
                Some(parameter) => {
                    let schema = resolved(document, &parameter["schema"]);
                    let said = errors(self.validator(document, schema), &typed(schema, text));
                    wrong.extend(said.into_iter().map(|why| format!("{name}: {why}")));
                }
            }
        }
        wrong
    }

    fn answer(&mut self, document: &Value, operation: &Operation, answer: &Response<Bytes>) -> Vec<String> {
        let status = answer.status().as_u16();
        if let Some(response) = operation.description["responses"].get(status.to_string()) {
            let content = resolved(document, response).get("content");
            return self.body(document, content, answer.headers(), answer.body());
        }
        if self.general.statuses.contains(&status) {
            let content = json!({"application/json": {"schema": {"$ref": self.general.schema}}});
            return self.body(document, Some(&content), answer.headers(), answer.body());
        }
        vec![format!("a status that the document does not give: {status}")]
    }

    fn body(
        &mut self,
        document: &Value,
        content: Option<&Value>,
        headers: &HeaderMap,
        body: &[u8],
    ) -> Vec<String> {
        let Some(content) = content else {
            let empty = body.is_empty();
            return (!empty)
                .then(|| "a body where there is to be none".to_owned())
                .into_iter()
                .collect();
        };
        let kind = headers
            .get(CONTENT_TYPE)
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default();
        match content.get(kind.split(';').next().unwrap_or_default().trim()) {
            None => vec![format!("Content-Type: {kind:?} is not in the document")],
            Some(media) => errors_in(self.validator(document, &media["schema"]), body),
        }
    }

    fn validator(&mut self, document: &Value, schema: &Value) -> &Validator {
        let compiled = || compile(&of_open_api(document, schema));
        self.validators.entry(schema.to_string()).or_insert_with(compiled)
    }
}

/// The operation of a request: by method and path, a path that is written out before one with parameters in it.
fn operation<'d>(document: &'d Value, request: &Request<Bytes>) -> Option<Operation<'d>> {
    let target = request.uri().to_string();
    let target = target.split(['?', '#']).next().unwrap_or_default();
    let mut servers = document["servers"].as_array().unwrap().iter();
    let path = servers.find_map(|server| target.strip_prefix(server["url"].as_str()?))?;
    let method = request.method().as_str().to_lowercase();
    let templates = document["paths"].as_object().unwrap().iter();
    let found = templates
        .filter_map(|(template, item)| Some((template, item, item.get(&method)?, matched(template, path)?)));
    let (template, item, description, in_path) = found.min_by_key(|(_, _, _, in_path)| in_path.len())?;
    let parameters = [item, description]
        .into_iter()
        .filter_map(|holder| holder.get("parameters")?.as_array());
    Some(Operation {
        name: format!("{} {template}", request.method()),
        description,
        parameters: parameters
            .flatten()
            .map(|parameter| resolved(document, parameter))
            .collect(),
        in_path,
    })
}

/// The parameters that a path gives to a template, if it is of it.
fn matched<'t>(template: &'t str, path: &str) -> Option<BTreeMap<&'t str, String>> {
    let (wanted, given): (Vec<&str>, Vec<&str>) = (template.split('/').collect(), path.split('/').collect());
    let mut in_path = BTreeMap::new();
    for (wanted, given) in wanted.iter().zip(&given) {
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => drop(in_path.insert(name, (*given).to_owned())),
            None if wanted == given => {}
            None => return None,
        }
    }
    (wanted.len() == given.len()).then_some(in_path)
}

/// A parameter's text as the value that it means. Arrays are joined by commas, as Metronome's own SDKs send them.
fn typed(schema: &Value, text: &str) -> Value {
    match schema["type"].as_str() {
        Some("array") => text
            .split(',')
            .map(|entry| typed(&schema["items"], entry))
            .collect(),
        Some("integer" | "number" | "boolean") => serde_json::from_str(text).unwrap_or_else(|_| json!(text)),
        _ => json!(text),
    }
}

/// Whether a request bears the token that every scheme of the document wants.
fn authorized(document: &Value, headers: &HeaderMap) -> Option<String> {
    let wanted = document
        .get("security")?
        .as_array()?
        .iter()
        .flat_map(|scheme| scheme.as_object().unwrap().keys());
    for scheme in wanted {
        let scheme = &document["components"]["securitySchemes"][scheme];
        assert_eq!(
            (&scheme["type"], &scheme["scheme"]),
            (&json!("http"), &json!("bearer")),
            "another scheme"
        );
    }
    let header = headers.get(AUTHORIZATION).and_then(|header| header.to_str().ok());
    let bears = header.is_some_and(|header| header.starts_with("Bearer "));
    (!bears).then(|| "no bearer token".to_owned())
}
