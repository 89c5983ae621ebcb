//! A worker process: its handlers, its lanes, its start and its end.

use crate::codec::{FromRequest, IntoResult};
use crate::confine::rlimits::LANE_STACK;
use crate::confine::{Confinement, SandboxMode};
use crate::context::{Need, States, TaskContext};
use crate::dispatch::{Handler, Handlers};
use crate::error::TaskError;
#[cfg(feature = "io")]
use crate::io;
use crate::log;
use crate::niceness::Niceness;
use crate::panics;
use crate::raw_task::{Answer, RawTask};
use ringwork_ring::lane::leave::{LeaveBy, LeaveOnSignal};
use ringwork_ring::os::scheduling::Scheduling;
use ringwork_ring::os::signals;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_ring::segment::SupervisorProbe;
use ringwork_ring::segment::tables::{self, HandlerInfo};
use ringwork_ring::{Codec, Lane, PoolDir, RingError, Segment, WaitStrategy, WorkerEntry};
use std::any::type_name;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

/// Environment variable: the pool's directory, set by the supervisor.
pub const POOL_DIR_VARIABLE: &str = "RINGWORK_POOL_DIR";
/// Environment variable: the worker's index, set by the supervisor.
pub const WORKER_INDEX_VARIABLE: &str = "RINGWORK_WORKER_INDEX";
/// Environment variable: number of lanes, set by the supervisor.
pub const LANES_VARIABLE: &str = "RINGWORK_LANES";
/// Environment variable: number of tasks after which the worker leaves, set by the supervisor.
pub const MAX_TASKS_VARIABLE: &str = "RINGWORK_MAX_TASKS";
/// Environment variable: wait strategy, set by the supervisor.
pub const WAIT_VARIABLE: &str = "RINGWORK_WAIT";
/// Environment variable that says which threads have the processor first (`normal`, `batch`,
/// `idle`).
pub const SCHEDULING_VARIABLE: &str = "RINGWORK_SCHEDULING";
/// Environment variable that says which signals make a worker leave, set by the supervisor
/// (`anyone`: SIGTERM, `parent`: the supervisor's SIGTERM only, as in an embedded pool).
pub const LEAVE_BY_VARIABLE: &str = "RINGWORK_LEAVE_BY";

/// Environment variable: the threads for async handlers, set by the supervisor.
pub const IO_THREADS_VARIABLE: &str = "RINGWORK_IO_THREADS";
/// Environment variable: most async tasks in flight, set by the supervisor.
pub const IO_TASKS_VARIABLE: &str = "RINGWORK_IO_TASKS";
/// Environment variable: the milliseconds after which a poll is warned of, set by the supervisor.
pub const IO_STALL_VARIABLE: &str = "RINGWORK_IO_STALL_MS";
/// Environment variable: the milliseconds that a leaving worker waits for its async tasks, set by
/// the supervisor.
pub const IO_DRAIN_VARIABLE: &str = "RINGWORK_IO_DRAIN_MS";

/// How often a worker that no supervisor started looks whether the pool still lives.
const LIVENESS_INTERVAL: Duration = Duration::from_millis(100);

