//! Reads a serde type from CBOR as serde_json reads it from JSON.
//!
//! Called for [`Cbor`](crate::Cbor) on both sides. cbor4ii's own deserializer takes a type by the
//! width it has on the wire: an `f64` takes no integer, an `f32` no double, `null` is an error
//! without a place. Writers in other languages choose widths by themselves. So each value is read
//! as what it is and offered to the type, whose visitor converts what fits; an error names the
//! field, what was expected and what was found.

use crate::nulls::Nulls;
use cbor4ii::core::dec::{Decode, IgnoredAny, Read, is_break};
use cbor4ii::core::utils::SliceReader;
use cbor4ii::core::{error, major, marker, types};
use ringwork_ring::format::counted;
use serde::de::{self, DeserializeSeed, Deserializer as _, Expected, Unexpected, Visitor};
use std::borrow::Cow;
use std::fmt::{self, Display};

type CborError = error::DecodeError<error::Never>;

/// Why a request could not be read, and where: `items[2].price: expected a number (f64), got null`.
#[derive(Debug)]
pub struct Fault {
    /// The way to the value, from the inside to the outside.
    path: Vec<Step>,
    text: String,
    /// Whether the text quotes the key at which it arose.
    names_key: bool,
}

#[derive(Debug)]
enum Step {
    Field(String),
    Element(usize),
    /// The key of a field itself, in words.
    Key(String),
}

impl Fault {
    fn at(mut self, step: Step) -> Self {
        self.path.push(step);
        self
    }

    /// What the library says of itself is the text of its `Debug`: each kind has words of ours.
    fn of(error: CborError) -> Self {
        de::Error::custom(match error {
            error::DecodeError::Eof { .. } => "the bytes end in the middle of a value",
            error::DecodeError::DepthOverflow { .. } => TOO_DEEP,
            error::DecodeError::RequireUtf8 { .. } => "a string is not UTF-8",
            error::DecodeError::RequireLength { .. } => {
                "the bytes are no CBOR: a part of a string has no length"
            }
            error::DecodeError::LengthOverflow { .. }
            | error::DecodeError::CastOverflow { .. }
            | error::DecodeError::ArithmeticOverflow { .. } => {
                "the bytes have a length or a number that is too large"
            }
            // Among them those that can't come: they are of readers and types that are not used.
            _ => "the bytes are no CBOR: a value begins with a byte that can't stand there",
        })
    }
}

const TOO_DEEP: &str = "the values are nested too deeply";

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (depth, step) in self.path.iter().rev().enumerate() {
            match step {
                Step::Field(name) if depth == 0 => write!(f, "{name}")?,
                Step::Field(name) => write!(f, ".{name}")?,
                Step::Element(at) => write!(f, "[{at}]")?,
                Step::Key(words) if depth == 0 => f.write_str(words)?,
                Step::Key(words) => write!(f, ": {words}")?,
            }
        }
        if !self.path.is_empty() {
            f.write_str(": ")?;
        }
        f.write_str(&self.text)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: Display>(text: T) -> Self {
        Self {
            path: Vec::new(),
            text: text.to_string(),
            names_key: false,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let fault = <de::value::Error as de::Error>::unknown_field(field, expected);
        Self {
            names_key: true,
            ..de::Error::custom(fault)
        }
    }

    fn invalid_type(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let why = match found {
            // As serde says it of an integer that only a type of 128 bits could take.
            Unexpected::Other(said) if said.starts_with("integer `") && is_integer(expected) => {
                NO_FIT
            }
            Unexpected::Bytes(bytes) => in_place_of_bytes(bytes, expected),
            _ => "",
        };
        de::Error::custom(format_args!(
            "expected {}, got {}{why}",
            words(expected),
            found_words(found)
        ))
    }

    fn invalid_value(found: Unexpected<'_>, expected: &dyn Expected) -> Self {
        let why = match found {
            Unexpected::Bytes(bytes) => in_place_of_bytes(bytes, expected),
            // A number in place of a name: that it is the number of none says the other half.
            _ if index_of(&expected.to_string()).is_some() => "",
            _ => NO_FIT,
        };
        de::Error::custom(format_args!(
            "expected {}, got {}{why}",
            words(expected),
            found_words(found)
        ))
    }

    /// An array that has fewer elements than its type: serde offers arrays to structs, too.
    fn invalid_length(elements: usize, expected: &dyn Expected) -> Self {
        let said = expected.to_string();
        let name = said
            .strip_prefix("struct ")
            .and_then(|rest| rest.split_once(" with "));
        de::Error::custom(match name {
            Some((name, _)) => format!("expected an object (struct {name}), got an array"),
            None => format!(
                "expected {}, got {}",
                words(expected),
                counted(elements, "element")
            ),
        })
    }
}

const NO_FIT: &str = ", which does not fit";

