//! CBOR's null for serde's unit, and keys that Java reads.
//!
//! cbor4ii writes `()`, and so the null of a `serde_json::Value`, as an empty
//! array, which Java reads as a list. This serializer passes everything on to
//! another and turns each unit, at any depth, into none: that is written as null.
//!
//! The key of a map is an integer of 64 bits or text, for Java reads no other. As serde_json does
//! it, each type is written as it is written for people, and a boolean or a float is text.

use serde::ser::{
    Error as _, Impossible, Serialize, SerializeMap, SerializeSeq, SerializeStruct,
    SerializeStructVariant, SerializeTuple, SerializeTupleStruct, SerializeTupleVariant,
    Serializer,
};

/// A value whose units are nulls.
pub struct Nulls<'a, T: ?Sized>(pub &'a T);

impl<T: Serialize + ?Sized> Serialize for Nulls<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Forward(to))
    }
}

/// The serializer in between, and its compounds.
struct Forward<S>(S);

macro_rules! forward {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.0.$method(value)
        })*
    };
}

type Name = &'static str;

impl<S: Serializer> Serializer for Forward<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Forward<S::SerializeSeq>;
    type SerializeTuple = Forward<S::SerializeTuple>;
    type SerializeTupleStruct = Forward<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Forward<S::SerializeTupleVariant>;
    type SerializeMap = Forward<S::SerializeMap>;
    type SerializeStruct = Forward<S::SerializeStruct>;
    type SerializeStructVariant = Forward<S::SerializeStructVariant>;

    forward!(
        serialize_bool(bool),
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
        serialize_f32(f32),
        serialize_f64(f64),
        serialize_char(char),
        serialize_str(&str),
        serialize_bytes(&[u8]),
    );

    fn is_human_readable(&self) -> bool {
        self.0.is_human_readable()
    }
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }
    fn serialize_unit_struct(self, _: Name) -> Result<S::Ok, S::Error> {
        self.0.serialize_none()
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        self.0.serialize_some(&Nulls(value))
    }
    fn serialize_unit_variant(
        self,
        name: Name,
        index: u32,
        variant: Name,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_unit_variant(name, index, variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: Name,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Nulls(value))
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: Name,
        index: u32,
        variant: Name,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0
            .serialize_newtype_variant(name, index, variant, &Nulls(value))
    }
    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        self.0.serialize_seq(len).map(Forward)
    }
    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple, S::Error> {
        self.0.serialize_tuple(len).map(Forward)
    }
    fn serialize_tuple_struct(
        self,
        name: Name,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, len).map(Forward)
    }
    fn serialize_tuple_variant(
        self,
        name: Name,
        index: u32,
        variant: Name,
        len: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        self.0
            .serialize_tuple_variant(name, index, variant, len)
            .map(Forward)
    }
    fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        self.0.serialize_map(len).map(Forward)
    }
    fn serialize_struct(self, name: Name, len: usize) -> Result<Self::SerializeStruct, S::Error> {
        self.0.serialize_struct(name, len).map(Forward)
    }
    fn serialize_struct_variant(
        self,
        name: Name,
        index: u32,
        variant: Name,
        len: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        self.0
            .serialize_struct_variant(name, index, variant, len)
            .map(Forward)
    }
}

macro_rules! compounds {
    ($($kind:ident: $method:ident($($key:ident: $key_type:ty)?)),* $(,)?) => {$(
        impl<C: $kind> $kind for Forward<C> {
            type Ok = C::Ok;
            type Error = C::Error;
            fn $method<T: Serialize + ?Sized>(&mut self, $($key: $key_type,)? value: &T) -> Result<(), C::Error> {
                self.0.$method($($key,)? &Nulls(value))
            }
            fn end(self) -> Result<C::Ok, C::Error> {
                self.0.end()
            }
        }
    )*};
}

compounds!(
    SerializeSeq: serialize_element(),
    SerializeTuple: serialize_element(),
    SerializeTupleStruct: serialize_field(),
    SerializeTupleVariant: serialize_field(),
    SerializeStruct: serialize_field(key: Name),
    SerializeStructVariant: serialize_field(key: Name),
);

impl<C: SerializeMap> SerializeMap for Forward<C> {
    type Ok = C::Ok;
    type Error = C::Error;
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), C::Error> {
        self.0.serialize_key(&Key(key))
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Nulls(value))
    }
    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

/// The key of a map.
struct Key<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Key<'_, T> {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(KeyWriter(to))
    }
}

