//! The judges themselves, on documents of our own: what they let pass, and what each finds.

use bytes::Bytes;
use http::{Request, Response};
use serde_json::{Value, json};

use super::findings::{Findings, Verdict};
use super::model::Model;
use super::open_api::{General, OpenApi};
use super::witness::Exchange;

/// A library: a shelf's books are listed and added to.
fn library() -> OpenApi {
    let book = json!({"allOf": [
        {"$ref": "#/components/schemas/Titled"},
        {"type": "object", "required": ["pages"], "properties": {"pages": {"type": "integer", "minimum": 1, "nullable": true}}},
    ]});
    let titled =
        json!({"type": "object", "required": ["title"], "properties": {"title": {"type": "string"}}});
    let words =
        json!({"type": "object", "required": ["message"], "properties": {"message": {"type": "string"}}});
    let books = json!({"type": "array", "items": {"$ref": "#/components/schemas/Book"}});
    let of = |schema: &Value| json!({"content": {"application/json": {"schema": schema}}});
    OpenApi::new(
        json!({
            "servers": [{"url": "https://library.example"}],
            "security": [{"token": []}],
            "components": {
                "schemas": {"Book": book, "Titled": titled, "Words": words},
                "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
            },
            "paths": {"/shelves/{shelf}/books": {
                "parameters": [{"name": "shelf", "in": "path", "required": true, "schema": {"type": "string", "format": "uuid"}}],
                "get": {
                    "parameters": [
                        {"name": "limit", "in": "query", "schema": {"type": "integer", "maximum": 9}},
                        {"name": "titles", "in": "query", "schema": {"type": "array", "maxItems": 2, "items": {"type": "string"}}},
                    ],
                    "responses": {"200": of(&books)},
                },
                "post": {"requestBody": of(&books), "responses": {"200": {"description": "done"}}},
            }},
        }),
        General {
            statuses: &[404],
            schema: "#/components/schemas/Words",
        },
    )
}

const SHELF: &str = "https://library.example/shelves/6b1f0c86-5df0-4c53-9d0a-0c1d8a3f7a11/books";

fn exchange(mut request: http::request::Builder, sent: &str, status: u16, answer: &str) -> Exchange {
    let json = |body: &str| {
        if body.is_empty() {
            "text/plain"
        } else {
            "application/json"
        }
    };
    request = request
        .header("authorization", "Bearer tok")
        .header("content-type", json(sent));
    let response = Response::builder()
        .status(status)
        .header("content-type", json(answer));
    Exchange {
        ours: true,
        request: request.body(Bytes::copy_from_slice(sent.as_bytes())).unwrap(),
        answer: Some(response.body(Bytes::copy_from_slice(answer.as_bytes())).unwrap()),
    }
}

fn get(query: &str, status: u16, answer: &str) -> Verdict {
    library().judge(&exchange(
        Request::get(format!("{SHELF}{query}")),
        "",
        status,
        answer,
    ))
}

fn post(sent: &str, answer: &str) -> Verdict {
    library().judge(&exchange(Request::post(SHELF), sent, 200, answer))
}

