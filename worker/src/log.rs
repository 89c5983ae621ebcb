//! The log of this process: its level, its format, and the level's change while it runs.
//!
//! [`init_worker`] is called at the start of each worker, [`init`] by `ringwork serve`. Invariant:
//! a subscriber that the program has set itself is left alone.

use crate::log_events;
use crate::panics::{self, Panic};
use ringwork_ring::Segment;
use ringwork_ring::lane::claimed::Claimed;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt::{Result, Write};
use std::io;
use std::sync::{Arc, OnceLock};
use tracing::field::{Field, Visit};
use tracing::level_filters::LevelFilter;
use tracing::{Event, Span, Subscriber};
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
    // Each of our lines names its task already.
    let all = Targets::new()
        .with_default(level)
        .with_target(TASK, LevelFilter::OFF);
    match level {
        LevelFilter::OFF => all,
        level => all.with_target(OUTCOME, level.max(LevelFilter::INFO)),
    }
}

/// Whether the lines of this process are those of [`init`].
#[doc(hidden)]
#[must_use]
pub fn is_ours() -> bool {
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
        event = "thread.panicked",
        location = panic.location,
        thread = thread.name().unwrap_or("<unnamed>"),
        "a thread panicked: {}{trace}",
        panic.message
    );
    true
}

/// Target of the span around each task, for subscribers of a program's own.
pub(crate) const TASK: &str = "ringwork::task";

/// The span of a task, for a subscriber of the program's own that takes spans of the target
/// [`TASK`]; a load and a comparison where there is none.
#[inline(always)]
pub(crate) fn span(claimed: &Claimed<'_>, handler: &'static str) -> Option<Span> {
    if tracing::enabled!(target: TASK, tracing::Level::INFO) {
        Some(enabled_span(claimed, handler))
    } else {
        None
    }
}

#[cold]
fn enabled_span(claimed: &Claimed<'_>, handler: &'static str) -> Span {
    let binary = claimed.traceparent();
    let traceparent = binary.as_ref().map(traceparent);
    macro_rules! task {
        ($($more:tt)*) => {
            tracing::info_span!(
                target: TASK,
                "task",
                $($more)*
                handler,
                task_id = claimed.task_id(),
                attempt = claimed.attempt().0,
                traceparent
            )
        };
    }
    #[cfg(not(feature = "opentelemetry"))]
    let span = task!();
    // An exporter names the span by this field.
    #[cfg(feature = "opentelemetry")]
    let span = task!("otel.name" = handler,);
    #[cfg(feature = "opentelemetry")]
    if let Some(binary) = &binary {
        crate::trace_parent::adopt(&span, binary);
    }
    span
}

/// Where the lines of a lane's thread come from. The task is looked up in the segment when a line
/// is written: no task notes it.
struct Place {
    segment: Arc<Segment>,
    worker: u32,
    lane: u32,
}

impl Place {
    fn origin(&self) -> Origin {
        let handler = panics::running();
        let running = self.segment.running(self.lane);
        // A line of the lane's own, between two tasks, is of none.
        let running = running.filter(|_| handler.is_some());
        let task = running.map(|(slot, word)| {
            let fields = self.segment.slot(slot);
            TaskOfLine {
                id: fields.task_id(slot, word),
                attempt: word.attempt() + 1,
                traceparent: fields.traceparent().map(|binary| traceparent(&binary)),
            }
        });
        Origin {
            worker: self.worker,
            lane: self.lane,
            handler: handler.map(Cow::Borrowed),
            task,
        }
    }
}

/// What a line says of where it comes from, or which task it is about: the same in each format, from
/// whichever process.
#[derive(Clone)]
struct Origin {
    worker: u32,
    lane: u32,
    handler: Option<Cow<'static, str>>,
    task: Option<TaskOfLine>,
}

#[derive(Clone)]
struct TaskOfLine {
    id: u64,
    attempt: u32,
    traceparent: Option<String>,
}

