//! The end of a task that did not complete, as the command tells it.

use crate::exit::{CRASHED, FAILED, Failure, NO_POOL, REJECTED, TIMED_OUT, USAGE};
use ringwork_ring::Status;
use ringwork_ring::client::Outcome;

/// Why a task did not complete, and the exit code for it.
pub(crate) fn failure(outcome: Outcome) -> Failure {
    let ran = |may_have_run: bool| {
        if may_have_run {
            "it may have run"
        } else {
            "it did not run"
        }
    };
    match outcome {
        Outcome::Completed { .. } => Failure::new(FAILED, "the task completed"),
        Outcome::Failed {
            status,
            may_have_run,
            code,
            location,
            message,
        } => {
            let exit = match status {
                Status::Cancelled => TIMED_OUT,
                Status::ArenaExhausted | Status::NoWorker => REJECTED,
                Status::Codec => USAGE,
                _ if code.ends_with(".invalid_params") => USAGE,
                _ => FAILED,
            };
            let place = if location.is_empty() {
                String::new()
            } else {
                format!(", at {location}")
            };
            Failure::new(
                exit,
                format!(
                    "the task failed: {message}\n  code {code}{place}; {}",
                    ran(may_have_run)
                ),
            )
        }
        Outcome::Crashed { cause, attempts } => {
            let times = if attempts == 1 {
                String::new()
            } else {
                format!(", at attempt {attempts}")
            };
            Failure::new(
                CRASHED,
                format!("the worker that ran the task {cause}{times}; it may have run"),
            )
        }
        Outcome::TimedOut { may_have_run } => Failure::new(
            TIMED_OUT,
            format!("the task timed out; {}", ran(may_have_run)),
        ),
        Outcome::Cancelled { may_have_run } => Failure::new(
            TIMED_OUT,
            format!("the task was cancelled; {}", ran(may_have_run)),
        ),
        Outcome::Closed { reason } => {
            Failure::new(NO_POOL, format!("{reason}; the task may have run"))
        }
    }
}
