//! Bodies of HTTP on one side, codecs on the other.

use super::problem::bad_request;
use crate::cbor;
use crate::payload::{self, Data, Shown};
use ringwork::{Codec, Encoded};
use ringwork_ops::{BodyKind, TaskProblem, TaskResult};
use serde::de::IgnoredAny;
use serde_json::{Map, Value};

/// JSON is converted on the thread that answers all: a larger one would keep the others waiting.
const MAX_JSON: usize = 1 << 20;

const OCTETS: &str = "application/octet-stream";
const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
const CBOR: &str = "application/cbor";

/// Bytes and codec of a request: by what its body is, and by what its handler takes, as far as the pool
/// says so.
pub(crate) fn encode(
    kind: BodyKind,
    of_handler: Option<Codec>,
    params: Option<&str>,
    body: Vec<u8>,
) -> Result<Encoded, TaskProblem> {
    // A chunk is made by the Java client alone; its handler takes single requests, too.
    let of_handler = of_handler.filter(|codec| *codec != Codec::Chunk);
    if let Some(params) = params {
        if matches!(kind, BodyKind::Json | BodyKind::Cbor) {
            return Err(bad_request(
                "parameters go beside a body of bytes or text, and this one is JSON or CBOR",
                "send a JSON body alone, which becomes the parameters, or another content type",
            ));
        }
        object(params.as_bytes(), "X-Ringwork-Params")?;
        return encoded(Codec::Params, body, Some(params));
    }
    match (kind, of_handler) {
        (BodyKind::Json, of_handler) => json(body, of_handler),
        (BodyKind::Cbor, _) => encoded(Codec::Cbor, body, None),
        (BodyKind::Text, Some(Codec::I64)) => encoded(Codec::I64, body, None),
        (BodyKind::Text, _) => encoded(Codec::Utf8, body, None),
        (BodyKind::Bytes, of_handler) => encoded(of_handler.unwrap_or(Codec::Bytes), body, None),
    }
}

fn encoded(codec: Codec, body: Vec<u8>, params: Option<&str>) -> Result<Encoded, TaskProblem> {
    if codec == Codec::Utf8
        && let Err(error) = std::str::from_utf8(&body)
    {
        return Err(bad_request(
            &format!("the handler takes text, and the body is no UTF-8: {error}"),
            "send UTF-8",
        ));
    }
    let bytes = match codec {
        Codec::Bytes | Codec::Utf8 | Codec::Cbor => body,
        codec => payload::encode(codec, Data::Bytes(body), params)
            .map_err(|why| bad_request(&why, "send text/plain with a decimal number"))?,
    };
    Ok(Encoded { codec, bytes })
}

fn json(body: Vec<u8>, of_handler: Option<Codec>) -> Result<Encoded, TaskProblem> {
    if body.len() > MAX_JSON {
        return Err(TaskProblem {
            status: 413,
            code: "http.payload_too_large".to_owned(),
            cause: format!("JSON of more than {MAX_JSON} bytes is not converted"),
            remedy: "send application/cbor, or the bytes as they are".to_owned(),
            may_have_run: false,
        });
    }
    let broken = |error: serde_json::Error| {
        bad_request(
            &format!("the body is no JSON: {error}"),
            "send JSON, or another content type",
        )
    };
    match of_handler {
        None | Some(Codec::Cbor) => {
            let value: Value = serde_json::from_slice(&body).map_err(broken)?;
            let bytes = cbor::of_json(value).map_err(|why| bad_request(&why, "send CBOR"))?;
            let codec = Codec::Cbor;
            Ok(Encoded { codec, bytes })
        }
        Some(Codec::Params) => {
            let text = object(&body, "the body")?;
            encoded(Codec::Params, Vec::new(), Some(text))
        }
        Some(codec) => {
            let _: IgnoredAny = serde_json::from_slice(&body).map_err(broken)?;
            encoded(codec, body, None)
        }
    }
}

/// The text of a JSON object.
fn object<'b>(json: &'b [u8], what: &str) -> Result<&'b str, TaskProblem> {
    let parsed =
        serde_json::from_slice::<Map<String, Value>>(json).map_err(|error| error.to_string());
    let text = std::str::from_utf8(json).map_err(|error| error.to_string());
    parsed.and(text).map_err(|why| {
        bad_request(
            &format!("{what} is no JSON object, and the handler takes parameters: {why}"),
            "send an object, such as {\"size\": 200}",
        )
    })
}

/// A result as it is answered: as JSON where that is wanted and JSON can say it.
pub(crate) fn shown(result: Encoded, wants_json: bool) -> TaskResult {
    let Encoded { codec, bytes } = result;
    let answer = |content_type, bytes| TaskResult {
        content_type,
        bytes,
    };
    match codec {
        Codec::Cbor => match as_json(&bytes).filter(|_| wants_json) {
            Some(text) => answer(JSON, text.into_bytes()),
            None => answer(CBOR, bytes),
        },
        Codec::I64 => match payload::decode(codec, bytes) {
            Shown::Line(line) => answer(if wants_json { JSON } else { TEXT }, line.into_bytes()),
            Shown::Raw(bytes) => answer(OCTETS, bytes),
        },
        Codec::Utf8 => match String::from_utf8(bytes) {
            Ok(text) if wants_json && text.len() <= MAX_JSON => {
                answer(JSON, Value::String(text).to_string().into_bytes())
            }
            Ok(text) => answer(TEXT, text.into_bytes()),
            Err(error) => answer(OCTETS, error.into_bytes()),
        },
        Codec::Bytes | Codec::Params | Codec::Chunk => answer(OCTETS, bytes),
    }
}

