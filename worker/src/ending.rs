//! How a task ends that has no result: told to its caller, and logged where people should know.

use crate::confine::sandbox;
use crate::error::{CANCELLED, PANICKED, TaskError};
use crate::log::OfTask;
use crate::log_of_task;
use crate::panics::Panic;
use ringwork_ring::lane::claimed::{Claimed, Failure};
use ringwork_ring::{Codec, RingError, Status};

/// How a handler ended that left no result in place.
pub(crate) enum Ended {
    /// With a result elsewhere.
    Elsewhere { bytes: Vec<u8>, codec: Codec },
    /// The request was not decodable; the handler proper did not run.
    Undecodable(TaskError),
    /// The handler's own error.
    Failed(TaskError),
    /// A layer's error: the handler has not run.
    Refused(TaskError),
    /// The result can't be encoded.
    Unencodable(String),
    /// The result found no room.
    NoRoom(Box<RingError>),
}

impl Ended {
    pub(crate) fn is_result(&self) -> bool {
        matches!(self, Self::Elsewhere { .. })
    }
}

/// The failure of a task whose handler was not started.
pub(crate) fn not_run<'a>(status: Status, code: &'a str, message: &'a str) -> Failure<'a> {
    Failure {
        status,
        not_run: true,
        code,
        location: "",
        message,
    }
}

/// Ends the task, or the request at hand, as its handler ended.
pub(crate) fn end(claimed: &mut Claimed<'_>, ended: Ended) {
    let (status, not_run, error) = match ended {
        Ended::Elsewhere { bytes, codec } => {
            return claimed.complete_request(&bytes, codec);
        }
        Ended::NoRoom(error) => {
            claimed.log_failure("failed: its result found no room");
            return claimed.fail_to_answer_request(&error);
        }
        Ended::Undecodable(error) => (Status::Codec, true, error),
        Ended::Refused(error) => (Status::Failed, true, error),
        Ended::Unencodable(why) => (
            Status::Codec,
            false,
            TaskError::new("result.unencodable", why).at(""),
        ),
        Ended::Failed(error) if error.is_panic() => {
            return fail_panicked(claimed, error.location(), error.message());
        }
        Ended::Failed(error) if error.code() == CANCELLED && claimed.over_soft_limit() => {
            let message = "it gave up at its handler's soft limit";
            (
                Status::Expired,
                false,
                TaskError::new("limit.soft", message).at(""),
            )
        }
        Ended::Failed(error) if error.code() == CANCELLED && claimed.cancelled() => {
            (Status::Cancelled, false, error)
        }
        Ended::Failed(error) => (Status::Failed, false, error),
    };
    if matches!(status, Status::Failed | Status::Codec) {
        log_failure(claimed, error.code(), error.location());
    }
    let explained = sandbox::explain(error.message());
    claimed.fail_request(&Failure {
        status,
        not_run,
        code: error.code(),
        location: error.location(),
        message: explained.as_deref().unwrap_or(error.message()),
    });
}

/// Counts in the pool's log of errors how the handler has failed: by its code and where, not by its
/// message, which may name each request.
pub(crate) fn log_failure(claimed: &Claimed<'_>, code: &str, location: &str) {
    let at = if location.is_empty() { "" } else { " at " };
    claimed.log_failure(&format!("failed: {code}{at}{location}"));
}

/// Ends it as panicked.
pub(crate) fn end_panicked(claimed: &mut Claimed<'_>, handler: &'static str, panic: &Panic) {
    log_panic(OfTask::of(claimed, handler), panic);
    fail_panicked(claimed, &panic.location, &panic.message);
}

/// Logs a panic of a handler, or of a part of it that runs elsewhere.
pub(crate) fn log_panic(task: OfTask, panic: &Panic) {
    log_of_task!(
        error,
        "handler.panicked",
        task,
        location = panic.location,
        "handler panicked: {}",
        panic.message
    );
}

/// Fails a task whose handler, or a part of it, has panicked, as was logged.
fn fail_panicked(claimed: &mut Claimed<'_>, location: &str, message: &str) {
    claimed.log_failure(&format!("panicked at {location}"));
    let explained = sandbox::explain(message);
    claimed.fail_request(&Failure {
        status: Status::Panicked,
        not_run: false,
        code: PANICKED,
        location,
        message: explained.as_deref().unwrap_or(message),
    });
}

/// Says that a request of a chunk has ended as crashed.
pub(crate) fn log_crashed_request(claimed: &Claimed<'_>, handler: &'static str, index: u32) {
    log_of_task!(
        error,
        "task.chunk_crashed",
        OfTask::of(claimed, handler),
        "request {index} of a chunk has lost its worker at each of its attempts: it is not tried again"
    );
}