/// Why a worker could not run.
///
/// `Debug` is the same text as `Display`, since it is what a `main` that returns the error prints.
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum WorkerError {
    /// The pool could not be joined.
    #[error(transparent)]
    Ring(#[from] RingError),
    /// The worker is built wrongly.
    #[error("the worker is not set up right: {0}")]
    Setup(String),
    /// Threads or signal handlers could not be made.
    #[error("the worker can't start: {0}")]
    Io(#[from] std::io::Error),
}

impl fmt::Debug for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A worker process.
#[derive(Debug)]
pub struct Worker;

impl Worker {
    /// Starts the description of a worker.
    #[must_use]
    pub fn builder() -> Builder {
        Builder::default()
    }
}

/// The description of a worker: handlers, state, lanes.
#[derive(Default)]
pub struct Builder {
    pub(crate) handlers: Vec<Handler>,
    states: States,
    // What was asked of the builder that can't be; told at the start.
    mistakes: Vec<String>,
    lanes: Option<u32>,
    wait: Option<WaitStrategy>,
    pool: Option<String>,
    sandbox: SandboxMode,
    sandbox_read: Vec<PathBuf>,
    // Once there is an async handler; the options stand beside it, whichever comes first.
    #[cfg(feature = "io")]
    pub(crate) io: Option<io::Launch>,
    #[cfg(feature = "io")]
    pub(crate) io_options: io::Asked,
}

impl Builder {
    /// Adds a handler: a function of the context and a typed request (bytes,
    /// UTF-8, integers, [`Cbor`](crate::Cbor) or [`Params`](crate::Params)) to a
    /// result or an error. The name, 1 to 112 bytes, is what clients submit to.
    #[must_use]
    pub fn task<Q, R, E, F>(mut self, name: &str, handler: F) -> Self
    where
        Q: FromRequest + 'static,
        R: IntoResult + 'static,
        E: Into<TaskError> + 'static,
        F: Fn(&TaskContext<'_>, Q) -> Result<R, E> + Send + Sync + 'static,
    {
        self.handlers.push(Handler::typed(name, handler));
        self
    }

    /// Adds a handler that takes a state as well: the value of that type which [`Self::state`]
    /// gave. Otherwise as [`Self::task`]. A worker without that state does not start.
    ///
    /// ```no_run
    /// # use ringwork_worker::{TaskContext, TaskError, Worker};
    /// struct Greeting(String);
    ///
    /// fn greet(_: &TaskContext<'_>, greeting: &Greeting, name: String) -> Result<String,
    /// TaskError> {
    ///     Ok(format!("{}, {name}", greeting.0))
    /// }
    ///
    /// # fn main() -> Result<(), ringwork_worker::WorkerError> {
    /// Worker::builder().state(Greeting("Good day".into())).task_with("greet", greet).run()
    /// # }
    /// ```
    #[must_use]
    pub fn task_with<S, Q, R, E, F>(self, name: &str, handler: F) -> Self
    where
        S: Send + Sync + 'static,
        Q: FromRequest + 'static,
        R: IntoResult + 'static,
        E: Into<TaskError> + 'static,
        F: Fn(&TaskContext<'_>, &S, Q) -> Result<R, E> + Send + Sync + 'static,
    {
        self.task(name, move |context: &TaskContext<'_>, request: Q| {
            handler(context, context.state(), request)
        })
        .needs::<S>()
    }

    /// Adds a zero-copy handler, with the codecs to announce for its request and
    /// result.
    #[must_use]
    pub fn raw_task<E, F>(
        mut self,
        name: &str,
        request_codec: Codec,
        result_codec: Codec,
        handler: F,
    ) -> Self
    where
        E: Into<TaskError> + 'static,
        F: Fn(&mut RawTask<'_, '_>) -> Result<Answer, E> + Send + Sync + 'static,
    {
        self.handlers
            .push(Handler::raw(name, request_codec, result_codec, handler));
        self
    }

    /// Gives all handlers a value, found by its type: [`Self::task_with`], [`TaskContext::state`].
    /// One value of each type: [`Self::run`] refuses a second one.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(mut self, value: T) -> Self {
        if !self.states.insert(value) {
            let kind = type_name::<T>();
            self.mistakes.push(format!(
                "two states of the type {kind} are given: wrap each in a type of its own"
            ));
        }
        self
    }

    /// Says that the handler added last asks for a state of this type by [`TaskContext::state`]: a
    /// worker without it does not start. [`Self::task_with`] says so by itself.
    #[must_use]
    pub fn needs<T: Send + Sync + 'static>(mut self) -> Self {
        match self.handlers.last_mut() {
            Some(handler) => handler.needs.push(Need::of::<T>()),
            None => self.mistakes.push(format!(
                ".needs::<{}>() stands before the first handler: put it behind the one that it is for",
                type_name::<T>()
            )),
        }
        self
    }

    /// Number of lanes (threads that run tasks). Default: what the supervisor says, else 1.
    #[must_use]
    pub fn lanes(mut self, lanes: u32) -> Self {
        self.lanes = Some(lanes);
        self
    }

    /// How lanes wait. Default: what the supervisor says, else adaptive.
    #[must_use]
    pub fn wait(mut self, strategy: WaitStrategy) -> Self {
        self.wait = Some(strategy);
        self
    }

    /// Confines the worker, as `ringwork serve --sandbox` does: no files, network, programs,
    /// other processes. What handlers need is opened or loaded before [`Self::run`] and given
    /// to them by [`Self::state`]; threads are started by handlers, or not at all, since those
    /// that were started before are confined only in part. The stricter mode of this one
    /// and the supervisor's holds.
    #[must_use]
    pub fn sandbox(mut self, mode: SandboxMode) -> Self {
        self.sandbox = mode;
        self
    }

    /// Lets confined handlers read this file, or what is below this directory.
    #[must_use]
    pub fn sandbox_read(mut self, path: impl Into<PathBuf>) -> Self {
        self.sandbox_read.push(path.into());
        self
    }

    /// Joins the pool of this name, for a worker that is started by hand. Under a
    /// supervisor its pool is joined, whatever is said here.
    #[must_use]
    pub fn connect(mut self, pool: &str) -> Self {
        self.pool = Some(pool.to_owned());
        self
    }

    /// Joins the pool and runs tasks until the pool closes, the supervisor asks
    /// the worker to leave, or SIGTERM comes (the current tasks are finished first; of an embedded
    /// pool's worker only the supervisor's SIGTERM counts, and a worker that was started by hand
    /// leaves on SIGINT, too). Signals that would end a process and mean nothing to a worker
    /// (SIGUSR1, SIGALRM and the like) do nothing, unless the program has handlers for them.
    ///
    /// Panics of handlers and of other threads, and what handlers write by `tracing`, go to standard
    /// error, with the level and the format of the pool (`--log-level`, `--log-format`; started by
    /// hand: level info). A line of a lane's thread names worker, lane and handler; one of a thread
    /// that a handler has started can't. A program that has set a global `tracing` subscriber
    /// before keeps its own, and so does one that has set a panic hook; what panics before this
    /// call is not in the pool's format.
    ///
    /// # Errors
    /// When the pool can't be joined, or the worker is set up wrongly: two handlers of one name, or
    /// a handler that needs a state which was not given.
    pub fn run(mut self) -> Result<(), WorkerError> {
        log::init_worker();
        panics::install_hook(log::panicked);
        ringwork_ring::os::sigbus::explain_sigbus();
        #[cfg_attr(not(feature = "io"), expect(unused_mut))]
        let mut handlers = self.checked_handlers()?;
        #[cfg(feature = "io")]
        let io = self.io_settled()?;
        let assignment = Assignment::find(self.pool.as_deref())?;
        let mut confinement = Confinement::from_environment().map_err(WorkerError::Setup)?;
        confinement.sandbox = confinement.sandbox.max(self.sandbox);
        confinement.sandbox_read.extend(self.sandbox_read);
        let segment = attach(&assignment, &handlers)?;
        let lanes = self.lanes.or(assignment.lanes).unwrap_or(1);
        let wait = self.wait.or(assignment.wait).unwrap_or_default();
        let leave = Arc::new(AtomicBool::new(false));
        let signals = take_signals(&assignment, &segment, &leave)?;
        let entry = WorkerEntry::register(Arc::clone(&segment), assignment.index)?;
        let probe = match assignment.index {
            None => Some(SupervisorProbe::open(&segment)?),
            Some(_) => None,
        };
        let policy = choice(SCHEDULING_VARIABLE)?.unwrap_or_default();
        schedule(policy);
        // After the last file is opened, before the first thread is started.
        confinement.apply().map_err(WorkerError::Setup)?;
        if let Some(probe) = probe {
            watch_pool(probe, &segment, &leave)?;
        }
        #[cfg(feature = "io")]
        let (lanes, shards) = entry.lanes_and_shards(lanes, io.threads, wait)?;
        #[cfg(not(feature = "io"))]
        let lanes = entry.lanes(lanes, wait)?;
        let (pool, worker, count) = (segment.dir().name(), entry.index(), lanes.len());
        match assignment.index {
            // Its supervisor says it for the pool.
            Some(_) => tracing::debug!(pool, worker, lanes = count, "lanes are registered"),
            None => tracing::info!(pool, worker, lanes = count, "worker is ready"),
        }
        #[cfg(feature = "io")]
        if let Some(launch) = self.io {
            handlers.host = Some(launch(io::Parts {
                worker,
                segment: Arc::clone(&segment),
                shards,
                states: self.states.clone(),
                leave: Arc::clone(&leave),
                options: io,
            })?);
        }
        let quota = Quota::new(number(MAX_TASKS_VARIABLE)?, &entry);
        let serve = |lane| {
            serve_lane(
                worker,
                lane,
                &handlers,
                &self.states,
                &leave,
                &quota,
                policy,
            )
        };
        serve_lanes(lanes, &serve, &|| {
            leave.store(true, Ordering::Relaxed);
            wake_all_lanes(&segment);
        })?;
        #[cfg(feature = "io")]
        if let Some(host) = handlers.host.take() {
            host.drain();
        }
        drop(signals);
        entry.leave();
        Ok(())
    }

    /// The handlers by name, once none has a name that another has, or lacks a state.
    fn checked_handlers(&mut self) -> Result<Handlers, WorkerError> {
        let mut handlers = Handlers::default();
        for handler in std::mem::take(&mut self.handlers) {
            self.mistakes.extend(handler.missing(&self.states));
            self.mistakes.extend(handlers.add(handler).err());
        }
        if self.mistakes.is_empty() {
            Ok(handlers)
        } else {
            Err(WorkerError::Setup(self.mistakes.join("; ")))
        }
    }
}

/// The segment of the pool, in which the handlers are announced.
fn attach(assignment: &Assignment, handlers: &Handlers) -> Result<Arc<Segment>, WorkerError> {
    let segment = Arc::new(Segment::attach(&assignment.dir)?);
    for refused in segment.prepare() {
        tracing::debug!("{refused}"); // the supervisor has warned already
    }
    assignment.die_with_supervisor(&segment)?;
    name_process();
    for handler in handlers.iter() {
        register(&segment, handler)?;
    }
    Ok(segment)
}

/// Gives the process signals of its own, of which some set `leave` from now on.
fn take_signals(
    assignment: &Assignment,
    segment: &Arc<Segment>,
    leave: &Arc<AtomicBool>,
) -> Result<LeaveOnSignal, WorkerError> {
    let leave_by = match assignment.index {
        Some(_) => choice(LEAVE_BY_VARIABLE)?.unwrap_or(LeaveBy::Anyone),
        None => LeaveBy::Terminal,
    };
    signals::own_worker();
    let (segment, leave) = (Arc::clone(segment), Arc::clone(leave));
    Ok(LeaveOnSignal::install(segment, leave, leave_by)?)
}

/// Serves each lane in a thread of its own, until all have left. When one can't be started, `give_up`
/// tells the others to leave: they must not keep a half worker going.
fn serve_lanes(
    lanes: Vec<Lane>,
    serve: &(impl Fn(Lane) + Sync),
    give_up: &impl Fn(),
) -> std::io::Result<()> {
    std::thread::scope(|scope| {
        let start = |lane: Lane| {
            let name = format!("ringwork-lane-{}", lane.index());
            let thread = std::thread::Builder::new().name(name);
            let thread = thread.stack_size(LANE_STACK);
            thread.spawn_scoped(scope, || serve(lane)).map(drop)
        };
        let started = lanes.into_iter().try_for_each(start);
        started.inspect_err(|_| give_up())
    })
}

/// A lane's thread. A panic that gets here is a bug of ours: the process ends, so that the
/// supervisor replaces it, rather than live on with a lane that no thread serves.
fn serve_lane(
    worker: u32,
    mut lane: Lane,
    handlers: &Handlers,
    states: &States,
    leave: &AtomicBool,
    quota: &Quota<'_>,
    policy: Scheduling,
) {
    log::serve_lane(worker, lane.index());
    let mut niceness = Niceness::new(policy);
    let served = std::panic::catch_unwind(AssertUnwindSafe(|| {
        // Not `while let`, which would borrow the lane until the end of the body.
        loop {
            let Some(claimed) = lane.next(leave) else {
                return;
            };
            quota.count(1);
            niceness.before_task();
            let ran = handlers.run(claimed, states);
            quota.count(ran.saturating_sub(1));
            niceness.after_task(&lane);
        }
    }));
    if served.is_err() {
        std::process::abort();
    }
}

/// The number of tasks that the worker may run, all lanes together. With several lanes each of the
/// others may have claimed one more when the last is counted.
struct Quota<'e> {
    // None: no end. Counts down to the last.
    left: Option<AtomicU64>,
    entry: &'e WorkerEntry,
}

