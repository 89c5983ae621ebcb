//! Sizes and durations as people write them, on the command line and in files.

use ringwork_ring::config::parse_size;
use serde::{Deserialize, Deserializer};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A size in bytes: `64MiB`, `16k`, `1048576`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Size(pub(super) u64);

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
        let units = [(30, "GiB"), (20, "MiB"), (10, "KiB")];
        match units.into_iter().find(|(shift, _)| self.0 >= 1 << shift) {
            None => write!(f, "{} B", self.0),
            Some((shift, unit)) if self.0.trailing_zeros() >= shift => {
                write!(f, "{} {unit}", self.0 >> shift)
            }
            Some((shift, unit)) => {
                write!(f, "{:.1} {unit}", self.0 as f64 / (1_u64 << shift) as f64)
            }
        }
    }
}

/// A duration: `30s`, `500ms`, `2m`, `1h`, `0`; a bare number is seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span(pub(super) Duration);

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
        let seconds = match unit.trim() {
            "us" | "µs" => 1e-6,
            "ms" => 1e-3,
            "" | "s" => 1.0,
            "m" | "min" => 60.0,
            "h" => 3600.0,
            _ => return Err(bad()),
        };
        let number: f64 = number.parse().map_err(|_| bad())?;
        Duration::try_from_secs_f64(number * seconds)
            .map(Self)
            .map_err(|_| bad())
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// Nanoseconds, to three digits: `870 ns`, `12.4 µs`, `1.25 s`.
pub(super) fn nanoseconds(ns: u64) -> String {
    let units = [(1_000_000_000, "s"), (1_000_000, "ms"), (1_000, "µs")];
    match units.into_iter().find(|(one, _)| ns >= *one) {
        None => format!("{ns} ns"),
        Some((one, unit)) => {
            let value = ns as f64 / one as f64;
            let digits = if value < 10.0 {
                2
            } else {
                usize::from(value < 100.0)
            };
            format!("{value:.digits$} {unit}")
        }
    }
}

#[derive(Deserialize)]
#[serde(untagged)]
enum TextOrNumber {
    Text(String),
    Number(u64),
    Fraction(f64),
}

fn from_text_or_number<'de, D, T>(deserializer: D) -> Result<T, D::Error>
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

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer)
    }
}

impl<'de> Deserialize<'de> for Span {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text_or_number(deserializer)
    }
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
    fn sizes_and_times_are_shown_short() {
        let size = |bytes| Size(bytes).to_string();
        assert_eq!(
            [size(7), size(60 << 20), size(1536), size(3 << 30)],
            ["7 B", "60 MiB", "1.5 KiB", "3 GiB"]
        );
        assert_eq!(
            [
                nanoseconds(870),
                nanoseconds(12_440),
                nanoseconds(1_250_000_000)
            ],
            ["870 ns", "12.4 µs", "1.25 s"]
        );
    }
}
