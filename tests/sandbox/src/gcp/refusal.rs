//! How Google's APIs refuse: an RPC code, in a JSON body of one form.
//!
//! <https://cloud.google.com/apis/design/errors> (2026-11-20)

use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use serde::Serialize;
use serde_json::{Value, json};

/// The codes of `google.rpc.Code` that the simulators answer with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// 3: the request, or an operation of it, breaks a rule whatever the state of the world.
    InvalidArgument,
    /// 5: what it is about is not there, or not active.
    NotFound,
    /// 6: it is there already, and differs.
    AlreadyExists,
    /// 7: the caller may not.
    PermissionDenied,
    /// 8: too much was asked.
    ResourceExhausted,
    /// 16: who calls is not known.
    Unauthenticated,
}

impl Code {
    /// The code's number, as in `reportErrors[].status.code`.
    #[must_use]
    pub fn number(self) -> i32 {
        match self {
            Self::InvalidArgument => 3,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::Unauthenticated => 16,
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::NotFound => "NOT_FOUND",
            Self::AlreadyExists => "ALREADY_EXISTS",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }

    fn status(self) -> StatusCode {
        match self {
            Self::InvalidArgument => StatusCode::BAD_REQUEST,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists => StatusCode::CONFLICT,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }
}

/// A request that is refused whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub code: Code,
    pub message: String,
    /// Seconds to wait, where the answer says so.
    pub retry_after: Option<u32>,
}

impl Refusal {
    pub(super) fn new(code: Code, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            retry_after: None,
        }
    }

    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidArgument, message)
    }

    fn reply(&self) -> Response<Bytes> {
        let status = self.code.status();
        let error = json!({"code": status.as_u16(), "message": self.message, "status": self.code.name()});
        let mut reply = json_reply(status, &json!({"error": error}));
        let headers = reply.headers_mut();
        if self.code == Code::Unauthenticated {
            let challenge = HeaderValue::from_static("Bearer realm=\"https://accounts.google.com/\"");
            headers.insert(header::WWW_AUTHENTICATE, challenge);
        }
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        reply
    }
}

/// The reply to a request that went as `result` says.
pub(super) fn reply<T: Serialize>(result: Result<T, Refusal>) -> Response<Bytes> {
    match result {
        Ok(body) => json_reply(StatusCode::OK, &json!(body)),
        Err(refusal) => refusal.reply(),
    }
}

/// A reply of `body`.
pub(super) fn json_reply(status: StatusCode, body: &Value) -> Response<Bytes> {
    let mut reply = Response::new(Bytes::from(body.to_string()));
    *reply.status_mut() = status;
    let json = HeaderValue::from_static("application/json; charset=UTF-8");
    reply.headers_mut().insert(header::CONTENT_TYPE, json);
    reply
}

/// Whether the request's body says that it is of this media type.
pub(super) fn is_of_type(request: &Request<Bytes>, media_type: &str) -> bool {
    let declared = request.headers().get(header::CONTENT_TYPE);
    declared
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|value| value.trim().eq_ignore_ascii_case(media_type))
}
