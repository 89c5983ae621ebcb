//! CBOR for people: JSON in, and out in the diagnostic notation of RFC 8949,
//! section 8, which is JSON wherever JSON can say it.

use cbor4ii::core::Value;
use cbor4ii::core::dec::Decode;
use cbor4ii::core::enc::Encode;
use cbor4ii::core::utils::{BufWriter, SliceReader};
use serde_json::Value as Json;
use std::fmt::Write;

/// JSON text as one CBOR item.
pub(super) fn from_json(json: &str) -> Result<Vec<u8>, String> {
    let value: Json = serde_json::from_str(json)
        .map_err(|error| format!("--data is no JSON, which codec cbor takes: {error}"))?;
    of_json(value)
}

/// A JSON value as one CBOR item.
pub(super) fn of_json(value: Json) -> Result<Vec<u8>, String> {
    let mut out = BufWriter::new(Vec::new());
    item(value)
        .encode(&mut out)
        .map_err(|error| error.to_string())?;
    Ok(out.into_inner())
}

/// By hand: the crate's serde side writes JSON's null, a unit to serde, as an empty array.
fn item(json: Json) -> Value {
    match json {
        Json::Null => Value::Null,
        Json::Bool(value) => Value::Bool(value),
        Json::Number(number) => match (number.as_i64(), number.as_u64()) {
            (Some(value), _) => Value::Integer(value.into()),
            (None, Some(value)) => Value::Integer(value.into()),
            (None, None) => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        Json::String(text) => Value::Text(text),
        Json::Array(items) => Value::Array(items.into_iter().map(item).collect()),
        Json::Object(pairs) => {
            let pair = |(key, value)| (Value::Text(key), item(value));
            Value::Map(pairs.into_iter().map(pair).collect())
        }
    }
}

/// One CBOR item as text; `None` when the bytes are not exactly one.
pub(super) fn to_text(bytes: &[u8]) -> Option<String> {
    let mut reader = SliceReader::new(bytes);
    let value = Value::decode(&mut reader).ok()?;
    let rest = cbor4ii::core::dec::Read::fill(&mut reader, 1).ok()?;
    if !rest.as_ref().is_empty() {
        return None;
    }
    let mut text = String::new();
    write_value(&mut text, &value);
    Some(text)
}

fn write_value(out: &mut String, value: &Value) {
    // Writing to a String can't fail.
    let _ = match value {
        Value::Null => write!(out, "null"),
        Value::Bool(value) => write!(out, "{value}"),
        Value::Integer(value) => write!(out, "{value}"),
        Value::Float(value) if value.is_nan() => write!(out, "NaN"),
        Value::Float(value) if value.is_infinite() => {
            write!(out, "{}Infinity", if *value < 0.0 { "-" } else { "" })
        }
        Value::Float(value) => write!(out, "{value:?}"),
        Value::Bytes(bytes) => {
            out.push_str("h'");
            for byte in bytes {
                let _ = write!(out, "{byte:02x}");
            }
            write!(out, "'")
        }
        Value::Text(text) => write!(out, "{}", Json::from(text.as_str())),
        Value::Array(items) => {
            write_list(out, ['[', ']'], items.iter(), |out, item| {
                write_value(out, item)
            });
            Ok(())
        }
        Value::Map(pairs) => {
            write_list(out, ['{', '}'], pairs.iter(), |out, (key, value)| {
                write_value(out, key);
                out.push_str(": ");
                write_value(out, value);
            });
            Ok(())
        }
        Value::Tag(tag, value) => {
            let _ = write!(out, "{tag}(");
            write_value(out, value);
            write!(out, ")")
        }
        // The enum may grow.
        other => write!(out, "{other:?}"),
    };
}

fn write_list<T>(
    out: &mut String,
    [open, close]: [char; 2],
    items: impl Iterator<Item = T>,
    write: impl Fn(&mut String, T),
) {
    out.push(open);
    for (index, item) in items.enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        write(out, item);
    }
    out.push(close);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(hex: &str) -> String {
        let bytes: Vec<u8> = (0..hex.len())
            .step_by(2)
            .map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap())
            .collect();
        to_text(&bytes).unwrap()
    }

    #[test]
    fn items_are_shown_as_in_the_appendix_of_the_rfc() {
        // RFC 8949, appendix A: encoded item and diagnostic notation.
        for (hex, text) in [
            ("1864", "100"),
            ("1bffffffffffffffff", "18446744073709551615"),
            ("3863", "-100"),
            ("fb3ff199999999999a", "1.1"),
            ("f97c00", "Infinity"),
            ("f97e00", "NaN"),
            ("f5", "true"),
            ("f6", "null"),
            ("4401020304", "h'01020304'"),
            ("6449455446", "\"IETF\""),
            ("62225c", "\"\\\"\\\\\""),
            ("8301820203820405", "[1, [2, 3], [4, 5]]"),
            ("a201020304", "{1: 2, 3: 4}"),
            ("a26161016162820203", "{\"a\": 1, \"b\": [2, 3]}"),
            ("c11a514b67b0", "1(1363896240)"),
        ] {
            assert_eq!(shown(hex), text, "{hex}");
        }
    }

    #[test]
    fn json_goes_there_and_back() {
        let json = r#"{"a": [1, 2.5, null, true, "ü"], "b": {}}"#;
        assert_eq!(to_text(&from_json(json).unwrap()).unwrap(), json);
        assert!(from_json("{").is_err());
    }

    #[test]
    fn broken_items_and_rests_are_no_text() {
        assert_eq!(to_text(&[]), None);
        assert_eq!(to_text(&[0x82, 1]), None);
        assert_eq!(to_text(&[1, 1]), None);
    }
}
