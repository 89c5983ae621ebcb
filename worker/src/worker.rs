//! A worker process: its handlers, its lanes, its start and its end.

use crate::confine::rlimits::LANE_STACK;
use crate::confine::{Confinement, Peer, SandboxMode, sandbox};
use crate::context::Scopes;
use crate::dispatch::{Handler, Handlers, Layers, Ready};
use crate::error::TaskError;
use crate::handler;
#[cfg(feature = "io")]
use crate::io;
use crate::layer::{Call, Done, Layer, Next};
use crate::log;
use crate::niceness::Niceness;
use crate::panics;
use crate::raw_task::{Answer, RawTask};
use crate::state::config::{CONFIG_VARIABLE, Sections};
use crate::state::{
    Bound, Extract, Finder, LaneStates, Make, MakePerTask, Plan, Registry, Scope, State, States,
    make,
};
use ringwork_ring::format::states::LaneKind;
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
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Environment variable: the pool's directory, set by the supervisor.
pub const POOL_DIR_VARIABLE: &str = "RINGWORK_POOL_DIR";
/// Environment variable: the epoch of the pool's segment, set by the supervisor. A pool of the same
/// name that another supervisor serves has another.
pub const POOL_EPOCH_VARIABLE: &str = "RINGWORK_POOL_EPOCH";
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
/// Environment variable: which tasks the worker is for (`cpu`, `io`), set by the supervisor.
pub const LANE_KIND_VARIABLE: &str = "RINGWORK_LANE_KIND";
/// Environment variable that says which signals make a worker leave, set by the supervisor
/// (`anyone`: SIGTERM, `parent`: the supervisor's SIGTERM only, as in an embedded pool).
pub const LEAVE_BY_VARIABLE: &str = "RINGWORK_LEAVE_BY";

/// Why a worker can't be an I/O worker.
const NO_ASYNC_HANDLER: &str = "the pool is to have I/O workers (--io-workers), but this program has no async handler for them: leave --io-workers out, or add one by .async_task(..) (feature `io`)";

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
    /// A state could not be made.
    #[error("the worker can't start: {0}")]
    State(String),
    /// Threads or signal handlers could not be made.
    #[error("the worker can't start: {0}")]
    Io(#[from] std::io::Error),
}

impl fmt::Debug for WorkerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Exit code of a worker that is set up wrongly, so that another one of its kind would be no wiser:
/// `EX_CONFIG` of sysexits.h. Its supervisor does not try again.
pub const SETUP_EXIT_CODE: u8 = 78;

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
    states: Registry,
    config: Option<String>,
    layers: Vec<Layer>,
    #[cfg(feature = "io")]
    pub(crate) async_layers: Vec<io::AsyncLayer>,
    version: Option<String>,
    // What was asked of the builder that can't be; told at the start.
    mistakes: Vec<String>,
    lanes: Option<u32>,
    wait: Option<WaitStrategy>,
    pool: Option<String>,
    sandbox: SandboxMode,
    sandbox_read: Vec<PathBuf>,
    sandbox_net: Vec<Peer>,
    // Once there is an async handler; the options stand beside it, whichever comes first.
    #[cfg(feature = "io")]
    pub(crate) io: Option<io::Launch>,
    #[cfg(feature = "io")]
    pub(crate) io_options: io::Asked,
    // Once there is an async state.
    #[cfg(feature = "io")]
    pub(crate) home: Option<io::NewHome>,
}

impl Builder {
    /// Adds a handler: a function of arguments, if any, and a request to a result or a `Result`
    /// ([`Handler`](crate::Handler) has examples). The name, 1 to 112 bytes, is what clients submit
    /// to. Arguments are the context, states, and types of your own ([`Extract`]); the request is
    /// bytes, UTF-8, an integer, [`Cbor`](crate::Cbor) or [`Params`](crate::Params). A worker
    /// without a state that it takes does not start.
    #[must_use]
    pub fn task<M: 'static, H: handler::Handler<M>>(mut self, name: &str, handler: H) -> Self {
        self.handlers.push(Handler::typed(name, handler));
        self
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

