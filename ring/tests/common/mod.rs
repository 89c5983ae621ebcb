//! A pool without any process but the test's.

use ringwork_ring::client::Client;
use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::{ArenaClass, Lane, PoolConfig, PoolDir, Segment, WaitStrategy, WorkerEntry};
use std::sync::Arc;

pub struct Pool {
    pub segment: Arc<Segment>,
    pub dir: PoolDir,
    _locks: SupervisorLocks,
    _temp: tempfile::TempDir,
}

impl Pool {
    #[allow(dead_code, reason = "not used by each of the tests")]
    pub fn new(clients: u32, arena: Vec<ArenaClass>) -> Self {
        Self::of(PoolConfig::default().clients(clients).arena(arena), 16)
    }

    #[allow(dead_code, reason = "not used by each of the tests")]
    pub fn with_lanes(clients: u32, lanes: u32, arena: Vec<ArenaClass>) -> Self {
        let config = PoolConfig::default().clients(clients).arena(arena);
        Self::of(config.max_lanes(lanes), 16)
    }

    #[allow(dead_code, reason = "not used by each of the tests")]
    pub fn of(config: PoolConfig, slots: u32) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let config = config.slots(slots);
        let (segment, locks) = Segment::create(&dir, &config).unwrap();
        segment.set_pool_state(PoolState::Serving);
        Self {
            segment: Arc::new(segment),
            dir,
            _locks: locks,
            _temp: temp,
        }
    }

    #[allow(dead_code, reason = "not used by each of the tests")]
    pub fn worker(&self) -> (WorkerEntry, Lane) {
        let attached = Arc::new(Segment::attach(&self.dir).unwrap());
        let entry = WorkerEntry::register(attached, None).unwrap();
        let lane = entry
            .lanes(1, WaitStrategy::Adaptive)
            .unwrap()
            .pop()
            .unwrap();
        (entry, lane)
    }

    #[allow(dead_code, reason = "not used by each of the tests")]
    pub fn client(&self) -> Client {
        Client::connect(&self.dir).unwrap()
    }
}
