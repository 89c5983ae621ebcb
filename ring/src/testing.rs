//! What tests, models and fuzzers need besides: raw words of a segment, which they damage and look
//! at, and short ways to what is hidden.
//!
//! No part of the interface: whatever needs a field for its work takes the accessor of its record.

use crate::Segment;
use crate::format::cause::Cause;
use crate::format::states::Codec;
use crate::format::words::{Published, Publisher, Word};
use crate::lane::permits;
use crate::os::sync::{AtomicU8, AtomicU32, AtomicU64};
use crate::queue::channels::{ChannelRing, NotSent};
use crate::reaper::{Reaped, reap_worker_noting};
use crate::records::Slot;
#[cfg(test)]
use crate::{
    client::Client,
    format::{config::PoolConfig, states::PoolState},
    lane::{entry::WorkerEntry, search::Lane},
    queue::wait::WaitStrategy,
    segment::{SupervisorLocks, paths::PoolDir},
};
use std::alloc::{GlobalAlloc, Layout, System};
#[cfg(test)]
use std::sync::Arc;
// The checkers' atomics would ask a model for each.
use std::sync::atomic::AtomicU64 as Count;

/// The words of a segment by their offsets.
pub trait RawWords {
    /// The atomic u64 at an offset; panics when that is outside or not aligned.
    fn raw64(&self, offset: usize) -> &AtomicU64;

    /// The atomic u32 at an offset; panics when that is outside or not aligned.
    fn raw32(&self, offset: usize) -> &AtomicU32;

    /// The atomic byte at an offset; panics when that is outside.
    fn raw8(&self, offset: usize) -> &AtomicU8;
}

impl RawWords for Segment {
    fn raw64(&self, offset: usize) -> &AtomicU64 {
        self.u64_at(offset)
    }

    fn raw32(&self, offset: usize) -> &AtomicU32 {
        self.u32_at(offset)
    }

    fn raw8(&self, offset: usize) -> &AtomicU8 {
        self.u8_at(offset)
    }
}

/// Sends a message of a channel as a sender does that is slow: `writing` is called while it writes.
///
/// # Errors
/// As [`ChannelRing::try_send`].
pub fn send_slowly(
    channel: ChannelRing<'_>,
    sender: Publisher,
    bytes: &[u8],
    writing: impl Fn(),
) -> Result<(), NotSent> {
    channel.send_while(sender, Codec::Bytes, bytes, writing)
}

/// The steps of a task, by themselves.
pub trait Steps {
    /// Publishes a task without any field, of one attempt.
    fn publish(self, generation: u64);

    /// QUEUED → CLAIMED by a lane, if a task waits.
    fn take(self, lane: u16) -> Option<Word>;

    /// CLAIMED → DONE.
    fn end(self, done: Word);
}

impl Steps for Slot<'_> {
    #[inline(always)]
    fn publish(self, generation: u64) {
        self.publish_release(Published::nothing(generation));
    }

    #[inline(always)]
    fn take(self, lane: u16) -> Option<Word> {
        self.claim(self.waiting()?, lane)
    }

    #[inline(always)]
    fn end(self, done: Word) {
        self.end_release(done);
    }
}

/// As [`reap_worker_noting`], without notes.
pub fn reap_worker(segment: &Segment, worker: u32, cause: Cause) -> Reaped {
    reap_worker_noting(segment, worker, cause, &mut |_| String::new())
}

/// Whether every permit that is taken belongs to a lane that is in use.
#[must_use]
pub fn permits_of_the_living(segment: &Segment) -> bool {
    permits::of_the_living(segment)
}

/// The system's allocator, which counts: the global one of a test that counts allocations.
#[derive(Debug, Default)]
pub struct CountingAllocator(Count);

impl CountingAllocator {
    /// One that has counted nothing.
    #[must_use]
    pub const fn new() -> Self {
        Self(Count::new(0))
    }

    /// How many were made, by all threads; a change of size counts as one.
    pub fn allocations(&self) -> u64 {
        self.0.load(std::sync::atomic::Ordering::Relaxed)
    }

    fn count(&self) {
        self.0.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    }
}

// SAFETY: each call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for CountingAllocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        self.count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        self.count();
        // SAFETY: as the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        self.count();
        // SAFETY: as the caller promises.
        unsafe { System.realloc(block, layout, size) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as the caller promises.
        unsafe { System.dealloc(block, layout) }
    }
}

/// A pool of one test's own, which takes tasks and has no worker.
#[cfg(test)]
pub(crate) struct SmallPool {
    pub(crate) dir: PoolDir,
    pub(crate) segment: Arc<Segment>,
    _locks: SupervisorLocks,
    _temp: tempfile::TempDir,
}

#[cfg(test)]
impl SmallPool {
    /// Two clients with 16 slots each, and handlers with so many permits.
    pub(crate) fn new(limits: &[(&str, u32)]) -> Self {
        let config = PoolConfig {
            clients: 2,
            slots: 16,
            limits: limits.len() as u32,
            segment_size: Some(8 << 20),
            ..PoolConfig::default()
        };
        let pool = Self::of(&config);
        permits::set(&pool.segment, limits);
        pool
    }

    pub(crate) fn of(config: &PoolConfig) -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = PoolDir::below(&temp.path().join("base"), "p").unwrap();
        let (segment, locks) = Segment::create(&dir, config).unwrap();
        segment.set_pool_state(PoolState::Serving);
        Self {
            dir,
            segment: Arc::new(segment),
            _locks: locks,
            _temp: temp,
        }
    }

    pub(crate) fn client(&self) -> Client {
        Client::connect(&self.dir).unwrap()
    }

    /// A worker in this entry, or in any.
    pub(crate) fn worker(
        &self,
        index: Option<u32>,
        lanes: u32,
        strategy: WaitStrategy,
    ) -> (WorkerEntry, Vec<Lane>) {
        let attached = Arc::new(Segment::attach(&self.dir).unwrap());
        let entry = WorkerEntry::register(attached, index).unwrap();
        let lanes = entry.lanes(lanes, strategy).unwrap();
        (entry, lanes)
    }
}