/// The serializer of a key, in front of the one of the map.
struct KeyWriter<S>(S);

impl<S: Serializer> KeyWriter<S> {
    /// Java's parser reads integer keys as a `long`.
    fn integer<N: Copy + TryInto<i64> + ToString>(self, value: N) -> Result<S::Ok, S::Error> {
        match value.try_into() {
            Ok(value) => self.0.serialize_i64(value),
            Err(_) => self.0.serialize_str(&value.to_string()),
        }
    }

    /// Written so that Java's `Double` and Rust's `f64` read it.
    fn float(self, value: f64, text: &str) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(match value {
            f64::INFINITY => "Infinity",
            f64::NEG_INFINITY => "-Infinity",
            _ => text,
        })
    }

    fn refused<T>(what: &str) -> Result<T, S::Error> {
        Err(S::Error::custom(format_args!(
            "the key of a map is {what}, which Java can't read: a key is text, a number, a boolean, \
             or a variant without data; send the map as an array of pairs"
        )))
    }
}

macro_rules! integer_keys {
    ($($method:ident($kind:ty)),* $(,)?) => {
        $(fn $method(self, value: $kind) -> Result<S::Ok, S::Error> {
            self.integer(value)
        })*
    };
}

impl<S: Serializer> Serializer for KeyWriter<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Impossible<S::Ok, S::Error>;
    type SerializeTuple = Impossible<S::Ok, S::Error>;
    type SerializeTupleStruct = Impossible<S::Ok, S::Error>;
    type SerializeTupleVariant = Impossible<S::Ok, S::Error>;
    type SerializeMap = Impossible<S::Ok, S::Error>;
    type SerializeStruct = Impossible<S::Ok, S::Error>;
    type SerializeStructVariant = Impossible<S::Ok, S::Error>;

    integer_keys!(
        serialize_i8(i8),
        serialize_i16(i16),
        serialize_i32(i32),
        serialize_i64(i64),
        serialize_i128(i128),
        serialize_u8(u8),
        serialize_u16(u16),
        serialize_u32(u32),
        serialize_u64(u64),
        serialize_u128(u128),
    );

    /// As the reader of a key says it, too.
    fn is_human_readable(&self) -> bool {
        true
    }
    fn serialize_bool(self, value: bool) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(if value { "true" } else { "false" })
    }
    fn serialize_f32(self, value: f32) -> Result<S::Ok, S::Error> {
        self.float(f64::from(value), &format!("{value:?}"))
    }
    fn serialize_f64(self, value: f64) -> Result<S::Ok, S::Error> {
        self.float(value, &format!("{value:?}"))
    }
    fn serialize_char(self, value: char) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(value.encode_utf8(&mut [0; 4]))
    }
    fn serialize_str(self, value: &str) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(value)
    }
    fn serialize_unit_variant(self, _: Name, _: u32, variant: Name) -> Result<S::Ok, S::Error> {
        self.0.serialize_str(variant)
    }
    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: Name,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }
    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<S::Ok, S::Error> {
        value.serialize(self)
    }
    fn serialize_bytes(self, _: &[u8]) -> Result<S::Ok, S::Error> {
        Self::refused("bytes")
    }
    fn serialize_none(self) -> Result<S::Ok, S::Error> {
        Self::refused("null")
    }
    fn serialize_unit(self) -> Result<S::Ok, S::Error> {
        Self::refused("null")
    }
    fn serialize_unit_struct(self, _: Name) -> Result<S::Ok, S::Error> {
        Self::refused("null")
    }
    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: &T,
    ) -> Result<S::Ok, S::Error> {
        Self::refused("a variant with data")
    }
    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, S::Error> {
        Self::refused("an array")
    }
    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, S::Error> {
        Self::refused("an array")
    }
    fn serialize_tuple_struct(
        self,
        _: Name,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        Self::refused("an array")
    }
    fn serialize_tuple_variant(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, S::Error> {
        Self::refused("a variant with data")
    }
    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, S::Error> {
        Self::refused("an object")
    }
    fn serialize_struct(self, _: Name, _: usize) -> Result<Self::SerializeStruct, S::Error> {
        Self::refused("an object")
    }
    fn serialize_struct_variant(
        self,
        _: Name,
        _: u32,
        _: Name,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, S::Error> {
        Self::refused("a variant with data")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cbor4ii::core::dec::Decode;
    use cbor4ii::core::utils::SliceReader;
    use serde_json::json;
    use std::collections::BTreeMap;

    fn cbor(value: &impl Serialize) -> Vec<u8> {
        cbor4ii::serde::to_vec(Vec::new(), &Nulls(value)).unwrap()
    }

    #[test]
    fn units_are_null_at_any_depth() {
        #[derive(serde::Serialize)]
        struct Unit;
        assert_eq!(cbor(&()), [0xf6]);
        assert_eq!(cbor(&Unit), [0xf6]);
        assert_eq!(cbor(&json!(null)), [0xf6]);
        assert_eq!(
            cbor(&json!({"a": [null, {"b": null}]})),
            b"\xa1\x61a\x82\xf6\xa1\x61b\xf6"
        );
        assert_eq!(
            cbor(&(Some(()), BTreeMap::from([(1, Unit)]))),
            [0x82, 0xf6, 0xa1, 0x01, 0xf6]
        );
    }

    #[test]
    fn all_else_is_written_as_before() {
        #[derive(serde::Serialize)]
        enum Kind {
            Plain,
            New(u8),
            Tuple(i64, f32),
            Struct { a: Option<char>, b: Vec<[u16; 2]> },
        }
        let values = vec![
            Kind::Plain,
            Kind::New(7),
            Kind::Tuple(i64::MIN, 0.5),
            Kind::Struct {
                a: None,
                b: vec![[1, 2], [300, 4]],
            },
            Kind::Struct {
                a: Some('ß'),
                b: vec![],
            },
        ];
        assert_eq!(
            cbor(&values),
            cbor4ii::serde::to_vec(Vec::new(), &values).unwrap()
        );
    }

    #[derive(serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
    enum Kind {
        Plain,
        With(u8),
    }
    #[derive(serde::Serialize, PartialEq, Eq, PartialOrd, Ord)]
    struct Wrapped<T>(T);
    /// A map with one key, which need not have an order.
    struct One<T>(T);
    impl<T: Serialize> Serialize for One<T> {
        fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
            to.collect_map([(&self.0, 1)])
        }
    }
    fn text(key: impl Serialize) -> String {
        let bytes = cbor(&One(key));
        assert_eq!((bytes[0], bytes.last()), (0xa1, Some(&1)));
        String::decode(&mut SliceReader::new(&bytes[1..])).unwrap()
    }

    #[test]
    fn keys_are_text_or_integers_of_64_bits() {
        assert_eq!((text(true), text(false)), ("true".into(), "false".into()));
        assert_eq!((text(1.5_f64), text(0.1_f32)), ("1.5".into(), "0.1".into()));
        assert_eq!(text(1e300), "1e300");
        assert_eq!(
            (text(f64::NAN), text(f32::NEG_INFINITY)),
            ("NaN".into(), "-Infinity".into())
        );
        assert_eq!((text('ß'), text("a")), ("ß".into(), "a".into()));
        assert_eq!(text(Kind::Plain), "Plain");
        assert_eq!(text(Wrapped(Some(true))), "true");
        assert_eq!(text(std::net::Ipv4Addr::LOCALHOST), "127.0.0.1");
        // Java's parser would take the first as -1, and the others not at all.
        assert_eq!(text(u64::MAX), "18446744073709551615");
        assert_eq!(text(u128::MAX), u128::MAX.to_string());
        assert_eq!(text(i128::MIN), i128::MIN.to_string());
        assert_eq!(cbor(&One(7_u128)), [0xa1, 7, 1]);
        assert_eq!(cbor(&One(Wrapped(-1_i8))), [0xa1, 0x20, 1]);
    }

    #[test]
    fn other_keys_are_refused() {
        for (refused, what) in [
            (cbor4ii::serde::to_vec(Vec::new(), &Nulls(&One(()))), "null"),
            (
                cbor4ii::serde::to_vec(Vec::new(), &Nulls(&One(None::<u8>))),
                "null",
            ),
            (
                cbor4ii::serde::to_vec(Vec::new(), &Nulls(&One((1, 2)))),
                "an array",
            ),
            (
                cbor4ii::serde::to_vec(Vec::new(), &Nulls(&One(Kind::With(1)))),
                "a variant with data",
            ),
            (
                cbor4ii::serde::to_vec(Vec::new(), &Nulls(&One(One(1)))),
                "an object",
            ),
        ] {
            let why = refused.unwrap_err().to_string();
            assert!(
                why.contains(&format!("key of a map is {what}, which")),
                "{why}"
            );
        }
    }
}
