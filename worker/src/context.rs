//! What a handler may know of its task while it runs.

use crate::codec::IntoResult;
use crate::error::{CANCELLED, TaskError};
use crate::state::{LaneStates, States};
use ringwork_ring::Codec;
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::queue::events::NotPublished;
use std::time::{Duration, Instant};

/// The states that a task can reach: the worker's, and its lane's.
pub(crate) struct Scopes<'s> {
    pub(crate) states: &'s States,
    pub(crate) lane: &'s LaneStates,
}

/// The client of a task, as `ringwork stat` lists it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskClient {
    /// The number of its entry.
    pub entry: u32,
    /// The id of its process, as it sees it itself: another container may have another one for it.
    pub pid: u32,
}

/// Has an event written, and says why it was not published.
#[track_caller]
pub(crate) fn published(
    event: impl IntoResult,
    publish: impl Fn(Codec, &[u8]) -> Result<(), NotPublished>,
) -> Result<(), TaskError> {
    let mut ended = Ok(());
    let written = event.encode(&mut |codec, bytes| ended = publish(codec, bytes));
    let why = match (written, ended) {
        (Ok(()), Ok(())) => return Ok(()),
        (Err(why), _) => why,
        (Ok(()), Err(why)) => why.to_string(),
    };
    Err(TaskError::new("event.not_published", why))
}

/// The running task, as its handler sees it.
pub struct TaskContext<'t> {
    claimed: &'t Claimed<'t>,
    scopes: &'t Scopes<'t>,
    handler: &'static str,
}

impl<'t> TaskContext<'t> {
    #[inline(always)]
    pub(crate) fn new(
        claimed: &'t Claimed<'_>,
        scopes: &'t Scopes<'_>,
        handler: &'static str,
    ) -> Self {
        Self {
            claimed,
            scopes,
            handler,
        }
    }

    #[inline(always)]
    pub(crate) fn scopes(&self) -> &'t Scopes<'t> {
        self.scopes
    }

    /// The name of its handler.
    #[must_use]
    pub fn handler(&self) -> &'static str {
        self.handler
    }

    /// Its priority, 0 the most urgent.
    #[must_use]
    pub fn priority(&self) -> u32 {
        self.claimed.priority()
    }

    /// The client whose task it is.
    #[must_use]
    pub fn client(&self) -> TaskClient {
        let (entry, pid) = self.claimed.client();
        TaskClient { entry, pid }
    }

    /// The id that the client gave the task.
    #[must_use]
    pub fn task_id(&self) -> u64 {
        self.claimed.task_id()
    }

    /// Which attempt this is, counted from 1; above 1 a worker has died of the task before.
    #[must_use]
    pub fn attempt(&self) -> u32 {
        self.claimed.attempt().0
    }

    /// Time left until the deadline (zero when it has passed); `None` without one.
    #[must_use]
    pub fn remaining(&self) -> Option<Duration> {
        self.claimed
            .deadline_ns()
            .map(|deadline| Duration::from_nanos(deadline.saturating_sub(now_ns())))
    }

    /// When the task's time is over; `None` without a deadline.
    #[must_use]
    pub fn deadline(&self) -> Option<Instant> {
        Instant::now().checked_add(self.remaining()?)
    }

    /// Whether the caller has given the task up (cancelled it, met its deadline,
    /// or died). A long handler looks now and then, and returns early: one load, no system call.
    #[must_use]
    pub fn cancelled(&self) -> bool {
        self.claimed.cancelled()
    }

    /// `?` on this ends a handler whose caller has given up.
    ///
    /// # Errors
    /// `task.cancelled` when [`Self::cancelled`].
    #[track_caller]
    pub fn check_cancelled(&self) -> Result<(), TaskError> {
        if self.cancelled() {
            Err(TaskError::new(
                CANCELLED,
                "the caller has given the task up",
            ))
        } else {
            Ok(())
        }
    }

    /// Reports that `done` of `total` steps are done, for `ringwork stat`.
    pub fn progress(&self, done: u32, total: u32) {
        self.claimed.progress(done, total);
    }

    /// Publishes an event to all that listen in the pool. It waits for nobody.
    ///
    /// ```
    /// use ringwork_worker::{TaskContext, TaskError};
    ///
    /// fn pay(context: &TaskContext<'_>, order: String) -> Result<(), TaskError> {
    ///     context.publish("order.paid", order)
    /// }
    /// ```
    ///
    /// # Errors
    /// `event.not_published`: it has more than 224 bytes, the topic's name is none, the table of
    /// topics is full, or the pool keeps no events.
    #[track_caller]
    pub fn publish(&self, topic: &str, event: impl IntoResult) -> Result<(), TaskError> {
        published(event, |codec, bytes| {
            self.claimed.publish(topic, codec, bytes)
        })
    }

    /// The caller's W3C traceparent (version, trace id, parent id, flags), if it sent one.
    #[must_use]
    pub fn traceparent(&self) -> Option<[u8; 26]> {
        self.claimed.traceparent()
    }

    /// The value of type `T` that the worker has: from [`Builder::state`](crate::Builder::state) or
    /// [`Builder::singleton`](crate::Builder::singleton). A handler that takes it as an argument
    /// ([`State`](crate::State)), or says that it [needs](crate::Builder::needs) it, finds out at
    /// the start that it is missing.
    ///
    /// # Panics
    /// When there is none; the task fails with a message that says so.
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> &T {
        match self.scopes.states.get() {
            Some(value) => value,
            None => panic!("{}", self.scopes.states.why_absent::<T>("State")),
        }
    }

    /// The value of type `T` that the worker has, if it has one.
    #[must_use]
    pub fn try_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.scopes.states.get()
    }
}