/// What to do where bytes came in place of something else.
fn in_place_of_bytes(bytes: &[u8], expected: &dyn Expected) -> &'static str {
    match words(expected).as_str() {
        // Jackson writes a UUID so, and `uuid::Uuid` takes it.
        "a string" if bytes.len() == 16 => {
            " (if they are a UUID: take a `uuid::Uuid`, or send it as a string)"
        }
        // Elsewhere a list is made of bytes; here serde took them in before it looked at the type.
        list if list.starts_with("an array") => {
            " (in a type with `tag`, `untagged` or `flatten` they need `#[serde(with = \"serde_bytes\")]`)"
        }
        _ => "",
    }
}

const INTEGERS: [&str; 12] = [
    "i8", "i16", "i32", "i64", "i128", "isize", "u8", "u16", "u32", "u64", "u128", "usize",
];

/// Whether it is an integer, be it one that has its own name for it (`a nonzero u64`).
fn is_integer(expected: &dyn Expected) -> bool {
    let said = expected.to_string();
    let last = said.rsplit(' ').next().unwrap_or_default();
    INTEGERS.contains(&last)
}

/// Of `variant index 0 <= i < 3`: what it is an index of, and how many there are.
fn index_of(said: &str) -> Option<(&str, &str)> {
    said.split_once(" index 0 <= i < ")
}

/// What serde calls a type, in the words of JSON.
fn words(expected: &dyn Expected) -> String {
    let said = expected.to_string();
    match said.as_str() {
        name if INTEGERS.contains(&name) => format!("an integer ({said})"),
        "f32" | "f64" => format!("a number ({said})"),
        "a sequence" => "an array".to_owned(),
        "a map" => "an object".to_owned(),
        "unit" => "null".to_owned(),
        "byte array" | "a byte array" => "bytes".to_owned(),
        "unit variant" => "a variant without a value".to_owned(),
        "field identifier" => "the name of a field".to_owned(),
        "variant identifier" => "the name of a variant".to_owned(),
        "string or map" => {
            "the name of a variant, or an object with one field, the variant".to_owned()
        }
        "map with a single key" => ONE_FIELD.to_owned(),
        _ if said.starts_with("unit struct ") => format!("null ({said})"),
        _ if said.starts_with("enum ") => format!("the name of a variant ({said})"),
        _ if said.starts_with("struct ")
            || said.starts_with("internally tagged enum ")
            || said.starts_with("adjacently tagged enum ") =>
        {
            format!("an object ({said})")
        }
        _ if said.starts_with("tuple ")
            || said.starts_with("a tuple ")
            || said.starts_with("an array ") =>
        {
            format!("an array ({said})")
        }
        _ => match index_of(&said) {
            Some((what, number)) => format!("the name of a {what} (one of {number})"),
            None => said,
        },
    }
}

const ONE_FIELD: &str = "an object with one field, the variant";

fn found_words(found: Unexpected<'_>) -> String {
    match found {
        Unexpected::Bool(value) => format!("the boolean {value}"),
        Unexpected::Unsigned(value) => format!("the integer {value}"),
        Unexpected::Signed(value) => format!("the integer {value}"),
        Unexpected::Float(value) => format!("the number {value:?}"),
        Unexpected::Char(_) | Unexpected::Str(_) => "a string".to_owned(),
        Unexpected::Bytes(_) => "bytes".to_owned(),
        Unexpected::Unit | Unexpected::Option => "null".to_owned(),
        Unexpected::Seq => "an array".to_owned(),
        Unexpected::Map => "an object".to_owned(),
        // As serde says it of a number beyond 64 bits.
        Unexpected::Other(said) if said.starts_with("integer `") => {
            format!(
                "the {}",
                said.replace('`', "")
                    .replace(" as u128", "")
                    .replace(" as i128", "")
            )
        }
        other => other.to_string(),
    }
}

/// Reads one item, and says whether anything follows it.
pub fn from_slice<'de, T: de::Deserialize<'de>>(bytes: &'de [u8]) -> Result<(T, bool), Fault> {
    let mut items = Items {
        reader: SliceReader::new(bytes),
        readable: false,
    };
    let value = T::deserialize(&mut items)?;
    let more = items.peek().is_ok();
    Ok((value, more))
}

/// What is wrong with some JSON that is no such type, and where: serde_json's own errors have no
/// path. None where it is right for this reader.
pub fn fault_in_json<T: de::DeserializeOwned>(json: &[u8]) -> Option<Fault> {
    let value: serde_json::Value = serde_json::from_slice(json).ok()?;
    let bytes = cbor4ii::serde::to_vec(Vec::new(), &Nulls(&value)).ok()?;
    let mut items = Items {
        reader: SliceReader::new(&bytes),
        readable: true,
    };
    T::deserialize(&mut items).err()
}

