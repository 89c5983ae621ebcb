//! From request bytes to a handler's argument, and from its return value to result bytes.
//!
//! Each type names the codec that it travels in; a request in another codec is
//! refused before the handler starts, with both names in the message.

use crate::error::TaskError;
use cbor4ii::serde::EncodeError;
use ringwork_codec::from_cbor;
use ringwork_codec::nulls::Nulls;
use ringwork_codec::{Cbor, Encoded, Params};
use ringwork_ring::Codec;
use ringwork_ring::format::counted;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt::Display;

/// A type that a handler can take as its request.
pub trait FromRequest: Sized {
    /// The codec of the request.
    const CODEC: Codec;

    /// Decodes a request that was sent in [`Self::CODEC`].
    ///
    /// # Errors
    /// Says what is wrong with the bytes; the task fails as a codec error and the handler does not
    /// run.
    fn decode(bytes: &[u8]) -> Result<Self, String>;

    /// Decodes a request, checking the codec that it was sent in. Raw bytes are taken for any
    /// codec: by sending them a client says that it has encoded them itself.
    ///
    /// # Errors
    /// When the codec is another, or as [`Self::decode`].
    fn from_request(codec: Codec, bytes: &[u8]) -> Result<Self, String> {
        check_codec(Self::CODEC, codec)?;
        Self::decode(bytes)
    }
}

/// A request of a handler: a type that is [`FromRequest`], or bytes and text in place, `&[u8]` and
/// `&str`, of which no copy is made.
#[diagnostic::on_unimplemented(
    message = "`{Self}` is no request of a handler",
    label = "not a request",
    note = "a request is `&[u8]`, `Vec<u8>`, `&str`, `String`, an integer, `()`, `Params<P>`, `Cbor<T>` for a serde type `T`, \
            or a type that implements `FromRequest`; it is the last argument"
)]
pub trait Request {
    /// What the handler gets: the type itself, with the lifetime of the task's run.
    type Item<'t>;

    /// The codec of the request.
    const REQUEST_CODEC: Codec;

    /// Decodes a request, checking the codec that it was sent in.
    ///
    /// # Errors
    /// When the codec is another, or the bytes are not such a request.
    fn read(codec: Codec, bytes: &[u8]) -> Result<Self::Item<'_>, String>;
}

impl<Q: FromRequest> Request for Q {
    type Item<'t> = Q;
    const REQUEST_CODEC: Codec = Q::CODEC;

    #[inline(always)]
    fn read(codec: Codec, bytes: &[u8]) -> Result<Q, String> {
        Q::from_request(codec, bytes)
    }
}

impl Request for &[u8] {
    type Item<'t> = &'t [u8];
    const REQUEST_CODEC: Codec = Codec::Bytes;

    #[inline(always)]
    fn read(_: Codec, bytes: &[u8]) -> Result<&[u8], String> {
        Ok(bytes)
    }
}

impl Request for &str {
    type Item<'t> = &'t str;
    const REQUEST_CODEC: Codec = Codec::Utf8;

    #[inline]
    fn read(codec: Codec, bytes: &[u8]) -> Result<&str, String> {
        check_codec(Codec::Utf8, codec)?;
        std::str::from_utf8(bytes).map_err(|error| format!("the request is not UTF-8: {error}"))
    }
}

/// Raw bytes are taken for any codec.
#[inline(always)]
fn check_codec(taken: Codec, sent: Codec) -> Result<(), String> {
    if sent != taken && sent != Codec::Bytes && taken != Codec::Bytes {
        return Err(format!(
            "the handler takes {taken}, the request was sent as {sent}: use the handler's codec in the task type"
        ));
    }
    Ok(())
}

/// A type that a handler can return as its result.
pub trait IntoResult {
    /// The codec of the result.
    const RESULT_CODEC: Codec;

    /// Passes codec and bytes to `write`.
    ///
    /// # Errors
    /// When the value can't be encoded; the task fails as a codec error.
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String>;
}

/// A copy of a request. Its size is its client's choice, so a lack of memory is the task's
/// failure and not the process's.
fn owned(bytes: &[u8]) -> Result<Vec<u8>, String> {
    let mut copy = Vec::new();
    copy.try_reserve_exact(bytes.len()).map_err(|error| {
        format!(
            "the worker has no memory for a copy of the request of {} ({error}): raise --worker-memory",
            counted(bytes.len(), "byte")
        )
    })?;
    copy.extend_from_slice(bytes);
    Ok(copy)
}

impl FromRequest for Vec<u8> {
    const CODEC: Codec = Codec::Bytes;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        owned(bytes)
    }
}

impl FromRequest for () {
    const CODEC: Codec = Codec::Bytes;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        if bytes.is_empty() {
            Ok(())
        } else {
            Err(format!(
                "the handler takes no request, but one of {} was sent",
                counted(bytes.len(), "byte")
            ))
        }
    }
}

impl FromRequest for String {
    const CODEC: Codec = Codec::Utf8;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        Self::from_utf8(owned(bytes)?).map_err(|error| format!("the request is not UTF-8: {error}"))
    }
}

impl IntoResult for Vec<u8> {
    const RESULT_CODEC: Codec = Codec::Bytes;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC, &self);
        Ok(())
    }
}

impl IntoResult for () {
    const RESULT_CODEC: Codec = Codec::Bytes;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC, &[]);
        Ok(())
    }
}

impl IntoResult for String {
    const RESULT_CODEC: Codec = Codec::Utf8;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC, self.as_bytes());
        Ok(())
    }
}