/// A traceparent as its header has it.
pub(crate) fn traceparent(binary: &[u8; 26]) -> String {
    let mut text = String::new();
    for (at, byte) in binary.iter().enumerate() {
        if matches!(at, 1 | 17 | 25) {
            text.push('-');
        }
        let _ = write!(text, "{byte:02x}"); // a String takes it
    }
    text
}

thread_local! {
    /// The lane that this thread is.
    static LANE: RefCell<Option<Place>> = const { RefCell::new(None) };
    /// The task that a line is about, where this thread is not the lane that runs it.
    static ABOUT: RefCell<Option<Origin>> = const { RefCell::new(None) };
}

/// A task that lines are about, whichever thread or process writes them.
#[doc(hidden)]
#[derive(Debug, Clone)]
pub struct OfTask {
    /// Its worker.
    pub worker: u32,
    /// Its lane, or the I/O thread that polls it.
    pub lane: u32,
    /// Its handler.
    pub handler: Cow<'static, str>,
    /// Its id.
    pub id: u64,
    /// The attempt, counted from 1.
    pub attempt: u32,
    /// Its traceparent.
    pub traceparent: Option<[u8; 26]>,
}

impl OfTask {
    /// A task in hand.
    pub(crate) fn of(claimed: &Claimed<'_>, handler: &'static str) -> Self {
        let (worker, lane) = claimed.place();
        Self {
            worker,
            lane,
            handler: Cow::Borrowed(handler),
            id: claimed.task_id(),
            attempt: claimed.attempt().0,
            traceparent: claimed.traceparent(),
        }
    }

    /// The lines that are logged meanwhile are about it.
    pub fn logs<R>(self, write: impl FnOnce() -> R) -> R {
        struct Reset(Option<Origin>);
        impl Drop for Reset {
            fn drop(&mut self) {
                ABOUT.set(self.0.take());
            }
        }
        let origin = Origin {
            worker: self.worker,
            lane: self.lane,
            handler: Some(self.handler),
            task: Some(TaskOfLine {
                id: self.id,
                attempt: self.attempt,
                traceparent: self.traceparent.as_ref().map(traceparent),
            }),
        };
        let _reset = Reset(ABOUT.replace(Some(origin)));
        write()
    }
}

/// Logs a record about a task, an [`OfTask`]. A line of ours has it in its place; to a subscriber of the
/// program's its parts are fields.
#[doc(hidden)]
#[macro_export]
macro_rules! log_of_task {
    ($level:ident, $event:literal, $task:expr, $($line:tt)*) => {{
        let task: $crate::log::OfTask = $task;
        if $crate::log::is_ours() {
            task.logs(|| $crate::log::tracing::$level!(event = $event, $($line)*));
        } else {
            $crate::log::tracing::$level!(
                event = $event,
                worker = task.worker,
                lane = task.lane,
                handler = &*task.handler,
                task_id = task.id,
                attempt = task.attempt,
                $($line)*
            );
        }
    }};
}

#[doc(hidden)]
pub use tracing;

/// Lines of this thread name its worker and its lane from now on, and the handler that runs.
pub(crate) fn serve_lane(segment: &Arc<Segment>, worker: u32, lane: u32) {
    LANE.set(Some(Place {
        segment: Arc::clone(segment),
        worker,
        lane,
    }));
}

/// The lines of a format, with the pool and process that they come from, the place in the pool and what
/// helps. All of that is asked for when a line is written, so a task that logs nothing pays nothing for
/// it.
struct Placed<F>(F);

/// The pool of this process, once it is known.
static POOL: OnceLock<String> = OnceLock::new();

/// Each line from now on names this pool.
pub fn name_pool(name: &str) {
    let _ = POOL.set(name.to_owned()); // a process has one pool
}

/// What each line has that the event does not say itself.
#[derive(Default)]
struct Common {
    pool: Option<&'static str>,
    pid: Option<u32>,
    remedy: &'static str,
}

