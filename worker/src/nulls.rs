//! CBOR's null for serde's unit.
//!
//! cbor4ii writes `()`, and so the null of a `serde_json::Value`, as an empty
//! array, which Java reads as a list. This serializer passes everything on to
//! another and turns each unit, at any depth, into none: that is written as null.

use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple,
    SerializeTupleStruct, SerializeTupleVariant, Serializer,
};

/// A value whose units are nulls.
pub(crate) struct Nulls<'a, T: ?Sized>(pub(crate) &'a T);

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
        self.0.serialize_key(&Nulls(key))
    }
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), C::Error> {
        self.0.serialize_value(&Nulls(value))
    }
    fn end(self) -> Result<C::Ok, C::Error> {
        self.0.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
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
}
