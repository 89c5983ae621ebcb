//! Tasks that come over HTTP: what a request asks for, and what is answered.
//!
//! A client of the pool stands behind [`Submitter`]; this crate reads the headers and writes the answers.

use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;
use tokio::time::Instant;

/// How long the task has, from the moment when its head has come.
pub(crate) const DEADLINE: HeaderName = HeaderName::from_static("x-ringwork-deadline");
const PRIORITY: HeaderName = HeaderName::from_static("x-ringwork-priority");
const ATTEMPTS: HeaderName = HeaderName::from_static("x-ringwork-attempts");
const KEY: HeaderName = HeaderName::from_static("x-ringwork-key");
const PARAMS: HeaderName = HeaderName::from_static("x-ringwork-params");
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// The longest time that a task may ask for: a connection does not live much longer.
pub(crate) const MAX_DEADLINE: Duration = Duration::from_secs(600);
/// The longest key, as of any client.
const KEY_MAX: usize = 1024;
/// The longest name of a handler that is looked at.
const MAX_NAME: usize = 255;

/// What the body of a request is, by its content type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyKind {
    /// Bytes as they are: `application/octet-stream`, an image, or nothing said.
    Bytes,
    /// `text/plain`.
    Text,
    /// `application/json`.
    Json,
    /// `application/cbor`.
    Cbor,
}

/// A task that is to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskRequest {
    /// Name of the handler.
    pub handler: String,
    /// What the body is.
    pub kind: BodyKind,
    /// The body.
    pub body: Vec<u8>,
    /// Parameters, as JSON, beside the body.
    pub params: Option<String>,
    /// Whether the result is wanted as JSON, where it can be.
    pub wants_json: bool,
    /// How long it has from now on.
    pub timeout: Duration,
    /// Priority, 0 the most urgent.
    pub priority: u8,
    /// Most attempts when workers die of it.
    pub attempts: u8,
    /// Its key: no other task of this key runs at the same time.
    pub key: Option<String>,
    /// The caller's W3C traceparent in binary.
    pub traceparent: Option<[u8; 26]>,
}

/// The result of a task.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskResult {
    /// Its content type.
    pub content_type: &'static str,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Why a task has no result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskProblem {
    /// The status of the answer.
    pub status: u16,
    /// A stable word, such as `handler.unknown`.
    pub code: String,
    /// The cause.
    pub cause: String,
    /// What to do.
    pub remedy: String,
    /// Whether the handler may have run.
    pub may_have_run: bool,
}

/// What a task comes to.
pub type TaskEnd = Pin<Box<dyn Future<Output = Result<TaskResult, TaskProblem>> + Send>>;

/// A client of the pool, by which tasks are submitted.
pub trait Submitter: Send + Sync + 'static {
    /// The largest body that is taken; a larger one is refused before it has come.
    fn max_body(&self) -> usize;

    /// Submits a task. When the future is dropped the task is cancelled.
    fn submit(&self, task: TaskRequest) -> TaskEnd;
}

/// When the task of a request is over.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Until(pub(crate) Instant);

/// What the head of a request says of a task; the body is still to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TaskHead {
    handler: String,
    kind: BodyKind,
    params: Option<String>,
    wants_json: bool,
    priority: u8,
    attempts: u8,
    key: Option<String>,
    traceparent: Option<[u8; 26]>,
}

/// A header that can't be meant: which one, and what to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum BadHead {
    /// There can be no handler of such a name.
    Name,
    /// A content type that is none of a task's.
    Kind(String),
    /// Another header.
    Header(String),
}

impl TaskHead {
    pub(crate) fn read(handler: &str, headers: &HeaderMap) -> Result<Self, BadHead> {
        let is_name =
            (1..=MAX_NAME).contains(&handler.len()) && !handler.contains(char::is_control);
        if !is_name {
            return Err(BadHead::Name);
        }
        let kind = kind(headers)?;
        let accepted = headers.get_all(header::ACCEPT).into_iter();
        let accepted: Vec<&str> = accepted
            .filter_map(|accepted| accepted.to_str().ok())
            .flat_map(|accepted| accepted.split(','))
            .map(essence)
            .collect();
        let names = |wanted: &str| {
            accepted
                .iter()
                .any(|kind| kind.eq_ignore_ascii_case(wanted))
        };
        let names_one = names("application/cbor") || names("application/octet-stream");
        Ok(Self {
            handler: handler.to_owned(),
            kind,
            params: text(headers, &PARAMS)?.map(str::to_owned),
            wants_json: names("application/json") || (kind == BodyKind::Json && !names_one),
            priority: priority(text(headers, &PRIORITY)?)?,
            attempts: attempts(text(headers, &ATTEMPTS)?)?,
            key: key(text(headers, &KEY)?)?,
            traceparent: headers.get(TRACEPARENT).and_then(traceparent),
        })
    }