/// A float of 16 bits; each is exact as one of 32.
fn half(bits: u16) -> f32 {
    let (exponent, fraction) = (i32::from(bits >> 10 & 0x1f), f32::from(bits & 0x3ff));
    let size = match exponent {
        0 => fraction * 2.0_f32.powi(-24),
        0x1f if fraction == 0.0 => f32::INFINITY,
        0x1f => f32::NAN,
        _ => (1024.0 + fraction) * 2.0_f32.powi(exponent - 25),
    };
    if bits & 0x8000 == 0 { size } else { -size }
}

/// An integer of any size, as tags 2 and 3 have it.
struct Big {
    negative: bool,
    /// Big end first, without leading zeros.
    magnitude: Vec<u8>,
}

/// Bytes that begin an integer of any size: tags 2 and 3.
const POSITIVE_BIG: u8 = 0xc2;
const NEGATIVE_BIG: u8 = 0xc3;
const BEYOND: Unexpected<'static> = Unexpected::Other("an integer of more than 128 bits");

impl Big {
    fn magnitude(&self) -> Option<u128> {
        let mut bytes = [0; 16];
        let start = bytes.len().checked_sub(self.magnitude.len())?;
        bytes[start..].copy_from_slice(&self.magnitude);
        Some(u128::from_be_bytes(bytes))
    }

    /// As the nearest float; infinite where there is none.
    fn to_float(&self) -> f64 {
        let (high, low) = (self.magnitude).split_at(self.magnitude.len().min(16));
        let high = high
            .iter()
            .fold(0, |sum, byte| sum << 8 | u128::from(*byte));
        // What is cut off can only decide between two floats when the rest is half way.
        let high = high | u128::from(low.iter().any(|byte| *byte != 0));
        let bits = i32::try_from(low.len().saturating_mul(8)).unwrap_or(i32::MAX);
        let size = high as f64 * 2.0_f64.powi(bits);
        if self.negative { -size } else { size }
    }

    /// Decimal digits, none of them a zero at the beginning.
    fn digits(&self) -> String {
        const GROUP: u64 = 1_000_000_000;
        let mut words: Vec<u32> = (self.magnitude.rchunks(4).rev())
            .map(|bytes| {
                bytes
                    .iter()
                    .fold(0, |word, byte| word << 8 | u32::from(*byte))
            })
            .collect();
        let mut groups = Vec::new();
        while words.iter().any(|word| *word != 0) {
            let mut rest = 0;
            for word in &mut words {
                let value = rest << 32 | u64::from(*word);
                // Less than 2^32, since the rest before it is less than the divisor.
                *word = (value / GROUP) as u32;
                rest = value % GROUP;
            }
            groups.push(rest);
        }
        let text: String = (groups.iter().rev())
            .map(|group| format!("{group:09}"))
            .collect();
        text.trim_start_matches('0').to_owned()
    }

    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        integer(self.negative, self.magnitude(), visitor)
    }
}

/// An integer by its sign and its size, which is None where it has more than 128 bits.
fn integer<'de, V: Visitor<'de>>(
    negative: bool,
    size: Option<u128>,
    visitor: V,
) -> Result<V::Value, Fault> {
    let Some(size) = size else {
        return Err(de::Error::invalid_value(BEYOND, &visitor));
    };
    if !negative {
        return match u64::try_from(size) {
            Ok(value) => visitor.visit_u64(value),
            Err(_) => visitor.visit_u128(size),
        };
    }
    match 0_i128.checked_sub_unsigned(size) {
        Some(value) => match i64::try_from(value) {
            Ok(value) => visitor.visit_i64(value),
            Err(_) => visitor.visit_i128(value),
        },
        None => Err(de::Error::invalid_value(BEYOND, &visitor)),
    }
}

/// Bytes that begin a fraction: a whole number times a power of 10 (tag 4), or of 2 (tag 5).
const DECIMAL: u8 = 0xc4;
const BIG_FLOAT: u8 = 0xc5;

/// The whole numbers of a decimal fraction are turned into text, which takes the square of their
/// length: this is more than a thousand digits.
const MAX_FRACTION_BYTES: usize = 512;

/// A whole number times a power of 10 or of 2, as Java's `BigDecimal` is written.
struct Fraction {
    negative: bool,
    value: Size,
}

/// How large a fraction is.
enum Size {
    /// Decimal digits without a zero at either end (none for zero), times 10 to that power.
    Decimal { digits: String, power: i64 },
    /// A whole number times 2 to that power.
    Binary { whole: Big, power: i64 },
}

impl Fraction {
    fn decimal(whole: &Big, power: i64) -> Self {
        let digits = whole.digits();
        let kept = digits.trim_end_matches('0');
        let cut = i64::try_from(digits.len() - kept.len()).unwrap_or(i64::MAX);
        Self {
            negative: whole.negative,
            value: Size::Decimal {
                digits: kept.to_owned(),
                power: power.saturating_add(cut),
            },
        }
    }

    fn binary(whole: Big, power: i64) -> Self {
        Self {
            negative: whole.negative,
            value: Size::Binary { whole, power },
        }
    }

