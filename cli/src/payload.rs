//! Requests and results of `ringwork submit`: text on one side, codecs on the other.

use super::cbor;
use clap::builder::{PossibleValuesParser, TypedValueParser};
use ringwork_ring::Codec;

/// Reads the name of a codec that a request can be given in here; a chunk is the Java client's.
pub(super) fn codecs() -> impl TypedValueParser<Value = Codec> {
    let known = Codec::ALL.iter().filter(|codec| **codec != Codec::Chunk);
    PossibleValuesParser::new(known.map(|codec| codec.name())).try_map(|name| name.parse())
}

/// What the user gave as data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Data {
    None,
    /// On the command line.
    Text(String),
    /// From a file or standard input.
    Bytes(Vec<u8>),
}

impl Data {
    fn bytes(self) -> Vec<u8> {
        match self {
            Self::None => Vec::new(),
            Self::Text(text) => text.into_bytes(),
            Self::Bytes(bytes) => bytes,
        }
    }

    fn text(self) -> Result<String, String> {
        String::from_utf8(self.bytes())
            .map_err(|error| format!("the data is not UTF-8 ({error}): use --codec bytes"))
    }
}

/// The request's bytes.
pub(super) fn encode(codec: Codec, data: Data, params: Option<&str>) -> Result<Vec<u8>, String> {
    match codec {
        Codec::Bytes => Ok(data.bytes()),
        Codec::Utf8 => data.text().map(String::into_bytes),
        Codec::I64 => {
            if matches!(data, Data::None) {
                return Err(
                    "the handler takes a whole number (i64): give one with --data".to_owned(),
                );
            }
            let text = data.text()?;
            let number: i64 = text.trim().parse().map_err(|error| {
                format!(
                    "the handler takes a whole number (i64), {:?} is none: {error}",
                    text.trim()
                )
            })?;
            Ok(number.to_le_bytes().to_vec())
        }
        Codec::Chunk => {
            Err("a chunk can't be made here: Java's client makes them of a batch".to_owned())
        }
        Codec::Cbor => match data {
            Data::None => Err("codec cbor needs data: --data JSON, or --file with CBOR".to_owned()),
            Data::Text(json) => cbor::from_json(&json),
            Data::Bytes(bytes) => Ok(bytes),
        },
        Codec::Params => {
            let params = params.unwrap_or_default();
            if !params.is_empty() {
                serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(params)
                    .map_err(|error| format!("--params is no JSON object: {error}"))?;
            }
            let length =
                u32::try_from(params.len()).map_err(|_| "--params is too long".to_owned())?;
            let mut bytes = length.to_le_bytes().to_vec();
            bytes.extend_from_slice(params.as_bytes());
            bytes.extend(data.bytes());
            Ok(bytes)
        }
    }
}

/// A result as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Shown {
    /// A line of text.
    Line(String),
    /// Bytes that are no text: not for a terminal.
    Raw(Vec<u8>),
}

/// How a result is shown on standard output.
pub(super) fn decode(codec: Codec, bytes: Vec<u8>) -> Shown {
    let line = match codec {
        Codec::I64 => <[u8; 8]>::try_from(bytes.as_slice())
            .ok()
            .map(|b| i64::from_le_bytes(b).to_string()),
        Codec::Cbor => cbor::to_text(&bytes),
        Codec::Utf8 => std::str::from_utf8(&bytes).ok().map(str::to_owned),
        Codec::Bytes | Codec::Params | Codec::Chunk => None,
    };
    line.map_or(Shown::Raw(bytes), Shown::Line)
}

/// Whether bytes can be shown on a terminal as they are.
pub(super) fn is_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> Data {
        Data::Text(text.to_owned())
    }

    #[test]
    fn requests_are_encoded_by_their_codec() {
        assert_eq!(
            encode(Codec::I64, text(" -2\n"), None).unwrap(),
            (-2_i64).to_le_bytes()
        );
        assert_eq!(
            encode(Codec::Params, text("body"), Some("{}")).unwrap(),
            b"\x02\0\0\0{}body"
        );
        assert_eq!(
            encode(Codec::Params, Data::None, None).unwrap(),
            b"\0\0\0\0"
        );
        assert_eq!(encode(Codec::Bytes, Data::None, None).unwrap(), b"");
        assert_eq!(encode(Codec::Cbor, text("[1]"), None).unwrap(), [0x81, 1]);
        assert_eq!(
            encode(Codec::Cbor, Data::Bytes(vec![0x81, 1]), None).unwrap(),
            [0x81, 1]
        );
    }

    #[test]
    fn requests_that_do_not_fit_their_codec_are_refused() {
        let error = |codec, data, params| encode(codec, data, params).unwrap_err();
        assert!(error(Codec::I64, text("five"), None).contains("\"five\""));
        assert!(error(Codec::Utf8, Data::Bytes(vec![0xff]), None).contains("--codec bytes"));
        assert!(error(Codec::Params, Data::None, Some("[1]")).contains("no JSON object"));
        assert!(error(Codec::Cbor, Data::None, None).contains("needs data"));
        assert!(error(Codec::I64, Data::None, None).contains("give one with --data"));
    }

    #[test]
    fn results_are_shown_by_their_codec() {
        assert_eq!(
            decode(Codec::I64, (-7_i64).to_le_bytes().to_vec()),
            Shown::Line("-7".into())
        );
        assert_eq!(
            decode(Codec::Utf8, b"true".to_vec()),
            Shown::Line("true".into())
        );
        assert_eq!(
            decode(Codec::Cbor, vec![0x81, 1]),
            Shown::Line("[1]".into())
        );
        // What is not what its codec says is shown as it is.
        assert_eq!(decode(Codec::I64, vec![1]), Shown::Raw(vec![1]));
        assert_eq!(decode(Codec::Bytes, vec![0]), Shown::Raw(vec![0]));
        assert!(is_text("zwölf\n".as_bytes()) && !is_text(b"\x1b[2J") && !is_text(&[0xff]));
    }
}