    /// Gives all handlers a value, found by its type: a handler takes it as
    /// [`State<T>`](crate::State), or as [`Arc<T>`](Arc). One value of each type: [`Self::run`]
    /// refuses a second one.
    #[must_use]
    pub fn state<T: Send + Sync + 'static>(self, value: T) -> Self {
        let value: Arc<dyn std::any::Any + Send + Sync> = Arc::new(value);
        let bound = Bound::Singleton(Box::new(move |_, _| Ok(value)));
        self.declare::<T>(Scope::Singleton, None, |_| bound)
    }

    /// Adds a value that is made once, before the worker is ready and before it is confined, and
    /// that handlers take as [`State<T>`](crate::State) or [`Arc<T>`](Arc). The function takes what
    /// it needs: [`Arc<S>`](Arc) of other singletons, in whatever order they are told, and
    /// [`Config<C>`](crate::Config) from the section `[state.NAME]`. Its error ends the worker,
    /// which is not ready then. Singletons are dropped after the last task, in the reverse order of
    /// their making. In a pool with I/O workers a worker leaves out those that only handlers of the
    /// other kind need.
    ///
    /// ```
    /// use ringwork_worker::{Config, State, Worker, testing};
    /// use serde::Deserialize;
    /// use std::sync::Arc;
    ///
    /// #[derive(Deserialize)]
    /// struct Address {
    ///     url: String,
    /// }
    /// struct Db(String);
    /// struct Articles(Arc<Db>);
    ///
    /// let worker = Worker::builder()
    ///     .singleton("articles", |db: Arc<Db>| Ok::<_, String>(Articles(db)))
    ///     .singleton("db", |address: Config<Address>| {
    ///         if address.url.is_empty() {
    ///             return Err("url is empty: name the database");
    ///         }
    ///         Ok(Db(address.url.clone()))
    ///     })
    ///     .task("where", |State(articles): State<Articles>, (): ()| articles.0.0.clone());
    /// let worker = worker.config(r#"{"state": {"db": {"url": "db.example"}}}"#);
    /// let worker = testing::Worker::new(worker).unwrap();
    /// assert_eq!(worker.call("where").run().text(), Ok("db.example".into()));
    /// ```
    #[must_use]
    pub fn singleton<M, F>(self, name: &str, make: F) -> Self
    where
        M: 'static,
        F: Make<M>,
        F::Value: Send + Sync,
    {
        self.declare::<F::Value>(Scope::Singleton, Some(name), make::singleton(make))
    }

    /// Adds a value that each lane makes for itself, in its own thread, before the worker is ready;
    /// handlers take it as [`PerLane<T>`](crate::PerLane). It need not be `Send`. The function
    /// takes what one of a [singleton](Self::singleton) does, and runs in the sandbox. A lane drops
    /// its values after its last task, in the reverse order of their making.
    #[must_use]
    pub fn per_lane<M: 'static, F: Make<M>>(self, name: &str, make: F) -> Self {
        self.declare::<F::Value>(Scope::Lane, Some(name), make::per_lane(make))
    }

    /// Adds a value that is made for each task whose handler takes [`PerTask<T>`](crate::PerTask).
    /// The function takes what a handler does, but for the request; its error fails the task, and
    /// the handler is not run. The handler owns the value, so it is dropped before the result is
    /// told.
    #[must_use]
    pub fn per_task<M: 'static, F: MakePerTask<M>>(self, name: &str, make: F) -> Self {
        self.declare::<F::Value>(Scope::Task, Some(name), make::per_task(make))
    }

    pub(crate) fn declare<T: 'static>(
        mut self,
        scope: Scope,
        name: Option<&str>,
        bind: impl FnOnce(&mut Finder<'_>) -> Bound + Send + 'static,
    ) -> Self {
        self.mistakes
            .extend(self.states.add::<T>(scope, name, bind).err());
        self
    }

    /// Says that the handler added last asks for a state of this type by
    /// [`TaskContext::state`](crate::TaskContext::state): a worker without it does not start. A
    /// handler that takes [`State<T>`](crate::State) says so by itself.
    #[must_use]
    pub fn needs<T: Send + Sync + 'static>(mut self) -> Self {
        match self.handlers.last_mut() {
            Some(handler) => handler.needs.push(|finder| {
                <State<'_, T>>::find(finder);
            }),
            None => self.mistakes.push(format!(
                ".needs::<{}>() stands before the first handler: put it behind the one that it is for",
                type_name::<T>()
            )),
        }
        self
    }

    /// Puts a layer around all handlers but async ones, whichever come first: for timing,
    /// authorisation, spans.
    /// The first layer is the outermost. It runs for each request, those of a chunk included, before
    /// the request is decoded, and lets the answer of the handler through. Its own error fails the
    /// task; `may_have_run` is false for it if the handler has not run. A worker that has async handlers
    /// beside a layer needs an `async_layer`, too: else it does not start.
    ///
    /// ```
    /// use ringwork_worker::{TaskError, Worker, testing};
    /// use std::sync::{Arc, Mutex};
    ///
    /// let timed = Arc::new(Mutex::new(Vec::new()));
    /// let times = Arc::clone(&timed);
    /// let worker = Worker::builder()
    ///     .layer(move |call, next| {
    ///         let begun = std::time::Instant::now();
    ///         let done = next.run(call);
    ///         times.lock().unwrap().push((call.task().handler(), begun.elapsed()));
    ///         done
    ///     })
    ///     .layer(|call, next| match call.task().task_id() {
    ///         13 => Err(TaskError::new("access.denied", "13 is no good id: take another")),
    ///         _ => next.run(call),
    ///     })
    ///     .task("upper", |text: &str| text.to_uppercase());
    /// let worker = testing::Worker::new(worker).unwrap();
    /// assert_eq!(worker.call("upper").request("tea").run().text(), Ok("TEA".into()));
    /// assert_eq!(worker.call("upper").task_id(13).run().code(), Some("access.denied"));
    /// assert_eq!(timed.lock().unwrap().len(), 2);
    /// ```
    #[must_use]
    pub fn layer<F>(mut self, layer: F) -> Self
    where
        F: Fn(&mut Call<'_, '_>, Next<'_>) -> Result<Done, TaskError> + Send + Sync + 'static,
    {
        self.layers.push(Box::new(layer));
        self
    }

    /// The version of your program, which `ringwork stat` shows beside its name; default: that of
    /// Ringwork in it. At most 32 bytes of it are kept.
    #[must_use]
    pub fn version(mut self, version: &str) -> Self {
        self.version = Some(version.to_owned());
        self
    }

    /// The sections `[handler.NAME]` and `[state.NAME]` as JSON, `{"handler": {NAME: ..}, "state":
    /// {NAME: ..}}`, for a worker that is started by hand and for tests. Under a supervisor those
    /// of the pool's file hold, whatever is said here.
    #[must_use]
    pub fn config(mut self, json: &str) -> Self {
        self.config = Some(json.to_owned());
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

    /// Lets confined handlers connect to this port, by TCP and on any host, as `--sandbox-net` does.
    #[must_use]
    pub fn sandbox_net(mut self, peer: Peer) -> Self {
        self.sandbox_net.push(peer);
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
    /// A worker that a supervisor has started and that is set up wrongly, so that another would
    /// be no wiser, ends here with the exit code 78 when it has told why: the supervisor does not
    /// start it again and again.
    ///
    /// # Errors
    /// When the pool can't be joined, a state can't be made, or the worker is set up wrongly: two
    /// handlers of one name, or a handler that needs a state which was not given.
    pub fn run(self) -> Result<(), WorkerError> {
        log::init_worker();
        let dir = std::env::var_os(POOL_DIR_VARIABLE).map(PathBuf::from);
        if let Some(name) = dir.as_deref().and_then(Path::file_name) {
            log::name_pool(&name.to_string_lossy());
        }
        let error = match self.run_here() {
            Err(WorkerError::Setup(why)) => WorkerError::Setup(why),
            other => return other,
        };
        if std::env::var_os(WORKER_INDEX_VARIABLE).is_none() {
            return Err(error);
        }
        if log::is_ours() {
            tracing::error!(event = "worker.setup_failed", "{error}");
        } else {
            eprintln!("Error: {error}");
        }
        std::process::exit(SETUP_EXIT_CODE.into())
    }

    fn run_here(self) -> Result<(), WorkerError> {
        panics::install_hook(log::panicked);
        ringwork_ring::os::sigbus::explain_sigbus();
        let (pool, lanes, wait) = (self.pool.clone(), self.lanes, self.wait);
        #[cfg(feature = "io")]
        let io = self.io_settled();
        let mut confinement = Confinement::from_environment().map_err(WorkerError::Setup)?;
        confinement.sandbox = confinement.sandbox.max(self.sandbox);
        (confinement.sandbox_read).extend(self.sandbox_read.iter().cloned());
        confinement.sandbox_net.extend(&self.sandbox_net);
        let kind = choice(LANE_KIND_VARIABLE)?.unwrap_or(LaneKind::Cpu);
        let config = std::env::var(CONFIG_VARIABLE).ok();
        let version = self.version.clone();
        let checked = self.check(config)?;
        if kind == LaneKind::Io && !checked.handlers.iter().any(Ready::is_async) {
            return Err(WorkerError::Setup(NO_ASYNC_HANDLER.to_owned()));
        }
        #[cfg(feature = "io")]
        let io = io?;
        let assignment = Assignment::find(pool.as_deref())?;
        let segment = attach(&assignment, &checked.handlers)?;
        #[cfg(feature = "io")]
        let threads = io::threads();
        // Where each kind of handlers has workers of its own, it has states of its own.
        let served = segment.geometry().has_io_lanes().then_some(kind);
        let parts = checked.make(served)?;
        #[cfg(feature = "io")]
        if parts.home.is_some() && confinement.sandbox > SandboxMode::Off {
            io::await_threads(threads);
        }
        let leave = Arc::new(AtomicBool::new(false));
        let signals = take_signals(&assignment, &segment, &leave)?;
        let entry = WorkerEntry::register(Arc::clone(&segment), assignment.index)?;
        if let Some(version) = version {
            entry.set_version(&version);
        }
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
        let serving = Serving {
            segment,
            leave,
            kind,
            lanes: match kind {
                LaneKind::Cpu => lanes.or(assignment.lanes).unwrap_or(1),
                // It only hands tasks over.
                LaneKind::Io => 1,
            },
            wait: wait.or(assignment.wait).unwrap_or_default(),
            policy,
            max_tasks: number(MAX_TASKS_VARIABLE)?,
            #[cfg(feature = "io")]
            io,
        };
        serving.serve(parts, entry, &|segment, worker, lanes| {
            let pool = segment.dir().name();
            match assignment.index {
                // Its supervisor says it for the pool.
                Some(_) => tracing::debug!(
                    event = "worker.lanes",
                    pool,
                    worker,
                    lanes,
                    "lanes are registered"
                ),
                None => tracing::info!(
                    event = "worker.ready",
                    pool,
                    worker,
                    lanes,
                    "worker is ready"
                ),
            }
        })?;
        drop(signals);
        Ok(())
    }

    /// Number of lanes, and how they wait, as far as the program has chosen.
    pub(crate) fn chosen(&self) -> (Option<u32>, Option<WaitStrategy>) {
        (self.lanes, self.wait)
    }

    /// Looks up what every handler and state asks for. No code of the user has run yet.
    pub(crate) fn check(mut self, config: Option<String>) -> Result<Checked, WorkerError> {
        let mut problems = std::mem::take(&mut self.mistakes);
        let sections = match config.or(self.config) {
            Some(json) => Sections::parse(&json).map_err(WorkerError::Setup)?,
            None => Sections::default(),
        };
        let plan = self.states.bind(&sections, &mut problems);
        let layers = Layers {
            lane: self.layers.into(),
            #[cfg(feature = "io")]
            io: self.async_layers.into(),
        };
        let mut handlers = Handlers::default();
        for handler in self.handlers {
            let mut finder = self.states.finder(&sections, handler.name, &mut problems);
            let added = handlers.add(handler, &mut finder, &layers);
            let wanted = finder.wanted();
            match added {
                Ok(kind) => self.states.ask(kind, wanted),
                Err(doubled) => problems.push(doubled),
            }
        }
        problems.extend(sections.unread());
        if problems.is_empty() {
            Ok(Checked {
                handlers,
                states: self.states,
                plan,
                #[cfg(feature = "io")]
                home: self.home,
            })
        } else {
            Err(WorkerError::Setup(problems.join("; ")))
        }
    }
}

/// A worker all of whose needs are met.
pub(crate) struct Checked {
    pub(crate) handlers: Handlers,
    states: Registry,
    plan: Plan,
    #[cfg(feature = "io")]
    home: Option<io::NewHome>,
}

impl Checked {
    /// Makes its singletons: those of handlers for one kind of lanes, or all.
    pub(crate) fn make(self, served: Option<LaneKind>) -> Result<Parts, WorkerError> {
        #[cfg(feature = "io")]
        let home = self.home.map(|home| home()).transpose()?;
        let made = self.states.make(self.plan, served, &|making| {
            #[cfg(feature = "io")]
            if let Some(home) = &home {
                return home.wait(making);
            }
            drop(making);
            Err("it is async, and there is no runtime".into()) // a builder that has one has the other
        });
        Ok(Parts {
            handlers: self.handlers,
            states: Arc::new(made.map_err(WorkerError::State)?),
            #[cfg(feature = "io")]
            home,
        })
    }
}

/// What the lanes of a worker share. The handlers are dropped first.
pub(crate) struct Parts {
    pub(crate) handlers: Handlers,
    pub(crate) states: Arc<States>,
    /// Where async states were made; the first shard's.
    #[cfg(feature = "io")]
    pub(crate) home: Option<Box<dyn io::Home>>,
}

/// How a worker serves, once it has joined a pool.
pub(crate) struct Serving {
    pub(crate) segment: Arc<Segment>,
    pub(crate) leave: Arc<AtomicBool>,
    pub(crate) kind: LaneKind,
    pub(crate) lanes: u32,
    pub(crate) wait: WaitStrategy,
    pub(crate) policy: Scheduling,
    pub(crate) max_tasks: Option<u64>,
    #[cfg(feature = "io")]
    pub(crate) io: Option<(io::Options, io::Launch)>,
}

impl Serving {
    /// Makes the lanes' states, registers the lanes, tells `ready`, and runs tasks until all lanes
    /// have left.
    pub(crate) fn serve(
        self,
        #[cfg_attr(not(feature = "io"), expect(unused_mut))] mut parts: Parts,
        entry: WorkerEntry,
        ready: &(dyn Fn(&Segment, u32, u32) + Sync),
    ) -> Result<(), WorkerError> {
        let (segment, leave, worker) = (&self.segment, &self.leave, entry.index());
        let quota = Quota::new(self.max_tasks, &entry);
        #[cfg(feature = "io")]
        let home = parts.home.take();
        #[cfg(feature = "io")]
        let threads = match self.io {
            Some((options, launch)) => {
                let mut threads = launch(options.threads, home)?;
                let made = threads.make_states(&parts.states);
                made.map_err(not_made)?;
                Some((options, threads))
            }
            None => None,
        };
        let register = || {
            #[cfg(feature = "io")]
            let (registered, shards) = entry.lanes_and_shards(
                (self.kind, self.lanes),
                self.io.map_or(0, |(options, _)| options.threads),
                self.wait,
            )?;
            #[cfg(not(feature = "io"))]
            let registered = match self.kind {
                LaneKind::Cpu => entry.lanes(self.lanes, self.wait)?,
                LaneKind::Io => entry.lane(self.kind, self.wait)?,
            };
            ready(segment, worker, self.lanes);
            #[cfg(feature = "io")]
            if let Some((options, threads)) = threads {
                let host = threads.serve(io::Parts {
                    worker,
                    kind: self.kind,
                    segment: Arc::clone(segment),
                    shards,
                    states: Arc::clone(&parts.states),
                    leave: Arc::clone(leave),
                    options,
                });
                let _ = parts.handlers.host.set(host); // it is set here only
            }
            Ok(registered)
        };
        let serve = |lane, states: &LaneStates| {
            serve_lane(
                segment,
                worker,
                lane,
                &parts,
                states,
                leave,
                &quota,
                self.policy,
            );
        };
        serve_lanes(self.lanes, &parts.states, register, &serve)?;
        #[cfg(feature = "io")]
        if let Some(host) = parts.handlers.host.take() {
            host.drain();
        }
        drop(parts);
        entry.leave();
        Ok(())
    }
}

/// The segment of the pool, in which the handlers are announced.
fn attach(assignment: &Assignment, handlers: &Handlers) -> Result<Arc<Segment>, WorkerError> {
    let segment = Arc::new(Segment::attach(&assignment.dir)?);
    for refused in segment.prepare() {
        tracing::debug!(event = "segment.pages_refused", "{refused}"); // the supervisor has warned already
    }
    assignment.die_with_supervisor(&segment)?;
    name_process();
    log::name_pool(segment.dir().name()); // of a worker that joins by itself
    announce(&segment, handlers)?;
    Ok(segment)
}

/// Enters the handlers into the pool's table.
pub(crate) fn announce(segment: &Segment, handlers: &Handlers) -> Result<(), WorkerError> {
    (handlers.iter()).try_for_each(|handler| register(segment, handler))
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

/// A value of a lane or of an I/O thread can't be made: maybe since the sandbox is in force.
fn not_made(why: String) -> WorkerError {
    WorkerError::State(match sandbox::explain(&why) {
        Some(told) => format!("{told}. A singleton is made before the sandbox is in force"),
        None => why,
    })
}

/// Serves each lane in a thread of its own, until all have left. The threads make the states of
/// their lanes first; when all are made the lanes are registered, and the worker is ready.
fn serve_lanes(
    count: u32,
    states: &States,
    register: impl FnOnce() -> Result<Vec<Lane>, WorkerError>,
    serve: &(impl Fn(Lane, &LaneStates) + Sync),
) -> Result<(), WorkerError> {
    std::thread::scope(|scope| {
        let (tell, told) = mpsc::channel();
        let mut waiting = Vec::new();
        for number in 0..count {
            let (give, lane) = mpsc::sync_channel(1);
            waiting.push(give);
            let tell = tell.clone();
            // Should one not start, the others find that no lane comes, and end.
            std::thread::Builder::new()
                .name(format!("ringwork-lane-{number}"))
                .stack_size(LANE_STACK)
                .spawn_scoped(scope, move || match states.for_lane() {
                    Ok(states) => {
                        let _ = tell.send(Ok(())); // that thread waits for it, or has given up
                        drop(tell);
                        if let Ok(lane) = lane.recv() {
                            serve(lane, &states);
                        }
                    }
                    Err(why) => drop(tell.send(Err(why))),
                })?;
        }
        drop(tell);
        for made in told {
            made.map_err(not_made)?;
        }
        for (give, lane) in waiting.into_iter().zip(register()?) {
            let _ = give.send(lane); // its thread waits for it
        }
        Ok(())
    })
}

/// A lane's thread. A panic that gets here is a bug of ours: the process ends, so that the
/// supervisor replaces it, rather than live on with a lane that no thread serves.
#[expect(
    clippy::too_many_arguments,
    reason = "what a lane is served with, once"
)]
fn serve_lane(
    segment: &Arc<Segment>,
    worker: u32,
    mut lane: Lane,
    parts: &Parts,
    states: &LaneStates,
    leave: &AtomicBool,
    quota: &Quota<'_>,
    policy: Scheduling,
) {
    log::serve_lane(segment, worker, lane.index());
    let mut niceness = Niceness::new(policy);
    let scopes = Scopes {
        states: &parts.states,
        lane: states,
    };
    let served = std::panic::catch_unwind(AssertUnwindSafe(|| {
        // Not `while let`, which would borrow the lane until the end of the body.
        loop {
            let Some(claimed) = lane.next(leave) else {
                return;
            };
            quota.count(1);
            niceness.before_task();
            let ran = parts.handlers.run(claimed, &scopes);
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
    /// The segment of the supervisor that started it.
    epoch: Option<u64>,
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
            epoch: if supervised.is_some() {
                number(POOL_EPOCH_VARIABLE)?
            } else {
                None
            },
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
        // It may have died before the line above, or before a worker started by hand came. Then
        // another may serve the name already, with workers of its own.
        let is_theirs = self.epoch.is_none_or(|epoch| epoch == segment.epoch());
        if is_theirs && segment.supervisor_lives()? {
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
        tracing::warn!(event = "lane.not_scheduled", %refused, "lanes can't be scheduled as {}: they run as others do", policy.name());
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

fn register(segment: &Segment, handler: &Ready) -> Result<(), WorkerError> {
    let info = HandlerInfo {
        name: handler.name.to_owned(),
        request_codec: handler.request_codec,
        result_codec: handler.result_codec,
        kind: handler.kind(),
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

    use crate::{PerLane, PerTask, TaskContext};

    struct Prices;
    struct Rates;

    fn with_prices(_: State<'_, Prices>, (): ()) {}

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
                .task("order.total", with_prices)
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
            .task("twice", with_prices)
            .task("twice", with_prices);
        assert!(refused(twice).contains("two handlers"));
        let lanes = Worker::builder()
            .per_lane("one", || Ok::<_, String>(Prices))
            .per_lane("one", || Ok::<_, String>(Prices));
        assert!(refused(lanes).contains("are given for each lane"));
        let names = Worker::builder()
            .singleton("one", || Ok::<_, String>(Prices))
            .per_lane("one", || Ok::<_, String>(Rates));
        assert!(refused(names).contains("two states have the name \"one\""));
        let exclusive = Worker::builder()
            .per_lane("one", || Ok::<_, String>(Prices))
            .task("both", |_: PerLane<Prices>, _: PerLane<Prices>, (): ()| ());
        let text = refused(exclusive);
        assert!(
            text.contains("takes PerLane<") && text.contains("twice"),
            "{text}"
        );
    }

    #[test]
    fn a_state_of_another_scope_is_pointed_to() {
        let text = refused(
            Worker::builder()
                .per_lane("prices", || Ok::<_, String>(Prices))
                .task("order.total", with_prices),
        );
        assert!(
            text.contains(".per_lane(..) has given one: PerLane<..>"),
            "{text}"
        );
        let text = refused(
            Worker::builder()
                .state(Prices)
                .task("lane", |_: PerLane<Prices>, (): ()| ())
                .task("task", |_: PerTask<Prices>, (): ()| ()),
        );
        for part in [
            "add .per_lane(..)",
            "add .per_task(..)",
            "State<..> takes it",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }

    #[test]
    fn states_that_need_each_other_are_told() {
        let circle = Worker::builder()
            .singleton("prices", |_: Arc<Rates>| Ok::<_, String>(Prices))
            .singleton("rates", |_: Arc<Prices>| Ok::<_, String>(Rates));
        let text = refused(circle);
        assert!(
            text.contains("in a circle") && text.contains("\"rates\""),
            "{text}"
        );
        let itself =
            Worker::builder().per_task("prices", |_: PerTask<Prices>| Ok::<_, TaskError>(Prices));
        assert!(refused(itself).contains("in a circle"));
        let missing = Worker::builder().per_task("prices", |_: &TaskContext<'_>, _: Arc<Rates>| {
            Ok::<_, TaskError>(Prices)
        });
        let text = refused(missing);
        assert!(
            text.contains("the state \"prices\"") && text.contains("Rates"),
            "{text}"
        );
    }
}
