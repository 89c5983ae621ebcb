//! The channels of a pool as options: `--channel ticks:capacity=1024,size=256`, and `[channel.ticks]` in
//! the file.

use super::text::{Size, read_as_text, written_as_text};
use ringwork_ring::Codec;
use ringwork_ring::format::channel::ChannelConfig;
use serde::{Deserialize, Deserializer};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// Cells of a channel whose number is not chosen.
const CAPACITY: u32 = 1024;
/// Bytes of a message where they are not chosen.
const SIZE: Size = Size(256);

ringwork_ring::choices! {
    /// What becomes of a message whose receiver dies while it has it.
    Delivery, "delivery", default AtLeastOnce, {
        /// It comes again, marked as an attempt.
        AtLeastOnce = "at-least-once";
        /// It is gone.
        AtMostOnce = "at-most-once";
    }
}

/// One `--channel`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelOption(pub ChannelConfig);

impl FromStr for ChannelOption {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = || {
            format!(
                "{text:?} is no channel: write NAME:capacity={CAPACITY},size={SIZE}, with \
                 delivery=at-most-once and codec=cbor if need be; what is left out is as here"
            )
        };
        let (name, parts) = match text.split_once(':') {
            Some((name, parts)) => (name, parts.split(',').collect()),
            None => (text, Vec::new()),
        };
        let mut table = ChannelTable::default();
        for part in parts {
            let (key, value) = part.split_once('=').ok_or_else(bad)?;
            let value = value.trim();
            let twice = match key.trim() {
                "capacity" => {
                    let cells = value.parse().map_err(|_| bad())?;
                    table.capacity.replace(cells).is_some()
                }
                "size" => table.size.replace(value.parse()?).is_some(),
                "delivery" => table.delivery.replace(Named(value.parse()?)).is_some(),
                "codec" => table.codec.replace(Named(value.parse()?)).is_some(),
                _ => return Err(bad()),
            };
            if twice {
                return Err(format!("{text:?} has {} twice", key.trim()));
            }
        }
        table.named(name.trim())
    }
}

impl fmt::Display for ChannelOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ChannelConfig {
            name,
            capacity,
            size,
            once,
            codec,
            ..
        } = &self.0;
        write!(f, "{name}:capacity={capacity},size={size}")?;
        if *once {
            write!(f, ",delivery={}", Delivery::AtMostOnce)?;
        }
        codec.map_or(Ok(()), |codec| write!(f, ",codec={codec}"))
    }
}

read_as_text!(ChannelOption);
written_as_text!(ChannelOption);

/// A value that a file has by its name.
#[derive(Debug, Clone, Copy)]
struct Named<T>(T);

impl<'de, T: FromStr<Err = String>> Deserialize<'de> for Named<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        name.parse().map(Self).map_err(serde::de::Error::custom)
    }
}

/// `[channel.NAME]` in the file.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
struct ChannelTable {
    capacity: Option<u32>,
    size: Option<Size>,
    delivery: Option<Named<Delivery>>,
    codec: Option<Named<Codec>>,
}

impl ChannelTable {
    fn named(self, name: &str) -> Result<ChannelOption, String> {
        let size = self.size.unwrap_or(SIZE).0;
        let size = u32::try_from(size)
            .map_err(|_| format!("the size of channel {name} is {size}: it is 1MiB at most"))?;
        let delivery = self
            .delivery
            .map_or_else(Delivery::default, |named| named.0);
        let config = ChannelConfig::new(name, self.capacity.unwrap_or(CAPACITY), size)
            .once(delivery == Delivery::AtMostOnce)
            .codec(self.codec.map(|named| named.0));
        Ok(ChannelOption(config))
    }
}

/// Reads the channels of a file: a table for each, in the order of their names, or a list as on the
/// command line.
pub(super) fn of_file<'de, D>(deserializer: D) -> Result<Vec<ChannelOption>, D::Error>
where
    D: Deserializer<'de>,
{
    let value = serde_json::Value::deserialize(deserializer)?;
    let told = |error: serde_json::Error| serde::de::Error::custom(error);
    if !value.is_object() {
        return serde_json::from_value(value).map_err(told);
    }
    let tables: BTreeMap<String, ChannelTable> = serde_json::from_value(value).map_err(told)?;
    (tables.into_iter())
        .map(|(name, table)| table.named(&name).map_err(serde::de::Error::custom))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_are_read_as_they_are_shown() {
        for (text, shown) in [
            ("ticks", "ticks:capacity=1024,size=256"),
            ("a.b:size=1KiB", "a.b:capacity=1024,size=1024"),
            (
                "a: capacity=8 , delivery=at-most-once,codec=cbor",
                "a:capacity=8,size=256,delivery=at-most-once,codec=cbor",
            ),
        ] {
            let channel: ChannelOption = text.parse().unwrap();
            assert_eq!(channel.to_string(), shown);
            assert_eq!(shown.parse(), Ok(channel));
        }
        for (text, why) in [
            ("a:8", "NAME:capacity=1024,size=256"),
            ("a:capacity=x", "no channel"),
            ("a:cells=8", "no channel"),
            ("a:size=1,size=2", "size twice"),
            ("a:size=5GiB", "1MiB at most"),
            ("a:delivery=never", "at-most-once"),
            ("a:codec=xml", "cbor"),
        ] {
            let told = text.parse::<ChannelOption>().unwrap_err();
            assert!(told.contains(why), "{text}: {told}");
        }
    }
}
