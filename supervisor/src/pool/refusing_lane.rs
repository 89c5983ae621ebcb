//! The lane that answers when no worker does: in a crash storm every task is refused, not kept waiting.
//!
//! A thread of the supervisor joins its own pool as a worker of one lane, takes
//! tasks as any lane does and ends them as "no worker": so each still ends exactly
//! once, by the same transitions, and clients need to know nothing of storms.

use ringwork_ring::format::states::{LaneKind, Status};
use ringwork_ring::lane::claimed::Failure;
use ringwork_ring::queue::wait::wake_all_lanes;
use ringwork_ring::{Result, Segment, WaitStrategy, WorkerEntry};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// The thread; ends when dropped.
#[derive(Debug)]
pub(crate) struct RefusingLane {
    segment: Arc<Segment>,
    entry: u32,
    kind: LaneKind,
    leave: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl RefusingLane {
    /// Refuses all tasks for lanes of a kind from now on, with this reason.
    pub(crate) fn start(pool: &Segment, kind: LaneKind, why: &str) -> Result<Self> {
        // A mapping of its own: the supervisor's may go while the thread still looks at it.
        let segment = Arc::new(Segment::attach(pool.dir())?);
        let entry = WorkerEntry::register(Arc::clone(&segment), None)?;
        let index = entry.index();
        let mut lanes = entry.lane(kind, WaitStrategy::Park)?;
        let leave = Arc::new(AtomicBool::new(false));
        let (told, why) = (Arc::clone(&leave), why.to_owned());
        let thread = std::thread::Builder::new()
            .name("ringwork-refuse".into())
            .spawn(move || {
                for lane in &mut lanes {
                    while let Some(claimed) = lane.next(&told) {
                        claimed.fail(&Failure {
                            status: Status::NoWorker,
                            not_run: true,
                            code: "pool.not_ready",
                            location: "",
                            message: &why,
                        });
                    }
                }
                drop(lanes);
                entry.leave();
            })
            .map_err(ringwork_ring::RingError::io("cannot start a thread"))?;
        Ok(Self {
            segment,
            entry: index,
            kind,
            leave,
            thread: Some(thread),
        })
    }

    /// The lanes whose tasks it refuses.
    pub(crate) fn kind(&self) -> LaneKind {
        self.kind
    }

    /// Its entry in the worker table.
    pub(crate) fn entry(&self) -> u32 {
        self.entry
    }
}

impl Drop for RefusingLane {
    fn drop(&mut self) {
        // Relaxed: the wake that follows orders it.
        self.leave.store(true, Ordering::Relaxed);
        wake_all_lanes(&self.segment);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
