//! The options that are in effect in a served pool, published as a file in its directory: for
//! `ringwork config`, and for no process of the pool.
//!
//! Invariant: a reader finds a whole file or none, and a pool serves whatever becomes of the file.

use super::options::{self, ServeOption};
use super::{ServeConfig, Size};
use crate::published;
use ringwork_ring::{PoolDir, Segment};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs;
use std::io;
use std::time::{Duration, SystemTime};

/// No options take so much: what is larger is not this file.
const MAX_SIZE: Size = Size(1 << 20);

/// Where an option's value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Origin {
    /// Neither file nor command line has it.
    Default,
    /// The configuration file.
    File,
    /// The command line.
    CommandLine,
    /// A list of which each has a part.
    FileAndCommandLine,
    /// `ringwork scale`.
    Scale,
}

/// Since what options are in effect.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Cause {
    /// Since the pool was made.
    Start,
    /// Since a reload that was done.
    Reload,
    /// Since another number of workers was asked for.
    Scale,
}

/// One option and its value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// Its key in the file, and its long option.
    pub key: String,
    /// Its value, as the file would have it; none when it is not set.
    pub value: Option<Value>,
    /// Where that came from; none when the program that serves has not told.
    pub from: Option<Origin>,
}

/// The options of a served pool.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InEffect {
    /// Milliseconds since 1970.
    pub since_unix_ms: u64,
    /// What began then.
    pub cause: Cause,
    /// All options, in the order of the help.
    pub options: Vec<Setting>,
}

impl InEffect {
    /// Writes the file anew. What goes wrong is logged: the pool serves all the same.
    pub(crate) fn publish(config: &ServeConfig, cause: Cause, segment: &Segment) {
        let effective = config.effective(segment.geometry());
        let written = Self::of(&effective, &config.origins, cause)
            .and_then(|all| serde_json::to_vec(&all))
            .map_err(io::Error::from)
            .and_then(|text| {
                let dir = segment.dir();
                published::replace(&dir.options(), &dir.new_options(), &text)
            });
        if let Err(error) = written {
            tracing::warn!(
                event = "pool.options_untold",
                "`ringwork config` can't tell the options of this pool: {error}"
            );
            // Those of before are not in effect any more.
            let _ = fs::remove_file(segment.dir().options());
        }
    }

    fn of(
        effective: &ServeConfig,
        origins: &std::collections::BTreeMap<String, Origin>,
        cause: Cause,
    ) -> serde_json::Result<Self> {
        let values = serde_json::to_value(effective)?;
        let setting = |option: ServeOption| Setting {
            value: values
                .get(&option.key)
                .filter(|value| !value.is_null() && **value != Value::Array(Vec::new()))
                .cloned(),
            from: origins.get(&option.key).copied(),
            key: option.key,
        };
        let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let since = since.unwrap_or_default().as_millis();
        Ok(Self {
            since_unix_ms: u64::try_from(since).unwrap_or(u64::MAX),
            cause,
            options: options::all().into_iter().map(setting).collect(),
        })
    }

    /// Reads what a pool has published.
    ///
    /// # Errors
    /// [`io::ErrorKind::NotFound`] when it has published nothing; any other when there is a file that
    /// is not what a supervisor writes.
    pub fn read(dir: &PoolDir) -> io::Result<Self> {
        let text = published::read(published::open(&dir.options())?, MAX_SIZE.0)?;
        Ok(serde_json::from_slice(&text)?)
    }

    /// How long they have been in effect; nothing when the clock was set back.
    #[must_use]
    pub fn age(&self) -> Duration {
        let since = SystemTime::UNIX_EPOCH + Duration::from_millis(self.since_unix_ms);
        SystemTime::now().duration_since(since).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ringwork_ring::PoolConfig;
    use std::os::unix::fs::{MetadataExt as _, symlink};

    #[test]
    fn what_is_published_is_read_and_replaced() {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let mut config = ServeConfig {
            lanes: 3,
            ..ServeConfig::default()
        };
        config.origins.insert("lanes".into(), Origin::CommandLine);
        let (segment, _locks) =
            Segment::create_in(config.backing(), &dir, &PoolConfig::default()).unwrap();
        let absent = InEffect::read(&dir).unwrap_err();
        assert_eq!(absent.kind(), io::ErrorKind::NotFound);
        // What a supervisor that was killed has left of it.
        fs::write(dir.new_options(), "half").unwrap();
        InEffect::publish(&config, Cause::Start, &segment);
        let first = InEffect::read(&dir).unwrap();
        let of = |all: &InEffect, key: &str| {
            let hit = all.options.iter().find(|setting| setting.key == key);
            hit.cloned().unwrap()
        };
        let lanes = of(&first, "lanes");
        assert_eq!(
            (lanes.value, lanes.from),
            (Some(3.into()), Some(Origin::CommandLine))
        );
        assert_eq!(of(&first, "workers").from, None, "nothing was told");
        assert_eq!(of(&first, "worker-memory").value, None);
        assert_eq!(dir.options().metadata().unwrap().mode() & 0o777, 0o600);
        config.lanes = 4;
        InEffect::publish(&config, Cause::Reload, &segment);
        let second = InEffect::read(&dir).unwrap();
        assert_eq!(of(&second, "lanes").value, Some(4.into()));
        assert_eq!(second.cause, Cause::Reload);
        // A file of another is not followed.
        fs::remove_file(dir.options()).unwrap();
        symlink("/etc/hostname", dir.options()).unwrap();
        assert!(InEffect::read(&dir).is_err());
    }
}