impl IntoResult for &'static str {
    const RESULT_CODEC: Codec = Codec::Utf8;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(Self::RESULT_CODEC, self.as_bytes());
        Ok(())
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl FromRequest for $int {
            const CODEC: Codec = Codec::I64;
            fn decode(bytes: &[u8]) -> Result<Self, String> {
                let bytes: [u8; 8] = bytes.try_into()
                    .map_err(|_| format!("an integer has 8 bytes, {} were sent", bytes.len()))?;
                let value = i64::from_le_bytes(bytes);
                Self::try_from(value)
                    .map_err(|_| {
                        let name = stringify!($int);
                        format!(
                            "{value} is out of range for {name}: the handler takes {} to {}",
                            i64::try_from(<$int>::MIN).unwrap_or(i64::MIN),
                            i64::try_from(<$int>::MAX).unwrap_or(i64::MAX)
                        )
                    })
            }
        }
        impl IntoResult for $int {
            const RESULT_CODEC: Codec = Codec::I64;
            fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
                let value = i64::try_from(self)
                    .map_err(|_| format!("the result {self} is out of range for a 64-bit signed integer"))?;
                write(Self::RESULT_CODEC, &value.to_le_bytes());
                Ok(())
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64, usize, isize);

impl<T: DeserializeOwned> FromRequest for Cbor<T> {
    const CODEC: Codec = Codec::Cbor;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (value, more) = from_cbor::from_slice(bytes).map_err(|why| {
            format!(
                "the request is not the CBOR that the handler takes ({}): {why}",
                std::any::type_name::<T>()
            )
        })?;
        if more {
            return Err(
                "bytes follow the CBOR item of the request: send exactly one item".to_owned(),
            );
        }
        Ok(Self(value))
    }
}

/// Why a result could not be written. The library's own text is that of its `Debug`.
fn unwritten<E: Display>(error: &EncodeError<E>) -> String {
    match error {
        EncodeError::Custom(why) => format!("the result can't be written as CBOR: {why}"),
        EncodeError::Core(cbor4ii::core::enc::Error::Write(why)) => format!(
            "the worker has no memory for the result as CBOR ({why}): raise --worker-memory"
        ),
        EncodeError::Core(_) => "the result can't be written as CBOR".to_owned(),
    }
}

impl<T: Serialize> IntoResult for Cbor<T> {
    const RESULT_CODEC: Codec = Codec::Cbor;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        let bytes = cbor4ii::serde::to_vec(Vec::new(), &Nulls(&self.0))
            .map_err(|error| unwritten(&error))?;
        write(Self::RESULT_CODEC, &bytes);
        Ok(())
    }
}

/// Splits a params request into its parameters and its body, in place.
pub(crate) fn split_params<P: DeserializeOwned + Default>(
    bytes: &[u8],
) -> Result<(P, &[u8]), String> {
    let too_short = || {
        format!(
            "a params request begins with a 4-byte length and that many bytes of JSON; it has {} in all",
            counted(bytes.len(), "byte")
        )
    };
    let (length, rest) = bytes.split_at_checked(4).ok_or_else(too_short)?;
    let length = u32::from_le_bytes(length.try_into().map_err(|_| too_short())?) as usize;
    let (json, body) = rest.split_at_checked(length).ok_or_else(too_short)?;
    if json.is_empty() {
        return Ok((P::default(), body));
    }
    let params = serde_json::from_slice(json).map_err(|error| {
        // Where a name is expected, a number is an error of syntax to serde_json.
        let is_json = serde_json::from_slice::<serde::de::IgnoredAny>(json).is_ok();
        let placed = match is_json {
            true => from_cbor::fault_in_json::<P>(json).map(|fault| fault.to_string()),
            false => None,
        };
        let why = placed.unwrap_or_else(|| error.to_string());
        format!("the parameters are wrong: {why}")
    })?;
    Ok((params, body))
}

impl<P: DeserializeOwned + Default> FromRequest for Params<P> {
    const CODEC: Codec = Codec::Params;
    fn decode(bytes: &[u8]) -> Result<Self, String> {
        let (params, body) = split_params(bytes)?;
        Ok(Self(params, owned(body)?))
    }
}

impl IntoResult for Encoded {
    const RESULT_CODEC: Codec = Codec::Bytes;
    fn encode(self, write: &mut dyn FnMut(Codec, &[u8])) -> Result<(), String> {
        write(self.codec, &self.bytes);
        Ok(())
    }
}

