//! A pool for unit tests that is served by this process: a worker with one lane.

use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::{Lane, PoolConfig, PoolDir, Segment, WaitStrategy, WorkerEntry};
use std::sync::Arc;

/// The pool and its worker. What depends on another goes first.
pub(super) struct Served {
    pub(super) lane: Lane,
    _entry: WorkerEntry,
    pub(super) segment: Segment,
    pub(super) dir: PoolDir,
    _locks: SupervisorLocks,
    _folder: tempfile::TempDir,
}

/// A pool named `p`.
pub(super) fn served() -> Served {
    let folder = tempfile::tempdir().unwrap();
    let dir = PoolDir::below(&folder.path().join("base"), "p").unwrap();
    let (segment, locks) = Segment::create(&dir, &PoolConfig::default()).unwrap();
    segment.set_pool_state(PoolState::Serving);
    let attached = Arc::new(Segment::attach(&dir).unwrap());
    let entry = WorkerEntry::register(attached, None).unwrap();
    let lane = entry.lanes(1, WaitStrategy::Park).unwrap().pop().unwrap();
    Served {
        lane,
        _entry: entry,
        segment,
        dir,
        _locks: locks,
        _folder: folder,
    }
}