    /// In the form that Rust reads as a float, and JSON as a number.
    fn text(&self) -> String {
        let sign = if self.negative { "-" } else { "" };
        match &self.value {
            Size::Decimal { digits, .. } if digits.is_empty() => "0".to_owned(),
            Size::Decimal { digits, power } => {
                // Where the point stands in the digits.
                let point = i64::try_from(digits.len())
                    .unwrap_or(i64::MAX)
                    .saturating_add(*power);
                match usize::try_from(point) {
                    _ if *power == 0 => format!("{sign}{digits}"),
                    Ok(at) if at > 0 && *power < 0 => {
                        format!("{sign}{}.{}", &digits[..at], &digits[at..])
                    }
                    _ if (-5..=0).contains(&point) => {
                        let zeros = usize::try_from(-point).unwrap_or(0);
                        format!("{sign}0.{}{digits}", "0".repeat(zeros))
                    }
                    _ => format!("{sign}{digits}e{power}"),
                }
            }
            Size::Binary { .. } => format!("{:?}", self.to_float()),
        }
    }

    /// As the nearest float; infinite where it is too large.
    fn to_float(&self) -> f64 {
        match &self.value {
            Size::Decimal { .. } => self.text().parse().unwrap_or(f64::NAN),
            Size::Binary { whole, power } => {
                // In steps that are floats themselves. More steps could change nothing more.
                let mut left =
                    i32::try_from(*power).unwrap_or(if *power < 0 { i32::MIN } else { i32::MAX });
                let mut value = whole.to_float();
                for _ in 0..8 {
                    let step = left.clamp(-1000, 1000);
                    value *= 2.0_f64.powi(step);
                    left -= step;
                }
                value
            }
        }
    }

    /// The size where it is a whole number of at most 128 bits; None within where it is larger.
    fn whole(&self) -> Option<Option<u128>> {
        match &self.value {
            Size::Decimal { digits, .. } if digits.is_empty() => Some(Some(0)),
            Size::Decimal { digits, power } => {
                let zeros = usize::try_from(*power).ok()?;
                // One of 128 bits has at most 39 digits.
                Some(match digits.len().saturating_add(zeros) {
                    0..=39 => format!("{digits}{}", "0".repeat(zeros)).parse().ok(),
                    _ => None,
                })
            }
            Size::Binary { whole, power } => {
                let Some(size) = whole.magnitude() else {
                    return (*power >= 0).then_some(None);
                };
                let shift = u32::try_from(power.unsigned_abs()).unwrap_or(u32::MAX);
                match *power {
                    _ if size == 0 => Some(Some(0)),
                    0.. => Some((shift <= size.leading_zeros()).then(|| size << shift)),
                    _ => (shift <= size.trailing_zeros()).then(|| Some(size >> shift)),
                }
            }
        }
    }

    /// An integer where it is a whole number.
    fn integer<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        match self.whole() {
            Some(Some(size)) => integer(self.negative, Some(size), visitor),
            Some(None) => Err(de::Error::invalid_value(BEYOND, &visitor)),
            None => Err(de::Error::custom(format_args!(
                "expected {}, got the number {}, which has a fraction: send a long or a \
                 BigInteger, or take an f64",
                words(&visitor),
                self.shown()
            ))),
        }
    }

    /// A number as JSON's reader would have it: an integer of 64 bits, or the nearest float.
    fn visit<'de, V: Visitor<'de>>(&self, visitor: V) -> Result<V::Value, Fault> {
        match self.whole() {
            Some(Some(size)) if size <= 1 << 63 || !self.negative && size >> 64 == 0 => {
                integer(self.negative, Some(size), visitor)
            }
            _ => {
                let value = self.to_float();
                if value.is_infinite() {
                    return Err(self.too_large(&visitor));
                }
                visitor.visit_f64(value)
            }
        }
    }

    fn too_large(&self, expected: &dyn Expected) -> Fault {
        de::Error::custom(format_args!(
            "expected {}, got the number {}, which does not fit: send it as a String",
            words(expected),
            self.shown()
        ))
    }

    /// Of a long one the beginning.
    fn shown(&self) -> String {
        let text = self.text();
        match text.get(..MAX_SHOWN) {
            Some(start) if text.len() > MAX_SHOWN => format!("{start}..."),
            _ => text,
        }
    }
}

/// Of a number no more than so many characters are told.
const MAX_SHOWN: usize = 60;

struct Items<'de> {
    reader: SliceReader<'de>,
    /// Whether types are offered what they write for people.
    readable: bool,
}

impl<'de> Items<'de> {
    fn peek(&mut self) -> Result<u8, Fault> {
        let Ok(next) = self.reader.fill(1);
        next.as_ref()
            .first()
            .copied()
            .ok_or_else(|| de::Error::custom("the bytes end where a value should begin"))
    }

