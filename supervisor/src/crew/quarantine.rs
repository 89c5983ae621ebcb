//! Tasks that kill their worker every time.
//!
//! Such a task gets no further attempt; here it is reported, so that an operator
//! can find out which request it was: by handler, size and digest. The digest is
//! the start of the request's SHA-256: `sha256sum FILE` gives the same.

use crate::lifecycle::{self, Topic};
use crate::pool::handler_name;
use crate::quarantine::About;
use ringwork_ring::Segment;
use ringwork_ring::format::counted;
use ringwork_ring::reaper::Crash;
use ringwork_ring::reaper::crashing_task::CrashingTask;
use ringwork_ring::segment::tables::{errors, log_error};
use ringwork_worker::log::OfTask;
use ringwork_worker::log_of_task;
use sha2::{Digest, Sha256};
use std::time::SystemTime;

/// Hexadecimal digits of a digest that are told.
const DIGITS: usize = 16;
/// Start of every report.
const QUARANTINED: &str = "quarantined: ";
/// Tasks that are listed in the error log of the segment one by one: it has room for all kinds
/// of errors, and one bad client must not fill it.
const LISTED: usize = 16;

/// What is told of a task that is about to end as crashed. Of one that has had several attempts the
/// request is kept, the newest `most` of them.
pub(crate) fn describe(segment: &Segment, most: u32, task: &CrashingTask<'_>) -> String {
    let mut hasher = Sha256::new();
    let size = task.request_len();
    let keeps = most > 0 && task.attempts() > 1;
    // One that is too large is not copied: the supervisor's memory is not for that.
    let copies = keeps && crate::quarantine::fits(size as u64, share(segment));
    let mut kept = Vec::new();
    let read = task.request(&mut |piece| {
        hasher.update(piece);
        if copies {
            kept.extend_from_slice(piece);
        }
    });
    match read {
        Ok(()) => {
            let digest = hasher.finalize();
            let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            if copies {
                keep(segment, most, task, &kept, &digits);
            } else if keeps {
                tell_too_large();
            }
            let which = match task.request_of_chunk() {
                Some(index) => format!("request {index} of a chunk, at last, "),
                None => "request ".to_owned(),
            };
            format!(
                "{which}of {}, SHA-256 {}",
                counted(size, "byte"),
                &digits[..DIGITS]
            )
        }
        Err(error) => format!("unreadable request: {error}"),
    }
}

/// Keeps a request. What goes wrong is logged: the task ends all the same.
fn keep(segment: &Segment, most: u32, task: &CrashingTask<'_>, request: &[u8], sha256: &str) {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let about = About {
        handler: handler_name(segment, task.handler()),
        codec: task.codec().name().to_owned(),
        attempts: task.attempts(),
        unix_ms: u64::try_from(since.unwrap_or_default().as_millis()).unwrap_or(u64::MAX),
        size: request.len() as u64,
        sha256: sha256.to_owned(),
    };
    match crate::quarantine::keep(segment.dir(), &about, request, (most, share(segment))) {
        Ok(true) => {}
        Ok(false) => tell_too_large(),
        Err(error) => tracing::warn!(
            event = "quarantine.not_kept",
            "a quarantined request can't be kept: {error}"
        ),
    }
}

/// Most bytes of all requests that are kept: a part of what the pool may take.
fn share(segment: &Segment) -> u64 {
    segment.geometry().segment_size / 8
}

fn tell_too_large() {
    tracing::warn!(
        event = "quarantine.not_kept",
        "a quarantined request is too large to be kept"
    );
}

/// Reports a task that has lost its worker at each of several attempts.
pub(crate) fn report(
    segment: &Segment,
    crash: &Crash,
    (worker, pid): (u32, Option<u32>),
    cause: &str,
) {
    if crash.attempts < 2 {
        return; // it may have been a bystander
    }
    let handler = handler_name(segment, crash.handler);
    let text = format!(
        "{QUARANTINED}{handler} lost its worker at each of {} attempts, {}; the last worker {cause}",
        crash.attempts, crash.note
    );
    let task = OfTask {
        worker,
        lane: crash.lane,
        handler: handler.into(),
        id: crash.task_id,
        attempt: crash.attempts,
        traceparent: None,
    };
    log_of_task!(
        error,
        "task.quarantined",
        task,
        pid,
        "{text}. The task is not tried again"
    );
    let attempts = [("attempts", crash.attempts.into())];
    let why = Some(("why", text.trim_start_matches(QUARANTINED)));
    lifecycle::publish(segment, Topic::TaskQuarantined, &attempts, why);
    let errors = errors(segment);
    let mut listed = errors
        .iter()
        .filter(|error| error.text.starts_with(QUARANTINED));
    // One that comes again counts up its line.
    let known = listed.clone().any(|error| text.starts_with(&error.text));
    if known || listed.nth(LISTED - 1).is_none() {
        log_error(segment, &text);
    } else {
        log_error(
            segment,
            "quarantined: more tasks than are listed here; the supervisor's log has them all",
        );
    }
}
