//! Which task a line of the supervisor's is about, as a worker's lines say it of theirs.

use ringwork_ring::Segment;
use ringwork_ring::format::words::Word;
use ringwork_worker::log::OfTask;
use std::borrow::Cow;

/// The task of a slot, as it was seen.
pub(super) fn task_of(
    segment: &Segment,
    (worker, lane): (u32, u32),
    (slot, word): (u32, Word),
    handler: &str,
) -> OfTask {
    let fields = segment.slot(slot);
    OfTask {
        worker,
        lane,
        handler: Cow::Owned(handler.to_owned()),
        id: fields.task_id(slot, word),
        attempt: word.attempt() + 1,
        traceparent: fields.traceparent(),
    }
}

/// The process of a worker.
pub(super) fn pid_of(segment: &Segment, worker: u32) -> Option<u32> {
    let there = worker < segment.geometry().max_workers;
    there.then(|| segment.worker(worker).pid())
}
