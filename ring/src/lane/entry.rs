//! Entries of workers, their lanes and clients: taken under a lock, left, counted.
//!
//! Invariant: an entry is ACTIVE only while the lock file of its index was taken
//! by its process before; so ACTIVE with a free lock proves death (or an untidy leave).

use crate::error::{Result, RingError};
use crate::format::layout::*;
use crate::lane::search::Lane;
use crate::os::clock::now_ns;
use crate::os::sync::Ordering;
use crate::queue::wait::{Budget, WaitStrategy, set_bit, wake_all_lanes};
use crate::segment::Segment;
use crate::segment::liveness::LivenessLock;
use std::sync::Arc;

/// Packs the word of a client or worker entry.
pub(crate) const fn entry_word(generation: u64, state: u32) -> u64 {
    generation << 8 | state as u64
}

/// The state in an entry word (clients, workers and lanes).
#[must_use]
pub const fn entry_state(word: u64) -> u32 {
    (word & 0xff) as u32
}

/// Packs the word of a lane entry.
pub(crate) const fn lane_word(generation: u64, worker: u32, state: u32) -> u64 {
    generation << 24 | (worker as u64 & 0xffff) << 8 | state as u64
}

/// The worker index in a lane's word.
#[must_use]
pub const fn lane_worker(word: u64) -> u32 {
    (word >> 8 & 0xffff) as u32
}

/// The generation in a lane's word.
#[must_use]
pub(crate) const fn lane_generation(word: u64) -> u64 {
    word >> 24
}

/// How many of so many client entries, the last ones, are kept for the `ringwork` command: clients
/// of other kinds leave them alone, so that `submit` and `bench` work in a pool whose clients have
/// all others.
#[must_use]
pub fn command_entries(entries: u32) -> u32 {
    (entries / ENTRIES_A_COMMAND).min(COMMAND_ENTRIES_MOST)
}

/// The client entries of a pool for so many clients, with those that are kept for the command
/// beside them: one for each four clients, at most four.
#[must_use]
pub fn client_entries(clients: u32) -> u32 {
    clients.saturating_add((clients / (ENTRIES_A_COMMAND - 1)).min(COMMAND_ENTRIES_MOST))
}

/// Takes a FREE entry under its lock: the lock, and the new entry word to store as ACTIVE.
pub(crate) fn take_entry(
    segment: &Segment,
    at: usize,
    lock: &std::path::Path,
) -> Result<Option<(LivenessLock, u64)>> {
    let word = segment.u64_at(at);
    if entry_state(word.load(Ordering::Acquire)) != ENTRY_FREE {
        return Ok(None);
    }
    let Some(held) = LivenessLock::try_acquire(lock)? else {
        return Ok(None);
    };
    failpoint!("entry.locked");
    // Under the lock only a reaper changes the word, and a reaper leaves FREE alone.
    let seen = word.load(Ordering::Acquire);
    if entry_state(seen) != ENTRY_FREE {
        return Ok(None);
    }
    Ok(Some((held, entry_word((seen >> 8) + 1, ENTRY_ACTIVE))))
}

/// A worker process's entry and its lanes' registration.
#[derive(Debug)]
pub struct WorkerEntry {
    segment: Arc<Segment>,
    index: u32,
    word: u64,
    lock: Arc<LivenessLock>,
}

impl WorkerEntry {
    /// Takes the entry `index`, or the first free one.
    pub fn register(segment: Arc<Segment>, index: Option<u32>) -> Result<Self> {
        crate::os::sync::cores();
        let count = segment.geometry().max_workers;
        let candidates = match index {
            Some(index) if index < count => index..index + 1,
            Some(index) => {
                return Err(RingError::Config(format!(
                    "worker index {index} of {count}"
                )));
            }
            None => 0..count,
        };
        for index in candidates {
            let at = segment.worker_at(index);
            let lock = segment.dir().worker_lock(segment.epoch(), index);
            if let Some((lock, word)) = take_entry(&segment, at + WORKER_WORD, &lock)? {
                segment
                    .u32_at(at + WORKER_PID)
                    .store(std::process::id(), Ordering::Relaxed);
                segment
                    .u32_at(at + WORKER_LANES)
                    .store(0, Ordering::Relaxed);
                segment
                    .u32_at(at + WORKER_LEAVE)
                    .store(0, Ordering::Relaxed);
                segment
                    .u64_at(at + WORKER_STARTED_NS)
                    .store(now_ns(), Ordering::Relaxed);
                failpoint!("worker.filled");
                segment
                    .u64_at(at + WORKER_WORD)
                    .store(word, Ordering::Release);
                failpoint!("worker.active");
                return Ok(Self {
                    segment,
                    index,
                    word,
                    lock: Arc::new(lock),
                });
            }
        }
        Err(RingError::TableFull {
            what: "worker",
            count,
            option: "--max-workers",
        })
    }

