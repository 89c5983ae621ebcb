//! How values travel between clients and workers of Ringwork.
//!
//! The types here are those that both sides name: `ringwork` (the client) writes a request as
//! [`Cbor`] or [`Params`], and `ringwork-worker` gives it to a handler as the same. Take them from
//! those crates.
//!
//! ```
//! use ringwork_codec::{Cbor, cbor};
//!
//! let bytes = cbor::write(&("tea", 2), Vec::new())?;
//! let Cbor((article, count)) = Cbor(cbor::read::<(String, u32)>(&bytes)?);
//! assert_eq!((article.as_str(), count), ("tea", 2));
//! # Ok::<(), String>(())
//! ```

#![forbid(unsafe_code)]

pub mod cbor;
#[doc(hidden)]
pub mod from_cbor;
#[doc(hidden)]
pub mod nulls;

use ringwork_ring::Codec;

/// One CBOR item (RFC 8949) of a serde type: numbers, strings, booleans, arrays, objects, null.
///
/// What is wrong with a request is told with its place: `items[2].price: expected a number (f64),
/// got null`. The place ends at an enum with `#[serde(tag = "..")]` or `#[serde(untagged)]`, and at
/// a struct with `#[serde(flatten)]`: serde takes their fields in before it looks at them, and does
/// not say which one was wrong.
///
/// A number converts where it fits, fractions of tag 4 and 5 (Java's `BigDecimal`) included. Bytes
/// are read as an array of integers, so a Java `byte[]` arrives in a `Vec<u8>` or a `[u8; N]`;
/// `#[serde(with = "serde_bytes")]` is faster, and needed where serde takes the fields in first.
/// Text and bytes are never one for the other. Keys of maps are text, numbers, booleans, or
/// variants without data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Cbor<T>(pub T);

/// Parameters and a body: a JSON object with the small things, then raw bytes.
///
/// On the wire: the object's length as a little-endian u32, the object, the
/// body. Length 0 stands for the defaults of `P`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Params<P>(pub P, pub Vec<u8>);

/// Bytes already encoded in a codec, for handlers that pass things on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Encoded {
    /// The codec.
    pub codec: Codec,
    /// The bytes.
    pub bytes: Vec<u8>,
}
