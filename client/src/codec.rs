//! From a caller's value to the bytes of a request, and from those of a result to a value.
//!
//! The codecs are those of `ringwork-worker`: each type names the one that it travels in.

use ringwork_codec::{Cbor, Encoded, Params, cbor};
use ringwork_ring::Codec;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// A type that can be sent as a request.
///
/// Text goes as UTF-8, integers as 64 bits, bytes as they are, [`Cbor`] for any serde type, and
/// [`Params`] for the parameters and the body of a stock handler.
pub trait ToRequest {
    /// The codec of the request.
    fn codec(&self) -> Codec;

    /// The bytes, which may be written into `buffer`.
    ///
    /// # Errors
    /// When the value can't be written, with the remedy.
    fn bytes<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], String>;
}

/// A type that can be received as a result.
pub trait FromResult: Sized {
    /// Reads a result that was sent in this codec.
    ///
    /// # Errors
    /// When the codec is another one, or the bytes are no such value.
    fn from_result(codec: Codec, bytes: Vec<u8>) -> Result<Self, String>;
}

macro_rules! as_it_is {
    ($($kind:ty => $codec:ident),* $(,)?) => {$(
        impl ToRequest for $kind {
            fn codec(&self) -> Codec {
                Codec::$codec
            }
            fn bytes<'b>(&'b self, _: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
                Ok(self.as_ref())
            }
        }
    )*};
}
as_it_is!([u8] => Bytes, Vec<u8> => Bytes, str => Utf8, String => Utf8);

impl<const N: usize> ToRequest for [u8; N] {
    fn codec(&self) -> Codec {
        Codec::Bytes
    }
    fn bytes<'b>(&'b self, _: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
        Ok(self)
    }
}

impl ToRequest for () {
    fn codec(&self) -> Codec {
        Codec::Bytes
    }
    fn bytes<'b>(&'b self, _: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
        Ok(&[])
    }
}

impl<T: Serialize> ToRequest for Cbor<T> {
    fn codec(&self) -> Codec {
        Codec::Cbor
    }
    fn bytes<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
        *buffer = cbor::write(&self.0, std::mem::take(buffer))?;
        Ok(buffer)
    }
}

impl<P: Serialize> ToRequest for Params<P> {
    fn codec(&self) -> Codec {
        Codec::Params
    }
    fn bytes<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
        buffer.extend_from_slice(&[0; 4]);
        serde_json::to_writer(&mut *buffer, &self.0).map_err(|error| error.to_string())?;
        let length = u32::try_from(buffer.len() - 4)
            .map_err(|_| "parameters of 4 GiB: send what is large as the body".to_owned())?;
        buffer[..4].copy_from_slice(&length.to_le_bytes());
        buffer.extend_from_slice(&self.1);
        Ok(buffer)
    }
}

impl ToRequest for Encoded {
    fn codec(&self) -> Codec {
        self.codec
    }
    fn bytes<'b>(&'b self, _: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
        Ok(&self.bytes)
    }
}

/// Refuses a result in another codec. Raw bytes are taken for any: by them a handler says that it
/// has encoded the result itself.
fn check(found: Codec, wanted: Codec) -> Result<(), String> {
    if found == wanted || found == Codec::Bytes {
        Ok(())
    } else {
        Err(format!(
            "it is {found}, and the task's type says {wanted}: name the handler's type"
        ))
    }
}

impl FromResult for Vec<u8> {
    fn from_result(_: Codec, bytes: Vec<u8>) -> Result<Self, String> {
        Ok(bytes)
    }
}

impl FromResult for Encoded {
    fn from_result(codec: Codec, bytes: Vec<u8>) -> Result<Self, String> {
        Ok(Self { codec, bytes })
    }
}

impl FromResult for () {
    fn from_result(_: Codec, bytes: Vec<u8>) -> Result<Self, String> {
        match bytes.len() {
            0 => Ok(()),
            some => Err(format!(
                "it has {some} bytes, and the task's type says none"
            )),
        }
    }
}

