//! Options as text: sizes, time spans, and what else stands on a command line or in a file as a word.
//!
//! Each type has one way in, `FromStr`, and one way out, `Display`; the file's way ([`serde`]) and
//! the command line's (`clap`) both go through these.

use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use ringwork_ring::ArenaClass;
use ringwork_ring::format::bytes::Bytes;
use ringwork_ring::format::config::{parse_arena, parse_size};
use ringwork_ring::format::names::Choice;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A size in bytes: `64MiB`, `16k`, `1048576`. Shown rounded, written into files to the byte.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Size(pub u64);

impl FromStr for Size {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_size(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl fmt::Display for Size {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Bytes(self.0).fmt(f)
    }
}

impl Serialize for Size {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u64(self.0)
    }
}

/// A duration: `30s`, `500ms`, `2m`, `1h`, `0`; a bare number is seconds. Microseconds (`us`) and
/// nanoseconds (`ns`) are read, too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span(pub Duration);

impl FromStr for Span {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no duration: write a number with ms, s, m or h, such as 500ms or 30s"
            )
        };
        let trimmed = text.trim();
        let digits = trimmed
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(trimmed.len());
        let (number, unit) = trimmed.split_at(digits);
        let one: u64 = match unit.trim() {
            "ns" => 1,
            "us" | "µs" => 1_000,
            "ms" => 1_000_000,
            "" | "s" => SECOND,
            "m" | "min" => 60 * SECOND,
            "h" => 3600 * SECOND,
            _ => return Err(bad()),
        };
        // Whole numbers exactly: a float has not the digits for long times to the nanosecond.
        if let Ok(number) = number.parse::<u128>() {
            let nanoseconds = number.checked_mul(one.into()).ok_or_else(bad)?;
            let seconds = u64::try_from(nanoseconds / u128::from(SECOND)).map_err(|_| bad())?;
            let rest = (nanoseconds % u128::from(SECOND)) as u32;
            return Ok(Self(Duration::new(seconds, rest)));
        }
        let number: f64 = number.parse().map_err(|_| bad())?;
        Duration::try_from_secs_f64(number * (one as f64 / SECOND as f64))
            .map(Self)
            .map_err(|_| bad())
    }
}

/// Nanoseconds of a second.
const SECOND: u64 = 1_000_000_000;

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Whole, in the largest unit that does: what is printed here is read again above.
        let whole = self.0.as_nanos();
        let units = [(u128::from(SECOND), "s"), (1_000_000, "ms"), (1_000, "us")];
        match units
            .into_iter()
            .find(|(one, _)| whole.is_multiple_of(*one))
        {
            Some((one, unit)) => write!(f, "{}{unit}", whole / one),
            None => write!(f, "{whole}ns"),
        }
    }
}

/// A value, or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OrOff<T>(pub Option<T>);

impl<T: FromStr<Err = String>> FromStr for OrOff<T> {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text.trim() {
            "off" => Ok(Self(None)),
            text => text
                .parse()
                .map(|value| Self(Some(value)))
                .map_err(|error| format!("{error}; or off")),
        }
    }
}

impl<T: fmt::Display> fmt::Display for OrOff<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(value) => value.fmt(f),
            None => f.write_str("off"),
        }
    }
}

impl<T: Serialize> Serialize for OrOff<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match &self.0 {
            Some(value) => value.serialize(serializer),
            None => serializer.serialize_str("off"),
        }
    }
}

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for OrOff<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer)
    }
}

/// The size classes of an arena, ascending: `1KiB:1024,16KiB:96:24`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arena(pub Vec<ArenaClass>);

impl FromStr for Arena {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        parse_arena(text)
            .map(Self)
            .map_err(|error| error.to_string())
    }
}

impl fmt::Display for Arena {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, class) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "," };
            let units = [(30, "GiB"), (20, "MiB"), (10, "KiB"), (0, "B")];
            let size = class.size as u64;
            let (shift, unit) = units
                .into_iter()
                .find(|(shift, _)| size.trailing_zeros() >= *shift)
                .unwrap_or((0, "B"));
            let ArenaClass {
                count, reserved, ..
            } = class;
            write!(f, "{separator}{}{unit}:{count}:{reserved}", size >> shift)?;
        }
        Ok(())
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(u64),
    Fraction(f64),
}

/// A value that a file has as text, or as a number where the text would be one.
pub(crate) fn from_text_or_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: FromStr<Err = String>,
{
    let text = match TextOrNumber::deserialize(deserializer)? {
        TextOrNumber::Text(text) => text,
        TextOrNumber::Number(number) => number.to_string(),
        TextOrNumber::Fraction(number) => number.to_string(),
    };
    text.parse().map_err(serde::de::Error::custom)
}

/// Reads these types from a file as from a command line.
macro_rules! read_as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                $crate::config::text::from_text_or_number(deserializer)
            }
        }
    )+};
}

/// Writes these types into a file as they are shown.
macro_rules! written_as_text {
    ($($type:ty),+ $(,)?) => {$(
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }
    )+};
}

pub(crate) use {read_as_text, written_as_text};

read_as_text!(Size, Span, Arena);
written_as_text!(Span, Arena);

/// The command line's parser of a choice: with its names, and a line of help for each.
#[doc(hidden)]
pub fn choice<T: Choice + Send + Sync>() -> impl TypedValueParser<Value = T> {
    let named =
        |value: &T| PossibleValue::new(value.as_name()).help(value.help().trim_end_matches('.'));
    PossibleValuesParser::new(T::VALUES.iter().map(named)).try_map(|name| name.parse())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spans_read_and_refuse() {
        let ms = |text: &str| text.parse::<Span>().unwrap().0.as_millis();
        assert_eq!(
            [
                ms("30s"),
                ms("500ms"),
                ms("2m"),
                ms("1.5 s"),
                ms("0"),
                ms("7")
            ],
            [30_000, 500, 120_000, 1500, 0, 7000]
        );
        for bad in ["", "s", "3 days", "-1s", "1e9h", "."] {
            assert!(bad.parse::<Span>().is_err(), "{bad}");
        }
    }

    #[test]
    fn spans_are_read_as_they_are_shown() {
        let spans = [
            (Duration::ZERO, "0s"),
            (Duration::from_millis(1500), "1500ms"),
            (Duration::from_micros(5), "5us"),
            (Duration::from_secs(90), "90s"),
            (
                Duration::new(100_000_000, 123_456_789),
                "100000000123456789ns",
            ),
            (Duration::MAX, "18446744073709551615999999999ns"),
        ];
        for (span, text) in spans {
            assert_eq!(Span(span).to_string(), text);
            assert_eq!(text.parse(), Ok(Span(span)));
        }
    }

    #[test]
    fn classes_are_read_as_they_are_shown() {
        for text in ["1KiB:1024:256", "64B:2:1,192B:8:2,10MiB:22:5,3GiB:2:1"] {
            let arena: Arena = text.parse().unwrap();
            assert_eq!(arena.to_string(), text);
        }
    }
}
