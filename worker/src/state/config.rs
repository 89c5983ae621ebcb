//! The configuration of handlers and states: sections of the pool's file.
//!
//! The supervisor hands the sections on in an environment variable, as JSON; each type takes its
//! own. Invariant: a key that no type has taken is an error, and so is a section.

use serde::de::{self, DeserializeOwned, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::{Error, Map, Value};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::ops::Deref;
use std::sync::Arc;

/// Environment variable: the sections `[handler.NAME]` and `[state.NAME]` of the pool's file as
/// JSON, set by the supervisor.
pub const CONFIG_VARIABLE: &str = "RINGWORK_CONFIG";

/// The configuration of a handler, `[handler.NAME]` in the pool's file, or of a state,
/// `[state.NAME]`. It is read before the worker is ready, and again at each reload, whose workers
/// are new ones. A key that `T` does not know is an error. Without a section `T` is read from an
/// empty one: fields need defaults then.
///
/// ```
/// use ringwork_worker::{Config, Worker, testing};
/// use serde::Deserialize;
///
/// #[derive(Deserialize)]
/// #[serde(default)]
/// struct Limits {
///     most: usize,
/// }
/// impl Default for Limits {
///     fn default() -> Self {
///         Self { most: 3 }
///     }
/// }
///
/// fn head(limits: Config<Limits>, text: &str) -> String {
///     text.chars().take(limits.most).collect()
/// }
///
/// let worker = || Worker::builder().task("head", head);
/// let usual = testing::Worker::new(worker()).unwrap();
/// assert_eq!(usual.call("head").request("Ringwork").run().text(), Ok("Rin".into()));
/// // [handler.head]
/// // most = 4
/// let config = r#"{"handler": {"head": {"most": 4}}}"#;
/// let chosen = testing::Worker::new(worker().config(config)).unwrap();
/// assert_eq!(chosen.call("head").request("Ringwork").run().text(), Ok("Ring".into()));
/// ```
#[derive(Debug)]
pub struct Config<T>(Arc<T>);

impl<T> Config<T> {
    pub(super) fn of(value: T) -> Self {
        Self(Arc::new(value))
    }
}

impl<T> Clone for Config<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Deref for Config<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.0
    }
}

/// Whose a section is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    Handler,
    State,
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Handler => "handler",
            Self::State => "state",
        }
    }
}

/// All sections, and which of them were read.
#[derive(Debug, Default)]
pub(crate) struct Sections {
    all: Map<String, Value>,
    read: RefCell<BTreeSet<(Kind, String)>>,
}

impl Sections {
    /// From JSON: `{"handler": {NAME: ..}, "state": {NAME: ..}}`.
    pub(crate) fn parse(json: &str) -> Result<Self, String> {
        let all = serde_json::from_str(json).map_err(|error| {
            format!("the configuration of handlers and states is no JSON object: {error}")
        })?;
        let read = RefCell::default();
        Ok(Self { all, read })
    }

    fn section(&self, kind: Kind, name: &str) -> Option<&Value> {
        self.all.get(kind.name())?.get(name)
    }

    /// One section; an empty one where there is none.
    pub(super) fn read<T: DeserializeOwned>(&self, kind: Kind, name: &str) -> Result<T, String> {
        self.read.borrow_mut().insert((kind, name.to_owned()));
        let empty = Value::Object(Map::new());
        let section = self.section(kind, name);
        let seen = RefCell::default();
        let place = Place {
            value: section.unwrap_or(&empty),
            path: String::new(),
            seen: &seen,
        };
        let read = T::deserialize(place);
        let seen = seen.into_inner();
        let title = format!("[{}.{}]", kind.name(), quoted(name));
        match read {
            Err(error) if section.is_none() => Err(format!(
                "{error}: the pool's file (--config) has no section {title}"
            )),
            Err(error) => Err(match seen.fault {
                Some(path) => format!("{path} in {title}: {error}"),
                None => format!("{title}: {error}"),
            }),
            Ok(_) if !seen.unknown.is_empty() => Err(format!(
                "{title} has the unknown key {}: remove it, or see how it is spelt",
                seen.unknown.join(", ")
            )),
            Ok(value) => Ok(value),
        }
    }

    /// The sections that nothing has read: misspelt, or of a handler without a configuration.
    pub(crate) fn unread(&self) -> Vec<String> {
        let read = self.read.borrow();
        let mut problems = Vec::new();
        for kind in [Kind::Handler, Kind::State] {
            let there = self.all.get(kind.name()).and_then(Value::as_object);
            for name in there.into_iter().flat_map(Map::keys) {
                if read.contains(&(kind, name.clone())) {
                    continue;
                }
                let with = (read.iter().filter(|(of, _)| *of == kind))
                    .map(|(_, name)| format!("[{}.{}]", kind.name(), quoted(name)))
                    .collect::<Vec<_>>();
                let with = match with.is_empty() {
                    true => format!("no {} of this worker takes one", kind.name()),
                    false => format!("those that are read are {}", with.join(", ")),
                };
                problems.push(format!(
                    "the configuration has the section [{}.{}], which nothing reads: {with}",
                    kind.name(),
                    quoted(name)
                ));
            }
        }
        problems
    }
}

/// A key as TOML writes it.
fn quoted(name: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    match name.chars().all(bare) && !name.is_empty() {
        true => name.to_owned(),
        false => format!("{name:?}"),
    }
}

/// What was met while a section was read.
#[derive(Default)]
struct Seen {
    /// Keys that no field has taken.
    unknown: Vec<String>,
    /// The key whose value has the first fault.
    fault: Option<String>,
}

