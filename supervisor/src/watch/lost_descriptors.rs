//! Workers whose descriptors were closed under them.
//!
//! A handler that closes descriptors which are not its own (a wrong number, a
//! double close, a daemonising library) harms all that comes after it: numbers
//! are used again, so that a log line may end in somebody's file. Nothing tells
//! the worker, but the supervisor sees the end of its output while it lives. The
//! worker is asked to leave after its tasks, by its word in the segment, which
//! needs no descriptor; another takes its place. Its liveness lock holds
//! meanwhile (see `ringwork_ring::segment::liveness`).

use crate::crew::Crew;
use ringwork_ring::Segment;
use ringwork_ring::format::states::Leave;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_ring::segment::tables::log_error;
use std::time::Duration;

/// A process that ends closes its output a little before it is dead.
const PATIENCE: Duration = Duration::from_millis(500);

/// Asks the workers to leave that closed their output and live on.
pub(crate) fn replace(crew: &mut Crew, segment: &Segment) {
    for member in crew.members_mut().filter(|member| member.is_ready()) {
        let (worker, process) = (member.entry, &mut member.process);
        let closed = process.output_closed.take_if(|at| at.elapsed() > PATIENCE);
        if closed.is_none() {
            continue;
        }
        let text = "has closed its standard output and error: a handler that closes descriptors which are not its own?";
        log_error(segment, &format!("a worker {text}"));
        tracing::error!(
            event = "worker.lost_descriptors",
            worker,
            pid = process.id(),
            "worker {worker} {text} It leaves after its tasks, and another takes its place"
        );
        (member.leaving).get_or_insert_with(|| "it has lost its descriptors".to_owned());
        segment.worker(worker).set_leave(Leave::Asked);
        wake_all_lanes(segment);
    }
}
