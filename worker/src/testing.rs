//! Handlers tested without a pool: the calls of a [`Worker`] run in the thread that makes them, with
//! the same steps as in a pool, down to the bytes in shared memory.
//!
//! ```
//! use ringwork_worker::{TaskContext, TaskError, Worker, testing};
//! use std::time::Duration;
//!
//! fn count(task: &TaskContext<'_>, steps: u32) -> Result<u32, TaskError> {
//!     for step in 0..steps {
//!         task.check_cancelled()?;
//!         task.progress(step + 1, steps);
//!     }
//!     Ok(steps)
//! }
//!
//! let worker = testing::Worker::new(Worker::builder().task("count", count)).unwrap();
//! let counted = worker.call("count").request(3_u32).run();
//! assert_eq!((counted.result::<u32>(), counted.progress()), (Ok(3), (3, 3)));
//! let given_up = worker.call("count").request(3_u32).cancel_after(Duration::ZERO).run();
//! assert_eq!(given_up.code(), Some("task.cancelled"));
//! ```

use crate::codec::{FromRequest, IntoResult};
use crate::context::Scopes;
use crate::panics;
use crate::state::LaneStates;
use crate::worker::{Builder, Parts, Serving, WorkerError, announce};
use ringwork_ring::client::{Client, Outcome, TaskOptions};
use ringwork_ring::format::states::{LaneKind, PoolState};
use ringwork_ring::os::scheduling::Scheduling;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_ring::reaper::reap_worker_noting;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::{
    Backing, Cause, Codec, Lane, PoolConfig, PoolDir, RingError, Segment, WaitStrategy, WorkerEntry,
};
use std::cell::RefCell;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Client entries of a [`Pool`]: one is kept for the command.
const CLIENTS: u32 = 4;

/// A folder of one pool, gone with its guard.
struct Folder(PathBuf);

impl Folder {
    fn new() -> std::io::Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let name = format!("ringwork-testing-{}-{number}", std::process::id());
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir(&path)?;
        Ok(Self(path))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0); // what is left is seen in the folder of the system
    }
}

/// The shared memory of a pool that has no process but this one.
struct Memory {
    segment: Arc<Segment>,
    dir: PoolDir,
    _locks: SupervisorLocks,
    _folder: Folder,
}

impl Memory {
    fn new(config: &PoolConfig) -> Result<Self, WorkerError> {
        let folder = Folder::new()?;
        let dir = PoolDir::below(&folder.0.join("pools"), "testing")?;
        let (segment, locks) = match Segment::create_in(Backing::Memfd, &dir, config) {
            Err(RingError::NoMemfd { .. }) => Segment::create(&dir, config)?,
            other => other?,
        };
        segment.set_pool_state(PoolState::Serving);
        Ok(Self {
            segment: Arc::new(segment),
            dir,
            _locks: locks,
            _folder: folder,
        })
    }

    fn worker(&self) -> Result<(WorkerEntry, Lane), WorkerError> {
        let attached = Arc::new(Segment::attach(&self.dir)?);
        let entry = WorkerEntry::register(attached, None)?;
        let mut lanes = entry.lanes(1, WaitStrategy::Park)?;
        let lane = lanes.pop().ok_or_else(|| lack("lane"))?;
        Ok((entry, lane))
    }
}

fn lack(what: &str) -> WorkerError {
    WorkerError::Setup(format!("the pool of the test has no {what}"))
}

/// A worker whose handlers run in the thread that calls them. All that a worker finds wrong at its
/// start is found here, too.
pub struct Worker {
    // Dropped in this order: what handlers hold before the memory that they work in.
    parts: Parts,
    states: LaneStates,
    lane: RefCell<Lane>,
    client: Client,
    _entry: WorkerEntry,
    memory: Memory,
}

impl Worker {
    /// A worker as the builder describes it, with its states made.
    ///
    /// # Errors
    /// Those of [`Builder::run`], and when there is no memory to share.
    pub fn new(builder: Builder) -> Result<Self, WorkerError> {
        panics::install_hook(|_| false);
        let parts = builder.check(None)?.make(None)?;
        let states = parts.states.for_lane().map_err(WorkerError::State)?;
        let memory = Memory::new(&PoolConfig::default().clients(1).slots(8))?;
        let client = Client::connect(&memory.dir)?;
        let (entry, lane) = memory.worker()?;
        Ok(Self {
            parts,
            states,
            lane: RefCell::new(lane),
            client,
            _entry: entry,
            memory,
        })
    }