impl FromResult for String {
    fn from_result(codec: Codec, bytes: Vec<u8>) -> Result<Self, String> {
        check(codec, Codec::Utf8)?;
        Self::from_utf8(bytes).map_err(|error| format!("it is not UTF-8: {error}"))
    }
}

impl<T: DeserializeOwned> FromResult for Cbor<T> {
    fn from_result(codec: Codec, bytes: Vec<u8>) -> Result<Self, String> {
        check(codec, Codec::Cbor)?;
        let value = cbor::read(&bytes).map_err(|why| {
            let name = std::any::type_name::<T>();
            format!("it is not the CBOR that the task's type says ({name}): {why}")
        })?;
        Ok(Self(value))
    }
}

macro_rules! integers {
    ($($int:ty),*) => {$(
        impl ToRequest for $int {
            fn codec(&self) -> Codec {
                Codec::I64
            }
            fn bytes<'b>(&'b self, buffer: &'b mut Vec<u8>) -> Result<&'b [u8], String> {
                let value = i64::try_from(*self)
                    .map_err(|_| format!("{self} is out of range for a 64-bit signed integer"))?;
                buffer.extend_from_slice(&value.to_le_bytes());
                Ok(buffer)
            }
        }
        impl FromResult for $int {
            fn from_result(codec: Codec, bytes: Vec<u8>) -> Result<Self, String> {
                check(codec, Codec::I64)?;
                let bytes: [u8; 8] = bytes.as_slice().try_into()
                    .map_err(|_| format!("an integer has 8 bytes, {} were sent", bytes.len()))?;
                let value = i64::from_le_bytes(bytes);
                Self::try_from(value)
                    .map_err(|_| format!("{value} is out of range for {}", stringify!($int)))
            }
        }
    )*};
}
integers!(i8, u8, i16, u16, i32, u32, i64, u64, usize, isize);

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    fn sent(request: &(impl ToRequest + ?Sized)) -> (Codec, Vec<u8>) {
        let mut buffer = Vec::new();
        let bytes = request.bytes(&mut buffer).unwrap().to_vec();
        (request.codec(), bytes)
    }

    #[test]
    fn each_type_travels_in_its_codec() {
        assert_eq!(sent("tea"), (Codec::Utf8, b"tea".to_vec()));
        assert_eq!(sent(&[7_u8][..]), (Codec::Bytes, vec![7]));
        assert_eq!(sent(&()), (Codec::Bytes, vec![]));
        assert_eq!(sent(&-2_i32), (Codec::I64, (-2_i64).to_le_bytes().to_vec()));
        let (codec, bytes) = sent(&Cbor(("tea", 2)));
        let back = Cbor::<(String, u8)>::from_result(codec, bytes);
        assert_eq!(back, Ok(Cbor(("tea".to_owned(), 2))));
        let mut buffer = Vec::new();
        assert!(u64::MAX.bytes(&mut buffer).unwrap_err().contains("range"));
    }

    #[test]
    fn parameters_go_before_their_body() {
        #[derive(Serialize)]
        struct Only {
            a: u8,
        }
        let (codec, bytes) = sent(&Params(Only { a: 1 }, b"body".to_vec()));
        assert_eq!(codec, Codec::Params);
        assert_eq!(bytes, b"\x07\0\0\0{\"a\":1}body");
    }

    #[test]
    fn what_is_not_of_the_type_is_refused_with_both_names() {
        let error = String::from_result(Codec::I64, vec![0; 8]).unwrap_err();
        assert!(error.contains("i64") && error.contains("utf8"), "{error}");
        assert!(u8::from_result(Codec::I64, 256_i64.to_le_bytes().to_vec()).is_err());
        assert!(i64::from_result(Codec::I64, vec![1]).is_err());
        assert!(<()>::from_result(Codec::Bytes, vec![1]).is_err());
        assert!(String::from_result(Codec::Utf8, vec![0xff]).is_err());
        #[derive(Debug, Deserialize)]
        struct Named {
            #[serde(rename = "a")]
            _a: u8,
        }
        let error = Cbor::<Named>::from_result(Codec::Cbor, vec![0xa0]).unwrap_err();
        assert!(error.contains("Named") && error.contains("`a`"), "{error}");
    }
}