impl Common {
    fn of(event: &Event<'_>) -> Self {
        let mut seen = Seen::default();
        event.record(&mut seen);
        Self {
            pool: POOL.get().map(String::as_str).filter(|_| !seen.pool),
            // That of a worker that the line is about comes first.
            pid: (!seen.pid).then(std::process::id),
            remedy: if seen.remedy { "" } else { seen.of_event },
        }
    }
}

/// Which of these fields an event has, and what helps against it.
#[derive(Default)]
struct Seen {
    pool: bool,
    pid: bool,
    remedy: bool,
    of_event: &'static str,
}

impl Visit for Seen {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "event" => self.of_event = log_events::remedy_of(value),
            name => self.note(name),
        }
    }

    fn record_debug(&mut self, field: &Field, _: &dyn std::fmt::Debug) {
        self.note(field.name());
    }
}

impl Seen {
    fn note(&mut self, name: &str) {
        match name {
            "pool" => self.pool = true,
            "pid" => self.pid = true,
            "remedy" => self.remedy = true,
            _ => {}
        }
    }
}

/// How a format takes something in at the end of a line.
trait Append {
    fn append_common(line: &mut String, common: &Common) -> Result;
    fn append(line: &mut String, origin: &Origin) -> Result;
}

impl Append for Format {
    fn append_common(line: &mut String, common: &Common) -> Result {
        if let Some(pool) = common.pool {
            write!(line, " pool={pool:?}")?;
        }
        if let Some(pid) = common.pid {
            write!(line, " pid={pid}")?;
        }
        match common.remedy {
            "" => Ok(()),
            remedy => write!(line, " remedy={remedy:?}"),
        }
    }

    fn append(line: &mut String, origin: &Origin) -> Result {
        write!(line, " worker={} lane={}", origin.worker, origin.lane)?;
        if let Some(task) = &origin.task {
            write!(line, " task={} attempt={}", task.id, task.attempt)?;
            if let Some(traceparent) = &task.traceparent {
                write!(line, " traceparent={traceparent}")?;
            }
        }
        let handler = origin.handler.as_ref();
        handler.map_or(Ok(()), |name| write!(line, " handler={name:?}"))
    }
}

/// A line of JSON is about to go on.
fn reopen(line: &mut String) {
    let end = line.strip_suffix('}').map(str::len);
    line.truncate(end.unwrap_or(line.len()));
}

impl Append for Format<format::Json> {
    fn append_common(line: &mut String, common: &Common) -> Result {
        reopen(line);
        if let Some(pool) = common.pool {
            write!(line, ",\"pool\":{}", serde_json::json!(pool))?;
        }
        if let Some(pid) = common.pid {
            write!(line, ",\"pid\":{pid}")?;
        }
        if !common.remedy.is_empty() {
            write!(line, ",\"remedy\":{}", serde_json::json!(common.remedy))?;
        }
        write!(line, "}}")
    }

    /// As an object of its own: the line's own fields may have the same names.
    fn append(line: &mut String, origin: &Origin) -> Result {
        reopen(line);
        let mut place = serde_json::json!({
            "worker": origin.worker,
            "lane": origin.lane,
            "handler": origin.handler,
        });
        if let Some(task) = &origin.task {
            place["id"] = task.id.into();
            place["attempt"] = task.attempt.into();
            if let Some(traceparent) = &task.traceparent {
                place["traceparent"] = traceparent.as_str().into();
            }
        }
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
        let about = ABOUT.with_borrow(Clone::clone);
        let own = || LANE.with_borrow(|place| place.as_ref().map(Place::origin));
        let origin = about.or_else(own);
        let mut line = String::new();
        self.0
            .format_event(context, Writer::new(&mut line), event)?;
        line.truncate(line.trim_end().len());
        F::append_common(&mut line, &Common::of(event))?;
        if let Some(origin) = origin {
            F::append(&mut line, &origin)?;
        }
        writeln!(writer, "{line}")
    }
}
