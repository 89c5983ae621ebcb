//! A choice in a configuration file: by its name.

use ringwork_ring::format::names::Choice;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<T, S>(value: &T, serializer: S) -> Result<S::Ok, S::Error>
where
    T: Choice,
    S: Serializer,
{
    serializer.serialize_str(value.as_name())
}

pub(crate) fn deserialize<'de, T, D>(deserializer: D) -> Result<T, D::Error>
where
    T: Choice,
    D: Deserializer<'de>,
{
    let name = String::deserialize(deserializer)?;
    name.parse().map_err(serde::de::Error::custom)
}