    /// A call of the handler of this name, with no request and no options yet.
    pub fn call<'w>(&'w self, handler: &'w str) -> Call<'w> {
        Call::new(Target::Worker(self), handler)
    }
}

/// A pool with one worker in the test's own process, lanes on threads of their own: for tests of
/// several tasks at a time, of async handlers, and of clients. It ends when it is dropped.
///
/// ```
/// use ringwork_worker::{Worker, testing};
///
/// let worker = Worker::builder().lanes(2).task("upper", |text: &str| text.to_uppercase());
/// let pool = testing::Pool::start(worker).unwrap();
/// assert_eq!(pool.call("upper").request("tea").run().text(), Ok("TEA".into()));
/// ```
pub struct Pool {
    client: Client,
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<Result<(), WorkerError>>>,
    memory: Memory,
}

impl Pool {
    /// Starts the worker that the builder describes, with one lane if it does not say how many, and
    /// waits until it is ready.
    ///
    /// # Errors
    /// Those of [`Builder::run`], and when there is no memory to share.
    pub fn start(builder: Builder) -> Result<Self, WorkerError> {
        Self::with_slots(builder, 256)
    }

    /// As [`Self::start`], with room for so many tasks of each client at a time: a power of two.
    ///
    /// # Errors
    /// Those of [`Self::start`], and when there is no pool of so many slots.
    pub fn with_slots(builder: Builder, slots: u32) -> Result<Self, WorkerError> {
        panics::install_hook(|_| false);
        let memory = Memory::new(&PoolConfig::default().clients(CLIENTS).slots(slots))?;
        let client = Client::connect(&memory.dir)?;
        let segment = Arc::new(Segment::attach(&memory.dir)?);
        let leave = Arc::new(AtomicBool::new(false));
        let (lanes, wait) = builder.chosen();
        let serving = Serving {
            segment: Arc::clone(&segment),
            leave: Arc::clone(&leave),
            kind: LaneKind::Cpu,
            lanes: lanes.unwrap_or(1),
            wait: wait.unwrap_or(WaitStrategy::Park),
            policy: Scheduling::Normal,
            max_tasks: None,
            #[cfg(feature = "io")]
            io: builder.io_settled()?,
        };
        let checked = builder.check(None)?;
        announce(&segment, &checked.handlers)?;
        let parts = checked.make(None)?;
        let entry = WorkerEntry::register(segment, None)?;
        let (tell, told) = mpsc::channel();
        let thread = std::thread::Builder::new()
            .name("ringwork-testing".to_owned())
            .spawn(move || {
                serving.serve(parts, entry, &|_, _, _| {
                    let _ = tell.send(()); // the thread that starts the pool waits for it
                })
            })?;
        let mut pool = Self {
            client,
            leave,
            thread: Some(thread),
            memory,
        };
        match told.recv() {
            Ok(()) => Ok(pool),
            // It has ended before it was ready.
            Err(_) => pool.join().and(Err(lack("worker"))),
        }
    }

    /// A call of the handler of this name, with no request and no options yet.
    pub fn call<'p>(&'p self, handler: &'p str) -> Call<'p> {
        Call::new(Target::Pool(self), handler)
    }

    /// Where the pool is, for clients of its own: it has room for two beside this one.
    #[must_use]
    pub fn dir(&self) -> &PoolDir {
        &self.memory.dir
    }

