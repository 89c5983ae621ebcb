//! A shard, a thread that polls futures, and the tasks in flight that it has: what others know of both.
//!
//! Invariant: a task is in its shard's list from the moment that it has a claim until it has ended.

use super::common::Common;
use super::mark::PollMark;
use crate::context::TaskClient;
use crate::ending::log_panic;
use crate::log::{self, OfTask};
use crate::panics::{self, Panic};
use crate::state::ThreadStates;
use ringwork_ring::Claim;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::os::clock::now_ns;
use std::borrow::Cow;
use std::fmt;
use std::num::NonZeroU64;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tracing::Span;
use tracing::span::Entered;

/// A shard as lanes, its thread and the watch see it.
pub(super) struct IoShard {
    /// Which of the worker's it is.
    pub(super) number: usize,
    pub(super) common: Arc<Common>,
    /// In whose books its tasks end.
    pub(super) books: Arc<ringwork_ring::Shard>,
    pub(super) handle: Handle,
    pub(super) in_flight: AtomicUsize,
    /// Whether a poll takes too long: new tasks avoid it.
    pub(super) stalled: AtomicBool,
    /// What it polls.
    pub(super) polls: PollMark,
    tasks: Mutex<Vec<InFlight>>,
    // What the thread has for itself, until it ends.
    states: Mutex<ThreadStates>,
}

/// A task in flight, as the watch looks at it: without a look into its memory unless it is
/// cancelled.
struct InFlight {
    slot: u32,
    generation: u64,
    shared: Arc<Shared>,
}

impl IoShard {
    pub(super) fn new(
        number: usize,
        common: Arc<Common>,
        books: Arc<ringwork_ring::Shard>,
        handle: Handle,
        states: ThreadStates,
    ) -> Self {
        Self {
            number,
            common,
            books,
            handle,
            in_flight: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            polls: PollMark::default(),
            tasks: Mutex::default(),
            states: Mutex::new(states),
        }
    }

    /// The state at an index that `Finder` has found.
    pub(super) fn state_at<T: Send + Sync + 'static>(&self, index: usize) -> Option<Arc<T>> {
        let states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        states.shared_at(index)
    }

    /// The states, to be dropped by the thread whose they are.
    pub(super) fn take_states(&self) -> ThreadStates {
        let mut states = self.states.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *states)
    }

    fn tasks(&self) -> MutexGuard<'_, Vec<InFlight>> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a task up whose claim it has.
    pub(super) fn add(&self, shared: &Arc<Shared>) {
        let named = shared.with_claim(|claim| (claim.slot(), claim.generation()));
        let Some((slot, generation)) = named else {
            return;
        };
        let mut tasks = self.tasks();
        shared.place.store(tasks.len() as u32, Ordering::Relaxed);
        tasks.push(InFlight {
            slot,
            generation,
            shared: Arc::clone(shared),
        });
    }

    /// Forgets a task.
    pub(super) fn remove(&self, shared: &Shared) {
        let mut tasks = self.tasks();
        // Under the lock, as all places are changed.
        let place = shared.place.load(Ordering::Relaxed) as usize;
        if place >= tasks.len() {
            return;
        }
        shared.place.store(u32::MAX, Ordering::Relaxed);
        let gone = tasks.swap_remove(place);
        if let Some(moved) = tasks.get(place) {
            moved.shared.place.store(place as u32, Ordering::Relaxed);
        }
        drop(tasks); // before what it was the last to have
        drop(gone);
    }

    /// The tasks whose clients ask to give them up.
    pub(super) fn cancelled(&self) -> Vec<Arc<Shared>> {
        let tasks = self.tasks();
        let asked = tasks
            .iter()
            .filter(|task| self.books.is_cancelled(task.slot, task.generation))
            .filter(|task| task.shared.why().is_none());
        asked.map(|task| Arc::clone(&task.shared)).collect()
    }

    /// The task in flight with this id.
    pub(super) fn find(&self, task_id: u64) -> Option<Arc<Shared>> {
        let tasks = self.tasks();
        let found = tasks.iter().find(|task| task.shared.task_id == task_id);
        found.map(|task| Arc::clone(&task.shared))
    }

    /// All tasks.
    pub(super) fn all(&self) -> Vec<Arc<Shared>> {
        let tasks = self.tasks();
        tasks.iter().map(|task| Arc::clone(&task.shared)).collect()
    }
}

/// Why a task is to be given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum WhyCancelled {
    /// Its caller has cancelled it.
    Caller,
    /// Its caller has died.
    CallerDied,
    /// Its deadline has passed.
    Deadline,
    /// A poll of it took longer than its handler's soft limit.
    SoftLimit,
    /// The worker leaves or its pool stops, and the time that tasks have to end meanwhile, `--io-drain`,
    /// is over in a second at most. Where it begins is told by
    /// [`leaving`](crate::AsyncContext::leaving).
    Draining,
}