    /// All that has not been read.
    fn rest(&mut self) -> &'de [u8] {
        match self.reader.fill(usize::MAX) {
            Ok(cbor4ii::core::dec::Reference::Long(rest)) => rest,
            _ => &[],
        }
    }

    fn read<T: Decode<'de>>(&mut self) -> Result<T, Fault> {
        T::decode(&mut self.reader).map_err(Fault::of)
    }

    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Result<T, Fault>) -> Result<T, Fault> {
        if !self.reader.step_in() {
            return Err(de::Error::custom(TOO_DEEP));
        }
        let value = read(self);
        self.reader.step_out();
        value
    }

    fn array<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.nested(|items| {
            let left = types::Array::<()>::len(&mut items.reader).map_err(Fault::of)?;
            let mut members = Members::new(items, left);
            let value = visitor.visit_seq(&mut members)?;
            if members.more()? {
                return Err(de::Error::custom(format_args!(
                    "expected an array of {} elements, got more",
                    members.index
                )));
            }
            Ok(value)
        })
    }

    fn map<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        self.nested(|items| {
            let left = types::Map::<()>::len(&mut items.reader).map_err(Fault::of)?;
            let mut members = Members::new(items, left);
            let value = visitor.visit_map(&mut members)?;
            if members.more()? {
                return Err(de::Error::custom(
                    "an object has more fields than are taken",
                ));
            }
            Ok(value)
        })
    }

    /// A number of tag 2, or of tag 3, where one more is meant than the bytes say.
    fn big(&mut self) -> Result<Big, Fault> {
        let negative = self.peek()? == NEGATIVE_BIG;
        self.reader.advance(1);
        if self.peek()? >> 5 != major::BYTES {
            return Err(de::Error::custom(
                "the bytes are no CBOR: the tag of a large integer is not followed by bytes",
            ));
        }
        let bytes = self.read::<types::Bytes<Cow<'de, [u8]>>>()?.0;
        let first = bytes.iter().position(|byte| *byte != 0);
        let mut magnitude = bytes[first.unwrap_or(bytes.len())..].to_vec();
        if negative {
            let mut carry = true;
            for byte in magnitude.iter_mut().rev() {
                (*byte, carry) = byte.overflowing_add(u8::from(carry));
            }
            if carry {
                magnitude.insert(0, 1);
            }
        }
        Ok(Big {
            negative,
            magnitude,
        })
    }

    /// A fraction of tag 4 or 5: an array of a power and a whole number.
    fn fraction(&mut self) -> Result<Fraction, Fault> {
        let broken = || {
            de::Error::custom(
                "the bytes are no CBOR: the tag of a fraction is not followed by an array of two integers",
            )
        };
        let decimal = self.peek()? == DECIMAL;
        self.reader.advance(1);
        if self.peek()? >> 5 != major::ARRAY {
            return Err(broken());
        }
        let length = types::Array::<()>::len(&mut self.reader).map_err(Fault::of)?;
        if !matches!(length, None | Some(2)) {
            return Err(broken());
        }
        if !matches!(self.peek()? >> 5, major::UNSIGNED | major::NEGATIVE) {
            return Err(broken());
        }
        // Saturated: by then each number is infinite, or zero.
        let power = self.read::<i128>()?;
        let power = i64::try_from(power).unwrap_or(if power < 0 { i64::MIN } else { i64::MAX });
        let whole = match self.peek()? {
            POSITIVE_BIG | NEGATIVE_BIG => self.big()?,
            byte if matches!(byte >> 5, major::UNSIGNED | major::NEGATIVE) => {
                let value = self.read::<i128>()?;
                let magnitude = value.unsigned_abs().to_be_bytes();
                let first = magnitude.iter().position(|byte| *byte != 0);
                Big {
                    negative: value < 0,
                    magnitude: magnitude[first.unwrap_or(magnitude.len())..].to_vec(),
                }
            }
            _ => return Err(broken()),
        };
        if length.is_none() && !is_break(&mut self.reader).map_err(Fault::of)? {
            return Err(broken());
        }
        if whole.magnitude.len() > MAX_FRACTION_BYTES {
            return Err(de::Error::custom(
                "a number with a fraction has too many digits: round it, or send it as a String",
            ));
        }
        Ok(match decimal {
            true => Fraction::decimal(&whole, power),
            false => Fraction::binary(whole, power),
        })
    }

    fn integer<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek()? {
            DECIMAL | BIG_FLOAT => self.fraction()?.integer(visitor),
            _ => self.deserialize_any(visitor),
        }
    }

    fn bytes(&mut self) -> Result<Cow<'de, [u8]>, Fault> {
        Ok(self.read::<types::Bytes<Cow<'de, [u8]>>>()?.0)
    }

    /// An array, or bytes, which are one of small integers.
    fn list<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        if self.peek()? >> 5 != major::BYTES {
            return self.deserialize_any(visitor);
        }
        let bytes = self.bytes()?;
        let mut octets = Octets {
            bytes: bytes.iter().enumerate(),
            readable: self.readable,
        };
        let value = visitor.visit_seq(&mut octets)?;
        match octets.bytes.next() {
            Some((taken, _)) => Err(de::Error::custom(format_args!(
                "expected an array of {}, got {}",
                counted(taken, "element"),
                counted(bytes.len(), "byte")
            ))),
            None => Ok(value),
        }
    }

    /// Text, where serde's own types would take bytes for text in UTF-8.
    fn text<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        if self.peek()? >> 5 == major::BYTES {
            let bytes = self.bytes()?;
            return Err(de::Error::invalid_type(Unexpected::Bytes(&bytes), &visitor));
        }
        self.deserialize_any(visitor)
    }

    /// Bytes, where some types would take text for its bytes. What is made of JSON has no other.
    fn binary<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Fault> {
        if !self.readable && self.peek()? >> 5 == major::STRING {
            let text = self.read::<Cow<'de, str>>()?;
            return Err(de::Error::invalid_type(Unexpected::Str(&text), &visitor));
        }
        self.deserialize_any(visitor)
    }

    /// A number as a float that `fits` the type. Serde's own visitor does not take those beyond 64
    /// bits, and makes infinity of a double that is too large for an `f32`.
    fn float<V: Visitor<'de>>(
        &mut self,
        visitor: V,
        fits: impl Fn(f64) -> bool,
    ) -> Result<V::Value, Fault> {
        let value = match self.peek()? {
            DECIMAL | BIG_FLOAT => {
                let fraction = self.fraction()?;
                let value = fraction.to_float();
                if value.is_infinite() || !fits(value) {
                    return Err(fraction.too_large(&visitor));
                }
                value
            }
            POSITIVE_BIG | NEGATIVE_BIG => {
                let big = self.big()?;
                match big.to_float() {
                    value if value.is_finite() && fits(value) => value,
                    // An f32 takes none beyond its own 128 bits, so this is no less than the truth.
                    _ => return Err(de::Error::invalid_value(BEYOND, &visitor)),
                }
            }
            marker::F64 => self.read()?,
            byte if byte >> 5 == major::NEGATIVE => self.read::<i128>()? as f64,
            _ => return self.deserialize_any(visitor),
        };
        if value.is_finite() && !fits(value) {
            return Err(de::Error::invalid_value(Unexpected::Float(value), &visitor));
        }
        visitor.visit_f64(value)
    }
}

