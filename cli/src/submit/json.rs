//! `ringwork submit --json`: the end of a task as one line of JSON, for programs.

use super::failure::failure;
use crate::payload::{self, Shown};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ringwork_ring::Codec;
use ringwork_ring::client::Outcome;
use serde_json::{Map, Value, json};

/// The end of a task; with the number of its line, if it has one.
pub(super) fn of(outcome: Outcome, line: Option<u64>) -> Value {
    let mut object = Map::new();
    if let Some(line) = line {
        object.insert("line".into(), line.into());
    }
    match outcome {
        Outcome::Completed { codec, bytes } => {
            object.insert("ok".into(), true.into());
            object.insert("codec".into(), codec.name().into());
            let (key, value) = result(codec, bytes);
            object.insert(key.into(), value);
        }
        failed => {
            object.insert("ok".into(), false.into());
            object.insert("error".into(), error(failed));
        }
    }
    Value::Object(object)
}

/// A line of which no task was made.
pub(super) fn refused(why: &str, line: u64) -> Value {
    json!({"line": line, "ok": false, "error": {"kind": "refused", "message": why, "may_have_run": false}})
}

/// What it is called and its value: text and numbers as they are, other bytes in base64.
fn result(codec: Codec, bytes: Vec<u8>) -> (&'static str, Value) {
    let text = match payload::decode(codec, bytes) {
        Shown::Line(line) if matches!(codec, Codec::I64 | Codec::Cbor) => {
            // What CBOR has and JSON has not is a text, as it is shown without --json.
            let value = serde_json::from_str(&line);
            return ("result", value.unwrap_or(Value::String(line)));
        }
        Shown::Line(line) => Ok(line),
        Shown::Raw(bytes) => String::from_utf8(bytes).map_err(|error| error.into_bytes()),
    };
    match text {
        Ok(text) => ("result", text.into()),
        Err(bytes) => ("result_base64", STANDARD.encode(bytes).into()),
    }
}

fn error(outcome: Outcome) -> Value {
    let mut object = Map::new();
    let (kind, may_have_run) = match &outcome {
        Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        } => {
            object.insert("status".into(), status.name().into());
            object.insert("code".into(), code.as_str().into());
            object.insert("location".into(), location.as_str().into());
            object.insert("message".into(), message.as_str().into());
            ("failed", *may_have_run)
        }
        Outcome::Crashed { attempts, .. } => {
            object.insert("attempts".into(), (*attempts).into());
            ("crashed", true)
        }
        Outcome::TimedOut { may_have_run } => ("timed_out", *may_have_run),
        Outcome::Cancelled { may_have_run } => ("cancelled", *may_have_run),
        Outcome::Closed { .. } => ("closed", true),
        Outcome::Completed { .. } => ("completed", true),
    };
    object.insert("kind".into(), kind.into());
    object.insert("may_have_run".into(), may_have_run.into());
    if !object.contains_key("message") {
        object.insert("message".into(), failure(outcome).text().into());
    }
    Value::Object(object)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn completed(codec: Codec, bytes: &[u8]) -> String {
        let bytes = bytes.to_vec();
        of(Outcome::Completed { codec, bytes }, None).to_string()
    }

    #[test]
    fn results_are_json_where_they_can_be() {
        let number = completed(Codec::I64, &7_i64.to_le_bytes());
        assert_eq!(number, r#"{"codec":"i64","ok":true,"result":7}"#);
        let list = completed(Codec::Cbor, &[0x81, 1]);
        assert_eq!(list, r#"{"codec":"cbor","ok":true,"result":[1]}"#);
        let text = completed(Codec::Bytes, b"a\"b");
        assert_eq!(text, r#"{"codec":"bytes","ok":true,"result":"a\"b"}"#);
        let raw = completed(Codec::Bytes, &[0xff, 0]);
        assert_eq!(raw, r#"{"codec":"bytes","ok":true,"result_base64":"/wA="}"#);
    }

    #[test]
    fn failures_say_what_and_whether_it_may_have_run() {
        let late = of(
            Outcome::TimedOut {
                may_have_run: false,
            },
            Some(3),
        );
        assert_eq!(late["line"], 3);
        assert_eq!(late["ok"], false);
        assert_eq!(late["error"]["kind"], "timed_out");
        assert_eq!(late["error"]["may_have_run"], false);
        assert_eq!(
            late["error"]["message"],
            "the task timed out; it did not run"
        );
    }
}