    /// Registers `count` lanes of this worker; with the last one the worker counts as ready.
    pub fn lanes(&self, count: u32, strategy: WaitStrategy) -> Result<Vec<Lane>> {
        let mut lanes = Vec::new();
        for index in 0..self.segment.geometry().max_lanes {
            if lanes.len() as u32 == count {
                break;
            }
            let at = self.segment.lane_at(index);
            let word = self.segment.u64_at(at + LANE_WORD);
            let seen = word.load(Ordering::Acquire);
            let active = lane_word(lane_generation(seen) + 1, self.index, ENTRY_ACTIVE);
            if entry_state(seen) == ENTRY_FREE
                && word
                    .compare_exchange(seen, active, Ordering::AcqRel, Ordering::Relaxed)
                    .is_ok()
            {
                failpoint!("lane.registered");
                // What the lane's life before was told is not for an attempt that it runs again.
                // Relaxed: read by the lane's own thread, which starts after this.
                self.segment
                    .u64_at(at + LANE_OVER)
                    .store(0, Ordering::Relaxed);
                let budget = Budget::of(strategy, count as usize + 1);
                lanes.push(Lane::new(
                    Arc::clone(&self.segment),
                    index,
                    self.index,
                    Arc::clone(&self.lock),
                    budget,
                ));
            }
        }
        if (lanes.len() as u32) < count {
            self.release_lanes();
            let count = self.segment.geometry().max_lanes;
            return Err(RingError::TableFull {
                what: "lane",
                count,
                option: "--max-lanes",
            });
        }
        self.segment
            .u32_at(self.segment.worker_at(self.index) + WORKER_LANES)
            .store(count, Ordering::Release);
        failpoint!("worker.ready");
        Ok(lanes)
    }

    /// The entry's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// Says that this worker has run its number of tasks: its lanes leave after the current ones.
    pub fn retire(&self) {
        // pairs with the loads in `Lane::must_leave`, which need no order; the wake has its own.
        self.segment
            .u32_at(self.segment.worker_at(self.index) + WORKER_LEAVE)
            .store(LEAVE_QUOTA, Ordering::Relaxed);
        failpoint!("leave.quota");
        wake_all_lanes(&self.segment);
    }

    fn release_lanes(&self) {
        for index in 0..self.segment.geometry().max_lanes {
            let word = self.segment.u64_at(self.segment.lane_at(index) + LANE_WORD);
            let seen = word.load(Ordering::Acquire);
            if entry_state(seen) == ENTRY_ACTIVE && lane_worker(seen) == self.index {
                set_bit(&self.segment, H_IDLE, index, false);
                set_bit(&self.segment, H_SEARCHING, index, false);
                failpoint!("leave.lane_cleared");
                word.store(
                    lane_word(lane_generation(seen), 0, ENTRY_FREE),
                    Ordering::Release,
                );
                failpoint!("leave.lane_free");
            }
        }
    }

    /// Leaves in order: call when every lane is dropped. Otherwise, and when the entry is
    /// just dropped, it looks like a death once the last lane is gone; the reaper sees to it.
    pub fn leave(self) {
        if Arc::strong_count(&self.lock) > 1 {
            return; // a lane lives, and may hold a task
        }
        self.release_lanes();
        self.segment
            .u64_at(self.segment.worker_at(self.index) + WORKER_WORD)
            .store(entry_word(self.word >> 8, ENTRY_FREE), Ordering::Release);
        failpoint!("leave.worker_free");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_entries_kept_for_commands_follow_from_the_size_of_the_table() {
        for clients in 1..2000 {
            let entries = client_entries(clients);
            assert_eq!(entries - command_entries(entries), clients);
        }
        let kept = [1, 3, 4, 8, 16, 1024].map(|clients| client_entries(clients) - clients);
        assert_eq!(kept, [0, 0, 1, 2, 4, 4]);
    }
}