/// A request that can't be decoded, as the task's failure. The place would be this one, which
/// explains nothing.
pub fn request_error(why: String) -> TaskError {
    TaskError::new("request.undecodable", why).at("")
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_codec::from_cbor::from_slice;
    use serde::Deserialize;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn bytes_of(value: impl IntoResult) -> (Codec, Vec<u8>) {
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
            (Codec::I64, (-2_i64).to_le_bytes().to_vec())
        );
    }

    #[test]
    fn another_codec_is_refused_by_name() {
        let error = String::from_request(Codec::Cbor, b"x").unwrap_err();
        assert!(
            error.contains("takes utf8") && error.contains("sent as cbor"),
            "{error}"
        );
        assert_eq!(String::from_request(Codec::Bytes, b"x").unwrap(), "x");
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
        // RFC 8949 appendix A: {_ "a": 1, "b": [_ 2, 3]} (indefinite lengths, as streaming writers
        // emit).
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

    fn read<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
        Cbor::<T>::decode(bytes).map(|Cbor(value)| value)
    }

    const FIVE: [u8; 1] = [0x05];
    const MINUS_FIVE: [u8; 1] = [0x24];
    /// 1.5.
    const DOUBLE: [u8; 9] = [0xfb, 0x3f, 0xf8, 0, 0, 0, 0, 0, 0];

    #[test]
    fn numbers_convert_as_those_of_json_do() {
        // 1.5 as f16 and f32, 2^64, -2^64, -2^64 - 1.
        let half = [0xf9, 0x3e, 0x00];
        let single = [0xfa, 0x3f, 0xc0, 0, 0];
        let beyond = [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        let least = [0x3b, 255, 255, 255, 255, 255, 255, 255, 255];
        let below = [0xc3, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!((read(&FIVE), read(&FIVE)), (Ok(5.0_f64), Ok(5.0_f32)));
        assert_eq!(
            (read(&MINUS_FIVE), read(&MINUS_FIVE)),
            (Ok(-5.0_f64), Ok(-5.0_f32))
        );
        for number in [&half[..], &single, &DOUBLE] {
            assert_eq!((read(number), read(number)), (Ok(1.5_f64), Ok(1.5_f32)));
        }
        let large = 2.0_f64.powi(64);
        assert_eq!(
            (read(&beyond), read(&least), read(&below)),
            (Ok(large), Ok(-large), Ok(-large))
        );
        assert_eq!(
            (read(&beyond), read(&least)),
            (Ok(1_u128 << 64), Ok(-(1_i128 << 64)))
        );
        assert_eq!(
            (read(&FIVE), read(&FIVE), read(&MINUS_FIVE)),
            (Ok(5_u8), Ok(5_i64), Ok(-5_i8))
        );
        assert_eq!(read(&DOUBLE), Ok(serde_json::json!(1.5)));
    }

    /// As serde_json refuses them, too.
    #[test]
    fn numbers_of_another_kind_or_range_are_refused() {
        assert!(
            read::<i64>(&DOUBLE)
                .unwrap_err()
                .ends_with("expected an integer (i64), got the number 1.5")
        );
        assert!(
            read::<u8>(&MINUS_FIVE)
                .unwrap_err()
                .contains("expected an integer (u8), got the integer -5")
        );
        assert!(
            read::<u8>(&[0x19, 1, 0])
                .unwrap_err()
                .contains("the integer 256, which does not fit")
        );
    }

    #[test]
    fn a_double_that_a_single_cannot_hold_is_no_infinity() {
        let huge = cbor_of(&json!(1e300), false);
        assert_eq!(read(&huge), Ok(1e300_f64));
        assert!(
            read::<f32>(&huge)
                .unwrap_err()
                .ends_with("expected a number (f32), got the number 1e300, which does not fit")
        );
        let greatest = cbor_of(&json!(f64::from(f32::MAX)), false);
        assert_eq!(read(&greatest), Ok(f32::MAX));
        // An infinity is one.
        assert_eq!(
            read(&[0xfb, 0x7f, 0xf0, 0, 0, 0, 0, 0, 0]),
            Ok(f32::INFINITY)
        );
        let mut beyond_single = vec![0xc2, 0x50];
        beyond_single.extend([0xff; 16]);
        assert!(read::<f32>(&beyond_single).is_err());
        assert!(read::<f64>(&beyond_single).is_ok());
    }

    /// {"5": 1}: keys are text with Java's maps, whatever their type there.
    #[test]
    fn keys_that_are_numbers_are_read_from_text() {
        assert_eq!(
            read(&[0xa1, 0x61, 0x35, 0x01]),
            Ok(BTreeMap::from([(5_i32, 1.0_f32)]))
        );
        assert_eq!(
            read(&[0xa1, 0x05, 0x01]),
            Ok(BTreeMap::from([(5_i32, 1_u8)]))
        );
        assert!(read::<BTreeMap<i32, u8>>(&[0xa1, 0x61, 0x61, 0x01]).is_err());
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Line {
        price: f64,
        name: Option<String>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Basket {
        items: Vec<Line>,
        #[serde(default)]
        paid: bool,
        #[serde(default)]
        pair: (u8, u8),
        #[serde(default)]
        shape: Option<Shape>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    enum Shape {
        Point,
        Circle { r: f64 },
        Square(f32),
    }

    /// The CBOR of some JSON; with maps and arrays of unknown length, as Jackson writes them.
    fn cbor_of(json: &serde_json::Value, streaming: bool) -> Vec<u8> {
        let mut bytes = cbor4ii::serde::to_vec(Vec::new(), &Nulls(json)).unwrap();
        if streaming && (json.is_object() || json.is_array()) {
            bytes = vec![if json.is_object() { 0xbf } else { 0x9f }];
            let members: Vec<_> = match json {
                serde_json::Value::Object(map) => map
                    .iter()
                    .flat_map(|(key, value)| [json!(key), value.clone()])
                    .collect(),
                other => other.as_array().unwrap().clone(),
            };
            members
                .iter()
                .for_each(|member| bytes.extend(cbor_of(member, true)));
            bytes.push(0xff);
        }
        bytes
    }

    /// An integer of tag 2 or 3.
    fn big(tag: u8, bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap().to_be_bytes();
        [&[tag, 0x59], &length[..], bytes].concat()
    }

    #[test]
    fn integers_of_any_size_are_read_or_refused_in_words() {
        let power = |bytes: usize| [&[1][..], &vec![0; bytes]].concat();
        // 2^160 and -2^160 (of which one less is written), as serde_json takes them from text.
        assert_eq!(read(&big(0xc2, &power(20))), Ok(2.0_f64.powi(160)));
        assert_eq!(read(&big(0xc3, &[0xff; 20])), Ok(-2.0_f64.powi(160)));
        // Half way between two floats, and one more.
        let mut half_way = [&[1, 0, 0, 0, 0, 0, 0, 8][..], &[0; 20]].concat();
        assert_eq!(read(&big(0xc2, &half_way)), Ok(2.0_f64.powi(216)));
        *half_way.last_mut().unwrap() = 1;
        assert_eq!(
            read(&big(0xc2, &half_way)),
            Ok(2.0_f64.powi(216) * (1.0 + f64::EPSILON))
        );
        // Small ones, as Java's BigInteger writes them, and with zeros before them.
        assert_eq!(read(&big(0xc2, &[5])), Ok(5_u8));
        assert_eq!(read(&big(0xc2, &[])), Ok(0_u8));
        assert_eq!(read(&big(0xc3, &[])), Ok(-1_i8));
        assert_eq!(read(&big(0xc3, &[4])), Ok(-5_i64));
        assert_eq!(read(&big(0xc2, &[&[0; 20][..], &[5]].concat())), Ok(5_u64));
        assert_eq!(read(&big(0xc2, &[0xff; 16])), Ok(u128::MAX));
        let lowest = [&[0x7f][..], &[0xff; 15]].concat();
        assert_eq!(read(&big(0xc3, &lowest)), Ok(i128::MIN));
        let huge = [big(0xc2, &[0xff; 167]), big(0xc3, &[0xff; 167])];
        for bytes in &huge {
            for (error, wanted) in [
                (read::<f32>(bytes).unwrap_err(), "a number (f32)"),
                (read::<f64>(bytes).unwrap_err(), "a number (f64)"),
                (read::<u64>(bytes).unwrap_err(), "an integer (u64)"),
                (read::<i128>(bytes).unwrap_err(), "an integer (i128)"),
                (read::<u128>(bytes).unwrap_err(), "an integer (u128)"),
            ] {
                let told = "got an integer of more than 128 bits, which does not fit";
                assert!(
                    error.ends_with(&format!("expected {wanted}, {told}")),
                    "{error}"
                );
            }
        }
        assert!(read::<i128>(&big(0xc3, &[0xff; 16])).is_err());
        let told = |bytes: &[u8]| from_slice::<u64>(bytes).unwrap_err().to_string();
        let beyond = told(&big(0xc2, &power(8)));
        assert!(beyond.ends_with("18446744073709551616, which does not fit"));
        let nonzero = from_slice::<std::num::NonZeroU64>(&big(0xc2, &power(8)));
        assert!(
            nonzero
                .unwrap_err()
                .to_string()
                .ends_with("which does not fit")
        );
        assert!(told(&[0xc2, 0x05]).contains("not followed by bytes"));
    }

    #[test]
    fn no_fault_is_the_debug_text_of_a_library() {
        let mut bytes = Vec::new();
        // Each beginning of up to three bytes that matters: all first bytes, and what may follow.
        for first in 0..=255_u8 {
            for rest in [
                &[][..],
                &[0x00],
                &[0xff],
                &[0x1c],
                &[0x1f],
                &[0x61, 0xff],
                &[0x41, 0x00, 0xff],
                &[0x5f, 0xff, 0xff],
                &[0x7f, 0x5f, 0xff],
                &[0xff; 9],
                &[0x00; 9],
            ] {
                bytes.push([&[first][..], rest].concat());
            }
        }
        let check = |error: String, bytes: &[u8]| {
            let ours =
                !error.contains(" { ") && !error.contains("Overflow") && !error.contains("::b");
            assert!(ours, "{bytes:x?}: {error}");
        };
        for bytes in &bytes {
            macro_rules! check_as {
                ($($kind:ty),*) => {$(
                    if let Err(fault) = from_slice::<$kind>(bytes) {
                        check(fault.to_string(), bytes);
                    }
                )*};
            }
            check_as!(f32, f64, u64, i64, u128, i128, String, Vec<u8>, BTreeMap<u8, u8>, Shape);
            check_as!(
                Option<bool>,
                serde_json::Value,
                serde::de::IgnoredAny,
                (),
                (u8, String)
            );
        }
    }

    #[test]
    fn a_result_that_cant_be_written_says_why_in_its_own_words() {
        struct Odd;
        impl Serialize for Odd {
            fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
                Err(serde::ser::Error::custom("odd can't be written"))
            }
        }
        let error = Cbor(vec![Odd]).encode(&mut |_, _| {}).unwrap_err();
        assert_eq!(
            error,
            "the result can't be written as CBOR: odd can't be written"
        );
        let none = Vec::<u8>::new().try_reserve(usize::MAX).unwrap_err();
        let error = unwritten(&EncodeError::Core(cbor4ii::core::enc::Error::Write(none)));
        assert!(error.ends_with("raise --worker-memory") && !error.contains("Write"));
    }

    #[derive(Debug, Deserialize)]
    #[serde(tag = "kind", rename_all = "lowercase")]
    enum Event {
        #[allow(dead_code, reason = "never read")]
        Click {
            y: u8,
        },
        Key,
    }

    #[derive(Debug, Default, Deserialize)]
    #[serde(default, deny_unknown_fields)]
    #[allow(dead_code, reason = "only their reading is tried")]
    struct Keyed {
        m: BTreeMap<u32, u32>,
        flags: BTreeMap<bool, Vec<BTreeMap<i8, u8>>>,
        evs: Vec<Event>,
        day: BTreeMap<Option<u8>, u8>,
        plain: Option<Plain>,
    }

    #[derive(Debug, Deserialize)]
    enum Plain {
        A,
        B,
    }

    #[test]
    fn faults_of_keys_and_variants_name_them() {
        for (json, told) in [
            (
                json!({"m": {"k": 2}}),
                "m: the key \"k\": expected an integer (u32), got a string",
            ),
            (
                json!({"m": {"-1": 2}}),
                "m: the key \"-1\": expected an integer (u32), got a string",
            ),
            (
                json!({"m": {"1": "x"}}),
                "m.1: expected an integer (u32), got a string",
            ),
            (
                json!({"flags": {"true": [{}, {"300": 1}]}}),
                "flags.true[1]: the key \"300\": expected an integer (i8), got a string",
            ),
            (
                json!({"evs": [{"kind": "key"}, {"kind": 5}]}),
                "evs[1].kind: expected the name of a variant (one of 2), got the integer 5",
            ),
            (
                json!({"evs": [{"kind": "click", "y": null}]}),
                "evs[0]: expected an integer (u8), got null",
            ),
            (
                json!({"evs": [7]}),
                "evs[0]: expected an object (internally tagged enum Event), got the integer 7",
            ),
            (
                json!({"plain": 5}),
                "plain: expected the name of a variant (enum Plain), got the integer 5",
            ),
        ] {
            for streaming in [false, true] {
                let error = read::<Keyed>(&cbor_of(&json, streaming)).unwrap_err();
                assert!(error.ends_with(&format!("Keyed): {told}")), "{error}");
            }
        }
        let of = |bytes: &[u8]| from_slice::<Keyed>(bytes).unwrap_err().to_string();
        // {"m": {-6: 1}}, {"m": {null: 1}}, {null: 1}
        assert_eq!(
            of(b"\xa1\x61m\xa1\x25\x01"),
            "m: the key -6: expected an integer (u32), got the integer -6, which does not fit"
        );
        assert_eq!(
            of(b"\xa1\x61m\xa1\xf6\x01"),
            "m: a key: expected an integer (u32), got null"
        );
        assert_eq!(
            of(b"\xa1\xf6\x01"),
            "a key: expected the name of a field, got null"
        );
        // One that is not known is quoted once.
        assert!(of(&cbor_of(&json!({"n": 1}), false)).starts_with("unknown field `n`, expected"));
    }

    #[test]
    fn faults_of_parameters_name_the_field() {
        #[derive(Debug, Default, Deserialize)]
        #[serde(default, deny_unknown_fields)]
        #[allow(dead_code, reason = "only their reading is tried")]
        struct Limits {
            algorithm: Option<Plain>,
            inner: BTreeMap<String, Vec<u8>>,
            address: Option<std::net::Ipv4Addr>,
        }
        for (json, told) in [
            (
                r#"{"algorithm":"md5"}"#,
                "algorithm: unknown variant `md5`, expected `A` or `B`",
            ),
            (
                r#"{"inner":{"a":[1,"x"]}}"#,
                "inner.a[1]: expected an integer (u8), got a string",
            ),
            (
                r#"{"inner":{"a":[256]}}"#,
                "inner.a[0]: expected an integer (u8), got the integer 256, which does not fit",
            ),
            // Types are offered what they have for people, as from JSON.
            (
                r#"{"address":"10.0.0"}"#,
                "address: invalid IPv4 address syntax",
            ),
            (
                r#"{"algo":1}"#,
                "unknown field `algo`, expected one of `algorithm`, `inner`, `address`",
            ),
            // Where a name is expected, a number is an error of syntax to JSON's reader.
            (
                r#"{"algorithm":5}"#,
                "algorithm: expected the name of a variant (enum Plain), got the integer 5",
            ),
            // What only JSON's reader finds is told by it.
            (
                r#"{"inner":"#,
                "EOF while parsing a value at line 1 column 9",
            ),
            (
                r#"{"inner":{},"inner":{}}"#,
                "duplicate field `inner` at line 1 column 19",
            ),
        ] {
            let mut request = u32::try_from(json.len()).unwrap().to_le_bytes().to_vec();
            request.extend_from_slice(json.as_bytes());
            let error = split_params::<Limits>(&request).unwrap_err();
            assert_eq!(error, format!("the parameters are wrong: {told}"));
        }
    }

    #[test]
    fn a_fault_in_a_variant_names_it() {
        let told = |json: serde_json::Value| {
            let bytes = cbor_of(&json, false);
            from_slice::<Basket>(&bytes).unwrap_err().to_string()
        };
        assert_eq!(
            told(json!({"items": [], "shape": {"Circle": {"r": null}}})),
            "shape.Circle.r: expected a number (f64), got null"
        );
        assert_eq!(
            told(json!({"items": [], "shape": {"Square": "x"}})),
            "shape.Square: expected a number (f32), got a string"
        );
        assert_eq!(
            told(json!({"items": [], "shape": "Square"})),
            "shape: expected a variant with a value, got its name alone"
        );
        assert!(
            told(json!({"items": [], "shape": {"Oval": 1}}))
                .starts_with("shape: unknown variant `Oval`, expected")
        );
    }

    /// A byte string, for which serde has no type of its own.
    #[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
    struct Octets(Vec<u8>);

    impl Serialize for Octets {
        fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.serialize_bytes(&self.0)
        }
    }

    impl<'de> Deserialize<'de> for Octets {
        fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
            /// Takes what `serde_bytes` takes.
            struct Taker;
            impl<'de> serde::de::Visitor<'de> for Taker {
                type Value = Octets;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("byte array")
                }
                fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Octets, E> {
                    Ok(Octets(bytes.to_vec()))
                }
                fn visit_str<E>(self, text: &str) -> Result<Octets, E> {
                    Ok(Octets(text.into()))
                }
            }
            from.deserialize_byte_buf(Taker)
        }
    }

    fn told<T: DeserializeOwned + std::fmt::Debug>(bytes: &[u8]) -> String {
        from_slice::<T>(bytes).unwrap_err().to_string()
    }

    #[test]
    fn text_and_bytes_are_never_one_for_the_other() {
        let uuid = [&[0x50][..], &[b'a'; 16]].concat();
        assert!(
            told::<String>(&uuid).starts_with("expected a string, got bytes (if they are a UUID")
        );
        assert_eq!(
            told::<String>(&[0x41, 0xff]),
            "expected a string, got bytes"
        );
        // Also where the bytes are text in UTF-8; {"name": h'61', "price": 1} and {h'..': 1}.
        assert_eq!(told::<String>(b"\x41a"), "expected a string, got bytes");
        assert_eq!(told::<char>(b"\x41a"), "expected a character, got bytes");
        assert_eq!(
            told::<Line>(b"\xa2\x64name\x41a\x65price\x01"),
            "name: expected a string, got bytes"
        );
        assert_eq!(
            told::<Line>(b"\xa2\x65price\x01\x44name\x61a"),
            "a key: expected the name of a field, got bytes"
        );
        assert_eq!(
            told::<BTreeMap<String, u8>>(b"\xa1\x41a\x01"),
            "a key: expected a string, got bytes"
        );
        assert_eq!(
            told::<Shape>(b"\xa1\x46Square\x01"),
            "expected the name of a variant, got bytes"
        );
        assert_eq!(told::<Octets>(b"\x61a"), "expected bytes, got a string");
        assert_eq!(read(b"\x41a"), Ok(Octets(b"a".to_vec())));
    }

    #[test]
    fn bytes_are_read_as_an_array_of_integers() {
        #[derive(Debug, PartialEq, Deserialize)]
        struct Pair(u8, u16);
        #[derive(Debug, PartialEq, Deserialize)]
        enum Either {
            Pair(u8, i32),
            List(Vec<u8>),
        }
        let three = [0x43, 1, 2, 255];
        assert_eq!(read(&three), Ok(vec![1_u8, 2, 255]));
        assert_eq!(read(&three), Ok([1_u8, 2, 255]));
        assert_eq!(read(&three), Ok((1_u8, 2_i64, 255_f32)));
        assert_eq!(read(&three), Ok(vec![Some(1_u64), Some(2), Some(255)]));
        assert_eq!(read(&three), Ok(Some(Box::<[u8]>::from([1, 2, 255]))));
        assert_eq!(
            read(&three),
            Ok(std::collections::VecDeque::from([1_u8, 2, 255]))
        );
        assert_eq!(read(&[0x40]), Ok(Vec::<u8>::new()));
        // As streaming writers send them: in parts.
        assert_eq!(
            read(&[0x5f, 0x41, 1, 0x42, 2, 3, 0xff]),
            Ok(vec![1_u8, 2, 3])
        );
        assert_eq!(read(&[0x42, 1, 2]), Ok(Pair(1, 2)));
        assert_eq!(read(b"\xa1\x64Pair\x42\x01\x02"), Ok(Either::Pair(1, 2)));
        assert_eq!(
            read(b"\xa1\x64List\x42\x01\x02"),
            Ok(Either::List(vec![1, 2]))
        );
        assert_eq!(
            read(&[0x44, 127, 0, 0, 1]),
            Ok(std::net::Ipv4Addr::LOCALHOST)
        );
    }

    #[test]
    fn bytes_that_are_no_such_array_are_told() {
        let three = [0x43, 1, 2, 255];
        assert_eq!(
            told::<Vec<i8>>(&three),
            "[2]: expected an integer (i8), got the integer 255, which does not fit (bytes came in \
             place of an array)"
        );
        assert_eq!(
            told::<Vec<String>>(&three),
            "[0]: expected a string, got the integer 1 (bytes came in place of an array)"
        );
        assert_eq!(
            told::<[u8; 2]>(&three),
            "expected an array of 2 elements, got 3 bytes"
        );
        assert_eq!(
            told::<[u8; 4]>(&three),
            "expected an array (an array of length 4), got 3 elements"
        );
        assert_eq!(told::<Vec<u8>>(b"\x61a"), "expected an array, got a string");
        assert_eq!(
            told::<Line>(&three),
            "expected an object (struct Line), got bytes"
        );
        // Where serde takes the value in before it looks at the type, it knows bytes alone.
        #[derive(Debug, Deserialize)]
        #[serde(tag = "kind")]
        enum Tagged {
            #[allow(dead_code, reason = "only its reading is tried")]
            Blob { data: Vec<u8> },
        }
        let fault = told::<Tagged>(b"\xa2\x64kind\x64Blob\x64data\x41\x01");
        assert!(
            fault.starts_with("expected an array, got bytes (in a type with `tag`")
                && fault.contains("serde_bytes"),
            "{fault}"
        );
    }

    /// A fraction of tag 4 or 5, with a power from -24 to 23.
    fn fraction(tag: u8, power: i8, whole: &[u8]) -> Vec<u8> {
        let power = match power {
            0.. => power as u8,
            _ => 0x20 | (-1 - power) as u8,
        };
        [&[tag, 0x82, power], whole].concat()
    }

    #[test]
    fn fractions_convert_where_they_fit() {
        // 1.25, 3, 3.00, -1000, 0.1 and zeros, as Java's BigDecimal is written.
        let quarter = fraction(0xc4, -2, &[0x18, 125]);
        let three = fraction(0xc4, 0, &[3]);
        let priced = fraction(0xc4, -2, &[0x19, 0x01, 0x2c]);
        let thousand = fraction(0xc4, 3, &[0x20]);
        assert_eq!(
            (read(&quarter), read(&quarter)),
            (Ok(1.25_f64), Ok(1.25_f32))
        );
        assert_eq!(read(&quarter), Ok(Some(1.25_f64)));
        assert_eq!(read(&quarter), Ok(json!(1.25)));
        for number in [&three, &priced] {
            assert_eq!((read(number), read(number)), (Ok(3.0_f64), Ok(3.0_f32)));
            assert_eq!((read(number), read(number)), (Ok(3_u8), Ok(3_i128)));
            assert_eq!((read(number), read(number)), (Ok(3_i64), Ok(3_u128)));
            assert_eq!(read(number), Ok(json!(3)));
        }
        assert_eq!(
            (read(&thousand), read(&thousand)),
            (Ok(-1000_i16), Ok(-1e3_f64))
        );
        assert_eq!(read(&fraction(0xc4, -1, &[1])), Ok(0.1_f64));
        assert_eq!(read(&fraction(0xc4, -1, &[1])), Ok(0.1_f32));
        for power in [-24, 0, 23] {
            let zero = fraction(0xc4, power, &[0]);
            assert_eq!((read(&zero), read(&zero)), (Ok(0_u8), Ok(0.0_f64)));
        }
    }

    #[test]
    fn fractions_of_many_digits_and_of_base_2_convert() {
        // A whole number of more than 64 bits: 2^64, and 10^-2 of 100 * 2^64 (and of a third).
        let beyond = fraction(0xc4, 0, &big(0xc2, &[1, 0, 0, 0, 0, 0, 0, 0, 0]));
        assert_eq!(
            (read(&beyond), read(&beyond)),
            (Ok(1_u128 << 64), Ok(2_f64.powi(64)))
        );
        let cents = fraction(
            0xc4,
            -2,
            &big(0xc3, &[99, 255, 255, 255, 255, 255, 255, 255, 255]),
        );
        assert_eq!(
            (read(&cents), read(&cents)),
            (Ok(-1_i128 << 64), Ok(-(2_f64.powi(64))))
        );
        assert_eq!(read(&beyond), Ok(json!(2_f64.powi(64))));
        // The limits of 128 bits.
        let most = fraction(0xc4, 0, &big(0xc2, &[0xff; 16]));
        assert_eq!(read(&most), Ok(u128::MAX));
        let least = fraction(0xc4, 0, &big(0xc3, &[&[0x7f][..], &[0xff; 15]].concat()));
        assert_eq!(read(&least), Ok(i128::MIN));
        // As a streaming writer would send it.
        assert_eq!(read(&[0xc4, 0x9f, 0x20, 0x0f, 0xff]), Ok(1.5_f64));
        // Of base 2: 1.5, 3 (twice), -6, and the limits of floats.
        assert_eq!(read(&fraction(0xc5, -1, &[3])), Ok(1.5_f64));
        for number in [fraction(0xc5, 0, &[3]), fraction(0xc5, -3, &[0x18, 24])] {
            assert_eq!((read(&number), read(&number)), (Ok(3_u8), Ok(3.0_f32)));
        }
        assert_eq!(read(&fraction(0xc5, 1, &[0x22])), Ok(-6_i8));
        let tiny = [0xc5, 0x82, 0x39, 0x04, 0x31, 0x01]; // 2^-1074
        assert_eq!(read(&tiny), Ok(f64::from_bits(1)));
        let huge = [0xc5, 0x82, 0x19, 0x03, 0xff, 0x01]; // 2^1023
        assert_eq!(read(&huge), Ok(2_f64.powi(1023)));
    }

    #[test]
    fn fractions_that_do_not_fit_are_refused_with_the_remedy() {
        let quarter = fraction(0xc4, -2, &[0x18, 125]);
        let has_fraction = "which has a fraction: send a long or a BigInteger, or take an f64";
        assert_eq!(
            told::<i128>(&quarter),
            format!("expected an integer (i128), got the number 1.25, {has_fraction}")
        );
        assert_eq!(
            told::<u8>(&fraction(0xc4, -3, &[0x24])),
            format!("expected an integer (u8), got the number -0.005, {has_fraction}")
        );
        assert_eq!(
            told::<u8>(&fraction(0xc5, -2, &[5])),
            format!("expected an integer (u8), got the number 1.25, {has_fraction}")
        );
        assert_eq!(
            told::<u8>(&fraction(0xc4, 2, &[3])),
            "expected an integer (u8), got the integer 300, which does not fit"
        );
        assert_eq!(
            told::<u8>(&fraction(0xc4, 0, &[0x20])),
            "expected an integer (u8), got the integer -1, which does not fit"
        );
        assert_eq!(
            told::<i128>(&[0xc4, 0x82, 0x19, 0x03, 0xe8, 0x01]), // 10^1000
            "expected an integer (i128), got an integer of more than 128 bits, which does not fit"
        );
        assert_eq!(
            told::<f64>(&[0xc4, 0x82, 0x19, 0x03, 0xe8, 0x01]),
            "expected a number (f64), got the number 1e1000, which does not fit: send it as a String"
        );
        assert_eq!(
            told::<f32>(&[0xc4, 0x82, 0x18, 0x27, 0x01]), // 10^39
            "expected a number (f32), got the number 1e39, which does not fit: send it as a String"
        );
        assert_eq!(
            told::<f64>(&[0xc5, 0x82, 0x19, 0x04, 0x00, 0x01]), // 2^1024
            "expected a number (f64), got the number inf, which does not fit: send it as a String"
        );
        assert!(
            told::<serde_json::Value>(&[0xc4, 0x82, 0x19, 0x03, 0xe8, 0x01]).contains("1e1000")
        );
        for (bytes, expected) in [
            (told::<String>(&quarter), "a string"),
            (told::<bool>(&quarter), "a boolean"),
            (told::<Vec<u8>>(&quarter), "an array"),
            (
                told::<Shape>(&quarter),
                "the name of a variant (enum Shape)",
            ),
        ] {
            assert_eq!(bytes, format!("expected {expected}, got the number 1.25"));
        }
    }

    #[test]
    fn fractions_of_any_length_are_refused_soon() {
        // The greatest powers there are, both ways, cost no time; nor does a long whole number.
        let endless = |power: u8| [&[0xc4, 0x82, power][..], &[0xff; 8], &[0x01]].concat();
        assert!(told::<f64>(&endless(0x1b)).contains("which does not fit"));
        assert!(told::<i64>(&endless(0x1b)).contains("which does not fit"));
        assert_eq!(read(&endless(0x3b)), Ok(0.0_f64));
        let long = fraction(0xc4, 0, &big(0xc2, &[0xff; 513]));
        assert!(told::<f64>(&long).contains("too many digits: round it"));
        let longest = fraction(0xc4, -24, &big(0xc2, &[0xff; 512]));
        assert!(told::<u64>(&longest).len() < 250);
        for broken in [
            &[0xc4][..],
            &[0xc4, 0x01],
            &[0xc4, 0x81, 0x01],
            &[0xc4, 0x83, 0x01, 0x01, 0x01],
            &[0xc4, 0x82, 0x61, 0x61, 0x01],
            &[0xc4, 0x82, 0x01, 0x61, 0x61],
            &[0xc4, 0x9f, 0x01, 0x01, 0x01, 0xff],
            &[0xc5, 0x82, 0x01, 0xc2, 0x01],
        ] {
            let said = told::<f64>(broken);
            assert!(said.contains("the bytes"), "{broken:x?}: {said}");
        }
    }

    #[test]
    fn keys_come_back_from_their_own_encoding() {
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        enum Colour {
            Red,
        }
        #[derive(Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
        struct Id(u64);
        fn back<K: Serialize + DeserializeOwned + Ord + PartialEq + std::fmt::Debug>(key: K) {
            let map = BTreeMap::from([(key, 1_u8)]);
            let (_, bytes) = bytes_of(Cbor(&map));
            assert_eq!(read(&bytes).as_ref(), Ok(&map));
        }
        back(true);
        back('ß');
        back("a".to_owned());
        back(Colour::Red);
        back(Some(false));
        back(Some(7));
        back(Id(u64::MAX));
        back(i64::MIN);
        back(u128::MAX);
        back(i128::MIN);
        back(std::net::Ipv6Addr::LOCALHOST);
    }

    /// Floats have no order: a map of one.
    fn float<K: Serialize + DeserializeOwned>(key: K) -> K {
        struct One<K>(K);
        impl<K: Serialize> Serialize for One<K> {
            fn serialize<S: serde::Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
                to.collect_map([(&self.0, 1)])
            }
        }
        impl<'de, K: Deserialize<'de>> Deserialize<'de> for One<K> {
            fn deserialize<D: serde::Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
                struct First<K>(std::marker::PhantomData<K>);
                impl<'de, K: Deserialize<'de>> serde::de::Visitor<'de> for First<K> {
                    type Value = K;
                    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        f.write_str("a map")
                    }
                    fn visit_map<A: serde::de::MapAccess<'de>>(
                        self,
                        mut map: A,
                    ) -> Result<K, A::Error> {
                        let (key, _) = map.next_entry::<K, u8>()?.unwrap();
                        Ok(key)
                    }
                }
                from.deserialize_map(First(std::marker::PhantomData))
                    .map(One)
            }
        }
        let (_, bytes) = bytes_of(Cbor(One(key)));
        read::<One<K>>(&bytes).unwrap().0
    }

    #[test]
    fn keys_that_are_floats_come_back() {
        for value in [0.1, -1e300, 5e-324, f64::INFINITY, f64::NEG_INFINITY] {
            assert_eq!(float(value).to_bits(), value.to_bits());
        }
        for value in [0.1, f32::MAX, f32::NEG_INFINITY] {
            assert_eq!(float(value).to_bits(), value.to_bits());
        }
        assert!(float(f64::NAN).is_nan());
    }

    #[test]
    fn a_key_of_bytes_is_refused_with_the_remedy() {
        let refused = Cbor(BTreeMap::from([(Octets(vec![1]), 1)])).encode(&mut |_, _| {});
        assert_eq!(
            refused.unwrap_err(),
            "the result can't be written as CBOR: the key of a map is bytes, which Java can't read: \
             a key is text, a number, a boolean, or a variant without data; send the map as an \
             array of pairs"
        );
    }

    #[test]
    fn what_serde_has_no_type_for_is_named() {
        let told = |bytes: &[u8]| from_slice::<f64>(bytes).unwrap_err().to_string();
        // A date; an end without a beginning.
        assert!(told(&[0xc0, 0x60]).starts_with("expected a number (f64), got a value with a tag"));
        assert_eq!(told(&[0xff]), "expected a number (f64), got nothing");
        let large = [0xc2, 0x49, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(
            from_slice::<u32>(&large).unwrap_err().to_string(),
            "expected an integer (u32), got the integer 18446744073709551616, which does not fit"
        );
        #[derive(Debug, serde::Deserialize)]
        enum Shape {
            #[allow(dead_code, reason = "never read, since it is never there")]
            Circle(f64),
        }
        assert_eq!(
            from_slice::<Shape>(&[0xbf, 0xff]).unwrap_err().to_string(),
            "expected an object with one field, the variant, got 0 fields"
        );
    }

    /// Each is refused with these words, whatever the lengths are written as.
    #[track_caller]
    fn assert_told(cases: &[(serde_json::Value, &str)]) {
        for (json, told) in cases {
            for streaming in [false, true] {
                let error = read::<Basket>(&cbor_of(json, streaming)).unwrap_err();
                assert!(
                    error.ends_with(&format!("Basket): {told}")),
                    "{json}: {error}"
                );
            }
        }
    }

    #[test]
    fn faults_name_the_field_and_both_types() {
        assert_told(&[
            (json!({"items": null}), "items: expected an array, got null"),
            (
                json!({"items": {}}),
                "items: expected an array, got an object",
            ),
            (
                json!({"items": "x"}),
                "items: expected an array, got a string",
            ),
            (
                json!({"items": [{"price": 1}, {"price": null}]}),
                "items[1].price: expected a number (f64), got null",
            ),
            (
                json!({"items": [{"price": "1"}]}),
                "items[0].price: expected a number (f64), got a string",
            ),
            (
                json!({"items": [{"price": 1, "name": 5}]}),
                "items[0].name: expected a string, got the integer 5",
            ),
            (json!({"items": [{}]}), "items[0]: missing field `price`"),
            (
                json!({"items": [7]}),
                "items[0]: expected an object (struct Line), got the integer 7",
            ),
            (
                json!({"items": [], "paid": 1}),
                "paid: expected a boolean, got the integer 1",
            ),
        ]);
    }

    #[test]
    fn faults_of_arrays_and_variants_name_their_place() {
        assert_told(&[
            (
                json!({"items": [], "pair": [1, 300]}),
                "pair[1]: expected an integer (u8), got the integer 300, which does not fit",
            ),
            (
                json!({"items": [], "pair": [1, 2, 3]}),
                "pair: expected an array of 2 elements, got more",
            ),
            (
                json!({"items": [], "shape": "Line"}),
                "shape: unknown variant `Line`, expected one of `Point`, `Circle`, `Square`",
            ),
            (
                json!({"items": [], "shape": "Square"}),
                "shape: expected a variant with a value, got its name alone",
            ),
            (
                json!({"items": [], "shape": {"Circle": {"r": []}}}),
                "shape.Circle.r: expected a number (f64), got an array",
            ),
            (
                json!([]),
                "expected an object (struct Basket), got an array",
            ),
            (json!(null), "expected an object (struct Basket), got null"),
        ]);
    }

    #[test]
    fn enums_with_data_are_read_from_maps_of_either_length() {
        for streaming in [false, true] {
            for (json, shape) in [
                (json!("Point"), Shape::Point),
                (json!({"Point": null}), Shape::Point),
                (json!({"Circle": {"r": 2}}), Shape::Circle { r: 2.0 }),
                (json!({"Square": 1.5}), Shape::Square(1.5)),
            ] {
                assert_eq!(read(&cbor_of(&json, streaming)), Ok(shape), "{json}");
            }
        }
        assert!(read::<Shape>(&cbor_of(&json!({"Point": null, "Square": 1}), true)).is_err());
    }

    #[test]
    fn deep_nesting_is_refused_and_not_followed() {
        let deep = [0x81].repeat(100_000);
        let error = read::<serde_json::Value>(&deep).unwrap_err();
        assert!(error.contains("nested too deeply"), "{error}");
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
