//! The threads of the shards: begun by lanes, drained at the end.

use super::chunk::run_chunk;
use super::common::{Common, NoRoom};
use super::context::AsyncContext;
use super::drive::{Given, drive};
use super::handler::IoHandler;
use super::home::{self, Home};
use super::outcome::{Outcome, Running};
use super::parts::{Host, Launched, Parts};
use super::poll::{InFlightTask, log_drop};
use super::shard::{IoShard, Shared, WhyCancelled};
use super::watch::Watch;
use crate::context::Scopes;
use crate::ending::{end, end_panicked, log_crashed_request, not_run};
use crate::error::CANCELLED;
use crate::state::{States, ThreadStates};
use crate::{log, panics};
use ringwork_ring::Status;
use ringwork_ring::format::states::LaneKind;
use ringwork_ring::lane::claimed::Claimed;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::task::{Context, Poll, Waker};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::{Handle, Runtime};

/// How long a runtime waits for what runs on its threads for blocking work.
const BLOCKING_GRACE: Duration = Duration::from_millis(100);
/// How long tasks have to end whose futures were to be dropped: the poll of one may go on.
const LAST_PATIENCE: Duration = Duration::from_secs(1);

/// The shards and their threads.
struct Threads {
    common: Arc<Common>,
    shards: Vec<Arc<IoShard>>,
    // What the thread of each is to poll.
    given: Vec<Arc<Given>>,
    watch: Arc<Watch>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    // Whether a lane polls those handlers only of which it is known that they are quick.
    careful: bool,
}

/// Threads that wait for their shards: a worker that can't have them is never ready.
struct Started {
    starters: Vec<Starter>,
    // What each has for itself, once they have made it.
    states: Vec<ThreadStates>,
    give_watch: mpsc::Sender<(Arc<Watch>, Vec<Arc<IoShard>>)>,
    threads: Vec<JoinHandle<()>>,
}

/// A thread that waits for its shard.
struct Starter {
    handle: Handle,
    make: mpsc::Sender<ToMake>,
    give: mpsc::Sender<Duty>,
}

/// Of what a thread makes its own states, and where it gives them.
type ToMake = (Arc<States>, mpsc::Sender<Result<ThreadStates, String>>);

/// What a thread is for: its worker's index, its shard, and where lanes leave futures for it.
type Duty = (u32, Arc<IoShard>, Arc<Given>);

/// Starts the threads of the shards of a worker.
pub(crate) fn launch(threads: u32, home: Option<Box<dyn Home>>) -> io::Result<Box<dyn Launched>> {
    let mut runtimes = Vec::new();
    runtimes.extend(home.map(Home::into_runtime));
    while runtimes.len() < threads as usize {
        runtimes.push(home::runtime()?);
    }
    let (give_watch, watch) = mpsc::channel::<(Arc<Watch>, Vec<Arc<IoShard>>)>();
    // Whatever does not start, the others find that no shard comes, and end.
    let mut started = Started {
        starters: Vec::new(),
        states: Vec::new(),
        give_watch,
        threads: Vec::new(),
    };
    started.start("ringwork-io-watch".into(), move || {
        if let Ok((watch, shards)) = watch.recv() {
            watch.run(&shards);
        }
    })?;
    for (number, runtime) in runtimes.into_iter().enumerate() {
        let ((make, states), (give, shard)) = (mpsc::channel::<ToMake>(), mpsc::channel());
        let handle = runtime.handle().clone();
        started.starters.push(Starter { handle, make, give });
        started.start(format!("ringwork-io-{number}"), move || {
            if let Ok((states, tell)) = states.recv() {
                let made = states.for_thread(&|making| runtime.block_on(making));
                let _ = tell.send(made); // the worker waits for it
            }
            if let Ok((worker, shard, given)) = shard.recv() {
                serve(worker, &shard, &given, runtime);
            }
        })?;
    }
    Ok(Box::new(started))
}

impl Started {
    fn start(&mut self, name: String, work: impl FnOnce() + Send + 'static) -> io::Result<()> {
        let thread = std::thread::Builder::new().name(name);
        // A panic that gets here is a bug of ours: the process ends, so that the supervisor
        // replaces it.
        let thread = thread.spawn(move || {
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(work)).is_err() {
                std::process::abort();
            }
        });
        let thread = thread.map_err(|error| {
            let why = "the threads of the async handlers can't be started";
            let remedy = "fewer --io-threads, or a larger --worker-memory, help";
            io::Error::new(error.kind(), format!("{why} ({error}): {remedy}"))
        })?;
        self.threads.push(thread);
        Ok(())
    }
}

