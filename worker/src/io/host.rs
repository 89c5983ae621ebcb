//! The shards of a worker: begun by lanes, drained at the end.

use super::context::{AsyncContext, Shared, WhyCancelled};
use super::handler::{AsyncHandler, Running};
use super::poll::{InFlightTask, run_chunk};
use super::shard::IoShard;
use super::watch::Watch;
use super::{Host, Options, Parts};
use crate::dispatch::{self, Ended, not_run};
use crate::error::{CANCELLED, TaskError};
use crate::state::States;
use crate::worker::WorkerError;
use crate::{log, panics};
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::{Segment, Status};
use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::Notify;

/// How long a thread sleeps at most that waits for tasks to end.
const LOOK: Duration = Duration::from_millis(10);
/// How long a runtime waits for what runs on its threads for blocking work.
const BLOCKING_GRACE: Duration = Duration::from_millis(100);
/// How long tasks have to end that were told that the worker leaves.
const LAST_GRACE: Duration = Duration::from_secs(1);

/// All shards, and what their tasks share.
pub(super) struct Shards {
    pub(super) states: Arc<States>,
    pub(super) all: Vec<IoShard>,
    pub(super) options: Options,
    segment: Arc<Segment>,
    leave: Arc<AtomicBool>,
    // Tasks in flight, with those that a lane is about to begin.
    taken: AtomicUsize,
    // Threads that wait for one to end.
    room: (Mutex<usize>, Condvar),
    ending: AtomicBool,
    stop: Notify,
    // Blocking work that runs or waits, and how much there may be.
    blocking: Arc<AtomicUsize>,
    max_blocking: usize,
    pub(super) watch: Watch,
}

/// Blocking work that counts until it is dropped.
pub(super) struct BlockingRoom(Arc<AtomicUsize>);

impl Drop for BlockingRoom {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Shards {
    pub(super) fn shard(&self, index: u32) -> &IoShard {
        &self.all[index as usize]
    }

    pub(super) fn is_ending(&self) -> bool {
        self.ending.load(Ordering::Relaxed)
    }

    pub(super) fn in_flight(&self) -> usize {
        self.taken.load(Ordering::Relaxed)
    }

    pub(super) fn blocking_room(&self) -> Option<BlockingRoom> {
        let room = BlockingRoom(Arc::clone(&self.blocking));
        // Given back by the drop, if that was too much.
        let before = self.blocking.fetch_add(1, Ordering::Relaxed);
        (before < self.max_blocking).then_some(room)
    }

    /// A task has ended: there is room for another.
    pub(super) fn ended(&self, shared: &Shared) {
        let shard = self.shard(shared.shard);
        shard.remove(shared);
        shard.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.give_room_back();
    }

    fn give_room_back(&self) {
        self.taken.fetch_sub(1, Ordering::Relaxed);
        let waiting = self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        if *waiting > 0 {
            self.room.1.notify_one();
        }
    }

    fn take_room(&self) -> bool {
        let taken = self.taken.fetch_add(1, Ordering::Relaxed);
        if taken >= self.options.tasks {
            self.taken.fetch_sub(1, Ordering::Relaxed);
        }
        taken < self.options.tasks
    }

    /// Waits until a task has ended, or a little.
    fn rest(&self) {
        let lock = || self.room.0.lock().unwrap_or_else(PoisonError::into_inner);
        let mut waiting = lock();
        *waiting += 1;
        let woken = self.room.1.wait_timeout(waiting, LOOK);
        let (mut waiting, _) = woken.unwrap_or_else(PoisonError::into_inner);
        *waiting -= 1;
    }

    /// Waits for room, as long as the task is wanted; says why it is not begun.
    fn wait_for_room(&self, claimed: &Claimed<'_>) -> Result<(), WhyCancelled> {
        let mut leaving: Option<Instant> = None;
        while !self.take_room() {
            if claimed.expired() {
                return Err(WhyCancelled::Deadline);
            }
            if claimed.cancelled() {
                return Err(WhyCancelled::Caller);
            }
            if self.leave.load(Ordering::Relaxed) || self.segment.is_over() {
                let since = *leaving.get_or_insert_with(Instant::now);
                if since.elapsed() >= self.options.drain || self.segment.is_over() {
                    return Err(WhyCancelled::Draining);
                }
            }
            self.rest();
        }
        Ok(())
    }