macro_rules! read_as {
    ($($how:ident: $($method:ident)*;)*) => {$($(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.$how(visitor)
        }
    )*)*};
}

impl<'de> de::Deserializer<'de> for &mut Items<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        let byte = self.peek()?;
        match byte >> 5 {
            major::UNSIGNED => visitor.visit_u64(self.read()?),
            major::NEGATIVE => {
                let value: i128 = self.read()?;
                match i64::try_from(value) {
                    Ok(value) => visitor.visit_i64(value),
                    Err(_) => visitor.visit_i128(value),
                }
            }
            major::BYTES => match self.bytes()? {
                Cow::Borrowed(bytes) => visitor.visit_borrowed_bytes(bytes),
                Cow::Owned(bytes) => visitor.visit_byte_buf(bytes),
            },
            major::STRING => match self.read::<Cow<'de, str>>()? {
                Cow::Borrowed(text) => visitor.visit_borrowed_str(text),
                Cow::Owned(text) => visitor.visit_string(text),
            },
            major::ARRAY => self.array(visitor),
            major::MAP => self.map(visitor),
            major::TAG if matches!(byte, POSITIVE_BIG | NEGATIVE_BIG) => self.big()?.visit(visitor),
            major::TAG if matches!(byte, DECIMAL | BIG_FLOAT) => self.fraction()?.visit(visitor),
            _ => match byte {
                marker::FALSE | marker::TRUE => visitor.visit_bool(self.read()?),
                marker::NULL | marker::UNDEFINED => {
                    self.reader.advance(1);
                    visitor.visit_unit()
                }
                marker::F16 => visitor.visit_f32(half(self.read::<types::F16>()?.0)),
                marker::F32 => visitor.visit_f32(self.read()?),
                marker::F64 => visitor.visit_f64(self.read()?),
                _ => {
                    let found = match byte {
                        0xff => "nothing",
                        0xc0..=0xdb => "a value with a tag of CBOR that serde has no type for",
                        _ => "a simple value of CBOR that serde has no type for",
                    };
                    Err(de::Error::invalid_type(Unexpected::Other(found), &visitor))
                }
            },
        }
    }

    read_as! {
        integer:
            deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
            deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128;
        text: deserialize_char deserialize_str deserialize_string deserialize_identifier;
        binary: deserialize_bytes deserialize_byte_buf;
        list: deserialize_seq;
        deserialize_any: deserialize_bool deserialize_map;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.float(visitor, |value| (value as f32).is_finite())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.float(visitor, |_| true)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.peek()? {
            marker::NULL | marker::UNDEFINED => {
                self.reader.advance(1);
                visitor.visit_none()
            }
            _ => self.nested(|items| visitor.visit_some(items)),
        }
    }

    /// An empty array, too: so cbor4ii writes `()`.
    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.peek()? == major::ARRAY << 5 {
            self.reader.advance(1);
            return visitor.visit_unit();
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.nested(|items| visitor.visit_newtype_struct(items))
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.list(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_any(visitor)
    }

    /// A variant's name, or an object whose one field is named as the variant.
    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        _variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self.peek()? >> 5 {
            major::STRING => self.nested(|items| visitor.visit_enum(Variant { items, key: None })),
            major::MAP => self.nested(|items| {
                let left = types::Map::<()>::len(&mut items.reader).map_err(Fault::of)?;
                if left.is_none() && is_break(&mut items.reader).map_err(Fault::of)? {
                    return Err(de::Error::custom(format_args!(
                        "expected {ONE_FIELD}, got 0 fields"
                    )));
                }
                if !matches!(left, None | Some(1)) {
                    return Err(de::Error::custom(format_args!(
                        "expected {ONE_FIELD}, got {} fields",
                        left.unwrap_or(0)
                    )));
                }
                let value = visitor.visit_enum(Variant {
                    key: Some(items.rest()),
                    items: &mut *items,
                })?;
                if left.is_none() && !is_break(&mut items.reader).map_err(Fault::of)? {
                    return Err(de::Error::custom(format_args!(
                        "expected {ONE_FIELD}, got more"
                    )));
                }
                Ok(value)
            }),
            // Neither: what it is, the visitor of an enum says of itself.
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.read::<IgnoredAny>()?;
        visitor.visit_unit()
    }

    fn is_human_readable(&self) -> bool {
        self.readable
    }
}

