//! What a handler may know of its task while it runs.

use crate::error::{CANCELLED, TaskError};
use ringwork_ring::lane::claimed::Claimed;
use ringwork_ring::os::clock::now_ns;
use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

/// Values shared by the handlers of a process, by type.
#[derive(Default, Clone)]
pub(crate) struct States(HashMap<TypeId, Arc<dyn Any + Send + Sync>>);

impl States {
    /// Whether it is the first of its type.
    pub(crate) fn insert<T: Send + Sync + 'static>(&mut self, value: T) -> bool {
        self.0.insert(TypeId::of::<T>(), Arc::new(value)).is_none()
    }

    pub(crate) fn has(&self, need: Need) -> bool {
        self.0.contains_key(&need.id)
    }

    pub(crate) fn get<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.0.get(&TypeId::of::<T>())?.downcast_ref()
    }
}

/// A state that a handler asks for, by its type.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Need {
    id: TypeId,
    pub(crate) name: &'static str,
}

impl Need {
    pub(crate) fn of<T: 'static>() -> Self {
        Self {
            id: TypeId::of::<T>(),
            name: type_name::<T>(),
        }
    }
}

/// The running task, as its handler sees it.
pub struct TaskContext<'t> {
    claimed: &'t Claimed<'t>,
    states: &'t States,
}

impl<'t> TaskContext<'t> {
    pub(crate) fn new(claimed: &'t Claimed<'_>, states: &'t States) -> Self {
        Self { claimed, states }
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

    /// The deadline in nanoseconds of CLOCK_MONOTONIC; `None` without one.
    #[must_use]
    pub fn deadline(&self) -> Option<u64> {
        self.claimed.deadline_ns()
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

    /// The caller's W3C traceparent (version, trace id, parent id, flags), if it sent one.
    #[must_use]
    pub fn traceparent(&self) -> Option<[u8; 26]> {
        self.claimed.traceparent()
    }

    /// The value of type `T` that the worker was built with. A handler that takes it as an argument
    /// ([`Builder::task_with`](crate::Builder::task_with)), or says that it
    /// [needs](crate::Builder::needs) it, finds out at the start that it is missing.
    ///
    /// # Panics
    /// When none was given; the task fails with a message that says so.
    #[must_use]
    #[track_caller]
    pub fn state<T: Send + Sync + 'static>(&self) -> &T {
        match self.states.get() {
            Some(value) => value,
            None => panic!(
                "no state of the type {0}: give it to Worker::builder().state(..); a handler that is added by \
                 .task_with(..), or followed by .needs::<{0}>(), is checked when the worker starts",
                type_name::<T>()
            ),
        }
    }

    /// The value of type `T` that the worker was built with, if it was given one.
    #[must_use]
    pub fn try_state<T: Send + Sync + 'static>(&self) -> Option<&T> {
        self.states.get()
    }
}
