//! How the command ends: a message and one of the documented exit codes.

use ringwork_ring::RingError;
use ringwork_supervisor::SupervisorError;
use std::fmt::Display;
use std::io;
use std::process::ExitCode;

/// The task, the pool or a check failed.
pub(super) const FAILED: u8 = 1;
/// Options, configuration or request are wrong.
pub(super) const USAGE: u8 = 2;
/// No such pool, or it is closed.
pub(super) const NO_POOL: u8 = 3;
/// The task timed out or was cancelled.
pub(super) const TIMED_OUT: u8 = 4;
/// The worker crashed.
pub(super) const CRASHED: u8 = 5;
/// The pool did not take the task.
pub(super) const REJECTED: u8 = 6;

/// The end of a command that did not succeed.
#[derive(Debug)]
pub(super) struct Failure {
    code: u8,
    message: Option<String>,
}

impl Failure {
    pub(super) fn new(code: u8, message: impl Display) -> Self {
        Self {
            code,
            message: Some(message.to_string()),
        }
    }

    /// An exit code whose reason has been printed already.
    pub(super) fn silent(code: u8) -> Self {
        Self {
            code,
            message: None,
        }
    }

    pub(super) fn usage(message: impl Display) -> Self {
        Self::new(USAGE, message)
    }

    /// The message; empty when it was printed already.
    pub(super) fn text(&self) -> &str {
        self.message.as_deref().unwrap_or_default()
    }

    /// The exit code.
    pub(super) fn code(&self) -> u8 {
        self.code
    }

    /// Prints the message and gives the exit code.
    pub(super) fn report(self) -> ExitCode {
        use io::Write;
        if let Some(message) = self.message {
            // There is nothing to write to if that fails, too.
            let _ = writeln!(io::stderr(), "ringwork: {message}");
        }
        ExitCode::from(self.code)
    }
}

impl From<RingError> for Failure {
    fn from(error: RingError) -> Self {
        let code = match error {
            RingError::Config(_) => USAGE,
            RingError::NotFound { .. } | RingError::NotReady { .. } | RingError::Closed { .. } => {
                NO_POOL
            }
            RingError::Timeout(_) => TIMED_OUT,
            RingError::SlotsTaken { .. }
            | RingError::TooManyInFlight { .. }
            | RingError::DeadlineUnreachable { .. }
            | RingError::QueueFull
            | RingError::TooLarge { .. }
            | RingError::BadKey { .. }
            | RingError::OutOfRange { .. }
            | RingError::NoKeys
            | RingError::TableFull { .. }
            | RingError::ArenaExhausted { .. } => REJECTED,
            _ => FAILED,
        };
        Self::new(code, error)
    }
}

impl From<SupervisorError> for Failure {
    fn from(error: SupervisorError) -> Self {
        let code = match &error {
            SupervisorError::Config(_) | SupervisorError::Ring(RingError::Config(_)) => USAGE,
            _ => FAILED,
        };
        Self::new(code, error)
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::silent(0)
        } else {
            Self::new(FAILED, error)
        }
    }
}

impl From<serde_json::Error> for Failure {
    fn from(error: serde_json::Error) -> Self {
        io::Error::from(error).into()
    }
}