impl Launched for Started {
    fn make_states(&mut self, states: &Arc<States>) -> Result<(), String> {
        let ask = |starter: &Starter| {
            let (tell, told) = mpsc::channel();
            let _ = starter.make.send((Arc::clone(states), tell)); // it waits for it
            told
        };
        // All at once.
        let asked: Vec<_> = self.starters.iter().map(ask).collect();
        for told in asked {
            let made = told.recv().map_err(|_| "an I/O thread has ended")?;
            self.states.push(made?);
        }
        Ok(())
    }

    fn serve(self: Box<Self>, parts: Parts) -> Arc<dyn Host> {
        let max_blocking = parts.shards.len() * home::max_blocking() + 2 * home::cores();
        let common = Arc::new(Common::new(
            parts.states,
            parts.options,
            parts.segment,
            (parts.worker, parts.leave),
            max_blocking,
        ));
        let mut states = self.states.into_iter();
        let shard = |(number, (books, starter)): (usize, (_, &Starter))| {
            let (common, handle) = (Arc::clone(&common), starter.handle.clone());
            let states = states.next().unwrap_or_default();
            Arc::new(IoShard::new(number, common, books, handle, states))
        };
        let parts_of_each = parts.shards.into_iter().zip(&self.starters);
        let shards: Vec<Arc<IoShard>> = parts_of_each.enumerate().map(shard).collect();
        let given: Vec<Arc<Given>> = shards.iter().map(|_| Arc::new(Given::new())).collect();
        let lanes = common.segment.geometry().max_lanes;
        let watch = Arc::new(Watch::new(Arc::clone(&shards[0].books), lanes));
        // Their threads wait for them.
        for ((starter, shard), given) in self.starters.iter().zip(&shards).zip(&given) {
            let _ = starter
                .give
                .send((parts.worker, Arc::clone(shard), Arc::clone(given)));
        }
        let _ = self.give_watch.send((Arc::clone(&watch), shards.clone()));
        Arc::new(Threads {
            common,
            shards,
            given,
            watch,
            threads: Mutex::new(self.threads),
            careful: parts.kind == LaneKind::Io,
        })
    }
}

/// A task whose future is made where it goes on.
async fn begin_by_itself(context: AsyncContext, handler: Arc<IoHandler>) -> Outcome {
    handler.start_by_itself(context)?.await
}

/// A shard's thread.
fn serve(worker: u32, shard: &IoShard, given: &Given, runtime: Runtime) {
    let common = &shard.common;
    log::serve_lane(&common.segment, worker, shard.books.index());
    runtime.block_on(drive(shard, given));
    let entered = runtime.enter();
    drop(shard.take_states());
    drop(entered);
    // Blocking work and children of tasks.
    runtime.shutdown_timeout(BLOCKING_GRACE);
}

impl Threads {
    fn end(&self) {
        self.common.ending.store(true, Ordering::Relaxed);
        self.given.iter().for_each(|given| given.wake());
        self.watch.end();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in std::mem::take(&mut *threads) {
            let _ = thread.join(); // it ends the process when it panics
        }
    }

    /// The shard with the fewest tasks, of those whose thread is not stuck.
    fn choose(&self) -> &Arc<IoShard> {
        let load = |shard: &&Arc<IoShard>| {
            let stalled = shard.stalled.load(Ordering::Relaxed);
            (stalled, shard.in_flight.load(Ordering::Relaxed))
        };
        self.shards
            .iter()
            .min_by_key(load)
            .unwrap_or(&self.shards[0])
    }

    /// Goes on with a task whose future waits, or was not polled yet.
    fn hand_over(&self, shared: Arc<Shared>, claimed: Claimed<'_>, running: Running, chunk: bool) {
        let shard = Arc::clone(&shared.shard);
        let claim = claimed.detach(&shard.books);
        let (slot, generation) = (claim.slot(), claim.generation());
        shared.put_claim(claim);
        shard.in_flight.fetch_add(1, Ordering::Relaxed);
        shard.add(&shared);
        if shard.books.is_cancelled(slot, generation) {
            shared.cancel_as_asked(); // its bell was rung before there was a task to find
        }
        if self.common.is_past_end() {
            shared.cancel(WhyCancelled::Draining); // the watch has told those that it found before
        }
        self.watch.wake();
        self.given[shard.number].give(InFlightTask::new(shared, running, chunk));
    }