    fn join(&mut self) -> Result<(), WorkerError> {
        match self.thread.take().map(JoinHandle::join) {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(lack("worker: its thread has panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.leave.store(true, Ordering::Relaxed);
        wake_all_lanes(&self.memory.segment);
        let _ = self.join(); // what handlers did wrong their callers were told
    }
}

/// Where a call goes to.
#[derive(Clone, Copy)]
enum Target<'w> {
    Worker(&'w Worker),
    Pool(&'w Pool),
}

/// A call to be made of a [`Worker`] or a [`Pool`].
#[must_use = "a call does nothing until it is run"]
pub struct Call<'w> {
    target: Target<'w>,
    handler: &'w str,
    request: Result<Vec<u8>, String>,
    options: TaskOptions,
    attempt: u8,
    cancel_after: Option<Duration>,
}

impl<'w> Call<'w> {
    fn new(target: Target<'w>, handler: &'w str) -> Self {
        Self {
            target,
            handler,
            request: Ok(Vec::new()),
            options: TaskOptions::default(),
            attempt: 1,
            cancel_after: None,
        }
    }

    /// The request: text, bytes, an integer, [`Cbor`](crate::Cbor), or bytes of any codec
    /// ([`Encoded`](crate::Encoded)).
    pub fn request(mut self, request: impl IntoResult) -> Self {
        let mut bytes = Vec::new();
        let mut codec = Codec::Bytes;
        let encoded = request.encode(&mut |written, from| {
            codec = written;
            bytes = from.to_vec();
        });
        self.request = encoded.map(|()| bytes);
        self.options.codec = codec;
        self
    }

    /// The time until the deadline. A handler that is still at it then sees that its caller has given
    /// up, and the call ends as `deadline.passed`.
    ///
    /// ```
    /// use ringwork_worker::{TaskContext, Worker, testing};
    /// use std::time::Duration;
    ///
    /// let endless = |task: &TaskContext<'_>, (): ()| -> Result<(), ringwork_worker::TaskError> {
    ///     loop {
    ///         task.check_cancelled()?;
    ///         std::thread::sleep(Duration::from_millis(1));
    ///     }
    /// };
    /// let worker = testing::Worker::new(Worker::builder().task("endless", endless)).unwrap();
    /// let ended = worker.call("endless").deadline(Duration::from_millis(20)).run();
    /// assert_eq!(ended.code(), Some("deadline.passed"));
    /// ```
    pub fn deadline(mut self, within: Duration) -> Self {
        self.options.timeout = Some(within);
        self
    }

    /// The caller gives up this long after the handler has begun: with zero it sees that at its
    /// first look. In a [`Pool`] the time counts from the submit.
    pub fn cancel_after(mut self, time: Duration) -> Self {
        self.cancel_after = Some(time);
        self
    }

    /// Which attempt the handler of a [`Worker`] sees, 1 to 3: the workers of those before have died
    /// of it. In a [`Pool`] no worker dies.
    ///
    /// # Panics
    /// When it is another number.
    pub fn attempt(mut self, attempt: u8) -> Self {
        assert!(
            (1..=3).contains(&attempt),
            "attempt {attempt}: a task has 1 to 3"
        );
        self.attempt = attempt;
        self
    }

    /// The id that the client gives the task.
    pub fn task_id(mut self, id: u64) -> Self {
        self.options.task_id = id;
        self
    }

    /// The priority, 0 the most urgent (default 1).
    pub fn priority(mut self, priority: u8) -> Self {
        self.options.priority = priority;
        self
    }

    /// The W3C traceparent: version, trace id, parent id, flags.
    pub fn traceparent(mut self, traceparent: [u8; 26]) -> Self {
        self.options.traceparent = Some(traceparent);
        self
    }

    /// Makes the call: of a [`Worker`] in this thread.
    ///
    /// # Panics
    /// When the request can't be encoded or submitted: the message says why.
    #[must_use]
    #[track_caller]
    pub fn run(self) -> Ended {
        match self.try_run() {
            Ok(ended) => ended,
            Err(why) => panic!("the call can't be made: {why}"),
        }
    }

    fn try_run(self) -> Result<Ended, WorkerError> {
        match self.target {
            Target::Worker(worker) => self.run_here(worker),
            Target::Pool(pool) => self.run_there(pool),
        }
    }

    fn run_there(self, pool: &Pool) -> Result<Ended, WorkerError> {
        let request = self.request.map_err(WorkerError::Setup)?;
        let ticket = pool.client.submit(self.handler, &request, &self.options)?;
        let slot = pool.memory.segment.slot(ticket.slot());
        let generation = slot.word().generation();
        let early = match self.cancel_after {
            Some(time) => ticket.wait(Some(time)),
            None => ticket.wait(None),
        };
        let outcome = match early {
            Err(RingError::Timeout(_)) => {
                slot.request_cancel(generation);
                ticket.wait(None)?
            }
            other => other?,
        };
        let progress = slot.progress();
        Ok(Ended { outcome, progress })
    }

    fn run_here(self, worker: &Worker) -> Result<Ended, WorkerError> {
        let request = self.request.map_err(WorkerError::Setup)?;
        let timeout = self.options.timeout;
        let options = self.options.attempts(self.attempt);
        let ticket = worker.client.submit(self.handler, &request, &options)?;
        for _ in 1..self.attempt {
            die_of_it(&worker.memory)?;
        }
        let mut lane = worker.lane.borrow_mut();
        let claimed = lane.try_next().ok_or_else(|| lack("task"))?;
        if worker.parts.handlers.is_async(claimed.handler()) {
            return Err(WorkerError::Setup(format!(
                "{:?} is an async handler, and a testing::Worker has no I/O threads: call it in a testing::Pool",
                self.handler
            )));
        }
        let scopes = Scopes {
            states: &worker.parts.states,
            lane: &worker.states,
        };
        let slot = worker.memory.segment.slot(ticket.slot());
        let generation = slot.word().generation();
        let handlers = &worker.parts.handlers;
        let began = Instant::now();
        // The caller of a pool gives up at the deadline.
        let give_up = self.cancel_after.into_iter().chain(timeout).min();
        match give_up {
            None => drop(handlers.run(claimed, &scopes)),
            Some(Duration::ZERO) if self.cancel_after.is_some() => {
                slot.request_cancel(generation);
                handlers.start(claimed, &scopes);
            }
            Some(time) => std::thread::scope(|scope| {
                let (ended, end) = mpsc::channel::<()>();
                let (segment, number) = (&worker.memory.segment, ticket.slot());
                scope.spawn(move || {
                    if end.recv_timeout(time) == Err(RecvTimeoutError::Timeout) {
                        segment.slot(number).request_cancel(generation);
                    }
                });
                match self.cancel_after {
                    Some(_) => handlers.start(claimed, &scopes),
                    None => handlers.run(claimed, &scopes),
                };
                drop(ended);
            }),
        }
        let progress = slot.progress();
        let ended = ticket.wait(None)?;
        let is_late = timeout.is_some_and(|timeout| began.elapsed() >= timeout);
        let outcome = match ended {
            // What a caller is told that has given up before.
            _ if is_late => Outcome::TimedOut { may_have_run: true },
            in_time => in_time,
        };
        Ok(Ended { outcome, progress })
    }
}

/// A worker takes the task and dies.
fn die_of_it(memory: &Memory) -> Result<(), WorkerError> {
    let (entry, mut lane) = memory.worker()?;
    let index = entry.index();
    match lane.try_next() {
        Some(claimed) => std::mem::forget(claimed),
        None => return Err(lack("task")),
    }
    drop(lane);
    drop(entry);
    reap_worker_noting(&memory.segment, index, Cause::Unknown, &mut |_| {
        String::new()
    });
    Ok(())
}

/// How a call has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    outcome: Outcome,
    progress: (u32, u32),
}

impl Ended {
    /// The result, as a client decodes it that takes it for a `R`; else the error's code and
    /// message.
    ///
    /// # Errors
    /// When the call has failed, or the result is no `R`.
    pub fn result<R: FromRequest>(&self) -> Result<R, String> {
        match &self.outcome {
            Outcome::Completed { codec, bytes } => R::from_request(*codec, bytes),
            _ => Err(self.failure()),
        }
    }

    /// The result as text.
    ///
    /// # Errors
    /// As [`Self::result`].
    pub fn text(&self) -> Result<String, String> {
        self.result()
    }

    /// The bytes of the result, whatever their codec.
    ///
    /// # Errors
    /// When the call has failed.
    pub fn bytes(&self) -> Result<Vec<u8>, String> {
        self.result()
    }

    /// The stable code of the error: the handler's own, or `handler.panicked`,
    /// `request.undecodable`, `task.cancelled`, `deadline.passed` and the like; `None` for a
    /// result.
    #[must_use]
    pub fn code(&self) -> Option<&str> {
        match &self.outcome {
            Outcome::Completed { .. } => None,
            Outcome::Failed { code, .. } => Some(code),
            Outcome::Crashed { .. } => Some("worker.crashed"),
            Outcome::TimedOut { .. } => Some("deadline.passed"),
            Outcome::Cancelled { .. } => Some("task.cancelled"),
            Outcome::Closed { .. } => Some("pool.closed"),
        }
    }

    /// The text of the error; empty for a result, and where the caller has given up.
    #[must_use]
    pub fn message(&self) -> &str {
        match &self.outcome {
            Outcome::Failed { message, .. } => message,
            Outcome::Closed { reason } => reason,
            _ => "",
        }
    }

    /// What the handler has reported last: steps done, steps in all.
    #[must_use]
    pub fn progress(&self) -> (u32, u32) {
        self.progress
    }

    fn failure(&self) -> String {
        let code = self.code().unwrap_or_default();
        match self.message() {
            "" => code.to_owned(),
            message => format!("{code}: {message}"),
        }
    }
}