impl<'e> Quota<'e> {
    fn new(tasks: Option<u64>, entry: &'e WorkerEntry) -> Self {
        Self {
            left: tasks.map(AtomicU64::new),
            entry,
        }
    }

    /// Counts tasks that were claimed, or run in a chunk; after the last the lanes leave.
    fn count(&self, tasks: u32) {
        // Relaxed: only the number counts, nothing is published by it.
        if let Some(left) = &self.left
            && (1..=tasks.into()).contains(&left.fetch_sub(tasks.into(), Ordering::Relaxed))
        {
            self.entry.retire();
        }
    }
}

/// Where the worker belongs: from the supervisor's environment, or by name.
struct Assignment {
    dir: PoolDir,
    index: Option<u32>,
    lanes: Option<u32>,
    wait: Option<WaitStrategy>,
}

impl Assignment {
    fn find(pool: Option<&str>) -> Result<Self, WorkerError> {
        let supervised = std::env::var_os(POOL_DIR_VARIABLE);
        let dir = match (&supervised, pool) {
            (Some(path), _) => PoolDir::at(Path::new(path))?,
            (None, Some(name)) => PoolDir::new(name)?,
            (None, None) => {
                return Err(WorkerError::Setup(
                    "no pool to join: start it by `ringwork serve --worker PATH`, or name the pool with .connect(..)".into(),
                ));
            }
        };
        Ok(Self {
            dir,
            index: if supervised.is_some() {
                number(WORKER_INDEX_VARIABLE)?
            } else {
                None
            },
            lanes: number(LANES_VARIABLE)?,
            wait: choice(WAIT_VARIABLE)?,
        })
    }

