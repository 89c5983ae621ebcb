//! From request bytes to a handler's argument, and from its return value to result bytes.
//!
//! Each type names the codec that it travels in; a request in another codec is
//! refused before the handler starts, with both names in the message.

use crate::error::TaskError;
use crate::nulls::Nulls;
use ringwork_ring::layout::{
    CODEC_BYTES, CODEC_CBOR, CODEC_CHUNK, CODEC_I64, CODEC_PARAMS, CODEC_UTF8,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// The name of a codec for messages and the command line.
#[must_use]
pub(crate) fn codec_name(codec: u8) -> &'static str {
    match u32::from(codec) {
        CODEC_BYTES => "bytes",
        CODEC_UTF8 => "utf8",
        CODEC_I64 => "i64",
        CODEC_CBOR => "cbor",
        CODEC_PARAMS => "params",
        CODEC_CHUNK => "chunk",
        _ => "unknown",
    }
}

/// A type that a handler can take as its request.
pub trait FromRequest: Sized {
    /// The codec of the request (`CODEC_*`).
    const CODEC: u32;

    /// Decodes a request that was sent in [`Self::CODEC`].
    ///
    /// # Errors
    /// Says what is wrong with the bytes; the task fails as a codec error and the handler does not run.
    fn decode(bytes: &[u8]) -> Result<Self, String>;

    /// Decodes a request, checking the codec that it was sent in. Raw bytes are
    /// taken for any codec: whoever sends them says that he has encoded them himself.
    ///
    /// # Errors
    /// When the codec is another, or as [`Self::decode`].
    fn from_request(codec: u8, bytes: &[u8]) -> Result<Self, String> {
        let sent = u32::from(codec);
        if sent != Self::CODEC && sent != CODEC_BYTES && Self::CODEC != CODEC_BYTES {
            return Err(format!(
                "the handler takes {}, the request was sent as {}: use the handler's codec in the task type",
                codec_name(Self::CODEC as u8),
                codec_name(codec)
            ));
        }
        Self::decode(bytes)
    }
}

/// A type that a handler can return as its result.
pub trait IntoResult {
    /// The codec of the result (`CODEC_*`).
    const RESULT_CODEC: u32;

    /// Passes codec and bytes to `write`.
    ///
    /// # Errors
    /// When the value can't be encoded; the task fails as a codec error.
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String>;
}

/// A copy of a request. Its size is its client's choice, so a lack of memory is the task's
/// failure and not the process's.
fn owned(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|error| {
        format!(
            "the worker has no memory for a copy of the request of {} bytes ({error}): raise --worker-memory",
            bytes.len()
        )
    })?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

impl FromRequest for Vec<u8> {
    const CODEC: u32 = CODEC_BYTES;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        owned(bytes)
    }
}

impl FromRequest for () {
    const CODEC: u32 = CODEC_BYTES;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "the handler takes no request, {} bytes were sent",
                bytes.len()
            ))
        }
    }
}

impl FromRequest for String {
    const CODEC: u32 = CODEC_UTF8;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::from_utf8(owned(bytes)?).map_err(|error| format!("the request is not UTF-8: {error}"))
    }
}

impl IntoResult for Vec<u8> {
    const RESULT_CODEC: u32 = CODEC_BYTES;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC as u8, &self);
        Ok(())
    }
}

impl IntoResult for () {
    const RESULT_CODEC: u32 = CODEC_BYTES;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC as u8, &[]);
        Ok(())
    }
}

impl IntoResult for String {
    const RESULT_CODEC: u32 = CODEC_UTF8;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC as u8, self.as_bytes());
        Ok(())
    }
}