    pub(crate) fn with(self, body: Vec<u8>, timeout: Duration) -> TaskRequest {
        TaskRequest {
            handler: self.handler,
            kind: self.kind,
            body,
            params: self.params,
            wants_json: self.wants_json,
            timeout,
            priority: self.priority,
            attempts: self.attempts,
            key: self.key,
            traceparent: self.traceparent,
        }
    }
}

/// The part of a content type before its parameters.
fn essence(kind: &str) -> &str {
    kind.split(';').next().unwrap_or_default().trim()
}

fn kind(headers: &HeaderMap) -> Result<BodyKind, BadHead> {
    let Some(kind) = text(headers, &header::CONTENT_TYPE)? else {
        return Ok(BodyKind::Bytes);
    };
    let kind = essence(kind).to_ascii_lowercase();
    Ok(match kind.as_str() {
        "application/json" => BodyKind::Json,
        "application/cbor" => BodyKind::Cbor,
        "text/plain" => BodyKind::Text,
        // What forms send, which a page of any origin could, were it not for X-Ringwork.
        "multipart/form-data" | "application/x-www-form-urlencoded" => {
            return Err(BadHead::Kind(kind));
        }
        _ => BodyKind::Bytes,
    })
}

/// A header that is there once, in visible characters.
fn text<'h>(headers: &'h HeaderMap, name: &HeaderName) -> Result<Option<&'h str>, BadHead> {
    let mut all = headers.get_all(name).into_iter();
    match (all.next().map(HeaderValue::to_str), all.next()) {
        (None, _) => Ok(None),
        (Some(Ok(text)), None) => Ok(Some(text.trim())),
        (Some(Ok(_)), Some(_)) => Err(BadHead::Header(format!("{name} is given twice: send one"))),
        (Some(Err(_)), _) => Err(BadHead::Header(format!(
            "{name} has other than visible ASCII characters: write others as \\u escapes, where it is JSON"
        ))),
    }
}

fn priority(text: Option<&str>) -> Result<u8, BadHead> {
    match text.map(str::to_ascii_lowercase).as_deref() {
        Some("high" | "0") => Ok(0),
        None | Some("normal" | "1") => Ok(1),
        Some("low" | "2") => Ok(2),
        Some(_) => Err(BadHead::Header(format!(
            "{PRIORITY} is none: send high, normal or low"
        ))),
    }
}

fn key(text: Option<&str>) -> Result<Option<String>, BadHead> {
    match text {
        Some("") => Err(BadHead::Header(format!(
            "{KEY} is empty: send the key, or no such header"
        ))),
        Some(text) if text.len() > KEY_MAX => Err(BadHead::Header(format!(
            "{KEY} has {} characters, at most {KEY_MAX} are taken: send a hash of it",
            text.len()
        ))),
        text => Ok(text.map(str::to_owned)),
    }
}

fn attempts(text: Option<&str>) -> Result<u8, BadHead> {
    let attempts = text.map_or(Ok(1), str::parse);
    let attempts = attempts.ok().filter(|attempts| (1..=3).contains(attempts));
    attempts.ok_or_else(|| BadHead::Header(format!("{ATTEMPTS} is no number of 1 to 3: send one")))
}

/// The time that a task asks for: `500ms`, `2s`, `1min`; `None` when it asks for none.
pub(crate) fn deadline(headers: &HeaderMap) -> Result<Option<Duration>, BadHead> {
    let Some(asked) = text(headers, &DEADLINE)? else {
        return Ok(None);
    };
    let digits = asked.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = asked.split_at(digits.unwrap_or(asked.len()));
    let unit = match unit.trim() {
        "ms" => Some(1),
        "s" => Some(1_000),
        "min" => Some(60_000),
        _ => None,
    };
    let asked = number.parse::<u64>().ok().zip(unit);
    let asked = asked.and_then(|(number, unit)| number.checked_mul(unit));
    let asked = asked.map(Duration::from_millis);
    match asked.filter(|asked| !asked.is_zero() && *asked <= MAX_DEADLINE) {
        Some(asked) => Ok(Some(asked)),
        None => Err(BadHead::Header(format!(
            "{DEADLINE} is no time of 1ms to {}min: send 500ms, 2s or 1min",
            MAX_DEADLINE.as_secs() / 60
        ))),
    }
}