    /// A child dies with its supervisor, by the kernel's hand.
    fn die_with_supervisor(&self, segment: &Segment) -> Result<(), WorkerError> {
        if self.index.is_some() {
            rustix::process::set_parent_process_death_signal(Some(rustix::process::Signal::KILL))
                .map_err(std::io::Error::from)?;
        }
        // It may have died before the line above, or before a worker started by hand came.
        if segment.supervisor_lives()? {
            return Ok(());
        }
        let name = segment.dir().name().to_owned();
        Err(RingError::Closed {
            name,
            why: "its supervisor is dead".into(),
        }
        .into())
    }
}

/// A worker whose program had to be started by a descriptor has its number for a name.
fn name_process() {
    let name = std::fs::read_to_string("/proc/self/comm").unwrap_or_default();
    let is_number = name.trim().bytes().all(|byte| byte.is_ascii_digit());
    let program = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&program)
        .file_name()
        .and_then(|name| std::ffi::CString::new(name.as_encoded_bytes()).ok());
    if let (true, Some(name)) = (is_number, name) {
        // For people who look at lists of processes; without it nothing is lost.
        let _ = rustix::thread::set_name(&name);
    }
}

/// For this thread and the lanes that it starts. A kernel that refuses it costs no worker.
fn schedule(policy: Scheduling) {
    if let Err(refused) = policy.apply() {
        tracing::warn!(%refused, "lanes can't be scheduled as {}: they run as others do", policy.name());
    }
}

