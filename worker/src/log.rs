//! The log of this process: its level, its format, and the level's change while it runs.
//!
//! [`init_worker`] is called at the start of each worker, [`init`] by `ringwork serve`. Invariant:
//! a subscriber that the program has set itself is left alone.

use crate::panics::{self, Panic};
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::Cell;
use std::fmt::{Result, Write};
use std::io;
use std::sync::OnceLock;
use tracing::level_filters::LevelFilter;
use tracing::{Event, Subscriber};
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::format::{self, Format, Writer};
use tracing_subscriber::fmt::{self, FmtContext, FormatEvent, FormatFields, MakeWriter};
use tracing_subscriber::prelude::*;
use tracing_subscriber::registry::LookupSpan;
use tracing_subscriber::{registry, reload};

/// Environment variable: the least level of the log, set by the supervisor.
pub const LEVEL_VARIABLE: &str = "RINGWORK_LOG";
/// Environment variable: `json` or `human`, set by the supervisor.
pub const FORMAT_VARIABLE: &str = "RINGWORK_LOG_FORMAT";

ringwork_ring::choices! {
    /// The format of log lines on standard error.
    LogFormat, "log format", default Human, {
        /// For people.
        Human = "human";
        /// One JSON object a line.
        Json = "json";
    }
}

ringwork_ring::choices! {
    /// The least level that is logged.
    LogLevel, "log level", default Info, {
        /// What failed.
        Error = "error";
        /// And what is about to, or is not as it should be.
        Warn = "warn";
        /// And what happens seldom: starts, ends, reloads, deaths.
        Info = "info";
        /// And each step of it.
        Debug = "debug";
        /// And everything else.
        Trace = "trace";
    }
}

/// Target of what an operator has asked for and must see the end of, a reload: shown from level
/// info on at each level of the log but `off`.
pub const OUTCOME: &str = "ringwork::outcome";

/// Sets the level of the subscriber that [`init`] has set.
type SetLevel = Box<dyn Fn(Targets) + Send + Sync>;

static SET_LEVEL: OnceLock<SetLevel> = OnceLock::new();

/// Logs of this process from now on, unless a subscriber is set already.
pub fn init<W>(level: LogLevel, format: LogFormat, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    start(level.name(), format, writer);
}

fn start<W>(level: &str, format: LogFormat, writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (filter, handle) = reload::Layer::new(shown(level));
    let form = Format::default().with_target(false).with_ansi(false);
    let lines = fmt::layer().with_ansi(false).with_writer(writer);
    let log = registry().with(filter);
    let set = match format {
        LogFormat::Json => {
            let form = Placed(form.json().flatten_event(true));
            let lines = lines.fmt_fields(format::JsonFields::new());
            log.with(lines.event_format(form)).try_init()
        }
        LogFormat::Human => log.with(lines.event_format(Placed(form))).try_init(),
    };
    if set.is_ok() {
        let set_level = Box::new(move |filter| drop(handle.reload(filter)));
        let _ = SET_LEVEL.set(set_level); // only one subscriber can be set
    }
}

/// Another level from now on, where [`init`] has set the subscriber.
pub fn set_level(level: LogLevel) {
    if let Some(set) = SET_LEVEL.get() {
        set(shown(level.name()));
    }
}

/// The log of a worker: to standard error, as its supervisor says; at level `info` and for people
/// when none does.
pub fn init_worker() {
    let level = std::env::var(LEVEL_VARIABLE).unwrap_or_default();
    let format = std::env::var(FORMAT_VARIABLE).unwrap_or_default();
    start(&level, format.parse().unwrap_or_default(), io::stderr);
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

/// Whether the lines of this process are those of [`init`].
pub(crate) fn is_ours() -> bool {
    SET_LEVEL.get().is_some()
}

/// Logs a panic of a thread that runs no handler, or says that the log is not ours. With a
/// backtrace where the environment asks for one, as std's text has it.
pub(crate) fn panicked(panic: &Panic) -> bool {
    if !is_ours() {
        return false;
    }
    let thread = std::thread::current();
    let backtrace = Backtrace::capture();
    let trace = match backtrace.status() {
        BacktraceStatus::Captured => format!("\n{backtrace}"),
        _ => String::new(),
    };
    tracing::error!(
        location = panic.location,
        thread = thread.name().unwrap_or("<unnamed>"),
        "a thread panicked: {}{trace}",
        panic.message
    );
    true
}

thread_local! {
    /// Worker and lane that this thread is.
    static LANE: Cell<Option<(u32, u32)>> = const { Cell::new(None) };
    /// The handler that a line is about, where none runs.
    static ABOUT: Cell<Option<&'static str>> = const { Cell::new(None) };
}

/// The lines that `write` logs name this handler, which has ended, as its own lines have done.
pub(crate) fn about(handler: &'static str, write: impl FnOnce()) {
    ABOUT.set(Some(handler));
    write();
    ABOUT.set(None);
}

/// Lines of this thread name its worker and its lane from now on, and the handler that runs.
pub(crate) fn serve_lane(worker: u32, lane: u32) {
    LANE.with(|place| place.set(Some((worker, lane))));
}

/// The lines of a format, with the place in the pool that they come from. It is asked for when a
/// line is written, so a task that logs nothing pays nothing for it.
struct Placed<F>(F);

/// How a format takes something in at the end of a line.
trait Append {
    fn append(line: &mut String, worker: u32, lane: u32, handler: Option<&str>) -> Result;
}

impl Append for Format {
    fn append(line: &mut String, worker: u32, lane: u32, handler: Option<&str>) -> Result {
        write!(line, " worker={worker} lane={lane}")?;
        handler.map_or(Ok(()), |name| write!(line, " handler={name:?}"))
    }
}

impl Append for Format<format::Json> {
    /// As an object of its own: the line's own fields may have the same names.
    fn append(line: &mut String, worker: u32, lane: u32, handler: Option<&str>) -> Result {
        let end = line.strip_suffix('}').map(str::len);
        line.truncate(end.unwrap_or(line.len()));
        let place = serde_json::json!({"worker": worker, "lane": lane, "handler": handler});
        write!(line, ",\"task\":{place}}}")
    }
}

impl<S, N, F> FormatEvent<S, N> for Placed<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N> + Append,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> Result {
        let Some((worker, lane)) = LANE.with(Cell::get) else {
            return self.0.format_event(context, writer, event);
        };
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        let handler = panics::running().or(ABOUT.get());
        F::append(&mut line, worker, lane, handler)?;
        writeln!(writer, "{line}")
    }
}