impl WhyCancelled {
    const ALL: [Self; 5] = [
        Self::Caller,
        Self::CallerDied,
        Self::Deadline,
        Self::SoftLimit,
        Self::Draining,
    ];

    fn of(code: u8) -> Option<Self> {
        Self::ALL.get(usize::from(code).checked_sub(1)?).copied()
    }
}

impl fmt::Display for WhyCancelled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Caller => "the caller has given the task up",
            Self::CallerDied => "the caller has died",
            Self::Deadline => "its deadline has passed",
            Self::SoftLimit => "its handler's soft limit has passed",
            Self::Draining => "its worker leaves, or its pool stops",
        })
    }
}

/// What all that belongs to a task shares: its future, its contexts, its children, the watch.
pub(super) struct Shared {
    pub(super) shard: Arc<IoShard>,
    /// Where it is in the shard's list.
    pub(super) place: AtomicU32,
    pub(super) handler: &'static str,
    pub(super) task_id: u64,
    pub(super) deadline_ns: Option<NonZeroU64>,
    pub(super) attempt: u8,
    pub(super) priority: u8,
    pub(super) client: TaskClient,
    // Where a subscriber of the program's own takes spans.
    span: Option<Box<Span>>,
    // What was reported before there was a claim to report it to.
    pub(super) progress: AtomicU64,
    // 0, or the place in `WhyCancelled::ALL` + 1; only the first counts.
    why: AtomicU8,
    // Whether the handler has asked for `cancelled()`: then it ends by itself.
    listens: AtomicBool,
    pub(super) inner: Mutex<Inner>,
}

#[derive(Default)]
pub(super) struct Inner {
    pub(super) claim: Option<Claim>,
    // The future's, and those of whatever waits for `cancelled()`.
    waker: Option<Waker>,
    beside: Option<Box<Beside>>,
    pub(super) traceparent: Option<Box<[u8; 26]>>,
    pub(super) over: bool,
}

/// What few tasks have: whatever waits for `cancelled()` or `leaving()`, and what was spawned beside the task.
#[derive(Default)]
pub(super) struct Beside {
    pub(super) listeners: Vec<Waker>,
    pub(super) children: Vec<AbortHandle>,
}

impl Beside {
    pub(super) fn listen(&mut self, waker: &Waker) {
        if !self.listeners.iter().any(|one| one.will_wake(waker)) {
            self.listeners.push(waker.clone());
        }
    }
}

impl Inner {
    pub(super) fn beside(&mut self) -> &mut Beside {
        self.beside.get_or_insert_default()
    }
}

impl Shared {
    pub(super) fn new(shard: &Arc<IoShard>, handler: &'static str, claimed: &Claimed<'_>) -> Self {
        let (entry, pid) = claimed.client();
        Self {
            shard: Arc::clone(shard),
            place: AtomicU32::new(u32::MAX),
            handler,
            task_id: claimed.task_id(),
            deadline_ns: claimed.deadline_ns().and_then(NonZeroU64::new),
            attempt: claimed.attempt().0 as u8, // of at most 3
            priority: claimed.priority() as u8, // of at most 3
            client: TaskClient { entry, pid },
            span: log::span(claimed, handler).map(Box::new),
            progress: AtomicU64::new(0),
            why: AtomicU8::new(0),
            listens: AtomicBool::new(false),
            inner: Mutex::new(Inner {
                traceparent: claimed.traceparent().map(Box::new),
                ..Inner::default()
            }),
        }
    }