    /// The shard with the fewest tasks, of those whose thread is not stuck.
    fn choose(&self) -> u32 {
        let load = |shard: &IoShard| {
            let stalled = shard.stalled.load(Ordering::Relaxed);
            (stalled, shard.in_flight.load(Ordering::Relaxed))
        };
        let shards = (0..).zip(&self.all);
        shards
            .min_by_key(|(_, shard)| load(shard))
            .map_or(0, |(index, _)| index)
    }

    /// Goes on with a task whose future waits, or was not polled yet.
    fn hand_over(&self, shared: Arc<Shared>, claimed: Claimed<'_>, running: Running, chunk: bool) {
        let shard = self.shard(shared.shard);
        shared.put_claim(claimed.detach(&shard.books));
        shard.in_flight.fetch_add(1, Ordering::Relaxed);
        shard.add(&shared);
        self.watch.wake();
        let task = InFlightTask::new(shared, running, chunk);
        shard.handle.spawn(task);
    }
}

/// The shards and their threads.
struct Threads {
    shards: Arc<Shards>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

/// Starts the shards of a worker.
pub(crate) fn launch(parts: Parts) -> Result<Arc<dyn Host>, WorkerError> {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let runtime = || -> io::Result<Runtime> {
        let mut builder = Builder::new_current_thread();
        builder.enable_all().max_blocking_threads(cores.max(2));
        builder.thread_name("ringwork-blocking").build()
    };
    let runtimes: Vec<Runtime> = (parts.shards.iter().map(|_| runtime()))
        .collect::<io::Result<_>>()
        .map_err(|error| {
            WorkerError::Setup(format!(
                "the runtime of the async handlers can't start ({error}): fewer --io-threads, or more open files \
                 and threads, help"
            ))
        })?;
    let threads = parts.shards.len();
    let all = parts.shards.into_iter().zip(&runtimes);
    let shards = Arc::new(Shards {
        states: parts.states,
        all: all
            .map(|(books, runtime)| IoShard::new(books, runtime.handle().clone()))
            .collect(),
        options: parts.options,
        segment: parts.segment,
        leave: parts.leave,
        taken: AtomicUsize::new(0),
        room: Default::default(),
        ending: AtomicBool::new(false),
        stop: Notify::new(),
        blocking: Arc::default(),
        max_blocking: threads * cores.max(2) + 2 * cores,
        watch: Watch::default(),
    });
    let host = Arc::new(Threads {
        shards,
        threads: Mutex::default(),
    });
    for (index, runtime) in (0..).zip(runtimes) {
        let shards = Arc::clone(&host.shards);
        let name = format!("ringwork-io-{}", shards.shard(index).books.index());
        let worker = parts.worker;
        host.start(name, move || serve(worker, index, &shards, runtime))?;
    }
    let shards = Arc::clone(&host.shards);
    host.start("ringwork-io-watch".into(), move || {
        super::watch::run(&shards)
    })?;
    Ok(host)
}

/// A shard's thread.
fn serve(worker: u32, index: u32, shards: &Shards, runtime: Runtime) {
    log::serve_lane(&shards.segment, worker, shards.shard(index).books.index());
    runtime.block_on(async {
        loop {
            let stop = shards.stop.notified();
            if shards.is_ending() {
                return;
            }
            stop.await;
        }
    });
    // What is left is dropped, and ends so.
    runtime.shutdown_timeout(BLOCKING_GRACE);
}

impl Threads {
    fn start(&self, name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name);
        // A panic that gets here is a bug of ours: the process ends, so that the supervisor
        // replaces it.
        let thread = thread.spawn(move || {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                std::process::abort();
            }
        });
        let thread = thread.inspect_err(|_| self.end())?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(thread);
        Ok(())
    }

    fn end(&self) {
        self.shards.ending.store(true, Ordering::Relaxed);
        self.shards.stop.notify_waiters();
        self.shards.watch.end();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in std::mem::take(&mut *threads) {
            let _ = thread.join(); // it ends the process when it panics
        }
    }