#[test]
fn what_is_as_the_document_has_it_passes() {
    let ulysses = r#"[{"title": "Ulysses", "pages": 732}, {"title": "Aleph", "pages": null}]"#;
    for verdict in [
        get("?limit=9&titles=a,b", 200, ulysses),
        get("", 404, r#"{"message": "no shelf"}"#),
        post(ulysses, ""),
    ] {
        assert_eq!(
            (verdict.request.len(), verdict.answer.len()),
            (0, 0),
            "{verdict:?}"
        );
        assert!(verdict.operation.unwrap().ends_with(" /shelves/{shelf}/books"));
    }
}

#[test]
fn each_departure_from_an_openapi_document_is_found() {
    let asked = [
        "?limit=10",
        "?limit=x",
        "?titles=a,b,c",
        "?colour=red",
        "?limit=1&limit=2",
    ];
    let said = asked.map(|query| get(query, 200, "[]"));
    let sent = [
        "",
        "{}",
        "[{}",
        r#"[{"title": "a"}]"#,
        r#"[{"pages": 1}]"#,
        r#"[{"title": "a", "pages": 0}]"#,
    ];
    let sent = sent
        .into_iter()
        .chain([r#"[{"title": "a", "pages": 1, "colour": "red"}]"#])
        .map(|body| post(body, ""));
    for verdict in said.into_iter().chain(sent) {
        assert_eq!(
            (verdict.request.is_empty(), verdict.answer.len()),
            (false, 0),
            "{verdict:?}"
        );
    }
    let answered = [
        (200, ""),
        (200, r#"[{"title": 7, "pages": 1}]"#),
        (404, "{}"),
        (404, r#"{"message": "", "code": 1}"#),
        (500, ""),
    ];
    for verdict in answered
        .map(|(status, body)| get("", status, body))
        .into_iter()
        .chain([post("[]", "[]")])
    {
        assert_eq!(
            (verdict.request.len(), verdict.answer.is_empty()),
            (0, false),
            "{verdict:?}"
        );
    }

    let nameless = exchange(Request::get(SHELF.replace("6b1f0c86-", "")), "", 200, "[]");
    assert_eq!(
        library().judge(&nameless).request.len(),
        1,
        "the shelf is no UUID"
    );
    let mut tokenless = exchange(Request::get(SHELF), "", 200, "[]");
    tokenless.request.headers_mut().remove("authorization");
    assert_eq!(library().judge(&tokenless).request, ["no bearer token"]);
    for request in [
        Request::put(SHELF),
        Request::get("https://library.example/shelves"),
        Request::get("https://example.com/"),
    ] {
        assert_eq!(library().judge(&exchange(request, "", 200, "[]")).operation, None);
    }
}

/// A service that weighs parcels.
fn scales() -> Model {
    Model::new(json!({
        "metadata": {"protocol": "json", "jsonVersion": "1.1", "targetPrefix": "Scales", "endpointPrefix": "scales"},
        "operations": {"Weigh": {
            "http": {"method": "POST", "requestUri": "/"},
            "input": {"shape": "Parcels"}, "output": {"shape": "Weight"},
            "errors": [{"shape": "TooHeavy"}, {"shape": "Broken"}],
        }},
        "shapes": {
            "Parcels": {"type": "structure", "required": ["Names"], "members": {"Names": {"shape": "Names"}, "At": {"shape": "Time"}}},
            "Names": {"type": "list", "member": {"shape": "Name"}, "max": 2, "min": 1},
            "Name": {"type": "string", "max": 4, "min": 1, "pattern": "^[a-z]+$"},
            "Time": {"type": "timestamp"},
            "Weight": {"type": "structure", "members": {"Grams": {"shape": "Grams"}, "Class": {"shape": "Class"}}},
            "Grams": {"type": "integer", "min": 0, "max": 99},
            "Class": {"type": "string", "enum": ["light", "heavy"]},
            "TooHeavy": {"type": "structure", "members": {"message": {"shape": "Class"}}, "exception": true},
            "Broken": {"type": "structure", "members": {}, "exception": true, "fault": true},
        },
    }))
}

fn weigh(sent: &str, status: u16, answer: &str) -> Verdict {
    let mut exchange = exchange(Request::post("https://scales.example/"), sent, status, answer);
    let headers = exchange.request.headers_mut();
    headers.insert("content-type", "application/x-amz-json-1.1".parse().unwrap());
    headers.insert("x-amz-target", "Scales.Weigh".parse().unwrap());
    scales().judge(&exchange)
}

#[test]
fn each_departure_from_an_aws_model_is_found() {
    let parcel = r#"{"Names": ["abcd"]}"#;
    let fine = [
        weigh(
            r#"{"Names": ["a", "b"], "At": 1.5}"#,
            200,
            r#"{"Grams": 99, "Class": "light"}"#,
        ),
        weigh(parcel, 400, r#"{"__type": "ns#TooHeavy", "message": "heavy"}"#),
        weigh(
            parcel,
            400,
            r#"{"__type": "AccessDeniedException", "message": "no"}"#,
        ),
        weigh(parcel, 500, r#"{"__type": "Broken"}"#),
    ];
    for verdict in fine {
        assert_eq!(
            (verdict.request.len(), verdict.answer.len()),
            (0, 0),
            "{verdict:?}"
        );
    }
    for names in [
        "[]",
        r#"["a", "b", "c"]"#,
        r#"["abcde"]"#,
        r#"["A"]"#,
        "[7]",
        "null",
        r#"["a"], "At": "now""#,
        r#"["a"], "X": 1"#,
    ] {
        let verdict = weigh(&format!(r#"{{"Names": {names}}}"#), 200, "{}");
        assert_eq!(
            (verdict.request.len(), verdict.answer.len()),
            (1, 0),
            "{verdict:?}"
        );
    }
    assert_eq!(weigh("{}", 200, "{}").request.len(), 1, "names are required");
    for (status, answer) in [
        (200, r#"{"Grams": 100}"#),
        (200, r#"{"Class": "middling"}"#),
        (200, r#"{"grams": 1}"#),
        (400, r#"{"__type": "ns#TooLight"}"#),
        (500, r#"{"__type": "TooHeavy"}"#),
        (400, r#"{"__type": "Broken"}"#),
        (400, r#"{"__type": "TooHeavy", "message": "far too heavy"}"#),
        (400, "<html>"),
    ] {
        let verdict = weigh(parcel, status, answer);
        assert_eq!(
            (verdict.request.len(), verdict.answer.len()),
            (0, 1),
            "{verdict:?}"
        );
    }
}

#[test]
fn a_stranger_may_err_but_must_then_be_refused_and_our_own_requests_never_may() {
    let found = |ours: bool, status: u16, answer: &str| {
        let mut findings = Findings::default();
        let mut exchange = exchange(Request::get(format!("{SHELF}?colour=red")), "", status, answer);
        exchange.ours = ours;
        let verdict = library().judge(&exchange);
        findings.add(&exchange, verdict);
        findings.broken.len()
    };
    let words = r#"{"message": "no such colour"}"#;
    assert_eq!(
        [
            found(false, 404, words),
            found(false, 200, "[]"),
            found(true, 404, words)
        ],
        [0, 1, 1]
    );
}