/// In binary. What can't be read is left out, as the standard demands.
fn traceparent(value: &HeaderValue) -> Option<[u8; 26]> {
    let text = value.as_bytes();
    let dashes = [2, 35, 52];
    if text.len() != 55 || dashes.iter().any(|at| text[*at] != b'-') {
        return None;
    }
    let digit = |byte: u8| match byte {
        b'0'..=b'9' => Some(byte - b'0'),
        b'a'..=b'f' => Some(byte - b'a' + 10),
        _ => None,
    };
    let digits = text.iter().filter(|byte| **byte != b'-');
    let digits: Option<Vec<u8>> = digits.map(|byte| digit(*byte)).collect();
    let digits = digits.filter(|digits| digits.len() == 52)?;
    let mut binary = [0; 26];
    for (byte, pair) in binary.iter_mut().zip(digits.chunks_exact(2)) {
        *byte = pair[0] << 4 | pair[1];
    }
    let is_none = |id: &[u8]| id.iter().all(|byte| *byte == 0);
    let invalid = binary[0] == 0xff || is_none(&binary[1..17]) || is_none(&binary[17..25]);
    (!invalid).then_some(binary)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(all: &[(&str, &str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in all {
            headers.append(name.parse::<HeaderName>().unwrap(), value.parse().unwrap());
        }
        headers
    }

    #[test]
    fn what_a_head_says_is_the_tasks() {
        let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        let head = TaskHead::read(
            "image.thumbnail",
            &headers(&[
                ("content-type", "image/jpeg"),
                ("x-ringwork-priority", "High"),
                ("x-ringwork-attempts", "3"),
                ("x-ringwork-key", "account 7"),
                ("x-ringwork-params", "{\"size\":200}"),
                ("traceparent", trace),
            ]),
        );
        let head = head.unwrap();
        assert_eq!(
            (head.kind, head.priority, head.attempts),
            (BodyKind::Bytes, 0, 3)
        );
        assert_eq!(head.params.as_deref(), Some("{\"size\":200}"));
        assert_eq!(head.key.as_deref(), Some("account 7"));
        assert_eq!(head.traceparent.unwrap()[..3], [0, 0x4b, 0xf9]);
        assert_eq!(head.traceparent.unwrap()[25], 1);
        let plain = TaskHead::read("echo", &HeaderMap::new()).unwrap();
        assert_eq!(
            (plain.kind, plain.priority, plain.attempts),
            (BodyKind::Bytes, 1, 1)
        );
        assert!(!plain.wants_json && plain.traceparent.is_none());
    }

    #[test]
    fn json_is_answered_with_json_unless_another_kind_is_named() {
        let wants = |all: &[(&str, &str)]| TaskHead::read("x", &headers(all)).unwrap().wants_json;
        let json = ("content-type", "application/json; charset=utf-8");
        assert!(wants(&[json]) && wants(&[json, ("accept", "*/*")]));
        assert!(!wants(&[json, ("accept", "application/cbor")]));
        assert!(wants(&[("accept", "text/html, application/json;q=0.9")]));
        assert!(!wants(&[("content-type", "application/cbor")]));
    }

    #[test]
    fn what_can_not_be_meant_is_refused_with_what_to_send() {
        let refused = |all: &[(&str, &str)]| match TaskHead::read("x", &headers(all)) {
            Err(BadHead::Header(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(refused(&[("x-ringwork-priority", "urgent")]).contains("high, normal or low"));
        assert!(refused(&[("x-ringwork-attempts", "4")]).contains("1 to 3"));
        assert!(refused(&[("x-ringwork-key", "")]).contains("empty"));
        assert!(refused(&[("x-ringwork-key", &"k".repeat(1025))]).contains("at most 1024"));
        assert!(refused(&[("x-ringwork-attempts", "-1")]).contains("1 to 3"));
        let twice = [("x-ringwork-params", "{}"), ("x-ringwork-params", "{}")];
        assert!(refused(&twice).contains("twice"));
        let form = headers(&[("content-type", "multipart/form-data; boundary=x")]);
        assert!(matches!(TaskHead::read("x", &form), Err(BadHead::Kind(_))));
        for bad in ["", "a\nb", &"x".repeat(256)] {
            assert_eq!(TaskHead::read(bad, &HeaderMap::new()), Err(BadHead::Name));
        }
    }

    #[test]
    fn times_are_read_within_their_bounds() {
        let of = |time: &str| {
            deadline(&headers(&[("x-ringwork-deadline", time)]))
                .ok()
                .flatten()
        };
        assert_eq!(of("250ms"), Some(Duration::from_millis(250)));
        assert_eq!(of("2 s"), Some(Duration::from_secs(2)));
        assert_eq!(of("10min"), Some(MAX_DEADLINE));
        for bad in [
            "",
            "0s",
            "11min",
            "5",
            "-1s",
            "1h",
            "99999999999999999999s",
            "1s2",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
        assert_eq!(deadline(&HeaderMap::new()), Ok(None));
    }

    #[test]
    fn a_trace_that_can_not_be_read_is_left_out() {
        let of = |text: &str| traceparent(&HeaderValue::from_str(text).unwrap());
        let good = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
        assert!(of(good).is_some());
        for bad in [
            "",
            "00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01",
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-0-",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-extra",
        ] {
            assert_eq!(of(bad), None, "{bad}");
        }
    }
}
