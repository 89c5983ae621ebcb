//! How a task is submitted, how it ended, and under which counters of its client both go.

use crate::error::RingError;
use crate::format::cause::Cause;
use crate::format::layout::{ClientCounter, HandlerLoss};
use crate::format::states::{Codec, Status};
use crate::queue::keys::OrderKey;
use std::time::Duration;

/// What becomes of the tasks of a key that are queued behind one that fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnFailure {
    /// They run as if it had not failed.
    #[default]
    Continue,
    /// They fail as `key.poisoned`, and are not run.
    FailKey,
}

/// Options of one task: the defaults, and what is set on them.
///
/// ```
/// use ringwork_ring::{Codec, client::TaskOptions};
/// use std::time::Duration;
///
/// let options = TaskOptions::default()
///     .codec(Codec::Utf8)
///     .timeout(Duration::from_secs(2))
///     .attempts(2);
/// assert_eq!(options.timeout, Some(Duration::from_secs(2)));
/// assert_eq!(options.priority, 1);
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TaskOptions {
    /// Time from now after which the task is given up (default: none).
    pub timeout: Option<Duration>,
    /// Priority, 0 the most urgent, 2 the least (default 1). The submit refuses another one.
    pub priority: u8,
    /// Most attempts when workers die of it, 1 to 3 (default 1: at most once). The submit refuses
    /// another number.
    pub attempts: u8,
    /// Codec of the request (default: raw bytes).
    pub codec: Codec,
    /// An id for logs (default 0: the pool's own, which no other task has).
    pub task_id: u64,
    /// W3C traceparent in binary (default: none).
    pub traceparent: Option<[u8; 26]>,
    /// Most tasks of this handler that this client has in the pool, queued or running, of those
    /// that are submitted with such a number (default: none). A task counts until its slot is free
    /// again.
    pub max_in_flight: Option<u32>,
    /// Whether a task is submitted although what is queued before it will take longer than
    /// `timeout` (default: no, it is refused with [`RingError::DeadlineUnreachable`]).
    pub admit_late: bool,
    /// The tasks of one key of this client run in the order of their submits, and no two tasks of
    /// one key run at a time, whichever client they are of (default: none).
    pub key: Option<OrderKey>,
    /// What becomes of the tasks of its key behind it, if this one fails (default: they run).
    pub on_failure: OnFailure,
}

impl Default for TaskOptions {
    fn default() -> Self {
        Self {
            timeout: None,
            priority: 1,
            attempts: 1,
            codec: Codec::Bytes,
            task_id: 0,
            traceparent: None,
            max_in_flight: None,
            admit_late: false,
            key: None,
            on_failure: OnFailure::Continue,
        }
    }
}

impl TaskOptions {
    /// The task is given up after so long; `None`: never.
    #[must_use]
    pub fn timeout(mut self, timeout: impl Into<Option<Duration>>) -> Self {
        self.timeout = timeout.into();
        self
    }

    /// Priority, 0 the most urgent.
    #[must_use]
    pub const fn priority(mut self, priority: u8) -> Self {
        self.priority = priority;
        self
    }

    /// Most attempts when workers die of it, 1 to 3.
    #[must_use]
    pub const fn attempts(mut self, attempts: u8) -> Self {
        self.attempts = attempts;
        self
    }

    /// Codec of the request.
    #[must_use]
    pub const fn codec(mut self, codec: Codec) -> Self {
        self.codec = codec;
        self
    }

    /// An id for logs.
    #[must_use]
    pub const fn task_id(mut self, task_id: u64) -> Self {
        self.task_id = task_id;
        self
    }

    /// W3C traceparent in binary.
    #[must_use]
    pub fn traceparent(mut self, traceparent: impl Into<Option<[u8; 26]>>) -> Self {
        self.traceparent = traceparent.into();
        self
    }

    /// Most tasks of this handler that this client has in the pool.
    #[must_use]
    pub const fn max_in_flight(mut self, max_in_flight: u32) -> Self {
        self.max_in_flight = Some(max_in_flight);
        self
    }

    /// What orders it among the other tasks of this key.
    #[must_use]
    pub fn key(mut self, key: impl AsRef<[u8]>) -> Self {
        self.key = Some(OrderKey::of(key.as_ref()));
        self
    }

    /// What becomes of the tasks of its key that are queued behind it, if it fails.
    #[must_use]
    pub const fn on_failure(mut self, on_failure: OnFailure) -> Self {
        self.on_failure = on_failure;
        self
    }

    /// Whether a task is submitted although it will wait past its timeout.
    #[must_use]
    pub const fn admit_late(mut self, admit_late: bool) -> Self {
        self.admit_late = admit_late;
        self
    }
}

/// How a task ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// The handler's result.
    Completed {
        /// Codec of the bytes.
        codec: Codec,
        /// The result.
        bytes: Vec<u8>,
    },
    /// The task failed in the worker.
    Failed {
        /// How it has failed.
        status: Status,
        /// Whether the handler may have run.
        may_have_run: bool,
        /// Stable code.
        code: String,
        /// `file:line` in the worker's source, or empty.
        location: String,
        /// Cause and remedy.
        message: String,
    },
    /// Its worker died, and no attempt was left.
    Crashed {
        /// Why the worker died.
        cause: Cause,
        /// Attempts made.
        attempts: u32,
    },
    /// The deadline passed first.
    TimedOut {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// Cancelled.
    Cancelled {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// The pool ended first.
    Closed {
        /// Why.
        reason: String,
    },
}

/// The counters of the reason why a task is rejected, of the client and of the handler; none for what
/// is no rejection.
pub(super) fn rejected_by(error: &RingError) -> Option<(ClientCounter, HandlerLoss)> {
    use {ClientCounter as Of, HandlerLoss as For};
    Some(match error {
        RingError::SlotsTaken { .. } => (Of::RejectedNoSlot, For::RejectedNoSlot),
        RingError::TooManyInFlight { .. } => (Of::RejectedInFlight, For::RejectedInFlight),
        RingError::QueueFull => (Of::RejectedRing, For::RejectedRing),
        RingError::DeadlineUnreachable { .. } => (Of::RejectedDeadline, For::RejectedDeadline),
        RingError::ArenaExhausted { .. } => (Of::RejectedArena, For::RejectedArena),
        RingError::TooLarge { .. } => (Of::RejectedTooLarge, For::RejectedTooLarge),
        RingError::Closed { .. } => (Of::RejectedState, For::RejectedState),
        _ => return None,
    })
}

/// The counter of the client's entry that an outcome goes under.
pub(super) fn counter_of(outcome: &Outcome) -> ClientCounter {
    match outcome {
        Outcome::Completed { .. } => ClientCounter::Completed,
        Outcome::TimedOut { .. } => ClientCounter::TimedOut,
        Outcome::Failed { status, .. } if *status == Status::Cancelled => ClientCounter::Cancelled,
        _ => ClientCounter::Failed,
    }
}

/// A failure that this client itself has found.
pub(super) fn failed(status: Status, code: &str, message: String) -> Outcome {
    Outcome::Failed {
        status,
        may_have_run: true,
        code: code.to_owned(),
        location: String::new(),
        message,
    }
}
