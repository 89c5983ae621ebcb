//! Refusals: each tells in JSON (RFC 9457) what is wrong, what to do, and whether a task may have run.

use crate::task::{BadHead, TaskProblem};
use axum::body::Body;
use axum::http::{HeaderValue, Response, StatusCode, header};
use axum::response::IntoResponse;
use serde_json::json;

/// What a refusal's content type is.
pub(crate) const PROBLEM: &str = "application/problem+json";

/// Why a request is not answered as it asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) status: StatusCode,
    /// A stable word; none: that of the status.
    code: Option<String>,
    cause: String,
    remedy: String,
    may_have_run: bool,
    retry: bool,
}

impl Refusal {
    pub(crate) fn new(
        status: StatusCode,
        cause: impl Into<String>,
        remedy: impl Into<String>,
    ) -> Self {
        Self {
            status,
            code: None,
            cause: cause.into(),
            remedy: remedy.into(),
            may_have_run: false,
            retry: false,
        }
    }

    /// One that may be gone in a second.
    pub(crate) fn busy(cause: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            retry: true,
            ..Self::new(StatusCode::SERVICE_UNAVAILABLE, cause, remedy)
        }
    }

    /// A body beyond the most that is taken.
    pub(crate) fn too_large(most: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            format!("the body is larger than {most} bytes"),
            "send less: large requests go through shared memory, by a client library",
        )
    }

    /// Of a task that may run, or have run, all the same.
    pub(crate) fn after_submit(mut self) -> Self {
        self.may_have_run = true;
        self
    }

    /// The answer's body.
    fn body(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or("Error");
        let word = || {
            format!(
                "http.{}",
                reason.to_ascii_lowercase().replace([' ', '-'], "_")
            )
        };
        let body = json!({
            "status": self.status.as_u16(),
            "title": reason,
            "code": self.code.clone().unwrap_or_else(word),
            "detail": self.cause,
            "remedy": self.remedy,
            "may_have_run": self.may_have_run,
        });
        body.to_string() + "\n"
    }

    /// All of an answer, as it goes over a connection that is closed then.
    pub(crate) fn last_words(&self) -> String {
        let reason = self.status.canonical_reason().unwrap_or_default();
        let retry = if self.retry { "retry-after: 1\r\n" } else { "" };
        let body = self.body();
        format!(
            "HTTP/1.1 {} {reason}\r\n{retry}connection: close\r\ncontent-type: {PROBLEM}\r\n\
             content-length: {}\r\n\r\n{body}",
            self.status.as_u16(),
            body.len()
        )
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response<Body> {
        let mut response = (self.status, self.body()).into_response();
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(PROBLEM));
        if self.retry {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            headers.insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Bearer realm=\"ringwork\""),
            );
        }
        response
    }
}

impl From<TaskProblem> for Refusal {
    fn from(problem: TaskProblem) -> Self {
        let status = StatusCode::from_u16(problem.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        Self {
            status,
            code: Some(problem.code),
            cause: problem.cause,
            remedy: problem.remedy,
            may_have_run: problem.may_have_run,
            // What has run, perhaps, is not to be sent again without a thought.
            retry: status == StatusCode::SERVICE_UNAVAILABLE && !problem.may_have_run,
        }
    }
}

impl From<BadHead> for Refusal {
    fn from(bad: BadHead) -> Self {
        match bad {
            BadHead::Name => Self::new(
                StatusCode::NOT_FOUND,
                "no handler can have such a name",
                "`ringwork handlers POOL` names those of the pool",
            ),
            BadHead::Kind(kind) => Self::new(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                format!("{kind} is what forms send, and no task's request"),
                "send application/json, application/cbor, text/plain or the bytes as they are",
            ),
            BadHead::Header(why) => {
                let (cause, remedy) = why.split_once(": ").unwrap_or((&why, ""));
                Self::new(StatusCode::BAD_REQUEST, cause, remedy)
            }
        }
    }
}
