//! A segment in /dev/shm for a bench, removed with it.
//!
//! The benches are in `benches/structures.rs`; `make bench SUITE=structures` runs them.

use ringwork_ring::format::states::PoolState;
use ringwork_ring::segment::SupervisorLocks;
use ringwork_ring::{Client, Lane, PoolConfig, PoolDir, Segment, WaitStrategy, WorkerEntry};
use std::error::Error;
use std::sync::Arc;
use tempfile::TempDir;

/// A pool that serves, without any process but this one.
#[derive(Debug)]
pub struct Pool {
    /// Its segment.
    pub segment: Segment,
    dir: PoolDir,
    _locks: SupervisorLocks,
    _temp: TempDir,
}

impl Pool {
    /// Makes it, with the default sizes.
    pub fn new() -> Result<Self, Box<dyn Error>> {
        let temp = tempfile::Builder::new()
            .prefix("ringwork-structures-")
            .tempdir_in("/dev/shm")?;
        let dir = PoolDir::below(&temp.path().join("pools"), "p")?;
        let (segment, locks) = Segment::create(&dir, &PoolConfig::default())?;
        segment.set_pool_state(PoolState::Serving);
        Ok(Self {
            segment,
            dir,
            _locks: locks,
            _temp: temp,
        })
    }

    /// A worker with one lane, and a client.
    pub fn sides(&self) -> Result<(WorkerEntry, Lane, Client), Box<dyn Error>> {
        let entry = WorkerEntry::register(Arc::new(Segment::attach(&self.dir)?), None)?;
        let mut lanes = entry.lanes(1, WaitStrategy::Adaptive)?;
        let lane = lanes.pop().ok_or("no lane")?;
        Ok((entry, lane, Client::connect(&self.dir)?))
    }
}
