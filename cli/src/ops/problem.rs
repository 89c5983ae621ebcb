//! Why a task that came over HTTP has no result: as a status, a code, a cause and a remedy.

use ringwork::{Error, Reason, Status};
use ringwork_ops::TaskProblem;

/// A request that is no request of its handler.
pub(super) fn bad_request(cause: &str, remedy: &str) -> TaskProblem {
    TaskProblem {
        status: 400,
        code: "http.bad_request".to_owned(),
        cause: cause.to_owned(),
        remedy: remedy.to_owned(),
        may_have_run: false,
    }
}

/// What a task's error is over HTTP.
pub(super) fn problem(error: &Error) -> TaskProblem {
    const AGAIN: &str = "send it again in a second";
    const LOOK: &str = "the log of `ringwork serve` tells more";
    let (status, code, remedy) = match error {
        Error::TaskPanic { .. } => (500, "handler.panicked", LOOK),
        Error::Remote { code, status, .. } => return remote(error, code, *status),
        Error::Timeout { may_have_run: true } => (
            504,
            "task.timeout",
            "send a longer X-Ringwork-Deadline, and only if it may run twice",
        ),
        Error::Timeout { .. } => (
            504,
            "task.timeout",
            "the pool is busy: send it later, or a longer X-Ringwork-Deadline",
        ),
        Error::Cancelled { .. } => (
            409,
            "task.cancelled",
            "the handler gave it up: send it again",
        ),
        Error::Crashed { .. } => (
            502,
            "worker.crashed",
            "if it may run twice, send X-Ringwork-Attempts: 2",
        ),
        Error::NotConnected(_) => (503, "pool.not_connected", AGAIN),
        Error::Closed { .. } => (
            503,
            "pool.closed",
            "send it to another pool, or once this one serves",
        ),
        Error::Rejected { reason, .. } => rejected(*reason),
        _ => (500, "ops.error", LOOK),
    };
    TaskProblem {
        status,
        code: code.to_owned(),
        cause: error.to_string(),
        remedy: remedy.to_owned(),
        may_have_run: error.may_have_run(),
    }
}

fn rejected(reason: Reason) -> (u16, &'static str, &'static str) {
    const AGAIN: &str = "send it again in a second";
    match reason {
        Reason::NoSlot => (503, "rejected.no_slot", AGAIN),
        Reason::TooManyInFlight => (503, "rejected.too_many_in_flight", AGAIN),
        Reason::RingFull => (503, "rejected.ring_full", AGAIN),
        Reason::ArenaExhausted => (503, "rejected.arena_exhausted", AGAIN),
        Reason::DeadlineUnreachable => (
            503,
            "rejected.deadline_unreachable",
            "send it later, or a longer X-Ringwork-Deadline",
        ),
        Reason::PayloadTooLarge => (
            413,
            "rejected.payload_too_large",
            "send less, or serve with a larger --segment-size",
        ),
        _ => (400, "rejected.other", "send it as the cause says"),
    }
}

/// A failure that the worker has answered; its text has cause and remedy in one.
fn remote(error: &Error, code: &str, status: Status) -> TaskProblem {
    let message = match error {
        Error::Remote { message, .. } => message.clone(),
        error => error.to_string(),
    };
    let (status, remedy) = match status {
        Status::Failed if code.ends_with(".invalid_params") => {
            (422, "send other parameters: the cause says which are wrong")
        }
        Status::UnknownHandler => (404, "`ringwork handlers POOL` names those of the pool"),
        Status::Codec if !error.may_have_run() => (
            400,
            "send what the handler takes: `ringwork handlers POOL` names it",
        ),
        Status::Expired => (504, "send it later, or a longer X-Ringwork-Deadline"),
        Status::ArenaExhausted => (503, "send it again in a second, if it may run twice"),
        Status::NoWorker => (503, "wait until /readyz is 200 again"),
        Status::ResultTooLarge => (500, "serve with a larger --segment-size"),
        _ => (500, "the handler says what in its code and its cause"),
    };
    TaskProblem {
        status,
        code: code.to_owned(),
        cause: message,
        remedy: remedy.to_owned(),
        may_have_run: error.may_have_run(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remote_of(status: Status, may_have_run: bool) -> TaskProblem {
        problem(&Error::Remote {
            code: "order.empty".to_owned(),
            location: "a.rs:1".to_owned(),
            message: "no line".to_owned(),
            status,
            may_have_run,
        })
    }

    #[test]
    fn what_a_handler_says_is_told_without_where_it_says_it() {
        let failed = remote_of(Status::Failed, true);
        assert_eq!((failed.status, failed.code.as_str()), (500, "order.empty"));
        assert_eq!(
            (failed.cause.as_str(), failed.may_have_run),
            ("no line", true)
        );
        assert_eq!(remote_of(Status::Codec, false).status, 400);
        assert_eq!(
            remote_of(Status::Codec, true).status,
            500,
            "its result was not readable"
        );
        let wrong = problem(&Error::Remote {
            code: "digest.invalid_params".to_owned(),
            location: String::new(),
            message: "no such algorithm".to_owned(),
            status: Status::Failed,
            may_have_run: true,
        });
        assert_eq!(wrong.status, 422);
        assert_eq!(remote_of(Status::UnknownHandler, false).status, 404);
        assert_eq!(remote_of(Status::NoWorker, false).status, 503);
    }

    #[test]
    fn what_did_not_run_is_told_to_be_sent_again() {
        let late = problem(&Error::Timeout {
            may_have_run: false,
        });
        assert_eq!((late.status, late.may_have_run), (504, false));
        assert!(
            problem(&Error::Timeout { may_have_run: true })
                .remedy
                .contains("may run twice")
        );
        let closed = problem(&Error::Closed {
            reason: "it drains".to_owned(),
            may_have_run: false,
        });
        assert_eq!((closed.status, closed.cause.as_str()), (503, "it drains"));
    }
}