/// CBOR as JSON; `None` when it has what JSON has not, or is too large to be converted.
fn as_json(bytes: &[u8]) -> Option<String> {
    let text = (bytes.len() <= MAX_JSON).then(|| cbor::to_text(bytes))??;
    serde_json::from_str::<IgnoredAny>(&text).ok()?;
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sent(kind: BodyKind, of_handler: Option<Codec>, body: &str) -> Encoded {
        encode(kind, of_handler, None, body.into()).unwrap()
    }

    fn is(request: &Encoded, codec: Codec, bytes: &[u8]) -> bool {
        request.codec == codec && request.bytes == bytes
    }

    #[test]
    fn a_body_becomes_what_its_handler_takes() {
        use BodyKind::{Bytes, Json, Text};
        assert!(is(&sent(Bytes, None, "ab"), Codec::Bytes, b"ab"));
        assert!(is(
            &sent(Bytes, Some(Codec::Utf8), "ab"),
            Codec::Utf8,
            b"ab"
        ));
        assert!(is(
            &sent(Bytes, Some(Codec::Params), "ab"),
            Codec::Params,
            b"\0\0\0\0ab"
        ));
        assert!(is(
            &sent(Text, Some(Codec::Bytes), "ab"),
            Codec::Utf8,
            b"ab"
        ));
        let seven = 7_i64.to_le_bytes();
        assert!(is(&sent(Text, Some(Codec::I64), "7"), Codec::I64, &seven));
        assert!(is(&sent(Json, Some(Codec::I64), "7"), Codec::I64, &seven));
        assert!(is(
            &sent(Json, Some(Codec::Cbor), "[1]"),
            Codec::Cbor,
            &[0x81, 1]
        ));
        assert!(is(&sent(Json, None, "[1]"), Codec::Cbor, &[0x81, 1]));
        assert!(is(
            &sent(Json, Some(Codec::Bytes), "[1]"),
            Codec::Bytes,
            b"[1]"
        ));
        assert!(is(
            &sent(Json, Some(Codec::Params), "{}"),
            Codec::Params,
            b"\x02\0\0\0{}"
        ));
        let with = encode(Bytes, None, Some("{\"a\":1}"), b"x".to_vec()).unwrap();
        assert!(is(&with, Codec::Params, b"\x07\0\0\0{\"a\":1}x"));
    }

    #[test]
    fn a_body_that_does_not_fit_is_refused_with_what_to_send() {
        let refused = |kind, of_handler, params, body: &[u8]| {
            let problem = encode(kind, of_handler, params, body.to_vec()).unwrap_err();
            assert!(!problem.may_have_run && !problem.remedy.is_empty());
            (problem.status, problem.cause)
        };
        let (status, cause) = refused(BodyKind::Json, None, None, b"{");
        assert_eq!(status, 400, "{cause}");
        assert!(cause.contains("no JSON"), "{cause}");
        let (_, cause) = refused(BodyKind::Text, None, None, &[0xff]);
        assert!(cause.contains("UTF-8"), "{cause}");
        let (_, cause) = refused(BodyKind::Text, Some(Codec::I64), None, b"five");
        assert!(cause.contains("\"five\""), "{cause}");
        let (_, cause) = refused(BodyKind::Json, Some(Codec::Params), None, b"[1]");
        assert!(cause.contains("no JSON object"), "{cause}");
        let (_, cause) = refused(BodyKind::Bytes, None, Some("[1]"), b"");
        assert!(cause.contains("X-Ringwork-Params"), "{cause}");
        let (_, cause) = refused(BodyKind::Json, None, Some("{}"), b"{}");
        assert!(cause.contains("beside"), "{cause}");
        let (status, _) = refused(BodyKind::Json, None, None, &vec![b' '; MAX_JSON + 1]);
        assert_eq!(status, 413);
        let deep = "[".repeat(100_000);
        assert_eq!(refused(BodyKind::Json, None, None, deep.as_bytes()).0, 400);
    }

    #[test]
    fn results_are_json_where_it_is_wanted_and_can_say_it() {
        let of = |codec, bytes: &[u8], wants_json| {
            let bytes = bytes.to_vec();
            let result = shown(Encoded { codec, bytes }, wants_json);
            (result.content_type, result.bytes)
        };
        assert_eq!(of(Codec::Cbor, &[0x81, 1], true), (JSON, b"[1]".to_vec()));
        assert_eq!(of(Codec::Cbor, &[0x81, 1], false), (CBOR, vec![0x81, 1]));
        // A byte string, which JSON has not.
        assert_eq!(of(Codec::Cbor, &[0x41, 1], true), (CBOR, vec![0x41, 1]));
        assert_eq!(of(Codec::Utf8, b"a\"", true), (JSON, b"\"a\\\"\"".to_vec()));
        assert_eq!(of(Codec::Utf8, b"a", false), (TEXT, b"a".to_vec()));
        assert_eq!(of(Codec::Utf8, &[0xff], true), (OCTETS, vec![0xff]));
        assert_eq!(
            of(Codec::I64, &7_i64.to_le_bytes(), true),
            (JSON, b"7".to_vec())
        );
        assert_eq!(
            of(Codec::I64, &7_i64.to_le_bytes(), false),
            (TEXT, b"7".to_vec())
        );
        assert_eq!(of(Codec::Bytes, b"{}", true), (OCTETS, b"{}".to_vec()));
    }
}