/// A value, where it stands: reads as the value itself, and notes what nothing has taken.
struct Place<'v> {
    value: &'v Value,
    path: String,
    seen: &'v RefCell<Seen>,
}

impl<'v> Place<'v> {
    fn below(&self, value: &'v Value, step: &str) -> Self {
        let dot = if self.path.is_empty() { "" } else { "." };
        Self {
            value,
            path: format!("{}{dot}{step}", self.path),
            seen: self.seen,
        }
    }

    fn read<T: de::DeserializeSeed<'v>>(self, seed: T) -> Result<T::Value, Error> {
        let (path, seen) = (self.path.clone(), self.seen);
        let read = seed.deserialize(self);
        if read.is_err() {
            seen.borrow_mut().fault.get_or_insert(path);
        }
        read
    }
}

impl<'de> Deserializer<'de> for Place<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Object(map) => visitor.visit_map(Entries {
                rest: map.iter(),
                value: None,
                place: self,
            }),
            Value::Array(list) => visitor.visit_seq(Items {
                rest: list.iter().enumerate(),
                place: self,
            }),
            plain => plain.deserialize_any(visitor),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        match self.value {
            Value::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.value.deserialize_enum(name, variants, visitor)
    }

    /// Nothing takes the value.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.seen.borrow_mut().unknown.push(self.path);
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit
        unit_struct seq tuple tuple_struct map struct identifier
    }
}

struct Entries<'v> {
    rest: serde_json::map::Iter<'v>,
    value: Option<(&'v str, &'v Value)>,
    place: Place<'v>,
}

impl<'v> MapAccess<'v> for Entries<'v> {
    type Error = Error;

    fn next_key_seed<K: de::DeserializeSeed<'v>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Error> {
        let Some((key, value)) = self.rest.next() else {
            return Ok(None);
        };
        self.value = Some((key, value));
        seed.deserialize(de::value::BorrowedStrDeserializer::new(key))
            .map(Some)
    }

    fn next_value_seed<T: de::DeserializeSeed<'v>>(&mut self, seed: T) -> Result<T::Value, Error> {
        match self.value.take() {
            Some((key, value)) => self.place.below(value, key).read(seed),
            None => Err(de::Error::custom("a value without its key")),
        }
    }
}

struct Items<'v> {
    rest: std::iter::Enumerate<std::slice::Iter<'v, Value>>,
    place: Place<'v>,
}

impl<'v> SeqAccess<'v> for Items<'v> {
    type Error = Error;

    fn next_element_seed<T: de::DeserializeSeed<'v>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Error> {
        let Some((index, value)) = self.rest.next() else {
            return Ok(None);
        };
        let step = format!("[{index}]");
        let mut place = self.place.below(value, "");
        place.path = format!("{}{step}", self.place.path);
        place.read(seed).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::Deserialize;

    #[derive(Debug, PartialEq, Deserialize)]
    struct Db {
        url: String,
        #[serde(default)]
        pool: Pool,
        #[serde(default)]
        hosts: Vec<Host>,
        level: Option<Level>,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(default)]
    struct Pool {
        most: u32,
        share: f64,
    }

    impl Default for Pool {
        fn default() -> Self {
            let (most, share) = (4, 0.5);
            Self { most, share }
        }
    }

    #[derive(Debug, PartialEq, Deserialize)]
    struct Host {
        name: String,
    }

    #[derive(Debug, PartialEq, Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Level {
        High,
    }

    fn read(json: &str) -> Result<Db, String> {
        let all = format!(r#"{{"state": {{"db.main": {json}}}}}"#);
        Sections::parse(&all).unwrap().read(Kind::State, "db.main")
    }

    #[test]
    fn a_section_is_read_with_its_defaults() {
        let db = read(
            r#"{"url": "u", "pool": {"share": 1}, "hosts": [{"name": "a"}], "level": "high"}"#,
        )
        .unwrap();
        let (most, share) = (4, 1.0);
        assert_eq!(db.pool, Pool { most, share });
        assert_eq!(db.hosts[0].name, "a");
        assert_eq!((db.url.as_str(), db.level), ("u", Some(Level::High)));
    }

    #[test]
    fn what_is_wrong_is_told_with_its_place() {
        let unknown = read(
            r#"{"url": "u", "pol": 1, "pool": {"mots": 2}, "hosts": [{"name": "a", "port": 1}]}"#,
        )
        .unwrap_err();
        assert_eq!(
            unknown,
            "[state.\"db.main\"] has the unknown key hosts[0].port, pol, pool.mots: remove it, or see how it is spelt"
        );
        let kind = read(r#"{"url": "u", "pool": {"most": "many"}}"#).unwrap_err();
        assert!(
            kind.starts_with("pool.most in [state.\"db.main\"]: invalid type: string \"many\""),
            "{kind}"
        );
        let missing = Sections::default()
            .read::<Db>(Kind::Handler, "sum")
            .unwrap_err();
        assert_eq!(
            missing,
            "missing field `url`: the pool's file (--config) has no section [handler.sum]"
        );
    }

    #[test]
    fn a_section_that_nothing_reads_is_told() {
        let all = r#"{"handler": {"sum": {}, "smu": {}}, "state": {"db": {}}}"#;
        let sections = Sections::parse(all).unwrap();
        let _: Pool = sections.read(Kind::Handler, "sum").unwrap();
        assert_eq!(
            sections.unread(),
            [
                "the configuration has the section [handler.smu], which nothing reads: those that are read are \
                 [handler.sum]",
                "the configuration has the section [state.db], which nothing reads: no state of this worker takes one",
            ]
        );
        assert!(
            Sections::parse("[1]")
                .unwrap_err()
                .contains("no JSON object")
        );
    }
}
