//! `ringwork submit -v`: how long a task was queued and ran, and where.

use crate::units::nanoseconds;
use ringwork_ring::Segment;
use ringwork_ring::os::clock::now_ns;
use ringwork_ring::segment::running::ended_task;
use serde_json::Value;
use std::fmt;

/// The times of a task that has just ended.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    queued_ns: u64,
    ran_ns: u64,
    worker: u32,
}

impl Times {
    /// Those of the task that this client had in a slot; none where no lane has claimed it.
    pub(super) fn of(segment: &Segment, slot: u32) -> Option<Self> {
        let task = ended_task(segment, slot)?;
        (task.lane < segment.geometry().max_lanes).then(|| Self {
            queued_ns: task.claimed_ns - task.submitted_ns,
            ran_ns: now_ns().saturating_sub(task.claimed_ns),
            worker: segment.lane(task.lane).word_acquire().worker(),
        })
    }

    /// Adds them to the JSON of the task's end.
    pub(super) fn add_to(self, object: &mut Value) {
        let milliseconds = |ns: u64| Value::from((ns / 1000) as f64 / 1e3);
        object["queued_ms"] = milliseconds(self.queued_ns);
        object["ran_ms"] = milliseconds(self.ran_ns);
        object["worker"] = self.worker.into();
    }
}

impl fmt::Display for Times {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (queued, ran) = (nanoseconds(self.queued_ns), nanoseconds(self.ran_ns));
        write!(f, "queued {queued}, ran {ran} on worker {}", self.worker)
    }
}
