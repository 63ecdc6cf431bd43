//! One call: what is asked, and the words that stand for it in errors.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderValue, USER_AGENT};
use http::{Method, Request};
use platform::text::printable;
use serde::Serialize;
use serde_json::Value;

use crate::Error;

/// The longest text from outside that an error repeats, in characters.
const QUOTED_MAX: usize = 200;

/// So many ids are named in an error; the others are counted.
const NAMED_MAX: usize = 3;

/// Where a list's cursor stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cursor {
    /// Sent as the query's `next_page`, told by an answer's `next_page`, which is always there
    /// (<https://docs.metronome.com/api-reference/pagination>, 2026-11-20).
    Query,
    /// Sent as the body's `cursor`, told by an answer's `cursor`, which one that holds the whole list may lack (Metronome's
    /// Python SDK 4.12.0, 2026-10-27).
    Body,
}

/// A call, whole but for the page's cursor.
pub(crate) struct Call {
    method: Method,
    path: String,
    query: Vec<(&'static str, String)>,
    body: Option<Value>,
    cursor: Cursor,
    about: String,
}

impl Call {
    pub(crate) fn get(path: impl Into<String>) -> Self {
        Self {
            method: Method::GET,
            path: path.into(),
            query: Vec::new(),
            body: None,
            cursor: Cursor::Query,
            about: String::new(),
        }
    }

    pub(crate) fn post(path: impl Into<String>, body: &impl Serialize) -> Result<Self, Error> {
        let body = serde_json::to_value(body).map_err(|error| Error::Invalid(error.to_string()))?;
        Ok(Self {
            method: Method::POST,
            body: Some(body),
            ..Self::get(path)
        })
    }

    /// Puts the cursor into the body.
    pub(crate) fn with_cursor_in_body(mut self) -> Self {
        self.cursor = Cursor::Body;
        self
    }

    /// Where its cursor stands.
    pub(crate) fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// Adds a query parameter. An array is one parameter, joined by commas, as Metronome's own SDKs send it.
    pub(crate) fn with(mut self, key: &'static str, value: impl Into<String>) -> Self {
        self.query.push((key, value.into()));
        self
    }

    /// Says what things of the user's are asked for, so that a refusal can be laid to them.
    pub(crate) fn about(mut self, kind: &str, ids: &[String]) -> Self {
        let named = ids
            .iter()
            .take(NAMED_MAX)
            .map(|id| quoted(id))
            .collect::<Vec<_>>();
        self.about = format!("{kind} {}", named.join(", "));
        if let Some(others @ 1..) = ids.len().checked_sub(NAMED_MAX) {
            self.about.push_str(&format!(" and {others} more"));
        }
        self
    }

    /// Whether it asks for things that the user named.
    pub(crate) fn names_things(&self) -> bool {
        !self.about.is_empty()
    }

    /// The request for the page at `cursor`, the first page without one.
    pub(crate) fn request(
        &self,
        base_url: &str,
        authorization: &HeaderValue,
        cursor: Option<&str>,
    ) -> Result<Request<Bytes>, http::Error> {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.query);
        let mut body = self.body.clone();
        match (&mut body, self.cursor) {
            (Some(Value::Object(fields)), Cursor::Body) => {
                fields.extend(cursor.map(|cursor| ("cursor".to_owned(), cursor.into())));
            }
            _ => {
                query.extend_pairs(cursor.map(|cursor| ("next_page", cursor)));
            }
        }
        let query = query.finish();
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = Request::builder()
            .method(self.method.clone())
            .uri(format!("{base_url}{}{mark}{query}", self.path))
            .header(AUTHORIZATION, authorization.clone())
            .header(ACCEPT, "application/json")
            .header(USER_AGENT, concat!("meterbridge/", env!("CARGO_PKG_VERSION")));
        if body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        request.body(body.map(|body| body.to_string().into()).unwrap_or_default())
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.method, self.path)?;
        if self.names_things() {
            write!(f, " ({})", self.about)?;
        }
        Ok(())
    }
}

/// A text from outside as an error may repeat it: printable, and not too long.
pub(crate) fn quoted(text: &str) -> String {
    let shown = printable(text);
    match shown.char_indices().nth(QUOTED_MAX) {
        Some((end, _)) => format!("{}…", shown.get(..end).unwrap_or_default()),
        None => shown,
    }
}

/// Checks an id that will stand in a path or in a list joined by commas. Metronome's own are UUIDs.
pub(crate) fn check_id(kind: &str, id: &str) -> Result<(), Error> {
    if !id.is_empty()
        && id
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
    {
        return Ok(());
    }
    Err(Error::Invalid(format!(
        "`{}` is no id of a {kind}: Metronome's ids are UUIDs",
        quoted(id)
    )))
}