    pub(super) fn inner(&self) -> MutexGuard<'_, Inner> {
        // Nothing of the user's runs under it.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn remaining(&self) -> Option<Duration> {
        let left = self.deadline_ns?.get().saturating_sub(now_ns());
        Some(Duration::from_nanos(left))
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.remaining()?)
    }

    /// The task goes on by itself from now on.
    pub(super) fn put_claim(&self, claim: Claim) {
        let reported = self.progress.load(Ordering::Relaxed);
        if reported != 0 {
            claim.progress((reported >> 32) as u32, reported as u32);
        }
        self.inner().claim = Some(claim);
    }

    /// Takes the claim, to end the task; no other thread finds it any more.
    pub(super) fn take_claim(&self) -> Option<Claim> {
        self.inner().claim.take()
    }

    /// Does something with the claim; `None` when the task has none (any more).
    pub(super) fn with_claim<R>(&self, step: impl FnOnce(&mut Claim) -> R) -> Option<R> {
        self.inner().claim.as_mut().map(step)
    }

    /// Does something with the task as a lane does, code of the user's among it, while no other
    /// thread finds the claim. `None` when the task has none (any more).
    pub(super) fn with_task<R>(&self, step: impl FnOnce(&Claimed<'_>) -> R) -> Option<R> {
        let mut claim = self.take_claim()?;
        // A panic goes on when the claim is back: then it ends the task as any other.
        let caught = claim.step(|task| catch_unwind(AssertUnwindSafe(|| step(task))));
        self.put_claim(claim);
        caught.map(|caught| caught.unwrap_or_else(|panic| resume_unwind(panic)))
    }

    /// Lines that are logged until the guard is dropped are in the task's span.
    pub(super) fn enter_span(&self) -> Option<Entered<'_>> {
        self.span.as_ref().map(|span| span.enter())
    }

    /// The waker of its future: one for its whole life, as it stays in one place.
    pub(super) fn set_waker(&self, waker: &Waker) {
        let mut inner = self.inner();
        if !inner.waker.as_ref().is_some_and(|own| own.will_wake(waker)) {
            inner.waker = Some(waker.clone());
        }
    }

    /// Asks the task to end; the first reason is the one that counts.
    pub(super) fn cancel(&self, why: WhyCancelled) {
        let code = 1 + WhyCancelled::ALL
            .iter()
            .position(|one| *one == why)
            .unwrap_or(0) as u8;
        // pairs with the acquire load in `why`.
        let first = self
            .why
            .compare_exchange(0, code, Ordering::AcqRel, Ordering::Relaxed);
        if first.is_err() && why != WhyCancelled::Draining {
            return;
        }
        let waker = self.inner().waker.clone();
        waker.into_iter().for_each(Waker::wake);
        self.wake_listeners();
    }

    /// Wakes whatever waits for `cancelled()` or `leaving()`: the reason is there before.
    pub(super) fn wake_listeners(&self) {
        let listeners = {
            let mut inner = self.inner();
            let beside = inner.beside.as_mut();
            beside.map(|beside| std::mem::take(&mut beside.listeners))
        };
        listeners.into_iter().flatten().for_each(Waker::wake);
    }

    /// The task, for lines of the log that another thread writes about it.
    pub(super) fn of_task(&self) -> OfTask {
        OfTask {
            worker: self.shard.books.worker(),
            lane: self.shard.books.index(),
            handler: Cow::Borrowed(self.handler),
            id: self.task_id,
            attempt: self.attempt.into(),
            traceparent: self.inner().traceparent.as_deref().copied(),
        }
    }

    /// Runs a part of the handler on a thread that is no shard's. A panic is logged, and comes back as
    /// a value.
    pub(super) fn elsewhere<R>(&self, part: impl FnOnce() -> R) -> Result<R, Box<Panic>> {
        let task = self.of_task();
        let ran = task.clone().logs(|| {
            let _span = self.enter_span();
            panics::catch(self.handler, part)
        });
        ran.inspect_err(|panic| log_panic(task, panic))
    }

    /// As its client asks for it, or the reaper in its place: also a client whose deadline has passed
    /// asks for that.
    pub(super) fn cancel_as_asked(&self) {
        let late = self.deadline_ns.is_some_and(|at| now_ns() >= at.get());
        let client = self.shard.common.segment.client(self.client.entry);
        // The entry of a dead client is being reaped as long as one of its tasks runs.
        self.cancel(match (late, client.word_acquire().is_active()) {
            (true, _) => WhyCancelled::Deadline,
            (false, true) => WhyCancelled::Caller,
            (false, false) => WhyCancelled::CallerDied,
        });
    }

    pub(super) fn why(&self) -> Option<WhyCancelled> {
        // pairs with the exchange in `cancel`.
        WhyCancelled::of(self.why.load(Ordering::Acquire))
    }

    /// Whether the handler waits for the cancel itself, and is given time to end.
    pub(super) fn listens(&self) -> bool {
        self.listens.load(Ordering::Relaxed)
    }

    /// Says that the future gives itself up when the task is cancelled.
    pub(super) fn listen(&self) {
        self.listens.store(true, Ordering::Relaxed);
    }

    /// Ends what was spawned beside the task.
    pub(super) fn abort_children(&self) {
        let children = {
            let mut inner = self.inner();
            inner.over = true;
            let beside = inner.beside.as_mut();
            beside.map(|beside| std::mem::take(&mut beside.children))
        };
        children.iter().flatten().for_each(AbortHandle::abort);
    }

    /// Runs a part of the task, marked for the watch and for the supervisor's time limits. A panic
    /// comes back as a value.
    pub(super) fn polled<R>(&self, part: impl FnOnce() -> R) -> Result<R, Box<Panic>> {
        self.with_claim(|claim| claim.runs());
        self.shard
            .polls
            .begin(self.task_id, self.handler, self.attempt);
        let span = self.enter_span();
        let polled = panics::catch(self.handler, part);
        drop(span);
        self.shard.polls.end();
        self.shard.books.rests();
        polled
    }

    /// The task has ended: nothing finds it any more, and there is room for another.
    pub(super) fn ended(&self) {
        self.shard.remove(self);
        self.shard.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.shard.common.give_room_back();
    }
}
