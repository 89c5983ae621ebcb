//! Entries of workers, their lanes and clients: taken under a lock, left, counted.
//!
//! Invariant: an entry is ACTIVE only while the lock file of its index was taken
//! by its process before; so ACTIVE with a free lock proves death (or an untidy leave).

use crate::error::{Result, RingError};
use crate::format::layout::{ENTRIES_A_COMMAND, MAX_COMMAND_ENTRIES};
use crate::format::states::{EntryState, LaneKind, Leave};
use crate::format::words::{EntryWord, LaneWord, Publisher};
use crate::lane::claimed::claim::Shard;
use crate::lane::search::Lane;
use crate::os::clock::now_ns;
use crate::os::program::program_name;
use crate::os::sync::{AtomicU64, Ordering};
use crate::queue::wait::{Budget, WaitStrategy, set_bit, wake_all_lanes};
use crate::records::LaneMask;
use crate::segment::Segment;
use crate::segment::liveness::LivenessLock;
use std::sync::Arc;

/// How many of so many client entries, the last ones, are kept for the `ringwork` command: clients
/// of other kinds leave them alone, so that `submit` and `bench` work in a pool whose clients have
/// all others.
#[must_use]
pub fn command_entries(entries: u32) -> u32 {
    (entries / ENTRIES_A_COMMAND).min(MAX_COMMAND_ENTRIES)
}

/// The client entries of a pool for so many clients, with those that are kept for the command
/// beside them: one for each four clients, at most two.
#[must_use]
pub fn client_entries(clients: u32) -> u32 {
    clients.saturating_add((clients / (ENTRIES_A_COMMAND - 1)).min(MAX_COMMAND_ENTRIES))
}

/// Takes a FREE entry under its lock: the lock, and the new entry word to store as ACTIVE.
pub(crate) fn take_entry(
    word: &AtomicU64,
    lock: &std::path::Path,
) -> Result<Option<(LivenessLock, EntryWord)>> {
    let read = || EntryWord(word.load(Ordering::Acquire));
    if !read().is_free() {
        return Ok(None);
    }
    let Some(held) = LivenessLock::try_acquire(lock)? else {
        return Ok(None);
    };
    failpoint!("entry.locked");
    // Under the lock only a reaper changes the word, and a reaper leaves FREE alone.
    let seen = read();
    if !seen.is_free() {
        return Ok(None);
    }
    let taken = EntryWord::new(seen.generation() + 1, EntryState::Active);
    Ok(Some((held, taken)))
}

/// A worker process's entry and its lanes' registration.
#[derive(Debug)]
pub struct WorkerEntry {
    segment: Arc<Segment>,
    index: u32,
    word: EntryWord,
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
            let lock = segment.dir().worker_lock(segment.epoch(), index);
            let record = segment.worker(index);
            if let Some((lock, word)) = take_entry(record.life(), &lock)? {
                let version = env!("CARGO_PKG_VERSION");
                record.fill(std::process::id(), &program_name(), version, now_ns());
                failpoint!("worker.filled");
                record.store_word_release(word);
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
        self.take_lanes(count, (LaneKind::Cpu, count), strategy)
    }

    /// Registers a lane of a kind for a worker that has no other.
    ///
    /// # Errors
    /// [`RingError::TableFull`] when no entry is free.
    pub fn lane(&self, kind: LaneKind, strategy: WaitStrategy) -> Result<Vec<Lane>> {
        self.take_lanes(1, (kind, 1), strategy)
    }

    /// As [`Self::lanes`], of a kind, with so many shards beside them, for tasks that go on without
    /// a lane.
    ///
    /// # Errors
    /// [`RingError::TableFull`] when there are too few free entries for both.
    pub fn lanes_and_shards(
        &self,
        (kind, count): (LaneKind, u32),
        shards: u32,
        strategy: WaitStrategy,
    ) -> Result<(Vec<Lane>, Vec<Arc<Shard>>)> {
        let all = count.saturating_add(shards);
        let mut lanes = self.take_lanes(all, (kind, count), strategy)?;
        let shards = lanes.split_off(count as usize);
        let bell = shards.first().map(Lane::index);
        for lane in &lanes {
            self.segment.lane(lane.index()).set_bell(bell);
        }
        Ok((lanes, shards.into_iter().map(Shard::new).collect()))
    }

    fn take_lanes(
        &self,
        count: u32,
        (kind, spinners): (LaneKind, u32),
        strategy: WaitStrategy,
    ) -> Result<Vec<Lane>> {
        let mut lanes = Vec::new();
        for index in 0..self.segment.geometry().max_lanes {
            if lanes.len() as u32 == count {
                break;
            }
            let record = self.segment.lane(index);
            let seen = record.word_acquire();
            let active = LaneWord::new(seen.generation() + 1, self.index, EntryState::Active);
            if seen.is_free() && record.take(seen, active) {
                failpoint!("lane.registered");
                // What the lane's life before was told is not for an attempt that it runs again.
                // Relaxed: read by the lane's own thread, which starts after this.
                record.forget_give_up();
                record.forget_claims();
                record.set_bell(None);
                record.set_kind(kind);
                let budget = Budget::of(strategy, spinners as usize + 1);
                lanes.push(Lane::new(
                    Arc::clone(&self.segment),
                    index,
                    self.index,
                    Arc::clone(&self.lock),
                    (kind, budget),
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
        self.segment.worker(self.index).set_lanes_release(count);
        failpoint!("worker.ready");
        Ok(lanes)
    }

    /// The entry's index.
    #[must_use]
    pub fn index(&self) -> u32 {
        self.index
    }

    /// This worker as a publisher of events.
    #[must_use]
    pub fn publisher(&self) -> Publisher {
        Publisher::Worker(self.index)
    }

    /// The version of its program, for people, in place of Ringwork's: before it has lanes.
    pub fn set_version(&self, version: &str) {
        self.segment.worker(self.index).set_version(version);
    }

    /// Says that this worker has run its number of tasks: its lanes leave after the current ones.
    pub fn retire(&self) {
        self.segment.worker(self.index).set_leave(Leave::Quota);
        failpoint!("leave.quota");
        wake_all_lanes(&self.segment);
    }

    fn release_lanes(&self) {
        for index in 0..self.segment.geometry().max_lanes {
            let record = self.segment.lane(index);
            let seen = record.word_acquire();
            if seen.is_active() && seen.worker() == self.index {
                for mask in LaneMask::ALL {
                    set_bit(&self.segment, mask, index, false);
                }
                failpoint!("leave.lane_cleared");
                record.store_word_release(LaneWord::new(seen.generation(), 0, EntryState::Free));
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
            .worker(self.index)
            .store_word_release(self.word.with(EntryState::Free));
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
        assert_eq!(kept, [0, 0, 1, 2, 2, 2]);
    }
}