/// The elements of an array, or the fields of an object.
struct Members<'a, 'de> {
    items: &'a mut Items<'de>,
    /// None where a break ends them.
    left: Option<usize>,
    /// How many were begun.
    index: usize,
    /// What begins with the key of the last field: decoded only where an error needs its name.
    key: &'de [u8],
    ended: bool,
}

impl<'a, 'de> Members<'a, 'de> {
    fn new(items: &'a mut Items<'de>, left: Option<usize>) -> Self {
        Self {
            items,
            left,
            index: 0,
            key: &[],
            ended: false,
        }
    }

    /// Whether another follows; an end of unknown length is taken off.
    fn more(&mut self) -> Result<bool, Fault> {
        if self.ended {
            return Ok(false);
        }
        self.ended = match self.left {
            Some(left) => left == 0,
            None => is_break(&mut self.items.reader).map_err(Fault::of)?,
        };
        Ok(!self.ended)
    }

    fn begin(&mut self) -> Result<bool, Fault> {
        if !self.more()? {
            return Ok(false);
        }
        if let Some(left) = &mut self.left {
            *left -= 1;
        }
        self.index += 1;
        Ok(true)
    }
}

/// The key of a field, or the name of a variant, that begins these bytes.
fn name(key: &[u8]) -> String {
    match Cow::<'_, str>::decode(&mut SliceReader::new(key)) {
        Ok(name) => name.into_owned(),
        Err(_) => i128::decode(&mut SliceReader::new(key))
            .map_or_else(|_| "?".to_owned(), |number| number.to_string()),
    }
}

/// The key itself, in words: text is quoted.
fn key_words(key: &[u8]) -> String {
    match Cow::<'_, str>::decode(&mut SliceReader::new(key)) {
        Ok(text) => format!("the key {text:?}"),
        Err(_) => match name(key).as_str() {
            "?" => "a key".to_owned(),
            number => format!("the key {number}"),
        },
    }
}

impl<'de> de::SeqAccess<'de> for &mut Members<'_, 'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if !self.begin()? {
            return Ok(None);
        }
        seed.deserialize(&mut *self.items)
            .map(Some)
            .map_err(|fault| fault.at(Step::Element(self.index - 1)))
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

impl<'de> de::MapAccess<'de> for &mut Members<'_, 'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        if !self.begin()? {
            return Ok(None);
        }
        self.key = self.items.rest();
        seed.deserialize(Key(&mut *self.items))
            .map(Some)
            .map_err(|fault| match fault.names_key {
                true => fault,
                false => fault.at(Step::Key(key_words(self.key))),
            })
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Fault> {
        seed.deserialize(&mut *self.items)
            .map_err(|fault| fault.at(Step::Field(name(self.key))))
    }

    fn size_hint(&self) -> Option<usize> {
        self.left
    }
}

/// Bytes as an array.
struct Octets<'a> {
    bytes: std::iter::Enumerate<std::slice::Iter<'a, u8>>,
    readable: bool,
}

impl<'de> de::SeqAccess<'de> for &mut Octets<'_> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Some((index, byte)) = self.bytes.next() else {
            return Ok(None);
        };
        let octet = Octet {
            value: *byte,
            readable: self.readable,
        };
        seed.deserialize(octet).map(Some).map_err(|mut fault| {
            fault.text.push_str(" (bytes came in place of an array)");
            fault.at(Step::Element(index))
        })
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.bytes.len())
    }
}