/// One of a few names; the error of its type says which there are.
pub(crate) fn choice<T: std::str::FromStr<Err = String>>(
    variable: &str,
) -> Result<Option<T>, WorkerError> {
    match std::env::var(variable) {
        Ok(text) => text.parse().map(Some).map_err(WorkerError::Setup),
        Err(_) => Ok(None),
    }
}

pub(crate) fn number<T: std::str::FromStr>(variable: &str) -> Result<Option<T>, WorkerError> {
    match std::env::var(variable) {
        Ok(text) => text
            .parse()
            .map(Some)
            .map_err(|_| WorkerError::Setup(format!("{variable}={text:?} is not a number"))),
        Err(_) => Ok(None),
    }
}

fn register(segment: &Segment, handler: &Handler) -> Result<(), WorkerError> {
    let info = HandlerInfo {
        name: handler.name.to_owned(),
        request_codec: handler.request_codec,
        result_codec: handler.result_codec,
    };
    if tables::register_handler(segment, &info) {
        Ok(())
    } else {
        let most = segment.geometry().handler_capacity;
        Err(WorkerError::Setup(format!(
            "the pool's table of {most} handlers is full: split the worker into two pools"
        )))
    }
}

/// For a worker without a parent that watches it: leave when the pool is over. The supervisor's
/// lock file of this segment stays open: a sandbox lets no thread open it again.
fn watch_pool(
    probe: SupervisorProbe,
    segment: &Arc<Segment>,
    leave: &Arc<AtomicBool>,
) -> Result<(), WorkerError> {
    let (segment, leave) = (Arc::clone(segment), Arc::clone(leave));
    let lives = move |segment: &Segment| probe.lives(segment).unwrap_or(false);
    std::thread::Builder::new()
        .name("ringwork-liveness".into())
        .spawn(move || {
            while lives(&segment) {
                std::thread::sleep(LIVENESS_INTERVAL);
            }
            leave.store(true, Ordering::Relaxed);
            wake_all_lanes(&segment);
        })?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Prices;
    struct Rates;

    fn with_prices(_: &TaskContext<'_>, _: &Prices, _: ()) -> Result<(), TaskError> {
        Ok(())
    }

    fn refused(builder: Builder) -> String {
        // Before a pool is looked for: none is named.
        let error = builder.run().unwrap_err();
        assert_eq!(format!("{error:?}"), error.to_string(), "for main");
        error.to_string()
    }

    #[test]
    fn a_state_that_a_handler_needs_is_missed_at_the_start() {
        let builder = || {
            Worker::builder()
                .task_with("order.total", with_prices)
                .raw_task(
                    "order.sum",
                    Codec::Bytes,
                    Codec::Bytes,
                    |task| -> Result<Answer, TaskError> {
                        let _: &Rates = task.context().state();
                        Err(TaskError::new("a.b", "c"))
                    },
                )
                .needs::<Rates>()
                .needs::<Prices>()
        };
        let text = refused(builder());
        for part in [
            "the handler \"order.total\" needs a state of the type ",
            "worker::tests::Prices",
            "the handler \"order.sum\"",
            "worker::tests::Rates",
            ".state(..)",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
        let text = refused(builder().state(Prices));
        assert!(!text.contains("Prices") && text.contains("Rates"), "{text}");
        // All are given: the next thing that is missing is a pool.
        let text = refused(builder().state(Rates).state(Prices));
        assert!(text.contains("no pool to join"), "{text}");
    }

    #[test]
    fn what_a_builder_was_asked_in_vain_is_told_at_the_start() {
        let text = refused(Worker::builder().state(Prices).state(Prices));
        assert!(text.contains("two states of the type"), "{text}");
        let text = refused(Worker::builder().needs::<Prices>());
        assert!(text.contains("before the first handler"), "{text}");
        let twice = Worker::builder()
            .state(Prices)
            .task_with("twice", with_prices)
            .task_with("twice", with_prices);
        assert!(refused(twice).contains("two handlers"));
    }
}
