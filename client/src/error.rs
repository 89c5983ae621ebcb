//! The one error type of the crate: each message names cause and remedy, and each error says
//! whether the task may have run.

use ringwork_ring::queue::channels::NotSent;
use ringwork_ring::queue::events::NotPublished;
use ringwork_ring::{Cause, RingError, Status};
use std::fmt;

/// Why there is no result.
///
/// `Debug` is the same text as `Display`, since it is what a `main` that returns the error prints.
///
/// ```
/// use ringwork::Error;
///
/// let error = Error::Timeout { may_have_run: false };
/// assert!(!error.may_have_run(), "it can be tried again");
/// assert!(error.to_string().contains("deadline"));
/// ```
#[derive(thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The handler panicked. Its worker lives on.
    #[error("the handler panicked{}: {message}", at(.location))]
    TaskPanic {
        /// `file:line` in the worker's source, or empty.
        location: String,
        /// What the panic said.
        message: String,
    },
    /// The task failed in the worker: the handler returned an error, or could not be called.
    #[error("{code}{}: {message}", at(.location))]
    Remote {
        /// Stable code, such as `order.empty`, or one of the worker's own, such as
        /// `handler.unknown`.
        code: String,
        /// `file:line` in the worker's source, or empty.
        location: String,
        /// Cause and remedy.
        message: String,
        /// In which way it failed.
        status: Status,
        /// Whether the handler may have run.
        may_have_run: bool,
    },
    /// The deadline passed first.
    #[error("the deadline passed first; the handler {}", ran(*.may_have_run))]
    Timeout {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// The task was cancelled.
    #[error("the task was cancelled; the handler {}", ran(*.may_have_run))]
    Cancelled {
        /// Whether the handler may have run, or still does.
        may_have_run: bool,
    },
    /// The worker died of the task, and no attempt was left.
    #[error(
        "the worker {cause} while it ran the task, in the last of {}: see the log of `ringwork serve`, and give \
         tasks that may run twice more attempts",
        attempts_in_words(*.attempts)
    )]
    Crashed {
        /// Why the worker died.
        cause: Cause,
        /// Attempts made.
        attempts: u32,
    },
    /// There is no such pool, or no entry in it is free.
    #[error(transparent)]
    NotConnected(RingError),
    /// The pool has ended, or takes no more tasks.
    #[error("{reason}")]
    Closed {
        /// Why.
        reason: String,
        /// Whether the handler may have run.
        may_have_run: bool,
    },
    /// The task was not submitted: nothing was sent.
    #[error("{source}")]
    Rejected {
        /// In one word.
        reason: Reason,
        /// Cause and remedy.
        source: RingError,
    },
    /// The event was not published.
    #[error("{0}")]
    NotPublished(NotPublished),
    /// The pool has no channel of this name.
    #[error("the pool has no channel {name:?}: {}", channels(.name, .known))]
    NoChannel {
        /// The name.
        name: String,
        /// Those that it has.
        known: Vec<String>,
    },
    /// The message was not sent.
    #[error("{0}")]
    NotSent(NotSent),
    /// The request can't be written in its codec: nothing was sent.
    #[error("the request can't be written: {0}")]
    Unwritable(String),
    /// The result is not what the task's type says.
    #[error("the result can't be read: {0}")]
    Unreadable(String),
    /// What a future waits for is gone: a promise's sender was dropped, or a thread panicked.
    #[error("{0}")]
    Join(String),
    /// A promise was rejected.
    #[error("{0}")]
    Promise(String),
}

/// Why a task was not submitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// All slots of this client hold unfinished tasks, or results that were not taken.
    NoSlot,
    /// As many tasks of the handler are in flight as `max_in_flight` allows.
    TooManyInFlight,
    /// What is queued before the task takes longer than it has time.
    DeadlineUnreachable,
    /// The workers do not keep up.
    RingFull,
    /// No block for the request is free.
    ArenaExhausted,
    /// The request is larger than any block.
    PayloadTooLarge,
    /// The key can be none, or the pool takes no tasks with keys.
    Key,
    /// An option, such as `attempts`, has a value that no task can have.
    OutOfRange,
    /// Something else: the source says what.
    Other,
}

impl Error {
    /// Whether the handler may have run, wholly or in part. If not, trying again is safe.
    #[must_use]
    pub fn may_have_run(&self) -> bool {
        match self {
            Self::TaskPanic { .. }
            | Self::Crashed { .. }
            | Self::Unreadable(_)
            | Self::Join(_)
            | Self::Promise(_) => true,
            Self::NotConnected(_)
            | Self::Rejected { .. }
            | Self::NotPublished(_)
            | Self::NoChannel { .. }
            | Self::NotSent(_)
            | Self::Unwritable(_) => false,
            Self::Remote { may_have_run, .. }
            | Self::Timeout { may_have_run }
            | Self::Cancelled { may_have_run }
            | Self::Closed { may_have_run, .. } => *may_have_run,
        }
    }

    /// The error of a submit.
    pub(crate) fn of_submit(error: RingError) -> Self {
        let reason = match &error {
            RingError::Closed { .. } => {
                return Self::Closed {
                    reason: error.to_string(),
                    may_have_run: false,
                };
            }
            RingError::SlotsTaken { .. } => Reason::NoSlot,
            RingError::TooManyInFlight { .. } => Reason::TooManyInFlight,
            RingError::DeadlineUnreachable { .. } => Reason::DeadlineUnreachable,
            RingError::QueueFull => Reason::RingFull,
            RingError::ArenaExhausted { .. } => Reason::ArenaExhausted,
            RingError::TooLarge { .. } => Reason::PayloadTooLarge,
            RingError::BadKey { .. } | RingError::NoKeys => Reason::Key,
            RingError::OutOfRange { .. } => Reason::OutOfRange,
            _ => Reason::Other,
        };
        Self::Rejected {
            reason,
            source: error,
        }
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

fn at(location: &str) -> String {
    match location {
        "" => String::new(),
        location => format!(" at {location}"),
    }
}

fn ran(may_have_run: bool) -> &'static str {
    if may_have_run {
        "may have run, or still does"
    } else {
        "has not run"
    }
}

fn channels(name: &str, known: &[String]) -> String {
    match known {
        [] => format!("it has none; serve it with --channel {name}"),
        known => format!(
            "it has {}; serve it with --channel {name} for one more",
            known.join(", ")
        ),
    }
}

fn attempts_in_words(attempts: u32) -> String {
    match attempts {
        1 => "1 attempt".to_owned(),
        attempts => format!("{attempts} attempts"),
    }
}

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;