    /// Begins a task that there is room for.
    fn begin_with_room(&self, handler: &AsyncHandler, mut claimed: Claimed<'_>) {
        let shards = &self.shards;
        let index = shards.choose();
        let shared = Arc::new(Shared::new(shards, index, handler.name, &claimed));
        let context = AsyncContext(Arc::clone(&shared));
        // Timers and sockets that the first poll makes are those of the shard's runtime.
        let _entered = shards.shard(index).handle.enter();
        let begun = panics::catch(handler.name, || {
            let request = claimed.request().map_err(|error| {
                Ended::Undecodable(TaskError::new("segment.corrupt", error.to_string()))
            })?;
            let codec = claimed.request_codec();
            handler.start.start(context, codec, request)
        });
        let mut running = match begun {
            Ok(Ok(running)) => running,
            Ok(Err(ended)) => {
                dispatch::end(&mut claimed, ended);
                return shards.give_room_back();
            }
            Err(panic) => {
                dispatch::end_panicked(&mut claimed, handler.name, &panic);
                return shards.give_room_back();
            }
        };
        if handler.is_quick() {
            let began = Instant::now();
            let polled = panics::catch(handler.name, || {
                running
                    .as_mut()
                    .poll(&mut Context::from_waker(Waker::noop()))
            });
            handler.polled_first(began.elapsed());
            // The shard polls a future that waits again, with a waker.
            if !matches!(polled, Ok(Poll::Pending)) {
                drop_future(handler.name, running);
                shared.abort_children();
                match polled {
                    Ok(Poll::Ready(Ok((bytes, codec)))) => claimed.complete(&bytes, codec),
                    Ok(Poll::Ready(Err(ended))) => dispatch::end(&mut claimed, ended),
                    Ok(Poll::Pending) => {}
                    Err(panic) => dispatch::end_panicked(&mut claimed, handler.name, &panic),
                }
                return shards.give_room_back();
            }
        }
        shards.hand_over(shared, claimed, running, false);
    }
}

/// A drop that panics costs nothing more.
fn drop_future(handler: &'static str, running: Running) {
    if let Err(panic) = panics::catch(handler, || drop(running)) {
        tracing::error!(
            handler,
            location = panic.location,
            "the future of a handler panicked when it was dropped: {}",
            panic.message
        );
    }
}

impl Host for Threads {
    fn begin(&self, handler: &Arc<AsyncHandler>, mut claimed: Claimed<'_>) -> u32 {
        if let Err(why) = self.shards.wait_for_room(&claimed) {
            let (status, code, message) = match why {
                WhyCancelled::Deadline => (
                    Status::Expired,
                    "deadline.passed",
                    "the deadline passed while the worker had --io-tasks in flight; it was not started",
                ),
                WhyCancelled::Draining => (
                    Status::Failed,
                    "worker.draining",
                    "the worker left while it had --io-tasks in flight; it was not started",
                ),
                _ => (
                    Status::Cancelled,
                    CANCELLED,
                    "the caller cancelled the task before it was started",
                ),
            };
            claimed.fail(&not_run(status, code, message));
            return 1;
        }
        if !claimed.is_chunk() {
            self.begin_with_room(handler, claimed);
            return 1;
        }
        match claimed.open_chunk() {
            Ok(crashed) => {
                if let Some(index) = crashed {
                    dispatch::log_crashed_request(handler.name, index);
                }
                let index = self.shards.choose();
                let shared = Arc::new(Shared::new(&self.shards, index, handler.name, &claimed));
                shared.listen();
                let context = AsyncContext(Arc::clone(&shared));
                let running = Box::pin(run_chunk(context, Arc::clone(handler)));
                self.shards.hand_over(shared, claimed, running, true);
            }
            Err(error) => {
                let message = error.to_string();
                claimed.fail(&not_run(Status::Codec, "request.undecodable", &message));
                self.shards.give_room_back();
            }
        }
        1
    }

    fn drain(&self) {
        let shards = &self.shards;
        let wait = |time: Duration| {
            let until = Instant::now() + time;
            while shards.in_flight() > 0 && Instant::now() < until && !shards.segment.is_over() {
                shards.rest();
            }
            shards.in_flight()
        };
        let left = wait(shards.options.drain);
        if left > 0 {
            tracing::warn!(
                "{left} async tasks have not ended within --io-drain ({:?}): they are dropped",
                shards.options.drain
            );
            let tasks = shards.all.iter().flat_map(IoShard::all);
            tasks.for_each(|task| task.cancel(WhyCancelled::Draining));
            wait(LAST_GRACE);
        }
        self.end();
    }
}