impl IntoResult for &'static str {
    const RESULT_CODEC: u32 = CODEC_UTF8;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC as u8, self.as_bytes());
        Ok(())
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl FromRequest for $int {
            const CODEC: u32 = CODEC_I64;
            fn decode(bytes: &[u8]) -> Result<Self, String> {
                let bytes: [u8; 8] = bytes.try_into()
                    .map_err(|_| format!("an integer has 8 bytes, {} were sent", bytes.len()))?;
                let value = i64::from_le_bytes(bytes);
                Self::try_from(value)
                    .map_err(|_| {
                        let name = stringify!($int);
                        format!("{value} is out of range for {name}: the handler takes {} to {}", <$int>::MIN, <$int>::MAX)
                    })
            }
        }
        impl IntoResult for $int {
            const RESULT_CODEC: u32 = CODEC_I64;
            fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
                let value = i64::try_from(self)
                    .map_err(|_| format!("the result {self} is out of range for a 64-bit signed integer"))?;
                write(Self::RESULT_CODEC as u8, &value.to_le_bytes());
                Ok(())
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64, usize, isize);

/// One CBOR item (RFC 8949) of a serde type: numbers, strings, booleans, arrays, objects, null.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cbor<T>(pub T);

impl<T: DeserializeOwned> FromRequest for Cbor<T> {
    const CODEC: u32 = CODEC_CBOR;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let mut reader = cbor4ii::core::utils::SliceReader::new(bytes);
        let value = T::deserialize(&mut cbor4ii::serde::Deserializer::new(&mut reader)).map_err(
            |error| {
                use cbor4ii::serde::DecodeError;
                let why = match error {
                    // What serde says: it is written for people.
                    DecodeError::Custom(text) => text.into(),
                    other => other.to_string(),
                };
                format!(
                    "the request is not the CBOR that the handler takes ({}): {why}",
                    std::any::type_name::<T>()
                )
            },
        )?;
        let rest =
            cbor4ii::core::dec::Read::fill(&mut reader, 1).map_or(0, |rest| rest.as_ref().len());
        if rest > 0 {
            return Err(
                "bytes follow the CBOR item of the request: send exactly one item".to_owned(),
            );
        }
        Ok(Self(value))
    }
}

impl<T: Serialize> IntoResult for Cbor<T> {
    const RESULT_CODEC: u32 = CODEC_CBOR;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        let bytes = cbor4ii::serde::to_vec(Vec::new(), &Nulls(&self.0))
            .map_err(|error| format!("the result can't be written as CBOR: {error}"))?;
        write(Self::RESULT_CODEC as u8, &bytes);
        Ok(())
    }
}

/// Parameters and a body: a JSON object with the small things, then raw bytes.
///
/// On the wire: the object's length as a little-endian u32, the object, the
/// body. Length 0 stands for the defaults of `P`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params<P>(pub P, pub Vec<u8>);

/// Splits a params request into its parameters and its body, in place.
pub(crate) fn split_params<P: DeserializeOwned + Default>(
    bytes: &[u8],
) -> Result<(P, &[u8]), String> {
    let too_short = || {
        format!(
            "a params request begins with a 4-byte length and that many bytes of JSON; it has {} bytes in all",
            bytes.len()
        )
    };
    let (length, rest) = bytes.split_at_checked(4).ok_or_else(too_short)?;
    let length = u32::from_le_bytes(length.try_into().map_err(|_| too_short())?) as usize;
    let (json, body) = rest.split_at_checked(length).ok_or_else(too_short)?;
    if json.is_empty() {
        return Ok((P::default(), body));
    }
    let params = serde_json::from_slice(json)
        .map_err(|error| format!("the parameters are wrong: {error}"))?;
    Ok((params, body))
}

impl<P: DeserializeOwned + Default> FromRequest for Params<P> {
    const CODEC: u32 = CODEC_PARAMS;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (params, body) = split_params(bytes)?;
        Ok(Self(params, owned(body)?))
    }
}

/// Bytes already encoded in a codec, for handlers that pass things on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The codec (`CODEC_*`).
    pub codec: u8,
    /// The bytes.
    pub bytes: Vec<u8>,
}

impl IntoResult for Encoded {
    const RESULT_CODEC: u32 = CODEC_BYTES;
    fn encode(self, write: &mut dyn FnMut(u8, &[u8])) -> Result<(), String> {
        write(self.codec, &self.bytes);
        Ok(())
    }
}

