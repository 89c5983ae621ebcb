//! The log of this process: its level, its format, and the level's change while it runs.
//!
//! [`init_worker`] is called at the start of each worker, [`init`] by `ringwork serve`. Invariant:
//! a subscriber that the program has set itself is left alone.

use std::io;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::{registry, reload};

/// Environment variable: the least level of the log, set by the supervisor.
pub const LEVEL_VARIABLE: &str = "RINGWORK_LOG";
/// Environment variable: `json` or `human`, set by the supervisor.
pub const FORMAT_VARIABLE: &str = "RINGWORK_LOG_FORMAT";
/// The value of [`FORMAT_VARIABLE`] for one JSON object a line.
pub const JSON: &str = "json";

/// Target of what an operator has asked for and must see the end of, a reload: shown from level
/// info on at each level of the log but `off`.
pub const OUTCOME: &str = "ringwork::outcome";

/// Sets the level of the subscriber that [`init`] has set.
type SetLevel = Box<dyn Fn(Targets) + Send + Sync>;

static SET_LEVEL: OnceLock<SetLevel> = OnceLock::new();

/// Logs of this process from now on, unless a subscriber is set already.
pub fn init<W>(level: &str, json: bool, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(shown(level));
    let lines = fmt::layer()
        .with_target(false)
        .with_ansi(false)
        .with_writer(writer);
    let log = registry().with(filter);
    let set = if json {
        log.with(lines.json().flatten_event(true)).try_init()
    } else {
        log.with(lines).try_init()
    };
    if set.is_ok() {
        let set_level = Box::new(move |filter| drop(handle.reload(filter)));
        let _ = SET_LEVEL.set(set_level); // only one subscriber can be set
    }
}

/// Another level from now on, where [`init`] has set the subscriber.
pub fn set_level(level: &str) {
    if let Some(set) = SET_LEVEL.get() {
        set(shown(level));
    }
}

/// The log of a worker: to standard error, as its supervisor says; at level `info` and for people
/// when none does.
pub fn init_worker() {
    let level = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let json = std::env::var(FORMAT_VARIABLE).is_ok_and(|format| format == JSON);
    init(&level, json, io::stderr);
}

/// What is logged at this level.
fn shown(level: &str) -> Targets {
    let level = level.parse().unwrap_or(LevelFilter::INFO);
    let all = Targets::new().with_default(level);
    match level {
        LevelFilter::OFF => all,
        level => all.with_target(OUTCOME, level.max(LevelFilter::INFO)),
    }
}