    /// Begins a task that there is room for.
    fn begin_with_room(
        &self,
        handler: &Arc<IoHandler>,
        mut claimed: Claimed<'_>,
        scopes: &Scopes<'_>,
    ) {
        let shard = self.choose();
        let shared = Arc::new(Shared::new(shard, handler.name, &claimed));
        let context = AsyncContext(Arc::clone(&shared));
        if !handler.layers.is_empty() {
            // A layer may wait before the request is looked at, when the task is no lane's.
            let running = Box::pin(begin_by_itself(context, Arc::clone(handler)));
            return self.hand_over(shared, claimed, running, false);
        }
        // Timers and sockets that the first poll makes are those of the shard's runtime.
        let _entered = shard.handle.enter();
        let span = shared.enter_span();
        let mut first_poll = Some(self.watch.first_poll(claimed.place().1, &shared));
        let begun = panics::catch(handler.name, || {
            handler.start_on_lane(&claimed, &context, scopes)
        });
        drop(context);
        let mut running = match begun {
            Ok(Ok(running)) => running,
            Ok(Err(ended)) => {
                end(&mut claimed, ended);
                return self.common.give_room_back();
            }
            Err(panic) => {
                end_panicked(&mut claimed, handler.name, &panic);
                return self.common.give_room_back();
            }
        };
        if self.careful && !handler.is_known() {
            running = handler.timed(running);
        } else if handler.is_quick() {
            let began = Instant::now();
            let polled = panics::catch(handler.name, || {
                let mut context = Context::from_waker(Waker::noop());
                running.as_mut().poll(&mut context)
            });
            handler.polled_first(began.elapsed());
            first_poll = None;
            // The shard polls a future that waits again, with a waker.
            if !matches!(polled, Ok(Poll::Pending)) {
                let dropped = panics::catch(handler.name, || drop(running));
                log_drop(&shared, dropped);
                shared.abort_children();
                match polled {
                    Ok(Poll::Ready(Ok((bytes, codec)))) => claimed.complete(&bytes, codec),
                    Ok(Poll::Ready(Err(ended))) => end(&mut claimed, ended),
                    Ok(Poll::Pending) => {}
                    Err(panic) => end_panicked(&mut claimed, handler.name, &panic),
                }
                return self.common.give_room_back();
            }
        }
        drop((first_poll, span));
        self.hand_over(shared, claimed, running, false);
    }

    /// Begins a chunk that there is room for.
    fn begin_chunk(&self, handler: &Arc<IoHandler>, mut claimed: Claimed<'_>) {
        match claimed.open_chunk() {
            Ok(crashed) => {
                if let Some(index) = crashed {
                    log_crashed_request(&claimed, handler.name, index);
                }
                let shared = Arc::new(Shared::new(self.choose(), handler.name, &claimed));
                shared.listen();
                let context = AsyncContext(Arc::clone(&shared));
                let running = Box::pin(run_chunk(context, Arc::clone(handler)));
                self.hand_over(shared, claimed, running, true);
            }
            Err(error) => {
                let message = error.to_string();
                claimed.fail(&not_run(Status::Codec, "request.undecodable", &message));
                self.common.give_room_back();
            }
        }
    }
}

impl Host for Threads {
    fn begin(&self, handler: &Arc<IoHandler>, claimed: Claimed<'_>, scopes: &Scopes<'_>) -> u32 {
        match self.common.wait_for_room(&claimed) {
            Ok(()) if claimed.is_chunk() => self.begin_chunk(handler, claimed),
            Ok(()) => self.begin_with_room(handler, claimed, scopes),
            Err(why) => {
                let (status, code, message) = match why {
                    NoRoom::Expired => (
                        Status::Expired,
                        "deadline.passed",
                        "the deadline passed while the worker had --io-tasks in flight; it was not started",
                    ),
                    NoRoom::Leaving => (
                        Status::Failed,
                        "worker.draining",
                        "the worker leaves, or its pool stops, and the time of async tasks is over (--io-drain): it was \
                         not started",
                    ),
                    NoRoom::Cancelled => (
                        Status::Cancelled,
                        CANCELLED,
                        "the caller cancelled the task before it was started",
                    ),
                };
                claimed.fail(&not_run(status, code, message));
            }
        }
        1
    }

    fn drain(&self) {
        let common = &self.common;
        common.leave();
        self.watch.ring();
        // The watch tells the tasks, and has those dropped that are left at the end.
        let mut passed: Option<Instant> = None;
        while common.in_flight() > 0 {
            if common.is_past_end() {
                let since = *passed.get_or_insert_with(Instant::now);
                if since.elapsed() >= LAST_PATIENCE {
                    break;
                }
            }
            common.rest();
        }
        self.end();
    }
}