/// A request that can't be decoded, as the task's failure. The place would be this one, which explains nothing.
pub(crate) fn request_error(why: String) -> TaskError {
    TaskError::new("request.undecodable", why).at("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;
    use std::collections::BTreeMap;

    fn bytes_of(value: impl IntoResult) -> (u8, Vec<u8>) {
        let mut got = None;
        value
            .encode(&mut |codec, bytes| got = Some((codec, bytes.to_vec())))
            .unwrap();
        got.unwrap()
    }

    #[test]
    fn integers_are_checked_for_range() {
        assert_eq!(u8::decode(&255_i64.to_le_bytes()), Ok(255));
        assert!(
            u8::decode(&256_i64.to_le_bytes())
                .unwrap_err()
                .contains("out of range for u8: the handler takes 0 to 255")
        );
        assert!(u64::MAX.encode(&mut |_, _| {}).is_err());
        assert!(i64::decode(&[1, 2]).unwrap_err().contains("8 bytes"));
        assert_eq!(
            bytes_of(-2_i32),
            (CODEC_I64 as u8, (-2_i64).to_le_bytes().to_vec())
        );
    }

    #[test]
    fn another_codec_is_refused_by_name() {
        let error = String::from_request(CODEC_CBOR as u8, b"x").unwrap_err();
        assert!(
            error.contains("takes utf8") && error.contains("sent as cbor"),
            "{error}"
        );
        assert_eq!(String::from_request(CODEC_BYTES as u8, b"x").unwrap(), "x");
    }

    #[derive(Debug, PartialEq, Serialize, Deserialize)]
    struct Everything {
        int: i64,
        float: f64,
        text: String,
        yes: bool,
        list: Vec<Option<u8>>,
        map: BTreeMap<String, i32>,
    }

    #[test]
    fn cbor_carries_every_type_both_ways() {
        let value = Everything {
            int: i64::MIN,
            float: -0.5,
            text: "größer".into(),
            yes: true,
            list: vec![Some(1), None],
            map: BTreeMap::from([("a".into(), 1)]),
        };
        let (_, bytes) = bytes_of(Cbor(&value));
        assert_eq!(Cbor::<Everything>::decode(&bytes).unwrap().0, value);
    }

    #[test]
    fn cbor_of_other_writers_is_read() {
        // RFC 8949 appendix A: {_ "a": 1, "b": [_ 2, 3]} (indefinite lengths, as streaming writers emit).
        let bytes = [
            0xbf, 0x61, 0x61, 0x01, 0x61, 0x62, 0x9f, 0x02, 0x03, 0xff, 0xff,
        ];
        #[derive(Deserialize)]
        struct Both {
            a: u8,
            b: Vec<u8>,
        }
        let Cbor(both) = Cbor::<Both>::decode(&bytes).unwrap();
        assert_eq!((both.a, both.b), (1, vec![2, 3]));
    }

    #[test]
    fn broken_cbor_is_refused() {
        for bytes in [
            &[][..],
            &[0x61],
            &[0x01, 0x02],
            &[0xff],
            &[0x9b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
        ] {
            assert!(
                Cbor::<Vec<u8>>::decode(bytes).is_err() && Cbor::<u8>::decode(bytes).is_err(),
                "{bytes:x?}"
            );
        }
    }

    #[test]
    fn what_serde_says_of_a_request_is_told_as_it_is() {
        #[derive(Debug, Deserialize)]
        struct Order {
            #[serde(rename = "lines")]
            _lines: Vec<u8>,
        }
        let error = Cbor::<Order>::decode(&[0xa0]).unwrap_err();
        assert!(error.ends_with("Order): missing field `lines`"), "{error}");
    }

    #[test]
    fn params_and_body_are_split_in_place() {
        let mut request = 7_u32.to_le_bytes().to_vec();
        request.extend_from_slice(br#"{"a":1}body"#);
        let (params, body) = split_params::<BTreeMap<String, i32>>(&request).unwrap();
        assert_eq!((params["a"], body), (1, &b"body"[..]));
        assert!(
            split_params::<BTreeMap<String, i32>>(&[0, 0, 0, 0])
                .unwrap()
                .0
                .is_empty()
        );
        for bad in [&[][..], &[9, 0, 0, 0, b'{'], &[1, 0, 0, 0, b'{']] {
            assert!(split_params::<BTreeMap<String, i32>>(bad).is_err());
        }
    }
}