/// One of the bytes that stand for an array.
struct Octet {
    value: u8,
    readable: bool,
}

impl<'de> de::Deserializer<'de> for Octet {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u8(self.value)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }

    fn is_human_readable(&self) -> bool {
        self.readable
    }
}

/// The key of a field: text stands for a number where a number is wanted, as in JSON.
struct Key<'a, 'de>(&'a mut Items<'de>);

macro_rules! numbers_from_text {
    ($($method:ident $type:ty, $visit:ident;)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            if self.0.peek()? >> 5 != major::STRING {
                return self.0.$method(visitor);
            }
            let text = self.0.read::<Cow<'de, str>>()?;
            match text.parse::<$type>() {
                Ok(number) => visitor.$visit(number),
                Err(_) => Err(de::Error::invalid_type(Unexpected::Str(&text), &visitor)),
            }
        }
    )*};
}

macro_rules! read_key_as {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            self.0.$method(visitor)
        }
    )*};
}

impl<'de> Key<'_, 'de> {
    fn float<V: Visitor<'de>>(
        self,
        visitor: V,
        fits: impl Fn(f64) -> bool,
    ) -> Result<V::Value, Fault> {
        if self.0.peek()? >> 5 != major::STRING {
            return self.0.float(visitor, fits);
        }
        let text = self.0.read::<Cow<'de, str>>()?;
        match text.parse::<f64>() {
            // An infinity that is not meant: both languages spell one that is with letters.
            Ok(value)
                if !value.is_finite() && text.contains(|digit: char| digit.is_ascii_digit())
                    || value.is_finite() && !fits(value) =>
            {
                Err(de::Error::custom(format_args!(
                    "expected {}, got a number{NO_FIT}",
                    words(&visitor)
                )))
            }
            Ok(value) => visitor.visit_f64(value),
            Err(_) => Err(de::Error::invalid_type(Unexpected::Str(&text), &visitor)),
        }
    }
}

impl<'de> de::Deserializer<'de> for Key<'_, 'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.0.deserialize_any(visitor)
    }

    numbers_from_text! {
        deserialize_i8 i8, visit_i8;
        deserialize_i16 i16, visit_i16;
        deserialize_i32 i32, visit_i32;
        deserialize_i64 i64, visit_i64;
        deserialize_i128 i128, visit_i128;
        deserialize_u8 u8, visit_u8;
        deserialize_u16 u16, visit_u16;
        deserialize_u32 u32, visit_u32;
        deserialize_u64 u64, visit_u64;
        deserialize_u128 u128, visit_u128;
        deserialize_bool bool, visit_bool;
    }

    fn deserialize_f32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.float(visitor, |value| (value as f32).is_finite())
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.float(visitor, |_| true)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.peek()? {
            marker::NULL | marker::UNDEFINED => self.0.deserialize_option(visitor),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_enum(name, variants, visitor)
    }

    read_key_as! {
        deserialize_char deserialize_str deserialize_string deserialize_bytes deserialize_byte_buf
        deserialize_unit deserialize_seq deserialize_map deserialize_identifier
        deserialize_ignored_any
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_unit_struct(name, visitor)
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.0.deserialize_tuple(len, visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_tuple_struct(name, len, visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.0.deserialize_struct(name, fields, visitor)
    }

    /// So that a type is read as it is written as a key: Java's `Map<UUID, _>` has text there.
    fn is_human_readable(&self) -> bool {
        true
    }
}

/// The name of a variant, and its data where it has some.
struct Variant<'a, 'de> {
    items: &'a mut Items<'de>,
    /// What begins with the name, where data follows it.
    key: Option<&'de [u8]>,
}

impl<'a, 'de> de::EnumAccess<'de> for Variant<'a, 'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Fault> {
        let variant = seed.deserialize(&mut *self.items)?;
        Ok((variant, self))
    }
}

impl<'de> Variant<'_, 'de> {
    /// Reads the data; what is wrong with it is told with the variant's name before it.
    fn data<T>(
        self,
        what: &str,
        read: impl FnOnce(&mut Items<'de>) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        let Some(key) = self.key else {
            return Err(de::Error::custom(format_args!(
                "expected a variant with {what}, got its name alone"
            )));
        };
        read(self.items).map_err(|fault| fault.at(Step::Field(name(key))))
    }
}

impl<'de> de::VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        match self.key {
            Some(_) => self.data("null", |items| de::Deserialize::deserialize(items)),
            None => Ok(()),
        }
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        self.data("a value", |items| seed.deserialize(items))
    }

    fn tuple_variant<V: Visitor<'de>>(self, _len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.data("an array", |items| items.list(visitor))
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        _fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.data("an object", |items| items.deserialize_any(visitor))
    }
}
